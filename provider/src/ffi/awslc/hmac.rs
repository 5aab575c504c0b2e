//! HMAC of AWS-LC: a keyed context that operations copy, so that none of them hashes the key.

use std::mem::{MaybeUninit, size_of};
use std::ptr;

use aws_lc_sys::{self as aws, HMAC_CTX};

use super::check;
use super::hash::md;
use crate::error::{Code, Result};
use crate::ffi::memory::Guarded;
use crate::mechanism::Hash;

/// An HMAC context: flat memory with pointers to static tables only, so it may be moved.
pub(crate) struct Hmac(HMAC_CTX);

// SAFETY: the context points to static tables that are never written.
unsafe impl Send for Hmac {}
// SAFETY: a shared reference only lets the context be copied.
unsafe impl Sync for Hmac {}

impl Hmac {
    /// A context without a key.
    fn empty() -> Self {
        // SAFETY: an all-zero context is the initial state (HMAC_CTX_init).
        Self(unsafe { MaybeUninit::zeroed().assume_init() })
    }

    /// A context with its key, where it stays: whoever reads it can make codes as with the key.
    pub(crate) fn keyed(hash: Hash, key: &[u8]) -> Result<Guarded<Self>> {
        let mut hmac = Guarded::new(Self::empty());
        // SAFETY: the context is initial; an empty slice has a pointer that is not NULL.
        let answer = unsafe {
            aws::HMAC_Init_ex(
                &mut hmac.0,
                key.as_ptr().cast(),
                key.len(),
                md(hash),
                ptr::null_mut(),
            )
        };
        check(answer, Code::FunctionFailed, "key an HMAC")?;
        Ok(hmac)
    }

    /// A context of its own that goes on from here.
    pub(crate) fn copied(&self) -> Guarded<Self> {
        let mut copy = Guarded::new(Self::empty());
        // SAFETY: flat memory of one type; the copy is new, so they do not overlap.
        unsafe { ptr::copy_nonoverlapping(&raw const self.0, &raw mut copy.0, 1) };
        copy
    }

    pub(crate) fn update(&mut self, input: &[u8]) -> Result<()> {
        // SAFETY: the pointer comes with the length of its slice.
        let answer = unsafe { aws::HMAC_Update(&mut self.0, input.as_ptr(), input.len()) };
        check(answer, Code::FunctionFailed, "compute an HMAC")
    }

    /// Ends the computation; the first [`Hash::size`] bytes of what comes back are the code.
    pub(crate) fn finish(&mut self) -> Result<[u8; 64]> {
        let (mut out, mut len) = ([0; 64], 0);
        // SAFETY: `out` is as long as the longest digest.
        let answer = unsafe { aws::HMAC_Final(&mut self.0, out.as_mut_ptr(), &mut len) };
        check(answer, Code::FunctionFailed, "end an HMAC")?;
        Ok(out)
    }
}

impl Drop for Hmac {
    fn drop(&mut self) {
        // SAFETY: flat memory, not used afterwards.
        unsafe { aws::OPENSSL_cleanse((&raw mut self.0).cast(), size_of::<HMAC_CTX>()) };
    }
}
