//! The time of day, as cheap as the system gives it.

/// Seconds since 1970, UTC, a few milliseconds late at most: no system call where the kernel maps
/// its clock into the process.
pub fn seconds() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is writable. The clock exists since Linux 2.6.32, so the call does not fail.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut now) };
    u64::try_from(now.tv_sec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_coarse_clock_tells_the_time_of_the_fine_one() {
        let fine = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
        assert!(super::seconds().abs_diff(fine) <= 1);
    }
}
