//! From one C_Initialize to the next: what ends with it ends nowhere else.

use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ffi::fork;

/// One initialisation of a module, by one process. Never freed: a session of an earlier one may
/// still ask whether it is over.
pub(super) struct Life {
    /// Another one for every life of the module in this process.
    pub number: u64,
    /// Whether it was this module's C_Initialize that began it, and nobody else's.
    pub ours: bool,
    generation: u64,
    running: AtomicUsize,
    /// For a module that was told that one thread uses it.
    one_at_a_time: Option<Mutex<()>>,
}

/// A call that runs; it has ended when this is dropped.
pub(super) struct Running<'a> {
    life: &'a Life,
    _alone: Option<MutexGuard<'a, ()>>,
}

impl Life {
    pub(super) fn new(number: u64, ours: bool, locking: bool) -> Self {
        Self {
            number,
            ours,
            generation: fork::generation(),
            running: AtomicUsize::new(0),
            one_at_a_time: (!locking).then(Mutex::default),
        }
    }

    /// Whether it began in this very process, and not before a fork.
    #[inline]
    pub(super) fn is_this_processs(&self) -> bool {
        self.generation == fork::generation()
    }

    /// Counts a call, unless `current` says after counting that this life is over.
    #[inline]
    pub(super) fn enter(&self, current: impl FnOnce() -> *const Life) -> Option<Running<'_>> {
        if !self.is_this_processs() {
            return None;
        }
        self.running.fetch_add(1, Ordering::SeqCst);
        let mut running = Running { life: self, _alone: None };
        if !ptr::eq(self, current()) {
            return None;
        }
        let alone = self.one_at_a_time.as_ref();
        running._alone = alone.map(|mutex| mutex.lock().unwrap_or_else(PoisonError::into_inner));
        Some(running)
    }

    /// Waits until no call runs; `false` if some still do after `patience`.
    pub(super) fn quiet(&self, patience: Duration) -> bool {
        let start = Instant::now();
        while self.running.load(Ordering::SeqCst) > 0 {
            if start.elapsed() > patience {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.life.running.fetch_sub(1, Ordering::SeqCst);
    }
}
