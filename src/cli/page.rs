//! What people read: lines, fields, tables; colours on a terminal only.

use std::fmt::Display;
use std::io::{self, IsTerminal};

use clap::builder::styling::{AnsiColor, Effects, Style};

/// Text for standard output, and warnings for standard error.
#[derive(Debug, Default)]
pub(super) struct Page {
    output: String,
    warnings: Vec<String>,
    coloured: bool,
}

/// Columns under a header, as wide as what stands in them. The last one is not filled up.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
}

/// One field of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Page {
    /// A page for standard output: coloured if that is a terminal, and as NO_COLOR (no-color.org)
    /// and CLICOLOR_FORCE (bixense.com/clicolors) ask for.
    pub fn for_terminal() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let coloured = match (variable("NO_COLOR"), variable("CLICOLOR_FORCE")) {
            (Some(_), _) => false,
            (None, Some(force)) if force != "0" => true,
            _ => io::stdout().is_terminal() && variable("TERM").is_some_and(|term| term != "dumb"),
        };
        Self { coloured, ..Self::default() }
    }

    /// A line.
    pub fn line(&mut self, line: impl Display) {
        self.output.push_str(&format!("{line}\n"));
    }

    /// A line for standard error.
    pub fn warning(&mut self, line: impl Display) {
        self.warnings.push(line.to_string());
    }

    /// A name and its value, the values one below the other.
    pub fn field(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name:<13} {value}"));
    }

    /// As [`Self::field`], if there is a value.
    pub fn field_if(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        let widths = table.widths();
        for row in &table.rows {
            let mut line = String::new();
            for (at, cell) in row.iter().enumerate() {
                line.push_str(&self.painted(cell));
                if at + 1 < row.len() {
                    let fill = widths[at] - cell.width() + Table::GAP;
                    line.extend(std::iter::repeat_n(' ', fill));
                }
            }
            self.line(line.trim_end());
        }
    }

    /// The text of a cell, in its colour.
    pub fn painted(&self, cell: &Cell) -> String {
        match self.coloured && cell.style != Style::new() {
            true => format!("{}{}{:#}", cell.style, cell.text, cell.style),
            false => cell.text.clone(),
        }
    }

    /// What standard output gets.
    pub fn output(&self) -> &str {
        &self.output
    }

    /// What standard error gets.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl Table {
    /// Space between two columns.
    const GAP: usize = 2;

    /// A table of these columns, without rows yet.
    pub fn new(header: &[&str]) -> Self {
        let bold = Style::new().effects(Effects::BOLD);
        let title = |name: &&str| Cell { text: (*name).to_owned(), style: bold };
        Self { rows: vec![header.iter().map(title).collect()] }
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |at| self.rows.iter().filter_map(|row| row.get(at)).map(Cell::width).max();
        (0..columns).map(|at| width(at).unwrap_or(0)).collect()
    }
}

impl Cell {
    /// Any text.
    pub fn new(text: impl Display) -> Self {
        Self { text: text.to_string(), style: Style::new() }
    }

    /// Text that may be missing.
    pub fn or_dash(text: Option<impl Display>) -> Self {
        text.map_or_else(|| Self::new("-"), Self::new)
    }

    /// A state or a verdict: good ones are green, doubtful ones yellow, bad ones red.
    pub fn state(text: impl Display) -> Self {
        let text = text.to_string();
        let colour = match text.as_str() {
            "active" | "valid" | "ok" | "imported" => Some(AnsiColor::Green),
            "suspended" | "pre-active" | "expired" | "note" => Some(AnsiColor::Yellow),
            "compromised" | "revoked" | "BAD" | "refused" => Some(AnsiColor::Red),
            _ => None,
        };
        let style = colour.map_or(Style::new(), |colour| colour.on_default());
        Self { text, style }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["NAME", "STATE", "OWNER"]);
        table.row([Cell::new("käse"), Cell::state("active"), Cell::new("")]);
        table.row([Cell::new("backup-of-all"), Cell::state("compromised"), Cell::new("me")]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_characters() {
        let mut page = Page::default();
        page.table(&table());
        let expected = "NAME           STATE        OWNER\n\
                        käse           active\n\
                        backup-of-all  compromised  me\n";
        assert_eq!(page.output(), expected);
    }

    #[test]
    fn colours_do_not_move_columns() {
        let mut page = Page { coloured: true, ..Page::default() };
        page.table(&table());
        assert!(page.output().contains("\x1b[32mactive\x1b[0m"), "{:?}", page.output());
        assert!(page.output().contains("\x1b[31mcompromised\x1b[0m  me"), "{:?}", page.output());
        let mut plain = page.output().to_owned();
        for code in ["\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m"] {
            plain = plain.replace(code, "");
        }
        let mut without = Page::default();
        without.table(&table());
        let plain: Vec<&str> = plain.lines().map(str::trim_end).collect();
        assert_eq!(plain, without.output().lines().collect::<Vec<_>>());
    }
}
