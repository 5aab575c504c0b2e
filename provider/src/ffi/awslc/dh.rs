//! Finite-field Diffie-Hellman of AWS-LC, and the published primes that it knows.

use std::ptr;

use aws_lc_sys as lc;

use crate::error::{Code, Result};
use crate::ffi::awslc::bignum::{self, BigNum};
use crate::ffi::awslc::pointer::{Free, Owned};
use crate::ffi::awslc::{check, failure};
use crate::secret::Secret;

// SAFETY: DH_free drops our reference; the last one cleanses the numbers and frees the key.
unsafe impl Free for lc::DH {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the key away.
        unsafe { lc::DH_free(object) }
    }
}

/// A private key with its group. Deriving is documented as safe to run at once on one key.
pub(crate) struct Dh(Owned<lc::DH>);

impl Dh {
    /// # Errors
    /// DomainParamsInvalid for numbers that the engine takes for no group.
    fn group(prime: &BigNum, base: &BigNum) -> Result<Owned<lc::DH>> {
        let (prime, base) = (prime.copy()?, base.copy()?);
        // SAFETY: returns NULL or an empty key that the caller owns.
        let mut dh = unsafe { Owned::new(lc::DH_new(), "make a DH key")? };
        // SAFETY: an empty key of our own, which takes both numbers over (the call fails for NULL
        // only, and neither is).
        let answer = unsafe {
            lc::DH_set0_pqg(dh.as_mut_ptr(), prime.into_raw(), ptr::null_mut(), base.into_raw())
        };
        check(answer, Code::DomainParamsInvalid, "make a DH group")?;
        Ok(dh)
    }

    pub(crate) fn private(prime: &BigNum, base: &BigNum, private: BigNum) -> Result<Self> {
        let mut dh = Self::group(prime, base)?;
        // SAFETY: a key of our own, which takes the number over; the call does not fail.
        let answer =
            unsafe { lc::DH_set0_key(dh.as_mut_ptr(), ptr::null_mut(), private.into_raw()) };
        check(answer, Code::AttributeValueInvalid, "import a DH private key")?;
        Ok(Self(dh))
    }

    /// A new key; the private value has at most `bits` bits, 0 for as many as the prime allows.
    pub(crate) fn generate(prime: &BigNum, base: &BigNum, bits: u32) -> Result<Self> {
        let mut dh = Self::group(prime, base)?;
        // SAFETY: a key of our own with a group and no private value.
        unsafe {
            check(lc::DH_set_length(dh.as_mut_ptr(), bits), Code::GeneralError, "limit a DH key")?;
            let answer = lc::DH_generate_key(dh.as_mut_ptr());
            check(answer, Code::DomainParamsInvalid, "generate a DH key")?;
        }
        Ok(Self(dh))
    }

    /// The public value of a generated key.
    pub(crate) fn public_value(&self) -> Result<BigNum> {
        // SAFETY: the key lives and lends its number; NULL is seen by `copy`.
        unsafe { bignum::copy(lc::DH_get0_pub_key(self.0.as_ptr()), "no public value") }
    }

    pub(crate) fn private_value(&self) -> Result<BigNum> {
        // SAFETY: as above.
        unsafe { bignum::copy(lc::DH_get0_priv_key(self.0.as_ptr()), "no private value") }
    }

    /// The shared secret, as long as the prime, leading zeros and all.
    ///
    /// # Errors
    /// MechanismParamInvalid for a peer's value that is not between 1 and p-1, both excluded, or
    /// that gives such a secret.
    pub(crate) fn derive(&self, peer: &BigNum) -> Result<Secret> {
        // SAFETY: a valid key with its group.
        let len = unsafe { lc::DH_size(self.0.as_ptr()) };
        Secret::try_with(len as usize, |out| {
            // SAFETY: DH_compute_key_padded is documented as non-mutating; `out` has DH_size bytes.
            let written = unsafe {
                lc::DH_compute_key_padded(out.as_mut_ptr(), peer.as_ptr(), self.0.as_shared_ptr())
            };
            match written == len {
                true => Ok(()),
                false => Err(failure(Code::MechanismParamInvalid, "agree on a secret with DH")),
            }
        })
    }
}

/// The prime of the RFC 7919 group of this size, if the engine has it.
pub(crate) fn rfc7919(bits: usize) -> Result<Option<BigNum>> {
    let group = match bits {
        2048 => lc::NID_ffdhe2048,
        3072 => lc::NID_ffdhe3072,
        4096 => lc::NID_ffdhe4096,
        8192 => lc::NID_ffdhe8192,
        _ => return Ok(None),
    };
    // SAFETY: returns NULL or a key that the caller owns, which lends its prime.
    unsafe {
        let dh = Owned::new(lc::DH_new_by_nid(group), "make an RFC 7919 group")?;
        bignum::copy(lc::DH_get0_p(dh.as_ptr()), "no prime").map(Some)
    }
}

/// The prime of the RFC 3526 group of this size, if there is one.
pub(crate) fn rfc3526(bits: usize) -> Result<Option<BigNum>> {
    let make = match bits {
        2048 => lc::BN_get_rfc3526_prime_2048,
        3072 => lc::BN_get_rfc3526_prime_3072,
        4096 => lc::BN_get_rfc3526_prime_4096,
        6144 => lc::BN_get_rfc3526_prime_6144,
        8192 => lc::BN_get_rfc3526_prime_8192,
        _ => return Ok(None),
    };
    // SAFETY: given NULL, returns NULL or a number that the caller owns.
    unsafe { BigNum::own(make(ptr::null_mut()), "make an RFC 3526 prime").map(Some) }
}
