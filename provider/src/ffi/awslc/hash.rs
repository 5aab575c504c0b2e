//! The hash functions that mechanisms name, as AWS-LC implements them, and running hashes.

use std::ffi::c_uint;
use std::ptr;

use aws_lc_sys as lc;

use crate::error::{Code, Result};
use crate::ffi::awslc::check;
use crate::ffi::awslc::pointer::{Free, Owned};
use crate::mechanism::params::Hash;

// SAFETY: EVP_MD_CTX_free cleanses the state and frees the context, which EVP_MD_CTX_new made.
unsafe impl Free for lc::EVP_MD_CTX {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the context away.
        unsafe { lc::EVP_MD_CTX_free(object) }
    }
}

/// The engine's static description of a hash function; never NULL.
pub(crate) fn md(hash: Hash) -> *const lc::EVP_MD {
    // SAFETY: these functions take nothing and return pointers to constants.
    unsafe {
        match hash {
            Hash::Sha1 => lc::EVP_sha1(),
            Hash::Sha224 => lc::EVP_sha224(),
            Hash::Sha256 => lc::EVP_sha256(),
            Hash::Sha384 => lc::EVP_sha384(),
            Hash::Sha512 => lc::EVP_sha512(),
        }
    }
}

/// A digest of up to 64 bytes, where it was computed.
#[derive(Clone, Copy)]
pub(crate) struct Digest {
    bytes: [u8; 64],
    len: usize,
}

impl std::ops::Deref for Digest {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The hash of `input` in one call, without a context on the heap.
pub(crate) fn digest(hash: Hash, input: &[u8]) -> Result<Digest> {
    let mut digest = Digest { bytes: [0; 64], len: hash.size() };
    // SAFETY: `bytes` has EVP_MAX_MD_SIZE bytes; the length pointer may be NULL; no engine.
    let answer = unsafe {
        lc::EVP_Digest(
            input.as_ptr().cast(),
            input.len(),
            digest.bytes.as_mut_ptr(),
            ptr::null_mut(),
            md(hash),
            ptr::null_mut(),
        )
    };
    check(answer, Code::GeneralError, "hash")?;
    Ok(digest)
}

/// A hash over input that comes in parts. The context is made by the first part: a message in one
/// piece never needs one.
pub(crate) struct Hashing {
    hash: Hash,
    context: Option<Owned<lc::EVP_MD_CTX>>,
}

impl Hashing {
    pub(crate) fn new(hash: Hash) -> Self {
        Self { hash, context: None }
    }

    pub(crate) fn update(&mut self, input: &[u8]) -> Result<()> {
        let context = match &mut self.context {
            Some(context) => context,
            empty => empty.insert(begin(self.hash)?),
        };
        // SAFETY: the context is initialised; input and length belong together.
        let answer = unsafe {
            lc::EVP_DigestUpdate(context.as_mut_ptr(), input.as_ptr().cast(), input.len())
        };
        check(answer, Code::GeneralError, "hash a part")
    }

    /// The digest of all parts and `last`; the next part begins another message.
    pub(crate) fn finish(&mut self, last: &[u8]) -> Result<Digest> {
        if self.context.is_none() {
            return digest(self.hash, last);
        }
        self.update(last)?;
        let mut digest = Digest { bytes: [0; 64], len: self.hash.size() };
        let mut len: c_uint = 0;
        if let Some(mut context) = self.context.take() {
            // SAFETY: the context is initialised; `bytes` has EVP_MAX_MD_SIZE bytes.
            let answer = unsafe {
                lc::EVP_DigestFinal_ex(context.as_mut_ptr(), digest.bytes.as_mut_ptr(), &mut len)
            };
            check(answer, Code::GeneralError, "finish a hash")?;
        }
        Ok(digest)
    }
}

fn begin(hash: Hash) -> Result<Owned<lc::EVP_MD_CTX>> {
    // SAFETY: returns NULL or a context that the caller owns.
    let mut context = unsafe { Owned::new(lc::EVP_MD_CTX_new(), "make a hash context")? };
    // SAFETY: the context is fresh, the description a constant; no engine.
    let answer = unsafe { lc::EVP_DigestInit_ex(context.as_mut_ptr(), md(hash), ptr::null_mut()) };
    check(answer, Code::GeneralError, "begin a hash")?;
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_has_the_length_that_it_says_and_parts_make_the_whole() {
        for (hash, ..) in Hash::ALL {
            // SAFETY: a pointer to a constant.
            assert_eq!(unsafe { lc::EVP_MD_size(md(hash)) }, hash.size());
            let mut parts = Hashing::new(hash);
            parts.update(b"in ").unwrap();
            parts.update(b"").unwrap();
            let parts = parts.finish(b"parts").unwrap();
            assert_eq!(*parts, *digest(hash, b"in parts").unwrap());
            assert_eq!(parts.len(), hash.size());
        }
    }
}
