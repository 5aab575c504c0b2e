//! What is made, changed and destroyed in a slot over two tokens: on both of them, or on none.

use serial_test::serial;

use crate::apart::alone;
use crate::harness::attribute::merged;
use crate::harness::faulty::Faulty;
use crate::harness::place::{self, Place, USER_PIN};
use crate::harness::{
    Attribute, AttributeType as A, Code, Flags, Function, Kind, Mechanism, MechanismType as M,
    ObjectClass, Session, Target, Who, keys,
};
use crate::pair::{Pair, QUICK, kill, on_user, soon};
use crate::setting::{aes, by_label, is_signature, of_class, rsa, sign, verifier};

const DIGEST: [u8; 32] = [0x33; 32];

/// Runs `body` with each token alone in the slot, one after the other.
fn on_each(tokens: &Pair, session: Session<'_>, body: impl Fn()) {
    for which in [0, 1] {
        tokens.kill(1 - which);
        body();
        tokens.revive(1 - which);
        soon("both tokens are there", || session.set_label_of_nothing());
    }
}

impl Session<'_> {
    /// Whether every token can be reached: a data object is made and destroyed.
    fn set_label_of_nothing(&self) -> bool {
        let data = keys::data("nothing", b"value");
        let made = self.create(&merged(&[&data, &[Attribute::flag(A::TOKEN, true)]]));
        made.is_ok_and(|made| self.destroy(made).is_ok())
    }
}

#[test]
#[serial]
fn a_generated_key_is_on_both_tokens_and_leaves_neither() {
    on_user(|tokens, session| {
        let (public, private) = crate::setting::pair(session, "pair").expect("generated");
        let verifier = verifier(session, public);
        let key = aes(session, "aes").expect("generated");
        let ecb = Mechanism::plain(M::AES_ECB);
        let sealed = session.run(Function::Encrypt, &ecb, key, &[1; 32]).expect("encrypted");
        on_each(tokens, session, || {
            let signature = sign(session, private, &DIGEST).expect("signed");
            assert!(is_signature(&verifier, &DIGEST, &signature));
            assert_eq!(session.run(Function::Encrypt, &ecb, key, &[1; 32]).as_ref(), Ok(&sealed));
            for key in [private, key] {
                assert_eq!(session.flag(key, A::EXTRACTABLE), Ok(false));
                assert_eq!(session.flag(key, A::SENSITIVE), Ok(true));
                // It came through wrapping.
                assert_eq!(session.flag(key, A::LOCAL), Ok(false));
            }
            assert_eq!(session.attribute(private, A::ID).as_deref(), Ok(&b"pair"[..]));
        });
        // Nothing else stays: the keys of the passage are gone.
        for which in [0, 1] {
            let listed = tokens.tool(which, &["--list-objects"]);
            assert_eq!(listed.matches("Object").count(), 3, "{listed}");
        }
    });
}

#[test]
#[serial]
fn imported_and_public_objects_are_on_both_tokens() {
    on_user(|tokens, session| {
        let (public, private) = rsa(session, "rsa");
        let mechanism = Mechanism::plain(M::SHA256_RSA_PKCS);
        let data = merged(&[&keys::data("data", b"value"), &[Attribute::flag(A::TOKEN, true)]]);
        let data = session.create(&data).expect("created");
        on_each(tokens, session, || {
            let signature = session.run(Function::Sign, &mechanism, private, b"m").expect("signed");
            session.check(&mechanism, public, b"m", &signature).expect("verified");
            assert_eq!(session.find(&by_label("data")), Ok(vec![data]));
        });
    });
}

#[test]
#[serial]
fn changes_are_made_on_both_tokens_and_destruction_as_well() {
    on_user(|tokens, session| {
        let (public, private) = crate::setting::pair(session, "before").expect("generated");
        for key in [public, private] {
            session.set(key, &[Attribute::text(A::LABEL, "after")]).expect("changed");
        }
        on_each(tokens, session, || {
            assert_eq!(session.find(&by_label("after")).map(|found| found.len()), Ok(2));
            assert_eq!(session.find(&by_label("before")), Ok(vec![]));
            sign(session, private, &DIGEST).expect("signed");
        });
        let copied = session.copy(public, &[Attribute::text(A::LABEL, "copy")]).expect("copied");
        on_each(tokens, session, || {
            assert_eq!(session.find(&by_label("copy")), Ok(vec![copied]));
        });
        for key in [public, private, copied] {
            session.destroy(key).expect("destroyed");
        }
        on_each(tokens, session, || {
            assert_eq!(session.find(&by_label("after")), Ok(vec![]));
            assert_eq!(session.find(&by_label("copy")), Ok(vec![]));
        });
        assert_eq!(sign(session, private, &DIGEST), Err(Code::KeyHandleInvalid));
    });
}

/// Tokens that differ in silence are worse than a change that has to wait.
#[test]
#[serial]
fn nothing_changes_while_a_token_is_away() {
    on_user(|tokens, session| {
        let (public, private) = crate::setting::pair(session, "pair").expect("generated");
        for away in [0, 1] {
            tokens.kill(away);
            let refused = Err(Code::DeviceError);
            assert_eq!(aes(session, "new").map(drop), refused);
            assert_eq!(crate::setting::pair(session, "new").map(drop), refused);
            let label = [Attribute::text(A::LABEL, "new")];
            assert_eq!(session.set(private, &label), refused);
            assert_eq!(session.copy(public, &label).map(drop), refused);
            assert_eq!(session.destroy(private), refused);
            assert!(tokens.told("is on all of them, and token") > 0);
            // Keys of the session are nobody else's business.
            let (_, own) = session.ec(keys::P256);
            sign(session, own, &DIGEST).expect("signed");
            sign(session, private, &DIGEST).expect("signed");
            tokens.revive(away);
            soon("both tokens are there", || session.set_label_of_nothing());
        }
        assert_eq!(session.find(&by_label("new")), Ok(vec![]));
        for which in [0, 1] {
            assert!(!tokens.tool(which, &["--list-objects"]).contains("new"));
        }
        session.destroy(private).expect("destroyed");
    });
}

#[test]
#[serial]
fn what_one_token_refuses_is_made_on_neither() {
    on_user(|tokens, session| {
        for (function, code) in [
            ("C_UnwrapKey", Code::WrappedKeyInvalid),
            ("C_CreateObject", Code::AttributeValueInvalid),
        ] {
            for which in [1, 0] {
                let order = tokens.faulty[which].of(function);
                order.every(1, code);
                assert!(crate::setting::pair(session, "half").is_err(), "{function} {which}");
                order.clear();
            }
        }
        // The first token wraps nothing: the reason is in the log.
        tokens.faulty[0].of("C_WrapKey").every(1, Code::KeyNotWrappable);
        assert_eq!(aes(session, "half").map(drop), Err(Code::TemplateInconsistent));
        assert!(tokens.told("cannot be brought to every token of the slot") > 0);
        tokens.faulty[0].of("C_WrapKey").clear();
        assert_eq!(session.find(&by_label("half")), Ok(vec![]));
        for which in [0, 1] {
            let listed = tokens.tool(which, &["--list-objects"]);
            assert_eq!(listed.matches("Object").count(), 0, "{listed}");
        }
        let label = [Attribute::text(A::LABEL, "after")];
        let (_, private) = crate::setting::pair(session, "before").expect("generated");
        tokens.faulty[1].of("C_SetAttributeValue").every(1, Code::ActionProhibited);
        assert_eq!(session.set(private, &label), Err(Code::ActionProhibited));
        for which in [0, 1] {
            assert!(!tokens.tool(which, &["--list-objects"]).contains("after"));
        }
        tokens.faulty[1].of("C_SetAttributeValue").clear();
        session.set(private, &label).expect("changed");
    });
}

/// As Java stores keys: a key of the session, copied to stay.
#[test]
#[serial]
fn a_key_of_the_session_is_kept_on_both_if_it_may_leave_its_token() {
    on_user(|tokens, session| {
        let stays = [Attribute::flag(A::TOKEN, true), Attribute::text(A::LABEL, "kept")];
        let leaves = [Attribute::flag(A::EXTRACTABLE, true)];
        let (public, private) = session.ec_with(keys::P256, &[], &leaves).expect("generated");
        let verifier = verifier(session, public);
        let kept = session.copy(private, &stays).expect("copied");
        on_each(tokens, session, || {
            let signature = sign(session, kept, &DIGEST).expect("signed");
            assert!(is_signature(&verifier, &DIGEST, &signature));
        });
        let (_, bound) = session.ec(keys::P256);
        assert_eq!(session.copy(bound, &stays).map(drop), Err(Code::TemplateInconsistent));
        let found = session.find(&of_class(ObjectClass::PRIVATE_KEY, "kept"));
        assert_eq!(found, Ok(vec![kept]));
    });
}

/// A token of SoftHSM2 and one of a second copy of our module: they show and allow different things.
#[test]
#[serial]
fn the_tokens_may_be_of_two_makers() {
    alone(|| {
        let soft = softhsm::Token::labelled("soft");
        let (name, configuration) = soft.environment();
        let first = Faulty::before(soft.module(), (name, &configuration));
        let inner = Place::new(Kind::Keyway, true);
        let (name, configuration) = inner.environment();
        let second = Faulty::before(&place::second(), (name, &configuration));
        let place = Place::new(Kind::Keyway, false);
        place.append(&format!(
            "[[slot]]\nid = 1\nbackend = \"bridge\"\nmodule = {:?}\ntoken = \"soft\"\n{QUICK}\
             [[slot.replica]]\nmodule = {:?}\ntoken = {:?}\nprofile = \"keyway\"\n",
            first.module(),
            second.module(),
            softhsm::LABEL,
        ));
        let target = Target::over(Kind::Keyway, place);
        target.initialize().expect("C_Initialize");
        let session = target.open_on(1, Flags::ReadWrite).expect("a session");
        session.login(Who::User, USER_PIN).expect("the user logs in");
        let (public, private) = crate::setting::pair(session, "pair").expect("generated");
        let verifier = verifier(session, public);
        let (_, imported) = rsa(session, "rsa");
        let key = aes(session, "aes").expect("generated");
        let (ecb, pkcs) = (Mechanism::plain(M::AES_ECB), Mechanism::plain(M::SHA256_RSA_PKCS));
        let use_all = || -> Result<_, Code> {
            let signature = sign(session, private, &DIGEST)?;
            assert!(is_signature(&verifier, &DIGEST, &signature), "a wrong signature");
            Ok((
                session.run(Function::Encrypt, &ecb, key, &[1; 32])?,
                session.run(Function::Sign, &pkcs, imported, b"m")?,
            ))
        };
        let made = use_all().expect("by the first");
        for dead in [&first, &second] {
            kill(dead);
            assert_eq!(use_all().as_ref(), Ok(&made));
            let label = [Attribute::text(A::LABEL, "changed")];
            assert_eq!(session.set(private, &label), Err(Code::DeviceError));
            dead.clear();
            soon("both tokens are there", || session.set_label_of_nothing());
        }
        session.destroy(private).expect("destroyed");
        kill(&first);
        assert_eq!(session.find(&of_class(ObjectClass::PRIVATE_KEY, "pair")), Ok(vec![]));
    });
}
