//! `policy = "strict"`: which keys there are, and which leave under which.

use keyway_pkcs11::mechanism::set;
use keyway_pkcs11::policy::Policy;
use serial_test::serial;

use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Hash, KeyType, Mechanism, MechanismType as M, ObjectClass,
    Session, Who, keys,
};
use crate::{decrypt, encrypt, under};

#[test]
#[serial]
fn strict_makes_no_key_that_could_be_used_against_itself_or_that_no_pin_guards() {
    under("strict", |session| {
        let refused = |more: &[Attribute]| {
            let key = keys::secret(KeyType::AES, &[1; 32]);
            session.create(&merged(&[&key, more])).err()
        };
        let inconsistent = Some(Code::TemplateInconsistent);
        assert_eq!(refused(&keys::flags(&[A::WRAP, A::DECRYPT], true)), inconsistent);
        assert_eq!(refused(&keys::flags(&[A::UNWRAP, A::ENCRYPT], true)), inconsistent);
        let open = merged(&[&keys::flags(&[A::ENCRYPT], true), &keys::flags(&[A::PRIVATE], false)]);
        assert_eq!(refused(&open), inconsistent);
        assert_eq!(refused(&keys::flags(&[A::ENCRYPT, A::DECRYPT], true)), None);
        assert_eq!(refused(&keys::flags(&[A::WRAP, A::UNWRAP], true)), None);
        let wraps =
            merged(&[&keys::secret(KeyType::AES, &[1; 32]), &keys::flags(&[A::WRAP], true)]);
        let wraps = session.create(&wraps).expect("a key");
        let both = session.set(wraps, &keys::flags(&[A::DECRYPT], true));
        assert_eq!(both, Err(Code::TemplateInconsistent));
    });
}

/// A template that names no use gives a key that works, of every type that has uses by default.
#[test]
#[serial]
fn strict_makes_of_a_bare_template_a_key_that_neither_wraps_nor_unwraps() {
    under("strict", |session| {
        let length = [Attribute::number(A::VALUE_LEN, 32)];
        let of = |key, uses: &[A]| -> Vec<bool> {
            uses.iter().map(|id| session.flag(key, *id).expect("a flag")).collect()
        };
        let generated = session.generate(&Mechanism::plain(M::AES_KEY_GEN), &length);
        let created = session.create(&keys::secret(KeyType::AES, &[1; 16]));
        for key in [generated, created] {
            let key = key.expect("a bare key");
            let uses = of(key, &[A::ENCRYPT, A::DECRYPT, A::SIGN, A::VERIFY, A::WRAP, A::UNWRAP]);
            assert_eq!(uses, [true, true, true, true, false, false]);
            assert_eq!((encrypt(&session, key), decrypt(&session, key)), (Ok(()), Ok(())));
        }
        let size = [Attribute::number(A::MODULUS_BITS, 2048)];
        let rsa = Mechanism::plain(M::RSA_PKCS_KEY_PAIR_GEN);
        let (public, private) = session.generate_pair(&rsa, &size, &[]).expect("a bare pair");
        assert_eq!(of(public, &[A::ENCRYPT, A::VERIFY, A::WRAP]), [true, true, false]);
        assert_eq!(of(private, &[A::DECRYPT, A::SIGN, A::UNWRAP]), [true, true, false]);
        // What a template asks for it gets, and a named use leaves the others out as ever.
        let wraps = [&length[..], &keys::flags(&[A::WRAP, A::UNWRAP], true)].concat();
        let wraps = session.generate(&Mechanism::plain(M::AES_KEY_GEN), &wraps).expect("a key");
        assert_eq!(of(wraps, &[A::WRAP, A::UNWRAP, A::ENCRYPT]), [true, true, false]);
        let secret = session.create(&keys::secret(KeyType::GENERIC_SECRET, &[1; 32]));
        assert_eq!(of(secret.expect("a key"), &[A::SIGN, A::VERIFY]), [true, true]);
    });
}

/// One wrapping mechanism with a wrapping key.
struct Wrapping {
    mechanism: Mechanism,
    /// The material of the wrapping key.
    key: Vec<Attribute>,
    /// Whether that is a public key: the security officer can make it trusted under `strict`, which
    /// has no secret key that the officer sees.
    public: bool,
    /// NIST SP 800-57 part 1 revision 5, table 2: the least of what is in the way, a temporary key
    /// as well.
    strength: usize,
}

fn wrappings(session: &Session<'_>) -> Vec<Wrapping> {
    let aes = |mechanism: Mechanism, len: usize| Wrapping {
        mechanism,
        key: keys::secret(KeyType::AES, &vec![1; len]),
        public: false,
        strength: len * 8,
    };
    let rsa = |mechanism, bits, strength| {
        let key = keys::rsa_public(bits);
        Wrapping { mechanism, key, public: true, strength }
    };
    let ec = |id: M, curve: &[u8], size, strength| {
        const SHA256_KDF: u64 = 6;
        let mechanism = Mechanism::ecdh_aes(id, size, SHA256_KDF, b"");
        Wrapping { mechanism, key: ec_public(session, curve), public: true, strength }
    };
    let (one, cofactor) = (M::ECDH_AES_KEY_WRAP, M::ECDH_COF_AES_KEY_WRAP);
    vec![
        aes(Mechanism::plain(M::AES_KEY_WRAP), 16),
        aes(Mechanism::plain(M::AES_KEY_WRAP_PAD), 24),
        aes(Mechanism::plain(M::AES_KEY_WRAP_KWP), 32),
        aes(Mechanism::gcm(&[3; 12], b"", 128), 16),
        aes(Mechanism::ccm(0, &[3; 12], b"", 16), 24),
        rsa(Mechanism::plain(M::RSA_PKCS), 2048, 112),
        rsa(Mechanism::oaep(Hash::Sha256, Hash::Sha256, b""), 3072, 128),
        rsa(Mechanism::rsa_aes(256, Hash::Sha256, b""), 3072, 128),
        rsa(Mechanism::rsa_aes(256, Hash::Sha256, b""), 2048, 112),
        ec(one, keys::P256, 256, 128),
        ec(one, keys::P521, 256, 256),
        ec(one, keys::P521, 128, 128),
        ec(cofactor, keys::P384, 256, 192),
        ec(M::ECDH_X_AES_KEY_WRAP, keys::X25519, 256, 128),
    ]
}

/// The public half of a new pair, to be imported.
fn ec_public(session: &Session<'_>, curve: &[u8]) -> Vec<Attribute> {
    let params = Attribute::bytes(A::EC_PARAMS, curve);
    let id = match curve == keys::X25519 {
        true => M::EC_MONTGOMERY_KEY_PAIR_GEN,
        false => M::EC_KEY_PAIR_GEN,
    };
    let pair = session.generate_pair(&Mechanism::plain(id), std::slice::from_ref(&params), &[]);
    let (public, _) = pair.expect("a pair");
    let point = session.attribute(public, A::EC_POINT).expect("CKA_EC_POINT");
    let key_type = KeyType(session.number(public, A::KEY_TYPE).expect("CKA_KEY_TYPE"));
    vec![
        Attribute::class(ObjectClass::PUBLIC_KEY),
        Attribute::key_type(key_type),
        params,
        Attribute::bytes(A::EC_POINT, &point),
    ]
}

/// An AES key that may leave.
fn leaving(session: &Session<'_>, len: usize, sensitive: bool) -> u64 {
    let usage = keys::flags(&[A::EXTRACTABLE, A::ENCRYPT], true);
    let sensitive = [Attribute::flag(A::SENSITIVE, sensitive)];
    let value = keys::secret(KeyType::AES, &vec![9; len]);
    session.create(&merged(&[&value, &usage, &sensitive])).expect("a key")
}

/// Makes the wrapping keys trusted, as the security officer, where that is possible.
fn trusted(session: &Session<'_>, rows: &[Wrapping]) -> Vec<Option<u64>> {
    session.logout().expect("C_Logout");
    session.login(Who::SecurityOfficer, session.target.so_pin()).expect("the SO logs in");
    let uses = keys::flags(&[A::TOKEN, A::WRAP, A::TRUSTED], true);
    let made = rows.iter().map(|row| {
        let key = session.create(&merged(&[&row.key, &uses]));
        assert_eq!(key.is_ok(), row.public, "{:?}: {key:?}", row.mechanism.id());
        key.ok()
    });
    let made = made.collect();
    session.logout().expect("C_Logout");
    session.login(Who::User, session.target.user_pin()).expect("the user logs in");
    made
}

/// Every wrapping mechanism: a sensitive key leaves under a trusted key that is not weaker, one that
/// anybody may read under any key that is not weaker, and no key under a weaker one.
#[test]
#[serial]
fn strict_holds_for_every_mechanism_that_wraps() {
    under("strict", |session| {
        let rows = wrappings(&session);
        let offered = set::offered(set::Legacy::Refused, Policy::Strict);
        for spec in offered.iter().filter(|spec| spec.wrap.is_some()) {
            let exercised = rows.iter().any(|row| row.mechanism.id() == spec.id);
            assert!(exercised, "{} is not exercised", spec.name());
        }
        let officers = trusted(&session, &rows);
        for (row, officers) in rows.iter().zip(officers) {
            let own = session.create(&merged(&[&row.key, &keys::flags(&[A::WRAP], true)]));
            let own = (own.expect("a wrapping key"), false);
            for (outer, trusted) in
                [Some(own), officers.map(|key| (key, true))].into_iter().flatten()
            {
                for (len, sensitive) in
                    [(16, false), (16, true), (24, false), (24, true), (32, false), (32, true)]
                {
                    let inner = leaving(&session, len, sensitive);
                    let answer = session.wrap(&row.mechanism, outer, inner).map(|_| ());
                    let leaves = row.strength >= len * 8 && (trusted || !sensitive);
                    let expected = if leaves { Ok(()) } else { Err(Code::KeyNotWrappable) };
                    let id = row.mechanism.id();
                    assert_eq!(answer, expected, "{id:?} {len} {sensitive} {trusted}");
                }
            }
        }
    });
}
