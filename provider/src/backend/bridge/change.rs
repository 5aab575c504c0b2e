//! Objects of an inner token changed and destroyed, with what is kept of them above the bridge.

use std::sync::Arc;

use super::inner::Inner;
use super::record::{Kept, Name};
use crate::attribute::{AttributeType, Attributes};
use crate::backend::{Object, Snapshot};
use crate::error::{Code, Error, Result};

/// The answer to a change of what is not there any more; whoever reads again may try again.
pub(super) fn changed_meanwhile() -> Error {
    Code::FunctionFailed.because("somebody else changed it: try again")
}

/// Whether the object is no longer what `base` says.
fn is_meanwhile(object: &Object, base: &Arc<Snapshot>) -> bool {
    !Arc::ptr_eq(base, &object.snapshot())
}

impl Inner {
    /// Changes a token object: `template` at the token, the rest of what differs in its records.
    ///
    /// # Errors
    /// FunctionFailed if it is not what `base` says any more; what the inner token answers; as
    /// [`rekeep`](Self::rekeep).
    pub(super) fn change(
        &self,
        object: &Object,
        base: &Arc<Snapshot>,
        attributes: &Attributes,
        template: &Attributes,
    ) -> Result<()> {
        let [before, after] = [&base.attributes, attributes];
        let kept = [before, after].map(Kept::of);
        let same_name = Name::of(before) == Name::of(after);
        if kept[0] == kept[1] && same_name {
            return match template.is_empty() {
                true => object
                    .replace_if(base, after.clone())
                    .then_some(())
                    .ok_or_else(changed_meanwhile),
                false => self.change_at_token(object, template, None),
            };
        }
        let only_roles = same_name && kept[0].without_roles() == kept[1].without_roles();
        match self.change_at_token(object, template, Some((base, after))) {
            // It ends with this process then, as long as nothing else stands in the way.
            Err(e) if only_roles && template.is_empty() && !is_meanwhile(object, base) => {
                log::warn!("what the key was used for is known to this process alone: {e}");
                let roles = after.number(AttributeType::KEYWAY_ROLES).unwrap_or(0);
                self.objects.decide(object.id, roles);
                object.replace_if(base, after.clone()).then_some(()).ok_or_else(changed_meanwhile)
            }
            answer => answer,
        }
    }

    fn change_at_token(
        &self,
        object: &Object,
        template: &Attributes,
        kept: Option<(&Arc<Snapshot>, &Attributes)>,
    ) -> Result<()> {
        self.pool.once(|session| {
            let handle = self.objects.handle(session, object.id)?;
            let change = || match template.is_empty() {
                true => Ok(()),
                false => session.change(handle, template),
            };
            match kept {
                None => change()?,
                Some((base, after)) => {
                    // What others wrote since is not undone.
                    self.objects.reread(session, object)?;
                    if is_meanwhile(object, base) {
                        return Err(changed_meanwhile());
                    }
                    let changed = self.rekeep(session, handle, [&base.attributes, after], change);
                    // Half of it may be done.
                    self.objects.reread(session, object)?;
                    changed?;
                }
            }
            self.objects.reread(session, object)?;
            self.objects.changed(object.id, handle, session.generation());
            Ok(())
        })
    }

    /// Changes a session object, of which nobody else knows.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub(super) fn change_session_object(
        &self,
        object: &Object,
        base: &Arc<Snapshot>,
        attributes: Attributes,
        template: &Attributes,
    ) -> Result<()> {
        let kept = Kept::of(&attributes);
        if template.is_empty() {
            let done = self.objects.rekeep(object, base, attributes, kept);
            return done.then_some(()).ok_or_else(changed_meanwhile);
        }
        self.pool.once(|session| {
            let handle = self.objects.handle(session, object.id)?;
            session.change(handle, template)?;
            self.objects.keep(object.id, &kept);
            self.objects.reread(session, object)?;
            self.objects.changed(object.id, handle, session.generation());
            Ok(())
        })
    }

    /// Destroys an object, then its records: alone they do no harm.
    ///
    /// # Errors
    /// What the inner token answers.
    pub(super) fn destroy(&self, object: &Object) -> Result<()> {
        let attributes = object.snapshot().attributes.clone();
        self.pool.once(|session| {
            session.destroy(self.objects.handle(session, object.id)?)?;
            self.objects.forget(object.id);
            let name = Name::of(&attributes);
            let bound = !Kept::of(&attributes).is_nothing();
            if let Some(name) = name.filter(|_| bound)
                && let Err(e) = self.forsake(session, &attributes, &name)
            {
                log::warn!("the record of a key that was destroyed stays: {e}");
            }
            Ok(())
        })
    }
}
