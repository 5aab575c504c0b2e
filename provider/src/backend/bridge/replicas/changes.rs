//! What is made, changed and destroyed on every token of a slot, so that they never differ in
//! silence: all of them have to be reached for it, and what one of them refuses is undone on the
//! others.

use std::sync::Arc;

use super::member::Member;
use super::same::Same;
use super::set::{Set, carried_over, is_gone, is_lost};
use crate::attribute::{AttributeType, Attributes};
use crate::backend::{Object, Snapshot, Token};
use crate::error::{Code, Error, Result};

/// Label and serial number in the configuration do not tell that they are one token's.
pub(super) const TWICE: &str = "is there twice in the configuration of the slot";

impl Set {
    /// Looks whether every token answers and takes part.
    ///
    /// # Errors
    /// DeviceError if one does not; `so` says what does not come about then.
    pub(super) fn reach_all(&self, so: &str) -> Result<()> {
        for member in &self.members {
            let reached = match member.is_out() {
                true => Err(Code::DeviceError.because("it takes no part: it refused the PIN")),
                false => member.inner.pool.reach(),
            };
            reached.map_err(|e| {
                Code::DeviceError.because(format!(
                    "{so}: what is on one token of the slot is on all of them, and {member} cannot \
                     be reached: {e}"
                ))
            })?;
        }
        match self.members.iter().find(|member| self.is_twice(member)) {
            Some(member) => Err(Code::DeviceError.because(format!("{so}: {member} {TWICE}"))),
            None => Ok(()),
        }
    }

    /// Whether a token is one that stands before it, by another word for it.
    pub(super) fn is_twice(&self, member: &Member) -> bool {
        let Ok(link) = member.inner.pool.link() else { return false };
        let mut before = self.members.iter().take_while(|other| !std::ptr::eq(*other, member));
        before.any(|other| {
            other.inner.pool.link().is_ok_and(|other| {
                Arc::ptr_eq(&other.library, &link.library) && other.slot == link.slot
            })
        })
    }

    /// Makes objects on every token: those of one token are what `make` answers for its place, and
    /// the answer is what the application sees of them.
    ///
    /// # Errors
    /// As [`reach_all`](Self::reach_all); what `make` answers, and then what was made is destroyed.
    pub(super) fn make_on_all<const N: usize>(
        &self,
        mut make: impl FnMut(usize) -> Result<[Arc<Object>; N]>,
    ) -> Result<[Arc<Object>; N]> {
        self.reach_all("nothing is made")?;
        let mut made: Vec<[Arc<Object>; N]> = Vec::new();
        for at in 0..self.members.len() {
            match make(at) {
                Ok(objects) => made.push(objects),
                Err(e) => {
                    self.unmake(&made);
                    return Err(self.blamed(at, incomplete("made", e)));
                }
            }
        }
        self.adopt(&made)
    }

    /// Takes objects that were made on every token, in the order of the tokens.
    ///
    /// # Errors
    /// What the generator answers.
    pub(super) fn adopt<const N: usize>(
        &self,
        made: &[[Arc<Object>; N]],
    ) -> Result<[Arc<Object>; N]> {
        let mut shown = Vec::with_capacity(N);
        for n in 0..N {
            let of_each = made.iter().enumerate().map(|(at, objects)| (at, objects[n].clone()));
            shown.push(self.table().add(&of_each.collect::<Vec<_>>())?);
        }
        Ok(shown.try_into().unwrap_or_else(|_| unreachable!("as many as were made")))
    }

    /// Destroys what was made on the first tokens.
    pub(super) fn unmake<const N: usize>(&self, made: &[[Arc<Object>; N]]) {
        for (member, objects) in self.members.iter().zip(made) {
            for object in objects {
                if let Err(e) = member.token.destroy(object) {
                    log::error!(
                        "{member}: an object stays that is on no other token of the slot (keyway \
                         token sync shows it): {e}"
                    );
                }
            }
        }
    }

    /// Which token it was, for the log; one that was lost may have done it all the same.
    pub(super) fn blamed(&self, at: usize, error: Error) -> Error {
        let member = &self.members[at];
        if is_lost(error.code()) {
            log::error!(
                "{member}: lost during a change, which it may have made (keyway token sync shows \
                 it): {error}"
            );
        }
        let story = format!("{member}: {}", error.context());
        error.code().because(story)
    }

    /// `C_DestroyObject`. One that a token does not have is gone there already.
    ///
    /// # Errors
    /// As [`reach_all`](Self::reach_all); what the tokens answer: it is destroyed on those before
    /// the one that refuses, and a second call goes on from there.
    pub(super) fn destroy(&self, same: &Same, object: &Object) -> Result<()> {
        if same.durable {
            self.reach_all("nothing is destroyed")?;
            same.look_again();
        }
        // While the first token still shows which key it is.
        let mut all = Vec::new();
        for at in 0..self.members.len() {
            all.extend(self.object_on(same, at)?.map(|theirs| (at, theirs)));
        }
        for (at, theirs) in all {
            match self.members[at].token.destroy(&theirs) {
                Ok(()) => same.lose(at),
                Err(e) if is_gone(e.code()) => same.lose(at),
                Err(e) => return Err(self.blamed(at, e)),
            }
        }
        self.table().remove(object.id);
        object.mark_destroyed();
        Ok(())
    }

    /// `C_SetAttributeValue`, and what the first use of a key decides: that needs no token.
    ///
    /// # Errors
    /// FunctionFailed if the object changed meanwhile; as [`reach_all`](Self::reach_all);
    /// ObjectHandleInvalid if a token lacks it; what the tokens answer, and then the change is taken
    /// back where that can be.
    pub(super) fn update(
        &self,
        same: &Same,
        object: &Object,
        base: &Arc<Snapshot>,
        attributes: &Attributes,
    ) -> Result<()> {
        if !Arc::ptr_eq(&object.snapshot(), base) {
            return Err(Code::FunctionFailed.because("somebody else changed it: try again"));
        }
        let decision = is_decision(&base.attributes, attributes);
        if same.durable && !decision {
            self.reach_all("nothing is changed")?;
            same.look_again();
        }
        let mut all = Vec::new();
        for at in 0..self.members.len() {
            all.extend(match decision || !same.durable {
                true => same.on(at).map(|theirs| (at, theirs)),
                false => Some((at, self.there(same, at).map_err(|e| incomplete("changed", e))?)),
            });
        }
        let mut before: Vec<(usize, Arc<Object>, Arc<Snapshot>)> = Vec::new();
        for (at, theirs) in all {
            let member = &self.members[at];
            let snapshot = theirs.snapshot();
            let wanted = carried_over(&snapshot.attributes, &base.attributes, attributes);
            if let Err(e) = member.token.update(&theirs, &snapshot, wanted) {
                self.take_back(&before);
                return Err(self.blamed(at, e));
            }
            before.push((at, theirs, snapshot));
        }
        let now = match before.first() {
            Some((_, theirs, _)) => theirs.snapshot().attributes.clone(),
            None => attributes.clone(),
        };
        if decision {
            object.replace_if(base, attributes.clone());
        }
        self.show(object, &now);
        Ok(())
    }

    fn take_back(&self, before: &[(usize, Arc<Object>, Arc<Snapshot>)]) {
        for (at, object, snapshot) in before {
            let member = &self.members[*at];
            let now = object.snapshot();
            if let Err(e) = member.token.update(object, &now, snapshot.attributes.clone()) {
                log::error!(
                    "{member}: a change stays that another token of the slot refused (keyway token \
                     sync shows it): {e}"
                );
            }
        }
    }
}

/// Whether all that changes is what is kept here.
fn is_decision(from: &Attributes, to: &Attributes) -> bool {
    let differs = |(id, value): &(AttributeType, &_)| from.find(*id) != Some(*value);
    to.iter().filter(differs).all(|(id, _)| id == AttributeType::KEYWAY_ROLES)
}

/// What needs an object that one of the tokens lacks does not come about.
fn incomplete(what: &str, error: Error) -> Error {
    match is_gone(error.code()) {
        true => Code::DeviceError
            .because(format!("nothing is {what}: {} (keyway token sync)", error.context())),
        false => error,
    }
}
