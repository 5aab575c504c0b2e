//! ECDSA and ECDH on the NIST curves and secp256k1 against `p256`, `p384`, `p521` and `k256`.

use der::Encode;
use der::asn1::{BitString, PrintableStringRef};
use elliptic::pkcs8::{DecodePrivateKey, DecodePublicKey};
use p256::elliptic_curve as elliptic;

use super::{Pair, completed, lease, object, refuses_damage, sign, signs_in_parts, verify};
use crate::attribute::{AttributeType as A, KeyType, ObjectClass, Value};
use crate::engine::curve::Curve;
use crate::engine::digest::digest;
use crate::engine::{ec, encoding};
use crate::error::{Code, Result};
use crate::mechanism::params::ec::EcKdf;
use crate::mechanism::{Hash, Mechanism, MechanismType as M, Params, set};
use crate::secret::Secret;

const HASHED: [(M, Hash); 9] = [
    (M::ECDSA_SHA1, Hash::Sha1),
    (M::ECDSA_SHA224, Hash::Sha224),
    (M::ECDSA_SHA256, Hash::Sha256),
    (M::ECDSA_SHA384, Hash::Sha384),
    (M::ECDSA_SHA512, Hash::Sha512),
    (M::ECDSA_SHA3_224, Hash::Sha3_224),
    (M::ECDSA_SHA3_256, Hash::Sha3_256),
    (M::ECDSA_SHA3_384, Hash::Sha3_384),
    (M::ECDSA_SHA3_512, Hash::Sha3_512),
];
const CURVES: [Curve; 4] = [Curve::P256, Curve::P384, Curve::P521, Curve::Secp256k1];
const MESSAGE: &[u8] = b"the message that everybody in these tests signs";

fn generate(curve: Curve) -> Pair {
    let params = [(A::EC_PARAMS, Value::bytes(curve.params()))];
    Pair::generate(M::EC_KEY_PAIR_GEN, KeyType::EC, &params, &[]).unwrap()
}

/// The oracle's answer for a digest of at least half the size of the curve.
fn oracle_verifies(curve: Curve, pair: &Pair, digest: &[u8], signature: &[u8]) -> bool {
    macro_rules! verifies {
        ($oracle:ident $(, $normalize:ident)?) => {{
            use $oracle::ecdsa::signature::hazmat::PrehashVerifier;
            let key = $oracle::PublicKey::from_public_key_der(pair.info()).unwrap();
            let signature = $oracle::ecdsa::Signature::from_slice(signature).unwrap();
            $(let signature = signature.$normalize();)?
            $oracle::ecdsa::VerifyingKey::from(key).verify_prehash(digest, &signature).is_ok()
        }};
    }
    match curve {
        Curve::P256 => verifies!(p256),
        Curve::P384 => verifies!(p384),
        // This oracle takes the lower of the two equivalent values of s only.
        Curve::Secp256k1 => verifies!(k256, normalize_s),
        _ => verifies!(p521),
    }
}

fn oracle_signs(curve: Curve, pair: &Pair, digest: &[u8]) -> Vec<u8> {
    macro_rules! signs {
        ($oracle:ident) => {{
            use $oracle::ecdsa::signature::hazmat::PrehashSigner;
            let key = $oracle::SecretKey::from_pkcs8_der(pair.pkcs8().expose()).unwrap();
            let key = $oracle::ecdsa::SigningKey::from(key);
            let signature: $oracle::ecdsa::Signature = key.sign_prehash(digest).unwrap();
            signature.to_bytes().to_vec()
        }};
    }
    match curve {
        Curve::P256 => signs!(p256),
        Curve::P384 => signs!(p384),
        Curve::Secp256k1 => signs!(k256),
        _ => signs!(p521),
    }
}

#[test]
fn signatures_agree_for_every_curve_and_hash() {
    for curve in CURVES {
        let pair = generate(curve);
        let (private, public) = (pair.private_key(), pair.public_key());
        for (mechanism, hash) in HASHED {
            let digest = &digest(hash, MESSAGE)[..hash.size()];
            let ours = sign(mechanism, &private, &Params::None, MESSAGE).unwrap();
            assert_eq!(ours.len(), 2 * curve.size());
            verify(mechanism, &public, &Params::None, MESSAGE, &ours).unwrap();
            verify(M::ECDSA, &public, &Params::None, digest, &ours).unwrap();
            refuses_damage(mechanism, &pair, &Params::None, MESSAGE, &ours);
            signs_in_parts(mechanism, &pair, &Params::None, MESSAGE);
            // The oracle takes no digest shorter than half of the curve.
            if 2 * digest.len() >= curve.size() {
                assert!(oracle_verifies(curve, &pair, digest, &ours), "{curve:?} {hash:?}");
                let theirs = oracle_signs(curve, &pair, digest);
                verify(mechanism, &public, &Params::None, MESSAGE, &theirs).unwrap();
                let raw = sign(M::ECDSA, &private, &Params::None, digest).unwrap();
                assert!(oracle_verifies(curve, &pair, digest, &raw));
            }
        }
    }
}

#[test]
fn raw_ecdsa_takes_a_digest_of_any_length_and_its_leftmost_bits_count() {
    let pair = generate(Curve::P256);
    let (private, public) = (pair.private_key(), pair.public_key());
    for len in [0, 1, 20, 31, 32, 33, 64, 128, 1000] {
        let mut data = vec![0xa5; len];
        let signature = sign(M::ECDSA, &private, &Params::None, &data).unwrap();
        verify(M::ECDSA, &public, &Params::None, &data, &signature).unwrap();
        data.push(0);
        let longer = verify(M::ECDSA, &public, &Params::None, &data, &signature);
        assert_eq!(longer.is_ok(), len == 0 || len >= 32, "{len}"); // no digest counts as 0
    }
}

#[test]
fn halves_without_their_leading_zeros_verify() {
    let pair = generate(Curve::P256);
    let (private, public) = (pair.private_key(), pair.public_key());
    let signature = loop {
        let signature = sign(M::ECDSA, &private, &Params::None, &[1; 32]).unwrap();
        if signature[0] == 0 {
            break signature;
        }
    };
    if signature[32] == 0 {
        let short = [&signature[1..32], &signature[33..]].concat();
        verify(M::ECDSA, &public, &Params::None, &[1; 32], &short).unwrap();
    }
    let odd = &signature[1..];
    let answer = verify(M::ECDSA, &public, &Params::None, &[1; 32], odd);
    assert_eq!(answer.unwrap_err().code(), Code::SignatureLenRange);
}

fn derive(pair: &Pair, public: &[u8], length: Option<usize>) -> Result<Secret> {
    let spec = set::look_up(M::ECDH1_DERIVE).unwrap();
    let mechanism =
        Mechanism { spec, params: Params::Ecdh { kdf: EcKdf::Null, public }, keys: Vec::new() };
    spec.derive.unwrap()(&pair.private_key(), &mechanism, length)
}

/// The shared secret as the oracle computes it.
fn oracle_agrees(curve: Curve, ours: &Pair, theirs: &Pair) -> Vec<u8> {
    macro_rules! agrees {
        ($oracle:ident) => {{
            let secret = $oracle::SecretKey::from_pkcs8_der(theirs.pkcs8().expose()).unwrap();
            let public = $oracle::PublicKey::from_public_key_der(ours.info()).unwrap();
            let shared =
                $oracle::ecdh::diffie_hellman(secret.to_nonzero_scalar(), public.as_affine());
            shared.raw_secret_bytes().to_vec()
        }};
    }
    match curve {
        Curve::P256 => agrees!(p256),
        Curve::P384 => agrees!(p384),
        Curve::Secp256k1 => agrees!(k256),
        _ => agrees!(p521),
    }
}

#[test]
fn both_sides_of_ecdh_agree_with_the_oracle_in_every_encoding_of_the_point() {
    for curve in CURVES {
        let (a, b) = (generate(curve), generate(curve));
        let wrapped = b.public.bytes(A::EC_POINT).unwrap();
        let raw = &wrapped[wrapped.len() - 1 - 2 * curve.size()..];
        let (x, y) = raw[1..].split_at(curve.size());
        let compressed = [&[2 + (y[curve.size() - 1] & 1)], x].concat();

        let secret = oracle_agrees(curve, &a, &b);
        for point in [wrapped, raw, &compressed] {
            assert_eq!(derive(&a, point, None).unwrap().expose(), secret);
        }
        let back = derive(&b, a.public.bytes(A::EC_POINT).unwrap(), None).unwrap();
        assert_eq!(back.expose(), secret);

        // "The truncation removes bytes from the leading end of the secret value."
        let short = derive(&a, raw, Some(16)).unwrap();
        assert_eq!(short.expose(), &secret[secret.len() - 16..]);
        for length in [0, curve.size() + 1] {
            let error = derive(&a, raw, Some(length)).unwrap_err();
            assert_eq!(error.code(), Code::KeySizeRange);
        }
    }
}

/// NIST's ECC CDH primitive vectors, P-224, count 0; RFC 6979 appendix A.2.4, SHA-256, "sample".
#[test]
fn p224_gives_the_vectors_of_nist_and_of_rfc_6979() {
    let params = (A::EC_PARAMS, Value::bytes(Curve::P224.params()));
    let scalar = "8346a60fc6f293ca5a0d2af68ba71d1dd389e5e40837942df3e43cbd";
    let value = (A::VALUE, Value::secret(Secret::copy_of(&hex::decode(scalar).unwrap())));
    let half = object(ObjectClass::PRIVATE_KEY, KeyType::EC, &[params.clone(), value]);
    let key = lease(&completed(half).unwrap()).unwrap();
    let peer = "04af33cd0629bc7e996320a3f40368f74de8704fa37b8fab69abaae280\
                882092ccbba7930f419a8a4f9bb16978bbc3838729992559a6f2e2d7";
    let peer = hex::decode(peer).unwrap();
    for id in [M::ECDH1_DERIVE, M::ECDH1_COFACTOR_DERIVE] {
        let spec = set::look_up(id).unwrap();
        let params = Params::Ecdh { kdf: EcKdf::Null, public: &peer };
        let mechanism = Mechanism { spec, params, keys: Vec::new() };
        let secret = spec.derive.unwrap()(&key, &mechanism, None).unwrap();
        let expected = "7d96f9a3bd3c05cf5cc37feb8b9d5209d5c2597464dec3e9983743e8";
        assert_eq!(hex::encode(secret.expose()), expected);
    }

    let point = "0400cf08da5ad719e42707fa431292dea11244d64fc51610d94b130d6c\
                 eeab6f3debe455e3dbf85416f7030cbd94f34f2d6f232c69f3c1385a";
    let point = (A::EC_POINT, Value::bytes(&hex::decode(point).unwrap()[..]));
    let half = object(ObjectClass::PUBLIC_KEY, KeyType::EC, &[params, point]);
    let key = lease(&completed(half).unwrap()).unwrap();
    let signature = "61aa3da010e8e8406c656bc477a7a7189895e7e840cdfe8ff42307ba\
                     bc814050dab5d23770879494f9e0a680dc1af7161991bde692b10101";
    let mut signature = hex::decode(signature).unwrap();
    verify(M::ECDSA_SHA256, &key, &Params::None, b"sample", &signature).unwrap();
    signature[55] ^= 1;
    let answer = verify(M::ECDSA_SHA256, &key, &Params::None, b"sample", &signature);
    assert_eq!(answer.unwrap_err().code(), Code::SignatureInvalid);
    let pair = generate(Curve::P224);
    signs_in_parts(M::ECDSA_SHA3_256, &pair, &Params::None, MESSAGE);
}

#[test]
fn a_peer_off_the_curve_is_refused() {
    let (a, b) = (generate(Curve::P256), generate(Curve::P256));
    let wrapped = b.public.bytes(A::EC_POINT).unwrap();
    let mut off = wrapped[2..].to_vec();
    off[64] ^= 1;
    let other = generate(Curve::P384);
    let other = other.public.bytes(A::EC_POINT).unwrap();
    for peer in [&off[..], &[], &[0], &[4; 65], &[4; 64], &wrapped[..66], other] {
        let error = derive(&a, peer, None).unwrap_err();
        assert_eq!(error.code(), Code::MechanismParamInvalid, "{peer:x?}");
    }
}

#[test]
fn a_point_is_imported_in_every_encoding_and_kept_in_one() {
    for curve in CURVES {
        let pair = generate(curve);
        let kept = pair.public.bytes(A::EC_POINT).unwrap();
        let raw = &kept[kept.len() - 1 - 2 * curve.size()..];
        let (x, y) = raw[1..].split_at(curve.size());
        let compressed = [&[2 + (y[curve.size() - 1] & 1)], x].concat();
        let bits = BitString::from_bytes(raw).unwrap().to_der().unwrap();
        for point in [kept, raw, &compressed, &bits] {
            let mut half = pair.public.clone();
            half.remove(A::PUBLIC_KEY_INFO);
            half.set(A::EC_POINT, Value::bytes(point));
            let half = completed(half).unwrap();
            assert_eq!(half.bytes(A::EC_POINT).unwrap(), kept);
            assert_eq!(half.bytes(A::PUBLIC_KEY_INFO).unwrap(), pair.info());
        }
    }
}

#[test]
fn private_values_are_padded_and_held_against_the_order() {
    let pair = generate(Curve::P256);
    let with = |value: &[u8]| {
        let mut half = pair.private.clone();
        half.remove(A::PUBLIC_KEY_INFO);
        half.set(A::VALUE, Value::secret(Secret::copy_of(value)));
        completed(half)
    };
    let half = with(&[0, 7]).unwrap();
    assert_eq!(half.bytes(A::VALUE).unwrap().len(), 32);
    assert!(matches!(half.find(A::VALUE), Some(Value::Secret(_))));
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    for bad in [&[0][..], &order.unwrap(), &[0xff; 32], &[1; 33]] {
        assert_eq!(with(bad).unwrap_err().code(), Code::AttributeValueInvalid);
    }
}

#[test]
fn curves_go_by_name_too_and_only_by_the_right_mechanism() {
    let name = PrintableStringRef::new("secp384r1").unwrap().to_der().unwrap();
    let row = [(A::EC_PARAMS, Value::bytes(name.clone()))];
    let pair = Pair::generate(M::EC_KEY_PAIR_GEN, KeyType::EC, &row, &[]).unwrap();
    assert_eq!(pair.private.bytes(A::EC_PARAMS), Some(&name[..]));
    let row = [(A::EC_PARAMS, Value::bytes(Curve::Edwards25519.params()))];
    let error = Pair::generate(M::EC_KEY_PAIR_GEN, KeyType::EC, &row, &[]).err().unwrap();
    assert_eq!(error.code(), Code::CurveNotSupported);
}

#[test]
fn pkcs8_comes_back_as_the_same_attributes() {
    for curve in CURVES {
        let pair = generate(curve);
        let (key_type, attributes) = encoding::private_key(pair.pkcs8().expose()).unwrap();
        assert_eq!(key_type, KeyType::EC);
        assert_eq!(attributes.find(A::VALUE), pair.private.find(A::VALUE));
        assert_eq!(attributes.find(A::EC_PARAMS), pair.private.find(A::EC_PARAMS));
        assert!(matches!(attributes.find(A::VALUE), Some(Value::Secret(_))));
    }
}

#[test]
fn the_wrong_half_or_type_of_key_starts_nothing() {
    let pair = generate(Curve::P256);
    let code = |answer: Result<crate::backend::Operation>| answer.err().unwrap().code();
    assert_eq!(code(ec::sign(&pair.public_key(), None)), Code::KeyTypeInconsistent);
    assert_eq!(code(ec::verify(&pair.private_key(), None)), Code::KeyTypeInconsistent);
    assert_eq!(code(ec::sign(&super::RSA[0].private_key(), None)), Code::KeyTypeInconsistent);
    let other = object(ObjectClass::CERTIFICATE, KeyType::EC, &[]);
    assert_eq!(lease(&other).err().unwrap().code(), Code::KeyTypeInconsistent);
}
