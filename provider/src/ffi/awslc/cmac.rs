//! CMAC of AWS-LC with AES and triple DES (NIST SP 800-38B).

use std::ptr;

use aws_lc_sys::{self as aws, CMAC_CTX, EVP_CIPHER};

use super::check;
use super::cipher::{BLOCK, by_size};
use super::pointer::{Free, Owned};
use crate::error::{Code, Result};
use crate::secret::Secret;

/// A code under way.
pub(crate) struct Cmac(Owned<CMAC_CTX>);

impl Cmac {
    /// # Errors
    /// KeySizeRange for a key that is not 16, 24 or 32 bytes long.
    pub(crate) fn new(key: &[u8]) -> Result<Self> {
        let cbc = by_size(key, aws::EVP_aes_128_cbc, aws::EVP_aes_192_cbc, aws::EVP_aes_256_cbc)?;
        Self::keyed(key, cbc)
    }

    /// With triple DES: the code has 8 bytes, the others are zeros.
    ///
    /// # Errors
    /// KeySizeRange for a key that is not 16 (K3 = K1) or 24 bytes long.
    pub(crate) fn des3(key: &[u8]) -> Result<Self> {
        // SAFETY: the function takes nothing and returns the address of a static table.
        let cbc = unsafe { aws::EVP_des_ede3_cbc() };
        match key.len() {
            16 => {
                let long = Secret::with(24, |out| {
                    out[..16].copy_from_slice(key);
                    out[16..].copy_from_slice(&key[..8]);
                });
                Self::keyed(long.expose(), cbc)
            }
            24 => Self::keyed(key, cbc),
            other => Err(Code::KeySizeRange.because(format!("a triple DES key of {other} bytes"))),
        }
    }

    fn keyed(key: &[u8], cbc: *const EVP_CIPHER) -> Result<Self> {
        // SAFETY: returns NULL or a context that the caller owns.
        let mut cmac = unsafe { Self(Owned::new(aws::CMAC_CTX_new(), "make a CMAC")?) };
        // SAFETY: a fresh context; the key comes with its length, which is that of the cipher.
        let answer = unsafe {
            let (context, key) = (cmac.0.as_mut_ptr(), (key.as_ptr().cast(), key.len()));
            aws::CMAC_Init(context, key.0, key.1, cbc, ptr::null_mut())
        };
        check(answer, Code::FunctionFailed, "key a CMAC")?;
        Ok(cmac)
    }

    pub(crate) fn update(&mut self, input: &[u8]) -> Result<()> {
        // SAFETY: a keyed context; the pointer comes with the length of its slice.
        let answer = unsafe { aws::CMAC_Update(self.0.as_mut_ptr(), input.as_ptr(), input.len()) };
        check(answer, Code::FunctionFailed, "compute a CMAC")
    }

    pub(crate) fn finish(&mut self) -> Result<[u8; BLOCK]> {
        let (mut out, mut len) = ([0; BLOCK], 0);
        // SAFETY: a keyed context; `out` is a block, as long as the code.
        let answer = unsafe { aws::CMAC_Final(self.0.as_mut_ptr(), out.as_mut_ptr(), &mut len) };
        check(answer, Code::FunctionFailed, "end a CMAC")?;
        Ok(out)
    }
}

// SAFETY: CMAC_CTX_free clears and frees what CMAC_CTX_new made.
unsafe impl Free for CMAC_CTX {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller owns the context.
        unsafe { aws::CMAC_CTX_free(object) }
    }
}
