//! Whatever is interrupted, at any step, is mended by giving the command again, and nothing that
//! was encrypted is lost.

mod harness;
#[path = "harness/stopping.rs"]
mod stopping;

use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::Session;
use harness::inside_every_token;
use harness::kms::with_kms_now as with_kms;
use keyway::clock::SystemClock;
use keyway::domain::key::{Algorithm, KeyId, KeyName, Usage};
use keyway::domain::lifecycle::{Reason, State};
use keyway::error::Result;
use keyway::port::{Block, Cipher, KeySpec, Vault};
use keyway::registry::{RecordStore, Records};
use keyway::service::{Kms, NewClient, NewKey};
use keyway::token::{OpenToken, TokenRecords, TokenVault};
use stopping::{Fuse, Stop, Stopping};

/// Runs a use case that is stopped after so many steps. Answers whether it was.
fn interrupted<T>(token: &OpenToken, fuse: &Fuse, run: impl Fn(Kms<'_>) -> Result<T>) -> bool {
    let (vault, registry) = (TokenVault::new(token), Records::new(TokenRecords::new(token)));
    let vault = Stopping { inner: &vault, fuse };
    let registry = Stopping { inner: &registry, fuse };
    let outcome = run(Kms::new(&vault, &registry, &SystemClock));
    assert_eq!(outcome.is_err(), fuse.is_blown());
    fuse.is_blown()
}

/// Every point at which a use case can be stopped: calls `test` with a fresh key's name, a fuse
/// and says when the use case ran to its end.
fn at_every_step(test: impl Fn(&KeyName, &Fuse) -> bool) {
    for stop in [Stop::Before, Stop::After] {
        let ended = (0..100).find(|steps| {
            let name = format!("{stop:?}-{steps}").parse().expect("a name");
            !test(&name, &Fuse::new(*steps, stop))
        });
        assert!(ended.expect("the use case ends") > 2, "too few steps to mean anything");
    }
}

fn create(token: &OpenToken, name: &KeyName, algorithm: Algorithm) {
    let request = NewKey { name: name.clone(), algorithm, usage: None };
    with_kms(token, |kms| kms.create_key(&request)).expect("created");
}

fn encrypt(token: &OpenToken, name: &KeyName) -> Vec<u8> {
    with_kms(token, |kms| kms.encrypt(name, None, b"attack at dawn")).expect("encrypted")
}

/// Another session of this process on the token, with the same login.
fn another_session() -> Session {
    let module = std::env::var_os("KEYWAY_TEST_INSIDE").expect("inside");
    let context = cryptoki::context::Pkcs11::new(module).expect("module");
    let slot = context.get_slots_with_initialized_token().expect("slots")[0];
    context.open_rw_session(slot).expect("session")
}

fn decrypts(token: &OpenToken, message: &[u8]) -> bool {
    with_kms(token, |kms| kms.decrypt(None, message)).is_ok_and(|data| *data == b"attack at dawn")
}

#[test]
fn an_interrupted_creation_can_be_given_again() {
    inside_every_token("an_interrupted_creation_can_be_given_again", |token| {
        at_every_step(|name, fuse| {
            let algorithm = Algorithm::Aes256;
            let request = NewKey { name: name.clone(), algorithm, usage: None };
            let stopped = interrupted(token, fuse, |kms| kms.create_key(&request));
            let exists = with_kms(token, |kms| kms.show_key(name)).is_ok();
            if !exists {
                create(token, name, algorithm);
            }
            assert!(decrypts(token, &encrypt(token, name)));
            stopped
        });
    });
}

#[test]
fn an_interrupted_rotation_loses_nothing_and_can_be_given_again() {
    inside_every_token("an_interrupted_rotation_loses_nothing_and_can_be_given_again", |token| {
        at_every_step(|name, fuse| {
            create(token, name, Algorithm::Aes256);
            let old = encrypt(token, name);
            let stopped = interrupted(token, fuse, |kms| kms.rotate_key(name));
            let between = encrypt(token, name);
            with_kms(token, |kms| kms.rotate_key(name)).expect("rotated");
            let new = encrypt(token, name);
            assert!([&old, &between, &new].iter().all(|message| decrypts(token, message)));
            let inventory = with_kms(token, |kms| kms.show_key(name)).expect("shown");
            assert!(inventory.problems.is_empty(), "{:?}", inventory.problems);
            let versions = inventory.records[0].versions();
            let active = versions.iter().filter(|version| version.state == State::Active).count();
            assert_eq!(active, 1);
            // Retired for every program.
            let vault = TokenVault::new(token);
            let cipher = Cipher::AesGcm { nonce: &[0; 12], associated: b"" };
            assert!(vault.encrypt(versions[0].id, cipher, b"x").is_err());
            stopped
        });
    });
}

#[test]
fn an_interrupted_revocation_refuses_at_once_or_not_yet_and_is_finished_by_the_next() {
    inside_every_token(
        "an_interrupted_revocation_refuses_at_once_or_not_yet_and_is_finished_by_the_next",
        |token| {
            at_every_step(|name, fuse| {
                create(token, name, Algorithm::Aes256);
                with_kms(token, |kms| kms.rotate_key(name)).expect("rotated");
                let message = encrypt(token, name);
                let stopped =
                    interrupted(token, fuse, |kms| kms.revoke_key(name, Reason::Compromise));
                // Given again, it finishes; where nothing was left to do, it says so.
                let again = with_kms(token, |kms| kms.revoke_key(name, Reason::Compromise));
                assert!(again.is_ok() || !decrypts(token, &message));
                let inventory = with_kms(token, |kms| kms.show_key(name)).expect("shown");
                assert!(inventory.problems.is_empty(), "{:?}", inventory.problems);
                for version in inventory.records[0].versions() {
                    assert!(version.state == State::Compromised && version.blocked);
                    let cipher = Cipher::AesGcm { nonce: &[0; 12], associated: b"" };
                    let vault = TokenVault::new(token);
                    assert!(vault.decrypt(version.id, cipher, &[0; 32]).is_err());
                    assert!(vault.encrypt(version.id, cipher, b"x").is_err());
                }
                stopped
            });
        },
    );
}

#[test]
fn an_interrupted_destruction_is_finished_by_the_next() {
    inside_every_token("an_interrupted_destruction_is_finished_by_the_next", |token| {
        at_every_step(|name, fuse| {
            create(token, name, Algorithm::EcP256);
            let stopped = interrupted(token, fuse, |kms| kms.destroy_key(name));
            let _ = with_kms(token, |kms| kms.destroy_key(name));
            let inventory = with_kms(token, |kms| kms.show_key(name)).expect("shown");
            assert!(inventory.problems.is_empty(), "{:?}", inventory.problems);
            assert_eq!(inventory.records[0].state(), State::Destroyed);
            let id = inventory.records[0].latest().id;
            assert!(!TokenVault::new(token).holds(id).expect("asked"));
            stopped
        });
    });
}

/// Whatever stops an enrolment, no key of the token signs, and the command can be given again.
#[test]
fn an_interrupted_enrolment_leaves_no_key_that_signs() {
    inside_every_token("an_interrupted_enrolment_leaves_no_key_that_signs", |token| {
        let session = another_session();
        at_every_step(|name, fuse| {
            let client = NewClient {
                name: name.clone(),
                algorithm: Algorithm::Rsa2048,
                subject: "CN=alice".parse().expect("a name"),
                names: Vec::new(),
            };
            let enroll = |kms: Kms<'_>| kms.enroll_client(&client, |_| Ok(()));
            let stopped = interrupted(token, fuse, enroll);
            let signing = [
                Attribute::Class(ObjectClass::PRIVATE_KEY),
                Attribute::Token(true),
                Attribute::Sign(true),
            ];
            assert!(session.find_objects(&signing).expect("searched").is_empty());
            if with_kms(token, |kms| kms.show_key(name)).is_err() {
                with_kms(token, enroll).expect("enrolled");
            }
            let record =
                with_kms(token, |kms| kms.show_key(name)).expect("shown").records.remove(0);
            assert!(TokenVault::new(token).holds(record.latest().id).expect("asked"));
            stopped
        });
    });
}

#[test]
fn an_interrupted_suspension_protects_or_not_and_is_resumed() {
    inside_every_token("an_interrupted_suspension_protects_or_not_and_is_resumed", |token| {
        at_every_step(|name, fuse| {
            create(token, name, Algorithm::Aes256);
            let stopped = interrupted(token, fuse, |kms| {
                kms.suspend_key(name)?;
                kms.resume_key(name)
            });
            with_kms(token, |kms| kms.suspend_key(name)).expect("suspended");
            let refused = with_kms(token, |kms| kms.encrypt(name, None, b"x")).expect_err("no");
            assert_eq!(refused.kind(), keyway::Kind::Refused);
            with_kms(token, |kms| kms.resume_key(name)).expect("resumed");
            assert!(decrypts(token, &encrypt(token, name)));
            stopped
        });
    });
}

#[test]
fn an_interrupted_maintenance_is_finished_by_the_next() {
    inside_every_token("an_interrupted_maintenance_is_finished_by_the_next", |token| {
        at_every_step(|name, fuse| {
            create(token, name, Algorithm::Aes256);
            let message = encrypt(token, name);
            with_kms(token, |kms| kms.suspect_key(name, "seen elsewhere")).expect("suspected");
            let revoke = |kms: Kms<'_>| {
                let done = kms.maintain()?;
                let failed = done.actions.into_iter().filter_map(|action| action.failure);
                let mut failed = failed.chain(done.failures.into_iter().map(|(_, error)| error));
                failed.next().map_or(Ok(()), Err)
            };
            let stopped = interrupted(token, fuse, revoke);
            with_kms(token, revoke).expect("maintained");
            assert!(!decrypts(token, &message));
            let record =
                with_kms(token, |kms| kms.show_key(name)).expect("shown").records.remove(0);
            assert!(record.versions().iter().all(|v| v.blocked), "{record:?}");
            assert!(with_kms(token, |kms| kms.due()).expect("asked").is_empty());
            // The next round is about one key again.
            with_kms(token, |kms| kms.destroy_key(name)).expect("destroyed");
            let records = TokenRecords::new(token);
            for record in records.read(Some(name)).expect("read") {
                records.remove(name, &record.value).expect("removed");
            }
            stopped
        });
    });
}

/// The steps inside the token: flags off, frozen copy, original destroyed.
#[test]
fn a_freeze_goes_on_from_whatever_an_interruption_left() {
    inside_every_token("a_freeze_goes_on_from_whatever_an_interruption_left", |token| {
        let vault = TokenVault::new(token);
        let session = another_session();
        for (number, copied) in [(1, false), (2, true)] {
            let (id, algorithm) = (KeyId::new([number; 16]), Algorithm::Aes256);
            let name = format!("freeze-{number}").parse().expect("a name");
            vault
                .generate(&KeySpec { name, id, algorithm, usage: Usage::Encrypt, shareable: false })
                .expect("made");
            let template =
                [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Id(id.as_bytes().to_vec())];
            let found = || session.find_objects(&template).expect("found");
            let off = [Attribute::Encrypt(false), Attribute::Decrypt(false)];
            session.update_attributes(found()[0], &off).expect("flags off");
            if copied {
                let frozen = [Attribute::Modifiable(false)];
                session.copy_object(found()[0], &frozen).expect("copied");
                assert_eq!(found().len(), 2);
            }
            assert_eq!(vault.block(id).expect("blocked"), Block::Final);
            // A token that knows states keeps what it has, and refuses all of it.
            assert!(!found().is_empty());
            let mechanism = cryptoki::mechanism::Mechanism::AesCbc([0; 16]);
            for object in found() {
                let _ = session.update_attributes(object, &[Attribute::Decrypt(true)]);
                assert!(session.decrypt(&mechanism, object, &[0; 16]).is_err());
            }
        }
    });
}
