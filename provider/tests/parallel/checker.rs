//! Replays histories: whether some order of all calls, each at one moment between its begin and its
//! end, explains what every thread was told.
//!
//! Keys do not depend on each other, so each is looked at alone. A key is made once and destroyed at
//! most once. Its labels are all different, so that who reads one knows who wrote it; for registers
//! whose writes can be told apart the order can be found by comparing zones (Gibbons and Korach,
//! *Testing Shared Memories*, 1997): each value with its write and its reads must have been there
//! from the first end to the last begin among them, and no two at once.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::history::{Act, Answer, Record};

/// How much was looked at.
#[derive(Debug, Default)]
pub struct Tally {
    pub made: usize,
    pub destroyed: usize,
    /// Searches, of one key or of all.
    pub searches: usize,
    pub reads: usize,
    pub changes: usize,
    pub macs: usize,
    /// Calls on keys that another process made.
    pub foreign: usize,
    /// Calls that were cut off by a kill.
    pub cut_off: usize,
}

/// When a call was.
#[derive(Clone, Copy, Debug)]
struct Span {
    begin: u64,
    end: u64,
}

/// What is known of one key.
#[derive(Debug, Default)]
struct Life {
    maker: String,
    /// Whether the creation was acknowledged.
    made: Option<(Span, bool)>,
    /// Destructions: that succeeded, and that may have.
    destroyed: Vec<Span>,
    maybe_destroyed: Vec<Span>,
    /// It was there; it was not.
    seen: Vec<Span>,
    missed: Vec<Span>,
    /// When a label was written, and whether that was acknowledged; when it was read.
    written: BTreeMap<String, (Span, bool)>,
    read: Vec<(String, Span)>,
}

/// # Errors
/// What no order explains.
pub fn check(records: &[Record]) -> Result<Tally, Vec<String>> {
    let (mut lives, mut tally, mut wrong) = (BTreeMap::new(), Tally::default(), Vec::new());
    for record in records {
        if let Act::Create(label) = &record.act {
            let life: &mut Life = lives.entry(record.key.clone()).or_default();
            let span = Span { begin: record.begin, end: record.end };
            life.maker = record.who.clone();
            life.made = Some((span, record.answer == Answer::Done));
            life.written.insert(label.clone(), (span, record.answer == Answer::Done));
        }
    }
    for record in records {
        take(record, &mut lives, &mut tally, &mut wrong);
    }
    for record in records {
        found(record, &mut lives);
    }
    not_found(records, &mut lives);
    not_found_by_label(records, &lives, &mut wrong);
    for (key, life) in &lives {
        existence(key, life, &mut wrong);
        labels(key, life, &mut wrong);
    }
    if wrong.is_empty() { Ok(tally) } else { Err(wrong) }
}

fn take(
    record: &Record,
    lives: &mut BTreeMap<String, Life>,
    tally: &mut Tally,
    wrong: &mut Vec<String>,
) {
    let span = Span { begin: record.begin, end: record.end };
    if let Answer::Failed(why) = &record.answer {
        wrong.push(format!("{} {:?} of {}: {why}", record.who, record.act, record.key));
        return;
    }
    if record.answer == Answer::Unknown {
        tally.cut_off += 1;
    }
    // Ids that nobody gave a key: only what searches found may be such.
    if let Answer::Found(ids, _) = &record.answer {
        tally.searches += 1;
        let unknown = ids.iter().filter(|id| !lives.contains_key(*id));
        wrong.extend(unknown.map(|id| format!("phantom: nobody made {id}")));
        let distinct: BTreeSet<_> = ids.iter().collect();
        if distinct.len() < ids.len() {
            wrong.push(format!("found twice: {ids:?}"));
        }
    }
    if record.key.is_empty() {
        return;
    }
    let Some(life) = lives.get_mut(&record.key) else {
        wrong.push(format!("phantom: nobody made {}", record.key));
        return;
    };
    let process = |who: &str| who.split('.').next().unwrap_or_default().to_owned();
    tally.foreign += usize::from(process(&life.maker) != process(&record.who));
    match (&record.act, &record.answer) {
        (Act::Create(_), Answer::Done) => tally.made += 1,
        (Act::Destroy, Answer::Done) => {
            tally.destroyed += 1;
            life.destroyed.push(span);
        }
        (Act::Destroy, Answer::Unknown) => life.maybe_destroyed.push(span),
        (Act::SetLabel(label), Answer::Done | Answer::Unknown) => {
            tally.changes += 1;
            life.written.insert(label.clone(), (span, record.answer == Answer::Done));
            if record.answer == Answer::Done {
                life.seen.push(span);
            }
        }
        (Act::ReadLabel, Answer::Value(label)) => {
            tally.reads += 1;
            life.seen.push(span);
            life.read.push((label.clone(), span));
        }
        (Act::Sign(text), Answer::Value(mac)) => {
            tally.macs += 1;
            life.seen.push(span);
            if hex::encode(hmac(&value(&record.key), text.as_bytes())) != *mac {
                wrong.push(format!("{} signed with another key than {}", record.who, record.key));
            }
        }
        (Act::Find, Answer::Found(ids, _)) => match ids.contains(&record.key) {
            true => life.seen.push(span),
            false => life.missed.push(span),
        },
        (_, Answer::Gone) => life.missed.push(span),
        _ => {}
    }
}

/// What a search found was there; if it was one by label, that was what it was called.
fn found(record: &Record, lives: &mut BTreeMap<String, Life>) {
    let span = Span { begin: record.begin, end: record.end };
    let Answer::Found(ids, _) = &record.answer else { return };
    if !matches!(record.act, Act::FindAll | Act::FindLabel(_)) {
        return;
    }
    for id in ids {
        let Some(life) = lives.get_mut(id) else { continue };
        life.seen.push(span);
        if let Act::FindLabel(label) = &record.act {
            life.read.push((label.clone(), span));
        }
    }
}

/// What searches of all keys did not find, in the order of time: of a key that was gone by then they
/// say nothing new, and there are far more of those than live at any moment.
fn not_found(records: &[Record], lives: &mut BTreeMap<String, Life>) {
    let mut births: Vec<_> = lives.iter().map(|(key, life)| (life.there(), key.clone())).collect();
    births.sort();
    let mut births = births.into_iter().peekable();
    // What could not be read any more may be any of them.
    let complete = |record: &&Record| {
        record.act == Act::FindAll && matches!(record.answer, Answer::Found(_, 0))
    };
    let mut searches: Vec<_> = records.iter().filter(complete).collect();
    searches.sort_by_key(|record| record.begin);
    let mut alive: Vec<(String, u64)> = Vec::new();
    for search in searches {
        while let Some((_, key)) = births.next_if(|(there, _)| *there < search.begin) {
            let gone = lives[&key].destroyed.iter().map(|span| span.end).min();
            alive.push((key, gone.unwrap_or(u64::MAX)));
        }
        alive.retain(|(_, gone)| *gone > search.begin);
        let Answer::Found(ids, _) = &search.answer else { continue };
        let ids: BTreeSet<&String> = ids.iter().collect();
        for (key, gone) in alive.iter_mut().filter(|(key, _)| !ids.contains(key)) {
            let life = lives.get_mut(key).expect("its births are those of lives");
            life.missed.push(Span { begin: search.begin, end: search.end });
            *gone = search.end.min(*gone);
        }
    }
}

/// What searches by label did not find and should have.
fn not_found_by_label(records: &[Record], lives: &BTreeMap<String, Life>, wrong: &mut Vec<String>) {
    let mut called: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for (key, life) in lives {
        life.written.keys().for_each(|label| called.entry(label).or_default().push(key));
    }
    for record in records {
        let (Act::FindLabel(label), Answer::Found(ids, 0)) = (&record.act, &record.answer) else {
            continue;
        };
        let span = Span { begin: record.begin, end: record.end };
        for key in called.get(&label[..]).into_iter().flatten().filter(|key| !ids.contains(key)) {
            if certainly_called(&lives[*key], label, span) {
                wrong.push(format!("lost: {key} was called {label} and not found: {span:?}"));
            }
        }
    }
}

impl Life {
    /// From when on it certainly was there.
    fn there(&self) -> u64 {
        let ends = self.seen.iter().map(|seen| seen.end);
        let made = self.made.filter(|(_, acknowledged)| *acknowledged).map(|(span, _)| span.end);
        ends.chain(made).min().unwrap_or(u64::MAX)
    }
}

/// Whether a key had a label all the time: somebody had read it before, no other was written since,
/// and nobody destroys it.
fn certainly_called(life: &Life, label: &str, during: Span) -> bool {
    let Some((written, _)) = life.written.get(label) else { return false };
    let was_read = life.read.iter().any(|(read, span)| read == label && span.end < during.begin);
    let others = life.written.iter().filter(|(other, _)| *other != label);
    let mut others = others.map(|(_, (span, _))| span);
    let mut destroyed = life.destroyed.iter().chain(&life.maybe_destroyed);
    was_read
        && others.all(|other| other.end < written.begin || other.begin > during.end)
        && destroyed.all(|span| span.begin > during.end)
}

fn existence(key: &str, life: &Life, wrong: &mut Vec<String>) {
    let Some((made, _)) = life.made else { return };
    if life.destroyed.len() > 1 {
        wrong.push(format!("resurrected: {key} was destroyed twice: {:?}", life.destroyed));
    }
    for seen in life.seen.iter().filter(|seen| seen.end < made.begin) {
        wrong.push(format!("phantom: {key} was there before it was made: {seen:?}"));
    }
    let there = life.there();
    // Somebody may have destroyed it from then on.
    let ends = life.destroyed.iter().chain(&life.maybe_destroyed).map(|span| span.begin);
    let may_end = ends.min().unwrap_or(u64::MAX);
    let later = |missed: &&Span| missed.begin > there;
    for missed in life.missed.iter().filter(later).filter(|missed| missed.end < may_end) {
        wrong.push(format!("lost: {key} was made, not destroyed, and not found: {missed:?}"));
    }
    // By then it certainly was gone.
    let missed = life.missed.iter().filter(later).map(|missed| missed.end);
    let gone = missed.chain(life.destroyed.iter().map(|span| span.end)).min().unwrap_or(u64::MAX);
    for seen in life.seen.iter().filter(|seen| seen.begin > gone) {
        wrong.push(format!("resurrected: {key} was gone at {gone} and there: {seen:?}"));
    }
}

/// A label with its write and all who read it.
#[derive(Debug)]
struct Zone<'a> {
    label: &'a str,
    first_end: u64,
    last_begin: u64,
}

impl Zone<'_> {
    /// Whether the label certainly was there for some time, and not only at some moment.
    fn lasts(&self) -> bool {
        self.first_end < self.last_begin
    }

    fn from(&self) -> u64 {
        self.first_end.min(self.last_begin)
    }

    fn to(&self) -> u64 {
        self.first_end.max(self.last_begin)
    }
}

fn labels(key: &str, life: &Life, wrong: &mut Vec<String>) {
    let mut zones = BTreeMap::new();
    for (label, (span, _)) in &life.written {
        let (first_end, last_begin) = (span.end, span.begin);
        zones.insert(&label[..], Zone { label, first_end, last_begin });
    }
    for (label, span) in &life.read {
        match zones.get_mut(&label[..]) {
            Some(_) if life.written[label].0.begin > span.end => {
                wrong.push(format!("phantom: {key} was called {label} before anybody wrote it"));
            }
            Some(zone) => {
                zone.first_end = zone.first_end.min(span.end);
                zone.last_begin = zone.last_begin.max(span.begin);
            }
            None => wrong.push(format!("phantom: nobody called {key} {label}")),
        }
    }
    // What was cut off and never read may not have happened.
    let happened = |zone: &Zone<'_>| {
        life.written[zone.label].1 || life.read.iter().any(|(label, _)| label == zone.label)
    };
    let zones: Vec<Zone<'_>> = zones.into_values().filter(happened).collect();
    for (n, one) in zones.iter().enumerate() {
        for other in &zones[n + 1..] {
            let clash = match (one.lasts(), other.lasts()) {
                (true, true) => one.from() < other.to() && other.from() < one.to(),
                (true, false) => one.from() < other.from() && other.to() < one.to(),
                (false, true) => other.from() < one.from() && one.to() < other.to(),
                (false, false) => false,
            };
            if clash {
                wrong.push(format!("lost update: {key} was {one:?} and {other:?}"));
            }
        }
    }
}

/// The value of a key with this id.
pub fn value(id: &str) -> [u8; 32] {
    Sha256::digest(id).into()
}

/// HMAC-SHA256 (RFC 2104) with a key of 32 bytes.
fn hmac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(key).for_each(|(block, key)| *block ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}
