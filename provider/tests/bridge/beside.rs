//! Another program that uses the inner token without the bridge; two bridges beside an embedded
//! token; a second copy of our module behind the bridge.

use std::time::Duration;

use serial_test::serial;

use crate::apart::alone as apart;
use crate::harness::place::{Place, SO_PIN, USER_PIN};
use crate::harness::{
    Attribute, AttributeType as A, Code, Flags, Function, Kind, Mechanism, MechanismType as M,
    Session, Target, Who,
};
use crate::setting::{self, PATIENT, by_label, on_user, past, soon};

const DIGEST: [u8; 32] = [0x11; 32];

#[test]
#[serial]
fn what_another_program_does_to_the_inner_token_is_seen() {
    on_user(&format!("{PATIENT}refresh_seconds = 0.2\n"), |setting, session| {
        assert_eq!(session.find(&by_label("theirs")), Ok(vec![]));
        let pair = ["--keypairgen", "--key-type", "EC:prime256v1", "--id", "07"];
        past(setting, &[&pair[..], &["--label", "theirs"]].concat());
        let mut found = Vec::new();
        soon("the new pair is found", || {
            found = session.find(&by_label("theirs")).expect("a search");
            found.len() == 2
        });
        let classed = |class: u64| {
            let is_it = |object: &&u64| session.number(**object, A::CLASS) == Ok(class);
            *found.iter().find(is_it).expect("one of each class")
        };
        let (public, private) = (classed(2), classed(3));
        let verifier = setting::verifier(session, public);
        let signature = setting::sign(session, private, &DIGEST).expect("signed");
        assert!(setting::is_signature(&verifier, &DIGEST, &signature));

        // pkcs11-tool changes ids, of the private key first.
        past(setting, &["--set-id", "08", "--id", "07", "--type", "privkey"]);
        soon("the new id is seen", || session.attribute(private, A::ID).as_deref() == Ok(&[8]));
        setting::sign(session, private, &DIGEST).expect("the handle stands for the same key");
        assert_eq!(session.find(&[Attribute::bytes(A::ID, &[8])]), Ok(vec![private]));

        past(setting, &["--delete-object", "--id", "08", "--type", "privkey"]);
        soon("the key is gone", || session.find(&[Attribute::bytes(A::ID, &[8])]) == Ok(vec![]));
        assert_eq!(setting::sign(session, private, &DIGEST), Err(Code::KeyHandleInvalid));
        assert_eq!(session.attribute(public, A::ID).as_deref(), Ok(&[7][..]));
    });
}

/// A key that is deleted and another one made under its name: never a signature with the wrong key.
#[test]
#[serial]
fn a_key_that_another_program_replaces_is_another_key() {
    on_user(&format!("{PATIENT}refresh_seconds = 0.2\n"), |setting, session| {
        let (public, private) = setting::pair(session, "again").expect("generated");
        let before = setting::verifier(session, public);
        for class in ["privkey", "pubkey"] {
            past(setting, &["--delete-object", "--label", "again", "--type", class]);
        }
        let pair = ["--keypairgen", "--key-type", "EC:prime256v1", "--id", "616761696e"];
        past(setting, &[&pair[..], &["--label", "again"]].concat());
        // At once: whatever the handle stands for, no signature may be another key's.
        for _ in 0..10 {
            if let Ok(signature) = setting::sign(session, private, &DIGEST) {
                assert!(setting::is_signature(&before, &DIGEST, &signature), "another key signed");
            }
            std::thread::sleep(Duration::from_millis(60));
        }
        let mut found = Vec::new();
        soon("the new pair is found", || {
            found = session.find(&by_label("again")).expect("a search");
            found.len() == 2 && !found.contains(&private)
        });
    });
}

#[test]
#[serial]
fn two_bridges_stand_beside_an_embedded_token() {
    apart(|| {
        let [first, second] = ["first", "second"].map(|label| {
            let token = softhsm::Token::labelled(label);
            let (name, configuration) = token.environment();
            let faulty = crate::harness::faulty::Faulty::before(
                &own_copy(token.module(), token.directory()),
                (name, &configuration),
            );
            (token, faulty)
        });
        let place = Place::new(Kind::Keyway, true);
        let mut lines = "[[slot]]\nid = 1\n".to_owned();
        for (id, (token, faulty)) in [(5, &first), (3, &second)] {
            lines += &format!(
                "[[slot]]\nid = {id}\nbackend = \"bridge\"\nmodule = {:?}\ntoken = {:?}\n\
                 profile = \"softhsm2\"\n",
                faulty.module().display(),
                token.label()
            );
        }
        place.append(&lines);
        let target = Target::over(Kind::Keyway, place);
        target.initialize().expect("C_Initialize");
        assert_eq!(target.slots(), [1, 3, 5]);
        let labels: Vec<_> = target
            .slots()
            .into_iter()
            .map(|slot| {
                let texts = target.token_info(slot).expect("C_GetTokenInfo").texts;
                String::from_utf8_lossy(&texts[0]).trim_end().to_owned()
            })
            .collect();
        assert_eq!(labels, [softhsm::LABEL, "second", "first"]);
        let sessions = [1, 3, 5].map(|slot| {
            let session = target.open_on(slot, Flags::ReadWrite).expect("a session");
            session.login(Who::User, USER_PIN).expect("the user logs in");
            session
        });
        let keys = sessions.map(|session| setting::pair(session, "same").expect("generated"));
        for (session, (public, private)) in sessions.into_iter().zip(keys) {
            let signature = setting::sign(session, private, &DIGEST).expect("signed");
            let verifier = setting::verifier(session, public);
            assert!(setting::is_signature(&verifier, &DIGEST, &signature));
            let mut found = session.find(&by_label("same")).expect("found");
            found.sort_unstable();
            assert_eq!(found, {
                let mut both = [public, private];
                both.sort_unstable();
                both
            });
        }
        // One of them fails; the others do not notice.
        first.1.of("C_Sign").every(1, Code::DeviceRemoved);
        assert_eq!(setting::sign(sessions[2], keys[2].1, &DIGEST), Err(Code::DeviceRemoved));
        setting::sign(sessions[1], keys[1].1, &DIGEST).expect("signed");
        setting::sign(sessions[0], keys[0].1, &DIGEST).expect("signed");
    });
}

/// A copy of a module: another file is another module to the loader.
fn own_copy(module: &std::path::Path, to: &std::path::Path) -> std::path::PathBuf {
    let copy = to.join("module.so");
    std::fs::copy(module, &copy).expect("a copy of the module");
    copy
}

#[test]
#[serial]
fn a_second_copy_of_our_module_stands_behind_the_bridge() {
    apart(|| {
        let target = Target::new(Kind::BridgeKeyway, true);
        let session = target.open(Flags::ReadWrite).expect("a session");
        assert_eq!(session.login(Who::User, "wrong"), Err(Code::PinIncorrect));
        session.login(Who::User, USER_PIN).expect("the user logs in");
        let (public, private) = setting::pair(session, "pair").expect("generated");
        let signature = setting::sign(session, private, &DIGEST).expect("signed");
        assert!(setting::is_signature(&setting::verifier(session, public), &DIGEST, &signature));
        let ed25519 = Mechanism::plain(M::EDDSA);
        let edwards = session
            .generate_pair(
                &Mechanism::plain(M::EC_EDWARDS_KEY_PAIR_GEN),
                &[Attribute::bytes(A::EC_PARAMS, crate::harness::keys::ED25519)],
                &[],
            )
            .expect("generated");
        let signature = session.run(Function::Sign, &ed25519, edwards.1, b"data").expect("signed");
        session.check(&ed25519, edwards.0, b"data", &signature).expect("verified");
        session.logout().expect("C_Logout");
        so_initialises_the_pin(session);
    });
}

fn so_initialises_the_pin(session: Session<'_>) {
    session.login(Who::SecurityOfficer, SO_PIN).expect("the SO logs in");
    session.init_pin("another-pin").expect("C_InitPIN");
    session.logout().expect("C_Logout");
    assert_eq!(session.login(Who::User, USER_PIN), Err(Code::PinIncorrect));
    session.login(Who::User, "another-pin").expect("the new PIN");
}
