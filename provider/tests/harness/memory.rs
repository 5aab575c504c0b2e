//! What this process holds: memory, descriptors, mappings, threads.

use std::fs;

/// Counts of a moment, the module's and the test's together.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Bytes of the C library's heap that are given out; zero-filled pages behind them count.
    pub allocated: u64,
    /// Bytes of memory that is locked: whole blocks of the module's arenas.
    pub locked: u64,
    /// Bytes of memory in RAM.
    pub resident: u64,
    pub descriptors: u64,
    pub mappings: u64,
    pub threads: u64,
}

impl Usage {
    pub fn now() -> Self {
        // SAFETY: takes nothing, and gives counters of the C library.
        let heap = unsafe { libc::mallinfo2() };
        let status = fs::read_to_string("/proc/self/status").expect("the status");
        let maps = fs::read_to_string("/proc/self/maps").expect("the mappings");
        let descriptors = fs::read_dir("/proc/self/fd").expect("the descriptors").count();
        Self {
            allocated: (heap.uordblks + heap.hblkhd) as u64,
            locked: number(&status, "VmLck:") << 10,
            resident: number(&status, "VmRSS:") << 10,
            descriptors: descriptors as u64,
            mappings: maps.lines().count() as u64,
            threads: number(&status, "Threads:"),
        }
    }
}

/// The number behind a name in `/proc/self/status`.
pub fn number(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
