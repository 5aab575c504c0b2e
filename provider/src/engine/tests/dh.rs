//! PKCS #3 Diffie-Hellman over the published groups, against plain arithmetic.

use super::{Pair, completed, lease, object};
use crate::attribute::{AttributeType as A, Attributes, KeyType, ObjectClass, Value};
use crate::engine::encoding;
use crate::error::{Code, Result};
use crate::ffi::awslc::bignum::BigNum;
use crate::ffi::awslc::dh::{rfc3526, rfc7919};
use crate::mechanism::{Mechanism, MechanismType as M, Params, set};
use crate::secret::Secret;

fn bytes(number: &BigNum) -> Value {
    Value::bytes(number.to_secret().unwrap().expose())
}

fn group(prime: &BigNum, base: u8) -> [(A, Value); 2] {
    [(A::PRIME, bytes(prime)), (A::BASE, Value::bytes([base]))]
}

fn ffdhe2048() -> BigNum {
    rfc7919(2048).unwrap().unwrap()
}

fn generate(public: &[(A, Value)], private: &[(A, Value)]) -> Result<Pair> {
    Pair::generate(M::DH_PKCS_KEY_PAIR_GEN, KeyType::DH, public, private)
}

fn derive(key: &Attributes, peer: &[u8], length: Option<usize>) -> Result<Secret> {
    let spec = set::look_up(M::DH_PKCS_DERIVE).unwrap();
    let mechanism = Mechanism { spec, params: Params::Public(peer), keys: Vec::new() };
    spec.derive.unwrap()(&lease(key)?, &mechanism, length)
}

#[test]
fn both_sides_agree_with_plain_arithmetic_and_leading_zeros_stay() {
    let prime = ffdhe2048();
    let pair = generate(&group(&prime, 2), &[]).unwrap();
    let private = BigNum::from_bytes(pair.private.bytes(A::VALUE).unwrap()).unwrap();
    // Until a shared secret begins with a zero byte: one in 256 does.
    let mut peer = BigNum::from_word(4).unwrap();
    let (shared, peer) = loop {
        let shared = peer.power_modulo(&private, &prime).unwrap();
        if shared.bits() <= 2040 {
            break (shared, peer);
        }
        peer = peer.times(&BigNum::from_word(4).unwrap()).unwrap().divided_by(&prime).unwrap().1;
    };
    let peer = peer.to_secret().unwrap();
    let secret = derive(&pair.private, peer.expose(), None).unwrap();
    assert_eq!(secret.expose(), shared.to_secret_of(256).unwrap().expose());
    assert_eq!(secret.expose()[0], 0);
    // "The truncation removes bytes from the leading end of the secret value."
    let short = derive(&pair.private, peer.expose(), Some(32)).unwrap();
    assert_eq!(short.expose(), &secret.expose()[224..]);
    for length in [0, 257] {
        let error = derive(&pair.private, peer.expose(), Some(length)).unwrap_err();
        assert_eq!(error.code(), Code::KeySizeRange);
    }
}

#[test]
fn two_generated_keys_agree_in_every_published_group() {
    let groups = [rfc7919(2048), rfc7919(3072), rfc3526(2048), rfc7919(4096)];
    for prime in groups {
        let parameters = group(&prime.unwrap().unwrap(), 2);
        let (a, b) = (generate(&parameters, &[]).unwrap(), generate(&parameters, &[]).unwrap());
        let one = derive(&a.private, b.public.bytes(A::VALUE).unwrap(), None).unwrap();
        let other = derive(&b.private, a.public.bytes(A::VALUE).unwrap(), None).unwrap();
        assert_eq!(one.expose(), other.expose());
        assert_eq!(a.private.find(A::PUBLIC_KEY_INFO), a.public.find(A::PUBLIC_KEY_INFO));
        assert!(matches!(a.private.find(A::VALUE), Some(Value::Secret(_))));
    }
}

#[test]
fn private_values_have_the_length_of_the_rfc_or_of_the_template() {
    let value_bits = |bits| [(A::VALUE_BITS, Value::Number(bits))];
    let bits =
        |pair: &Pair| BigNum::from_bytes(pair.private.bytes(A::VALUE).unwrap()).unwrap().bits();
    let parameters = group(&ffdhe2048(), 2);
    let pair = generate(&parameters, &[]).unwrap();
    assert!(bits(&pair) <= 225 && bits(&pair) > 160);
    assert_eq!(pair.private.number(A::VALUE_BITS), Some(225));
    let pair = generate(&parameters, &value_bits(512)).unwrap();
    assert!(bits(&pair) <= 512 && bits(&pair) > 450);
    let pair = generate(&group(&rfc3526(2048).unwrap().unwrap(), 2), &[]).unwrap();
    assert!(bits(&pair) > 1900);
    for bad in [0, 223, 2048, u64::MAX] {
        let error = generate(&parameters, &value_bits(bad)).err().unwrap();
        assert_eq!(error.code(), Code::AttributeValueInvalid);
    }
}

#[test]
fn values_outside_of_the_group_or_its_subgroup_are_refused() {
    let prime = ffdhe2048();
    let pair = generate(&group(&prime, 2), &[]).unwrap();
    // p = 7 modulo 8, so -1 is no square and -4 is none either.
    let minus_one = prime.minus_one().unwrap();
    let no_square = minus_one.minus_one().unwrap().minus_one().unwrap().minus_one().unwrap();
    let numbers = [minus_one, no_square, prime].map(|number| number.to_secret().unwrap());
    let cases = [&[0][..], &[1], numbers[0].expose(), numbers[1].expose(), numbers[2].expose()];
    for peer in cases.into_iter().chain([&[0xff; 256][..], &[0xff; 300]]) {
        let error = derive(&pair.private, peer, None).unwrap_err();
        assert_eq!(error.code(), Code::MechanismParamInvalid);
        let mut half = pair.public.clone();
        half.remove(A::PUBLIC_KEY_INFO);
        half.set(A::VALUE, Value::bytes(peer));
        assert_eq!(completed(half).unwrap_err().code(), Code::AttributeValueInvalid);
    }
    let error = derive(&pair.public, &[4], None).unwrap_err();
    assert_eq!(error.code(), Code::KeyTypeInconsistent);
}

#[test]
fn groups_that_cannot_be_are_refused() {
    let prime = ffdhe2048();
    let even = prime.minus_one().unwrap();
    let small = BigNum::from_bytes(&[0xff; 128]).unwrap();
    let mut no_base = group(&prime, 2).to_vec();
    no_base[1].1 = bytes(&even);
    let cases = [
        (group(&even, 2).to_vec(), Code::DomainParamsInvalid),
        (group(&small, 2).to_vec(), Code::DomainParamsInvalid),
        (group(&prime, 0).to_vec(), Code::DomainParamsInvalid),
        (group(&prime, 1).to_vec(), Code::DomainParamsInvalid),
        (no_base, Code::DomainParamsInvalid),
        (group(&prime, 2)[..1].to_vec(), Code::TemplateIncomplete),
    ];
    for (parameters, code) in cases {
        assert_eq!(generate(&parameters, &[]).err().unwrap().code(), code);
    }
}

#[test]
fn imported_private_values_are_held_against_the_prime() {
    let prime = ffdhe2048();
    let half = |value: &[u8]| {
        let [p, g] = group(&prime, 2);
        let value = (A::VALUE, Value::secret(Secret::copy_of(value)));
        object(ObjectClass::PRIVATE_KEY, KeyType::DH, &[p, g, value])
    };
    let done = completed(half(&[0, 1, 1])).unwrap();
    assert_eq!(done.number(A::VALUE_BITS), Some(9));
    assert!(done.has(A::PUBLIC_KEY_INFO));
    for bad in [&[0][..], prime.to_secret().unwrap().expose(), &[0xff; 300]] {
        assert_eq!(completed(half(bad)).unwrap_err().code(), Code::AttributeValueInvalid);
    }
}

#[test]
fn pkcs8_comes_back_as_the_same_attributes() {
    let pair = generate(&group(&ffdhe2048(), 2), &[]).unwrap();
    let (key_type, attributes) = encoding::private_key(pair.pkcs8().expose()).unwrap();
    assert_eq!(key_type, KeyType::DH);
    for id in [A::PRIME, A::BASE, A::VALUE] {
        assert_eq!(attributes.find(id), pair.private.find(id));
    }
    assert!(matches!(attributes.find(A::VALUE), Some(Value::Secret(_))));
}
