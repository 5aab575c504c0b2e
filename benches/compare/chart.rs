//! The table of operations as a picture: how many times faster we are than each other contender.

use std::fmt::Write;

use crate::operations::Row;

const COLOURS: [&str; 4] = ["#4878a8", "#d98b3a", "#8c6bb1", "#7a9a4a"];
/// Pixels: the names of the rows, a factor of ten, a bar, a row's margin.
const LEFT: f64 = 290.0;
const DECADE: f64 = 170.0;
const BAR: f64 = 11.0;
const MARGIN: f64 = 7.0;

/// An SVG with a group of bars for each row, on a logarithmic scale from one half to 500 times.
pub fn draw(names: &[&str], rows: &[Row]) -> String {
    let others = names.len() - 1;
    let height = others as f64 * BAR + MARGIN;
    let bottom = 50.0 + rows.len() as f64 * height;
    let x = |ratio: f64| LEFT + (ratio.clamp(0.5, 500.0) / 0.5).log10() * DECADE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" \
         fill=\"white\"/>\n",
        x(500.0) + 60.0,
        bottom + 30.0
    );
    for (i, name) in names[1..].iter().enumerate() {
        let at = 20.0 + i as f64 * 210.0;
        let colour = COLOURS[i];
        let _ = writeln!(
            svg,
            "<rect x=\"{at}\" y=\"12\" width=\"11\" height=\"11\" fill=\"{colour}\"/>"
        );
        let _ = writeln!(svg, "<text x=\"{}\" y=\"22\">times {name}'s speed</text>", at + 16.0);
    }
    for tick in [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0] {
        let (at, colour) = (x(tick), if tick == 1.0 { "#333" } else { "#ddd" });
        let _ = writeln!(
            svg,
            "<line x1=\"{at:.1}\" y1=\"38\" x2=\"{at:.1}\" y2=\"{bottom:.1}\" stroke=\"{colour}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick}</text>",
            bottom + 16.0
        );
    }
    for (i, row) in rows.iter().enumerate() {
        let top = 44.0 + i as f64 * height;
        let middle = top + others as f64 * BAR / 2.0 + 4.0;
        let what = &row.what;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{what}</text>",
            LEFT - 8.0
        );
        for (other, colour) in COLOURS.into_iter().enumerate().take(others) {
            let Some(ratio) = row.ratio(other + 1) else { continue };
            let (from, to) = (x(ratio.min(1.0)), x(ratio.max(1.0)));
            let _ = writeln!(
                svg,
                "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{}\" fill=\"{}\"/>",
                top + other as f64 * BAR,
                (to - from).max(1.0),
                BAR - 1.0,
                colour
            );
        }
    }
    svg + "</svg>\n"
}
