//! Leaves a token alone that keeps failing, so that it does not slow every caller.

use std::time::{Duration, Instant};

/// The first pause; each failure after it doubles it, up to the longest.
const FIRST: Duration = Duration::from_millis(500);

/// Counts failures in a row.
pub(super) struct Breaker {
    allowed: u32,
    longest: Duration,
    failures: u32,
    until: Option<Instant>,
}

impl Breaker {
    /// Open after `allowed` failures in a row, for `longest` at most.
    pub(super) fn new(allowed: u32, longest: Duration) -> Self {
        Self { allowed: allowed.max(1), longest, failures: 0, until: None }
    }

    /// Whether to try.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn admit(&self) -> Result<(), Duration> {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        match left {
            Some(left) if !left.is_zero() => Err(left),
            _ => Ok(()),
        }
    }

    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        if let Some(over) = self.failures.checked_sub(self.allowed) {
            let pause = FIRST.saturating_mul(1 << over.min(16)).min(self.longest);
            self.until = Some(Instant::now() + pause);
        }
    }

    pub(super) fn fine(&mut self) {
        self.failures = 0;
        self.until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_after_a_success() {
        let mut breaker = Breaker::new(3, Duration::from_secs(60));
        breaker.failed();
        breaker.failed();
        assert!(breaker.admit().is_ok());
        breaker.fine();
        breaker.failed();
        breaker.failed();
        assert!(breaker.admit().is_ok());
        breaker.failed();
        assert!(breaker.admit().is_err_and(|left| left <= FIRST));
        (0..20).for_each(|_| breaker.failed());
        let left = breaker.admit().unwrap_err();
        assert!(left > FIRST && left <= Duration::from_secs(60));
        breaker.fine();
        assert!(breaker.admit().is_ok());
    }
}
