//! A transaction, the same for every medium: changes, events, and the seal over the set of rows.

use super::detail::Who;
use super::set::{self, Delta, Head, Loose, Member, Note, Stamp};
use super::{Account, Batch, Change, CommitError, EventRecord, Instance, Record, Role};
use crate::backend::ObjectId;
use crate::error::{Code, Result};

/// The rows of a medium inside a transaction; the medium undoes everything if [`run`] fails.
pub(super) trait Rows {
    fn instance(&self) -> Result<Option<Instance>>;
    fn stamp(&self, id: ObjectId) -> Result<Option<Stamp>>;
    fn record(&self, id: ObjectId) -> Result<Option<Record>>;
    fn account(&self, role: Role) -> Result<Option<Account>>;
    /// Every object and account.
    fn members(&self) -> Result<Vec<Member>>;
    /// Makes a change of records, accounts or the token if the stored version is the expected
    /// one; whether it was.
    fn apply(&mut self, change: &Change) -> Result<bool>;

    fn loose(&self, id: ObjectId) -> Result<Option<Loose>>;
    fn write_loose(&mut self, loose: &Loose) -> Result<()>;
    fn erase_loose(&mut self, id: ObjectId) -> Result<()>;
    fn erase_all_loose(&mut self) -> Result<()>;

    fn seal(&self) -> Result<Option<Vec<u8>>>;
    fn write_seal(&mut self, seal: &[u8]) -> Result<()>;

    fn head(&self) -> Result<Head>;
    fn append(&mut self, event: &EventRecord) -> Result<()>;
}

/// Makes the changes of a batch and appends its events.
pub(super) fn run(rows: &mut dyn Rows, batch: &Batch) -> Result<(), CommitError> {
    if rows.instance()? != batch.instance {
        return Err(CommitError::Replaced);
    }
    let mut delta = Delta::default();
    let present = batch.witness.is_present();
    for change in &batch.changes {
        one(rows, change, present, &mut delta)?;
    }
    let head = append(rows, batch)?;
    if present && !(delta.is_empty() && batch.events.is_empty()) {
        let before = rows.seal()?;
        let seal = batch.witness.seal(before.as_deref(), &delta, &head)?;
        rows.write_seal(&seal)?;
    }
    Ok(())
}

/// Appends the events of a batch; the newest event then.
fn append(rows: &mut dyn Rows, batch: &Batch) -> Result<Head> {
    let mut head = rows.head()?;
    if batch.events.is_empty() {
        return Ok(head);
    }
    let who = Who::now();
    for event in &batch.events {
        let previous = (head.sequence, head.chain);
        let record = EventRecord::append(event, &who, previous, &*batch.witness)?;
        rows.append(&record)?;
        head = Head { sequence: record.sequence, chain: record.chain };
    }
    Ok(head)
}

fn one(
    rows: &mut dyn Rows,
    change: &Change,
    present: bool,
    delta: &mut Delta,
) -> Result<(), CommitError> {
    match change {
        Change::Put { record, .. } => {
            object(rows, change, (record.id, Some(record)), present, delta)
        }
        Change::Remove { id, .. } => object(rows, change, (*id, None), present, delta),
        Change::PutAccount { account, .. } => {
            let before = rows.account(account.role)?.map(|before| Member::of_account(&before));
            apply(rows, change)?;
            let after = Some(Member::of_account(account));
            match (before == after, present) {
                (true, _) => Ok(()),
                (false, true) => {
                    delta.left.extend(before);
                    delta.joined.extend(after);
                    Ok(())
                }
                (false, false) => Err(without_keys("a PIN").into()),
            }
        }
        Change::PutToken { .. } => apply(rows, change),
        Change::Clear => {
            apply(rows, change)?;
            rows.erase_all_loose()?;
            *delta = Delta { anew: true, ..Delta::default() };
            Ok(())
        }
        Change::Adopt => {
            apply(rows, change)?;
            *delta = adopt(rows)?;
            Ok(())
        }
        Change::Settle { id } => {
            let (now, loose) = (rows.stamp(*id)?, rows.loose(*id)?);
            match (now, loose, present) {
                (_, _, false) => Err(without_keys("a destroyed object").into()),
                (None, Some(_), true) => {
                    let note = delta.attested(*id, None, None, loose);
                    Ok(keep(rows, *id, note)?)
                }
                _ => Err(CommitError::Conflict),
            }
        }
    }
}

/// A change that leaves an object as `after` says.
fn object(
    rows: &mut dyn Rows,
    change: &Change,
    (id, record): (ObjectId, Option<&Record>),
    present: bool,
    delta: &mut Delta,
) -> Result<(), CommitError> {
    let (before, loose) = (rows.stamp(id)?, rows.loose(id)?);
    let after = record.map(|record| Stamp { version: record.version, form: record.form });
    apply(rows, change)?;
    let private = |stamp: Option<Stamp>| stamp.is_some_and(|s| s.form == super::Form::Private);
    let note = match present {
        true => delta.attested(id, before, after, loose),
        false if private(before) || private(after) => {
            return Err(without_keys("a private object").into());
        }
        false => set::unattested(id, before, record, loose),
    };
    Ok(keep(rows, id, note)?)
}

fn apply(rows: &mut dyn Rows, change: &Change) -> Result<(), CommitError> {
    match rows.apply(change)? {
        true => Ok(()),
        false => Err(CommitError::Conflict),
    }
}

fn keep(rows: &mut dyn Rows, id: ObjectId, note: Note) -> Result<()> {
    match note {
        Note::Leave => Ok(()),
        Note::Write(loose) => rows.write_loose(&loose),
        Note::Erase => rows.erase_loose(id),
    }
}

/// The set as it is; what has no MAC stays what somebody still has to vouch for.
fn adopt(rows: &mut dyn Rows) -> Result<Delta> {
    rows.erase_all_loose()?;
    let mut joined = rows.members()?;
    let mut notes = Vec::new();
    joined.retain(|member| match member {
        Member::Object { id, stamp } if stamp.form == super::Form::Unattested => {
            notes.push(*id);
            false
        }
        _ => true,
    });
    for id in notes {
        let note = Loose::new(id, None, rows.record(id)?.as_ref());
        rows.write_loose(&note)?;
    }
    Ok(Delta { anew: true, left: Vec::new(), joined })
}

fn without_keys(what: &str) -> crate::error::Error {
    Code::GeneralError.because(format!("{what} cannot change without a login"))
}
