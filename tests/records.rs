//! Records that somebody changed, removed or doubled are reported and never trusted.

mod harness;

use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::Session;
use harness::inside_every_token;
use harness::kms::{other_program, with_kms_now as with_kms};
use keyway::Kind;
use keyway::domain::key::{Algorithm, KeyName};
use keyway::domain::lifecycle::Reason;
use keyway::service::NewKey;
use keyway::token::OpenToken;

fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

fn create(token: &OpenToken, key: &str) {
    let request = NewKey { name: name(key), algorithm: Algorithm::Aes256, usage: None };
    with_kms(token, |kms| kms.create_key(&request)).expect("created");
}

/// Another program on the same token.
struct Intruder(Session);

impl Intruder {
    fn new() -> Self {
        Self(other_program())
    }

    fn template(key: &str) -> Vec<Attribute> {
        vec![
            Attribute::Class(ObjectClass::DATA),
            Attribute::Token(true),
            Attribute::Label(format!("keyway-record:{key}").into_bytes()),
        ]
    }

    /// The values of a key's records.
    fn records(&self, key: &str) -> Vec<Vec<u8>> {
        let objects = self.0.find_objects(&Self::template(key)).expect("found");
        objects
            .into_iter()
            .flat_map(|object| {
                self.0.get_attributes(object, &[AttributeType::Value]).expect("read")
            })
            .filter_map(|attribute| match attribute {
                Attribute::Value(value) => Some(value),
                _ => None,
            })
            .collect()
    }

    fn add(&self, key: &str, value: &[u8]) {
        let mut template = Self::template(key);
        template.push(Attribute::Private(true));
        template.push(Attribute::Application(b"keyway".to_vec()));
        template.push(Attribute::Value(value.to_vec()));
        self.0.create_object(&template).expect("created");
    }

    fn remove(&self, key: &str) {
        for object in self.0.find_objects(&Self::template(key)).expect("found") {
            self.0.destroy_object(object).expect("destroyed");
        }
    }
}

#[test]
fn a_changed_byte_in_a_record_is_noticed() {
    inside_every_token("a_changed_byte_in_a_record_is_noticed", |token| {
        create(token, "k");
        let intruder = Intruder::new();
        let record = intruder.records("k").remove(0);
        for at in (0..record.len()).step_by(17) {
            let mut changed = record.clone();
            changed[at] ^= 1;
            intruder.remove("k");
            intruder.add("k", &changed);
            let error = with_kms(token, |kms| kms.encrypt(&name("k"), None, b"x")).expect_err("no");
            assert_eq!(error.kind(), Kind::NotAuthentic, "byte {at}: {error}");
            let inventory = with_kms(token, |kms| kms.list_keys()).expect("listed");
            assert_eq!((inventory.records.len(), inventory.problems.len()), (0, 1));
        }
        intruder.remove("k");
        intruder.add("k", &record);
        with_kms(token, |kms| kms.encrypt(&name("k"), None, b"x")).expect("whole again");
    });
}

#[test]
fn a_record_beside_a_forged_one_still_counts_and_the_forgery_is_reported() {
    inside_every_token(
        "a_record_beside_a_forged_one_still_counts_and_the_forgery_is_reported",
        |token| {
            create(token, "k");
            let intruder = Intruder::new();
            intruder.add("k", b"nonsense");
            with_kms(token, |kms| kms.encrypt(&name("k"), None, b"x")).expect("usable");
            let inventory = with_kms(token, |kms| kms.show_key(&name("k"))).expect("shown");
            assert_eq!(inventory.problems.len(), 1, "{:?}", inventory.problems);
        },
    );
}

#[test]
fn the_record_of_one_key_does_not_pass_for_another() {
    inside_every_token("the_record_of_one_key_does_not_pass_for_another", |token| {
        create(token, "a");
        create(token, "b");
        let intruder = Intruder::new();
        let record = intruder.records("a").remove(0);
        intruder.remove("b");
        intruder.add("b", &record);
        let error = with_kms(token, |kms| kms.encrypt(&name("b"), None, b"x")).expect_err("no");
        assert_eq!(error.kind(), Kind::NotAuthentic);
        assert!(error.to_string().contains("a record of key a"), "{error}");
    });
}

#[test]
fn an_old_record_beside_the_new_one_does_not_win() {
    inside_every_token("an_old_record_beside_the_new_one_does_not_win", |token| {
        create(token, "k");
        let intruder = Intruder::new();
        let old = intruder.records("k").remove(0);
        with_kms(token, |kms| kms.revoke_key(&name("k"), Reason::Superseded)).expect("revoked");
        intruder.add("k", &old);
        let error = with_kms(token, |kms| kms.encrypt(&name("k"), None, b"x")).expect_err("no");
        assert_eq!(error.kind(), Kind::Refused, "{error}");
        // The next change takes it away.
        with_kms(token, |kms| kms.revoke_key(&name("k"), Reason::Compromise)).expect("revoked");
        assert_eq!(intruder.records("k").len(), 1);
    });
}

#[test]
fn a_key_without_its_record_is_shown_as_unmanaged() {
    inside_every_token("a_key_without_its_record_is_shown_as_unmanaged", |token| {
        create(token, "k");
        Intruder::new().remove("k");
        let error = with_kms(token, |kms| kms.encrypt(&name("k"), None, b"x")).expect_err("no");
        assert_eq!(error.kind(), Kind::NotFound);
        let strays = with_kms(token, |kms| kms.list_keys()).expect("listed").strays;
        assert_eq!(strays.iter().map(|stray| stray.label.as_str()).collect::<Vec<_>>(), ["k"]);
        with_kms(token, |kms| kms.destroy_strays(&name("k"))).expect("destroyed");
        assert!(with_kms(token, |kms| kms.list_keys()).expect("listed").strays.is_empty());
    });
}

#[test]
fn a_record_without_its_key_is_reported() {
    inside_every_token("a_record_without_its_key_is_reported", |token| {
        create(token, "k");
        let intruder = Intruder::new();
        let keys = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(b"k".to_vec())];
        for object in intruder.0.find_objects(&keys).expect("found") {
            intruder.0.destroy_object(object).expect("destroyed");
        }
        let problems = with_kms(token, |kms| kms.show_key(&name("k"))).expect("shown").problems;
        assert!(problems[0].contains("not on the token"), "{problems:?}");
        let error = with_kms(token, |kms| kms.encrypt(&name("k"), None, b"x")).expect_err("no");
        assert_eq!(error.kind(), Kind::NotFound);
    });
}

#[test]
fn two_objects_with_one_identifier_are_not_used() {
    inside_every_token("two_objects_with_one_identifier_are_not_used", |token| {
        create(token, "k");
        let intruder = Intruder::new();
        let keys = [Attribute::Class(ObjectClass::SECRET_KEY), Attribute::Label(b"k".to_vec())];
        let object = intruder.0.find_objects(&keys).expect("found")[0];
        intruder.0.copy_object(object, &[]).expect("copied");
        let error = with_kms(token, |kms| kms.encrypt(&name("k"), None, b"x")).expect_err("no");
        assert_eq!(error.kind(), Kind::NotAuthentic);
        let problems = with_kms(token, |kms| kms.show_key(&name("k"))).expect("shown").problems;
        assert!(problems[0].contains("2 key objects"), "{problems:?}");
    });
}

#[test]
fn without_the_sealing_key_no_record_is_trusted() {
    inside_every_token("without_the_sealing_key_no_record_is_trusted", |token| {
        create(token, "k");
        let intruder = Intruder::new();
        let label = Attribute::Label(b"keyway-records".to_vec());
        for object in intruder.0.find_objects(&[label]).expect("found") {
            intruder.0.destroy_object(object).expect("destroyed");
        }
        let error = with_kms(token, |kms| kms.encrypt(&name("k"), None, b"x")).expect_err("no");
        assert_eq!(error.kind(), Kind::NotAuthentic);
        let request = NewKey { name: name("k"), algorithm: Algorithm::Aes256, usage: None };
        assert!(with_kms(token, |kms| kms.create_key(&request)).is_err(), "silently replaced");
    });
}

/// What cannot be noticed without a witness outside the token.
#[test]
fn a_key_whose_record_and_objects_are_removed_leaves_no_trace() {
    inside_every_token("a_key_whose_record_and_objects_are_removed_leaves_no_trace", |token| {
        create(token, "k");
        create(token, "other");
        let intruder = Intruder::new();
        intruder.remove("k");
        for object in intruder.0.find_objects(&[Attribute::Label(b"k".to_vec())]).expect("found") {
            intruder.0.destroy_object(object).expect("destroyed");
        }
        let inventory = with_kms(token, |kms| kms.list_keys()).expect("listed");
        assert!(inventory.problems.is_empty() && inventory.strays.is_empty(), "{inventory:?}");
        assert!(with_kms(token, |kms| kms.maintain()).expect("maintained").is_empty());
    });
}

/// An older authentic record in the place of the newest: noticed where the token is stricter.
#[test]
fn a_record_that_is_rolled_back_is_noticed_where_the_token_remembers() {
    inside_every_token(
        "a_record_that_is_rolled_back_is_noticed_where_the_token_remembers",
        |token| {
            let ours = std::env::var("KEYWAY_TEST_INSIDE").expect("inside").contains("libkeyway");
            let intruder = Intruder::new();
            for (key, reason) in [("old", Reason::Compromise), ("lost", Reason::Superseded)] {
                create(token, key);
                let old = intruder.records(key).remove(0);
                with_kms(token, |kms| kms.revoke_key(&name(key), reason)).expect("revoked");
                intruder.remove(key);
                intruder.add(key, &old);
                let done = with_kms(token, |kms| kms.maintain()).expect("maintained");
                // Flags that are off say no more than that the record is to be followed.
                let noticed = ours || reason == Reason::Compromise;
                assert_eq!(done.suspended.len(), usize::from(noticed), "{key}: {done:?}");
                assert!(done.failures.is_empty(), "{key}: {done:?}");
                let used = with_kms(token, |kms| kms.encrypt(&name(key), None, b"x"));
                assert_eq!(used.is_err(), noticed, "{key}");
                if noticed {
                    with_kms(token, |kms| kms.maintain()).expect("revoked once more");
                }
            }
        },
    );
}
