//! How far a long job is, on a terminal only.

use std::io::{self, IsTerminal, Read};

use indicatif::{ProgressBar, ProgressStyle};

use super::file::Input;

/// Shorter input is done before a bar could be read.
const WORTH_A_BAR: u64 = 16 << 20;

/// Input that moves a bar on standard error, where that is a terminal.
pub(super) struct Watched {
    reader: Box<dyn Read>,
    bar: ProgressBar,
}

impl Watched {
    /// Watches input.
    pub fn new(input: Input) -> Self {
        let bar = match input.length {
            Some(length) if length >= WORTH_A_BAR && io::stderr().is_terminal() => {
                ProgressBar::new(length).with_style(style())
            }
            _ => ProgressBar::hidden(),
        };
        Self { reader: input.reader, bar }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:32} {bytes}/{total_bytes}  {bytes_per_sec}  {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.bar.inc(count as u64);
        Ok(count)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
