//! `keyway::Kms`, as a program uses it: from many threads, and whatever becomes of its sessions.

mod away;
mod disturb;
#[path = "../harness/mod.rs"]
mod harness;
mod login;
mod lost;
mod threads;

use harness::{LABEL, Place, USER_PIN};
use keyway::domain::key::{Algorithm, KeyName};
use keyway::service::NewKey;
use keyway::{Builder, Kms};
use zeroize::Zeroizing;

fn pin() -> Zeroizing<String> {
    USER_PIN.to_owned().into()
}

fn builder(place: &Place) -> Builder {
    Kms::builder().module(&place.module).token(LABEL).pin(pin())
}

fn open(place: &Place) -> Kms {
    builder(place).open().expect("opened")
}

fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

fn new_key(text: &str, algorithm: Algorithm) -> NewKey {
    NewKey { name: name(text), algorithm, usage: None }
}

fn create(kms: &Kms, text: &str, algorithm: Algorithm) -> KeyName {
    kms.create_key(&new_key(text, algorithm)).expect("created");
    name(text)
}

fn round_trip(kms: &Kms, key: &KeyName) {
    let message = kms.encrypt(key, None, b"attack at dawn").expect("encrypted");
    assert_eq!(*kms.decrypt(None, &message).expect("decrypted"), b"attack at dawn");
}
