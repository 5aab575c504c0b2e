//! Digest states of AWS-LC. Those of SHA-1 and SHA-2 are kept by value, so that a digest in one part
//! allocates nothing; the engine shows its SHA-3 only through `EVP_MD_CTX`, where MD5 is as well.

mod state;

use std::mem::{MaybeUninit, size_of};
use std::ptr;

use aws_lc_sys::{self as aws, EVP_MD_CTX, SHA_CTX, SHA256_CTX, SHA512_CTX};

use super::hash::md;
use super::pointer::{Free, Owned};
use crate::mechanism::Hash;

// SAFETY: EVP_MD_CTX_free cleanses the state and frees what EVP_MD_CTX_new made.
unsafe impl Free for EVP_MD_CTX {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller owns the context.
        unsafe { aws::EVP_MD_CTX_free(object) }
    }
}

/// A digest under way.
pub(crate) struct Digest {
    hash: Hash,
    state: State,
}

/// SHA-224 runs in the state of SHA-256; SHA-384 and SHA-512/t in that of SHA-512.
enum State {
    Sha1(SHA_CTX),
    Sha256(SHA256_CTX),
    Sha512(SHA512_CTX),
    Context(Owned<EVP_MD_CTX>),
}

impl Digest {
    pub(crate) fn new(hash: Hash) -> Self {
        let state = match hash {
            Hash::Sha1 => State::Sha1(started(aws::SHA1_Init)),
            Hash::Sha224 => State::Sha256(started(aws::SHA224_Init)),
            Hash::Sha256 => State::Sha256(started(aws::SHA256_Init)),
            Hash::Sha384 => State::Sha512(started(aws::SHA384_Init)),
            Hash::Sha512 => State::Sha512(started(aws::SHA512_Init)),
            Hash::Sha512_224 => State::Sha512(started(aws::SHA512_224_Init)),
            Hash::Sha512_256 => State::Sha512(started(aws::SHA512_256_Init)),
            Hash::Sha3_224 | Hash::Sha3_256 | Hash::Sha3_384 | Hash::Sha3_512 | Hash::Md5 => {
                State::Context(context(hash))
            }
        };
        Self { hash, state }
    }

    pub(crate) fn hash(&self) -> Hash {
        self.hash
    }

    pub(crate) fn update(&mut self, input: &[u8]) {
        let (data, len) = (input.as_ptr().cast(), input.len());
        // SAFETY: `data` is readable for `len` bytes and the states are initialised. The states of
        // the truncated hashes are updated as those of SHA-256 and SHA-512 (FIPS 180-4 section 6).
        // All of them answer 1 always.
        unsafe {
            match &mut self.state {
                State::Sha1(state) => aws::SHA1_Update(state, data, len),
                State::Sha256(state) => aws::SHA256_Update(state, data, len),
                State::Sha512(state) => aws::SHA512_Update(state, data, len),
                State::Context(state) => {
                    aws::EVP_DigestUpdate(state.as_mut_ptr(), data.cast(), len)
                }
            };
        }
    }

    /// Ends the digest; the first [`Hash::size`] bytes of what comes back are it.
    pub(crate) fn finish(&mut self) -> [u8; 64] {
        let mut out = [0; 64];
        let to = out.as_mut_ptr();
        // SAFETY: `out` is as long as the longest digest, the states are initialised, and the
        // function is the one of the hash that the state was started for. All answer 1 always.
        unsafe {
            match (self.hash, &mut self.state) {
                (_, State::Sha1(state)) => aws::SHA1_Final(to, state),
                (Hash::Sha224, State::Sha256(state)) => aws::SHA224_Final(to, state),
                (_, State::Sha256(state)) => aws::SHA256_Final(to, state),
                (Hash::Sha384, State::Sha512(state)) => aws::SHA384_Final(to, state),
                (Hash::Sha512_224, State::Sha512(state)) => aws::SHA512_224_Final(to, state),
                (Hash::Sha512_256, State::Sha512(state)) => aws::SHA512_256_Final(to, state),
                (_, State::Sha512(state)) => aws::SHA512_Final(to, state),
                (_, State::Context(state)) => {
                    aws::EVP_DigestFinal_ex(state.as_mut_ptr(), to, ptr::null_mut())
                }
            };
        }
        out
    }
}

/// What was digested may have been a key.
impl Drop for Digest {
    fn drop(&mut self) {
        let (state, len) = match &mut self.state {
            State::Sha1(state) => ((&raw mut *state).cast(), size_of::<SHA_CTX>()),
            State::Sha256(state) => ((&raw mut *state).cast(), size_of::<SHA256_CTX>()),
            State::Sha512(state) => ((&raw mut *state).cast(), size_of::<SHA512_CTX>()),
            State::Context(_) => return, // cleansed where it is freed
        };
        // SAFETY: `state` is a structure of integers, `len` bytes long, and not used afterwards.
        unsafe { aws::OPENSSL_cleanse(state, len) };
    }
}

/// A state as `init` leaves it.
fn started<T>(init: unsafe extern "C" fn(*mut T) -> std::ffi::c_int) -> T {
    let mut state = MaybeUninit::<T>::zeroed();
    // SAFETY: the pointer is valid for writes; the function initialises the state and answers 1
    // always; the state is a structure of integers, for which zeroes are a value.
    unsafe {
        init(state.as_mut_ptr());
        state.assume_init()
    }
}

/// A context that computes `hash`. The engine fails here for want of memory only, where Rust's own
/// allocations give up as well.
fn context(hash: Hash) -> Owned<EVP_MD_CTX> {
    // SAFETY: returns NULL or a context that the caller owns.
    let context = unsafe { Owned::new(aws::EVP_MD_CTX_new(), "make a digest") };
    let mut context = context.expect("memory for a digest");
    // SAFETY: a fresh context and a static description of the hash.
    let answer = unsafe { aws::EVP_DigestInit_ex(context.as_mut_ptr(), md(hash), ptr::null_mut()) };
    assert_eq!(answer, 1, "memory for the state of a digest");
    context
}
