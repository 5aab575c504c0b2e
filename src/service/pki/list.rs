//! Making revocation lists.

use crate::domain::key::KeyName;
use crate::domain::pki::issue::{ListTemplate, ListedRevocation};
use crate::domain::pki::register::{Issued, List, Revocation};
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};
use crate::port::Book;
use crate::service::{ATTEMPTS, Kms};

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// Everything that is revoked.
    Full,
    /// What was revoked since the oldest full list that somebody may still go by.
    Delta,
}

/// How far the clocks of two machines may differ, in seconds: what was revoked this long before
/// the full list stands in the delta again, which does no harm.
const SKEW: u64 = 3600;

impl Kms<'_> {
    /// Makes a revocation list of an authority, in DER. Its number is one more than that of the
    /// last, and is written down before the list is signed.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a delta without a full list before it; [`Kind::NotAuthentic`] when
    /// entries of the register were changed, or removed since the last list.
    pub fn make_list(
        &self,
        authority: &KeyName,
        kind: ListKind,
        next_update: Timestamp,
    ) -> Result<Vec<u8>> {
        let issuer = self.issuer(authority)?;
        let now = self.clock.now();
        if next_update <= now {
            return Err(Kind::Usage.because("the next list would be due before this one"));
        }
        for _ in 0..ATTEMPTS {
            let lists = self.lists(authority)?;
            let revoked = self.revocations(authority)?;
            let counts = self.counts(authority, revoked.len(), &lists)?;
            let base = match kind {
                ListKind::Full => None,
                ListKind::Delta => Some(base_of(&lists, now).ok_or_else(|| no_full(authority))?),
            };
            let list = List {
                authority: authority.clone(),
                number: lists.last().map_or(1, |last| last.number + 1),
                base: base.map(|base| base.number),
                updates: (now, next_update),
                counts,
            };
            match self.add_entry(Book::Lists, &list) {
                Err(error) if matches!(error.kind(), Kind::Conflict | Kind::Exists) => continue,
                added => added?,
            }
            let since = base.map_or(0, |base| base.updates.0.unix().saturating_sub(SKEW));
            let listed: Vec<ListedRevocation> =
                revoked.into_iter().filter(|one| one.at.unix() >= since).collect();
            let unsigned = ListTemplate {
                issuer: &issuer.subject,
                issuer_key: &issuer.public,
                scheme: issuer.scheme,
                number: list.number,
                base: list.base,
                updates: list.updates,
                delta: issuer.points.delta.as_deref(),
                revoked: &listed,
            }
            .build()?;
            let der = self.complete(issuer.key, &unsigned)?;
            self.forget_lists(&lists, &list)?;
            return Ok(der);
        }
        Err(Kind::Conflict
            .because(format!("other processes keep making lists of authority {authority}"))
            .advise("try again"))
    }

    /// The lists that an authority made, by number.
    fn lists(&self, authority: &KeyName) -> Result<Vec<List>> {
        let mut lists: Vec<List> = self.book(Book::Lists)?;
        lists.retain(|list| list.authority == *authority);
        lists.sort_by_key(|list| list.number);
        Ok(lists)
    }

    /// What an authority revoked, by moment.
    fn revocations(&self, authority: &KeyName) -> Result<Vec<ListedRevocation>> {
        let revoked: Vec<Revocation> = self.book(Book::Revoked)?;
        let mine = revoked.into_iter().filter(|one| one.authority == *authority);
        let mut listed: Vec<ListedRevocation> = mine.map(|one| one.listed).collect();
        listed.sort_by_key(|one| (one.at, one.serial));
        Ok(listed)
    }

    /// How much an authority issued and revoked. Neither becomes less.
    fn counts(&self, authority: &KeyName, revoked: usize, lists: &[List]) -> Result<(u32, u32)> {
        let issued: Vec<Issued> = self.book(Book::Issued)?;
        let issued = issued.iter().filter(|one| one.authority == *authority).count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let counts = (number(issued), number(revoked));
        for list in lists {
            if counts.0 < list.counts.0 || counts.1 < list.counts.1 {
                return Err(Kind::NotAuthentic
                    .because(format!(
                        "authority {authority}: {} certificates and {} revocations, but there were \
                         {} and {} when list {} was made",
                        counts.0, counts.1, list.counts.0, list.counts.1, list.number
                    ))
                    .advise(
                        "somebody removed entries of the register: restore the token's backup",
                    ));
            }
        }
        Ok(counts)
    }

    /// Removes the entries that no later list needs: those of lists that were due again before this
    /// one was made. `lists` are those before it.
    fn forget_lists(&self, lists: &[List], made: &List) -> Result<()> {
        let old = |list: &&List| list.updates.1 < made.updates.0 && made.base != Some(list.number);
        for list in lists.iter().filter(old) {
            self.registry.remove(Book::Lists, &List::entry_name(&list.authority, list.number))?;
        }
        Ok(())
    }
}

/// The full list that a delta completes: the oldest one that is current, so that it fits whichever
/// one somebody has (RFC 5280, 5.2.4), also when an interruption kept the newest from everybody.
fn base_of(lists: &[List], now: Timestamp) -> Option<&List> {
    let mut fulls = lists.iter().filter(|list| list.base.is_none());
    let current = fulls.clone().find(|list| list.updates.1 >= now);
    current.or_else(|| fulls.next_back())
}

fn no_full(authority: &KeyName) -> crate::Error {
    Kind::Refused
        .because(format!("authority {authority} has made no full list yet"))
        .advise(format!("make one first: keyway ca crl --ca {authority}"))
}
