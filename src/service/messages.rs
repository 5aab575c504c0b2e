//! Nonces of AES-GCM, and the count of the messages that a version has made with them.

use std::slice;

use super::{ATTEMPTS, Kms};
use crate::domain::envelope::MessageLimit;
use crate::domain::key::{KeyId, KeyName, Material, Usage};
use crate::domain::lifecycle::Reason;
use crate::domain::record::KeyRecord;
use crate::error::{Kind, Result};
use crate::port::Book;

/// Bytes of a nonce.
const NONCE: usize = 12;

/// Bytes of an entry, which tell it from another process's.
const MARK: usize = 16;

/// Nonces for messages under one key. A message is counted before it is made: an interruption
/// counts too many, never too few.
pub(super) struct Nonces<'k> {
    kms: Kms<'k>,
    /// The version that makes the messages itself; none for a data key, which is used once.
    counted: Option<KeyId>,
    reached: bool,
}

impl<'k> Nonces<'k> {
    pub fn of_version(kms: Kms<'k>, id: KeyId) -> Self {
        Self { kms, counted: Some(id), reached: false }
    }

    pub fn of_data_key(kms: Kms<'k>) -> Self {
        Self { kms, counted: None, reached: false }
    }

    /// The next message's nonce. It and the sample that decides whether the message counts come from
    /// the token's generator and have no byte in common.
    pub fn draw(&mut self) -> Result<Vec<u8>> {
        let mut nonce = self.kms.vault.random(NONCE + MessageLimit::SAMPLE)?;
        let sample = nonce.split_off(NONCE);
        if let (Some(id), Ok(sample)) = (self.counted, sample.try_into())
            && self.kms.limit.counts(sample)
        {
            self.reached |= self.kms.count_message(id)?;
        }
        Ok(nonce)
    }

    /// Lets the next version take over if this one has made enough messages: after the message,
    /// which one version makes to its end.
    pub fn finish(self, name: &KeyName) -> Result<()> {
        match self.counted {
            Some(id) if self.reached => self.kms.end_version(name, id),
            _ => Ok(()),
        }
    }
}

impl Kms<'_> {
    /// About how many messages the newest version has encrypted with AES-GCM, and how many end it:
    /// 0 before the first was counted. `None` for keys that do not encrypt so.
    ///
    /// # Errors
    /// The token failed, or [`Kind::NotAuthentic`] when somebody changed the count.
    pub fn messages(&self, record: &KeyRecord) -> Result<Option<(u64, u64)>> {
        let is_aes = matches!(record.algorithm().material(), Material::Aes { .. });
        if !is_aes || record.usage() != Usage::Encrypt {
            return Ok(None);
        }
        let counts = self.message_counts(record.latest().id)?;
        let count = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
        Ok(Some((count, self.limit.most())))
    }

    /// Forgets the counts of a key that is destroyed, those that somebody damaged among them.
    pub(super) fn forget_messages(&self, record: &KeyRecord) -> Result<()> {
        let starts: Vec<_> = record.versions().iter().map(|version| start(version.id)).collect();
        let page = self.registry.read(Book::Messages, None)?.starting(&starts);
        let damaged = page.problems.iter().filter_map(|problem| problem.name.parse().ok());
        for entry in page.entries.into_iter().map(|(entry, _)| entry).chain(damaged) {
            self.registry.remove(Book::Messages, &entry)?;
        }
        Ok(())
    }

    /// The entries for a version: more than one only while or after somebody was interrupted. What
    /// is wrong with those of other versions is no concern of this one.
    fn message_counts(&self, id: KeyId) -> Result<Vec<(KeyName, u64)>> {
        let start = start(id);
        let page = self.registry.read(Book::Messages, None)?.starting(slice::from_ref(&start));
        if !page.problems.is_empty() {
            return Err(Kind::NotAuthentic
                .because(format!("the count of messages: {}", page.wrong()))
                .advise(
                    "somebody changed it outside keyway; make a new version: keyway key rotate",
                ));
        }
        let count = |entry: KeyName| {
            let count = entry.as_str().strip_prefix(&start)?.parse().ok()?;
            Some((entry, count))
        };
        Ok(page.entries.into_iter().filter_map(|(entry, _)| count(entry)).collect())
    }

    /// Counts a message. The new count is written before the old one goes. Answers whether the
    /// version has made enough.
    fn count_message(&self, id: KeyId) -> Result<bool> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let old = self.message_counts(id)?;
            let highest = old.iter().map(|(_, count)| *count).max().unwrap_or(0);
            let count = self.limit.after(highest);
            let entry = format!("{}{count}", start(id)).parse()?;
            // No two processes write the same, so that one sees the other's and counts on.
            let mark = self.vault.random(MARK)?;
            match self.registry.add(Book::Messages, &entry, &mark) {
                Ok(()) => {
                    for (entry, _) in old {
                        self.registry.remove(Book::Messages, &entry)?;
                    }
                    return Ok(self.limit.is_reached(count));
                }
                // Another process counts one of its own at this moment.
                Err(error) if matches!(error.kind(), Kind::Exists | Kind::Conflict) => {
                    last = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| Kind::Conflict.because("the count of messages: no attempt")))
    }

    /// Makes the next version primary. A key that has no next one ends: it was agreed with a peer or
    /// received, and who made it makes another.
    fn end_version(&self, name: &KeyName, id: KeyId) -> Result<()> {
        let is_primary = |record: &KeyRecord| record.primary().is_ok_and(|v| v.id == id);
        let ended = self.load(name).and_then(|stored| match stored.record().is_rotated_here() {
            true => self.rotate_key_if(name, is_primary).map(|_| ()),
            false => {
                let now = self.clock.now();
                let end = |record: &KeyRecord| {
                    is_primary(record).then(|| record.revoked(Reason::Cessation, now)).flatten()
                };
                self.update(name, end).map(|_| ())
            }
        });
        ended.map_err(|error| {
            error.while_doing(format!(
                "key {name} has encrypted {} messages and the next version is due",
                self.limit.most()
            ))
        })
    }
}

/// What the names of a version's entries start with; the count follows.
fn start(id: KeyId) -> String {
    format!("{id}.")
}
