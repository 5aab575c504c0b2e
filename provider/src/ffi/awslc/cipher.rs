//! AES of AWS-LC: key schedules kept by value, the block modes over them, cipher contexts.

use std::ffi::{c_int, c_uint};
use std::mem::size_of;
use std::ptr;

use aws_lc_sys::{self as aws, AES_KEY, EVP_CIPHER, EVP_CIPHER_CTX};
use zeroize::Zeroize;

use super::pointer::{Free, Owned};
use super::{check, failure};
use crate::error::{Code, Result};

/// The AES block in bytes.
pub(crate) const BLOCK: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

/// An expanded AES key for one direction, which begins with the key itself: it lies where the
/// engine's own do.
pub(crate) struct Schedule {
    key: Owned<AES_KEY>,
    direction: Direction,
}

/// A counter block and what is left of its key stream.
#[derive(Default)]
pub(crate) struct Counter {
    block: [u8; BLOCK],
    stream: [u8; BLOCK],
    used: c_uint,
}

impl Schedule {
    /// # Errors
    /// KeySizeRange for a key that is not 16, 24 or 32 bytes long.
    pub(crate) fn new(direction: Direction, key: &[u8]) -> Result<Self> {
        // SAFETY: memory of the right size, nobody else's; the two functions below fill it.
        let empty = unsafe {
            let memory = aws::OPENSSL_malloc(size_of::<AES_KEY>());
            Owned::new(memory.cast(), "make room for an AES key")?
        };
        let mut schedule = Self { key: empty, direction };
        let bits = bits(key)?;
        // SAFETY: `key` is `bits` bits long, the schedule is writable. The answer is 0 for success.
        let answer = unsafe {
            match direction {
                Direction::Encrypt => {
                    aws::AES_set_encrypt_key(key.as_ptr(), bits, schedule.key.as_mut_ptr())
                }
                Direction::Decrypt => {
                    aws::AES_set_decrypt_key(key.as_ptr(), bits, schedule.key.as_mut_ptr())
                }
            }
        };
        match answer {
            0 => Ok(schedule),
            _ => Err(failure(Code::KeySizeRange, "expand an AES key")),
        }
    }

    /// For the engine's functions that take a schedule of this direction.
    pub(super) fn of(&self, direction: Direction) -> *const AES_KEY {
        assert!(self.direction == direction);
        self.key.as_ptr()
    }

    /// One block.
    pub(crate) fn block(&self, block: &[u8; BLOCK]) -> [u8; BLOCK] {
        let mut out = [0; BLOCK];
        // SAFETY: input and output are one block each; the schedule is for this direction.
        unsafe {
            match self.direction {
                Direction::Encrypt => {
                    aws::AES_encrypt(block.as_ptr(), out.as_mut_ptr(), self.key.as_ptr())
                }
                Direction::Decrypt => {
                    aws::AES_decrypt(block.as_ptr(), out.as_mut_ptr(), self.key.as_ptr())
                }
            }
        }
        out
    }

    /// CBC over whole blocks; `iv` becomes the IV of what follows.
    pub(crate) fn cbc(&self, iv: &mut [u8; BLOCK], input: &[u8], output: &mut [u8]) {
        assert!(input.len().is_multiple_of(BLOCK) && input.len() == output.len());
        let (from, to) = (input.as_ptr(), output.as_mut_ptr());
        let encrypt = c_int::from(self.direction == Direction::Encrypt);
        // SAFETY: as many whole blocks in as out, in slices that do not overlap; `iv` is a block;
        // the schedule is for this direction.
        unsafe {
            aws::AES_cbc_encrypt(
                from,
                to,
                input.len(),
                self.key.as_ptr(),
                iv.as_mut_ptr(),
                encrypt,
            );
        }
    }

    /// CTR; the schedule is one for encryption, whichever way the data goes.
    pub(crate) fn ctr(&self, counter: &mut Counter, input: &[u8], output: &mut [u8]) {
        assert!(self.direction == Direction::Encrypt && input.len() == output.len());
        // SAFETY: as many bytes in as out, in slices that do not overlap; counter and key stream
        // are blocks; `used` is below 16, as the engine left it.
        unsafe {
            aws::AES_ctr128_encrypt(
                input.as_ptr(),
                output.as_mut_ptr(),
                input.len(),
                self.key.as_ptr(),
                counter.block.as_mut_ptr(),
                counter.stream.as_mut_ptr(),
                &mut counter.used,
            );
        }
    }
}

// SAFETY: OPENSSL_free zeroizes and frees what OPENSSL_malloc made; the schedule is integers.
unsafe impl Free for AES_KEY {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller's promise.
        unsafe { aws::OPENSSL_free(object.cast()) }
    }
}

impl Counter {
    pub(crate) fn new(block: [u8; BLOCK]) -> Self {
        Self { block, ..Self::default() }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.stream.zeroize();
    }
}

/// ECB over whole blocks in the engine's parallel code: it expands the key, which pays from some
/// hundred bytes on.
///
/// # Errors
/// KeySizeRange for a key that is not 16, 24 or 32 bytes long.
pub(crate) fn ecb(direction: Direction, key: &[u8], input: &[u8], output: &mut [u8]) -> Result<()> {
    assert!(input.len().is_multiple_of(BLOCK) && input.len() == output.len());
    let mut context = Context::new()?;
    context.init(
        direction,
        by_size(key, aws::EVP_aes_128_ecb, aws::EVP_aes_192_ecb, aws::EVP_aes_256_ecb)?,
    )?;
    context.key(key)?;
    // SAFETY: the context is initialised.
    unsafe { aws::EVP_CIPHER_CTX_set_padding(context.0.as_mut_ptr(), 0) };
    context.update(input, output)
}

/// AES-256-XTS over one data unit of at least a block (IEEE 1619).
///
/// # Errors
/// KeySizeRange for a key that is not 64 bytes long; FunctionFailed for one whose halves are equal.
pub(crate) fn xts(
    direction: Direction,
    key: &[u8],
    tweak: &[u8; BLOCK],
    input: &[u8],
    output: &mut [u8],
) -> Result<()> {
    if key.len() != 64 {
        return Err(Code::KeySizeRange.because(format!("an XTS key of {} bytes", key.len())));
    }
    let mut context = Context::new()?;
    // SAFETY: takes nothing and returns the address of a static table.
    context.init(direction, unsafe { aws::EVP_aes_256_xts() })?;
    context.key(key)?;
    // SAFETY: the context has a cipher and a key; the tweak is a block; -1 keeps the direction.
    let answer = unsafe {
        let (context, none) = (context.0.as_mut_ptr(), ptr::null_mut());
        aws::EVP_CipherInit_ex(context, ptr::null(), none, ptr::null(), tweak.as_ptr(), -1)
    };
    check(answer, Code::FunctionFailed, "set the tweak of XTS")?;
    context.update(input, output)
}

/// A cipher context of the engine under construction or at work.
pub(crate) struct Context(pub(super) Owned<EVP_CIPHER_CTX>);

impl Context {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: the engine gives the context away.
        unsafe { Ok(Self(Owned::new(aws::EVP_CIPHER_CTX_new(), "make a cipher context")?)) }
    }

    /// Chooses cipher and direction; key and IV are set afterwards.
    pub(super) fn init(&mut self, direction: Direction, cipher: *const EVP_CIPHER) -> Result<()> {
        let encrypt = c_int::from(direction == Direction::Encrypt);
        // SAFETY: the context is the engine's, the cipher one of its static tables.
        let answer = unsafe {
            let (context, none) = (self.0.as_mut_ptr(), ptr::null_mut());
            aws::EVP_CipherInit_ex(context, cipher, none, ptr::null(), ptr::null(), encrypt)
        };
        check(answer, Code::FunctionFailed, "start a cipher")
    }

    /// Sets the key, whose length the chosen cipher has.
    pub(super) fn key(&mut self, key: &[u8]) -> Result<()> {
        let context = self.0.as_mut_ptr();
        // SAFETY: the context has a cipher, and `key` is as long as `by_size` chose it for; -1
        // keeps the direction.
        let answer = unsafe {
            debug_assert_eq!(aws::EVP_CIPHER_CTX_key_length(context) as usize, key.len());
            let (same, none) = (ptr::null(), ptr::null_mut());
            aws::EVP_CipherInit_ex(context, same, none, key.as_ptr(), ptr::null(), -1)
        };
        check(answer, Code::FunctionFailed, "set the key of a cipher")
    }

    /// As many bytes in as out: a stream mode, or whole blocks.
    pub(crate) fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<()> {
        assert_eq!(input.len(), output.len());
        const PART: usize = 1 << 30; // lengths are of type int
        for (input, output) in input.chunks(PART).zip(output.chunks_mut(PART)) {
            let (len, mut written) = (input.len() as c_int, 0);
            let (from, to) = (input.as_ptr(), output.as_mut_ptr());
            // SAFETY: a stream mode or whole blocks write as much as they read; the slices do not
            // overlap and are as long as each other.
            let answer =
                unsafe { aws::EVP_CipherUpdate(self.0.as_mut_ptr(), to, &mut written, from, len) };
            check(answer, Code::DataLenRange, "run a cipher")?;
        }
        Ok(())
    }
}

// SAFETY: EVP_CIPHER_CTX_free clears and frees what EVP_CIPHER_CTX_new made.
unsafe impl Free for EVP_CIPHER_CTX {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller owns the context.
        unsafe { aws::EVP_CIPHER_CTX_free(object) }
    }
}

/// The static table for a key of 16, 24 or 32 bytes.
///
/// # Errors
/// KeySizeRange for another length.
pub(super) fn by_size<T>(
    key: &[u8],
    aes_128: unsafe extern "C" fn() -> *const T,
    aes_192: unsafe extern "C" fn() -> *const T,
    aes_256: unsafe extern "C" fn() -> *const T,
) -> Result<*const T> {
    let table = match bits(key)? {
        128 => aes_128,
        192 => aes_192,
        _ => aes_256,
    };
    // SAFETY: these functions take nothing and return the address of a static table.
    Ok(unsafe { table() })
}

fn bits(key: &[u8]) -> Result<c_uint> {
    match key.len() {
        16 => Ok(128),
        24 => Ok(192),
        32 => Ok(256),
        other => Err(Code::KeySizeRange.because(format!("an AES key of {other} bytes"))),
    }
}
