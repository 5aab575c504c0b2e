//! Ed25519 against `ed25519-dalek` and RFC 8032, X25519 against RFC 7748.

use der::Encode;
use der::asn1::{BitString, OctetString, PrintableStringRef};
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

use super::{Pair, completed, lease, object, refuses_damage, sign, signs_in_parts, verify};
use crate::attribute::{AttributeType as A, Attributes, KeyType, ObjectClass, Value};
use crate::engine::curve::Curve;
use crate::engine::encoding;
use crate::error::{Code, Result};
use crate::mechanism::params::ec::EcKdf;
use crate::mechanism::{Mechanism, MechanismType as M, Params, set};
use crate::secret::Secret;

fn unhex(digits: &str) -> Vec<u8> {
    hex::decode(digits).unwrap()
}

fn named(name: &str) -> [(A, Value); 1] {
    [(A::EC_PARAMS, Value::bytes(PrintableStringRef::new(name).unwrap().to_der().unwrap()))]
}

fn by_oid(curve: Curve) -> [(A, Value); 1] {
    [(A::EC_PARAMS, Value::bytes(curve.params()))]
}

fn edwards() -> Pair {
    let params = by_oid(Curve::Edwards25519);
    Pair::generate(M::EC_EDWARDS_KEY_PAIR_GEN, KeyType::EC_EDWARDS, &params, &[]).unwrap()
}

fn montgomery() -> Pair {
    let params = by_oid(Curve::Curve25519);
    Pair::generate(M::EC_MONTGOMERY_KEY_PAIR_GEN, KeyType::EC_MONTGOMERY, &params, &[]).unwrap()
}

/// The private half with this value.
fn private(curve: Curve, value: &[u8]) -> Attributes {
    let value = (A::VALUE, Value::secret(Secret::copy_of(value)));
    let rows = [by_oid(curve)[0].clone(), value];
    object(ObjectClass::PRIVATE_KEY, curve.key_type(), &rows)
}

fn public(curve: Curve, point: &[u8]) -> Attributes {
    let rows = [by_oid(curve)[0].clone(), (A::EC_POINT, Value::bytes(point))];
    object(ObjectClass::PUBLIC_KEY, curve.key_type(), &rows)
}

#[test]
fn eddsa_agrees_with_the_oracle() {
    let pair = edwards();
    let theirs = SigningKey::from_pkcs8_der(pair.pkcs8().expose()).unwrap();
    let their_public = VerifyingKey::from_public_key_der(pair.info()).unwrap();
    for len in [0, 1, 64, 1000] {
        let message = vec![0x5a; len];
        let ours = sign(M::EDDSA, &pair.private_key(), &Params::None, &message).unwrap();
        // Ed25519 is deterministic.
        assert_eq!(ours, theirs.sign(&message).to_bytes());
        let signature = ed25519_dalek::Signature::from_slice(&ours).unwrap();
        their_public.verify_strict(&message, &signature).unwrap();
        verify(M::EDDSA, &pair.public_key(), &Params::None, &message, &ours).unwrap();
        refuses_damage(M::EDDSA, &pair, &Params::None, &message, &ours);
        signs_in_parts(M::EDDSA, &pair, &Params::None, &message);
    }
}

#[test]
fn eddsa_gives_the_signatures_of_rfc_8032() {
    // Section 7.1, tests 1 to 3: secret key, public key, message, signature.
    let vectors = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (seed, point, message, signature) in vectors {
        let half = completed(private(Curve::Edwards25519, &unhex(seed))).unwrap();
        let info = half.bytes(A::PUBLIC_KEY_INFO).unwrap();
        assert_eq!(info[info.len() - 32..], unhex(point));
        let message = unhex(message);
        let ours = sign(M::EDDSA, &lease(&half).unwrap(), &Params::None, &message).unwrap();
        assert_eq!(ours, unhex(signature));
        let key = lease(&public(Curve::Edwards25519, &unhex(point))).unwrap();
        verify(M::EDDSA, &key, &Params::None, &message, &ours).unwrap();
    }
}

/// RFC 8032 section 7.2, the first vector, and section 7.3.
#[test]
fn ed25519_with_context_and_prehash_give_the_signatures_of_rfc_8032() {
    let vectors = [
        (
            "0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6",
            "f726936d19c800494e3fdaff20b276a8",
            Params::Eddsa { prehash: false, context: b"foo" },
            "55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a\
             8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d",
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "616263",
            Params::Eddsa { prehash: true, context: b"" },
            "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41\
             31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
        ),
    ];
    for (seed, message, params, signature) in vectors {
        let half = completed(private(Curve::Edwards25519, &unhex(seed))).unwrap();
        let message = unhex(message);
        let ours = sign(M::EDDSA, &lease(&half).unwrap(), &params, &message).unwrap();
        assert_eq!(ours, unhex(signature));
        let info = half.bytes(A::PUBLIC_KEY_INFO).unwrap();
        let key = public(Curve::Edwards25519, &info[info.len() - 32..]);
        let key = lease(&completed(key).unwrap()).unwrap();
        verify(M::EDDSA, &key, &params, &message, &ours).unwrap();
        for other in [Params::None, Params::Eddsa { prehash: true, context: b"bar" }] {
            let answer = verify(M::EDDSA, &key, &other, &message, &ours);
            assert_eq!(answer.unwrap_err().code(), Code::SignatureInvalid);
        }
        signs_in_parts(M::EDDSA, &edwards(), &params, &message);
    }
}

fn derive(key: &Attributes, public: &[u8], length: Option<usize>) -> Result<Vec<u8>> {
    let spec = set::look_up(M::ECDH1_DERIVE).unwrap();
    let mechanism =
        Mechanism { spec, params: Params::Ecdh { kdf: EcKdf::Null, public }, keys: Vec::new() };
    let secret = spec.derive.unwrap()(&lease(key)?, &mechanism, length)?;
    Ok(secret.expose().to_vec())
}

#[test]
fn x25519_gives_the_secrets_of_rfc_7748() {
    // Section 5.2, then section 6.1 (Bob's key, Alice's public key): scalar, coordinate, result.
    let vectors = [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
        (
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
        ),
    ];
    for (scalar, coordinate, secret) in vectors {
        let key = private(Curve::Curve25519, &unhex(scalar));
        assert_eq!(derive(&key, &unhex(coordinate), None).unwrap(), unhex(secret));
    }
    let bob = completed(private(Curve::Curve25519, &unhex(vectors[2].0))).unwrap();
    let info = bob.bytes(A::PUBLIC_KEY_INFO).unwrap();
    let public = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
    assert_eq!(info[info.len() - 32..], unhex(public));
}

#[test]
fn both_sides_of_x25519_agree_in_every_encoding_of_the_peer() {
    let (a, b) = (montgomery(), montgomery());
    let wrapped = b.public.bytes(A::EC_POINT).unwrap();
    let raw = &wrapped[2..];
    let bits = BitString::from_bytes(raw).unwrap().to_der().unwrap();
    let secret = derive(&b.private, a.public.bytes(A::EC_POINT).unwrap(), None).unwrap();
    for peer in [wrapped, raw, &bits] {
        assert_eq!(derive(&a.private, peer, None).unwrap(), secret);
    }
    assert_eq!(derive(&a.private, raw, Some(16)).unwrap(), secret[16..]);
    let error = derive(&a.private, raw, Some(33)).unwrap_err();
    assert_eq!(error.code(), Code::KeySizeRange);
}

#[test]
fn peers_of_small_order_and_of_no_length_are_refused() {
    let pair = montgomery();
    let order_eight = "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";
    let one = [&[1][..], &[0; 31]].concat();
    for peer in [&[0; 32][..], &one, &unhex(order_eight), &[], &[9; 31], &[9; 33]] {
        let error = derive(&pair.private, peer, None).unwrap_err();
        assert_eq!(error.code(), Code::MechanismParamInvalid, "{peer:x?}");
    }
    let error = derive(&pair.public, &[9; 32], None).unwrap_err();
    assert_eq!(error.code(), Code::KeyTypeInconsistent);
}

#[test]
fn curves_go_by_oid_or_name_and_the_halves_keep_what_was_said() {
    let cases = [
        (M::EC_EDWARDS_KEY_PAIR_GEN, KeyType::EC_EDWARDS, "edwards25519"),
        (M::EC_MONTGOMERY_KEY_PAIR_GEN, KeyType::EC_MONTGOMERY, "curve25519"),
    ];
    for (mechanism, key_type, name) in cases {
        let pair = Pair::generate(mechanism, key_type, &named(name), &[]).unwrap();
        assert_eq!(pair.private.find(A::EC_PARAMS), pair.public.find(A::EC_PARAMS));
        lease(&pair.private).unwrap();
        let wrong = named("prime256v1");
        let error = Pair::generate(mechanism, key_type, &wrong, &[]).err().unwrap();
        assert_eq!(error.code(), Code::CurveNotSupported);
    }
}

#[test]
fn points_are_imported_in_every_encoding_and_kept_in_one() {
    for (pair, curve) in [(edwards(), Curve::Edwards25519), (montgomery(), Curve::Curve25519)] {
        let kept = pair.public.bytes(A::EC_POINT).unwrap();
        assert_eq!(kept, OctetString::new(&kept[2..]).unwrap().to_der().unwrap());
        let bits = BitString::from_bytes(&kept[2..]).unwrap().to_der().unwrap();
        for point in [kept, &kept[2..], &bits] {
            let half = completed(public(curve, point)).unwrap();
            assert_eq!(half.bytes(A::EC_POINT).unwrap(), kept);
            assert_eq!(half.bytes(A::PUBLIC_KEY_INFO).unwrap(), pair.info());
        }
        for point in [&kept[..33], &kept[3..]] {
            let error = completed(public(curve, point)).unwrap_err();
            assert_eq!(error.code(), Code::AttributeValueInvalid);
        }
        for value in [&[1; 31][..], &[1; 33], &[1; 64]] {
            let error = completed(private(curve, value)).unwrap_err();
            assert_eq!(error.code(), Code::AttributeValueInvalid);
        }
    }
}

#[test]
fn pkcs8_comes_back_as_the_same_attributes() {
    for pair in [edwards(), montgomery()] {
        let (key_type, attributes) = encoding::private_key(pair.pkcs8().expose()).unwrap();
        assert_eq!(Some(key_type), pair.private.key_type());
        assert_eq!(attributes.find(A::VALUE), pair.private.find(A::VALUE));
        assert_eq!(attributes.find(A::EC_PARAMS), pair.private.find(A::EC_PARAMS));
        assert!(matches!(pair.private.find(A::VALUE), Some(Value::Secret(_))));
        assert!(matches!(attributes.find(A::VALUE), Some(Value::Secret(_))));
    }
}

#[test]
fn the_wrong_half_of_a_key_starts_nothing() {
    let pair = edwards();
    let row = set::look_up(M::EDDSA).unwrap();
    for (start, key) in [(row.sign, pair.public_key()), (row.verify, pair.private_key())] {
        let error = start.unwrap()(&key, &Params::None).err().unwrap();
        assert_eq!(error.code(), Code::KeyTypeInconsistent);
    }
}
