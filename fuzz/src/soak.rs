//! A corpus again and again in one process, without libFuzzer, whose own memory grows: whether
//! what is left takes more and more.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::Run;
use crate::functions::CALLS;
use crate::leak::Figures;

/// Bytes of memory of the process that may be more at the end than after a third of the time, apart
/// from what C_Initialize leaves.
const ROOM: i64 = 8 << 20;

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
            warm = Some(Figures::now());
        }
    }
    let late = Figures::now();
    let early = warm.unwrap_or(late);
    let calls = CALLS.load(Ordering::Relaxed);
    eprintln!("soak: {runs} runs, {calls} C calls");
    for (when, at) in [("after a third", early), ("at the end", late)] {
        let Figures { out, resident, modules } = at;
        eprintln!(
            "soak: {when} {out} bytes out, {resident} resident, {modules} times C_Initialize"
        );
    }
    let more = late.resident - early.resident - early.left_on_purpose(late);
    if more > ROOM {
        eprintln!("soak: memory grew by {more} bytes that C_Initialize does not explain");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
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
