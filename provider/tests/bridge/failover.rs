//! One slot over two tokens that hold the same keys: what one of them cannot do the other does, and
//! never with another key.

use serial_test::serial;

use crate::harness::place::USER_PIN;
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, Mechanism, MechanismType as M, ObjectClass,
    Room, Session, Who,
};
use crate::pair::{self, Pair, QUICK, on_user, soon};
use crate::setting::{aes, by_label, is_signature, of_class, rsa, sign, verifier};

const DIGEST: [u8; 32] = [0x77; 32];

/// What an application sees of a slot without any token.
fn is_away(code: Code) -> bool {
    matches!(code, Code::DeviceError | Code::DeviceRemoved)
}

fn is_right(session: Session<'_>, (public, private): (u64, u64)) {
    let verifier = verifier(session, public);
    let signature = sign(session, private, &DIGEST).expect("signed");
    assert!(is_signature(&verifier, &DIGEST, &signature), "a wrong signature");
}

#[test]
#[serial]
fn the_second_token_takes_over_and_the_first_comes_back() {
    on_user(|tokens, session| {
        let keys = crate::setting::pair(session, "key").expect("generated");
        is_right(session, keys);
        assert!(tokens.signed(0) > 0);
        assert_eq!(tokens.signed(1), 0, "the second is a spare");
        tokens.kill(0);
        for _ in 0..40 {
            is_right(session, keys);
        }
        assert!(tokens.signed(1) >= 40);
        assert_eq!(tokens.told("takes over"), 1, "told once");
        // The same objects under the same handles.
        let mut found = session.find(&by_label("key")).expect("found");
        found.sort_unstable();
        assert_eq!(found, {
            let mut both = [keys.0, keys.1];
            both.sort_unstable();
            both
        });
        assert_eq!(session.attribute(keys.1, A::LABEL).as_deref(), Ok(&b"key"[..]));
        assert_eq!(session.random(16).map(|random| random.len()), Ok(16));
        let logins = tokens.faulty[0].of("C_Login").calls();
        tokens.revive(0);
        let before = tokens.signed(0);
        soon("the first is used again", || {
            is_right(session, keys);
            tokens.signed(0) > before
        });
        assert!(tokens.told("works again") >= 1);
        assert_eq!(tokens.faulty[0].of("C_Login").calls(), logins + 1, "logged in once");
        tokens.kill(1);
        is_right(session, keys);
    });
}

/// Parts that went to a token are not begun again in silence; those that are still here are.
#[test]
#[serial]
fn what_is_still_here_goes_on_with_the_other_token() {
    on_user(|tokens, session| {
        let key = aes(session, "aes").expect("generated");
        let (public, private) = rsa(session, "rsa");
        let cbc = Mechanism::bytes(M::AES_CBC_PAD, &[1; 16]);
        let sealed = session.run(Function::Encrypt, &cbc, key, b"message").expect("encrypted");
        let hashing = Mechanism::plain(M::SHA256_RSA_PKCS);
        let raw = Mechanism::plain(M::RSA_PKCS);
        let pss = Mechanism::plain(M::SHA3_256_RSA_PKCS);
        session.init(Function::Sign, &hashing, private).expect("C_SignInit");
        session.update(Function::Sign, &[3; 1000], Room::Bytes(0)).done().expect("a part");
        tokens.kill(0);
        let signature = session.finish(Function::Sign, Room::Bytes(256)).done().expect("signed");
        session.check(&hashing, public, &[3; 1000], &signature).expect("verified");
        assert_eq!(
            session.run(Function::Decrypt, &cbc, key, &sealed).as_deref(),
            Ok(&b"message"[..])
        );
        let secret = session.run(Function::Encrypt, &raw, public, b"secret").expect("encrypted");
        assert_eq!(
            session.run(Function::Decrypt, &raw, private, &secret).as_deref(),
            Ok(&b"secret"[..])
        );
        let signature = session.run(Function::Sign, &pss, private, b"composed").expect("signed");
        session.check(&pss, public, b"composed", &signature).expect("verified");
        soon("the first works again", || {
            tokens.revive(0);
            session.run(Function::Encrypt, &cbc, key, b"message").expect("encrypted");
            tokens.told("works again") > 0
        });
        session.init(Function::Encrypt, &cbc, key).expect("C_EncryptInit");
        session.update(Function::Encrypt, &[7; 64], Room::Bytes(80)).done().expect("a part");
        tokens.faulty[0].of("C_EncryptUpdate").every(1, Code::DeviceError);
        let lost = session.update(Function::Encrypt, &[7; 64], Room::Bytes(80)).done();
        assert_eq!(lost, Err(Code::DeviceError));
        assert_eq!(tokens.faulty[1].of("C_EncryptUpdate").calls(), 0, "half of it went over");
    });
}

#[test]
#[serial]
fn with_both_tokens_gone_the_answer_is_one_of_the_device_until_one_is_back() {
    on_user(|tokens, session| {
        let keys = crate::setting::pair(session, "key").expect("generated");
        is_right(session, keys);
        tokens.kill(0);
        tokens.kill(1);
        for _ in 0..5 {
            let answer = sign(session, keys.1, &DIGEST);
            assert!(answer.is_err_and(is_away), "signed by nobody");
        }
        // Verification needs no token.
        let ecdsa = Mechanism::plain(M::ECDSA);
        let refused = session.check(&ecdsa, keys.0, &DIGEST, &[1; 64]);
        assert!(
            matches!(
                refused,
                Err(Code::SignatureInvalid | Code::DeviceError | Code::DeviceRemoved)
            ),
            "{refused:?}"
        );
        tokens.revive(1);
        soon("the second is used", || sign(session, keys.1, &DIGEST).is_ok());
        is_right(session, keys);
    });
}

#[test]
#[serial]
fn a_token_that_refuses_the_pin_is_left_out_and_not_asked_again() {
    pair::with(QUICK, "", |tokens| {
        let [first, second] = [0, 1].map(|which| tokens.faulty[which].of("C_Login"));
        let session = tokens.open();
        assert_eq!(session.login(Who::User, "not-the-pin"), Err(Code::PinIncorrect));
        assert_eq!((first.calls(), second.calls()), (1, 0), "a wrong PIN is counted at one token");
        session.login(Who::User, USER_PIN).expect("the user logs in");
        let key = crate::setting::pair(session, "key").expect("generated");
        session.logout().expect("C_Logout");
        second.every(1, Code::PinIncorrect);
        let before = second.calls();
        for _ in 0..3 {
            session.login(Who::User, USER_PIN).expect("the first token's PIN is right");
            session.logout().expect("C_Logout");
        }
        session.login(Who::User, USER_PIN).expect("the first token's PIN is right");
        assert_eq!(second.calls(), before + 1, "a refused PIN was tried again");
        assert!(tokens.told("left out") > 0);
        let found = session.find(&of_class(ObjectClass::PRIVATE_KEY, "key")).expect("found");
        is_right(session, (key.0, found[0]));
        assert_eq!(crate::setting::pair(session, "other").map(|_| ()), Err(Code::DeviceError));
        tokens.kill(0);
        assert!(sign(session, found[0], &DIGEST).is_err_and(is_away));
        assert_eq!(second.calls(), before + 1);
    });
}

#[test]
#[serial]
fn a_token_that_is_away_at_the_login_is_logged_in_when_it_is_back() {
    pair::with(QUICK, "", |tokens| {
        let session = tokens.user();
        crate::setting::pair(session, "key").expect("generated");
        session.logout().expect("C_Logout");
        for away in [1, 0] {
            tokens.kill(away);
            session.login(Who::User, USER_PIN).expect("the other token's PIN");
            let logins = tokens.faulty[away].of("C_Login");
            let before = logins.calls();
            let found = session.find(&of_class(ObjectClass::PRIVATE_KEY, "key")).expect("found");
            sign(session, found[0], &DIGEST).expect("signed");
            tokens.revive(away);
            tokens.kill(1 - away);
            soon("the other one signs", || sign(session, found[0], &DIGEST).is_ok());
            assert_eq!(logins.calls(), before + 1, "logged in once, with the PIN that was given");
            tokens.revive(1 - away);
            session.logout().expect("C_Logout");
            soon("both are there", || {
                let answer = session.login(Who::User, USER_PIN);
                session.logout().expect("C_Logout");
                answer.is_ok()
            });
        }
    });
}

#[test]
#[serial]
fn a_key_that_one_token_lacks_is_used_where_it_is() {
    on_user(|tokens, session| {
        let [lonely, shared] = ["lonely", "shared"]
            .map(|name| crate::setting::pair(session, name).expect("generated"));
        for kind in ["privkey", "pubkey"] {
            tokens.tool(1, &["--delete-object", "--label", "lonely", "--type", kind]);
        }
        // What was known of the second token is read again.
        session.logout().expect("C_Logout");
        session.login(Who::User, USER_PIN).expect("the user logs in");
        let private =
            |name| session.find(&of_class(ObjectClass::PRIVATE_KEY, name)).expect("found")[0];
        let keys = [(lonely.0, private("lonely")), (shared.0, private("shared"))];
        keys.iter().for_each(|keys| is_right(session, *keys));
        assert!(tokens.told("'lonely' is not there: this token cannot take over for it") > 0);
        // Nothing that the tokens do not both have is changed.
        let label = [Attribute::text(A::LABEL, "renamed")];
        assert_eq!(session.set(keys[0].1, &label), Err(Code::DeviceError));
        assert!(!tokens.tool(0, &["--list-objects"]).contains("renamed"));
        tokens.kill(0);
        assert!(sign(session, keys[0].1, &DIGEST).is_err_and(is_away));
        is_right(session, keys[1]);
        tokens.revive(0);
        soon("the lonely key is used again", || sign(session, keys[0].1, &DIGEST).is_ok());
    });
}

/// Label and CKA_ID are names; that a key is the same takes the public half.
#[test]
#[serial]
fn another_key_under_the_same_names_never_takes_over() {
    on_user(|tokens, session| {
        let pair = ["--keypairgen", "--key-type", "EC:prime256v1", "--id", "07"];
        for which in [0, 1] {
            tokens.tool(which, &[&pair[..], &["--label", "same name"]].concat());
        }
        let of = |class| session.find(&of_class(class, "same name")).expect("found")[0];
        let keys = (of(ObjectClass::PUBLIC_KEY), of(ObjectClass::PRIVATE_KEY));
        let verifier = verifier(session, keys.0);
        is_right(session, keys);
        tokens.kill(0);
        for _ in 0..5 {
            match sign(session, keys.1, &DIGEST) {
                Ok(signature) => {
                    assert!(is_signature(&verifier, &DIGEST, &signature), "another key signed");
                }
                Err(code) => assert!(is_away(code), "{code:?}"),
            }
        }
        assert_eq!(tokens.signed(1), 0);
        assert!(tokens.told("is another one there") > 0);
    });
}

/// Nor is it destroyed with the one that is meant, and a token that dies before the first use of a
/// key leaves what it showed.
#[test]
#[serial]
fn another_key_under_the_same_names_is_no_ones_spare() {
    on_user(|tokens, session| {
        for (name, id) in [("one", "01"), ("two", "02")] {
            let pair = ["--keypairgen", "--key-type", "EC:prime256v1", "--id", id];
            for which in [0, 1] {
                tokens.tool(which, &[&pair[..], &["--label", name]].concat());
            }
        }
        let of = |class, name| session.find(&of_class(class, name)).expect("found")[0];
        for name in ["one", "two"] {
            of(ObjectClass::PUBLIC_KEY, name);
        }
        let one = of(ObjectClass::PRIVATE_KEY, "one");
        let two = of(ObjectClass::PRIVATE_KEY, "two");
        session.destroy(one).expect("destroyed");
        let private = ["--list-objects", "--type", "privkey"];
        assert!(!tokens.tool(0, &private).contains("one"));
        assert!(tokens.tool(1, &private).contains("one"), "a key that was not meant is gone");
        tokens.kill(0);
        assert!(sign(session, two, &DIGEST).is_err_and(is_away));
        assert_eq!(tokens.signed(1), 0, "another key signed");
    });
}

/// What the tokens have in common is what the slot offers, and its name is the first token's.
#[test]
#[serial]
fn the_slot_shows_the_first_token_and_what_both_can_do() {
    pair::with(QUICK, "", |tokens| {
        let shown = |tokens: &Pair| {
            let texts = tokens.target.token_info(1).expect("C_GetTokenInfo").texts;
            [0, 3].map(|text| String::from_utf8_lossy(&texts[text]).trim_end().to_owned())
        };
        let before = shown(tokens);
        assert_eq!(before[0], "first");
        let mechanisms = tokens.target.mechanisms(1);
        assert!(mechanisms.contains(&M::ECDSA.0) && mechanisms.contains(&M::SHA3_256_RSA_PKCS.0));
        tokens.kill(0);
        assert_eq!(shown(tokens), before);
        assert_eq!(tokens.target.mechanisms(1), mechanisms);
        assert_eq!(tokens.target.init_token(1, USER_PIN, "x"), Err(Code::FunctionNotSupported));
    });
}
