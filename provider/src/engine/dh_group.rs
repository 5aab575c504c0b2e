//! Groups of finite-field Diffie-Hellman: what is checked of any, and the published ones.

use crate::attribute::{AttributeType, Attributes};
use crate::engine::part::required;
use crate::error::{Code, Result};
use crate::ffi::awslc::bignum::BigNum;
use crate::ffi::awslc::dh::{rfc3526, rfc7919};

/// Smallest and largest prime in bits.
pub const SIZES: (u64, u64) = (2048, 8192);

/// A prime and a base.
pub(super) struct Group {
    pub prime: BigNum,
    pub base: BigNum,
    pub known: Option<Known>,
}

/// A published group: `p` is a safe prime and the base, 2, generates the subgroup of its half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// RFC 7919 appendix A, with the length of private values that it gives for the group.
    Rfc7919 { private_bits: u32 },
    /// RFC 3526.
    Rfc3526,
}

impl Group {
    /// # Errors
    /// TemplateIncomplete without prime or base; DomainParamsInvalid for a prime that is even or
    /// outside of [`SIZES`], or a base that is not between 1 and p-1, both excluded. Whether an
    /// unknown prime is one is not checked: that takes seconds.
    pub(super) fn of(attributes: &Attributes) -> Result<Self> {
        let prime = BigNum::from_bytes(required(attributes, AttributeType::PRIME)?)?;
        let base = BigNum::from_bytes(required(attributes, AttributeType::BASE)?)?;
        if !(SIZES.0..=SIZES.1).contains(&(prime.bits() as u64)) || !prime.is_odd() {
            return Err(Code::DomainParamsInvalid.because(format!(
                "a DH prime of {} bits, odd: {}",
                prime.bits(),
                prime.is_odd()
            )));
        }
        let mut group = Self { prime, base, known: None };
        if !group.is_element(&group.base)? {
            return Err(Code::DomainParamsInvalid.because("the base is no element of the group"));
        }
        if group.base == BigNum::from_word(2)? {
            group.known = known(&group.prime)?;
        }
        Ok(group)
    }

    /// Whether 1 < `value` < p-1.
    fn is_element(&self, value: &BigNum) -> Result<bool> {
        Ok(value.bits() > 1 && *value < self.prime.minus_one()?)
    }

    /// Whether `value` can be a public value: an element, and of the subgroup that the base
    /// generates if that is known (NIST SP 800-56A revision 3 section 5.6.2.3.1).
    pub(super) fn is_public_value(&self, value: &BigNum) -> Result<bool> {
        match self.known {
            _ if !self.is_element(value)? => Ok(false),
            None => Ok(true),
            Some(_) => Ok(value.power_modulo(&self.prime.half()?, &self.prime)?.is_one()),
        }
    }
}

/// The published group with this prime.
fn known(prime: &BigNum) -> Result<Option<Known>> {
    let bits = prime.bits();
    let private_bits = match bits {
        2048 => 225,
        3072 => 275,
        4096 => 325,
        6144 => 375,
        _ => 400,
    };
    if rfc7919(bits)?.is_some_and(|known| known == *prime) || bits == 6144 && *prime == ffdhe6144()?
    {
        return Ok(Some(Known::Rfc7919 { private_bits }));
    }
    Ok(rfc3526(bits)?.filter(|known| known == prime).map(|_| Known::Rfc3526))
}

/// The prime of ffdhe6144, which the engine lacks.
///
/// RFC 7919 section 3: p = 2^b - 2^(b-64) + (floor(2^(b-130) e) + X) 2^64 - 1, so all the groups
/// begin with the same digits of e and differ in how many, and in X. The subtraction of one makes
/// the last 64 bits ones and borrows one from the digits.
fn ffdhe6144() -> Result<BigNum> {
    const X: u64 = 15_705_020;
    const LEN: usize = 6144 / 8;
    let longer = rfc7919(8192)?.ok_or_else(|| Code::GeneralError.because("no ffdhe8192"))?;
    let longer = longer.to_secret()?;
    let mut prime = [0xff; LEN];
    prime[..LEN - 8].copy_from_slice(&longer.expose()[..LEN - 8]);
    let (_, tail) = prime[..LEN - 8].split_at_mut(LEN - 16);
    let mut digits = [0; 8];
    digits.copy_from_slice(tail);
    tail.copy_from_slice(&u64::from_be_bytes(digits).wrapping_add(X - 1).to_be_bytes());
    BigNum::from_bytes(&prime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prime_of_ffdhe6144_is_the_one_of_the_rfc() {
        let prime = ffdhe6144().unwrap();
        assert_eq!(prime.bits(), 6144);
        // Appendix A.4: the last line before the ones.
        let bytes = prime.to_secret().unwrap();
        let tail = hex::decode("a40e329cd0e40e65ffffffffffffffff").unwrap();
        assert_eq!(&bytes.expose()[6144 / 8 - 16..], tail);
        // A safe prime with base 2 in its subgroup: Euler's criterion for p, Fermat's for q.
        let (two, half) = (BigNum::from_word(2).unwrap(), prime.half().unwrap());
        assert!(two.power_modulo(&half, &prime).unwrap().is_one());
        assert!(two.power_modulo(&half.minus_one().unwrap(), &half).unwrap().is_one());
    }

    #[test]
    fn published_groups_are_recognised() {
        for (bits, private_bits) in [(2048, 225), (3072, 275), (4096, 325), (8192, 400)] {
            let prime = rfc7919(bits).unwrap().unwrap();
            assert_eq!(known(&prime).unwrap(), Some(Known::Rfc7919 { private_bits }));
            let prime = rfc3526(bits).unwrap().unwrap();
            assert_eq!(known(&prime).unwrap(), Some(Known::Rfc3526));
            assert_eq!(known(&prime.minus_one().unwrap()).unwrap(), None);
        }
        let prime = ffdhe6144().unwrap();
        assert_eq!(known(&prime).unwrap(), Some(Known::Rfc7919 { private_bits: 375 }));
    }
}
