//! Who uses which key for what: the first use of each private or secret key for each function and
//! mechanism in a login of a process is an event of the token.
//!
//! It is committed before the use begins, so that a process that is killed right afterwards has
//! left it; without a flush to the disk, which the next change or checkpoint makes. A use never
//! fails because of it: what the token cannot take now waits for the next one.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::token::EmbeddedToken;
use crate::attribute::ObjectClass;
use crate::backend::{Object, ObjectId, Use};
use crate::error::{Code, Error};
use crate::mechanism::MechanismType;
use crate::store::event::{EventKind, Nobody};
use crate::store::{Batch, CommitError, Durability, Event, Facts, Used, Witness};

/// What this process has noted since the last login.
#[derive(Default)]
pub(super) struct Uses {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    noted: HashSet<(ObjectId, Use, MechanismType)>,
    /// Events that the store could not take yet.
    waiting: Vec<Event>,
    /// Whether the user may not write the token: then nothing is tried until the next login.
    is_refused: bool,
    /// Whether a warning was given since the store last took events.
    has_warned: bool,
}

/// As many uses are remembered; beyond, a use may be noted again.
const REMEMBERED: usize = 1 << 16;
/// As many events wait at most.
const WAITING: usize = 1024;

impl Uses {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another login: what it uses is noted anew.
    pub(super) fn forget(&self) {
        *self.state() = State::default();
    }
}

impl State {
    /// Whether it is the first time.
    fn is_first(&mut self, one: (ObjectId, Use, MechanismType)) -> bool {
        if self.noted.len() >= REMEMBERED {
            self.noted.clear();
        }
        self.noted.insert(one)
    }
}

impl EmbeddedToken {
    /// See [`Token::note_use`](crate::backend::Token::note_use).
    pub(super) fn note_first_use(&self, key: &Object, what: Use, mechanism: MechanismType) {
        let snapshot = key.snapshot();
        let class = snapshot.attributes.class();
        let is_told = matches!(class, Some(ObjectClass::PRIVATE_KEY | ObjectClass::SECRET_KEY));
        if !self.settings.log_uses || !snapshot.is_stored() || !is_told {
            return;
        }
        let mut state = self.uses.state();
        if state.is_refused || !state.is_first((key.id, what, mechanism)) {
            return;
        }
        if state.waiting.len() < WAITING {
            state.waiting.push(event(key.id, what, mechanism));
        }
        drop(state);
        self.append_uses();
    }

    /// Appends what waits.
    pub(super) fn append_uses(&self) {
        let events = std::mem::take(&mut self.uses.state().waiting);
        if events.is_empty() {
            return;
        }
        let again = events.clone();
        match self.commit_offhand(events) {
            Ok(()) => self.uses.state().has_warned = false,
            Err(e) => self.keep_waiting(again, &e),
        }
    }

    fn commit_offhand(&self, events: Vec<Event>) -> Result<(), Error> {
        let identity = self.unchanged()?;
        let witness: Arc<dyn Witness> = match self.keys() {
            Some(keys) => keys,
            None => Arc::new(Nobody),
        };
        let (instance, durability) = (Some(identity.instance), Durability::Offhand);
        let batch = Batch { instance, changes: Vec::new(), events, witness, durability };
        match self.store.commit(batch) {
            Ok(_) => Ok(()),
            Err(CommitError::Failed(e)) => Err(e),
            // The next call that needs the token finds out, and says so.
            Err(CommitError::Conflict | CommitError::Replaced) => Ok(()),
        }
    }

    fn keep_waiting(&self, mut events: Vec<Event>, error: &Error) {
        let mut state = self.uses.state();
        if error.code() == Code::TokenWriteProtected {
            state.is_refused = true;
        } else {
            let newer = std::mem::take(&mut state.waiting);
            events.extend(newer);
            events.truncate(WAITING);
            state.waiting = events;
        }
        if !std::mem::replace(&mut state.has_warned, true) {
            log::warn!(
                "keys are used without an entry in the token's log (log_uses = false in the \
                 configuration turns the entries off): {error}"
            );
        }
    }
}

fn event(key: ObjectId, what: Use, mechanism: MechanismType) -> Event {
    let used = |function| Some(Used { function, mechanism: mechanism.0 });
    match what {
        Use::For(function) => Event::of_object(EventKind::Used, key)
            .with(Facts { used: used(function as u8), ..Facts::default() }),
        Use::Wrapped(under) => {
            let wrap = used(crate::mechanism::Function::Wrap as u8);
            Event::of_object(EventKind::Wrapped, key).with(Facts {
                used: wrap,
                under,
                ..Facts::default()
            })
        }
    }
}
