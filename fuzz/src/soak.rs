//! A corpus again and again in one process, without libFuzzer, whose own memory grows: whether
//! what is left takes more and more.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::Run;
use crate::functions::CALLS;
use crate::leak;

/// Bytes of memory of the process that may be more at the end than after a third of the time.
const ROOM: u64 = 8 << 20;

pub fn run(one: Run, seconds: u64, folder: &str) -> ExitCode {
    let entries = std::fs::read_dir(Path::new(folder)).expect("a folder of inputs");
    let mut inputs: Vec<Vec<u8>> =
        entries.flatten().filter_map(|entry| std::fs::read(entry.path()).ok()).collect();
    assert!(!inputs.is_empty(), "no inputs in {folder}");
    inputs.sort();
    let begin = Instant::now();
    let whole = Duration::from_secs(seconds);
    let (mut runs, mut warm) = (0_u64, None);
    while begin.elapsed() < whole {
        for input in &inputs {
            one(&varied(input, runs));
            runs += 1;
        }
        if warm.is_none() && begin.elapsed() > whole / 3 {
            warm = Some(leak::figures());
        }
    }
    let ((early, early_pages), (late, late_pages)) =
        (warm.unwrap_or_else(leak::figures), leak::figures());
    let calls = CALLS.load(Ordering::Relaxed);
    eprintln!("soak: {runs} runs, {calls} C calls");
    eprintln!("soak: {early} bytes out after a third, {late} at the end");
    eprintln!("soak: {early_pages} bytes resident after a third, {late_pages} at the end");
    match late_pages.saturating_sub(early_pages) {
        0..=ROOM => ExitCode::SUCCESS,
        more => {
            eprintln!("soak: memory grew by {more} bytes");
            ExitCode::FAILURE
        }
    }
}

/// One byte of the input changed, another one each time.
fn varied(input: &[u8], run: u64) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let dice = (run + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    if !bytes.is_empty() {
        let at = (dice >> 16) as usize % bytes.len();
        bytes[at] = dice as u8;
    }
    bytes
}
