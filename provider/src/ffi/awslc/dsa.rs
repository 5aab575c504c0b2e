//! DSA of AWS-LC (FIPS 186-4).

use std::ffi::c_int;
use std::ptr;

use aws_lc_sys as lc;

use crate::error::{Code, Result};
use crate::ffi::awslc::bignum::{self, BigNum};
use crate::ffi::awslc::check;
use crate::ffi::awslc::pointer::{Free, Owned};

// SAFETY: DSA_free drops our reference; the last one cleanses the numbers and frees the key.
unsafe impl Free for lc::DSA {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the key away.
        unsafe { lc::DSA_free(object) }
    }
}

// SAFETY: DSA_SIG_free frees the signature and its numbers, which are public.
unsafe impl Free for lc::DSA_SIG {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the signature away.
        unsafe { lc::DSA_SIG_free(object) }
    }
}

// SAFETY: EVP_PKEY_free drops our reference; the last one frees the key.
unsafe impl Free for lc::EVP_PKEY {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the key away.
        unsafe { lc::EVP_PKEY_free(object) }
    }
}

// SAFETY: EVP_PKEY_CTX_free frees the context.
unsafe impl Free for lc::EVP_PKEY_CTX {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the context away.
        unsafe { lc::EVP_PKEY_CTX_free(object) }
    }
}

/// The domain parameters: `p`, `q` which divides p-1, and `g` of order q.
pub(crate) struct Group {
    pub p: BigNum,
    pub q: BigNum,
    pub g: BigNum,
}

impl Group {
    /// New parameters with a prime of `p_bits` and a subprime of `q_bits` bits: seconds.
    ///
    /// # Errors
    /// AttributeValueInvalid for sizes that the engine does not make.
    pub(crate) fn generate(p_bits: u16, q_bits: u16) -> Result<Self> {
        const WHAT: &str = "generate DSA parameters";
        // SAFETY: returns NULL or a context that the caller owns.
        let mut context = unsafe {
            let none = ptr::null_mut();
            Owned::new(lc::EVP_PKEY_CTX_new_id(lc::EVP_PKEY_DSA, none), WHAT)?
        };
        let mut made = ptr::null_mut();
        // SAFETY: a context of our own; `made` becomes a key that the caller owns.
        let made = unsafe {
            let context = context.as_mut_ptr();
            check(lc::EVP_PKEY_paramgen_init(context), Code::FunctionFailed, WHAT)?;
            let answer = lc::EVP_PKEY_CTX_set_dsa_paramgen_bits(context, c_int::from(p_bits));
            check(answer, Code::AttributeValueInvalid, WHAT)?;
            let answer = lc::EVP_PKEY_CTX_set_dsa_paramgen_q_bits(context, c_int::from(q_bits));
            check(answer, Code::AttributeValueInvalid, WHAT)?;
            check(lc::EVP_PKEY_paramgen(context, &mut made), Code::FunctionFailed, WHAT)?;
            Owned::new(made, WHAT)?
        };
        // SAFETY: the key lives and lends its DSA key, which lends its numbers; NULL is seen by
        // `copy`, the functions give NULL for NULL.
        unsafe {
            let dsa = lc::EVP_PKEY_get0_DSA(made.as_ptr());
            if dsa.is_null() {
                return Err(Code::GeneralError.because(WHAT));
            }
            Ok(Self {
                p: bignum::copy(lc::DSA_get0_p(dsa), "no p")?,
                q: bignum::copy(lc::DSA_get0_q(dsa), "no q")?,
                g: bignum::copy(lc::DSA_get0_g(dsa), "no g")?,
            })
        }
    }
}

/// A public or private key; operations on it only read it, but for tables that the engine builds
/// under a lock of its own.
pub(crate) struct Dsa(Owned<lc::DSA>);

impl Dsa {
    /// # Errors
    /// DomainParamsInvalid for numbers that the engine takes for no group.
    fn of(group: &Group) -> Result<Owned<lc::DSA>> {
        let (p, q, g) = (group.p.copy()?, group.q.copy()?, group.g.copy()?);
        // SAFETY: returns NULL or an empty key that the caller owns.
        let mut dsa = unsafe { Owned::new(lc::DSA_new(), "make a DSA key")? };
        // SAFETY: an empty key of our own, which takes the numbers over (the call fails for NULL
        // only, and none is).
        let answer =
            unsafe { lc::DSA_set0_pqg(dsa.as_mut_ptr(), p.into_raw(), q.into_raw(), g.into_raw()) };
        check(answer, Code::DomainParamsInvalid, "make a DSA group")?;
        Ok(dsa)
    }

    /// A key of its public value and, for the private half, its private one.
    ///
    /// # Errors
    /// As the engine finds the numbers at their first use; ranges are the caller's to check.
    pub(crate) fn new(group: &Group, public: BigNum, private: Option<BigNum>) -> Result<Self> {
        let mut dsa = Self::of(group)?;
        let private = private.map_or(ptr::null_mut(), BigNum::into_raw);
        // SAFETY: a key of our own, which takes the numbers over; the call fails for a key without
        // public value only.
        let answer = unsafe { lc::DSA_set0_key(dsa.as_mut_ptr(), public.into_raw(), private) };
        check(answer, Code::AttributeValueInvalid, "import a DSA key")?;
        Ok(Self(dsa))
    }

    pub(crate) fn generate(group: &Group) -> Result<Self> {
        let mut dsa = Self::of(group)?;
        // SAFETY: a key of our own with a group and no values.
        let answer = unsafe { lc::DSA_generate_key(dsa.as_mut_ptr()) };
        check(answer, Code::DomainParamsInvalid, "generate a DSA key")?;
        Ok(Self(dsa))
    }

    pub(crate) fn public_value(&self) -> Result<BigNum> {
        // SAFETY: the key lives and lends its number; NULL is seen by `copy`.
        unsafe { bignum::copy(lc::DSA_get0_pub_key(self.0.as_ptr()), "no public value") }
    }

    pub(crate) fn private_value(&self) -> Result<BigNum> {
        // SAFETY: as above.
        unsafe { bignum::copy(lc::DSA_get0_priv_key(self.0.as_ptr()), "no private value") }
    }

    /// Signs a digest of any length (the leftmost bits count, FIPS 186-4 section 4.6) and writes r
    /// and s, each in a half of `signature`.
    pub(crate) fn sign(&self, digest: &[u8], signature: &mut [u8]) -> Result<()> {
        // SAFETY: the key is only read; returns NULL or a signature that the caller owns.
        let pair = unsafe {
            let pair = lc::DSA_do_sign(digest.as_ptr(), digest.len(), self.0.as_ptr());
            Owned::new(pair, "sign with DSA")
                .map_err(|error| error.with_code(Code::FunctionFailed))?
        };
        let (r, s) = signature.split_at_mut(signature.len() / 2);
        let (mut from_r, mut from_s) = (ptr::null(), ptr::null());
        // SAFETY: the signature lives and lends its numbers; the lengths are the slices' own.
        unsafe {
            lc::DSA_SIG_get0(pair.as_ptr(), &mut from_r, &mut from_s);
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
        let mut pair = unsafe { Owned::new(lc::DSA_SIG_new(), "make a signature")? };
        // SAFETY: a signature of our own, which takes both numbers over (the call fails for NULL
        // only); the key is only read.
        let answer = unsafe {
            let answer = lc::DSA_SIG_set0(pair.as_mut_ptr(), r.into_raw(), s.into_raw());
            check(answer, Code::GeneralError, "fill a signature")?;
            lc::DSA_do_verify(digest.as_ptr(), digest.len(), pair.as_ptr(), self.0.as_ptr())
        };
        check(answer, Code::SignatureInvalid, "check a DSA signature")
    }
}
