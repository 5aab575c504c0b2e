//! ECDSA and ECDH of AWS-LC on the NIST curves and secp256k1.

use std::ptr;

use aws_lc_sys as lc;

use crate::error::{Code, Result};
use crate::ffi::awslc::bignum::{self, BigNum};
use crate::ffi::awslc::pointer::{Free, Owned};
use crate::ffi::awslc::{check, failure};
use crate::secret::Secret;

// SAFETY: EC_KEY_free drops our reference; the last one cleanses the scalar and frees the key.
unsafe impl Free for lc::EC_KEY {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the key away.
        unsafe { lc::EC_KEY_free(object) }
    }
}

// SAFETY: EC_POINT_free frees the point, which is public wherever it is used here.
unsafe impl Free for lc::EC_POINT {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the point away.
        unsafe { lc::EC_POINT_free(object) }
    }
}

// SAFETY: ECDSA_SIG_free frees the signature and its numbers, which are public.
unsafe impl Free for lc::ECDSA_SIG {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the signature away.
        unsafe { lc::ECDSA_SIG_free(object) }
    }
}

/// A curve of the engine.
#[derive(Clone, Copy)]
pub(crate) enum Group {
    P224,
    P256,
    P384,
    P521,
    Secp256k1,
}

impl Group {
    /// The engine's static group; never NULL.
    fn raw(self) -> *const lc::EC_GROUP {
        // SAFETY: these functions take nothing and return pointers to constants.
        unsafe {
            match self {
                Self::P224 => lc::EC_group_p224(),
                Self::P256 => lc::EC_group_p256(),
                Self::P384 => lc::EC_group_p384(),
                Self::P521 => lc::EC_group_p521(),
                Self::Secp256k1 => lc::EC_group_secp256k1(),
            }
        }
    }
}

/// A public or private key; operations on it only read it.
pub(crate) struct Ec(Owned<lc::EC_KEY>);

/// Making keys and taking them apart.
impl Ec {
    /// # Errors
    /// AttributeValueInvalid for bytes that are no point on the curve, compressed or not, or its
    /// point at infinity.
    pub(crate) fn public(group: Group, point: &[u8]) -> Result<Self> {
        let mut key = Self::empty(group)?;
        let point = decode(group, point)?;
        // SAFETY: a key of our own without public point; the point is copied.
        let answer = unsafe { lc::EC_KEY_set_public_key(key.0.as_mut_ptr(), point.as_ptr()) };
        check(answer, Code::AttributeValueInvalid, "import an EC public key")?;
        Ok(key)
    }

    /// # Errors
    /// AttributeValueInvalid for a scalar that is not between 1 and the order, excluded.
    pub(crate) fn private(group: Group, scalar: &[u8]) -> Result<Self> {
        const WHAT: &str = "import an EC private key";
        let mut key = Self::empty(group)?;
        let scalar = BigNum::from_bytes(scalar)?;
        // SAFETY: returns NULL or a point that the caller owns.
        let mut point = unsafe { Owned::new(lc::EC_POINT_new(group.raw()), "make a point")? };
        // SAFETY: a key, a scalar and a point of our own; both are copied into the key, and the
        // public point is the scalar's multiple of the generator.
        unsafe {
            let answer = lc::EC_KEY_set_private_key(key.0.as_mut_ptr(), scalar.as_ptr());
            check(answer, Code::AttributeValueInvalid, WHAT)?;
            let answer = lc::EC_POINT_mul(
                group.raw(),
                point.as_mut_ptr(),
                scalar.as_ptr(),
                ptr::null(),
                ptr::null(),
                ptr::null_mut(),
            );
            check(answer, Code::AttributeValueInvalid, WHAT)?;
            let answer = lc::EC_KEY_set_public_key(key.0.as_mut_ptr(), point.as_ptr());
            check(answer, Code::AttributeValueInvalid, WHAT)?;
            check(lc::EC_KEY_check_key(key.0.as_ptr()), Code::AttributeValueInvalid, WHAT)?;
        }
        Ok(key)
    }

    pub(crate) fn generate(group: Group) -> Result<Self> {
        let mut key = Self::empty(group)?;
        // SAFETY: an empty key of our own with its group.
        let answer = unsafe { lc::EC_KEY_generate_key(key.0.as_mut_ptr()) };
        check(answer, Code::FunctionFailed, "generate an EC key")?;
        Ok(key)
    }

    fn empty(group: Group) -> Result<Self> {
        // SAFETY: returns NULL or an empty key that the caller owns.
        let mut key = unsafe { Owned::new(lc::EC_KEY_new(), "make an EC key")? };
        // SAFETY: a key of our own, a static group.
        let answer = unsafe { lc::EC_KEY_set_group(key.as_mut_ptr(), group.raw()) };
        check(answer, Code::HostMemory, "give an EC key its group")?;
        Ok(Self(key))
    }

    /// The public point, uncompressed.
    pub(crate) fn point(&self) -> Result<Vec<u8>> {
        let mut out = vec![0; 1 + 2 * 66];
        // SAFETY: the key lives and lends its group and point; every key here has a public point;
        // the length is the buffer's own.
        let len = unsafe {
            let key = self.0.as_ptr();
            lc::EC_POINT_point2oct(
                lc::EC_KEY_get0_group(key),
                lc::EC_KEY_get0_public_key(key),
                lc::point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED,
                out.as_mut_ptr(),
                out.len(),
                ptr::null_mut(),
            )
        };
        match len {
            0 => Err(failure(Code::GeneralError, "encode a point")),
            len => {
                out.truncate(len);
                Ok(out)
            }
        }
    }

    /// The private scalar in `len` bytes.
    pub(crate) fn scalar(&self, len: usize) -> Result<Secret> {
        // SAFETY: the key lives and lends its scalar; NULL is seen by `copy`.
        let scalar =
            unsafe { bignum::copy(lc::EC_KEY_get0_private_key(self.0.as_ptr()), "no scalar")? };
        scalar.to_secret_of(len)
    }
}

/// The operations.
impl Ec {
    /// Signs a digest of any length (the leftmost bits count, FIPS 186-5 section 6.4.1) and writes
    /// r and s, each in a half of `signature`.
    pub(crate) fn sign(&self, digest: &[u8], signature: &mut [u8]) -> Result<()> {
        // SAFETY: the key is only read; returns NULL or a signature that the caller owns.
        let pair = unsafe {
            Owned::new(
                lc::ECDSA_do_sign(digest.as_ptr(), digest.len(), self.0.as_ptr()),
                "sign with ECDSA",
            )
            .map_err(|error| error.with_code(Code::FunctionFailed))?
        };
        let (r, s) = signature.split_at_mut(signature.len() / 2);
        // SAFETY: the signature lives and lends its numbers; the lengths are the slices' own.
        unsafe {
            let pair = pair.as_ptr();
            let (from_r, from_s) = (lc::ECDSA_SIG_get0_r(pair), lc::ECDSA_SIG_get0_s(pair));
            let answer = lc::BN_bn2bin_padded(r.as_mut_ptr(), r.len(), from_r);
            check(answer, Code::GeneralError, "write r")?;
            let answer = lc::BN_bn2bin_padded(s.as_mut_ptr(), s.len(), from_s);
            check(answer, Code::GeneralError, "write s")
        }
    }

    /// # Errors
    /// SignatureInvalid.
    pub(crate) fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<()> {
        let (r, s) = signature.split_at(signature.len() / 2);
        let (r, s) = (BigNum::from_bytes(r)?, BigNum::from_bytes(s)?);
        // SAFETY: returns NULL or a signature that the caller owns.
        let mut pair = unsafe { Owned::new(lc::ECDSA_SIG_new(), "make a signature")? };
        // SAFETY: a signature of our own, which takes both numbers over (the call fails for NULL
        // only); the key is only read.
        let answer = unsafe {
            let answer = lc::ECDSA_SIG_set0(pair.as_mut_ptr(), r.into_raw(), s.into_raw());
            check(answer, Code::GeneralError, "fill a signature")?;
            lc::ECDSA_do_verify(digest.as_ptr(), digest.len(), pair.as_ptr(), self.0.as_ptr())
        };
        check(answer, Code::SignatureInvalid, "check an ECDSA signature")
    }

    /// The x coordinate of the shared point, `len` bytes.
    ///
    /// # Errors
    /// MechanismParamInvalid for bytes that are no point on the curve.
    pub(crate) fn agree(&self, group: Group, peer: &[u8], len: usize) -> Result<Secret> {
        let peer =
            decode(group, peer).map_err(|error| error.with_code(Code::MechanismParamInvalid))?;
        Secret::try_with(len, |out| {
            // SAFETY: the key is only read and of the point's group; the length is the buffer's.
            let written = unsafe {
                lc::ECDH_compute_key(
                    out.as_mut_ptr().cast(),
                    out.len(),
                    peer.as_ptr(),
                    self.0.as_ptr(),
                    None,
                )
            };
            match usize::try_from(written) {
                Ok(written) if written == len => Ok(()),
                _ => Err(failure(Code::FunctionFailed, "agree on a secret")),
            }
        })
    }
}

/// A point on the curve, compressed or not.
fn decode(group: Group, point: &[u8]) -> Result<Owned<lc::EC_POINT>> {
    // SAFETY: returns NULL or a point that the caller owns.
    let mut decoded = unsafe { Owned::new(lc::EC_POINT_new(group.raw()), "make a point")? };
    // SAFETY: a point of our own, the slice's own length; the engine checks the curve's equation.
    let answer = unsafe {
        lc::EC_POINT_oct2point(
            group.raw(),
            decoded.as_mut_ptr(),
            point.as_ptr(),
            point.len(),
            ptr::null_mut(),
        )
    };
    check(answer, Code::AttributeValueInvalid, "read a point")?;
    // SAFETY: a valid point of this group.
    match unsafe { lc::EC_POINT_is_at_infinity(group.raw(), decoded.as_ptr()) } {
        0 => Ok(decoded),
        _ => Err(Code::AttributeValueInvalid.because("the point at infinity")),
    }
}
