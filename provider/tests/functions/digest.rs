//! `C_DigestKey`.

use keyway_pkcs11::attribute::AttributeType as A;
use keyway_pkcs11::mechanism::MechanismType as M;
use pkcs11_sys as ck;
use serial_test::serial;

use crate::harness::{Code, Session, call, on_user};

fn digest_key(session: Session, key: ck::CK_OBJECT_HANDLE) -> Result<(), Code> {
    call!(C_DigestKey(session.0, key))
}

#[test]
#[serial]
fn the_value_of_a_key_stands_between_the_parts() {
    on_user(|session| {
        let key = session.secret(ck::CKK_GENERIC_SECRET, b"the key", true);
        session.digest_init(M::SHA256).expect("C_DigestInit");
        session.digest_update(b"before, ").expect("C_DigestUpdate");
        digest_key(session, key).expect("C_DigestKey");
        digest_key(session, key).expect("C_DigestKey");
        session.digest_update(b", after").expect("C_DigestUpdate");
        let expected = session.digest_final().expect("C_DigestFinal");
        assert_eq!(session.digest(M::SHA256, b"before, the keythe key, after"), expected);
    });
}

/// The digest of a key that nobody may read would help to guess it.
#[test]
#[serial]
fn a_key_that_cannot_be_read_cannot_be_digested() {
    on_user(|session| {
        let class = ck::CKO_SECRET_KEY.to_ne_bytes();
        let kind = ck::CKK_GENERIC_SECRET.to_ne_bytes();
        let bare = [(A::CLASS, &class[..]), (A::KEY_TYPE, &kind), (A::VALUE, b"the key")];
        let sensitive = session.secret(ck::CKK_GENERIC_SECRET, b"the key", false);
        let unextractable = [&bare[..], &[(A::SENSITIVE, &[0]), (A::EXTRACTABLE, &[0])]].concat();
        let unextractable = session.create(&unextractable);
        let other = M::SHA512.0.to_ne_bytes();
        let elsewhere = [
            &bare[..],
            &[(A::SENSITIVE, &[0]), (A::EXTRACTABLE, &[1]), (A::ALLOWED_MECHANISMS, &other)],
        ];
        let elsewhere = session.create(&elsewhere.concat());
        for key in [sensitive, unextractable, elsewhere] {
            session.digest_init(M::SHA256).expect("C_DigestInit");
            assert_eq!(digest_key(session, key), Err(Code::KeyIndigestible));
            assert_eq!(session.digest_update(b"x"), Err(Code::OperationNotInitialized));
        }
        session.digest_init(M::SHA512).expect("C_DigestInit");
        digest_key(session, elsewhere).expect("the mechanism that the key allows");
    });
}

#[test]
#[serial]
fn what_is_no_key_ends_the_digest_and_without_a_digest_there_is_nothing_to_do() {
    on_user(|session| {
        let key = session.secret(ck::CKK_GENERIC_SECRET, b"the key", true);
        assert_eq!(digest_key(session, key), Err(Code::OperationNotInitialized));
        let class = ck::CKO_DATA.to_ne_bytes();
        let data = session.create(&[(A::CLASS, &class), (A::VALUE, b"no key")]);
        for handle in [data, 0, ck::CK_OBJECT_HANDLE::MAX] {
            session.digest_init(M::SHA256).expect("C_DigestInit");
            assert_eq!(digest_key(session, handle), Err(Code::KeyHandleInvalid));
            assert_eq!(session.digest_final(), Err(Code::OperationNotInitialized));
        }
    });
}
