//! Whether the process runs its destructors: from then on nothing may touch the engine.

use std::sync::atomic::{AtomicU8, Ordering};

unsafe extern "C" {
    /// Set by the destructor in `exit.c`.
    static keyway_exiting: AtomicU8;
}

/// Whether destructors run: what C_Finalize and C_Close* then do is nothing, successfully, and
/// everything else answers CKR_CRYPTOKI_NOT_INITIALIZED.
#[inline]
pub(crate) fn exiting() -> bool {
    // SAFETY: one byte of the library's own data, only ever accessed atomically.
    unsafe { keyway_exiting.load(Ordering::Relaxed) != 0 }
}
