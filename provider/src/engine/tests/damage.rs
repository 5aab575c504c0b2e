//! Encodings from outside, damaged all over: refused with the right code or taken, never a
//! panic, and what is taken is a key.

use super::{Pair, RSA, completed, object};
use crate::attribute::{AttributeType as A, KeyType, ObjectClass, Value};
use crate::engine::curve::Curve;
use crate::engine::encoding;
use crate::error::Code;
use crate::ffi::awslc::dh::rfc7919;
use crate::mechanism::MechanismType as M;

fn on_curve(curve: Curve, mechanism: M) -> Pair {
    let params = [(A::EC_PARAMS, Value::bytes(curve.params()))];
    Pair::generate(mechanism, curve.key_type(), &params, &[]).unwrap()
}

fn diffie_hellman() -> Pair {
    let prime = rfc7919(2048).unwrap().unwrap().to_secret().unwrap();
    let group = [(A::PRIME, Value::bytes(prime.expose())), (A::BASE, Value::bytes([2]))];
    Pair::generate(M::DH_PKCS_KEY_PAIR_GEN, KeyType::DH, &group, &[]).unwrap()
}

/// Reads the encoding as `C_UnwrapKey` does.
fn unwrap(der: &[u8]) -> Result<(), Code> {
    let read = || {
        let (key_type, attributes) = encoding::private_key(der)?;
        let rows: Vec<_> = attributes.iter().map(|(id, value)| (id, value.clone())).collect();
        completed(object(ObjectClass::PRIVATE_KEY, key_type, &rows)).map(|_| ())
    };
    read().map_err(|error: crate::error::Error| error.code())
}

#[test]
fn a_damaged_pkcs8_key_is_refused_with_a_code_of_its_function() {
    let pairs = [
        on_curve(Curve::P256, M::EC_KEY_PAIR_GEN),
        on_curve(Curve::P521, M::EC_KEY_PAIR_GEN),
        on_curve(Curve::Edwards25519, M::EC_EDWARDS_KEY_PAIR_GEN),
        on_curve(Curve::Curve25519, M::EC_MONTGOMERY_KEY_PAIR_GEN),
        diffie_hellman(),
    ];
    for pair in pairs.iter().chain(&RSA[..1]) {
        let der = pair.pkcs8();
        assert_eq!(unwrap(der.expose()), Ok(()));
        let step = if der.len() < 300 { 1 } else { 11 };
        for at in (0..der.len()).step_by(step) {
            for bit in [0x01, 0x80] {
                let mut damaged = der.expose().to_vec();
                damaged[at] ^= bit;
                if let Err(code) = unwrap(&damaged) {
                    let expected = [
                        Code::WrappedKeyInvalid,
                        Code::AttributeValueInvalid,
                        Code::CurveNotSupported,
                        Code::DomainParamsInvalid,
                        Code::TemplateIncomplete,
                    ];
                    assert!(expected.contains(&code), "{code:?} at {at}");
                }
            }
            assert!(unwrap(&der.expose()[..at]).is_err());
        }
    }
}

/// SoftHSM2 2.6.1 fills PKCS#8 with zeros to whole blocks of 8 before it wraps.
#[test]
fn zeros_up_to_the_next_block_are_no_part_of_a_pkcs8_key() {
    let der = on_curve(Curve::P256, M::EC_KEY_PAIR_GEN).pkcs8();
    let followed = |rest: &[u8]| unwrap(&[der.expose(), rest].concat());
    for zeros in 0..8 {
        assert_eq!(followed(&[0; 8][..zeros]), Ok(()), "{zeros}");
    }
    for rest in [&[0; 8][..], &[0, 1], &[1]] {
        assert_eq!(followed(rest), Err(Code::WrappedKeyInvalid), "{rest:?}");
    }
}

#[test]
fn a_damaged_rsa_key_is_never_taken() {
    let der = RSA[0].pkcs8();
    // From the first byte of the modulus on there are numbers and their headers only.
    for at in (40..der.len()).step_by(29) {
        let mut damaged = der.expose().to_vec();
        damaged[at] ^= 1;
        assert!(unwrap(&damaged).is_err(), "{at}");
    }
}
