//! AEADs of AWS-LC: AES-GCM and ChaCha20-Poly1305 one-shot over a key that is expanded once, and
//! AES-GCM streaming.

use std::ffi::{c_int, c_void};
use std::ptr;

use aws_lc_sys::{self as aws, EVP_AEAD_CTX};

use super::check;
use super::cipher::{Context, Direction, by_size};
use super::pointer::{Free, Owned};
use crate::error::{Code, Result};

/// The longest tag, which the shared context makes and checks.
pub(crate) const TAG: usize = 16;

/// An expanded AEAD key; any number of threads may seal and open with it.
pub(crate) struct Aead(Owned<EVP_AEAD_CTX>);

impl Aead {
    /// ChaCha20-Poly1305 (RFC 8439) for nonces of 12 bytes, in the same kind of context.
    ///
    /// # Errors
    /// KeySizeRange for a key that is not 32 bytes long; so the next.
    pub(crate) fn chacha20_poly1305(key: &[u8]) -> Result<Self> {
        // SAFETY: takes nothing and returns the address of a static table.
        Self::of_256_bits(key, unsafe { aws::EVP_aead_chacha20_poly1305() })
    }

    /// XChaCha20-Poly1305 for nonces of 24 bytes.
    pub(crate) fn xchacha20_poly1305(key: &[u8]) -> Result<Self> {
        // SAFETY: takes nothing and returns the address of a static table.
        Self::of_256_bits(key, unsafe { aws::EVP_aead_xchacha20_poly1305() })
    }

    fn of_256_bits(key: &[u8], aead: *const aws::EVP_AEAD) -> Result<Self> {
        if key.len() != 32 {
            return Err(
                Code::KeySizeRange.because(format!("a ChaCha20 key of {} bytes", key.len()))
            );
        }
        // SAFETY: `key` is as long as `aead` takes; the engine gives the context away.
        unsafe {
            let context = aws::EVP_AEAD_CTX_new(aead, key.as_ptr(), key.len(), TAG);
            Ok(Self(Owned::new(context, "expand a ChaCha20-Poly1305 key")?))
        }
    }

    /// # Errors
    /// KeySizeRange for a key that is not 16, 24 or 32 bytes long.
    pub(crate) fn gcm(key: &[u8]) -> Result<Self> {
        let aead = by_size(
            key,
            aws::EVP_aead_aes_128_gcm,
            aws::EVP_aead_aes_192_gcm,
            aws::EVP_aead_aes_256_gcm,
        )?;
        // SAFETY: `key` is as long as `aead` takes; the engine gives the context away.
        unsafe {
            let context = aws::EVP_AEAD_CTX_new(aead, key.as_ptr(), key.len(), TAG);
            Ok(Self(Owned::new(context, "expand an AES-GCM key")?))
        }
    }

    /// Encrypts `input` into `output`, which is as long, and returns the tag. `iv` may have any
    /// length but zero.
    ///
    /// # Errors
    /// DataLenRange for more than 2^36 - 32 bytes (NIST SP 800-38D section 5.2.1.1).
    pub(crate) fn seal(
        &self,
        iv: &[u8],
        aad: &[u8],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<[u8; TAG]> {
        assert_eq!(input.len(), output.len());
        let (mut tag, mut tag_len) = ([0; TAG], 0);
        // SAFETY: every pointer comes with the length of its slice; input and output do not
        // overlap; these AEADs may be used by several threads at once (openssl/aead.h).
        let answer = unsafe {
            aws::EVP_AEAD_CTX_seal_scatter(
                self.0.as_ptr(),
                output.as_mut_ptr(),
                tag.as_mut_ptr(),
                &mut tag_len,
                TAG,
                iv.as_ptr(),
                iv.len(),
                input.as_ptr(),
                input.len(),
                ptr::null(),
                0,
                aad.as_ptr(),
                aad.len(),
            )
        };
        check(answer, Code::DataLenRange, "encrypt with an AEAD")?;
        debug_assert_eq!(tag_len, TAG);
        Ok(tag)
    }

    /// Decrypts `input` into `output`, which is as long, if the tag of 16 bytes is right; if it is
    /// wrong, `output` is filled with zeroes.
    ///
    /// # Errors
    /// EncryptedDataInvalid for a wrong tag.
    pub(crate) fn open(
        &self,
        iv: &[u8],
        aad: &[u8],
        input: &[u8],
        tag: &[u8; TAG],
        output: &mut [u8],
    ) -> Result<()> {
        assert_eq!(input.len(), output.len());
        // SAFETY: as in `seal`.
        let answer = unsafe {
            aws::EVP_AEAD_CTX_open_gather(
                self.0.as_ptr(),
                output.as_mut_ptr(),
                iv.as_ptr(),
                iv.len(),
                input.as_ptr(),
                input.len(),
                tag.as_ptr(),
                TAG,
                aad.as_ptr(),
                aad.len(),
            )
        };
        check(answer, Code::EncryptedDataInvalid, "decrypt with an AEAD")
    }
}

// SAFETY: EVP_AEAD_CTX_free cleans up and frees what EVP_AEAD_CTX_new made; OPENSSL_free zeroizes.
unsafe impl Free for EVP_AEAD_CTX {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller owns the context.
        unsafe { aws::EVP_AEAD_CTX_free(object) }
    }
}

/// AES-GCM in parts; the tag may have any length from 1 to 16 bytes.
pub(crate) struct GcmStream(Context);

impl GcmStream {
    /// # Errors
    /// KeySizeRange for a key that is not 16, 24 or 32 bytes long, MechanismParamInvalid for an
    /// empty IV.
    pub(crate) fn new(direction: Direction, key: &[u8], iv: &[u8], aad: &[u8]) -> Result<Self> {
        let mut stream = Self(Context::new()?);
        let gcm = by_size(key, aws::EVP_aes_128_gcm, aws::EVP_aes_192_gcm, aws::EVP_aes_256_gcm)?;
        stream.0.init(direction, gcm)?;
        let iv_len = c_int::try_from(iv.len()).unwrap_or(0);
        stream.control(aws::EVP_CTRL_AEAD_SET_IVLEN, iv_len, ptr::null_mut(), "set the IV")?;
        stream.0.key(key)?;
        stream.iv(iv)?;
        stream.aad(aad)?;
        Ok(stream)
    }

    /// As many bytes in as out.
    pub(crate) fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<()> {
        self.0.update(input, output)
    }

    /// The tag of what was encrypted.
    pub(crate) fn tag(&mut self) -> Result<[u8; TAG]> {
        self.last(Code::FunctionFailed)?;
        let mut tag = [0; TAG];
        let to = tag.as_mut_ptr().cast();
        self.control(aws::EVP_CTRL_AEAD_GET_TAG, TAG as c_int, to, "read the tag")?;
        Ok(tag)
    }

    /// Checks the tag of what was decrypted, in constant time.
    ///
    /// # Errors
    /// EncryptedDataInvalid for a wrong tag: what came out before must not be used.
    pub(crate) fn verify(&mut self, tag: &[u8]) -> Result<()> {
        assert!((1..=TAG).contains(&tag.len()));
        let from = tag.as_ptr().cast_mut().cast(); // only read from
        self.control(aws::EVP_CTRL_AEAD_SET_TAG, tag.len() as c_int, from, "set the tag")?;
        self.last(Code::EncryptedDataInvalid)
    }

    fn iv(&mut self, iv: &[u8]) -> Result<()> {
        // SAFETY: the context has a cipher, a key and the length of `iv`; -1 keeps the direction.
        let answer = unsafe {
            let (context, none) = (self.0.0.as_mut_ptr(), ptr::null_mut());
            aws::EVP_CipherInit_ex(context, ptr::null(), none, ptr::null(), iv.as_ptr(), -1)
        };
        check(answer, Code::FunctionFailed, "set the IV")
    }

    /// Authenticates more associated data; there may be more until the first update.
    pub(crate) fn aad(&mut self, aad: &[u8]) -> Result<()> {
        for part in aad.chunks(1 << 30) {
            let (len, mut written) = (part.len() as c_int, 0);
            // SAFETY: without an output, the engine takes the input as associated data.
            let answer = unsafe {
                let (context, from) = (self.0.0.as_mut_ptr(), part.as_ptr());
                aws::EVP_CipherUpdate(context, ptr::null_mut(), &mut written, from, len)
            };
            check(answer, Code::MechanismParamInvalid, "take associated data")?;
        }
        Ok(())
    }

    fn last(&mut self, code: Code) -> Result<()> {
        let (mut none, mut written) = ([0; TAG], 0);
        // SAFETY: GCM has no output left at its end; the buffer holds a block all the same.
        let answer = unsafe {
            aws::EVP_CipherFinal_ex(self.0.0.as_mut_ptr(), none.as_mut_ptr(), &mut written)
        };
        check(answer, code, "end AES-GCM")
    }

    fn control(
        &mut self,
        command: i32,
        number: c_int,
        pointer: *mut c_void,
        what: &'static str,
    ) -> Result<()> {
        // SAFETY: the commands used here take `number` bytes at `pointer`, or no pointer.
        let answer =
            unsafe { aws::EVP_CIPHER_CTX_ctrl(self.0.0.as_mut_ptr(), command, number, pointer) };
        check(answer, Code::MechanismParamInvalid, what)
    }
}
