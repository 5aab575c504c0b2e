//! A version never encrypts so many messages with AES-GCM that random nonces may repeat
//! (NIST SP 800-38D, 8.3): they are counted on the token, and the next version takes over.

mod harness;

use std::cell::RefCell;
use std::rc::Rc;

use harness::inside_every_token;
use keyway::clock::SystemClock;
use keyway::domain::envelope::{Context, Message, MessageLimit};
use keyway::domain::key::{Algorithm, KeyId, KeyName, Usage};
use keyway::domain::lifecycle::State;
use keyway::domain::record::{KeyRecord, Origin};
use keyway::port::{Book, Clock, KeySpec, Ledger, Registry, Vault};
use keyway::registry::{Collection, Mac, RawRecord, RecordStore, Records};
use keyway::service::{Encryption, Kms, NewKey};
use keyway::token::{OpenToken, TokenRecords, TokenVault};
use keyway::{Kind, Result};

/// Bytes of data in a piece.
const PIECE: usize = 1 << 20;

fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

/// Runs a test with key management on the token that ends a version at its fifth message. Each
/// call is as another process: what was counted before has to be on the token.
fn with_limit<T>(token: &OpenToken, test: impl FnOnce(Kms<'_>) -> T) -> T {
    let (vault, registry) = (TokenVault::new(token), Records::new(TokenRecords::new(token)));
    let limit = MessageLimit::lower(0, 5).expect("lower");
    test(Kms::new(&vault, &registry, &SystemClock).with_message_limit(limit))
}

fn create(token: &OpenToken, key: &str, algorithm: Algorithm) {
    let request = NewKey { name: name(key), algorithm, usage: None };
    with_limit(token, |kms| kms.create_key(&request)).expect("created");
}

fn encrypt(token: &OpenToken, key: &str) -> Result<Vec<u8>> {
    with_limit(token, |kms| kms.encrypt(&name(key), None, b"a message"))
}

fn record(token: &OpenToken, key: &str) -> KeyRecord {
    with_limit(token, |kms| kms.show_key(&name(key))).expect("shown").records.remove(0)
}

/// The newest version, and what is counted for it.
fn newest(token: &OpenToken, key: &str) -> (u32, u64) {
    let record = record(token, key);
    let (count, most) =
        with_limit(token, |kms| kms.messages(&record)).expect("counted").expect("an AES key");
    assert_eq!(most, 5);
    (record.latest().number, count)
}

#[test]
fn a_version_ends_after_its_messages_and_the_next_one_takes_over() {
    fn test(token: &OpenToken) {
        create(token, "k", Algorithm::Aes256);
        let mut messages = Vec::new();
        for count in 1..=4 {
            messages.push(encrypt(token, "k").expect("encrypted"));
            assert_eq!(newest(token, "k"), (1, count));
        }
        messages.push(encrypt(token, "k").expect("the last one of version 1"));
        assert_eq!(newest(token, "k"), (2, 0));
        messages.push(encrypt(token, "k").expect("the first one of version 2"));
        assert_eq!(newest(token, "k"), (2, 1));
        let version = |message: &Vec<u8>| Message::parse(message).expect("ours").header.version;
        assert_eq!(messages.iter().map(version).collect::<Vec<_>>(), [1, 1, 1, 1, 1, 2]);
        for message in &messages {
            let opened = with_limit(token, |kms| kms.decrypt(None, message)).expect("decrypted");
            assert_eq!(*opened, b"a message");
        }
        with_limit(token, |kms| kms.destroy_key(&name("k"))).expect("destroyed");
        assert_eq!(newest(token, "k"), (2, 0), "the count goes with the key");
    }
    inside_every_token("a_version_ends_after_its_messages_and_the_next_one_takes_over", test);
}

/// Each piece has a nonce of its own. The message is one version's to its end.
#[test]
fn the_pieces_of_a_long_message_count() {
    fn test(token: &OpenToken) {
        create(token, "k", Algorithm::Aes256);
        let how = Encryption { key: name("k"), scheme: None, context: Context::default() };
        for (length, expected) in [(2 * PIECE + 1, (1, 3)), (3 * PIECE + 1, (2, 0))] {
            let data = vec![7; length];
            let mut message = Vec::new();
            with_limit(token, |kms| kms.encrypt_from(&how, &mut data.as_slice(), &mut message))
                .expect("encrypted");
            assert_eq!(newest(token, "k"), expected);
            let opened = with_limit(token, |kms| kms.decrypt(None, &message)).expect("decrypted");
            assert!(*opened == data);
        }
    }
    inside_every_token("the_pieces_of_a_long_message_count", test);
}

/// A data key is used for one message: nothing of it adds up.
#[test]
fn rsa_keys_have_no_such_limit() {
    fn test(token: &OpenToken) {
        create(token, "r", Algorithm::Rsa2048);
        for _ in 0..7 {
            encrypt(token, "r").expect("encrypted");
        }
        let record = record(token, "r");
        assert_eq!(record.versions().len(), 1);
        assert_eq!(with_limit(token, |kms| kms.messages(&record)).expect("no count"), None);
    }
    inside_every_token("rsa_keys_have_no_such_limit", test);
}

/// A key agreed with a peer has no next version: it stops to protect.
#[test]
fn a_key_that_cannot_rotate_ends() {
    fn test(token: &OpenToken) {
        let vault = TokenVault::new(token);
        let registry = Records::new(TokenRecords::new(token));
        let (algorithm, usage) = (Algorithm::Aes256, Usage::Encrypt);
        let id = KeyId::new([7; 16]);
        let spec = KeySpec { name: name("k"), id, algorithm, usage, shareable: false };
        vault.generate(&spec).expect("generated");
        let now = SystemClock.now();
        let agreed = KeyRecord::new(name("k"), algorithm, usage, Origin::Agreed, id, now);
        registry.save(None, &agreed.expect("a record")).expect("saved");
        let mut messages = Vec::new();
        for _ in 0..5 {
            messages.push(encrypt(token, "k").expect("encrypted"));
        }
        assert_eq!(record(token, "k").state(), State::Deactivated);
        assert_eq!(encrypt(token, "k").expect_err("ended").kind(), Kind::Refused);
        for message in &messages {
            with_limit(token, |kms| kms.decrypt(None, message)).expect("decrypted");
        }
    }
    inside_every_token("a_key_that_cannot_rotate_ends", test);
}

/// A count of which an interrupted process left the one before, too.
#[test]
fn the_highest_count_counts() {
    fn test(token: &OpenToken) {
        create(token, "k", Algorithm::Aes256);
        encrypt(token, "k").expect("encrypted");
        let id = record(token, "k").latest().id;
        let registry = Records::new(TokenRecords::new(token));
        let entry = format!("{id}.4").parse().expect("a name");
        registry.add(Book::Messages, &entry, &[]).expect("added");
        assert_eq!(newest(token, "k"), (1, 4));
        encrypt(token, "k").expect("encrypted");
        assert_eq!(newest(token, "k"), (2, 0));
    }
    inside_every_token("the_highest_count_counts", test);
}

/// What another process does once.
type Once<'t> = Box<dyn FnOnce() + 't>;

/// The records on a token, with another process that does something just before this one writes.
struct Meeting<'t> {
    records: TokenRecords<'t>,
    book: bool,
    other: Rc<RefCell<Option<Once<'t>>>>,
}

impl RecordStore for Meeting<'_> {
    fn collection(&self, collection: Collection) -> Self {
        let book = matches!(collection, Collection::Book(Book::Messages));
        Self { records: self.records.collection(collection), book, other: Rc::clone(&self.other) }
    }

    fn read(&self, name: Option<&KeyName>) -> Result<Vec<RawRecord>> {
        self.records.read(name)
    }

    fn write(&self, name: &KeyName, value: &[u8]) -> Result<()> {
        let other = if self.book { self.other.borrow_mut().take() } else { None };
        other.into_iter().for_each(|run| run());
        self.records.write(name, value)
    }

    fn remove(&self, name: &KeyName, value: &[u8]) -> Result<bool> {
        self.records.remove(name, value)
    }

    fn authenticate(&self, message: &[u8]) -> Result<Mac> {
        self.records.authenticate(message)
    }

    fn is_authentic(&self, mac: &Mac, message: &[u8]) -> Result<bool> {
        self.records.is_authentic(mac, message)
    }
}

/// Two processes that both saw no entry count two messages, not one between them.
#[test]
fn processes_that_count_at_the_same_moment_count_both() {
    fn test(token: &OpenToken) {
        create(token, "k", Algorithm::Aes256);
        let other = || drop(encrypt(token, "k").expect("encrypted by the other"));
        let other: Once<'_> = Box::new(other);
        let meeting = Meeting {
            records: TokenRecords::new(token),
            book: false,
            other: Rc::new(RefCell::new(Some(other))),
        };
        let (vault, registry) = (TokenVault::new(token), Records::new(meeting));
        let limit = MessageLimit::lower(0, 5).expect("lower");
        let kms = Kms::new(&vault, &registry, &SystemClock).with_message_limit(limit);
        kms.encrypt(&name("k"), None, b"a message").expect("encrypted");
        assert_eq!(newest(token, "k"), (1, 2));
    }
    inside_every_token("processes_that_count_at_the_same_moment_count_both", test);
}
