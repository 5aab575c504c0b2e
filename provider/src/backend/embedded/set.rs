//! The seal over the set of rows: a keyed additive digest (`docs/store-format.md`, "The set of
//! rows"; Clarke et al., "Incremental Multiset Hash Functions", MSet-Add-Hash).
//!
//! The digest of a set is the sum of one keyed hash a member, so a transaction moves it by what it
//! changes. It is stored masked: sums in clear would tell the hash of each member, and enough of
//! those can be combined into the sum of another set.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::identity::Identity;
use super::keys::Keys;
use super::token::EmbeddedToken;
use crate::engine::random;
use crate::error::{Code, Error, Result};
use crate::ffi::awslc::sealing::{self, KEY};
use crate::ffi::clock;
use crate::secret::Secret;
use crate::store::event::EventKind;
use crate::store::{
    Change, CommitError, Cost, Delta, Event, Form, Head, Instance, Loose, Member, Survey,
};

/// What makes the seals of one token.
pub(super) struct SetKey {
    key: Secret,
    instance: Instance,
}

/// What a seal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    pub(super) count: u64,
    sum: Sum,
    /// The newest event when the seal was made.
    pub(super) head: Head,
}

/// A number modulo 2^256: four digits, the lowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum([u64; 4]);

/// Tokens of up to as many objects are compared with their seal at each login, larger ones by a
/// check only.
pub(super) const AT_LOGIN: u64 = 4096;

/// The first byte: what follows is laid out as below.
const LAYOUT: u8 = 1;
const NONCE: usize = 16;
/// Layout, nonce, count, masked sum, sequence, chain.
const BODY: usize = 1 + NONCE + 8 + 32 + 8 + 32;
const MAC: usize = 32;

impl SetKey {
    pub(super) fn new(key: Secret, instance: Instance) -> Self {
        Self { key, instance }
    }

    /// The seal after `delta`, from the stored one before it.
    ///
    /// # Errors
    /// DeviceError for a stored one that is damaged or missing.
    pub(super) fn advance(
        &self,
        stored: Option<&[u8]>,
        delta: &Delta,
        head: &Head,
    ) -> Result<Vec<u8>> {
        let mut seal = match (delta.anew, stored) {
            (true, _) => Seal { count: 0, sum: Sum::default(), head: *head },
            (false, Some(stored)) => self.open(stored)?,
            (false, None) => return Err(damaged("it is missing")),
        };
        for member in &delta.left {
            seal.sum = seal.sum.minus(self.hash(member)?);
            seal.count = seal.count.wrapping_sub(1);
        }
        for member in &delta.joined {
            seal.sum = seal.sum.plus(self.hash(member)?);
            seal.count = seal.count.wrapping_add(1);
        }
        seal.head = *head;
        self.write(&seal)
    }

    /// # Errors
    /// DeviceError for one that this key did not make.
    pub(super) fn open(&self, stored: &[u8]) -> Result<Seal> {
        let (body, mac) =
            stored.split_last_chunk::<MAC>().ok_or_else(|| damaged("it is cut short"))?;
        let genuine = bool::from(self.mac(body)?.ct_eq(mac));
        let body: Option<&[u8; BODY]> = body.try_into().ok();
        let body = body.filter(|body| genuine && body[0] == LAYOUT);
        let body = body.ok_or_else(|| damaged("something other than Keyway changed it"))?;
        let (nonce, rest) = body[1..].split_at(NONCE);
        let (count, rest) = rest.split_at(8);
        let (masked, rest) = rest.split_at(32);
        let (sequence, chain) = rest.split_at(8);
        let cut = |_| damaged("it is cut short");
        Ok(Seal {
            count: u64::from_be_bytes(count.try_into().map_err(cut)?),
            sum: Sum::from_bytes(masked.try_into().map_err(cut)?).minus(self.mask(nonce)?),
            head: Head {
                sequence: u64::from_be_bytes(sequence.try_into().map_err(cut)?),
                chain: chain.try_into().map_err(cut)?,
            },
        })
    }

    fn write(&self, seal: &Seal) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        random::fill(&mut nonce)?;
        let mut stored = Vec::with_capacity(BODY + MAC);
        stored.push(LAYOUT);
        stored.extend(nonce);
        stored.extend(seal.count.to_be_bytes());
        stored.extend(seal.sum.plus(self.mask(&nonce)?).to_bytes());
        stored.extend(seal.head.sequence.to_be_bytes());
        stored.extend(seal.head.chain);
        stored.extend(self.mac(&stored)?);
        Ok(stored)
    }

    fn mac(&self, body: &[u8]) -> Result<[u8; MAC]> {
        sealing::hmac_sha256(&self.key, &[b"KWYS\x01seal", &self.instance.0, body])
    }

    fn mask(&self, nonce: &[u8]) -> Result<Sum> {
        let mask = sealing::hmac_sha256(&self.key, &[b"KWYS\x01mask", nonce])?;
        Ok(Sum::from_bytes(mask))
    }

    /// The hash of one member.
    fn hash(&self, member: &Member) -> Result<Sum> {
        let hash = match member {
            Member::Object { id, stamp } => sealing::hmac_sha256(
                &self.key,
                &[b"KWYS\x01object", &id.0, &stamp.version.to_be_bytes(), &[stamp.form as u8]],
            ),
            Member::Account { role, cost, salt, wrapped } => {
                let Cost { kibibytes, passes, lanes } = cost;
                let numbers = [*kibibytes, *passes, *lanes].map(u32::to_be_bytes);
                let parts: [&[u8]; 5] =
                    [b"KWYS\x01account", &[*role as u8], numbers.as_flattened(), salt, wrapped];
                sealing::hmac_sha256(&self.key, &parts)
            }
        };
        hash.map(Sum::from_bytes)
    }

    /// Holds what is stored against the seal.
    ///
    /// # Errors
    /// DeviceError, which says what does not fit.
    pub(super) fn verify(&self, survey: &Survey) -> Result<Seal> {
        let stored = survey.seal.as_deref().ok_or_else(|| damaged("it is missing"))?;
        let seal = self.open(stored)?;
        if let Some(id) = survey.damaged.first() {
            return Err(tampered(&format!("object {id:?} is not what its note says")));
        }
        let mut sum = Sum::default();
        let mut count = 0_u64;
        for member in vouched_for(survey)? {
            sum = sum.plus(self.hash(&member)?);
            count += 1;
        }
        if count != seal.count {
            let story = format!("it vouches for {} rows, {count} are there", seal.count);
            return Err(tampered(&story));
        }
        if sum != seal.sum {
            return Err(tampered("rows were exchanged or put back to an older version"));
        }
        match index_fits(survey) {
            true => Ok(seal),
            false => Err(tampered("the index over the objects does not fit them")),
        }
    }
}

/// The members that the seal has to vouch for: what was not touched without a login since, and for
/// the rest what it was before.
fn vouched_for(survey: &Survey) -> Result<Vec<Member>> {
    let loose: HashMap<_, _> = survey.loose.iter().map(|loose| (loose.id, loose.was)).collect();
    let mut members: Vec<_> = survey.accounts.iter().map(Member::of_account).collect();
    for (id, stamp, _) in &survey.objects {
        match loose.get(id) {
            None => members.push(Member::Object { id: *id, stamp: *stamp }),
            // Without a login nobody writes one of the other forms, and versions only go up.
            Some(was)
                if matches!(stamp.form, Form::Open | Form::Unattested)
                    && was.is_none_or(|was| was.version < stamp.version) => {}
            Some(_) => {
                return Err(tampered(&format!("object {id:?} is not what its note says")));
            }
        }
    }
    for Loose { id, was, .. } in &survey.loose {
        match was {
            Some(stamp) if stamp.form == Form::Private => {
                return Err(tampered(&format!("private object {id:?} changed without a login")));
            }
            Some(stamp) => members.push(Member::Object { id: *id, stamp: *stamp }),
            None => {}
        }
    }
    Ok(members)
}

/// Whether every object is found by its tags, and nothing else is.
pub(super) fn index_fits(survey: &Survey) -> bool {
    let tags = survey.objects.iter().flat_map(|(id, _, tags)| tags.iter().map(|tag| (*tag, *id)));
    let expected: BTreeSet<_> = tags.collect();
    expected.len() == survey.index.len() && survey.index.iter().all(|row| expected.contains(row))
}

impl EmbeddedToken {
    /// At a login: holds the set of rows against its seal. A token that an older version made gets
    /// one.
    ///
    /// # Errors
    /// DeviceError if rows were deleted, added, doubled or put back.
    pub(super) fn verify_set(&self, identity: &Identity, keys: &Arc<Keys>) -> Result<()> {
        if !self.adopt_if_old(identity, keys)? {
            return Ok(());
        }
        let Some(survey) = self.store.survey(AT_LOGIN)? else {
            log::debug!("more than {AT_LOGIN} objects: `keyway token check` verifies the set");
            return Ok(());
        };
        let seal = keys.set.verify(&survey)?;
        if seal.head.sequence > 0 {
            match self.store.events(seal.head.sequence, 1)?.first() {
                Some(event) if event.chain == seal.head.chain => tell_of_clock(event.at, identity),
                _ => log::error!(
                    "events of the token {:?} were cut off or changed: see `keyway token check`",
                    identity.label
                ),
            }
        }
        Ok(())
    }

    /// Seals the set of a token that an older version made, as it is found; whether there is a
    /// seal now.
    fn adopt_if_old(&self, identity: &Identity, keys: &Arc<Keys>) -> Result<bool> {
        for _ in 0..8 {
            let changes = self.adoption(identity, keys)?;
            if changes.is_empty() {
                return Ok(true);
            }
            if !self.store.writable()? {
                log::warn!("the token has no seal over its objects yet and cannot be written");
                return Ok(false);
            }
            let event = Event::of_token(EventKind::Adopted);
            match self.commit_as(identity, changes, vec![event], keys.clone()) {
                Ok(_) => return Ok(true),
                // Another process did it.
                Err(CommitError::Conflict) => {}
                Err(other) => return Err(self.explain(other)),
            }
        }
        Err(Code::FunctionFailed.because("the token record changes again and again"))
    }

    /// What seals the set of a token that an older version made; nothing if it has a seal.
    pub(super) fn adoption(&self, identity: &Identity, keys: &Keys) -> Result<Vec<Change>> {
        let record = self.store.token()?.ok_or_else(|| self.not_logged_in())?;
        if identity.authenticate(&record, keys)?.has_seal {
            return Ok(Vec::new());
        }
        let expected = record.version;
        // What is known of the token may be older than its root.
        let token = Identity::read(&record)?.write(expected + 1, keys)?;
        Ok(vec![Change::Adopt, Change::PutToken { token, expected }])
    }
}

impl Sum {
    fn from_bytes(bytes: [u8; KEY]) -> Self {
        let mut digits = [0; 4];
        for (digit, chunk) in digits.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *digit = u64::from_le_bytes(*chunk);
        }
        Self(digits)
    }

    fn to_bytes(self) -> [u8; KEY] {
        let mut bytes = [0; KEY];
        for (chunk, digit) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.0) {
            *chunk = digit.to_le_bytes();
        }
        bytes
    }

    fn plus(self, other: Self) -> Self {
        let mut carry = false;
        let mut sum = self.0;
        for (digit, more) in sum.iter_mut().zip(other.0) {
            let (once, first) = digit.overflowing_add(more);
            let (twice, second) = once.overflowing_add(u64::from(carry));
            (*digit, carry) = (twice, first || second);
        }
        Self(sum)
    }

    fn minus(self, other: Self) -> Self {
        let complement = Self(other.0.map(|digit| !digit)).plus(Self([1, 0, 0, 0]));
        self.plus(complement)
    }
}

/// Clocks of machines that share a token, and a clock that is corrected, differ by less.
const CLOCKS_DIFFER: u64 = 60 * 60;

/// Tells that the clock is behind a moment that has been, in milliseconds since 1970: the dates of
/// keys are held against it, and events are told with its times.
fn tell_of_clock(newest: u64, identity: &Identity) {
    let behind = (newest / 1000).saturating_sub(clock::seconds());
    if behind > CLOCKS_DIFFER {
        log::warn!(
            "the clock of this machine is {} hours behind the newest change of the token {:?}: \
             keys with dates may be refused, or not; set it: `timedatectl set-ntp true`",
            behind / (60 * 60),
            identity.label
        );
    }
}

fn damaged(what: &str) -> Error {
    Code::DeviceError.because(format!(
        "the seal over the token's objects is damaged ({what}): restore a backup, or see \
         `keyway token check`"
    ))
}

fn tampered(what: &str) -> Error {
    Code::DeviceError.because(format!(
        "the token's file was changed by something other than Keyway ({what}): restore a backup, \
         or see `keyway token check`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::ObjectId;
    use crate::store::Stamp;

    fn key(n: u8) -> SetKey {
        SetKey::new(Secret::copy_of(&[n; 32]), Instance([n; 16]))
    }

    fn object(id: u8, version: u64) -> Member {
        Member::Object { id: ObjectId([id; 16]), stamp: Stamp { version, form: Form::Private } }
    }

    #[test]
    fn what_leaves_undoes_what_joined_in_any_order() {
        let key = key(1);
        let head = Head { sequence: 3, chain: [3; 32] };
        let anew = Delta { anew: true, ..Delta::default() };
        let mut stored = key.advance(None, &anew, &head).unwrap();
        let mut step = |left: Vec<Member>, joined: Vec<Member>| {
            let delta = Delta { anew: false, left, joined };
            stored = key.advance(Some(&stored), &delta, &head).unwrap();
            key.open(&stored).unwrap()
        };
        let one = step(vec![], vec![object(1, 1)]);
        let both = step(vec![], vec![object(2, 1)]);
        assert_ne!(one.sum, both.sum);
        assert_eq!(step(vec![object(1, 1)], vec![object(1, 2)]).count, 2);
        assert_eq!(step(vec![object(1, 2)], vec![object(1, 1)]), both);
        assert_eq!(step(vec![object(2, 1)], vec![]), one);
        assert_eq!(one.head, head);
    }

    #[test]
    fn a_seal_of_other_keys_or_with_a_flipped_bit_is_refused() {
        let anew = Delta { anew: true, left: vec![], joined: vec![object(1, 1)] };
        let stored = key(1).advance(None, &anew, &Head::default()).unwrap();
        assert_eq!(key(2).open(&stored).unwrap_err().code(), Code::DeviceError);
        for bit in 0..8 * stored.len() {
            let mut flipped = stored.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(key(1).open(&flipped).unwrap_err().code(), Code::DeviceError);
        }
        assert!(key(1).advance(None, &Delta::default(), &Head::default()).is_err());
    }

    #[test]
    fn sums_are_modulo_two_to_the_256() {
        let most = Sum([u64::MAX; 4]);
        assert_eq!(most.plus(Sum([1, 0, 0, 0])), Sum::default());
        assert_eq!(Sum::default().minus(Sum([1, 0, 0, 0])), most);
        let some = Sum([u64::MAX, 0, 7, u64::MAX]);
        assert_eq!(some.plus(most).minus(most), some);
        assert_eq!(Sum::from_bytes(some.to_bytes()), some);
    }
}
