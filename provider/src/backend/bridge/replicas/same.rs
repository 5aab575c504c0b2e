//! One object of the slot: the objects of the tokens behind it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::facts::Facts;
use crate::attribute::{AttributeType, Attributes, ObjectClass, Value};
use crate::backend::bridge::identity;
use crate::backend::{Object, ObjectId};

/// How long a token that did not have an object is not asked for it again.
const PATIENCE: Duration = Duration::from_secs(1);

/// By what an object is looked for on another token.
const SOUGHT: [AttributeType; 4] =
    [AttributeType::CLASS, AttributeType::KEY_TYPE, AttributeType::LABEL, AttributeType::ID];

/// What has to be the same beside that. Tokens differ in what they show beyond it.
const TELLING: [AttributeType; 6] = [
    AttributeType::CERTIFICATE_TYPE,
    AttributeType::ISSUER,
    AttributeType::SERIAL_NUMBER,
    AttributeType::APPLICATION,
    AttributeType::OBJECT_ID,
    AttributeType::MODULUS,
];

/// An object that several tokens hold, or one alone.
pub(super) struct Same {
    pub(super) id: ObjectId,
    /// Whether it is a token object. Others live on one token.
    pub(super) durable: bool,
    state: Mutex<State>,
}

struct State {
    on: Vec<Spot>,
    facts: Option<Facts>,
    sought: Attributes,
    likeness: ObjectId,
}

/// What one token has of it.
#[derive(Clone, Default)]
struct Spot {
    object: Option<Arc<Object>>,
    looked: Option<Instant>,
    /// Whether the log has it that the token lacks it.
    told: bool,
}

/// What attributes say of an object on whatever token.
pub(super) fn likeness(attributes: &Attributes) -> ObjectId {
    let mut telling = picked(attributes, SOUGHT.into_iter().chain(TELLING));
    if !is_hidden(attributes)
        && let Some(value @ Value::Bytes(_)) = attributes.find(AttributeType::VALUE)
    {
        telling.set(AttributeType::VALUE, value.clone());
    }
    identity::of(&telling, 0)
}

/// Whether the object is a private or secret key: what it holds is not shown.
pub(super) fn is_hidden(attributes: &Attributes) -> bool {
    attributes
        .class()
        .is_some_and(|class| [ObjectClass::PRIVATE_KEY, ObjectClass::SECRET_KEY].contains(&class))
}

fn picked(attributes: &Attributes, ids: impl Iterator<Item = AttributeType>) -> Attributes {
    let mut picked = Attributes::new();
    for id in ids {
        match attributes.find(id) {
            Some(Value::Secret(_)) | None => {}
            Some(Value::Bytes(bytes)) if bytes.is_empty() => {}
            Some(value) => picked.set(id, value.clone()),
        }
    }
    picked
}

impl Same {
    /// Of the object of one of `tokens` tokens.
    pub(super) fn new(id: ObjectId, tokens: usize, attributes: &Attributes) -> Self {
        let state = State {
            on: vec![Spot::default(); tokens],
            facts: None,
            sought: picked(attributes, SOUGHT.into_iter()),
            likeness: likeness(attributes),
        };
        let durable = attributes.is_true(AttributeType::TOKEN);
        Self { id, durable, state: Mutex::new(state) }
    }

    /// The object of a token, if it is known there.
    pub(super) fn on(&self, at: usize) -> Option<Arc<Object>> {
        self.state().on[at].object.clone().filter(|object| !object.is_destroyed())
    }

    pub(super) fn put(&self, at: usize, object: Arc<Object>) {
        self.state().on[at] = Spot { object: Some(object), ..Spot::default() };
    }

    /// The token does not have it any more, or never had it.
    pub(super) fn lose(&self, at: usize) {
        self.state().on[at].object = None;
    }

    /// Whether to look for it on a token, which is not done all the time.
    pub(super) fn is_to_be_looked_for(&self, at: usize) -> bool {
        let spot = &mut self.state().on[at];
        let due = spot.looked.is_none_or(|looked| looked.elapsed() >= PATIENCE);
        if due {
            spot.looked = Some(Instant::now());
        }
        self.durable && due
    }

    /// Has it looked for at once, whenever that was done last.
    pub(super) fn look_again(&self) {
        self.state().on.iter_mut().for_each(|spot| spot.looked = None);
    }

    /// Whether to say that a token lacks it: once.
    pub(super) fn is_to_be_told(&self, at: usize) -> bool {
        !std::mem::replace(&mut self.state().on[at].told, true)
    }

    /// What to search for on another token.
    pub(super) fn sought(&self) -> Attributes {
        self.state().sought.clone()
    }

    pub(super) fn likeness(&self) -> ObjectId {
        self.state().likeness
    }

    /// Its attributes changed on every token.
    pub(super) fn changed(&self, attributes: &Attributes) {
        let mut state = self.state();
        state.sought = picked(attributes, SOUGHT.into_iter());
        state.likeness = likeness(attributes);
    }

    pub(super) fn facts(&self) -> Option<Facts> {
        self.state().facts.clone()
    }

    pub(super) fn set_facts(&self, facts: Facts) {
        self.state().facts = Some(facts);
    }

    /// As the log names it.
    pub(super) fn name(&self) -> String {
        let sought = self.sought();
        let label = sought.bytes(AttributeType::LABEL).unwrap_or_default();
        match label.is_empty() {
            true => format!("object {:?}", self.id),
            false => format!("object '{}'", String::from_utf8_lossy(label)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::KeyType;

    fn key(check: &'static [u8]) -> Attributes {
        Attributes::from_iter([
            (AttributeType::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
            (AttributeType::KEY_TYPE, Value::Number(KeyType::AES.0)),
            (AttributeType::LABEL, Value::bytes(*b"k")),
            (AttributeType::ID, Value::bytes(*b"")),
            (AttributeType::CHECK_VALUE, Value::bytes(check)),
            (AttributeType::TOKEN, Value::Bool(true)),
        ])
    }

    #[test]
    fn likeness_leaves_out_what_not_every_token_shows() {
        assert_eq!(likeness(&key(b"123")), likeness(&key(b"")));
        let mut other = key(b"");
        other.set(AttributeType::LABEL, Value::bytes(*b"l"));
        assert_ne!(likeness(&key(b"")), likeness(&other));
    }

    #[test]
    fn a_token_without_the_object_is_asked_now_and_then() {
        let same = Same::new(ObjectId([0; 16]), 2, &key(b""));
        assert!(same.is_to_be_looked_for(1) && !same.is_to_be_looked_for(1));
        assert!(same.is_to_be_looked_for(0));
        same.look_again();
        assert!(same.is_to_be_looked_for(1));
        assert!(same.is_to_be_told(1) && !same.is_to_be_told(1));
        assert_eq!(same.sought().len(), 3);
    }
}
