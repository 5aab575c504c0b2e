//! What records are sealed with: SHA-256, HMAC-SHA256, HKDF-SHA256 and AES-256-GCM on whole buffers.

use std::mem::MaybeUninit;

use aws_lc_sys as aws;

use super::aead::Aead;
use super::check;
use super::hmac::Hmac;
use crate::error::{Code, Result};
use crate::mechanism::Hash;
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
    let mut hmac = Hmac::keyed(Hash::Sha256, key.expose())?;
    parts.iter().try_for_each(|part| hmac.update(part))?;
    let mut mac = [0; KEY];
    mac.copy_from_slice(&hmac.finish()?[..KEY]);
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
    let gcm = Aead::gcm(key.expose())?;
    let start = out.len();
    out.resize(start + plaintext.len(), 0);
    let tag = gcm.seal(nonce, aad, plaintext, &mut out[start..])?;
    out.extend_from_slice(&tag);
    Ok(())
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
    let Some((ciphertext, tag)) = sealed.split_last_chunk() else { return Ok(None) };
    let gcm = Aead::gcm(key.expose())?;
    let open = |room: &mut [u8]| gcm.open(nonce, aad, ciphertext, tag, room);
    Ok(Secret::try_with(ciphertext.len(), open).ok())
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
