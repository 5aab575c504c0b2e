//! What records are sealed with: SHA-256, HMAC-SHA256, HKDF-SHA256 and AES-256-GCM on whole buffers.

use std::mem::MaybeUninit;
use std::ptr;

use aws_lc_sys as aws;

use super::{check, failure};
use crate::error::{Code, Result};
use crate::secret::Secret;

/// The length of an AES-256 key, of an HMAC key made here, and of a SHA-256 digest.
pub(crate) const KEY: usize = 32;
/// The length of a GCM nonce.
pub(crate) const NONCE: usize = 12;
/// The length of a GCM tag.
pub(crate) const TAG: usize = 16;

/// SHA-256 over `parts`, one after the other.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; KEY] {
    let mut context = MaybeUninit::<aws::SHA256_CTX>::uninit();
    let mut digest = [0; KEY];
    // SAFETY: `SHA256_Init` makes the context whole; the parts are readable, the digest is 32 bytes.
    unsafe {
        aws::SHA256_Init(context.as_mut_ptr());
        for part in parts {
            aws::SHA256_Update(context.as_mut_ptr(), part.as_ptr().cast(), part.len());
        }
        aws::SHA256_Final(digest.as_mut_ptr(), context.as_mut_ptr());
    }
    digest
}

/// HMAC-SHA256 (RFC 2104) over `parts`, one after the other.
///
/// # Errors
/// HostMemory if the engine has none left.
pub(crate) fn hmac_sha256(key: &Secret, parts: &[&[u8]]) -> Result<[u8; KEY]> {
    let mut context = Hmac::new();
    let key = key.expose();
    let mut mac = [0; KEY];
    // SAFETY: the context is initialised, the key and the parts are readable, and `mac` has the 32
    // bytes that SHA-256 gives.
    unsafe {
        let md = aws::EVP_sha256();
        let keyed = aws::HMAC_Init_ex(
            context.0.as_mut_ptr(),
            key.as_ptr().cast(),
            key.len(),
            md,
            ptr::null_mut(),
        );
        check(keyed, Code::HostMemory, "key an HMAC")?;
        for part in parts {
            let taken = aws::HMAC_Update(context.0.as_mut_ptr(), part.as_ptr(), part.len());
            check(taken, Code::HostMemory, "compute an HMAC")?;
        }
        let mut length = 0;
        let done = aws::HMAC_Final(context.0.as_mut_ptr(), mac.as_mut_ptr(), &mut length);
        check(done, Code::HostMemory, "finish an HMAC")?;
    }
    Ok(mac)
}

/// HKDF-SHA256 (RFC 5869) into `out`.
///
/// # Errors
/// GeneralError for more output than HKDF gives.
pub(crate) fn hkdf_sha256(secret: &[u8], salt: &[u8], info: &[u8], out: &mut [u8]) -> Result<()> {
    // SAFETY: every pointer comes with the length of its slice.
    let answer = unsafe {
        aws::HKDF(
            out.as_mut_ptr(),
            out.len(),
            aws::EVP_sha256(),
            secret.as_ptr(),
            secret.len(),
            salt.as_ptr(),
            salt.len(),
            info.as_ptr(),
            info.len(),
        )
    };
    check(answer, Code::GeneralError, "derive a key with HKDF")
}

/// AES-256-GCM: appends ciphertext and tag to `out`.
///
/// # Errors
/// HostMemory if the engine has none left.
pub(crate) fn gcm_seal(
    key: &Secret,
    nonce: &[u8; NONCE],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) -> Result<()> {
    let context = Gcm::new(key)?;
    let start = out.len();
    out.resize(start + plaintext.len() + TAG, 0);
    let room = &mut out[start..];
    let mut written = 0;
    // SAFETY: every pointer comes with the length of its slice; `room` holds plaintext and tag.
    let answer = unsafe {
        aws::EVP_AEAD_CTX_seal(
            context.0.as_ptr(),
            room.as_mut_ptr(),
            &mut written,
            room.len(),
            nonce.as_ptr(),
            nonce.len(),
            plaintext.as_ptr(),
            plaintext.len(),
            aad.as_ptr(),
            aad.len(),
        )
    };
    check(answer, Code::HostMemory, "seal a record")
}

/// Undoes [`gcm_seal`]; `None` if anything of it was changed.
///
/// # Errors
/// HostMemory if the engine has none left.
pub(crate) fn gcm_open(
    key: &Secret,
    nonce: &[u8; NONCE],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Option<Secret>> {
    let Some(length) = sealed.len().checked_sub(TAG) else { return Ok(None) };
    let context = Gcm::new(key)?;
    let mut answer = 0;
    let plaintext = Secret::with(length, |room| {
        let mut written = 0;
        // SAFETY: every pointer comes with the length of its slice.
        answer = unsafe {
            aws::EVP_AEAD_CTX_open(
                context.0.as_ptr(),
                room.as_mut_ptr(),
                &mut written,
                room.len(),
                nonce.as_ptr(),
                nonce.len(),
                sealed.as_ptr(),
                sealed.len(),
                aad.as_ptr(),
                aad.len(),
            )
        };
    });
    match answer {
        1 => Ok(Some(plaintext)),
        _ => {
            let _ = failure(Code::DeviceError, "open a record");
            Ok(None)
        }
    }
}

/// An `HMAC_CTX` on the stack, cleansed when it goes.
struct Hmac(MaybeUninit<aws::HMAC_CTX>);

impl Hmac {
    fn new() -> Self {
        let mut context = MaybeUninit::uninit();
        // SAFETY: makes the context whole; it may be moved, because it holds no pointer to itself.
        unsafe { aws::HMAC_CTX_init(context.as_mut_ptr()) };
        Self(context)
    }
}

impl Drop for Hmac {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, not used afterwards.
        unsafe { aws::HMAC_CTX_cleanup(self.0.as_mut_ptr()) }
    }
}

/// An AES-256-GCM context on the stack, cleansed when it goes.
struct Gcm(MaybeUninit<aws::EVP_AEAD_CTX>);

impl Gcm {
    fn new(key: &Secret) -> Result<Self> {
        let mut context = Self(MaybeUninit::zeroed());
        let key = key.expose();
        // SAFETY: a zeroed context may be initialised, and cleaned up even if that fails; the
        // caller's key is as long as the cipher says, or the engine refuses it.
        let answer = unsafe {
            aws::EVP_AEAD_CTX_init(
                context.0.as_mut_ptr(),
                aws::EVP_aead_aes_256_gcm(),
                key.as_ptr(),
                key.len(),
                TAG,
                ptr::null_mut(),
            )
        };
        check(answer, Code::HostMemory, "start AES-256-GCM")?;
        Ok(context)
    }
}

impl Drop for Gcm {
    fn drop(&mut self) {
        // SAFETY: zeroed or initialised in `new`, not used afterwards.
        unsafe { aws::EVP_AEAD_CTX_cleanup(self.0.as_mut_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_answers_the_first_vector_of_rfc_5869() {
        let (secret, salt) = ([0x0b; 22], hex::decode("000102030405060708090a0b0c").unwrap());
        let mut out = [0; 42];
        let info = hex::decode("f0f1f2f3f4f5f6f7f8f9").unwrap();
        hkdf_sha256(&secret, &salt, &info, &mut out).unwrap();
        let expected =
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865";
        assert_eq!(hex::encode(out), expected);
    }

    #[test]
    fn hmac_answers_the_second_vector_of_rfc_4231_in_parts() {
        let key = Secret::copy_of(b"Jefe");
        let mac = hmac_sha256(&key, &[b"what do ya want ", b"", b"for nothing?"]).unwrap();
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(mac), expected);
    }

    #[test]
    fn sha256_answers_the_example_of_fips_180() {
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex::encode(sha256(&[b"a", b"bc"])), expected);
    }

    #[test]
    fn what_is_sealed_opens_and_nothing_else_does() {
        let key = Secret::copy_of(&[7; KEY]);
        let mut sealed = Vec::new();
        gcm_seal(&key, &[1; NONCE], b"aad", b"hello", &mut sealed).unwrap();
        let opened = gcm_open(&key, &[1; NONCE], b"aad", &sealed).unwrap().unwrap();
        assert_eq!(opened.expose(), b"hello");
        assert!(gcm_open(&key, &[1; NONCE], b"aae", &sealed).unwrap().is_none());
        assert!(gcm_open(&key, &[2; NONCE], b"aad", &sealed).unwrap().is_none());
        assert!(gcm_open(&key, &[1; NONCE], b"aad", &sealed[..15]).unwrap().is_none());
    }
}
