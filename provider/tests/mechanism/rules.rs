//! What decides whether a key may be used with a mechanism: handle, type, usage, parameters.

use serial_test::serial;

use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, KeyType, Mechanism, MechanismType as M,
    ObjectClass, keys, on_user,
};

const KEYED: [(Function, M); 4] = [
    (Function::Encrypt, M::AES_ECB),
    (Function::Decrypt, M::AES_ECB),
    (Function::Sign, M::SHA256_HMAC),
    (Function::Verify, M::SHA256_HMAC),
];

#[test]
#[serial]
fn a_handle_that_is_no_key_is_an_invalid_key_handle() {
    on_user(|session| {
        let target = session.target;
        let data = session.create(&keys::data("x", b"x")).expect("an object");
        for (function, id) in KEYED {
            for handle in [0, data, data + 1000, u64::MAX] {
                let answer = session.try_init(function, &Mechanism::plain(id), handle);
                target.same(function.names()[0], answer, Err(Code::KeyHandleInvalid));
            }
        }
        let answer = session.derive(&Mechanism::ecdh(&[4; 65]), data, &[]).map(|_| ());
        target.same("C_DeriveKey", answer, Err(Code::KeyHandleInvalid));
    });
}

/// The type is looked at before the usage.
#[test]
#[serial]
fn a_key_of_the_wrong_type_is_inconsistent_before_its_usage_is_looked_at() {
    on_user(|session| {
        let target = session.target;
        let (public, private) = session.rsa(2048);
        for (function, id) in KEYED {
            for key in [public, private] {
                let answer = session.try_init(function, &Mechanism::plain(id), key);
                target.same(function.names()[0], answer, Err(Code::KeyTypeInconsistent));
            }
        }
        let aes = session.aes();
        let pkcs1 = Mechanism::plain(M::SHA256_RSA_PKCS);
        let answer = session.try_init(Function::Sign, &pkcs1, aes);
        target.same("C_SignInit", answer, Err(Code::KeyTypeInconsistent));
        let answer = session.try_init(Function::Sign, &Mechanism::plain(M::ECDSA), private);
        target.same("C_SignInit", answer, Err(Code::KeyTypeInconsistent));
    });
}

/// CKR_KEY_FUNCTION_NOT_PERMITTED: each function has its attribute.
#[test]
#[serial]
fn a_key_does_only_what_it_is_for() {
    on_user(|session| {
        let target = session.target;
        let uses = [A::ENCRYPT, A::DECRYPT, A::SIGN, A::VERIFY];
        let none = keys::flags(&uses, false);
        let aes = merged(&[&keys::secret(KeyType::AES, &[1; 16]), &none]);
        let generic = merged(&[&keys::secret(KeyType::GENERIC_SECRET, &[1; 32]), &none]);
        let (aes, generic) = (session.create(&aes), session.create(&generic));
        let (aes, generic) = (aes.expect("a key"), generic.expect("a key"));
        for (function, id) in KEYED {
            let key = if id == M::AES_ECB { aes } else { generic };
            let answer = session.try_init(function, &Mechanism::plain(id), key);
            target.same(function.names()[0], answer, Err(Code::KeyFunctionNotPermitted));
        }
    });
}

/// The same for wrapping, unwrapping and deriving.
#[test]
#[serial]
fn a_key_wraps_unwraps_and_derives_only_if_it_may() {
    on_user(|session| {
        let target = session.target;
        let key = session.aes();
        let none = keys::flags(&[A::WRAP, A::UNWRAP, A::DERIVE], false);
        let idle = session.aes_with(&none).expect("a key");
        let kw = Mechanism::plain(M::AES_KEY_WRAP);
        let refused = Err(Code::KeyFunctionNotPermitted);
        target.same("C_WrapKey", session.wrap(&kw, idle, key).map(|_| ()), refused);
        let wrapped = session.wrap(&kw, key, key).expect("C_WrapKey");
        let template =
            [Attribute::class(ObjectClass::SECRET_KEY), Attribute::key_type(KeyType::AES)];
        let answer = session.unwrap(&kw, idle, &wrapped, &template).map(|_| ());
        target.same("C_UnwrapKey", answer, refused);
        let derive = Mechanism::cbc_encrypt_data([0; 16], &[0; 32]);
        let template = [Attribute::number(A::VALUE_LEN, 32)];
        let answer = session.derive(&derive, idle, &template).map(|_| ());
        target.same("C_DeriveKey", answer, refused);
    });
}

/// "C_SignInit" and the others: a public key does not sign, a private key does not verify.
#[test]
#[serial]
fn each_half_of_a_pair_does_its_part() {
    on_user(|session| {
        let target = session.target;
        let (public, private) = session.rsa(2048);
        let pkcs1 = Mechanism::plain(M::RSA_PKCS);
        for (function, key) in [
            (Function::Sign, public),
            (Function::Verify, private),
            (Function::Encrypt, private),
            (Function::Decrypt, public),
        ] {
            let answer = session.try_init(function, &pkcs1, key);
            target.holds(
                &format!("{function:?} by the wrong half is refused"),
                matches!(answer, Err(Code::KeyTypeInconsistent | Code::KeyFunctionNotPermitted)),
            );
        }
    });
}

/// CKR_MECHANISM_INVALID: unknown, or not for this function.
#[test]
#[serial]
fn a_mechanism_that_does_not_do_it_is_invalid() {
    on_user(|session| {
        let target = session.target;
        let (aes, hmac) = (session.aes(), session.hmac());
        for (function, id, key) in [
            (Function::Encrypt, M::SHA256_HMAC, aes),
            (Function::Sign, M::AES_CTR, aes),
            (Function::Digest, M::SHA256_HMAC, 0),
            (Function::Encrypt, M::AES_KEY_GEN, aes),
            (Function::Verify, M(0x4fff_ffff), hmac),
            (Function::Digest, M(u64::MAX), 0),
        ] {
            let answer = session.try_init(function, &Mechanism::plain(id), key);
            let what = format!("{function:?} {id:?}");
            target.same(&what, answer, Err(Code::MechanismInvalid));
        }
        let answer = session.generate(&Mechanism::plain(M::AES_ECB), &[]).map(|_| ());
        target.same("C_GenerateKey", answer, Err(Code::MechanismInvalid));
        let answer = session.generate_pair(&Mechanism::plain(M::AES_KEY_GEN), &[], &[]);
        target.same("C_GenerateKeyPair", answer.map(|_| ()), Err(Code::MechanismInvalid));
        let wrap = session.wrap(&Mechanism::plain(M::SHA256), aes, aes);
        target.same("C_WrapKey", wrap, Err(Code::MechanismInvalid));
        let derive = session.derive(&Mechanism::plain(M::SHA_1_HMAC), aes, &[]).map(|_| ());
        target.same("C_DeriveKey", derive, Err(Code::MechanismInvalid));
    });
}

/// "Bad IV or parameter length → MECHANISM_PARAM_INVALID".
#[test]
#[serial]
fn parameters_of_the_wrong_length_are_invalid() {
    on_user(|session| {
        let target = session.target;
        let aes = session.aes();
        let invalid = Err(Code::MechanismParamInvalid);
        for len in [0, 8, 15, 17, 32] {
            let mechanism = Mechanism::bytes(M::AES_CBC, &vec![1; len]);
            let answer = session.try_init(Function::Encrypt, &mechanism, aes);
            target.same(&format!("an IV of {len} bytes"), answer, invalid);
        }
        for len in [16, 1 << 31, u64::MAX] {
            let mechanism = Mechanism::bytes(M::AES_CBC, &[1; 16]).with_length(len, true);
            let answer = session.try_init(Function::Encrypt, &mechanism, aes);
            target.same(&format!("an IV at NULL, {len} bytes"), answer, invalid);
        }
        for len in [0, 23] {
            let mechanism = Mechanism::ctr(128, [0; 16]).with_length(len, false);
            let answer = session.try_init(Function::Encrypt, &mechanism, aes);
            target.same(&format!("CTR, {len} bytes"), answer, invalid);
        }
        let (public, private) = session.rsa(2048);
        let hash = crate::harness::Hash::Sha1;
        for len in [0, 39] {
            let mechanism = Mechanism::oaep(hash, hash, b"").with_length(len, false);
            let answer = session.try_init(Function::Encrypt, &mechanism, public);
            target.same(&format!("OAEP, {len} bytes"), answer, invalid);
        }
        for len in [0, 23] {
            let mechanism = Mechanism::pss(M::RSA_PKCS_PSS, hash, hash, 20);
            let answer =
                session.try_init(Function::Sign, &mechanism.with_length(len, false), private);
            target.same(&format!("PSS, {len} bytes"), answer, invalid);
        }
        let (_, ec) = session.ec(keys::P256);
        for len in [0, 39] {
            let mechanism = Mechanism::ecdh(&[4; 65]).with_length(len, false);
            let answer = session.derive(&mechanism, ec, &[]).map(|_| ());
            target.same(&format!("ECDH, {len} bytes"), answer, invalid);
        }
    });
}

/// "This mechanism does not have a parameter."
#[test]
#[serial]
fn a_parameter_that_is_not_taken_is_invalid() {
    on_user(|session| {
        let aes = session.aes();
        let ecb = Mechanism::bytes(M::AES_ECB, &[1; 16]);
        let answer = session.try_init(Function::Encrypt, &ecb, aes);
        session.target.same("AES-ECB", answer, Err(Code::MechanismParamInvalid));
        let sha256 = Mechanism::bytes(M::SHA256, &[1; 4]);
        let answer = session.try_init(Function::Digest, &sha256, 0);
        session.target.same("SHA-256", answer, Err(Code::MechanismParamInvalid));
    });
}

#[test]
#[serial]
fn a_key_is_used_with_its_allowed_mechanisms_only() {
    on_user(|session| {
        let target = session.target;
        let allowed = |ids: &[M]| {
            let list: Vec<u8> = ids.iter().flat_map(|id| id.0.to_ne_bytes()).collect();
            session.aes_with(&[Attribute::bytes(A::ALLOWED_MECHANISMS, &list)])
        };
        let ecb = Mechanism::plain(M::AES_ECB);
        let cbc = Mechanism::bytes(M::AES_CBC, &[0; 16]);
        let any = allowed(&[]).expect("a key");
        let out = session.run(Function::Encrypt, &ecb, any, &[0; 16]).map(|out| out.len());
        target.same("an empty list", out, Ok(16));
        let one = allowed(&[M::AES_CBC]).expect("a key");
        let out = session.run(Function::Encrypt, &cbc, one, &[0; 16]).map(|out| out.len());
        target.same("what is listed", out, Ok(16));
        let answer = session.try_init(Function::Encrypt, &ecb, one);
        target.same("what is not", answer, Err(Code::MechanismInvalid));
        let answer = session.wrap(&Mechanism::plain(M::AES_KEY_WRAP), one, any);
        target.same("wrapping", answer, Err(Code::MechanismInvalid));
    });
}

/// CKA_UNWRAP_TEMPLATE: what it says holds for every key that comes out.
#[test]
#[serial]
fn an_unwrap_template_binds_what_is_unwrapped() {
    on_user(|session| {
        let target = session.target;
        let inner = crate::harness::attribute::words(&[Attribute::flag(A::EXTRACTABLE, false)]);
        // The value is an array of CK_ATTRIBUTE; its pointer is good as long as the words are.
        let value = [0_u8];
        let nested: Vec<u8> = [inner[0], value.as_ptr() as u64, inner[2]]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        let key = session
            .aes_with(&[Attribute::bytes(A::UNWRAP_TEMPLATE, &nested)])
            .expect("a key with CKA_UNWRAP_TEMPLATE");
        let kw = Mechanism::plain(M::AES_KEY_WRAP);
        let wrapped = session.wrap(&kw, key, session.aes()).expect("C_WrapKey");
        let unwrap = |extractable| {
            let template = [
                Attribute::class(ObjectClass::SECRET_KEY),
                Attribute::key_type(KeyType::AES),
                Attribute::flag(A::EXTRACTABLE, extractable),
            ];
            session.unwrap(&kw, key, &wrapped, &template).map(|_| ())
        };
        target.same("as it says", unwrap(false), Ok(()));
        target.same("otherwise", unwrap(true), Err(Code::TemplateInconsistent));
    });
}

/// "Deriving a key under 112 bits from a sensitive base" reads it byte by byte (design, "Policy").
#[test]
#[serial]
fn a_sensitive_key_is_not_derived_from_in_small_pieces() {
    on_user(|session| {
        let (public, private) = session.ec(keys::P256);
        let point = session.attribute(public, A::EC_POINT).expect("CKA_EC_POINT");
        let template = [
            Attribute::class(ObjectClass::SECRET_KEY),
            Attribute::key_type(KeyType::GENERIC_SECRET),
            Attribute::number(A::VALUE_LEN, 1),
        ];
        let answer = session.derive(&Mechanism::ecdh(&point), private, &template).map(|_| ());
        session.target.same("one byte", answer, Err(Code::KeySizeRange));
    });
}
