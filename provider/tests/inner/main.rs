//! Calls into somebody else's PKCS#11 module: SoftHSM2, our own module under another name, and one
//! that does what odd modules do.

#[path = "../harness/mod.rs"]
mod harness;

mod lives;
mod objects;
mod odd;
mod operations;
mod params;
mod slots;

use std::sync::Arc;

use harness::place::{Place, USER_PIN};
use harness::{AttributeType as A, KeyType, Kind, MechanismType, ObjectClass, Session, Target};
use keyway_pkcs11::attribute::{Attributes, Value};
use keyway_pkcs11::backend::User;
use keyway_pkcs11::ffi::inner::{Call, InnerSession, Library, Settings};
use keyway_pkcs11::mechanism::Params;
use keyway_pkcs11::secret::Secret;

/// Both modules that can be driven as well as compared.
const BOTH: [Kind; 2] = [Kind::SoftHsm, Kind::Keyway];

/// A module over a token of its own, for which the harness has called C_Initialize: what goes
/// through the library can be held against what the harness finds.
struct Bench {
    target: Target,
    library: Arc<Library>,
}

impl Bench {
    fn new(kind: Kind) -> Self {
        let place = Place::new(kind, true);
        if kind == Kind::Keyway {
            place.configure("legacy = true\npolicy = \"compatible\"");
        }
        let target = Target::over(kind, place);
        target.initialize().expect("C_Initialize");
        let library = Library::open(&target.place.module(), &Settings::default());
        Self { target, library: library.expect("the module loads") }
    }

    /// A read-write session with the user logged in.
    fn session(&self) -> InnerSession {
        let session = self.library.open_session(self.target.slot(), true).expect("a session");
        session.login(User::User, USER_PIN.as_bytes()).expect("the user logs in");
        session
    }

    /// One of the harness on the same token, where the user is logged in already.
    fn direct(&self) -> Session<'_> {
        self.target.open(harness::Flags::ReadWrite).expect("a session")
    }
}

/// Without parameter, and without keys in it.
fn plain(id: MechanismType) -> Call<'static> {
    Call { id, params: &Params::None, keys: &[] }
}

fn attributes(rows: &[(A, Value)]) -> Attributes {
    rows.iter().cloned().collect()
}

fn merged(parts: &[&Attributes]) -> Attributes {
    parts.iter().flat_map(|part| part.iter()).map(|(id, value)| (id, value.clone())).collect()
}

fn flags(ids: &[A], value: bool) -> Attributes {
    ids.iter().map(|id| (*id, Value::Bool(value))).collect()
}

/// A secret key with a given value that everybody who is logged in may read.
fn secret(key_type: KeyType, value: &[u8], uses: &[A]) -> Attributes {
    let what = attributes(&[
        (A::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
        (A::KEY_TYPE, Value::Number(key_type.0)),
        (A::VALUE, Value::secret(Secret::copy_of(value))),
        (A::SENSITIVE, Value::Bool(false)),
        (A::EXTRACTABLE, Value::Bool(true)),
    ]);
    merged(&[&what, &flags(uses, true)])
}

/// The template of a readable generic secret of so many bytes.
fn wanted(len: u64) -> Attributes {
    attributes(&[
        (A::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
        (A::KEY_TYPE, Value::Number(KeyType::GENERIC_SECRET.0)),
        (A::VALUE_LEN, Value::Number(len)),
        (A::SENSITIVE, Value::Bool(false)),
        (A::EXTRACTABLE, Value::Bool(true)),
    ])
}
