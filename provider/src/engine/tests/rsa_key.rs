//! RSA keys: generation, import with and without the CRT numbers, encodings.

use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{RsaPrivateKey, RsaPublicKey};

use super::{Pair, RSA, completed, lease, object, sign, verify};
use crate::attribute::{AttributeType as A, Attributes, KeyType, ObjectClass, Value};
use crate::engine::encoding;
use crate::error::Code;
use crate::mechanism::{MechanismType as M, Params};
use crate::secret::Secret;

const SECRETS: [A; 6] =
    [A::PRIVATE_EXPONENT, A::PRIME_1, A::PRIME_2, A::EXPONENT_1, A::EXPONENT_2, A::COEFFICIENT];

fn generate(rows: &[(A, Value)]) -> Result<Pair, Code> {
    Pair::generate(M::RSA_PKCS_KEY_PAIR_GEN, KeyType::RSA, rows, &[]).map_err(|error| error.code())
}

#[test]
fn generated_halves_belong_together_and_keep_their_secrets() {
    for pair in RSA.iter() {
        let private = RsaPrivateKey::from_pkcs8_der(pair.pkcs8().expose()).unwrap();
        private.validate().unwrap();
        let public = RsaPublicKey::from_public_key_der(pair.info()).unwrap();
        assert_eq!(private.n(), public.n());
        assert_eq!(pair.info(), pair.private.bytes(A::PUBLIC_KEY_INFO).unwrap());
        assert_eq!(pair.public.bytes(A::PUBLIC_EXPONENT), Some(&[1, 0, 1][..]));
        let bits = pair.public.number(A::MODULUS_BITS).unwrap();
        assert_eq!(pair.public.bytes(A::MODULUS).unwrap().len() as u64 * 8, bits);
        for id in SECRETS {
            assert!(matches!(pair.private.find(id), Some(Value::Secret(_))), "{id:?}");
        }
        assert_eq!(private.primes().len(), 2);
    }
}

#[test]
fn generation_takes_an_exponent_and_refuses_what_cannot_be() {
    let bits = |bits| (A::MODULUS_BITS, Value::Number(bits));
    let exponent = |bytes: &[u8]| (A::PUBLIC_EXPONENT, Value::bytes(bytes));
    let pair = generate(&[bits(2048), exponent(&[0, 0, 3])]).unwrap();
    assert_eq!(pair.public.bytes(A::PUBLIC_EXPONENT), Some(&[0, 0, 3][..]));
    assert_eq!(pair.private.bytes(A::PUBLIC_EXPONENT), Some(&[3][..]));
    let code = |rows: &[(A, Value)]| generate(rows).err().unwrap();
    assert_eq!(code(&[]), Code::TemplateIncomplete);
    for size in [0, 896, 1000, 2047, 2049, 8320, u64::MAX] {
        assert_eq!(code(&[bits(size)]), Code::AttributeValueInvalid);
    }
    for bad in [&[0][..], &[1], &[2], &[1, 0, 0], &[0xff; 5]] {
        assert_eq!(code(&[bits(2048), exponent(bad)]), Code::TemplateInconsistent);
    }
}

/// The private half with only some of its numbers.
fn only(pair: &Pair, kept: &[A]) -> Attributes {
    let rows: Vec<_> =
        kept.iter().map(|id| (*id, pair.private.find(*id).unwrap().clone())).collect();
    object(ObjectClass::PRIVATE_KEY, KeyType::RSA, &rows)
}

#[test]
fn a_private_key_of_n_e_and_d_gets_its_other_numbers_back() {
    for pair in RSA.iter() {
        let bare = only(pair, &[A::MODULUS, A::PUBLIC_EXPONENT, A::PRIVATE_EXPONENT]);
        let key = lease(&bare).unwrap();
        let signature = sign(M::SHA256_RSA_PKCS, &key, &Params::None, b"data").unwrap();
        let public = pair.public_key();
        verify(M::SHA256_RSA_PKCS, &public, &Params::None, b"data", &signature).unwrap();

        let full = completed(bare).unwrap();
        for id in SECRETS {
            assert_eq!(full.find(id), pair.private.find(id), "{id:?}");
            assert!(matches!(full.find(id), Some(Value::Secret(_))));
        }
        assert_eq!(full.find(A::PUBLIC_KEY_INFO), pair.private.find(A::PUBLIC_KEY_INFO));
    }
}

#[test]
fn missing_crt_numbers_are_computed() {
    let kept = [A::MODULUS, A::PUBLIC_EXPONENT, A::PRIVATE_EXPONENT, A::PRIME_1, A::PRIME_2];
    let full = completed(only(&RSA[0], &kept)).unwrap();
    assert_eq!(full.find(A::COEFFICIENT), RSA[0].private.find(A::COEFFICIENT));
    assert_eq!(full.find(A::EXPONENT_1), RSA[0].private.find(A::EXPONENT_1));
}

#[test]
fn numbers_that_contradict_each_other_are_refused() {
    let secret = |bytes: &[u8]| Value::secret(Secret::copy_of(bytes));
    let code = |half: &Attributes, id, value| {
        let mut changed = half.clone();
        changed.set(id, value);
        completed(changed).unwrap_err().code()
    };
    let (public, private) = (&RSA[0].public, &RSA[0].private);
    for id in SECRETS {
        let mut bytes = private.bytes(id).unwrap().to_vec();
        let last = bytes.len() - 1;
        bytes[last] ^= 2;
        assert_eq!(code(private, id, secret(&bytes)), Code::AttributeValueInvalid, "{id:?}");
    }
    let other = |id| RSA[1].public.find(id).unwrap().clone();
    assert_eq!(code(private, A::MODULUS, other(A::MODULUS)), Code::AttributeValueInvalid);
    assert_eq!(code(public, A::MODULUS_BITS, Value::Number(2047)), Code::TemplateInconsistent);
    let info = other(A::PUBLIC_KEY_INFO);
    assert_eq!(code(public, A::PUBLIC_KEY_INFO, info), Code::TemplateInconsistent);
    assert_eq!(code(public, A::MODULUS, Value::bytes([0x81; 127])), Code::AttributeValueInvalid);
    assert_eq!(code(public, A::MODULUS, Value::bytes([0x80; 256])), Code::AttributeValueInvalid);
    assert_eq!(code(public, A::PUBLIC_EXPONENT, Value::bytes([4])), Code::AttributeValueInvalid);
    assert_eq!(code(public, A::PUBLIC_EXPONENT, Value::bytes([])), Code::TemplateIncomplete);
    let bare = only(&RSA[0], &[A::MODULUS, A::PUBLIC_EXPONENT]);
    assert_eq!(completed(bare).unwrap_err().code(), Code::TemplateIncomplete);
}

#[test]
fn an_exponent_of_another_modulus_has_no_factors() {
    let mut bare = only(&RSA[1], &[A::MODULUS, A::PUBLIC_EXPONENT, A::PRIVATE_EXPONENT]);
    bare.set(A::MODULUS, RSA[0].private.find(A::MODULUS).unwrap().clone());
    assert_eq!(completed(bare).unwrap_err().code(), Code::AttributeValueInvalid);
    let mut bare = only(&RSA[0], &[A::MODULUS, A::PUBLIC_EXPONENT, A::PRIVATE_EXPONENT]);
    bare.set(A::PRIVATE_EXPONENT, Value::secret(Secret::copy_of(&[0x55; 256])));
    assert_eq!(completed(bare).unwrap_err().code(), Code::AttributeValueInvalid);
}

#[test]
fn pkcs8_comes_back_as_the_same_attributes() {
    let der = RSA[0].pkcs8();
    let (key_type, attributes) = encoding::private_key(der.expose()).unwrap();
    assert_eq!(key_type, KeyType::RSA);
    for (id, value) in attributes.iter() {
        assert_eq!(Some(value), RSA[0].private.find(id), "{id:?}");
        assert_eq!(matches!(value, Value::Secret(_)), SECRETS.contains(&id));
    }
    assert_eq!(attributes.len(), 8);
    for damage in 0..40 {
        let mut damaged = der.expose().to_vec();
        damaged[damage] ^= 0x40;
        if let Err(error) = encoding::private_key(&damaged) {
            assert_eq!(error.code(), Code::WrappedKeyInvalid);
        }
    }
    let long = [der.expose(), &[1]].concat();
    assert_eq!(encoding::private_key(&long).unwrap_err().code(), Code::WrappedKeyInvalid);
    let short = &der.expose()[..der.len() - 1];
    assert_eq!(encoding::private_key(short).unwrap_err().code(), Code::WrappedKeyInvalid);
}
