//! The chain of events, walked from its beginning.

use std::collections::HashMap;

use subtle::ConstantTimeEq;

use super::identity::Identity;
use super::keys::Keys;
use super::token::EmbeddedToken;
use super::{name, seal};
use crate::attribute::AttributeType;
use crate::backend::{ObjectId, Pin, User};
use crate::error::Result;
use crate::lifecycle::state::State;
use crate::mechanism::{Function, MechanismType};
use crate::store::detail::{self, Name, Who};
use crate::store::event::{EventKind, EventRecord};
use crate::store::{Head, Role, Store, Witness};

/// As many events are read at once.
const PAGE: usize = 1000;

/// What happened to a token, from its first event on.
#[derive(Debug, Default)]
pub struct History {
    pub label: String,
    pub occurrences: Vec<Occurrence>,
    /// What is wrong with the end of the chain: events that are gone, or too many.
    pub end: Option<String>,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// 1 for the first, then without gaps.
    pub sequence: u64,
    /// Milliseconds since 1970, by the clock of the machine.
    pub at: u64,
    /// `None` for a kind that only a newer version knows.
    pub kind: Option<EventKind>,
    /// Whom a login or PIN event is about.
    pub role: Option<Role>,
    /// The object that it is about.
    pub object: Option<ObjectId>,
    /// That object's CKA_LABEL as it is, or was when the object was destroyed; `None` if nobody can
    /// tell any more.
    pub label: Option<String>,
    /// Who caused it; `None` for what versions wrote that did not say so.
    pub who: Option<Who>,
    /// What a key was used for.
    pub used: Option<(Function, MechanismType)>,
    /// The state of a key before and after.
    pub states: Option<(State, State)>,
    /// The attributes that changed.
    pub changed: Vec<AttributeType>,
    /// The token key under which a key left the token.
    pub under: Option<ObjectId>,
    /// What is wrong with it.
    pub fault: Option<String>,
}

impl EmbeddedToken {
    /// Every event, oldest first, each held against the one before it and against what the user's
    /// keys vouch for.
    ///
    /// # Errors
    /// PinIncorrect, PinLocked, UserPinNotInitialized; DeviceError if the store cannot be read.
    pub(crate) fn history(&self, pin: Pin<'_>) -> Result<History> {
        let identity = self.initialized()?;
        let keys = self.unlock(&identity, User::User, pin)?;
        let head = match self.store.token()? {
            Some(record) if identity.authenticate(&record, &keys)?.has_seal => {
                let survey = self.store.survey(u64::MAX)?;
                survey.and_then(|survey| keys.set.verify(&survey).ok()).map(|seal| seal.head)
            }
            _ => None,
        };
        let mut history = History { label: identity.label.clone(), ..History::default() };
        let mut labels = HashMap::new();
        let end = walk(&*self.store, Some(&keys), head, &mut |event, fault| {
            let (occurrence, name) = Occurrence::of(event, fault);
            if let Some(id) = occurrence.object {
                let label = labels.entry(id).or_insert_with(|| self.label(&identity, &keys, id));
                if let Some(name) = name {
                    *label = name::read(&keys, id, &name);
                }
            }
            history.occurrences.push(occurrence);
        })?;
        for occurrence in &mut history.occurrences {
            occurrence.label = occurrence.object.and_then(|id| labels.get(&id).cloned()).flatten();
        }
        history.end = end;
        Ok(history)
    }

    fn label(&self, identity: &Identity, keys: &Keys, id: ObjectId) -> Option<String> {
        let record = self.store.get(id).ok()??;
        let opened = seal::open(identity, Some(keys), &record).ok()?;
        let label = opened.attributes.bytes(AttributeType::LABEL)?;
        Some(String::from_utf8_lossy(label).into_owned())
    }
}

impl Occurrence {
    /// The event, and what the object was called that it tells the end of.
    fn of(event: &EventRecord, fault: Option<String>) -> (Self, Option<Name>) {
        let kind = EventKind::of(event.kind);
        let role = match kind {
            Some(EventKind::TokenInitialized | EventKind::PinChanged | EventKind::LoginFailed) => {
                Role::of(event.subject[15])
            }
            _ => None,
        };
        let object = match kind {
            Some(
                EventKind::Created
                | EventKind::Updated
                | EventKind::Destroyed
                | EventKind::Attested
                | EventKind::Used
                | EventKind::Wrapped
                | EventKind::Recovered,
            ) => Some(ObjectId(event.subject)),
            _ => None,
        };
        let EventRecord { sequence, at, .. } = *event;
        let (who, facts) = detail::decode(event.detail.as_deref().unwrap_or_default());
        let used = facts.used.and_then(|used| {
            let function = Function::ALL.get(usize::from(used.function))?;
            Some((*function, MechanismType(used.mechanism)))
        });
        let state = |number: u8| State::numbered(number.into());
        let states = facts.states.and_then(|(from, to)| state(from).zip(state(to)));
        let changed = facts.changed.into_iter().map(AttributeType).collect();
        let under = facts.under;
        let occurrence = Self {
            sequence,
            at,
            kind,
            role,
            object,
            label: None,
            who,
            used,
            states,
            changed,
            under,
            fault,
        };
        (occurrence, facts.name)
    }
}

/// Gives `each` every event with what is wrong with it, and answers what is wrong with the end.
/// `head` is the newest event that the seal over the token names.
///
/// # Errors
/// DeviceError if the store cannot be read.
pub(super) fn walk(
    store: &dyn Store,
    keys: Option<&Keys>,
    head: Option<Head>,
    each: &mut dyn FnMut(&EventRecord, Option<String>),
) -> Result<Option<String>> {
    let mut last = Head::default();
    let mut attested = 0;
    loop {
        let page = store.events(last.sequence + 1, PAGE)?;
        for event in &page {
            let is_forged = match (keys, event.mac) {
                (Some(keys), Some(mac)) => {
                    attested = event.sequence;
                    let right = keys.attest(&event.chain);
                    !matches!(right, Ok(Some(right)) if right.ct_eq(&mac).into())
                }
                _ => false,
            };
            each(event, fault(event, &last, head, is_forged));
            last = Head { sequence: event.sequence, chain: event.chain };
        }
        if page.len() < PAGE {
            break;
        }
    }
    Ok(match head {
        Some(head) if last.sequence < head.sequence => {
            Some(format!("the newest {} events are gone", head.sequence - last.sequence))
        }
        // Whoever attests an event moves the seal in the same transaction.
        Some(head) if attested > head.sequence => Some("events are newer than the seal".to_owned()),
        _ => None,
    })
}

fn fault(event: &EventRecord, last: &Head, head: Option<Head>, is_forged: bool) -> Option<String> {
    let sequence = event.sequence;
    if sequence != last.sequence + 1 || !event.follows(&last.chain) {
        return Some(format!("event {sequence} does not follow the one before it"));
    }
    if is_forged {
        return Some(format!("event {sequence} was not written by Keyway"));
    }
    let exchanged = |head: Head| head.sequence == sequence && head.chain != event.chain;
    head.is_some_and(exchanged).then(|| "events were exchanged".to_owned())
}
