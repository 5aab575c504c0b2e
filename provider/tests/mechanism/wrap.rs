//! Wrapping: every mechanism that wraps, over every kind of key that it wraps, there and back.

use serial_test::serial;

use super::sign_rsa::SIZES;
use super::{Pair, UNWRAP, WRAP, offered};
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, Hash, KeyType, Mechanism, MechanismType as M,
    ObjectClass, Reply, Room, Session, keys, on_user,
};

/// Which key wraps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    Aes,
    Rsa,
    Ec,
    Montgomery,
}

struct Row {
    id: M,
    mechanism: fn() -> Mechanism,
    wrapping: Wrapping,
    /// Whether it wraps private keys: their encodings are long and of any length.
    private: bool,
}

const ROWS: [Row; 11] = [
    Row {
        id: M::AES_KEY_WRAP,
        mechanism: || Mechanism::plain(M::AES_KEY_WRAP),
        wrapping: Wrapping::Aes,
        private: false,
    },
    Row {
        id: M::AES_KEY_WRAP_PAD,
        mechanism: || Mechanism::plain(M::AES_KEY_WRAP_PAD),
        wrapping: Wrapping::Aes,
        private: true,
    },
    Row {
        id: M::AES_KEY_WRAP_KWP,
        mechanism: || Mechanism::plain(M::AES_KEY_WRAP_KWP),
        wrapping: Wrapping::Aes,
        private: true,
    },
    Row {
        id: M::AES_GCM,
        mechanism: || Mechanism::gcm(&[3; 12], b"", 128),
        wrapping: Wrapping::Aes,
        private: true,
    },
    Row {
        id: M::AES_CCM,
        // The length that is announced means nothing.
        mechanism: || Mechanism::ccm(77, &[3; 12], b"header", 16),
        wrapping: Wrapping::Aes,
        private: true,
    },
    Row {
        id: M::RSA_PKCS,
        mechanism: || Mechanism::plain(M::RSA_PKCS),
        wrapping: Wrapping::Rsa,
        private: false,
    },
    Row {
        id: M::RSA_PKCS_OAEP,
        mechanism: || Mechanism::oaep(Hash::Sha1, Hash::Sha1, b""),
        wrapping: Wrapping::Rsa,
        private: false,
    },
    Row {
        id: M::RSA_AES_KEY_WRAP,
        mechanism: || Mechanism::rsa_aes(256, Hash::Sha256, b""),
        wrapping: Wrapping::Rsa,
        private: true,
    },
    Row {
        id: M::ECDH_AES_KEY_WRAP,
        mechanism: || Mechanism::ecdh_aes(M::ECDH_AES_KEY_WRAP, 256, 1, b""),
        wrapping: Wrapping::Ec,
        private: true,
    },
    Row {
        id: M::ECDH_COF_AES_KEY_WRAP,
        mechanism: || Mechanism::ecdh_aes(M::ECDH_COF_AES_KEY_WRAP, 192, 1, b""),
        wrapping: Wrapping::Ec,
        private: true,
    },
    Row {
        id: M::ECDH_X_AES_KEY_WRAP,
        mechanism: || Mechanism::ecdh_aes(M::ECDH_X_AES_KEY_WRAP, 128, 1, b""),
        wrapping: Wrapping::Montgomery,
        private: true,
    },
];

pub fn pairs() -> Vec<Pair> {
    ROWS.iter().map(|row| (row.id, WRAP | UNWRAP)).collect()
}

fn rows(session: Session<'_>) -> impl Iterator<Item = &'static Row> {
    static ALL: [Row; 11] = ROWS;
    ALL.iter().filter(move |row| offered(session, (row.id, WRAP | UNWRAP)))
}

/// Wrapping and unwrapping key.
fn pair(session: Session<'_>, row: &Row, rsa: (u64, u64), size: usize) -> (u64, u64) {
    match row.wrapping {
        Wrapping::Rsa => rsa,
        Wrapping::Ec | Wrapping::Montgomery => {
            let (id, curve) = match row.wrapping {
                Wrapping::Ec => (M::EC_KEY_PAIR_GEN, [keys::P256, keys::P384, keys::P521]),
                _ => (M::EC_MONTGOMERY_KEY_PAIR_GEN, [keys::X25519; 3]),
            };
            let curve = Attribute::bytes(A::EC_PARAMS, curve[size / 8 - 2]);
            let public = [curve, Attribute::flag(A::WRAP, true)];
            let private = [Attribute::flag(A::UNWRAP, true)];
            session.generate_pair(&Mechanism::plain(id), &public, &private).expect("a pair")
        }
        Wrapping::Aes => {
            let value = [Attribute::bytes(A::VALUE, &vec![size as u8; size])];
            let key = session.aes_with(&value).expect("a wrapping key");
            (key, key)
        }
    }
}

/// "C_WrapKey", "C_UnwrapKey": secret keys of every size by wrapping keys of every size.
#[test]
#[serial]
fn a_secret_key_comes_back_as_it_was() {
    on_user(|session| {
        let rsa = session.rsa(2048);
        let open = keys::flags(&[A::EXTRACTABLE, A::ENCRYPT], true);
        let readable = [Attribute::flag(A::SENSITIVE, false)];
        for row in rows(session) {
            for size in [16, 24, 32] {
                let (wrapping, unwrapping) = pair(session, row, rsa, size);
                for len in [16, 24, 32] {
                    let value = vec![0x5a; len];
                    let template = merged(&[&keys::secret(KeyType::AES, &value), &open, &readable]);
                    let key = session.create(&template).expect("a key");
                    let mechanism = (row.mechanism)();
                    let wrapped = session.wrap(&mechanism, wrapping, key).expect("C_WrapKey");
                    session.target.holds("it is wrapped", wrapped != value);
                    let class = [
                        Attribute::class(ObjectClass::SECRET_KEY),
                        Attribute::key_type(KeyType::AES),
                    ];
                    let template = merged(&[&class, &open, &readable]);
                    let back = session.unwrap(&mechanism, unwrapping, &wrapped, &template);
                    let back = back.and_then(|key| session.attribute(key, A::VALUE));
                    let what = format!("{:?}, {len} bytes by {size}", row.id);
                    session.target.same(&what, back, Ok(value));
                }
            }
        }
    });
}

/// The modulus may have any size of the range.
#[test]
#[serial]
fn rsa_keys_of_every_size_wrap() {
    on_user(|session| {
        for bits in SIZES {
            let (public, private) = session.rsa(bits);
            for mechanism in
                [Mechanism::plain(M::RSA_PKCS), Mechanism::oaep(Hash::Sha1, Hash::Sha1, b"")]
            {
                let wrapped = session.wrap(&mechanism, public, session.aes()).expect("C_WrapKey");
                let mut template = keys::secret(KeyType::AES, b"");
                template.truncate(2);
                template.extend(keys::flags(&[A::SENSITIVE], false));
                template.extend(keys::flags(&[A::EXTRACTABLE], true));
                let back = session.unwrap(&mechanism, private, &wrapped, &template);
                let back = back.and_then(|key| session.attribute(key, A::VALUE));
                let what = format!("{:?}, {bits} bits", mechanism.id());
                session.target.same(&what, back, Ok((0..32).collect::<Vec<u8>>()));
            }
        }
    });
}

/// "Wrapping/unwrapping private keys": PKCS#8.
#[test]
#[serial]
fn a_private_key_comes_back_and_signs() {
    on_user(|session| {
        let rsa = session.rsa(2048);
        let open = [Attribute::flag(A::EXTRACTABLE, true), Attribute::flag(A::SIGN, true)];
        let template = merged(&[&keys::rsa_private(2048), &open]);
        let rsa_key = session.create(&template).expect("an RSA key");
        let (ec_public, ec_key) = session.ec_with(keys::P256, &[], &open).expect("an EC pair");
        let ecdsa = Mechanism::plain(M::ECDSA);
        let pkcs1 = Mechanism::plain(M::SHA256_RSA_PKCS);
        for row in rows(session).filter(|row| row.private) {
            let (wrapping, unwrapping) = pair(session, row, rsa, 32);
            for (key, public, key_type, sign) in
                [(rsa_key, rsa.0, KeyType::RSA, &pkcs1), (ec_key, ec_public, KeyType::EC, &ecdsa)]
            {
                let mechanism = (row.mechanism)();
                let wrapped = session.wrap(&mechanism, wrapping, key).expect("C_WrapKey");
                let class =
                    [Attribute::class(ObjectClass::PRIVATE_KEY), Attribute::key_type(key_type)];
                let template = merged(&[&class, &open]);
                let checked = session
                    .unwrap(&mechanism, unwrapping, &wrapped, &template)
                    .and_then(|key| session.run(Function::Sign, sign, key, &[6; 32]))
                    .and_then(|signature| session.check(sign, public, &[6; 32], &signature));
                let what = format!("{:?}, {key_type:?}", row.id);
                session.target.same(&what, checked, Ok(()));
            }
        }
    });
}

#[test]
#[serial]
fn what_may_not_leave_is_not_wrapped() {
    on_user(|session| {
        let rsa = session.rsa(2048);
        let key = session.create(&keys::secret(KeyType::AES, &[1; 16])).expect("a key");
        for row in rows(session) {
            let (wrapping, _) = pair(session, row, rsa, 32);
            let answer = session.wrap(&(row.mechanism)(), wrapping, key);
            let what = format!("{:?}", row.id);
            session.target.same(&what, answer, Err(Code::KeyUnextractable));
        }
    });
}

/// "length query and BUFFER_TOO_SMALL as anywhere".
#[test]
#[serial]
fn wrapping_tells_its_length_and_respects_the_buffer() {
    on_user(|session| {
        let target = session.target;
        let rsa = session.rsa(2048);
        let key = session.aes();
        for row in rows(session) {
            let (wrapping, _) = pair(session, row, rsa, 32);
            let mechanism = (row.mechanism)();
            let wrap = |room| session.wrap_into(&mechanism, wrapping, key, room);
            let name = format!("{:?}", row.id);
            let told = wrap(Room::Query).sized().expect("a query") as usize;
            let small: Reply = wrap(Room::Bytes(told - 1));
            target.same(&name, small.answer, Err(Code::BufferTooSmall));
            target.same(&name, small.len, told as u64);
            target.holds("the buffer is untouched", small.untouched());
            target.same(&name, wrap(Room::Bytes(told)).sized(), Ok(told as u64));
            target.same(&name, wrap(Room::NoLength).answer, Err(Code::ArgumentsBad));
        }
    });
}

/// "C_UnwrapKey": CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE; for RSA PKCS#1 the rejection
/// is implicit and some length of rubbish may come out, which the key type then refuses.
#[test]
#[serial]
fn damaged_wrapped_keys_do_not_come_back() {
    on_user(|session| {
        let rsa = session.rsa(2048);
        let key = session.aes();
        let template =
            [Attribute::class(ObjectClass::SECRET_KEY), Attribute::key_type(KeyType::AES)];
        for row in rows(session).filter(|row| row.id != M::RSA_PKCS) {
            let (wrapping, unwrapping) = pair(session, row, rsa, 32);
            let mechanism = (row.mechanism)();
            let mut wrapped = session.wrap(&mechanism, wrapping, key).expect("C_WrapKey");
            wrapped[10] ^= 1;
            let answer = session.unwrap(&mechanism, unwrapping, &wrapped, &template).map(|_| ());
            let name = format!("{:?}", row.id);
            session.target.same(&name, answer, Err(Code::WrappedKeyInvalid));
            for len in [0, 7] {
                let answer =
                    session.unwrap(&mechanism, unwrapping, &wrapped[..len], &template).map(|_| ());
                let what = format!("{name}, {len} bytes");
                session.target.same(&what, answer, Err(Code::WrappedKeyLenRange));
            }
        }
    });
}

/// The codes of wrapping have names of their own.
#[test]
#[serial]
fn wrapping_keys_are_refused_by_their_own_codes() {
    on_user(|session| {
        let target = session.target;
        let key = session.aes();
        let rsa = session.rsa(2048);
        let kw = Mechanism::plain(M::AES_KEY_WRAP);
        let wrap = |wrapping, key| session.wrap(&kw, wrapping, key).map(|_| ());
        target.same("no such key", wrap(key + 99, key), Err(Code::WrappingKeyHandleInvalid));
        target.same("no key to wrap", wrap(key, key + 99), Err(Code::KeyHandleInvalid));
        let answer = wrap(rsa.0, key);
        target.same("another type", answer, Err(Code::WrappingKeyTypeInconsistent));
        let unwrap = |unwrapping| {
            let template =
                [Attribute::class(ObjectClass::SECRET_KEY), Attribute::key_type(KeyType::AES)];
            session.unwrap(&kw, unwrapping, &[0; 40], &template).map(|_| ())
        };
        target.same("no such key", unwrap(key + 99), Err(Code::UnwrappingKeyHandleInvalid));
        let answer = unwrap(rsa.1);
        target.same("another type", answer, Err(Code::UnwrappingKeyTypeInconsistent));
    });
}

/// "C_UnwrapKey": what comes out has a history of its own.
#[test]
#[serial]
fn an_unwrapped_key_is_neither_local_nor_always_sensitive() {
    on_user(|session| {
        let target = session.target;
        let key = session.aes();
        let kw = Mechanism::plain(M::AES_KEY_WRAP);
        let wrapped = session.wrap(&kw, key, key).expect("C_WrapKey");
        let template = [
            Attribute::class(ObjectClass::SECRET_KEY),
            Attribute::key_type(KeyType::AES),
            Attribute::flag(A::SENSITIVE, true),
            Attribute::flag(A::EXTRACTABLE, false),
        ];
        let back = session.unwrap(&kw, key, &wrapped, &template).expect("C_UnwrapKey");
        for kind in [A::LOCAL, A::ALWAYS_SENSITIVE, A::NEVER_EXTRACTABLE] {
            target.same(&format!("{kind:?}"), session.flag(back, kind), Ok(false));
        }
    });
}

/// CKA_WRAP_WITH_TRUSTED: only a key that the SO trusts wraps such a key.
#[test]
#[serial]
fn a_key_that_wants_a_trusted_wrapping_key_gets_one_or_stays() {
    on_user(|session| {
        let careful = [Attribute::flag(A::WRAP_WITH_TRUSTED, true)];
        let key = session.aes_with(&careful).expect("a key");
        let wrapping = session.aes();
        let answer = session.wrap(&Mechanism::plain(M::AES_KEY_WRAP), wrapping, key);
        session.target.same("C_WrapKey", answer, Err(Code::KeyNotWrappable));
    });
}
