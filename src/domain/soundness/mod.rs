//! Whether a key is what it should be: its halves belong together, its certificates are its own,
//! and it is none of those that are known to be weak.

mod published;
mod rsa;
mod secret;

use num_bigint::BigUint;
use num_integer::Integer;

/// What a token shows of the public half of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicMaterial {
    /// RSA: modulus and exponent, big-endian.
    Rsa {
        /// n
        modulus: Vec<u8>,
        /// e
        exponent: Vec<u8>,
    },
    /// A point on any curve, as SubjectPublicKeyInfo has it: `04 || x || y`, or 32 bytes.
    Point(Vec<u8>),
}

/// What trying something gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trial {
    /// As it should be.
    Passed,
    /// Not so; what was seen.
    Failed(String),
    /// It could not be tried; why.
    NotTried(String),
}

/// A certificate with a key's identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateEvidence {
    /// Its subject.
    pub subject: String,
    /// Its public key, if it is RSA or on a curve.
    pub material: Option<PublicMaterial>,
}

/// Everything seen of one private or secret key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// CKA_LABEL.
    pub label: String,
    /// CKA_ID.
    pub id: Vec<u8>,
    /// Its public half, from the private object or the public one.
    pub material: Option<PublicMaterial>,
    /// What was tried with it, in words, and the outcome.
    pub trials: Vec<(&'static str, Trial)>,
    /// A secret AES key: what it makes of sixteen zero bytes, or the beginning of that.
    pub zero_block: Option<Vec<u8>>,
    /// Certificates with its identifier.
    pub certificates: Vec<CertificateEvidence>,
}

/// What is to be said of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What is wrong; empty for a sound key.
    pub problems: Vec<String>,
    /// What was tried and is as it should be.
    pub passed: Vec<String>,
    /// What could not be tried.
    pub untried: Vec<String>,
}

/// The verdict on each key, in the order of the evidence. The keys are also held against each
/// other: RSA moduli must not share a prime.
pub fn judge(evidence: &[Evidence]) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = evidence.iter().map(alone).collect();
    for (first, second) in shared_factors(evidence) {
        let (a, b) = (&evidence[first].label, &evidence[second].label);
        verdicts[first].problems.push(format!("its modulus shares a prime with key {b:?}"));
        verdicts[second].problems.push(format!("its modulus shares a prime with key {a:?}"));
    }
    verdicts
}

fn alone(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::default();
    for (what, trial) in &evidence.trials {
        match trial {
            Trial::Passed => verdict.passed.push((*what).to_owned()),
            Trial::Failed(seen) => verdict.problems.push(format!("{what}: {seen}")),
            Trial::NotTried(why) => verdict.untried.push(format!("{what}: {why}")),
        }
    }
    for CertificateEvidence { subject, material } in &evidence.certificates {
        match (&evidence.material, material) {
            (Some(own), Some(certified)) if own == certified => {
                verdict.passed.push(format!("certificate {subject} is this key's"));
            }
            (Some(_), Some(_)) => {
                verdict.problems.push(format!("certificate {subject} is another key's"));
            }
            _ => verdict.untried.push(format!("certificate {subject}: its key cannot be compared")),
        }
    }
    match &evidence.material {
        Some(PublicMaterial::Rsa { modulus, exponent }) => {
            verdict.problems.extend(rsa::weaknesses(modulus, exponent));
        }
        Some(PublicMaterial::Point(point)) => verdict.problems.extend(published::point(point)),
        None => {}
    }
    verdict.problems.extend(evidence.zero_block.as_deref().and_then(secret::weakness));
    verdict
}

/// Every two keys with different moduli that have a factor in common.
fn shared_factors(evidence: &[Evidence]) -> Vec<(usize, usize)> {
    let moduli: Vec<(usize, BigUint)> = evidence
        .iter()
        .enumerate()
        .filter_map(|(place, evidence)| match &evidence.material {
            Some(PublicMaterial::Rsa { modulus, .. }) => {
                Some((place, BigUint::from_bytes_be(modulus)))
            }
            _ => None,
        })
        .collect();
    let one = BigUint::from(1u8);
    let mut pairs = Vec::new();
    for (number, (first, n)) in moduli.iter().enumerate() {
        for (second, m) in &moduli[number + 1..] {
            if n != m && n.gcd(m) > one {
                pairs.push((*first, *second));
            }
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rsa_evidence(label: &str, modulus: &BigUint) -> Evidence {
        Evidence {
            label: label.to_owned(),
            id: Vec::new(),
            material: Some(PublicMaterial::Rsa {
                modulus: modulus.to_bytes_be(),
                exponent: vec![1, 0, 1],
            }),
            trials: Vec::new(),
            zero_block: None,
            certificates: Vec::new(),
        }
    }

    #[test]
    fn a_shared_prime_is_found_in_both_keys() {
        // Mersenne primes: 2^1279 - 1, 2^2203 - 1, 2^2281 - 1.
        let prime = |bits: u32| (BigUint::from(1u8) << bits) - 1u8;
        let (a, b, c) = (prime(1279), prime(2203), prime(2281));
        let keys = [
            rsa_evidence("first", &(&a * &b)),
            rsa_evidence("second", &(&a * &c)),
            rsa_evidence("copy", &(&a * &b)),
        ];
        let verdicts = judge(&keys);
        let shared = |place: usize| {
            verdicts[place].problems.iter().filter(|p| p.contains("shares a prime")).count()
        };
        assert_eq!([shared(0), shared(1), shared(2)], [1, 2, 1]);
    }

    #[test]
    fn a_certificate_of_another_key_is_a_problem() {
        let mut evidence = rsa_evidence("key", &BigUint::from(15u8));
        evidence.material = Some(PublicMaterial::Point(vec![7; 32]));
        let certificate = |byte| CertificateEvidence {
            subject: "CN=x".to_owned(),
            material: Some(PublicMaterial::Point(vec![byte; 32])),
        };
        evidence.certificates = vec![certificate(7), certificate(8)];
        let verdict = &judge(&[evidence])[0];
        assert_eq!(verdict.passed, ["certificate CN=x is this key's"]);
        assert_eq!(verdict.problems, ["certificate CN=x is another key's"]);
    }
}
