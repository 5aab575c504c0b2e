//! What somebody damages in one place keeps nothing else from its work: an entry in a book, a mark,
//! the record of another key.

mod harness;

use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::Session;
use harness::inside_every_token;
use harness::kms::{Days, other_program, with_kms};
use keyway::domain::envelope::MessageLimit;
use keyway::domain::key::{Algorithm, KeyId, KeyName};
use keyway::domain::lifecycle::Reason;
use keyway::domain::record::{Due, KeyRecord, Terms};
use keyway::port::{Book, Inspection, Ledger, Listing, Page, Registry, Stored};
use keyway::registry::Records;
use keyway::service::{Action, Kms, NewKey, Outlawed};
use keyway::token::{OpenToken, TokenRecords, TokenVault};
use keyway::{Kind, Result};

fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

fn kms<T>(token: &OpenToken, test: impl FnOnce(Kms<'_>) -> T) -> T {
    // Every message counts.
    let limit = MessageLimit::lower(0, 5).expect("lower");
    with_kms(token, &Days::default(), |kms| test(kms.with_message_limit(limit)))
}

fn create(token: &OpenToken, key: &str, algorithm: Algorithm) -> KeyId {
    let request = NewKey { name: name(key), algorithm, usage: None };
    kms(token, |kms| kms.create_key(&request)).expect("created").latest().id
}

/// An object of another program's, where entries of a book lie.
fn plant(session: &Session, book: &str, entry: &str) {
    let object = [
        Attribute::Class(ObjectClass::DATA),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Application(book.as_bytes().to_vec()),
        Attribute::Label(format!("{book}:{entry}").into_bytes()),
        Attribute::Value(b"no entry".to_vec()),
    ];
    session.create_object(&object).expect("created");
}

fn remove(session: &Session, label: &str) -> usize {
    let label = Attribute::Label(label.as_bytes().to_vec());
    let found = session.find_objects(&[label]).expect("found");
    found.iter().for_each(|object| session.destroy_object(*object).expect("destroyed"));
    found.len()
}

fn maintained(token: &OpenToken) -> Vec<Action> {
    let done = kms(token, |kms| kms.maintain()).expect("maintained");
    assert!(done.failures.is_empty(), "{done:?}");
    done.actions
}

/// The certificates come after the token: a register that is not to be trusted delays them, and
/// every maintenance says so until it is restored.
#[test]
fn a_damaged_register_keeps_no_compromised_key_in_use() {
    inside_every_token("a_damaged_register_keeps_no_compromised_key_in_use", |token| {
        let session = other_program();
        let direct = create(token, "direct", Algorithm::EcP256);
        create(token, "suspect", Algorithm::EcP256);
        plant(&session, "keyway-issued", "0123");
        let error = kms(token, |kms| kms.revoke_key(&name("direct"), Reason::Compromise));
        let error = error.expect_err("its certificates are not revoked");
        assert_eq!(error.kind(), Kind::NotAuthentic, "{error}");
        assert!(error.to_string().contains("key direct is revoked, but not every"), "{error}");
        assert!(!TokenVault::new(token).rights(direct).expect("rights").protects);

        kms(token, |kms| kms.suspect_key(&name("suspect"), "in a dump")).expect("suspected");
        for due in [Due::Revoke, Due::FinishRevocation] {
            let actions = maintained(token);
            let told: Vec<_> = actions.iter().map(|a| (a.name.as_str(), a.due)).collect();
            assert_eq!(told, [("direct", Due::FinishRevocation), ("suspect", due)]);
            assert!(actions.iter().all(|action| action.failure.is_some()), "{actions:?}");
        }
        assert_eq!(remove(&session, "keyway-issued:0123"), 1);
        let actions = maintained(token);
        assert_eq!(actions.len(), 2, "{actions:?}");
        assert!(actions.iter().all(|action| action.failure.is_none()), "{actions:?}");
        assert!(maintained(token).is_empty());
    });
}

#[test]
fn a_damaged_count_is_one_versions_affair() {
    inside_every_token("a_damaged_count_is_one_versions_affair", |token| {
        let session = other_program();
        let id = create(token, "k", Algorithm::Aes256);
        create(token, "other", Algorithm::Aes256);
        let encrypt = |key| kms(token, |kms| kms.encrypt(&name(key), None, b"x"));
        encrypt("k").expect("fine");
        plant(&session, "keyway-messages", &format!("{id}.3"));
        assert_eq!(encrypt("k").expect_err("not counted").kind(), Kind::NotAuthentic);
        encrypt("other").expect("none of its own");
        let shown = kms(token, |kms| kms.show_key(&name("k"))).expect("shown");
        assert!(shown.problems[0].contains("the count of messages"), "{:?}", shown.problems);
        assert_eq!(shown.messages, None);
        let shown = kms(token, |kms| kms.show_key(&name("other"))).expect("shown");
        assert_eq!((shown.problems, shown.messages), (Vec::new(), Some((1, 5))));
        // As it was advised.
        kms(token, |kms| kms.rotate_key(&name("k"))).expect("rotated");
        encrypt("k").expect("the next version has no such entry");
        kms(token, |kms| kms.destroy_key(&name("other"))).expect("destroyed");
        kms(token, |kms| kms.destroy_key(&name("k"))).expect("destroyed");
        assert_eq!(remove(&session, &format!("keyway-messages:{id}.3")), 0, "it goes with the key");
    });
}

#[test]
fn a_damaged_list_of_recipients_is_told_and_stops_nothing() {
    inside_every_token("a_damaged_list_of_recipients_is_told_and_stops_nothing", |token| {
        let session = other_program();
        let id = create(token, "k", Algorithm::Aes256);
        create(token, "other", Algorithm::Aes256);
        plant(&session, "keyway-given", &format!("{id}-00"));
        let problems = |key| kms(token, |kms| kms.show_key(&name(key))).expect("shown").problems;
        assert!(problems("k")[0].contains("who has it is not known for certain"));
        assert_eq!(problems("other"), [] as [String; 0]);
        for (key, told) in [("k", 1), ("other", 0)] {
            let revoked = kms(token, |kms| kms.revoke_key(&name(key), Reason::Compromise));
            assert_eq!(revoked.expect("revoked").problems.len(), told, "{key}");
        }
        assert!(maintained(token).is_empty());
    });
}

/// Whoever puts something in the place of the mark does not keep the key.
#[test]
fn a_damaged_mark_keeps_no_key_without_a_record_in_use() {
    inside_every_token("a_damaged_mark_keeps_no_key_without_a_record_in_use", |token| {
        let session = other_program();
        let id = create(token, "k", Algorithm::Aes256);
        assert_eq!(remove(&session, "keyway-record:k"), 1);
        let forged = [
            Attribute::Class(ObjectClass::DATA),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Application(b"keyway".to_vec()),
            Attribute::Label(b"keyway-record:k".to_vec()),
            Attribute::Value(b"no record".to_vec()),
        ];
        session.create_object(&forged).expect("created");
        plant(&session, "keyway-outlaw", "k");
        let done = kms(token, |kms| kms.maintain()).expect("maintained");
        assert!(done.failures.is_empty(), "{done:?}");
        let told: Vec<_> = done.outlawed.iter().map(|(key, how, _)| (key.as_str(), *how)).collect();
        assert_eq!(told, [("k", Outlawed::Revoked)]);
        let rights = TokenVault::new(token).rights(id).expect("rights");
        assert!(!rights.protects && !rights.processes, "{rights:?}");
    });
}

/// Records of which one is listed and then not to be read any more.
struct Flaky<'t>(Records<TokenRecords<'t>>, KeyName);

impl Ledger for Flaky<'_> {
    fn read(&self, book: Book, name: Option<&KeyName>) -> Result<Page> {
        self.0.read(book, name)
    }

    fn add(&self, book: Book, name: &KeyName, entry: &[u8]) -> Result<()> {
        self.0.add(book, name, entry)
    }

    fn remove(&self, book: Book, name: &KeyName) -> Result<()> {
        self.0.remove(book, name)
    }
}

impl Registry for Flaky<'_> {
    fn load(&self, name: &KeyName) -> Result<Option<Stored>> {
        match *name == self.1 {
            true => Err(Kind::NotAuthentic.because("changed since it was listed")),
            false => self.0.load(name),
        }
    }

    fn list(&self) -> Result<Listing> {
        self.0.list()
    }

    fn save(&self, previous: Option<&Stored>, record: &KeyRecord) -> Result<Stored> {
        self.0.save(previous, record)
    }
}

#[test]
fn a_record_that_cannot_be_read_stops_the_maintenance_of_no_other_key() {
    inside_every_token(
        "a_record_that_cannot_be_read_stops_the_maintenance_of_no_other_key",
        |token| {
            let every = "1d".parse().expect("a period");
            let terms = Terms { rotate_every: Some(every), ..Terms::default() };
            for key in ["a", "b", "c"] {
                let algorithm = Algorithm::Aes256;
                let request = NewKey { name: name(key), algorithm, usage: None };
                let made = kms(token, |kms| kms.create_key_under(&request, &terms, None));
                made.expect("created");
            }
            let vault = TokenVault::new(token);
            let records = Flaky(Records::new(TokenRecords::new(token)), name("b"));
            let clock = Days::default();
            clock.pass(2);
            let done = Kms::new(&vault, &records, &clock).maintain().expect("maintained");
            let told = |action: &Action| (action.name.to_string(), action.failure.is_none());
            let told: Vec<_> = done.actions.iter().map(told).collect();
            let expected = [("a", true), ("b", false), ("c", true)];
            assert_eq!(told, expected.map(|(key, fine)| (key.to_owned(), fine)));
        },
    );
}
