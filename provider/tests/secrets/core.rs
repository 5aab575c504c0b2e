//! The core of a process: made by the kernel where it writes cores as plain files, else by gdb.

use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a process left, and what it said before.
pub struct Core {
    pub bytes: Vec<u8>,
    pub said: String,
    /// Where in the file which addresses are.
    segments: Vec<(Range<usize>, usize)>,
}

/// Who writes cores.
#[derive(Clone, Copy, Debug)]
pub enum Writer {
    Kernel,
    Gdb,
}

impl Writer {
    /// The kernel, if it writes into the working directory.
    pub fn present() -> Self {
        let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let limit = limits.lines().find(|line| line.starts_with("Max core file size"));
        let unlimited = limit.and_then(|line| line.split_whitespace().nth(5)) == Some("unlimited");
        match unlimited && pattern.starts_with("core") {
            true => Self::Kernel,
            false => Self::Gdb,
        }
    }
}

impl Core {
    /// Runs a program until a moment when it says `here`, and takes its core. Its last arguments
    /// are what to do then, `abort` or `wait`, and the moment.
    pub fn of(program: &mut Command, moment: &str, writer: Writer, folder: &Path) -> Self {
        let how = match writer {
            Writer::Kernel => "abort",
            Writer::Gdb => "wait",
        };
        let mut child = program
            .args([how, moment])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut said = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        while !said.ends_with("\nhere\n") {
            let more = output.read_line(&mut said).expect("a line");
            assert!(more > 0, "{:?}: {said}", child.wait());
        }
        if let Writer::Gdb = writer {
            let id = child.id().to_string();
            let commands = ["-ex", "set use-coredump-filter on", "-ex", "generate-core-file core"];
            let mut gdb = Command::new("gdb");
            gdb.args(["-nx", "-batch", "-p", &id]).args(commands).current_dir(folder);
            let told = gdb.output().expect("gdb starts: ./test.sh installs it");
            child.kill().expect("the process is there");
            assert!(folder.join("core").exists(), "no core: {told:?}");
        }
        let ended = child.wait().expect("it ends");
        assert!(ended.signal().is_some(), "{ended:?}: {said}");
        Self::read(folder, said)
    }

    fn read(folder: &Path, said: String) -> Self {
        let mut names =
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("one").path());
        let is_core = |path: &std::path::PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("core"))
        };
        let path = names.find(is_core).expect("a core");
        let bytes = fs::read(&path).expect("the core reads");
        fs::remove_file(&path).expect("the core goes");
        let segments = segments(&bytes);
        Self { bytes, said, segments }
    }

    /// The address of what is at this place of the file; `None` for registers and the like.
    pub fn address(&self, offset: usize) -> Option<usize> {
        let (range, address) = self.segments.iter().find(|(range, _)| range.contains(&offset))?;
        Some(address + (offset - range.start))
    }

    /// What the process had at an address.
    pub fn name(&self, address: usize) -> &str {
        let maps = self.said.lines().filter_map(|line| line.strip_prefix("map "));
        let around = |line: &&str| range(line).is_some_and(|range| range.contains(&address));
        let line = { maps }.find(around).unwrap_or("unknown");
        line.split_whitespace().nth(5).unwrap_or("anonymous memory")
    }
}

/// `1000-2000 ...` as a range of addresses.
pub fn range(text: &str) -> Option<Range<usize>> {
    let (from, to) = text.split_whitespace().next()?.split_once('-')?;
    let number = |text| usize::from_str_radix(text, 16).ok();
    Some(number(from)?..number(to)?)
}

/// The loaded segments of a core (ELF-64, little-endian): their place in the file, their address.
fn segments(core: &[u8]) -> Vec<(Range<usize>, usize)> {
    const PT_LOAD: usize = 1;
    assert_eq!(&core[..6], b"\x7fELF\x02\x01", "a core of 64 bits");
    let number = |at: usize, size: usize| {
        core[at..at + size].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let (first, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    let headers = (0..count).map(|n| first + n * size).filter(|at| number(*at, 4) == PT_LOAD);
    headers
        .map(|at| {
            let (offset, address, length) =
                (number(at + 8, 8), number(at + 16, 8), number(at + 32, 8));
            (offset..offset + length, address)
        })
        .collect()
}
