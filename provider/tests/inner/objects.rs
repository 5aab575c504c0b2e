//! Objects and their attributes, templates in templates, and what a token does not give.

use serial_test::serial;

use crate::harness::{
    Attribute, AttributeType as A, Code, KeyType, Kind, MechanismType as M, ObjectClass,
};
use crate::{BOTH, Bench, attributes, flags, merged, plain, secret};
use keyway_pkcs11::attribute::Value;
use keyway_pkcs11::ffi::inner::Call;
use keyway_pkcs11::mechanism::Params;

const VALUE: [u8; 32] = [0x42; 32];

#[test]
#[serial]
fn objects_are_made_found_copied_changed_and_destroyed() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        let session = bench.session();
        let label = |text: &str| attributes(&[(A::LABEL, Value::bytes(text.as_bytes()))]);
        let key = merged(&[&secret(KeyType::AES, &VALUE, &[A::ENCRYPT]), &label("first")]);
        let first = session.create(&key).unwrap();
        let second = session.copy(first, &label("second")).unwrap();
        assert_eq!(session.find(&label("first")).unwrap(), [first]);
        assert_eq!(session.find(&label("second")).unwrap(), [second]);
        session.change(second, &label("third")).unwrap();
        assert_eq!(session.find(&label("second")).unwrap(), []);
        let read = session.read(second, &[A::VALUE, A::LABEL, A::ENCRYPT, A::KEY_TYPE]).unwrap();
        assert_eq!(read.bytes(A::VALUE), Some(&VALUE[..]));
        assert_eq!(read.bytes(A::LABEL), Some(&b"third"[..]));
        assert_eq!((read.is_true(A::ENCRYPT), read.key_type()), (true, Some(KeyType::AES)));
        session.destroy(first).unwrap();
        assert_eq!(session.find(&label("first")).unwrap(), []);
        assert_eq!(session.find(&attributes(&[])).unwrap(), [second]);
        let gone = session.read(first, &[A::LABEL]).unwrap_err();
        assert_eq!(gone.code(), Code::ObjectHandleInvalid);
        // What the harness sees is the same object.
        assert_eq!(bench.direct().attribute(second, A::VALUE).unwrap(), VALUE);
    }
}

/// More than are fetched at a time.
#[test]
#[serial]
fn every_object_is_found() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        let session = bench.session();
        let data = attributes(&[
            (A::CLASS, Value::Number(ObjectClass::DATA.0)),
            (A::PRIVATE, Value::Bool(false)),
        ]);
        let mut made: Vec<u64> = (0..1100).map(|_| session.create(&data).unwrap()).collect();
        let mut found = session.find(&data).unwrap();
        made.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, made);
    }
}

/// "CKR_ATTRIBUTE_SENSITIVE", "CKR_ATTRIBUTE_TYPE_INVALID": of single attributes, whatever else is
/// asked for.
#[test]
#[serial]
fn what_is_sensitive_or_foreign_to_the_class_is_left_out_and_the_rest_is_read() {
    const VENDOR: A = A(0x8000_1234);
    for kind in BOTH {
        let bench = Bench::new(kind);
        let session = bench.session();
        let template = merged(&[
            &attributes(&[
                (A::VALUE_LEN, Value::Number(32)),
                (A::LABEL, Value::bytes(*b"")),
                (A::ID, Value::bytes(*b"id")),
            ]),
            &flags(&[A::SENSITIVE], true),
            &flags(&[A::EXTRACTABLE], false),
        ]);
        let key = session.generate(&plain(M::AES_KEY_GEN), &template).unwrap();
        let wanted = [A::VALUE, A::MODULUS, VENDOR, A::LABEL, A::CLASS, A::ID, A::VALUE_LEN];
        let read = session.read(key, &wanted).unwrap();
        let ids: Vec<A> = read.iter().map(|row| row.0).collect();
        assert_eq!(ids, [A::CLASS, A::LABEL, A::ID, A::VALUE_LEN], "{kind:?}");
        assert_eq!(read.class(), Some(ObjectClass::SECRET_KEY));
        assert_eq!((read.bytes(A::LABEL), read.bytes(A::ID)), (Some(&b""[..]), Some(&b"id"[..])));
        assert_eq!(read.number(A::VALUE_LEN), Some(32));
        assert!(session.read(key, &[]).unwrap().is_empty());
        assert!(session.read(key, &[A::VALUE, VENDOR]).unwrap().is_empty());
    }
}

/// `CKA_WRAP_TEMPLATE` and `CKA_ALLOWED_MECHANISMS`, written and read back.
#[test]
#[serial]
fn templates_in_templates_and_lists_go_in_and_come_out() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        let session = bench.session();
        let nested = attributes(&[
            (A::KEY_TYPE, Value::Number(KeyType::AES.0)),
            (A::LABEL, Value::bytes(*b"a label")),
            (A::EXTRACTABLE, Value::Bool(true)),
        ]);
        let allowed = Value::Mechanisms([M::AES_KEY_WRAP.0, M::AES_CBC.0].into());
        let template = merged(&[
            &secret(KeyType::AES, &VALUE, &[A::WRAP]),
            &attributes(&[
                (A::WRAP_TEMPLATE, Value::Template(nested.clone().into())),
                (A::UNWRAP_TEMPLATE, Value::Template(attributes(&[]).into())),
                (A::ALLOWED_MECHANISMS, allowed.clone()),
            ]),
        ]);
        let key = session.create(&template).unwrap();
        let wanted = [A::WRAP_TEMPLATE, A::UNWRAP_TEMPLATE, A::ALLOWED_MECHANISMS, A::WRAP];
        let read = session.read(key, &wanted).unwrap();
        assert_eq!(read.find(A::WRAP_TEMPLATE), Some(&Value::Template(nested.into())), "{kind:?}");
        let none = Some(&Value::Template(attributes(&[]).into()));
        assert_eq!(read.find(A::UNWRAP_TEMPLATE), none, "{kind:?}");
        match (read.find(A::ALLOWED_MECHANISMS), &allowed) {
            (Some(Value::Mechanisms(read)), Value::Mechanisms(allowed)) => {
                let (mut read, mut allowed) = (read.to_vec(), allowed.to_vec());
                read.sort_unstable();
                allowed.sort_unstable();
                assert_eq!(read, allowed);
            }
            other => panic!("{kind:?}: {other:?}"),
        }
        assert!(read.is_true(A::WRAP));
    }
}

#[test]
#[serial]
fn keys_are_generated_wrapped_and_unwrapped() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        let session = bench.session();
        let uses = [A::WRAP, A::UNWRAP];
        let wrapping = session.create(&secret(KeyType::AES, &VALUE, &uses)).unwrap();
        let inner = session.create(&secret(KeyType::AES, &[7; 16], &[])).unwrap();
        let call = plain(M::AES_KEY_WRAP);
        let wrapped = session.wrap(&call, wrapping, inner).unwrap();
        assert_eq!(wrapped.len(), 24);
        let template = attributes(&[
            (A::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
            (A::KEY_TYPE, Value::Number(KeyType::AES.0)),
            (A::SENSITIVE, Value::Bool(false)),
            (A::EXTRACTABLE, Value::Bool(true)),
        ]);
        let back = session.unwrap(&call, wrapping, &wrapped, &template).unwrap();
        assert_eq!(session.read(back, &[A::VALUE]).unwrap().bytes(A::VALUE), Some(&[7; 16][..]));
        let short = session.unwrap(&call, wrapping, &wrapped[..8], &template).unwrap_err();
        assert!(
            matches!(short.code(), Code::WrappedKeyLenRange | Code::WrappedKeyInvalid),
            "{short}"
        );

        let public = attributes(&[
            (A::EC_PARAMS, Value::bytes(crate::harness::keys::P256)),
            (A::VERIFY, Value::Bool(true)),
        ]);
        let private = flags(&[A::SIGN], true);
        let call = plain(M::EC_KEY_PAIR_GEN);
        let (public, private) = session.generate_pair(&call, &public, &private).unwrap();
        let class = |key| session.read(key, &[A::CLASS]).unwrap().class();
        assert_eq!(class(public), Some(ObjectClass::PUBLIC_KEY));
        assert_eq!(class(private), Some(ObjectClass::PRIVATE_KEY));
        assert!(session.read(public, &[A::EC_POINT]).unwrap().has(A::EC_POINT));
    }
}

/// A parameter that nobody looks into goes as it is.
#[test]
#[serial]
fn opaque_parameters_pass_as_they_stand() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        let session = bench.session();
        let key = session.create(&secret(KeyType::AES, &VALUE, &[A::ENCRYPT])).unwrap();
        let run = |params: &Params<'_>| {
            let call = Call { id: M::AES_CBC, params, keys: &[] };
            session.start(crate::params::F::Encrypt, &call, key).unwrap();
            let mut out = [0; 32];
            let len = session.whole(crate::params::F::Encrypt, &[1; 32], &mut out).unwrap();
            out[..len].to_vec()
        };
        let iv: Vec<u8> = (0..16).collect();
        let known = run(&Params::Iv(iv.clone().try_into().unwrap()));
        assert_eq!(run(&Params::Opaque(&iv)), known);
        let mechanism = crate::harness::Mechanism::bytes(M::AES_CBC, &iv);
        let direct = bench.direct();
        let function = crate::harness::Function::Encrypt;
        assert_eq!(direct.run(function, &mechanism, key, &[1; 32]).unwrap(), known);
    }
}

/// Found by the other way round: what the harness makes, the library reads.
#[test]
#[serial]
fn a_key_pair_of_the_harness_reads_as_it_was_made() {
    let bench = Bench::new(Kind::SoftHsm);
    let session = bench.session();
    let (public, private) = bench.direct().rsa(2048);
    let read = session.read(public, &[A::MODULUS, A::PUBLIC_EXPONENT, A::MODULUS_BITS]).unwrap();
    let modulus = bench.direct().attribute(public, A::MODULUS).unwrap();
    assert_eq!(read.bytes(A::MODULUS), Some(&modulus[..]));
    assert_eq!(read.bytes(A::PUBLIC_EXPONENT), Some(&[1, 0, 1][..]));
    assert_eq!(read.number(A::MODULUS_BITS), Some(2048));
    let read = session.read(private, &[A::PRIVATE_EXPONENT, A::SIGN, A::MODULUS]).unwrap();
    assert_eq!(read.iter().map(|row| row.0).collect::<Vec<_>>(), [A::SIGN, A::MODULUS]);
    let query = [Attribute::flag(A::SIGN, true)];
    assert_eq!(bench.direct().find(&query).unwrap(), [private]);
}
