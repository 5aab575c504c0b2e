//! A lock that a fork cannot leave held.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The right to change something, one thread at a time. It names its process, so that a child of
/// fork takes over what a thread of its parent held. For what happens rarely: who waits, polls.
pub(crate) struct Turn(AtomicU32);

/// Ends when dropped.
pub(crate) struct Held<'a>(&'a Turn);

impl Turn {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    pub(crate) fn take(&self) -> Held<'_> {
        let me = std::process::id();
        loop {
            let holder = self.0.load(Ordering::Relaxed);
            let free = holder != me;
            if free
                && self.0.compare_exchange(holder, me, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return Held(self);
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.0.store(0, Ordering::Release);
    }
}
