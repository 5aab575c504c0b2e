//! Looking over a whole token: everything that its files can be held against, with a PIN and
//! without.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::identity::Identity;
use super::keys::Keys;
use super::token::EmbeddedToken;
use super::{history, pin, seal, tags};
use crate::attribute::{AttributeType, Attributes};
use crate::backend::{Pin, User};
use crate::error::{Code, Error, Result};
use crate::store::event::EventKind;
use crate::store::{Account, Change, Event, Form, Head, Record, Role, Survey, Tag};

/// What a check saw and found.
#[derive(Debug, Default)]
pub struct Report {
    pub label: String,
    /// Whether a PIN was there: without one, private objects, MACs and the seal are not looked at.
    pub unlocked: bool,
    pub objects: u64,
    pub events: u64,
    /// Objects made, changed or destroyed without a login, which the user's next login vouches for.
    pub unattested: u64,
    /// Empty if nothing is wrong.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub what: String,
    pub remedy: Remedy,
}

/// What can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The file itself is damaged.
    Restore,
    /// One object is damaged; the others are not affected.
    RestoreOrDestroy,
    /// What is there is whole, but it is not what was left there.
    RestoreOrAccept,
}

impl Remedy {
    /// For a person at the command line.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Restore => "keep a copy of the token's files and restore a backup",
            Self::RestoreOrDestroy => "restore a backup, or destroy the object",
            Self::RestoreOrAccept => {
                "find out who wrote the file; restore a backup, or accept what is there: \
                 keyway token check --accept"
            }
        }
    }
}

impl Report {
    fn add(&mut self, remedy: Remedy, what: impl Into<String>) {
        self.findings.push(Finding { what: what.into(), remedy });
    }

    /// What the store answered, or a finding.
    fn read<T>(&mut self, answer: Result<T>) -> Option<T> {
        answer.inspect_err(|e| self.add(Remedy::Restore, e.to_string())).ok()
    }
}

impl EmbeddedToken {
    /// Verifies everything, as far as it goes without a PIN or with the user's.
    ///
    /// # Errors
    /// PinIncorrect, PinLocked, UserPinNotInitialized; damage is no error but a finding.
    pub(crate) fn check(&self, pin: Option<Pin<'_>>) -> Result<Report> {
        let mut report = Report::default();
        let damage = report.read(self.store.inspect()).unwrap_or_default();
        damage.into_iter().for_each(|what| report.add(Remedy::Restore, what));
        self.check_accounts(&mut report);
        let Some(identity) = report.read(self.initialized()) else { return Ok(report) };
        report.label = identity.label.clone();
        let keys = match pin.map(|pin| self.unlock(&identity, User::User, pin)) {
            Some(Err(e)) if e.code() != Code::DeviceError => return Err(e),
            unlocked => unlocked.and_then(|unlocked| report.read(unlocked)),
        };
        report.unlocked = keys.is_some();
        self.check_objects(&mut report, &identity, keys.as_deref());
        let head = self.check_set(&mut report, &identity, keys.as_deref());
        self.check_events(&mut report, keys.as_deref(), head);
        Ok(report)
    }

    /// Vouches for the set of rows as it is: after a check, by somebody who has looked at it.
    ///
    /// # Errors
    /// PinIncorrect, PinLocked, UserPinNotInitialized; DeviceError for a token record or a database
    /// that is damaged: then only a backup helps.
    pub(crate) fn accept(&self, pin: Pin<'_>) -> Result<()> {
        let identity = self.initialized()?;
        let keys = self.unlock(&identity, User::User, pin)?;
        let mut changes = self.adoption(&identity, &keys)?;
        if changes.is_empty() {
            changes.push(Change::Adopt);
        }
        let event = Event::of_token(EventKind::Adopted);
        let stored = self.commit_as(&identity, changes, vec![event], keys);
        stored.map(drop).map_err(|e| self.explain(e))
    }

    fn check_accounts(&self, report: &mut Report) {
        for role in [Role::SecurityOfficer, Role::User] {
            match self.store.account(role) {
                Err(e) => report.add(Remedy::Restore, format!("the {role:?} account: {e}")),
                Ok(None) if role == Role::User => {}
                Ok(None) => report.add(Remedy::Restore, "the security officer's account is gone"),
                Ok(Some(account)) if is_plausible(&account) => {}
                Ok(Some(_)) => report.add(
                    Remedy::Restore,
                    format!("the {role:?} account has a cost or a wrapped key that no account has"),
                ),
            }
        }
    }

    fn check_objects(&self, report: &mut Report, identity: &Identity, keys: Option<&Keys>) {
        let mut each = |record: Record| {
            report.objects += 1;
            if let Err(e) = check_record(identity, keys, &record) {
                report.add(Remedy::RestoreOrDestroy, e.to_string());
            }
            ControlFlow::Continue(())
        };
        let scanned = self.store.scan(&mut each);
        report.read(scanned);
    }

    /// The index, the notes and the seal; the newest event that the seal names.
    fn check_set(
        &self,
        report: &mut Report,
        identity: &Identity,
        keys: Option<&Keys>,
    ) -> Option<Head> {
        let survey = report.read(self.store.survey(u64::MAX))??;
        report.unattested = survey.loose.len() as u64;
        check_index(report, &survey);
        for id in &survey.damaged {
            let what = format!("object {id:?} is not what was written without a login");
            report.add(Remedy::RestoreOrAccept, what);
        }
        let keys = keys?;
        let record = report.read(self.store.token())??;
        if !report.read(identity.authenticate(&record, keys))?.has_seal {
            return None;
        }
        match keys.set.verify(&survey) {
            Ok(seal) => Some(seal.head),
            Err(e) => {
                report.add(Remedy::RestoreOrAccept, e.context().to_owned());
                None
            }
        }
    }

    fn check_events(&self, report: &mut Report, keys: Option<&Keys>, head: Option<Head>) {
        let (mut events, mut faults) = (0, Vec::new());
        let end = history::walk(&*self.store, keys, head, &mut |_, fault| {
            events += 1;
            faults.extend(fault);
        });
        report.events = events;
        faults.extend(report.read(end).flatten());
        faults.into_iter().for_each(|what| report.add(Remedy::RestoreOrAccept, what));
    }
}

/// Whether a record opens and is stored as what it is.
fn check_record(identity: &Identity, keys: Option<&Keys>, record: &Record) -> Result<()> {
    let private = keys.and_then(|keys| keys.private.as_ref());
    let tag_key = match (record.form, private) {
        (Form::Private, None) => return Ok(()),
        (Form::Private, Some(private)) => &private.tags,
        _ => &identity.tags,
    };
    let attributes = seal::open(identity, keys, record)?.attributes;
    if tags::of(tag_key, &attributes)? != record.tags {
        return Err(damaged(record, "is indexed as something that it is not"));
    }
    match named(&attributes) == Some(&record.id.digits()[..]) {
        true => Ok(()),
        false => Err(damaged(record, "has the CKA_UNIQUE_ID of another one")),
    }
}

fn named(attributes: &Attributes) -> Option<&[u8]> {
    attributes.bytes(AttributeType::UNIQUE_ID)
}

fn check_index(report: &mut Report, survey: &Survey) {
    let expected: BTreeSet<(Tag, _)> = survey
        .objects
        .iter()
        .flat_map(|(id, _, tags)| tags.iter().map(move |tag| (*tag, *id)))
        .collect();
    let stored: BTreeSet<_> = survey.index.iter().copied().collect();
    let missing: BTreeSet<_> = expected.difference(&stored).map(|row| row.1).collect();
    for id in missing {
        let what = format!("object {id:?} is missing in the index: searches do not find it");
        report.add(Remedy::RestoreOrAccept, what);
    }
    let orphans = stored.difference(&expected).count();
    if orphans > 0 {
        let what = format!("{orphans} rows of the index lead nowhere");
        report.add(Remedy::RestoreOrAccept, what);
    }
}

fn is_plausible(account: &Account) -> bool {
    account.wrapped.len() == 40 && pin::is_possible(account.cost)
}

fn damaged(record: &Record, what: &str) -> Error {
    Code::DeviceError.because(format!("object {:?} {what}", record.id))
}
