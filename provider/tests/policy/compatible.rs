//! `policy = "compatible"`: what it lets pass, and that the log says so.

use serial_test::serial;
use sha2::{Digest, Sha256};

use crate::harness::abi::Arg;
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, KeyType, Mechanism, MechanismType as M, Room,
    Session, keys,
};
use crate::{decrypt, dual, ecb, encrypt, under, unwrap, wrap};

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
