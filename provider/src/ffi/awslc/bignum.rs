//! Big integers of AWS-LC: the parts of RSA, EC and Diffie-Hellman keys on their way in and out.

use std::ptr;

use aws_lc_sys as lc;

use crate::error::{Code, Result};
use crate::ffi::awslc::check;
use crate::ffi::awslc::pointer::{Free, Owned};
use crate::secret::Secret;

// SAFETY: BN_clear_free cleanses the number and frees it.
unsafe impl Free for lc::BIGNUM {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the number away.
        unsafe { lc::BN_clear_free(object) }
    }
}

// SAFETY: BN_CTX_free clears and frees the numbers in the context and the context itself.
unsafe impl Free for lc::BN_CTX {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the context away.
        unsafe { lc::BN_CTX_free(object) }
    }
}

// SAFETY: BN_MONT_CTX_free cleanses and frees the context.
unsafe impl Free for lc::BN_MONT_CTX {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the context away.
        unsafe { lc::BN_MONT_CTX_free(object) }
    }
}

/// A non-negative integer, cleansed when dropped.
pub(crate) struct BigNum(Owned<lc::BIGNUM>);

impl BigNum {
    /// From big-endian bytes; leading zeros do not matter.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        // SAFETY: reads `bytes` and returns NULL or a number that the caller owns.
        let number = unsafe {
            Owned::new(
                lc::BN_bin2bn(bytes.as_ptr(), bytes.len(), ptr::null_mut()),
                "read an integer",
            )?
        };
        Ok(Self(number))
    }

    pub(crate) fn from_word(word: u64) -> Result<Self> {
        Self::from_bytes(&word.to_be_bytes())
    }

    /// # Safety
    /// `number` is NULL or a number owned by the caller, who gives it away here.
    pub(super) unsafe fn own(number: *mut lc::BIGNUM, what: &'static str) -> Result<Self> {
        // SAFETY: the caller's promise.
        Ok(Self(unsafe { Owned::new(number, what)? }))
    }

    pub(super) fn as_ptr(&self) -> *const lc::BIGNUM {
        self.0.as_ptr()
    }

    pub(super) fn copy(&self) -> Result<Self> {
        // SAFETY: a valid number, which lives during the call.
        unsafe { copy(self.as_ptr(), "copy an integer") }
    }

    /// Gives the number to a C function that takes it over.
    pub(super) fn into_raw(self) -> *mut lc::BIGNUM {
        self.0.into_raw()
    }

    /// Length in bits; 0 for zero.
    pub(crate) fn bits(&self) -> usize {
        // SAFETY: a valid number.
        unsafe { lc::BN_num_bits(self.as_ptr()) as usize }
    }

    pub(crate) fn is_odd(&self) -> bool {
        // SAFETY: a valid number.
        unsafe { lc::BN_is_odd(self.as_ptr()) == 1 }
    }

    pub(crate) fn is_one(&self) -> bool {
        // SAFETY: a valid number.
        unsafe { lc::BN_is_one(self.as_ptr()) == 1 }
    }

    /// As big-endian bytes without leading zeros.
    pub(crate) fn to_secret(&self) -> Result<Secret> {
        self.to_secret_of(self.bits().div_ceil(8))
    }

    /// As big-endian bytes, `len` of them.
    ///
    /// # Errors
    /// AttributeValueInvalid if the number is longer.
    pub(crate) fn to_secret_of(&self, len: usize) -> Result<Secret> {
        Secret::try_with(len, |bytes| {
            // SAFETY: a valid number, the buffer's own length.
            let answer =
                unsafe { lc::BN_bn2bin_padded(bytes.as_mut_ptr(), bytes.len(), self.as_ptr()) };
            check(answer, Code::AttributeValueInvalid, "write an integer")
        })
    }
}

/// Arithmetic for what happens once in the life of a key (import, checks). Only what says so is
/// constant in time.
impl BigNum {
    fn new() -> Result<Self> {
        // SAFETY: returns NULL or a number that the caller owns.
        unsafe { Self::own(lc::BN_new(), "make an integer") }
    }

    pub(crate) fn minus_one(&self) -> Result<Self> {
        let mut less = self.copy()?;
        // SAFETY: a valid number of our own.
        let answer = unsafe { lc::BN_sub_word(less.0.as_mut_ptr(), 1) };
        check(answer, Code::AttributeValueInvalid, "subtract one")?;
        Ok(less)
    }

    pub(crate) fn half(&self) -> Result<Self> {
        let mut half = Self::new()?;
        // SAFETY: valid numbers.
        let answer = unsafe { lc::BN_rshift1(half.0.as_mut_ptr(), self.as_ptr()) };
        check(answer, Code::HostMemory, "halve an integer")?;
        Ok(half)
    }

    pub(crate) fn times(&self, other: &Self) -> Result<Self> {
        let (mut product, mut context) = (Self::new()?, context()?);
        // SAFETY: valid numbers and context.
        let answer = unsafe {
            lc::BN_mul(product.0.as_mut_ptr(), self.as_ptr(), other.as_ptr(), context.as_mut_ptr())
        };
        check(answer, Code::HostMemory, "multiply integers")?;
        Ok(product)
    }

    /// Quotient and remainder.
    pub(crate) fn divided_by(&self, divisor: &Self) -> Result<(Self, Self)> {
        let (mut quotient, mut rest) = (Self::new()?, Self::new()?);
        let mut context = context()?;
        // SAFETY: valid numbers and context.
        let answer = unsafe {
            lc::BN_div(
                quotient.0.as_mut_ptr(),
                rest.0.as_mut_ptr(),
                self.as_ptr(),
                divisor.as_ptr(),
                context.as_mut_ptr(),
            )
        };
        check(answer, Code::AttributeValueInvalid, "divide integers")?;
        Ok((quotient, rest))
    }

    /// The greatest common divisor.
    pub(crate) fn gcd(&self, other: &Self) -> Result<Self> {
        let (mut divisor, mut context) = (Self::new()?, context()?);
        // SAFETY: valid numbers and context.
        let answer = unsafe {
            lc::BN_gcd(divisor.0.as_mut_ptr(), self.as_ptr(), other.as_ptr(), context.as_mut_ptr())
        };
        check(answer, Code::HostMemory, "find a common divisor")?;
        Ok(divisor)
    }

    /// # Errors
    /// AttributeValueInvalid if there is no inverse.
    pub(crate) fn inverse_modulo(&self, modulus: &Self) -> Result<Self> {
        let mut context = context()?;
        // SAFETY: valid numbers and context; returns NULL or a number that the caller owns.
        let inverse = unsafe {
            lc::BN_mod_inverse(
                ptr::null_mut(),
                self.as_ptr(),
                modulus.as_ptr(),
                context.as_mut_ptr(),
            )
        };
        // SAFETY: as above.
        unsafe { Self::own(inverse, "invert an integer") }
            .map_err(|error| error.with_code(Code::AttributeValueInvalid))
    }

    /// `self` to the power `exponent` modulo an odd `modulus`, in time that does not depend on the
    /// exponent's bits.
    pub(crate) fn power_modulo(&self, exponent: &Self, modulus: &Self) -> Result<Self> {
        let (mut power, mut context) = (Self::new()?, context()?);
        let (_, base) = self.divided_by(modulus)?;
        // SAFETY: a valid number and context; returns NULL or a context that the caller owns.
        let montgomery = unsafe {
            Owned::new(
                lc::BN_MONT_CTX_new_for_modulus(modulus.as_ptr(), context.as_mut_ptr()),
                "prepare a modulus",
            )?
        };
        // SAFETY: valid numbers and contexts, the base reduced.
        let answer = unsafe {
            lc::BN_mod_exp_mont_consttime(
                power.0.as_mut_ptr(),
                base.as_ptr(),
                exponent.as_ptr(),
                modulus.as_ptr(),
                context.as_mut_ptr(),
                montgomery.as_ptr(),
            )
        };
        check(answer, Code::AttributeValueInvalid, "raise an integer to a power")?;
        Ok(power)
    }
}

impl PartialEq for BigNum {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for BigNum {}

impl PartialOrd for BigNum {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BigNum {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // SAFETY: valid numbers.
        unsafe { lc::BN_cmp(self.as_ptr(), other.as_ptr()) }.cmp(&0)
    }
}

/// # Safety
/// `number` is NULL or points to a number that lives during the call.
pub(super) unsafe fn copy(number: *const lc::BIGNUM, what: &'static str) -> Result<BigNum> {
    if number.is_null() {
        return Err(Code::GeneralError.because(what));
    }
    // SAFETY: not NULL and valid by the caller's promise; the copy is the caller's.
    unsafe { BigNum::own(lc::BN_dup(number), what) }
}

fn context() -> Result<Owned<lc::BN_CTX>> {
    // SAFETY: returns NULL or a context that the caller owns.
    unsafe { Owned::new(lc::BN_CTX_new(), "make a context for integers") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(word: u64) -> BigNum {
        BigNum::from_word(word).unwrap()
    }

    #[test]
    fn arithmetic_agrees_with_small_numbers() {
        assert!(number(41).times(&number(271)).unwrap() == number(11111));
        let (quotient, rest) = number(11111).divided_by(&number(100)).unwrap();
        assert!(quotient == number(111) && rest == number(11));
        assert!(number(3).inverse_modulo(&number(11)).unwrap() == number(4));
        assert!(number(7).power_modulo(&number(5), &number(11)).unwrap() == number(10));
        assert!(number(12).gcd(&number(18)).unwrap() == number(6));
        assert!(number(13).half().unwrap() == number(6));
        assert_eq!(number(4).inverse_modulo(&number(8)).err().unwrap().code().raw(), 0x13);
    }

    #[test]
    fn bytes_are_padded_or_refused() {
        assert_eq!(number(0x0102).to_secret().unwrap().expose(), [1, 2]);
        assert_eq!(number(0x0102).to_secret_of(4).unwrap().expose(), [0, 0, 1, 2]);
        assert!(number(0x0102).to_secret_of(1).is_err());
    }
}
