//! The numbers of an RSA private key: those that an application left out follow from `n`, `e`, `d`.

use crate::attribute::{AttributeType, Attributes};
use crate::engine::part::required;
use crate::engine::rsa;
use crate::error::{Code, Result};
use crate::ffi::awslc::bignum::BigNum;
use crate::ffi::awslc::rsa::Parts;

/// Bases that are tried; each finds the factors of an RSA modulus with a chance of a half at least.
const TRIES: u64 = 100;

/// Every number of a private key. The factors are recovered unless both are there, the CRT numbers
/// computed unless they are there; whether all agree is the engine's to check.
///
/// # Errors
/// TemplateIncomplete without `n`, `e` or `d`; AttributeValueInvalid if they are not those of an
/// RSA key.
pub(super) fn parts(attributes: &Attributes) -> Result<Parts> {
    let number = |id| required(attributes, id).and_then(BigNum::from_bytes);
    let given = |id| match attributes.bytes(id) {
        Some([]) | None => Ok(None),
        Some(bytes) => BigNum::from_bytes(bytes).map(Some),
    };
    let n = number(AttributeType::MODULUS)?;
    rsa::check_size(n.bits())?;
    let e = number(AttributeType::PUBLIC_EXPONENT)?;
    let d = number(AttributeType::PRIVATE_EXPONENT)?;
    if d.bits() > n.bits() {
        return Err(Code::AttributeValueInvalid.because("the private exponent exceeds the modulus"));
    }
    let (p, q) = match (given(AttributeType::PRIME_1)?, given(AttributeType::PRIME_2)?) {
        (Some(p), Some(q)) => (p, q),
        _ => factors(&n, &e, &d)?,
    };
    let or_compute = |id, compute: &dyn Fn() -> Result<BigNum>| match given(id)? {
        Some(number) => Ok(number),
        None => compute(),
    };
    let dp = or_compute(AttributeType::EXPONENT_1, &|| Ok(d.divided_by(&p.minus_one()?)?.1))?;
    let dq = or_compute(AttributeType::EXPONENT_2, &|| Ok(d.divided_by(&q.minus_one()?)?.1))?;
    let qi = or_compute(AttributeType::COEFFICIENT, &|| q.inverse_modulo(&p))?;
    Ok(Parts { n, e, d, p, q, dp, dq, qi })
}

/// The prime factors of `n`, the larger first (NIST SP 800-56B revision 2 appendix C.1, with small
/// bases in order instead of random ones).
fn factors(n: &BigNum, e: &BigNum, d: &BigNum) -> Result<(BigNum, BigNum)> {
    let bad = || Code::AttributeValueInvalid.because("the exponents do not belong to the modulus");
    let minus_one = n.minus_one()?;
    let multiple = d.times(e)?.minus_one()?;
    let (mut odd, mut twos) = (multiple.half()?, 1);
    if !n.is_odd() || multiple.is_odd() || odd.bits() == 0 {
        return Err(bad());
    }
    while !odd.is_odd() {
        odd = odd.half()?;
        twos += 1;
    }
    for base in 2..2 + TRIES {
        let mut root = BigNum::from_word(base)?.power_modulo(&odd, n)?;
        for _ in 0..twos {
            let square = root.times(&root)?.divided_by(n)?.1;
            if square.is_one() && !root.is_one() && root != minus_one {
                let p = root.minus_one()?.gcd(n)?;
                let q = n.divided_by(&p)?.0;
                return Ok(if p > q { (p, q) } else { (q, p) });
            }
            root = square;
        }
        if !root.is_one() {
            return Err(bad());
        }
    }
    Err(bad())
}
