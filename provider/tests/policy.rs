//! `policy` of the configuration: what the token refuses beyond the standard (docs/policy.md).

mod harness;

use serial_test::serial;
use sha2::{Digest, Sha256};

use harness::abi::Arg;
use harness::attribute::merged;
use harness::place::Place;
use harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Kind, Mechanism,
    MechanismType as M, Room, Session, Target, Who, keys,
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

#[test]
#[serial]
fn compatible_does_everything_with_one_key() {
    under("compatible", |session| {
        let key = dual(&session, true);
        for _ in 0..2 {
            assert_eq!((wrap(&session, key), decrypt(&session, key)), (Ok(()), Ok(())));
            assert_eq!((unwrap(&session, key), encrypt(&session, key)), (Ok(()), Ok(())));
        }
    });
}

/// How many lines of the log tell what `compatible` lets pass.
fn relaxed(session: &Session<'_>) -> usize {
    let log = session.target.place.log();
    log.lines().filter(|line| line.contains("policy = \"compatible\":")).count()
}

#[test]
#[serial]
fn compatible_digests_a_key_that_nobody_may_read() {
    let digest = |session: &Session<'_>, key| {
        session.init(Function::Digest, &Mechanism::plain(M::SHA256), 0).expect("C_DigestInit");
        session.call("C_DigestKey", vec![Arg::Number(key)])?;
        session.finish(Function::Digest, Room::Bytes(32)).done()
    };
    for (policy, expected) in [("standard", None), ("strict", None), ("compatible", Some(1))] {
        under(policy, |session| {
            let key = session.create(&keys::secret(KeyType::GENERIC_SECRET, b"abc"));
            for _ in 0..2 {
                let answer = digest(&session, *key.as_ref().expect("a key"));
                match expected {
                    None => assert_eq!(answer, Err(Code::KeyIndigestible)),
                    Some(_) => assert_eq!(answer, Ok(Sha256::digest(b"abc").to_vec())),
                }
            }
            assert_eq!(relaxed(&session), expected.unwrap_or(0), "{}", session.target.place.log());
        });
    }
}

#[test]
#[serial]
fn compatible_derives_short_keys_from_sensitive_ones() {
    for (policy, allowed) in [("standard", false), ("strict", false), ("compatible", true)] {
        under(policy, |session| {
            let derive = keys::flags(&[A::DERIVE], true);
            let base = merged(&[&keys::secret(KeyType::GENERIC_SECRET, &[3; 32]), &derive]);
            let base = session.create(&base).expect("a key");
            let derive = |len| {
                let length = [Attribute::number(A::VALUE_LEN, len)];
                session.derive(&Mechanism::plain(M::SHA256_KEY_DERIVATION), base, &length)
            };
            // A mechanism whose output nobody gave a length is held to the same.
            let short = keys::secret(KeyType::GENERIC_SECRET, &[3; 8]);
            let short = merged(&[&short, &keys::flags(&[A::DERIVE], true)]);
            let short = session.create(&short).expect("a key");
            let xor = Mechanism::string_data(M::XOR_BASE_AND_DATA, &[1; 8]);
            let mixed = session.derive(&xor, short, &[]).map(|_| ());
            assert_eq!(mixed, if allowed { Ok(()) } else { Err(Code::KeySizeRange) });
            for len in [1, 13] {
                let answer = derive(len).map(|_| ());
                let expected = if allowed { Ok(()) } else { Err(Code::KeySizeRange) };
                assert_eq!(answer, expected, "{len} bytes");
            }
            assert!(derive(14).is_ok());
            assert_eq!(relaxed(&session), usize::from(allowed));
        });
    }
}

#[test]
#[serial]
fn compatible_alone_wraps_without_authentication() {
    for (policy, allowed) in [("standard", false), ("strict", false), ("compatible", true)] {
        under(policy, |session| {
            let target = session.target;
            let wraps = keys::flags(&[A::WRAP, A::UNWRAP], true);
            let wrapping = merged(&[&keys::secret(KeyType::AES, &[1; 32]), &wraps]);
            let wrapping = session.create(&wrapping).expect("a wrapping key");
            let open = [Attribute::flag(A::EXTRACTABLE, true), Attribute::flag(A::ENCRYPT, true)];
            let open = merged(&[&keys::secret(KeyType::AES, &[2; 16]), &open]);
            let key = session.create(&open).expect("a key");
            for (id, mechanism) in [
                (M::AES_ECB, ecb()),
                (M::AES_CBC, Mechanism::bytes(M::AES_CBC, &[0; 16])),
                (M::AES_CBC_PAD, Mechanism::bytes(M::AES_CBC_PAD, &[0; 16])),
            ] {
                let [_, _, flags] = target.mechanism_info(target.slot(), id.0).expect("a row");
                const WRAP_AND_UNWRAP: u64 = 0x6_0000;
                let announced = if allowed { WRAP_AND_UNWRAP } else { 0 };
                assert_eq!(flags & WRAP_AND_UNWRAP, announced, "{id:?} under {policy}");
                let wrapped = session.wrap(&mechanism, wrapping, key);
                let template = keys::secret(KeyType::AES, b"");
                let template = merged(&[&template[..2], &keys::flags(&[A::ENCRYPT], true)]);
                let back = |wrapped: &[u8]| {
                    session.unwrap(&mechanism, wrapping, wrapped, &template).map(|_| ())
                };
                match allowed {
                    true => assert_eq!(back(&wrapped.expect("C_WrapKey")), Ok(())),
                    false => {
                        assert_eq!(wrapped, Err(Code::MechanismInvalid));
                        assert_eq!(back(&[0; 16]), Err(Code::MechanismInvalid));
                    }
                }
            }
            assert_eq!(relaxed(&session), usize::from(allowed));
        });
    }
}

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
    });
}

#[test]
#[serial]
fn strict_lets_no_key_leave_under_an_untrusted_or_weaker_one() {
    under("strict", |session| {
        let aes = |len: usize, more: &[Attribute]| {
            let key = keys::secret(KeyType::AES, &vec![1; len]);
            session.create(&merged(&[&key, more])).expect("a key")
        };
        let leaves = keys::flags(&[A::EXTRACTABLE, A::ENCRYPT], true);
        let sensitive = merged(&[&leaves, &keys::flags(&[A::SENSITIVE], true)]);
        let open = merged(&[&leaves, &keys::flags(&[A::SENSITIVE], false)]);
        let wraps = keys::flags(&[A::WRAP], true);
        let (strong, weak) = (aes(32, &wraps), aes(16, &wraps));
        let refused = Err(Code::KeyNotWrappable);
        let wrap = |outer, inner| {
            session.wrap_into(&kwp(), outer, inner, Room::Bytes(64)).done().map(|_| ())
        };
        assert_eq!(wrap(strong, aes(32, &sensitive)), refused);
        assert_eq!(wrap(weak, aes(32, &open)), refused);
        assert_eq!(wrap(strong, aes(32, &open)), Ok(()));
    });
}
