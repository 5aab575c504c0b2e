//! Key derivation functions of AWS-LC: HKDF (RFC 5869), PBKDF2 (RFC 8018), the
//! one-step function of NIST SP 800-56C and that of TLS 1.2 (RFC 5246).

use aws_lc_sys as aws;

use super::check;
use super::hash::md;
use crate::error::{Code, Result};
use crate::mechanism::Hash;

/// The extract step: writes a pseudorandom key, as long as the hash, to `out`. An empty `salt`
/// stands for as many zero bytes as the hash is long.
pub(crate) fn extract(hash: Hash, salt: &[u8], secret: &[u8], out: &mut [u8]) -> Result<()> {
    assert_eq!(out.len(), hash.size());
    let mut len = 0;
    // SAFETY: every pointer comes with the length of its slice; `out` is as long as the digest.
    let answer = unsafe {
        aws::HKDF_extract(
            out.as_mut_ptr(),
            &mut len,
            md(hash),
            secret.as_ptr(),
            secret.len(),
            salt.as_ptr(),
            salt.len(),
        )
    };
    check(answer, Code::FunctionFailed, "extract with HKDF")
}

/// The expand step: fills `out`.
///
/// # Errors
/// KeySizeRange for more than 255 times the length of the hash.
pub(crate) fn expand(hash: Hash, key: &[u8], info: &[u8], out: &mut [u8]) -> Result<()> {
    // SAFETY: every pointer comes with the length of its slice.
    let answer = unsafe {
        aws::HKDF_expand(
            out.as_mut_ptr(),
            out.len(),
            md(hash),
            key.as_ptr(),
            key.len(),
            info.as_ptr(),
            info.len(),
        )
    };
    check(answer, Code::KeySizeRange, "expand with HKDF")
}

/// The one-step function over a hash (NIST SP 800-56C section 4.1, option 1), filling `out`.
pub(crate) fn one_step(hash: Hash, secret: &[u8], info: &[u8], out: &mut [u8]) -> Result<()> {
    // SAFETY: every pointer comes with the length of its slice.
    let answer = unsafe {
        aws::SSKDF_digest(
            out.as_mut_ptr(),
            out.len(),
            md(hash),
            secret.as_ptr(),
            secret.len(),
            info.as_ptr(),
            info.len(),
        )
    };
    check(answer, Code::FunctionFailed, "derive with SP 800-56C")
}

/// The pseudorandom function of TLS 1.2 (RFC 5246 section 5) over both seeds, filling `out`.
pub(crate) fn tls_prf(
    hash: Hash,
    secret: &[u8],
    label: &[u8],
    [one, two]: [&[u8]; 2],
    out: &mut [u8],
) -> Result<()> {
    // SAFETY: every pointer comes with the length of its slice.
    let answer = unsafe {
        aws::CRYPTO_tls1_prf(
            md(hash),
            out.as_mut_ptr(),
            out.len(),
            secret.as_ptr(),
            secret.len(),
            label.as_ptr().cast(),
            label.len(),
            one.as_ptr(),
            one.len(),
            two.as_ptr(),
            two.len(),
        )
    };
    check(answer, Code::FunctionFailed, "derive with the PRF of TLS")
}

/// PBKDF2 (RFC 8018 section 5.2), filling `out`.
pub(crate) fn pbkdf2(
    hash: Hash,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    out: &mut [u8],
) -> Result<()> {
    // SAFETY: every pointer comes with the length of its slice.
    let answer = unsafe {
        aws::PKCS5_PBKDF2_HMAC(
            password.as_ptr().cast(),
            password.len(),
            salt.as_ptr(),
            salt.len(),
            iterations,
            md(hash),
            out.len(),
            out.as_mut_ptr(),
        )
    };
    check(answer, Code::FunctionFailed, "derive with PBKDF2")
}
