//! Ed25519 (RFC 8032) and X25519 (RFC 7748) of AWS-LC: functions on arrays of fixed length.

use aws_lc_sys as lc;

use crate::error::{Code, Result};
use crate::ffi::awslc::check;
use crate::secret::Secret;

/// Length of a seed, a scalar, a public key and a shared secret.
pub(crate) const LEN: usize = 32;
/// Length of an Ed25519 signature.
pub(crate) const SIGNATURE: usize = 64;

/// An Ed25519 private key as the engine wants it: the seed and the public key.
pub(crate) struct Ed25519(Secret);

impl Ed25519 {
    pub(crate) fn from_seed(seed: &[u8; LEN]) -> Self {
        let mut public = [0; LEN];
        Self(Secret::with(2 * LEN, |private| {
            // SAFETY: 32 bytes of public key, 64 of private key and 32 of seed, as the arrays and
            // `with` have them.
            unsafe {
                lc::ED25519_keypair_from_seed(
                    public.as_mut_ptr(),
                    private.as_mut_ptr(),
                    seed.as_ptr(),
                );
            }
        }))
    }

    pub(crate) fn public(&self) -> &[u8] {
        &self.0.expose()[LEN..]
    }

    pub(crate) fn sign(&self, message: &[u8], signature: &mut [u8; SIGNATURE]) -> Result<()> {
        // SAFETY: 64 bytes of signature and of private key; the message's own length.
        let answer = unsafe {
            lc::ED25519_sign(
                signature.as_mut_ptr(),
                message.as_ptr(),
                message.len(),
                self.0.expose().as_ptr(),
            )
        };
        check(answer, Code::FunctionFailed, "sign with Ed25519")
    }
}

/// # Errors
/// SignatureInvalid.
pub(crate) fn ed25519_verify(
    public: &[u8; LEN],
    message: &[u8],
    signature: &[u8; SIGNATURE],
) -> Result<()> {
    // SAFETY: 32 bytes of public key and 64 of signature; the message's own length.
    let answer = unsafe {
        lc::ED25519_verify(message.as_ptr(), message.len(), signature.as_ptr(), public.as_ptr())
    };
    check(answer, Code::SignatureInvalid, "check an Ed25519 signature")
}

pub(crate) fn x25519_public(private: &[u8; LEN]) -> [u8; LEN] {
    let mut public = [0; LEN];
    // SAFETY: 32 bytes each.
    unsafe { lc::X25519_public_from_private(public.as_mut_ptr(), private.as_ptr()) };
    public
}

/// # Errors
/// MechanismParamInvalid for a peer of small order, whose shared secret is zero (RFC 7748
/// section 6.1).
pub(crate) fn x25519(private: &[u8; LEN], peer: &[u8; LEN]) -> Result<Secret> {
    Secret::try_with(LEN, |shared| {
        // SAFETY: 32 bytes each.
        let answer = unsafe { lc::X25519(shared.as_mut_ptr(), private.as_ptr(), peer.as_ptr()) };
        check(answer, Code::MechanismParamInvalid, "agree with X25519")
    })
}
