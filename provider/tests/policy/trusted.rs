//! What CKA_TRUSTED and CKA_WRAP_WITH_TRUSTED are worth: nobody but the security officer makes a
//! wrapping key trusted, so nothing of a trusted key or of a key that wants one gets past that.

use serial_test::serial;

use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Field, Function, KeyType, Mechanism, MechanismType as M,
    Session, Who, keys,
};
use crate::{kwp, under};

/// A sensitive key that only a trusted key wraps, for every derivation.
fn shared(session: &Session<'_>) -> u64 {
    let yes = keys::flags(&[A::SENSITIVE, A::EXTRACTABLE, A::WRAP_WITH_TRUSTED, A::DERIVE], true);
    session.create(&merged(&[&keys::secret(KeyType::AES, &[5; 16]), &yes])).expect("a key")
}

/// A trusted wrapping key of the officer's, with more uses.
fn officers(session: &Session<'_>, uses: &[A]) -> u64 {
    session.logout().expect("C_Logout");
    session.login(Who::SecurityOfficer, session.target.so_pin()).expect("the SO logs in");
    let no = keys::flags(&[A::PRIVATE, A::EXTRACTABLE], false);
    let yes = keys::flags(&[&[A::TRUSTED, A::SENSITIVE, A::WRAP], uses].concat(), true);
    let key = session.create(&merged(&[&keys::secret(KeyType::AES, &[6; 16]), &no, &yes]));
    session.logout().expect("C_Logout");
    session.login(Who::User, session.target.user_pin()).expect("the user logs in");
    key.expect("a trusted key")
}

/// A generic secret to derive, sensitive and extractable; at last CKA_WRAP_WITH_TRUSTED.
fn secret(trusted: bool) -> Vec<Attribute> {
    let leaves = keys::flags(&[A::SENSITIVE, A::EXTRACTABLE], true);
    let trusted = [Attribute::flag(A::WRAP_WITH_TRUSTED, trusted)];
    merged(&[&keys::secret(KeyType::GENERIC_SECRET, b"")[..2], &leaves, &trusted])
}

/// XOR with zeros gives the same value; so the result leaves as the base key does.
#[test]
#[serial]
fn a_key_derived_from_one_that_wants_a_trusted_wrapping_key_wants_one_too() {
    for policy in ["standard", "strict"] {
        under(policy, |session| {
            let key = shared(&session);
            let open = keys::flags(&[A::DERIVE, A::EXTRACTABLE], true);
            let other = merged(&[&keys::secret(KeyType::GENERIC_SECRET, &[1; 16]), &open]);
            let other = session.create(&other).expect("another key");
            let data = |id| Mechanism::string_data(id, &[0; 16]);
            let with = |key| Mechanism::number(M::CONCATENATE_BASE_AND_KEY, key);
            let prf = |key| {
                let fields = [Field::Iteration(false, 32), Field::Key(key)];
                Mechanism::sp800_108(M::SP800_108_COUNTER_KDF, M::SHA256_HMAC, &fields, None, &[])
            };
            for (mechanism, base, silent) in [
                (data(M::XOR_BASE_AND_DATA), key, true),
                (data(M::CONCATENATE_BASE_AND_DATA), key, true),
                (data(M::CONCATENATE_DATA_AND_BASE), key, true),
                (with(other), key, true),
                (with(key), other, true),
                (prf(key), other, false),
            ] {
                let id = mechanism.id();
                let length = [Attribute::number(A::VALUE_LEN, 16)];
                let length = if silent { &[][..] } else { &length };
                let derive = |template: &[Attribute]| {
                    session.derive(&mechanism, base, &merged(&[template, length]))
                };
                let derive = |template: &[Attribute]| {
                    let made = derive(template)?;
                    session.flag(made, A::WRAP_WITH_TRUSTED)
                };
                let inconsistent = Err(Code::TemplateInconsistent);
                assert_eq!(derive(&secret(false)), inconsistent, "{id:?}");
                assert_eq!(derive(&secret(true)), Ok(true), "{id:?}");
                let quiet = derive(&secret(true)[..4]);
                let expected = if silent { Ok(true) } else { Err(Code::TemplateInconsistent) };
                assert_eq!(quiet, expected, "{id:?}");
            }
        });
    }
}

#[test]
#[serial]
fn a_trusted_key_is_not_copied_and_gives_nobody_its_value() {
    under("standard", |session| {
        let officers = officers(&session, &[A::DERIVE]);
        assert_eq!(session.copy(officers, &[]), Err(Code::ActionProhibited));
        let zeros = Mechanism::string_data(M::XOR_BASE_AND_DATA, &[0; 16]);
        let refused = Err(Code::KeyFunctionNotPermitted);
        let hidden = keys::flags(&[A::SENSITIVE], true);
        assert_eq!(session.derive(&zeros, officers, &hidden), refused);
        let open = merged(&[
            &keys::secret(KeyType::GENERIC_SECRET, &[1; 16]),
            &keys::flags(&[A::DERIVE], true),
        ]);
        let base = session.create(&open).expect("a key");
        let both = Mechanism::number(M::CONCATENATE_BASE_AND_KEY, officers);
        assert_eq!(session.derive(&both, base, &hidden), refused);
    });
}

#[test]
#[serial]
fn what_a_trusted_key_unwraps_is_as_hidden_as_what_it_wraps() {
    under("standard", |session| {
        let officers = officers(&session, &[A::UNWRAP]);
        let wrapped = session.wrap(&kwp(), officers, shared(&session)).expect("wrapped");
        let unwrap = |template: &[Attribute]| {
            let aes = keys::secret(KeyType::AES, b"");
            session.unwrap(&kwp(), officers, &wrapped, &merged(&[&aes[..2], template]))
        };
        let flag = |id, value| Attribute::flag(id, value);
        for shown in [
            vec![flag(A::SENSITIVE, false)],
            vec![flag(A::WRAP_WITH_TRUSTED, false)],
            vec![flag(A::EXTRACTABLE, true), flag(A::WRAP_WITH_TRUSTED, false)],
            vec![flag(A::EXTRACTABLE, false), flag(A::SENSITIVE, false)],
        ] {
            assert_eq!(unwrap(&shown), Err(Code::TemplateInconsistent));
        }
        let says = |key: u64| {
            let ids = [A::SENSITIVE, A::EXTRACTABLE, A::WRAP_WITH_TRUSTED];
            ids.map(|id| session.flag(key, id).expect("a flag"))
        };
        assert_eq!(says(unwrap(&[]).expect("a silent template")), [true, true, true]);
        let stays = unwrap(&[flag(A::EXTRACTABLE, false)]).expect("one that stays");
        assert_eq!(says(stays), [true, false, false]);
    });
}

/// Two keys under one nonce show each other, and the caller knows one of them.
#[test]
#[serial]
fn no_mode_with_a_nonce_wraps_a_key_that_wants_a_trusted_one() {
    under("standard", |session| {
        let officers = officers(&session, &[]);
        let key = shared(&session);
        let modes = [Mechanism::gcm(&[3; 12], b"", 128), Mechanism::ccm(0, &[3; 12], b"", 16)];
        for mode in modes {
            assert_eq!(session.wrap(&mode, officers, key), Err(Code::KeyNotWrappable));
            session.wrap(&mode, officers, session.aes()).expect("one that anybody may wrap");
        }
        session.wrap(&kwp(), officers, key).expect("wrapped");
    });
}

/// Two-key triple DES is 80 bits, of whatever its bytes are cut.
#[test]
#[serial]
fn no_two_key_des_is_derived_from_a_sensitive_key() {
    under("standard", |session| {
        let key = shared(&session);
        let zeros = Mechanism::string_data(M::XOR_BASE_AND_DATA, &[0; 16]);
        let des2 = merged(&[
            &keys::secret(KeyType::DES2, b"")[..2],
            &keys::flags(&[A::SENSITIVE, A::EXTRACTABLE, A::WRAP_WITH_TRUSTED], true),
        ]);
        assert_eq!(session.derive(&zeros, key, &des2), Err(Code::KeySizeRange));
    });
}

/// The first use of a key builds what computes with it, before anybody made it sensitive.
#[test]
#[serial]
fn a_key_that_was_used_before_it_became_sensitive_is_not_cut_to_pieces_either() {
    for policy in ["standard", "strict", "compatible"] {
        under(policy, |session| {
            for token in [false, true] {
                let yes = keys::flags(&[A::SIGN, A::DERIVE, A::EXTRACTABLE], true);
                let rest = [Attribute::flag(A::SENSITIVE, false), Attribute::flag(A::TOKEN, token)];
                let value = keys::secret(KeyType::GENERIC_SECRET, &[8; 32]);
                let key = session.create(&merged(&[&value, &yes, &rest])).expect("a key");
                let hmac = Mechanism::plain(M::SHA256_HMAC);
                session.run(Function::Sign, &hmac, key, b"data").expect("signed");
                let length = [Attribute::number(A::VALUE_LEN, 16)];
                let derive = || {
                    let pieces = Mechanism::number(M::EXTRACT_KEY_FROM_KEY, 0);
                    session.derive(&pieces, key, &length).map(|_| ())
                };
                assert_eq!(derive(), Ok(()));
                session.set(key, &keys::flags(&[A::SENSITIVE], true)).expect("sensitive now");
                assert_eq!(derive(), Err(Code::KeySizeRange), "{policy}");
            }
        });
    }
}
