//! The end of the process: another module's destructors run before ours, and no call may reach it
//! after them.

use std::sync::atomic::{AtomicBool, Ordering};

static ENDING: AtomicBool = AtomicBool::new(false);

/// Has the process's exit say so before it destroys what a module has made so far: exit handlers
/// and destructors of C++ objects run from the last registered to the first.
pub(super) fn watch() {
    // SAFETY: a function that lives as long as the process, the module being never unloaded.
    let answer = unsafe { libc::atexit(end) };
    if answer != 0 {
        log::warn!("atexit: error {answer}; a module may be called while the process ends");
    }
}

/// Whether the process is ending: from then on no other module is called.
#[inline]
pub(super) fn ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}

extern "C" fn end() {
    ENDING.store(true, Ordering::Relaxed);
}
