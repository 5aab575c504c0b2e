//! Ed25519 (RFC 8032) and X25519 (RFC 7748) of AWS-LC: functions on arrays of fixed length.

use aws_lc_sys as lc;

use crate::error::{Code, Result};
use crate::ffi::awslc::check;
use crate::secret::Secret;

/// Length of a seed, a scalar, a public key and a shared secret.
pub(crate) const LEN: usize = 32;
/// Length of an Ed25519 signature.
pub(crate) const SIGNATURE: usize = 64;

/// The forms of Ed25519 (RFC 8032 section 5.1), with their context.
pub(crate) enum Form {
    Pure,
    Context(Box<[u8]>),
    Prehash(Box<[u8]>),
}

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

    /// Signs a message, or for [`Form::Prehash`] its SHA-512 digest.
    pub(crate) fn sign(
        &self,
        form: &Form,
        message: &[u8],
        signature: &mut [u8; SIGNATURE],
    ) -> Result<()> {
        let (out, private) = (signature.as_mut_ptr(), self.0.expose().as_ptr());
        let (data, len) = (message.as_ptr(), message.len());
        // SAFETY: 64 bytes of signature, of private key and (checked by `digest`) of digest; the
        // message's and the context's own lengths.
        let answer = unsafe {
            match form {
                Form::Pure => lc::ED25519_sign(out, data, len, private),
                Form::Context(context) => {
                    lc::ED25519ctx_sign(out, data, len, private, context.as_ptr(), context.len())
                }
                Form::Prehash(context) => {
                    let data = digest(message)?.as_ptr();
                    lc::ED25519ph_sign_digest(out, data, private, context.as_ptr(), context.len())
                }
            }
        };
        check(answer, Code::FunctionFailed, "sign with Ed25519")
    }
}

/// # Errors
/// SignatureInvalid.
pub(crate) fn ed25519_verify(
    form: &Form,
    public: &[u8; LEN],
    message: &[u8],
    signature: &[u8; SIGNATURE],
) -> Result<()> {
    let (signature, public) = (signature.as_ptr(), public.as_ptr());
    let (data, len) = (message.as_ptr(), message.len());
    // SAFETY: 32 bytes of public key, 64 of signature and (checked by `digest`) of digest; the
    // message's and the context's own lengths.
    let answer = unsafe {
        match form {
            Form::Pure => lc::ED25519_verify(data, len, signature, public),
            Form::Context(context) => {
                let (context, size) = (context.as_ptr(), context.len());
                lc::ED25519ctx_verify(data, len, signature, public, context, size)
            }
            Form::Prehash(context) => {
                let (context, size) = (context.as_ptr(), context.len());
                let data = digest(message)?.as_ptr();
                lc::ED25519ph_verify_digest(data, signature, public, context, size)
            }
        }
    };
    check(answer, Code::SignatureInvalid, "check an Ed25519 signature")
}

/// What Ed25519ph signs: a SHA-512 digest.
fn digest(message: &[u8]) -> Result<&[u8; 64]> {
    message.try_into().map_err(|_| Code::GeneralError.because("no SHA-512 digest for Ed25519ph"))
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
