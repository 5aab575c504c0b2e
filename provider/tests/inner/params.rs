//! Every variant of the parameters: what comes of a mechanism through the library is what comes of
//! the same mechanism given to the module directly.

use std::cell::RefCell;
use std::collections::BTreeSet;

use serial_test::serial;

use crate::harness::{
    Attribute, AttributeType as A, Code, Field, Function as Direct, Hash, KeyType, Kind, Mechanism,
    MechanismType as M, ObjectClass, keys,
};
use crate::operations::run;
use crate::{BOTH, Bench, attributes, flags, merged, plain, secret, wanted};
use keyway_pkcs11::attribute::{Attributes, Value};
use keyway_pkcs11::ffi::inner::{Call, InnerSession};
use keyway_pkcs11::mechanism::Params;

pub use keyway_pkcs11::mechanism::Function as F;

const CLIENT: [u8; 32] = [0xc1; 32];
const SERVER: [u8; 32] = [0x5e; 32];
const RANDOMS: [&[u8]; 2] = [&CLIENT, &SERVER];
const VARIANTS: usize = 30;

/// A place for each variant; one that is added must get a row below.
fn place(params: &Params<'_>) -> usize {
    match params {
        Params::None => 0,
        Params::Iv(_) => 1,
        Params::ShortIv(_) => 2,
        Params::Ctr { .. } => 3,
        Params::Gcm { .. } => 4,
        Params::Ccm { .. } => 5,
        Params::ChaCha20Poly1305 { .. } => 6,
        Params::Oaep { .. } => 7,
        Params::Pss { .. } => 8,
        Params::Ecdh { .. } => 9,
        Params::Eddsa { .. } => 10,
        Params::Public(_) => 11,
        Params::CbcEncryptData { .. } => 12,
        Params::EncryptData(_) => 13,
        Params::StringData(_) => 14,
        Params::Key(_) => 15,
        Params::BitPosition(_) => 16,
        Params::Pbkdf2(_) => 17,
        Params::MacLength(_) => 18,
        Params::Hkdf(_) => 19,
        Params::Sp800108(_) => 20,
        Params::TlsMaster(_) => 21,
        Params::TlsKeys(_) => 22,
        Params::TlsKdf(_) => 23,
        Params::TlsMac(_) => 24,
        Params::Version(_) => 25,
        Params::WrapIv(_) => 26,
        Params::RsaAesWrap(_) => 27,
        Params::EcdhAesWrap(_) => 28,
        Params::Opaque(_) => 29,
    }
}

/// A module, a session through the library, and what was tried on it.
struct Rig {
    bench: Bench,
    session: InnerSession,
    offered: BTreeSet<M>,
    seen: RefCell<BTreeSet<usize>>,
}

impl Rig {
    fn new(kind: Kind) -> Self {
        let bench = Bench::new(kind);
        let session = bench.session();
        let mechanisms = bench.library.mechanisms(session.slot()).unwrap();
        let offered = mechanisms.iter().map(|row| row.id).collect();
        Self { bench, session, offered, seen: RefCell::default() }
    }

    /// Runs `body` with the mechanism as the library is asked for it, if the module knows it.
    fn with(&self, mechanism: &Mechanism, body: impl FnOnce(&Call<'_>)) {
        if !self.offered.contains(&mechanism.id()) {
            assert_eq!(self.bench.target.kind, Kind::SoftHsm, "{:?}", mechanism.id());
            return;
        }
        let params = mechanism.params();
        let keys: Vec<u64> = params.handles().iter().map(|handle| handle.raw()).collect();
        body(&Call { id: mechanism.id(), params: &params, keys: &keys });
        self.seen.borrow_mut().insert(place(&params));
    }

    fn key(&self, key_type: KeyType, value: &[u8]) -> u64 {
        let all = [A::ENCRYPT, A::DECRYPT, A::SIGN, A::VERIFY, A::WRAP, A::UNWRAP, A::DERIVE];
        self.session.create(&secret(key_type, value, &all)).unwrap()
    }

    fn value(&self, key: u64) -> Vec<u8> {
        let read = self.session.read(key, &[A::VALUE]).unwrap();
        read.bytes(A::VALUE).expect("a readable key").to_vec()
    }

    /// The same output, which depends on nothing but the parameters.
    fn same(&self, function: F, mechanism: &Mechanism, key: u64, input: &[u8]) {
        let direct = match function {
            F::Encrypt => Direct::Encrypt,
            F::Sign => Direct::Sign,
            other => panic!("{other:?}"),
        };
        self.with(mechanism, |call| {
            let through = run(&self.session, function, call, key, input);
            let direct = self.bench.direct().run(direct, mechanism, key, input);
            assert_eq!(direct, Ok(through), "{:?}", mechanism.id());
        });
    }

    /// The same derived key.
    fn same_key(&self, mechanism: &Mechanism, base: u64, len: Option<u64>) {
        self.with(mechanism, |call| {
            let template = len.map_or_else(readable, wanted);
            let through = self.session.derive(call, base, &template);
            let through = through.unwrap_or_else(|error| panic!("{call:?}: {error}"));
            let direct = self.bench.direct().derive(mechanism, base, &raw(len)).unwrap();
            let (through, direct) = (self.value(through), self.value(direct));
            assert_eq!(through, direct, "{:?}", mechanism.id());
            assert!(!through.is_empty() && len.is_none_or(|len| through.len() as u64 == len));
        });
    }
}

fn readable() -> Attributes {
    merged(&[&flags(&[A::SENSITIVE], false), &flags(&[A::EXTRACTABLE], true)])
}

/// [`wanted`], or [`readable`] without a length, for the harness.
fn raw(len: Option<u64>) -> Vec<Attribute> {
    let what = [
        Attribute::class(ObjectClass::SECRET_KEY),
        Attribute::key_type(KeyType::GENERIC_SECRET),
        Attribute::number(A::VALUE_LEN, len.unwrap_or_default()),
    ];
    let what = if len.is_some() { &what[..] } else { &[] };
    [what, &keys::flags(&[A::SENSITIVE], false), &keys::flags(&[A::EXTRACTABLE], true)].concat()
}

fn ciphers(rig: &Rig) {
    let aes = rig.key(KeyType::AES, &[0x11; 32]);
    let data = [0x77; 32];
    rig.same(F::Encrypt, &Mechanism::bytes(M::AES_CBC, &[1; 16]), aes, &data);
    rig.same(F::Encrypt, &Mechanism::ctr(32, [2; 16]), aes, &data);
    rig.same(F::Encrypt, &Mechanism::gcm(&[3; 12], b"data", 96), aes, &data);
    rig.same(F::Encrypt, &Mechanism::ccm(32, &[4; 13], b"data", 10), aes, &data);
    let des = hex::decode("0123456789abcdef23456789abcdef01456789abcdef0123").unwrap();
    let des = rig.key(KeyType::DES3, &des);
    rig.same(F::Encrypt, &Mechanism::bytes(M::DES3_CBC, &[5; 8]), des, &data);
    if rig.offered.contains(&M::CHACHA20_POLY1305) {
        let key = rig.key(KeyType::CHACHA20, &[6; 32]);
        let mechanism = Mechanism::chacha(M::CHACHA20_POLY1305, &[7; 12], b"data");
        rig.same(F::Encrypt, &mechanism, key, &data);
    }
}

fn codes_and_signatures(rig: &Rig) {
    let direct = rig.bench.direct();
    let generic = rig.key(KeyType::GENERIC_SECRET, &[0x22; 48]);
    rig.same(F::Sign, &Mechanism::plain(M::SHA256_HMAC), generic, b"data");
    rig.same(F::Sign, &Mechanism::number(M::SHA256_HMAC_GENERAL, 11), generic, b"data");
    rig.same(F::Sign, &Mechanism::tls_mac(M::TLS_MAC, M::SHA384, 12, 1), generic, b"data");
    rig.same(F::Sign, &Mechanism::tls_mac(M::TLS_MAC, M::SHA384, 12, 2), generic, b"data");
    if rig.offered.contains(&M::EC_EDWARDS_KEY_PAIR_GEN) {
        let params = [Attribute::bytes(A::EC_PARAMS, keys::ED25519)];
        let may = [Attribute::flag(A::SIGN, true)];
        let generate = Mechanism::plain(M::EC_EDWARDS_KEY_PAIR_GEN);
        let (_, private) = direct.generate_pair(&generate, &params, &may).unwrap();
        rig.same(F::Sign, &Mechanism::plain(M::EDDSA), private, b"data");
        if rig.bench.target.kind == Kind::Keyway {
            rig.same(F::Sign, &Mechanism::eddsa(false, b"context"), private, b"data");
            rig.same(F::Sign, &Mechanism::eddsa(true, b""), private, b"data");
        }
    }
    let (public, private) = direct.rsa(2048);
    for (id, hash, salt) in
        [(M::SHA256_RSA_PKCS_PSS, Hash::Sha256, 32), (M::SHA512_RSA_PKCS_PSS, Hash::Sha512, 7)]
    {
        let mechanism = Mechanism::pss(id, hash, hash, salt);
        rig.with(&mechanism, |call| {
            let signature = run(&rig.session, F::Sign, call, private, b"data");
            direct.check(&mechanism, public, b"data", &signature).unwrap();
            let signature = direct.run(Direct::Sign, &mechanism, private, b"data").unwrap();
            rig.session.start(F::Verify, call, public).unwrap();
            rig.session.verify(b"data", &signature).unwrap();
        });
    }
}

fn encryption_and_wrapping(rig: &Rig) {
    let direct = rig.bench.direct();
    let (public, private) = direct.rsa(2048);
    let inner = rig.key(KeyType::AES, &[0x33; 16]);
    // SoftHSM2 has no other hash.
    let (hash, label): (_, &[u8]) = match rig.bench.target.kind {
        Kind::SoftHsm => (Hash::Sha1, b""),
        _ => (Hash::Sha384, b"label"),
    };
    let oaep = Mechanism::oaep(hash, hash, label);
    rig.with(&oaep, |call| {
        let sealed = run(&rig.session, F::Encrypt, call, public, b"text");
        assert_eq!(direct.run(Direct::Decrypt, &oaep, private, &sealed), Ok(b"text".to_vec()));
        let sealed = direct.run(Direct::Encrypt, &oaep, public, b"text").unwrap();
        assert_eq!(run(&rig.session, F::Decrypt, call, private, &sealed), b"text");
    });
    let template = merged(&[
        &attributes(&[
            (A::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
            (A::KEY_TYPE, Value::Number(KeyType::AES.0)),
        ]),
        &readable(),
    ]);
    let both_ways = |mechanism: &Mechanism, wrapping: u64, unwrapping: u64| {
        rig.with(mechanism, |call| {
            let wrapped = rig.session.wrap(call, wrapping, inner).unwrap();
            let what = [
                vec![Attribute::class(ObjectClass::SECRET_KEY)],
                vec![Attribute::key_type(KeyType::AES)],
                raw(None),
            ];
            let back = direct.unwrap(mechanism, unwrapping, &wrapped, &what.concat()).unwrap();
            assert_eq!(rig.value(back), [0x33; 16], "{:?}", mechanism.id());
            let wrapped = direct.wrap(mechanism, wrapping, inner).unwrap();
            let back = rig.session.unwrap(call, unwrapping, &wrapped, &template).unwrap();
            assert_eq!(rig.value(back), [0x33; 16], "{:?}", mechanism.id());
        });
    };
    both_ways(&oaep, public, private);
    both_ways(&Mechanism::rsa_aes(192, hash, b"label"), public, private);
    let kek = rig.key(KeyType::AES, &[0x44; 32]);
    both_ways(&Mechanism::plain(M::AES_KEY_WRAP), kek, kek);
    if rig.bench.target.kind == Kind::Keyway {
        both_ways(&Mechanism::bytes(M::AES_KEY_WRAP, &[0xa6; 8]), kek, kek);
        // Another initial value arrives as well: the module says that it does not take it.
        rig.with(&Mechanism::bytes(M::AES_KEY_WRAP, &[0xa5; 8]), |call| {
            let refused = rig.session.wrap(call, kek, inner).unwrap_err();
            assert_eq!(refused.code(), Code::MechanismParamInvalid);
        });
        let (wrap, unwrap) = ([Attribute::flag(A::WRAP, true)], [Attribute::flag(A::UNWRAP, true)]);
        let (public, private) = direct.ec_with(keys::P256, &wrap, &unwrap).unwrap();
        both_ways(&Mechanism::ecdh_aes(M::ECDH_AES_KEY_WRAP, 256, 6, b"shared"), public, private);
    }
}

fn derivations(rig: &Rig) {
    let direct = rig.bench.direct();
    let (_, private) = direct.ec(keys::P256);
    let (public, _) = direct.ec(keys::P256);
    let point = direct.attribute(public, A::EC_POINT).unwrap();
    rig.same_key(&Mechanism::ecdh(&point), private, Some(32));
    if rig.bench.target.kind == Kind::Keyway {
        // ANSI X9.63 with SHA-384, SP 800-56A with SHA-256.
        rig.same_key(&Mechanism::ecdh_kdf(7, b"shared", &point), private, Some(40));
        rig.same_key(&Mechanism::ecdh_kdf(16, b"shared", &point), private, Some(40));
    }
    let group = attributes(&[
        (A::PRIME, Value::bytes(hex::decode(keys::FFDHE2048).unwrap())),
        (A::BASE, Value::bytes(*b"\x02")),
    ]);
    let pair = || {
        let call = plain(M::DH_PKCS_KEY_PAIR_GEN);
        rig.session.generate_pair(&call, &group, &merged(&[&flags(&[A::DERIVE], true)])).unwrap()
    };
    let ((public, _), (_, private)) = (pair(), pair());
    let value = direct.attribute(public, A::VALUE).unwrap();
    rig.same_key(&Mechanism::bytes(M::DH_PKCS_DERIVE, &value), private, Some(32));

    let aes = rig.key(KeyType::AES, &[0x55; 16]);
    rig.same_key(&Mechanism::cbc_encrypt_data([8; 16], &[9; 32]), aes, Some(32));
    rig.same_key(&Mechanism::string_data(M::AES_ECB_ENCRYPT_DATA, &[9; 32]), aes, Some(32));
    let generic = rig.key(KeyType::GENERIC_SECRET, &[0x66; 32]);
    let concatenate = M::CONCATENATE_BASE_AND_DATA;
    rig.same_key(&Mechanism::string_data(concatenate, b"behind"), generic, Some(38));
    rig.same_key(&Mechanism::number(M::CONCATENATE_BASE_AND_KEY, aes), generic, Some(48));
    rig.same_key(&Mechanism::number(M::EXTRACT_KEY_FROM_KEY, 21), generic, Some(16));
    let hkdf = |steps, hash, salt| Mechanism::hkdf(M::HKDF_DERIVE, steps, hash, salt, b"info");
    rig.same_key(&hkdf((true, true), Hash::Sha256, None), generic, Some(42));
    rig.same_key(&hkdf((false, true), Hash::Sha3_256, None), generic, Some(42));
    rig.same_key(&hkdf((true, true), Hash::Sha512, Some(b"salt")), generic, Some(42));
    let salt = rig.key(KeyType::GENERIC_SECRET, b"the salt that is a key");
    rig.same_key(&Mechanism::hkdf_salted_by(salt, Hash::Sha256, b"info"), generic, Some(42));
}

fn derivations_of_sp800_108(rig: &Rig) {
    let generic = rig.key(KeyType::GENERIC_SECRET, &[0x66; 32]);
    let more = rig.key(KeyType::GENERIC_SECRET, &[0x67; 20]);
    let cmac = rig.key(KeyType::AES, &[0x68; 16]);
    let tail = [Field::Bytes(b"label"), Field::Length(2, true, 32), Field::Key(more)];
    let with = |head: &[Field<'static>]| [head, &tail[..]].concat();
    let counter = with(&[Field::Iteration(true, 16)]);
    let id = M::SP800_108_COUNTER_KDF;
    let mechanism = Mechanism::sp800_108(id, M::SHA256_HMAC, &counter, None, &[]);
    rig.same_key(&mechanism, generic, Some(42));
    let mechanism = Mechanism::sp800_108(id, M::AES_CMAC, &counter, None, &[]);
    rig.same_key(&mechanism, cmac, Some(42));
    let others = with(&[Field::Counter(false, 24), Field::Feedback]);
    let id = M::SP800_108_FEEDBACK_KDF;
    let mechanism = Mechanism::sp800_108(id, M::SHA512_HMAC, &others, Some(&[1; 32]), &[]);
    rig.same_key(&mechanism, generic, Some(42));
    let id = M::SP800_108_DOUBLE_PIPELINE_KDF;
    let mechanism = Mechanism::sp800_108(id, M::SHA3_256_HMAC, &others, None, &[]);
    rig.same_key(&mechanism, generic, Some(42));
}

fn derivations_of_tls(rig: &Rig) {
    let mut master = [0x69; 48];
    master[..2].copy_from_slice(&[3, 2]);
    let generic = rig.key(KeyType::GENERIC_SECRET, &master);
    for with_version in [true, false] {
        let (plain, extended) = match with_version {
            true => (M::TLS12_MASTER_KEY_DERIVE, M::TLS12_EXTENDED_MASTER_KEY_DERIVE),
            false => (M::TLS12_MASTER_KEY_DERIVE_DH, M::TLS12_EXTENDED_MASTER_KEY_DERIVE_DH),
        };
        let extended = Mechanism::tls_extended_master(extended, M::SHA384, b"hash", with_version);
        for mechanism in [Mechanism::tls_master(plain, M::SHA256, RANDOMS, with_version), extended]
        {
            // What the application asked to be told, it is told through the library as well.
            rig.with(&mechanism, |call| {
                rig.session.derive(call, generic, &readable()).unwrap();
                let told =
                    mechanism.returned().first().map(|word| word.to_ne_bytes()[..2].to_vec());
                assert_eq!(told, with_version.then_some(vec![3, 2]));
            });
            rig.same_key(&mechanism, generic, None);
        }
    }
    for context in [None, Some(&b""[..]), Some(b"context")] {
        let mechanism = Mechanism::tls_kdf(M::TLS_KDF, M::SHA256, b"label", RANDOMS, context);
        rig.same_key(&mechanism, generic, Some(40));
    }
}

fn generation(rig: &Rig) {
    let mechanism = Mechanism::bytes(M::TLS_PRE_MASTER_KEY_GEN, &[3, 3]);
    rig.with(&mechanism, |call| {
        let key = rig.session.generate(call, &readable()).unwrap();
        assert_eq!(rig.value(key)[..2], [3, 3]);
    });
    let mechanism = Mechanism::pbkdf2(4, b"password", b"a salt of bytes", 1000);
    rig.with(&mechanism, |call| {
        let through = rig.session.generate(call, &wanted(40)).unwrap();
        let direct = rig.bench.direct().generate(&mechanism, &raw(Some(40))).unwrap();
        assert_eq!(rig.value(through), rig.value(direct));
    });
}

/// `CK_TLS12_KEY_MAT_PARAMS`: handles in four places, IVs in two.
fn keys_of_tls(rig: &Rig) {
    let generic = rig.key(KeyType::GENERIC_SECRET, &[0x69; 48]);
    let id = M::TLS12_KEY_AND_MAC_DERIVE;
    let make = || Mechanism::tls_keys(id, M::SHA256, RANDOMS, [256, 128, 96], false);
    let (through, direct) = (make(), make());
    rig.with(&through, |call| {
        let refused = rig.session.derive(call, generic, &readable()).unwrap_err();
        assert_eq!(refused.code(), Code::MechanismParamInvalid);
        let handles = rig.session.derive_all(call, generic, &[readable()]).unwrap();
        rig.bench.direct().derive_by_parameter(&direct, generic, &raw(None)).unwrap();
        let values: Vec<_> = handles.iter().map(|key| rig.value(*key)).collect();
        let expected: Vec<_> = direct.returned()[..4].iter().map(|key| rig.value(*key)).collect();
        assert_eq!(values, expected);
        assert_eq!(values.iter().map(Vec::len).collect::<Vec<_>>(), [32, 32, 16, 16]);
        // The IVs, and no handles of another module.
        assert_eq!(through.returned()[6..], direct.returned()[6..]);
        assert_ne!(through.returned()[6..8], [u64::MAX; 2]);
        assert_eq!(through.returned()[..4], [u64::MAX; 4]);
    });
}

/// `CK_DERIVED_KEY`: further keys, each with its own template.
fn further_keys(rig: &Rig) {
    let generic = rig.key(KeyType::GENERIC_SECRET, &[0x66; 32]);
    let fields = [Field::Iteration(false, 32), Field::Bytes(b"label")];
    let id = M::SP800_108_COUNTER_KDF;
    let mechanism =
        Mechanism::sp800_108(id, M::SHA256_HMAC, &fields, None, &[raw(Some(20)), raw(Some(70))]);
    rig.with(&mechanism, |call| {
        let three = [wanted(16), wanted(20), wanted(70)];
        let through = rig.session.derive_all(call, generic, &three).unwrap();
        let direct = rig.bench.direct().derive(&mechanism, generic, &raw(Some(16))).unwrap();
        let direct = [vec![direct], mechanism.returned()].concat();
        let values =
            |handles: &[u64]| handles.iter().map(|key| rig.value(*key)).collect::<Vec<_>>();
        assert_eq!(values(&through), values(&direct));
        assert_eq!(through.len(), 3);

        let two = rig.session.derive_all(call, generic, &three[..2]).unwrap_err();
        assert_eq!(two.code(), Code::MechanismParamInvalid);
        // "set to CK_INVALID_HANDLE to identify the offending template".
        let wrong = merged(&[&wanted(20), &attributes(&[(A::MODULUS, Value::bytes(*b"1"))])]);
        let answer = rig.session.derive_all(call, generic, &[wanted(16), wrong, wanted(70)]);
        assert!(answer.is_err());
        assert_eq!(mechanism.returned()[0], 0);
        assert_eq!(mechanism.returned()[1], direct[2]);
        let none = rig.session.derive_all(call, generic, &[]).unwrap_err();
        assert_eq!(none.code(), Code::ArgumentsBad);
    });
}

#[test]
#[serial]
fn every_variant_gives_what_the_module_gives_directly() {
    for kind in BOTH {
        let rig = Rig::new(kind);
        ciphers(&rig);
        codes_and_signatures(&rig);
        encryption_and_wrapping(&rig);
        derivations(&rig);
        derivations_of_sp800_108(&rig);
        derivations_of_tls(&rig);
        generation(&rig);
        keys_of_tls(&rig);
        further_keys(&rig);
        let seen = rig.seen.into_inner();
        match kind {
            Kind::SoftHsm => {
                // None, IVs, CTR, GCM, OAEP, PSS, ECDH, DH and both encryptions of data.
                assert!([0, 1, 2, 3, 4, 7, 8, 9, 11, 12, 13].iter().all(|n| seen.contains(n)));
            }
            // Opaque parameters have no mechanism of ours; they have a test of their own.
            _ => assert_eq!(seen, (0..VARIANTS - 1).collect()),
        }
    }
}

/// Keys that parameters name must be given.
#[test]
#[serial]
fn a_key_that_is_missing_from_the_call_is_noticed() {
    let rig = Rig::new(Kind::Keyway);
    let generic = rig.key(KeyType::GENERIC_SECRET, &[0x66; 32]);
    let mechanism = Mechanism::number(M::CONCATENATE_BASE_AND_KEY, generic);
    let params = mechanism.params();
    let call = Call { id: mechanism.id(), params: &params, keys: &[] };
    let error = rig.session.derive(&call, generic, &wanted(64)).unwrap_err();
    assert_eq!(error.code(), Code::MechanismParamInvalid);
    let several = [wanted(16), wanted(16)];
    let call = Call { keys: &[generic], ..call };
    let error = rig.session.derive_all(&call, generic, &several).unwrap_err();
    assert_eq!(error.code(), Code::MechanismParamInvalid);
}
