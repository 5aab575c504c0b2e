//! `policy` of the configuration: what the token refuses beyond the standard (docs/policy.md).

#[path = "../harness/mod.rs"]
mod harness;

mod compatible;
mod strict;
mod trusted;

use serial_test::serial;

use harness::attribute::merged;
use harness::place::Place;
use harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Kind, Mechanism,
    MechanismType as M, Session, Target, Who, keys,
};

const REFUSED: Result<(), Code> = Err(Code::KeyFunctionNotPermitted);

/// Runs a test in a session of the user of our module, under a policy.
fn under(policy: &str, body: impl Fn(Session<'_>)) {
    let place = Place::new(Kind::Keyway, true);
    place.configure(&format!("policy = {policy:?}"));
    let target = Target::over(Kind::Keyway, place);
    target.initialize().expect("C_Initialize");
    body(user(&target));
}

fn user(target: &Target) -> Session<'_> {
    let session = target.open(Flags::ReadWrite).expect("a session opens");
    session.login(Who::User, target.user_pin()).expect("the user logs in");
    session
}

fn kwp() -> Mechanism {
    Mechanism::plain(M::AES_KEY_WRAP_KWP)
}

fn ecb() -> Mechanism {
    Mechanism::plain(M::AES_ECB)
}

/// A key with every usage, that many tools make.
fn dual(session: &Session<'_>, token: bool) -> u64 {
    let more = [Attribute::flag(A::TOKEN, token), Attribute::text(A::LABEL, "dual")];
    session.aes_with(&more).expect("a key")
}

/// What the key does when it is asked for each of the four.
fn wrap(session: &Session<'_>, key: u64) -> Result<(), Code> {
    session.wrap(&kwp(), key, session.aes()).map(|_| ())
}

fn unwrap(session: &Session<'_>, key: u64) -> Result<(), Code> {
    // The fixed value of such keys wraps for any of them.
    let wrapped = session.wrap(&kwp(), session.aes(), session.aes()).expect("wrapped");
    let template = keys::secret(KeyType::AES, b"");
    session.unwrap(&kwp(), key, &wrapped, &template[..2]).map(|_| ())
}

fn encrypt(session: &Session<'_>, key: u64) -> Result<(), Code> {
    session.run(Function::Encrypt, &ecb(), key, &[0; 16]).map(|_| ())
}

fn decrypt(session: &Session<'_>, key: u64) -> Result<(), Code> {
    session.run(Function::Decrypt, &ecb(), key, &[0; 16]).map(|_| ())
}

#[test]
#[serial]
fn the_first_use_of_a_key_decides_between_wrapping_and_decrypting() {
    under("standard", |session| {
        for token in [false, true] {
            let key = dual(&session, token);
            assert_eq!(wrap(&session, key), Ok(()));
            assert_eq!(decrypt(&session, key), REFUSED);
            assert_eq!((wrap(&session, key), encrypt(&session, key)), (Ok(()), Ok(())));
            let key = dual(&session, token);
            assert_eq!(decrypt(&session, key), Ok(()));
            assert_eq!(wrap(&session, key), REFUSED);
            assert_eq!((decrypt(&session, key), encrypt(&session, key)), (Ok(()), Ok(())));
        }
    });
}

#[test]
#[serial]
fn and_between_unwrapping_and_encrypting() {
    under("standard", |session| {
        for token in [false, true] {
            let key = dual(&session, token);
            assert_eq!(unwrap(&session, key), Ok(()));
            assert_eq!(encrypt(&session, key), REFUSED);
            assert_eq!((unwrap(&session, key), decrypt(&session, key)), (Ok(()), Ok(())));
            let key = dual(&session, token);
            assert_eq!(encrypt(&session, key), Ok(()));
            assert_eq!(unwrap(&session, key), REFUSED);
        }
    });
}

#[test]
#[serial]
fn a_refused_wrapping_decides_nothing() {
    under("standard", |session| {
        let key = dual(&session, true);
        let stays = [Attribute::flag(A::EXTRACTABLE, false)];
        let stays = merged(&[&keys::secret(KeyType::AES, &[1; 16]), &stays]);
        let stays = session.create(&stays).expect("a key");
        assert_eq!(session.wrap(&kwp(), key, stays), Err(Code::KeyUnextractable));
        assert_eq!(decrypt(&session, key), Ok(()));
    });
}

#[test]
#[serial]
fn the_decision_outlives_the_process_and_goes_with_a_copy() {
    under("standard", |session| {
        let key = dual(&session, true);
        assert_eq!(wrap(&session, key), Ok(()));
        let copy = session.copy(key, &[Attribute::flag(A::TOKEN, false)]).expect("a copy");
        assert_eq!(decrypt(&session, copy), REFUSED);
        let target = session.target;
        target.finalize().expect("C_Finalize");
        target.initialize().expect("C_Initialize");
        let session = user(target);
        let found = session.find(&[Attribute::text(A::LABEL, "dual")]).expect("a search");
        assert_eq!(found.len(), 1);
        assert_eq!(decrypt(&session, found[0]), REFUSED);
        assert_eq!(wrap(&session, found[0]), Ok(()));
    });
}

#[test]
#[serial]
fn nobody_resets_the_decision() {
    under("standard", |session| {
        let key = dual(&session, true);
        assert_eq!(wrap(&session, key), Ok(()));
        for kind in [A::KEYWAY_ROLES, A::DECRYPT] {
            let _ = session.set(key, &[Attribute::number(kind, 0)]);
            let _ = session.set(key, &[Attribute::flag(kind, true)]);
        }
        assert_eq!(decrypt(&session, key), REFUSED);
    });
}

/// Neither by another use that is allowed later, nor in a copy.
#[test]
#[serial]
fn nor_does_a_change_of_what_the_key_may_do() {
    under("standard", |session| {
        let flags = |id, value| [Attribute::flag(id, value)];
        for token in [false, true] {
            let one = |uses: &[A]| {
                let value = keys::secret(KeyType::AES, &[1; 32]);
                let uses = merged(&[&keys::flags(uses, true), &flags(A::TOKEN, token)]);
                session.create(&merged(&[&value, &uses])).expect("a key")
            };
            let key = one(&[A::WRAP]);
            assert_eq!(wrap(&session, key), Ok(()));
            let copy = session.copy(key, &flags(A::DECRYPT, true)).expect("a copy");
            assert_eq!(decrypt(&session, copy), REFUSED);
            session.set(key, &flags(A::DECRYPT, true)).expect("another use");
            assert_eq!((decrypt(&session, key), wrap(&session, key)), (REFUSED, Ok(())));
            let key = one(&[A::DECRYPT]);
            assert_eq!(decrypt(&session, key), Ok(()));
            session.set(key, &flags(A::DECRYPT, false)).expect("a use less");
            session.set(key, &flags(A::WRAP, true)).expect("another use");
            assert_eq!(wrap(&session, key), REFUSED);
            // What was never allowed alone is still open.
            let key = one(&[A::SIGN]);
            session.set(key, &keys::flags(&[A::WRAP, A::DECRYPT], true)).expect("two uses");
            assert_eq!((wrap(&session, key), decrypt(&session, key)), (Ok(()), REFUSED));
        }
    });
}

#[test]
#[serial]
fn asymmetric_keys_are_not_latched() {
    under("standard", |session| {
        let (public, private) = session.rsa(2048);
        let pkcs1 = Mechanism::plain(M::RSA_PKCS);
        let wrapped = session.wrap(&pkcs1, public, session.aes()).expect("wrapped");
        let template = keys::secret(KeyType::AES, b"");
        session.unwrap(&pkcs1, private, &wrapped, &template[..2]).expect("unwrapped");
        session.run(Function::Encrypt, &pkcs1, public, b"x").expect("encrypted");
        let decrypted = session.run(Function::Decrypt, &pkcs1, private, &wrapped);
        assert_eq!(decrypted.expect("decrypted").len(), 32);
    });
}
