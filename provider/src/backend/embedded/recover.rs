//! The way back from compromised, which takes both PINs: the security officer decides, and only the
//! user's keys open a private object.

use std::sync::Arc;

use super::identity::Identity;
use super::keys::Keys;
use super::seal;
use super::token::EmbeddedToken;
use crate::attribute::{AttributeType, Attributes, ObjectClass, Value};
use crate::backend::{ObjectId, Pin, User};
use crate::error::{Code, Result};
use crate::lifecycle::period::Period;
use crate::lifecycle::state::State;
use crate::lifecycle::transition::{Transition, Who, allowed};
use crate::store::event::EventKind;
use crate::store::{Change, Event, Record};

const RECOVERED: Transition = Transition { from: State::Compromised, to: State::Deactivated };

impl EmbeddedToken {
    /// Makes every compromised key with this label deactivated: it processes what it protected, and
    /// never protects again. All of them in one transaction, with an event each.
    ///
    /// # Errors
    /// PinIncorrect and PinLocked of either role, each try counted like a login's;
    /// UserPinNotInitialized; ActionProhibited for a key with CKA_MODIFIABLE false, which keeps its
    /// state; DeviceError for a token that was changed by something other than Keyway.
    pub(crate) fn recover(
        &self,
        label: &str,
        so_pin: Pin<'_>,
        pin: Pin<'_>,
    ) -> Result<Vec<ObjectId>> {
        let identity = self.initialized()?;
        self.unlock(&identity, User::SecurityOfficer, so_pin)?;
        let keys = self.unlock(&identity, User::User, pin)?;
        self.verify_set(&identity, &keys)?;
        let (mut changes, mut events, mut recovered) = (Vec::new(), Vec::new(), Vec::new());
        for (id, record, attributes) in self.compromised(&identity, &keys, label)? {
            let attributes = deactivated(attributes)?;
            let expected = record.version;
            let record = seal::seal(&identity, Some(&keys), id, expected + 1, &attributes)?;
            changes.push(Change::Put { record, expected });
            events.push(Event::of_object(EventKind::Recovered, id));
            recovered.push(id);
        }
        if !changes.is_empty() {
            self.commit_as(&identity, changes, events, keys).map_err(|e| self.explain(e))?;
        }
        Ok(recovered)
    }

    /// The compromised keys with a label, private and public.
    fn compromised(
        &self,
        identity: &Identity,
        keys: &Arc<Keys>,
        label: &str,
    ) -> Result<Vec<(ObjectId, Record, Attributes)>> {
        let label = Value::bytes(label.as_bytes());
        let query = Attributes::from_iter([(AttributeType::LABEL, label.clone())]);
        let private = keys.private.as_ref().ok_or_else(|| self.not_logged_in())?;
        let ids = self.tagged(&[&private.tags, &identity.tags], &query)?;
        let mut found = Vec::new();
        for id in ids.into_iter().flatten() {
            let Some(record) = self.store.get(id)? else { continue };
            let attributes = seal::open(identity, Some(keys), &record)?.attributes;
            let is_meant = attributes.find(AttributeType::LABEL) == Some(&label)
                && attributes.class().is_some_and(ObjectClass::is_key)
                && State::of(&attributes) == RECOVERED.from;
            if is_meant {
                found.push((id, record, attributes));
            }
        }
        Ok(found)
    }
}

/// The attributes of a recovered key. A start that has not come would go on to keep it from
/// processing, and means nothing any more for a key that never protects.
fn deactivated(mut attributes: Attributes) -> Result<Attributes> {
    if attributes.find(AttributeType::MODIFIABLE) == Some(&Value::Bool(false)) {
        return Err(Code::ActionProhibited
            .because("CKA_MODIFIABLE of the key is false, so its state stays what it is"));
    }
    if !allowed(RECOVERED, Who::Officer) {
        return Err(Code::ActionProhibited.because("a compromised key has no way back"));
    }
    attributes.set(AttributeType::KEYWAY_STATE, Value::Number(RECOVERED.to.number()));
    if Period::of(&attributes).now() == State::PreActive {
        attributes.set(AttributeType::START_DATE, Value::bytes(*b""));
    }
    Ok(attributes)
}
