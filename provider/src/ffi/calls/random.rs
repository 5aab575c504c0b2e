//! Random number generation functions.

use pkcs11_sys::{CK_BYTE_PTR, CK_RV, CK_SESSION_HANDLE, CK_ULONG};

use crate::ffi::entry::entry;
use crate::ffi::transfer::{self, Output};

/// `C_SeedRandom`: the engine's generator needs no seed; what is given can only add to it.
///
/// # Safety
/// `seed` is NULL or readable for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SeedRandom(
    session: CK_SESSION_HANDLE,
    seed: CK_BYTE_PTR,
    len: CK_ULONG,
) -> CK_RV {
    entry("C_SeedRandom", |module| {
        let session = module.session(session)?;
        // SAFETY: the caller's promise.
        session.seed_random(unsafe { transfer::bytes(seed, len, "pSeed")? })
    })
}

/// `C_GenerateRandom`.
///
/// # Safety
/// `random` is NULL or writable for `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GenerateRandom(
    session: CK_SESSION_HANDLE,
    random: CK_BYTE_PTR,
    len: CK_ULONG,
) -> CK_RV {
    entry("C_GenerateRandom", |module| {
        let session = module.session(session)?;
        if len > 0 {
            transfer::require(random, "RandomData")?;
        }
        // SAFETY: the caller's promise.
        match unsafe { transfer::output(random, &raw const len)? } {
            Output::Query => Ok(()),
            Output::Buffer(buffer) => session.random(buffer),
        }
    })
}
