//! The user's limits and the machine's clock.

use std::time::{Duration, SystemTime};

use rustix::process::{Resource, getrlimit};

use super::{Finding, bad, good, noted};

/// Locked memory that the secrets of a program with some hundred keys need, in bytes.
const LOCKED_MIN: u64 = 1 << 20;
/// No clock that goes is before this program was written: 2025-01-01.
const EARLIEST: Duration = Duration::from_secs(1_735_689_600);

pub(super) fn examine() -> Vec<Finding> {
    vec![locked_memory(getrlimit(Resource::Memlock).current), clock(SystemTime::now())]
}

/// `None` is no limit.
fn locked_memory(limit: Option<u64>) -> Finding {
    match limit {
        Some(limit) if limit < LOCKED_MIN => noted(format!(
            "only {} KiB can be locked in memory: secrets beyond it may be swapped out",
            limit >> 10
        ))
        .advice("raise it: `ulimit -l 8192`, or LimitMEMLOCK=8M in the service's unit"),
        Some(limit) => good(format!("{} KiB can be locked in memory", limit >> 10)),
        None => good("memory can be locked without limit"),
    }
}

fn clock(now: SystemTime) -> Finding {
    match now.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) if since >= EARLIEST => good("the clock goes"),
        _ => bad("the clock is years behind: keys with dates will be refused, or not")
            .command("sudo timedatectl set-ntp true"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Health;

    #[test]
    fn little_locked_memory_is_noted() {
        assert_eq!(locked_memory(Some(64 << 10)).health, Health::Noted);
        assert_eq!(locked_memory(Some(8 << 20)).health, Health::Good);
        assert_eq!(locked_memory(None).health, Health::Good);
    }

    #[test]
    fn a_clock_that_was_reset_is_bad() {
        assert_eq!(clock(SystemTime::UNIX_EPOCH).health, Health::Bad);
        assert_eq!(clock(SystemTime::now()).health, Health::Good);
    }
}
