//! Weak RSA keys, by their public half alone.

use num_bigint::BigUint;
use num_integer::Integer;

/// Shortest modulus that still protects (NIST SP 800-131A), in bits.
const BITS_MIN: u64 = 2048;
/// Smallest public exponent (FIPS 186-5, A.1.1).
const EXPONENT_MIN: u32 = 65537;
/// No modulus has a factor below this.
const FACTOR_MAX: u32 = 1 << 16;
/// Steps of Fermat's method: more than primes chosen at random ever need to be told apart.
const FERMAT_STEPS: u32 = 256;
/// The small primes by which the library of CVE-2017-15361 betrays its keys.
const ROCA_PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// What is weak about a key, in words.
pub(super) fn weaknesses(modulus: &[u8], exponent: &[u8]) -> Vec<String> {
    let (n, e) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
    let mut found = Vec::new();
    if n.bits() < BITS_MIN {
        found.push(format!("RSA of {} bits is too short: {BITS_MIN} at least", n.bits()));
    }
    if e.is_even() || e < BigUint::from(EXPONENT_MIN) {
        found.push(format!("its public exponent is {e}: odd and {EXPONENT_MIN} at least"));
    }
    if let Some(factor) = small_factor(&n) {
        found.push(format!("its modulus is divisible by {factor}: it was tampered with"));
    } else if has_close_primes(&n) {
        found.push("its primes are so close that Fermat's method finds them".to_owned());
    } else if is_roca(&n) {
        found.push("it was made by a faulty generator (ROCA, CVE-2017-15361)".to_owned());
    }
    found
}

fn small_factor(n: &BigUint) -> Option<u32> {
    if n.is_even() {
        return Some(2);
    }
    (3..FACTOR_MAX).step_by(2).find(|factor| (n % *factor) == BigUint::ZERO)
}

/// Whether n is the difference of two squares near its root.
fn has_close_primes(n: &BigUint) -> bool {
    let mut a = n.sqrt();
    if &a * &a < *n {
        a += 1u8;
    }
    for _ in 0..FERMAT_STEPS {
        let b2 = &a * &a - n;
        let b = b2.sqrt();
        if &b * &b == b2 {
            return true;
        }
        a += 1u8;
    }
    false
}

/// Whether n is a power of 65537 modulo every one of the primes, as the keys of the faulty library
/// are; of other keys one in 2^28 is.
fn is_roca(n: &BigUint) -> bool {
    ROCA_PRIMES.iter().all(|&prime| {
        let remainder = n % prime;
        let step = 65537 % prime;
        let mut power = 1;
        for _ in 0..prime {
            if BigUint::from(power) == remainder {
                return true;
            }
            power = power * step % prime;
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const E: &[u8] = &[1, 0, 1];

    fn big(text: &str) -> BigUint {
        BigUint::parse_bytes(text.as_bytes(), 16).expect("hexadecimal")
    }

    fn product_of_mersenne_primes() -> BigUint {
        ((BigUint::from(1u8) << 1279u32) - 1u8) * ((BigUint::from(1u8) << 2203u32) - 1u8)
    }

    #[test]
    fn an_ordinary_key_has_no_weakness() {
        let n = product_of_mersenne_primes();
        assert_eq!(weaknesses(&n.to_bytes_be(), E), [""; 0]);
    }

    #[test]
    fn short_keys_and_small_exponents_are_named() {
        let n = product_of_mersenne_primes().to_bytes_be();
        assert!(weaknesses(&n, &[3])[0].contains("exponent is 3"));
        assert!(weaknesses(&n, &[1, 0, 2])[0].contains("exponent is 65538"));
        let short = ((BigUint::from(1u8) << 521u32) - 1u8) * ((BigUint::from(1u8) << 607u32) - 1u8);
        assert!(weaknesses(&short.to_bytes_be(), E)[0].contains("RSA of 1128 bits"));
    }

    #[test]
    fn a_small_factor_is_found() {
        for factor in [2u32, 3, 65521] {
            let n = product_of_mersenne_primes() * factor;
            let found = weaknesses(&n.to_bytes_be(), E);
            assert!(found[0].contains(&format!("divisible by {factor}")), "{found:?}");
        }
    }

    #[test]
    fn close_primes_are_found() {
        // (2^1279 - 1) and itself plus a little: no prime is needed, only closeness.
        let p: BigUint = (BigUint::from(1u8) << 1279u32) - 1u8;
        let q = &p + (BigUint::from(1u8) << 600u32);
        let found = weaknesses(&(p * q).to_bytes_be(), E);
        assert!(found[0].contains("Fermat"), "{found:?}");
    }

    #[test]
    fn the_shape_of_the_faulty_generator_is_found() {
        // Its primes are k * M + 65537^a mod M, with M the product of small primes; the product of
        // two such numbers has the same shape.
        let primorial = ROCA_PRIMES.iter().fold(BigUint::from(2u8), |product, p| product * *p);
        let shaped = |k: &str, a: u32| {
            big(k) * &primorial + BigUint::from(65537u32).modpow(&BigUint::from(a), &primorial)
        };
        let far = "1".repeat(200);
        let n = shaped(&"c".repeat(210), 1234) * shaped(&far, 98765);
        assert!(is_roca(&n));
        assert!(!is_roca(&product_of_mersenne_primes()));
    }
}
