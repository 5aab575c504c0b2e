//! The clock of this machine.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::time::Timestamp;
use crate::port::Clock;

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix(since.as_secs())
    }
}
