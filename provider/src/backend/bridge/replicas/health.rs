//! Whether a token of several works, so that its failures do not slow every call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::backend::bridge::objects::now;

/// Milliseconds until a token that failed is tried again for the first time; then twice as many.
const FIRST: u64 = 500;

/// What is known of a token's state. It fails once another one did what it could not.
pub(super) struct Health {
    /// When to try again, by [`now`]; 0 while it works.
    retry: AtomicU64,
    pause: AtomicU64,
    longest: u64,
}

impl Health {
    /// Tried again after `longest` at most.
    pub(super) fn new(longest: Duration) -> Self {
        let longest = longest.as_millis() as u64;
        Self { retry: AtomicU64::new(0), pause: AtomicU64::new(FIRST), longest }
    }

    /// Whether to ask it first. Of the callers who find it time for another try, one is told so.
    pub(super) fn is_to_be_asked(&self) -> bool {
        let retry = self.retry.load(Ordering::Acquire);
        if retry == 0 {
            return true;
        }
        let now = now();
        if now < retry {
            return false;
        }
        let pause = (2 * self.pause.load(Ordering::Relaxed)).min(self.longest.max(FIRST));
        let (ours, seen) = (Ordering::AcqRel, Ordering::Acquire);
        let is_ours = self.retry.compare_exchange(retry, now + pause, ours, seen).is_ok();
        if is_ours {
            self.pause.store(pause, Ordering::Relaxed);
        }
        is_ours
    }

    /// It failed; whether that is news.
    pub(super) fn failed(&self) -> bool {
        let (ours, seen) = (Ordering::AcqRel, Ordering::Acquire);
        let is_news = self.retry.compare_exchange(0, now() + FIRST, ours, seen).is_ok();
        if is_news {
            self.pause.store(FIRST, Ordering::Relaxed);
        }
        is_news
    }

    /// It works; whether that is news.
    pub(super) fn works(&self) -> bool {
        self.retry.load(Ordering::Acquire) != 0 && self.retry.swap(0, Ordering::AcqRel) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_at_a_time_finds_out_whether_a_failing_token_works_again() {
        let health = Health::new(Duration::from_secs(30));
        assert!(health.is_to_be_asked() && !health.works());
        assert!(health.failed());
        assert!(!health.failed(), "told twice");
        assert!(!health.is_to_be_asked());
        std::thread::sleep(Duration::from_millis(FIRST + 50));
        assert!(health.is_to_be_asked());
        assert!(!health.is_to_be_asked(), "a second caller has to wait");
        assert!(health.works());
        assert!(!health.works(), "told twice");
        assert!(health.is_to_be_asked());
    }
}
