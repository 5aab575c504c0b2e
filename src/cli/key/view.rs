//! What is told of a key, by every command that answers one.

use serde::Serialize;

use crate::cli::page::{Cell, Page};
use crate::cli::print::{Answer, text, text_or_null};
use crate::domain::key::{Algorithm, KeyId, KeyName, Usage};
use crate::domain::lifecycle::{Reason, State};
use crate::domain::record::{KeyRecord, Origin, Owner, Recovery, Suspicion, Version};
use crate::domain::share::Given;
use crate::domain::time::{Period, Timestamp};
use crate::port::Stray;

/// A key with its terms and versions.
#[derive(Debug, Serialize)]
pub(crate) struct KeyView {
    #[serde(serialize_with = "text")]
    pub name: KeyName,
    #[serde(serialize_with = "text")]
    pub algorithm: Algorithm,
    #[serde(rename = "use", serialize_with = "text")]
    pub usage: Usage,
    #[serde(serialize_with = "text")]
    pub state: State,
    pub origin: &'static str,
    #[serde(serialize_with = "text_or_null")]
    pub owner: Option<Owner>,
    pub shareable: bool,
    #[serde(serialize_with = "text")]
    pub created: Timestamp,
    #[serde(serialize_with = "text_or_null")]
    pub expires_after: Option<Period>,
    #[serde(serialize_with = "text_or_null")]
    pub expires_at: Option<Timestamp>,
    #[serde(serialize_with = "text_or_null")]
    pub rotates_every: Option<Period>,
    #[serde(serialize_with = "text_or_null")]
    pub destroyed_at: Option<Timestamp>,
    pub suspicion: Option<SuspicionView>,
    pub versions: Vec<VersionView>,
}

/// Why a key is under suspicion.
#[derive(Debug, Serialize)]
pub(crate) struct SuspicionView {
    #[serde(serialize_with = "text")]
    since: Timestamp,
    evidence: String,
}

/// One version of a key.
#[derive(Debug, Serialize)]
pub(crate) struct VersionView {
    pub number: u32,
    #[serde(serialize_with = "text")]
    pub id: KeyId,
    #[serde(serialize_with = "text")]
    pub state: State,
    #[serde(serialize_with = "text_or_null")]
    pub reason: Option<Reason>,
    #[serde(serialize_with = "text")]
    pub created: Timestamp,
    #[serde(serialize_with = "text")]
    pub changed: Timestamp,
    #[serde(serialize_with = "text_or_null")]
    pub activates: Option<Timestamp>,
    #[serde(serialize_with = "text_or_null")]
    pub expires: Option<Timestamp>,
    pub recovery: Option<RecoveryView>,
}

/// The way back from compromised, if it was taken.
#[derive(Debug, Serialize)]
pub(crate) struct RecoveryView {
    #[serde(serialize_with = "text")]
    at: Timestamp,
    by: &'static str,
    why: Option<String>,
}

/// A version of a key that somebody else's token may have.
#[derive(Debug, Serialize)]
pub(crate) struct ShareView {
    pub version: u32,
    pub subject: String,
    /// When it was shared with him for the first time.
    #[serde(serialize_with = "text")]
    pub since: Timestamp,
}

/// A key on the token that keyway does not manage.
#[derive(Debug, Serialize)]
pub(crate) struct StrayView {
    label: String,
    id: String,
}

/// A key, and a sentence about what was done with it.
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    #[serde(flatten)]
    pub key: KeyView,
    #[serde(skip)]
    pub sentence: String,
    pub warning: Option<&'static str>,
}

impl Done {
    /// Something that was done with a key.
    pub fn new(record: &KeyRecord, sentence: impl Into<String>) -> Self {
        Self { key: record.into(), sentence: sentence.into(), warning: None }
    }

    /// A key that is new in the token: what became of it, what it is and what it is for.
    pub fn made(record: &KeyRecord, participle: &str) -> Self {
        let (name, algorithm, usage) = (record.name(), record.algorithm(), record.usage());
        Self::new(record, format!("key {name} {participle}: {algorithm}, to {usage}"))
    }
}

/// As [`Done`], with what a program wants to know beside the key.
#[derive(Debug, Serialize)]
pub(crate) struct DoneWith<T> {
    #[serde(flatten)]
    pub done: Done,
    #[serde(flatten)]
    pub more: T,
}

impl<T: Serialize> Answer for DoneWith<T> {
    fn text(&self, page: &mut Page) {
        self.done.text(page);
    }
}

impl Answer for Done {
    fn text(&self, page: &mut Page) {
        page.line(&self.sentence);
        if let Some(warning) = self.warning {
            page.warning(format_args!("warning: {warning}"));
        }
    }
}

impl From<&KeyRecord> for KeyView {
    fn from(record: &KeyRecord) -> Self {
        let terms = record.terms();
        Self {
            name: record.name().clone(),
            algorithm: record.algorithm(),
            usage: record.usage(),
            state: record.state(),
            origin: match record.origin() {
                Origin::Generated => "generated",
                Origin::Agreed => "agreed",
                Origin::Imported => "imported",
                Origin::Received => "received",
            },
            owner: terms.owner.clone(),
            shareable: terms.shareable,
            created: record.created(),
            expires_after: terms.expire_after,
            expires_at: terms.expire_at,
            rotates_every: terms.rotate_every,
            destroyed_at: terms.destroy_at,
            suspicion: record.suspicion().map(SuspicionView::from),
            versions: record.versions().iter().map(VersionView::from).collect(),
        }
    }
}

impl From<&Suspicion> for SuspicionView {
    fn from(suspicion: &Suspicion) -> Self {
        Self { since: suspicion.since, evidence: suspicion.evidence.clone() }
    }
}

impl From<&Version> for VersionView {
    fn from(version: &Version) -> Self {
        Self {
            number: version.number,
            id: version.id,
            state: version.state,
            reason: version.reason,
            created: version.created,
            changed: version.changed,
            activates: version.activates,
            expires: version.expires,
            recovery: version.recovery.as_ref().map(RecoveryView::from),
        }
    }
}

impl From<&Recovery> for RecoveryView {
    fn from(recovery: &Recovery) -> Self {
        Self { at: recovery.at, by: recovery.by.name(), why: recovery.why.clone() }
    }
}

impl From<&Given> for ShareView {
    fn from(given: &Given) -> Self {
        Self { version: given.version, subject: given.subject.clone(), since: given.at }
    }
}

impl From<&Stray> for StrayView {
    fn from(stray: &Stray) -> Self {
        Self { label: stray.label.clone(), id: hex(&stray.id) }
    }
}

impl StrayView {
    pub fn text(&self, page: &mut Page) {
        let Self { label, id } = self;
        page.warning(format_args!(
            "note: the token has a key {label:?} (id {id}) that keyway does not manage"
        ));
    }
}

impl KeyView {
    /// Everything that is known, for people.
    pub fn text(&self, page: &mut Page) {
        page.field("key", &self.name);
        page.field("algorithm", self.algorithm);
        page.field("use", self.usage);
        page.field("created", self.created);
        page.field_if("owner", self.owner.as_ref());
        page.field_if("shareable", self.shareable.then_some("yes"));
        page.field_if("expires after", self.expires_after);
        page.field_if("expires at", self.expires_at);
        page.field_if("rotates every", self.rotates_every);
        page.field_if("destroyed at", self.destroyed_at);
        if let Some(SuspicionView { since, evidence }) = &self.suspicion {
            page.field("suspicion", format_args!("since {since}: {evidence}"));
        }
        for version in &self.versions {
            let told = version.told(page);
            page.field(&format!("version {:<5}", version.number), told);
        }
    }
}

impl VersionView {
    fn told(&self, page: &Page) -> String {
        let state = page.painted(&Cell::state(self.state));
        let reason = self.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        let start = self.activates.filter(|at| *at > self.changed);
        let start = start.map(|at| format!(", active from {at}")).unwrap_or_default();
        let end = self.expires.filter(|at| *at > self.changed);
        let end = end.map(|at| format!(", expires {at}")).unwrap_or_default();
        let back = self.recovery.as_ref().map(RecoveryView::told).unwrap_or_default();
        format!("{state}{reason} since {}{start}{end}{back}, id {}", self.changed, self.id)
    }
}

impl RecoveryView {
    fn told(&self) -> String {
        let why = self.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        format!(", recovered {} on the word of {}{why}", self.at, self.by)
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
