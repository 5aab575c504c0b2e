//! Generation: every mechanism at every size, and templates that leave things out.

use serial_test::serial;

use super::sign_ec::CURVES;
use super::{GENERATE, GENERATE_PAIR, Pair, offered};
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, KeyType, Mechanism, MechanismType as M,
    ObjectClass, keys, on_legacy_user, on_user,
};

/// Secret keys: mechanism, type, lengths in bytes.
const SECRETS: [(M, KeyType, &[u64]); 16] = [
    (M::AES_KEY_GEN, KeyType::AES, &[16, 24, 32]),
    (M::AES_XTS_KEY_GEN, KeyType::AES_XTS, &[64]),
    (M::GENERIC_SECRET_KEY_GEN, KeyType::GENERIC_SECRET, &[1, 16, 64, 512]),
    (M::CHACHA20_KEY_GEN, KeyType::CHACHA20, &[32]),
    (M::HKDF_KEY_GEN, KeyType::HKDF, &[1, 32, 512]),
    (M::SHA_1_KEY_GEN, KeyType::SHA_1_HMAC, &[1, 20, 512]),
    (M::SHA224_KEY_GEN, KeyType::SHA224_HMAC, &[1, 28, 512]),
    (M::SHA256_KEY_GEN, KeyType::SHA256_HMAC, &[1, 32, 512]),
    (M::SHA384_KEY_GEN, KeyType::SHA384_HMAC, &[1, 48, 512]),
    (M::SHA512_KEY_GEN, KeyType::SHA512_HMAC, &[1, 64, 512]),
    (M::SHA512_224_KEY_GEN, KeyType::SHA512_224_HMAC, &[1, 64, 512]),
    (M::SHA512_256_KEY_GEN, KeyType::SHA512_256_HMAC, &[1, 64, 512]),
    (M::SHA3_224_KEY_GEN, KeyType::SHA3_224_HMAC, &[1, 64, 512]),
    (M::SHA3_256_KEY_GEN, KeyType::SHA3_256_HMAC, &[1, 64, 512]),
    (M::SHA3_384_KEY_GEN, KeyType::SHA3_384_HMAC, &[1, 64, 512]),
    (M::SHA3_512_KEY_GEN, KeyType::SHA3_512_HMAC, &[1, 64, 512]),
];

pub fn pairs() -> Vec<Pair> {
    let pairs = [
        M::RSA_PKCS_KEY_PAIR_GEN,
        M::EC_KEY_PAIR_GEN,
        M::EC_EDWARDS_KEY_PAIR_GEN,
        M::EC_MONTGOMERY_KEY_PAIR_GEN,
        M::DH_PKCS_KEY_PAIR_GEN,
    ];
    let secrets = SECRETS.iter().map(|row| (row.0, GENERATE));
    secrets.chain(pairs.map(|id| (id, GENERATE_PAIR))).collect()
}

/// "C_GenerateKey": of the length that is asked for, and another one each time.
#[test]
#[serial]
fn secret_keys_of_every_length_are_generated() {
    on_user(|session| {
        for (id, key_type, lengths) in SECRETS {
            if !offered(session, (id, GENERATE)) {
                continue;
            }
            for len in lengths {
                let template = [
                    Attribute::number(A::VALUE_LEN, *len),
                    Attribute::flag(A::SENSITIVE, false),
                    Attribute::flag(A::EXTRACTABLE, true),
                ];
                let mechanism = Mechanism::plain(id);
                let make = || session.generate(&mechanism, &template).expect("C_GenerateKey");
                let (one, two) = (make(), make());
                let value = |key| session.attribute(key, A::VALUE).expect("CKA_VALUE");
                let what = format!("{id:?}, {len} bytes");
                session.target.same(&what, value(one).len() as u64, *len);
                session.target.holds("two differ", *len == 1 || value(one) != value(two));
                let made = session.number(one, A::KEY_TYPE);
                session.target.same(&what, made, Ok(key_type.0));
            }
        }
    });
}

/// "C_GenerateKey": CKR_TEMPLATE_INCOMPLETE, CKR_ATTRIBUTE_VALUE_INVALID.
#[test]
#[serial]
fn a_secret_key_needs_a_length_that_its_type_has() {
    on_user(|session| {
        let target = session.target;
        let aes = Mechanism::plain(M::AES_KEY_GEN);
        let answer = session.generate(&aes, &[]).map(|_| ());
        target.same("no length", answer, Err(Code::TemplateIncomplete));
        for len in [0, 1, 15, 33, 1 << 31, u64::MAX] {
            let template = [Attribute::number(A::VALUE_LEN, len)];
            let answer = session.generate(&aes, &template).map(|_| ());
            target.same(&format!("{len} bytes"), answer, Err(Code::AttributeValueInvalid));
        }
        let template =
            [Attribute::number(A::VALUE_LEN, 16), Attribute::key_type(KeyType::GENERIC_SECRET)];
        let answer = session.generate(&aes, &template).map(|_| ());
        target.same("another type", answer, Err(Code::TemplateInconsistent));
        let template = [Attribute::number(A::VALUE_LEN, 16), Attribute::bytes(A::VALUE, &[1; 16])];
        let answer = session.generate(&aes, &template).map(|_| ());
        target.holds("a value is refused", answer.is_err());
    });
}

/// "PKCS #1 RSA key pair generation" at each size.
#[test]
#[serial]
fn rsa_pairs_of_every_size_are_generated_and_sign() {
    on_legacy_user(|session| {
        assert!(offered(session, (M::RSA_PKCS_KEY_PAIR_GEN, GENERATE_PAIR)));
        let mechanism = Mechanism::plain(M::RSA_PKCS_KEY_PAIR_GEN);
        let may = [Attribute::flag(A::SIGN, true)];
        for bits in [1024, 2048, 3072, 4096] {
            let template =
                [Attribute::number(A::MODULUS_BITS, bits), Attribute::flag(A::VERIFY, true)];
            let (public, private) =
                session.generate_pair(&mechanism, &template, &may).expect("a pair");
            let modulus = session.attribute(public, A::MODULUS).expect("CKA_MODULUS");
            session.target.same("modulus", modulus.len() as u64, bits / 8);
            let exponent = session.attribute(public, A::PUBLIC_EXPONENT);
            session.target.same("exponent", exponent, Ok(vec![1, 0, 1]));
            let pkcs1 = Mechanism::plain(M::SHA256_RSA_PKCS);
            let signature = session.run(Function::Sign, &pkcs1, private, b"data");
            let check = signature.and_then(|made| session.check(&pkcs1, public, b"data", &made));
            session.target.same(&format!("{bits} bits"), check, Ok(()));
        }
    });
}

/// "PKCS #1 RSA key pair generation": sizes and exponents that there are not.
#[test]
#[serial]
fn rsa_generation_accepts_leading_zeros_and_refuses_nonsense() {
    on_user(|session| {
        let target = session.target;
        let mechanism = Mechanism::plain(M::RSA_PKCS_KEY_PAIR_GEN);
        let generate = |bits, exponent: &[u8]| {
            let template = [
                Attribute::number(A::MODULUS_BITS, bits),
                Attribute::bytes(A::PUBLIC_EXPONENT, exponent),
            ];
            session.generate_pair(&mechanism, &template, &[])
        };
        let (public, _) = generate(2048, &[0, 1, 0, 1]).expect("a leading zero");
        let exponent = session.attribute(public, A::PUBLIC_EXPONENT);
        target.holds(
            "the exponent is 65537",
            exponent.is_ok_and(|bytes| bytes.iter().skip_while(|b| **b == 0).eq(&[1, 0, 1])),
        );
        for exponent in [&[0][..], &[1], &[2], &[1, 0, 0]] {
            let answer = generate(2048, exponent).map(|_| ());
            let refused =
                matches!(answer, Err(Code::AttributeValueInvalid | Code::TemplateInconsistent));
            target.holds(&format!("exponent {exponent:?} is refused"), refused);
        }
        for bits in [0, 512, 16_385, u64::MAX] {
            let answer = generate(bits, &[1, 0, 1]).map(|_| ());
            let what = format!("{bits} bits");
            target.same(&what, answer, Err(Code::AttributeValueInvalid));
        }
        let answer = session.generate_pair(&mechanism, &[], &[]).map(|_| ());
        target.same("no size", answer, Err(Code::TemplateIncomplete));
    });
}

/// "Generation without CLASS and KEY_TYPE works; a template without KEY_TYPE for the
/// private half works"; and with them, on each curve.
#[test]
#[serial]
fn curve_pairs_are_generated_with_and_without_class_and_type() {
    on_user(|session| {
        let rows = CURVES.map(|(_, curve)| (M::EC_KEY_PAIR_GEN, KeyType::EC, curve)).into_iter();
        let others = [
            (M::EC_EDWARDS_KEY_PAIR_GEN, KeyType::EC_EDWARDS, keys::ED25519),
            (M::EC_MONTGOMERY_KEY_PAIR_GEN, KeyType::EC_MONTGOMERY, keys::X25519),
        ];
        for (id, key_type, curve) in rows.chain(others) {
            if !offered(session, (id, GENERATE_PAIR)) {
                continue;
            }
            let mechanism = Mechanism::plain(id);
            let params = Attribute::bytes(A::EC_PARAMS, curve);
            let full = [
                params.clone(),
                Attribute::class(ObjectClass::PUBLIC_KEY),
                Attribute::key_type(key_type),
            ];
            let private = [Attribute::class(ObjectClass::PRIVATE_KEY)];
            for (public, private) in [(&full[..1], &private[..0]), (&full[..], &private[..])] {
                let pair = session.generate_pair(&mechanism, public, private);
                let types = pair.and_then(|(public, private)| {
                    let of_public = session.number(public, A::KEY_TYPE)?;
                    Ok((of_public, session.number(private, A::KEY_TYPE)?))
                });
                let what = format!("{id:?} {curve:02x?}");
                session.target.same(&what, types, Ok((key_type.0, key_type.0)));
            }
        }
    });
}

/// "Elliptic curve key pair generation": CKR_CURVE_NOT_SUPPORTED, CKR_DOMAIN_PARAMS_INVALID.
#[test]
#[serial]
fn unknown_curves_are_refused() {
    on_user(|session| {
        let target = session.target;
        let mechanism = Mechanism::plain(M::EC_KEY_PAIR_GEN);
        let generate = |params: &[u8]| {
            let template = [Attribute::bytes(A::EC_PARAMS, params)];
            session.generate_pair(&mechanism, &template, &[]).map(|_| ())
        };
        // An object identifier that is no curve.
        let answer = generate(&[6, 3, 0x55, 4, 3]);
        target.holds(
            "an unknown curve",
            matches!(answer, Err(Code::CurveNotSupported | Code::DomainParamsInvalid)),
        );
        let answer = generate(&[]);
        target.holds(
            "an empty one",
            matches!(
                answer,
                Err(Code::TemplateIncomplete
                    | Code::AttributeValueInvalid
                    | Code::DomainParamsInvalid)
            ),
        );
        for nonsense in [&[0][..], b"P-256", &[6, 200, 1]] {
            let answer = generate(nonsense);
            let refused = matches!(
                answer,
                Err(Code::CurveNotSupported
                    | Code::DomainParamsInvalid
                    | Code::AttributeValueInvalid)
            );
            target.holds(&format!("{nonsense:?} is refused"), refused);
        }
        let answer = session.generate_pair(&mechanism, &[], &[]).map(|_| ());
        target.same("no curve", answer, Err(Code::TemplateIncomplete));
    });
}

/// Token keys: both halves are there, or none.
#[test]
#[serial]
fn a_pair_is_made_whole_or_not_at_all() {
    on_user(|session| {
        let label = Attribute::text(A::LABEL, "pair");
        let on_token = Attribute::flag(A::TOKEN, true);
        let good = [label.clone(), on_token.clone()];
        let bad = [label.clone(), on_token, Attribute::flag(A(0x4000_0001), true)];
        let answer = session.ec_with(keys::P256, &good, &bad).map(|_| ());
        session.target.holds("a bad private half is refused", answer.is_err());
        let left = session.find(std::slice::from_ref(&label)).map(|found| found.len());
        session.target.same("objects left", left, Ok(0));
        session.ec_with(keys::P256, &good, &good).expect("a pair");
        let left = session.find(&[label]).map(|found| found.len());
        session.target.same("objects made", left, Ok(2));
    });
}
