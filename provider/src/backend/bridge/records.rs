//! The records of keys on an inner token: looked for, written, cleared away.

use std::collections::HashMap;

use super::inner::Inner;
use super::pool::Pinned;
use super::record::{self, Kept, Name, Plan, Public, Record};
use crate::attribute::{AttributeType, Attributes};
use crate::backend::Object;
use crate::error::{Code, Error, Result};
use crate::ffi::inner::InnerSession;

/// How often records are read that somebody keeps replacing meanwhile.
const READINGS: u32 = 5;

/// Records by the label that their key's name gives them.
pub(super) type ByLabel = HashMap<Vec<u8>, Vec<Record>>;

/// A record and the handle of its object.
pub(super) struct Stored {
    handle: u64,
    record: Record,
}

/// What is kept of a key that is about to be made.
pub(super) struct Announced {
    name: Option<Name>,
    pub(super) kept: Kept,
    /// The record that was written for it.
    written: Option<u64>,
}

/// The records of one key, which `first` of its attributes name.
///
/// Who reads the key afterwards, and can, had the login all the while: none was out of sight.
///
/// # Errors
/// What the inner token answers.
pub(super) fn of(session: &InnerSession, first: &Attributes) -> Result<Vec<Record>> {
    let Some(name) = Name::of(first) else { return Ok(Vec::new()) };
    let stored = search(session, &name.records())?;
    Ok(stored.into_iter().map(|(_, stored)| stored.record).collect())
}

/// The records of every key; as [`of`], they come before their keys.
///
/// # Errors
/// What the inner token answers.
pub(super) fn all(session: &InnerSession) -> Result<ByLabel> {
    let mut all = ByLabel::new();
    for (label, stored) in search(session, &record::records())? {
        all.entry(label).or_default().push(stored.record);
    }
    Ok(all)
}

fn search(session: &InnerSession, query: &Attributes) -> Result<Vec<(Vec<u8>, Stored)>> {
    for _ in 0..READINGS {
        let read = |handle: u64| {
            let wanted = [AttributeType::LABEL, AttributeType::VALUE];
            let there = match session.read(handle, &wanted) {
                Err(e) if e.code() == Code::ObjectHandleInvalid => return Ok(None),
                there => there?,
            };
            let bytes = |id| there.bytes(id).unwrap_or_default();
            let record = Record::read(bytes(AttributeType::VALUE));
            Ok(Some((bytes(AttributeType::LABEL).to_vec(), Stored { handle, record })))
        };
        let found: Result<Vec<_>> = session.find(query)?.into_iter().map(read).collect();
        // Of one that went meanwhile the successor may not have been found.
        if let Some(all) = found?.into_iter().collect::<Option<Vec<_>>>() {
            return Ok(all);
        }
    }
    Err(Code::DeviceError.because("the records of a key's state keep changing while they are read"))
}

/// The public parts of the keys of a name but one.
fn others(session: &InnerSession, name: &Name, except: Option<u64>) -> Result<Vec<Option<Public>>> {
    const TELLING: [AttributeType; 7] = [
        AttributeType::CLASS,
        AttributeType::TOKEN,
        AttributeType::KEY_TYPE,
        AttributeType::ID,
        AttributeType::LABEL,
        AttributeType::MODULUS,
        AttributeType::EC_POINT,
    ];
    let mut others = Vec::new();
    for handle in session.find(&name.keys())? {
        if Some(handle) == except {
            continue;
        }
        match session.read(handle, &TELLING) {
            Err(e) if e.code() == Code::ObjectHandleInvalid => {}
            read => {
                let read = read?;
                if Name::of(&read).as_ref() == Some(name) {
                    others.push(record::public(&read));
                }
            }
        }
    }
    Ok(others)
}

impl Inner {
    /// Before keys are made: what is to be kept of each is on the token first, and what was left
    /// there by another key of its name is not.
    ///
    /// # Errors
    /// TemplateInconsistent where the token takes no record, or the record would bind another key;
    /// what it answers else.
    pub(super) fn announce<const N: usize>(
        &self,
        objects: [&Attributes; N],
    ) -> Result<[Announced; N]> {
        let announced = objects.map(|attributes| Announced {
            name: Name::of(attributes),
            kept: Kept::of(attributes),
            written: None,
        });
        if announced.iter().all(|one| one.name.is_none()) {
            return Ok(announced);
        }
        self.pool.once(|session| {
            let mut announced = announced;
            for (one, attributes) in announced.iter_mut().zip(objects) {
                let Announced { name: Some(name), kept, written } = one else { continue };
                let there = self.there(session, name)?;
                if there.is_empty() && kept.is_nothing() {
                    continue;
                }
                let others = others(session, name, None)?;
                session.pool().check_login(session)?;
                let plan = plan(&there, &others, None, kept)?;
                *written = self.write(session, name, attributes, &plan)?;
                self.clear(session, there, &plan.remove)?;
            }
            Ok(announced)
        })
    }

    /// After keys were not made: their records go, unless a key may be there after all.
    pub(super) fn withdraw(&self, announced: &[Announced], error: &Error) {
        if !self.is_refusal(error) || announced.iter().all(|one| one.written.is_none()) {
            return;
        }
        let gone = self.pool.once(|session| {
            for Announced { name, written, .. } in announced {
                let (Some(name), Some(handle)) = (name, written) else { continue };
                if others(session, name, None)?.is_empty() {
                    session.pool().check_login(session)?;
                    self.remove(session, *handle)?;
                }
            }
            Ok(())
        });
        if let Err(e) = gone {
            log::debug!("the record of a key that was not made stays: {e}");
        }
    }

    /// After keys were made: whether each is bound as it was announced. A token may give a key
    /// another name than it was asked for.
    pub(super) fn is_bound(&self, announced: &Announced, made: &Object) -> bool {
        let there = Kept::of(&made.snapshot().attributes);
        there.covers(&announced.kept)
    }

    /// Makes the records of a key say what its attributes will be, changes it, and clears away what
    /// they said before.
    ///
    /// # Errors
    /// As [`announce`](Self::announce); what `change` answers.
    pub(super) fn rekeep(
        &self,
        session: &Pinned,
        handle: u64,
        [before, after]: [&Attributes; 2],
        change: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let (Some(old), Some(new)) = (Name::of(before), Name::of(after)) else { return change() };
        let there = self.there(session, &new)?;
        let public = record::public(before);
        let mut others = others(session, &new, Some(handle))?;
        session.pool().check_login(session)?;
        // A copy is the same key.
        others.retain(|other| public.is_none() || *other != public);
        let plan = plan(&there, &others, public, &Kept::of(after))?;
        let written = self.write(session, &new, after, &plan)?;
        if let Err(e) = change() {
            let withdrawn = written.filter(|_| self.is_refusal(&e));
            if let Some(Err(e)) = withdrawn.map(|handle| self.remove(session, handle)) {
                log::warn!("a key stays bound by what it was not changed to: {e}");
            }
            return Err(e);
        }
        self.clear(session, there, &plan.remove)?;
        match old == new {
            true => Ok(()),
            false => self.forsake(session, before, &old),
        }
    }

    /// Clears away the records of a key that has the name no more.
    ///
    /// # Errors
    /// What the inner token answers.
    pub(super) fn forsake(
        &self,
        session: &Pinned,
        attributes: &Attributes,
        name: &Name,
    ) -> Result<()> {
        let there = self.there(session, name)?;
        if there.is_empty() {
            return Ok(());
        }
        let others = others(session, name, None)?;
        session.pool().check_login(session)?;
        let serves = |record: &Record| others.iter().any(|other| record.is_about(other.as_ref()));
        let public = record::public(attributes);
        let gone =
            |stored: &Stored| stored.record.is_about(public.as_ref()) && !serves(&stored.record);
        let gone: Vec<_> = (0..there.len()).filter(|at| gone(&there[*at])).collect();
        self.clear(session, there, &gone)
    }

    /// Whether an answer says that nothing was done: after any other it may have been.
    fn is_refusal(&self, error: &Error) -> bool {
        use Code as C;
        let unclear = [C::DeviceError, C::DeviceRemoved, C::FunctionFailed, C::GeneralError];
        !unclear.contains(&error.code()) && !self.pool.is_lost(error)
    }

    fn there(&self, session: &Pinned, name: &Name) -> Result<Vec<Stored>> {
        let stored = search(session, &name.records())?;
        session.pool().check_login(session)?;
        Ok(stored.into_iter().map(|(_, stored)| stored).collect())
    }

    fn write(
        &self,
        session: &Pinned,
        name: &Name,
        key: &Attributes,
        plan: &Plan,
    ) -> Result<Option<u64>> {
        let Some(record) = &plan.write else { return Ok(None) };
        let object = record.object(name, key.is_true(AttributeType::PRIVATE));
        let handle = session.create(&object).map_err(|e| match e.code() {
            _ if self.pool.is_lost(&e) => e,
            Code::TokenWriteProtected | Code::DeviceMemory => e,
            _ => Code::TemplateInconsistent.because(format!(
                "{} cannot hold the record of the key's state, which takes a data object (see \
                 docs/bridge.md): {e}",
                self.pool.place
            )),
        })?;
        Ok(Some(handle))
    }

    fn clear(&self, session: &Pinned, there: Vec<Stored>, which: &[usize]) -> Result<()> {
        which.iter().try_for_each(|at| self.remove(session, there[*at].handle))
    }

    fn remove(&self, session: &Pinned, handle: u64) -> Result<()> {
        match session.destroy(handle) {
            // Somebody else was faster.
            Err(e) if e.code() == Code::ObjectHandleInvalid => {}
            answer => answer?,
        }
        // The next object may get the handle.
        self.objects.unhide(handle);
        Ok(())
    }
}

fn plan(
    there: &[Stored],
    others: &[Option<Public>],
    public: Option<Public>,
    wanted: &Kept,
) -> Result<Plan> {
    let there: Vec<_> = there.iter().map(|stored| stored.record.clone()).collect();
    Plan::new(&there, others, public, wanted)
}
