//! Several inner tokens as one token of ours.

use std::sync::Arc;

use once_cell::sync::OnceCell;
use pkcs11_sys as ck;

use super::key::ReplicatedKey;
use super::member::Member;
use super::passage;
use super::set::{Set, carried_over};
use crate::attribute::{AttributeType, Attributes, ObjectClass};
use crate::backend::bridge::mechanisms;
use crate::backend::{
    Found, Key, MaterialKey, Object, ObjectId, Operation, Origins, Pin, Snapshot, Token, TokenInfo,
    User, View,
};
use crate::error::{Code, Result};
use crate::ffi::inner::InnerMechanism;
use crate::mechanism::set::Legacy;
use crate::mechanism::{Mechanism, MechanismSpec};
use crate::object::Wanted;
use crate::policy::Policy;

/// Tokens that one slot shows as one.
pub struct ReplicatedToken {
    set: Arc<Set>,
    legacy: Legacy,
    policy: Policy,
    /// What they offer together, by which of them were asked: a bit each.
    offers: Vec<OnceCell<Offer>>,
}

/// What every token can do.
struct Offer {
    announced: Vec<InnerMechanism>,
    rows: Vec<&'static MechanismSpec>,
}

impl ReplicatedToken {
    pub(in super::super) fn new(
        members: Vec<Member>,
        refresh: std::time::Duration,
        legacy: Legacy,
        policy: Policy,
    ) -> Self {
        let offers = (0..1 << members.len()).map(|_| OnceCell::new()).collect();
        Self { set: Arc::new(Set::new(members, refresh)), legacy, policy, offers }
    }

    fn first(&self) -> &Member {
        &self.set.members[0]
    }

    fn token(&self, at: usize) -> &dyn Token {
        &self.set.members[at].token
    }

    /// What the tokens can do that say so now, or said so before.
    fn offer(&self) -> Option<&Offer> {
        let members = self.set.members.iter().enumerate();
        let answers: Vec<_> = members
            .filter(|(_, member)| member.inner.is_known() || member.health.is_to_be_asked())
            .filter_map(|(at, member)| match member.inner.mechanisms() {
                Ok(announced) => Some((at, announced)),
                Err(e) => {
                    member.failed(&e);
                    None
                }
            })
            .collect();
        let (first, rest) = answers.split_first()?;
        let asked = answers.iter().fold(0, |asked, (at, _)| asked | 1 << at);
        Some(self.offers[asked].get_or_init(|| {
            let announced = rest
                .iter()
                .fold(first.1.to_vec(), |common, (_, announced)| common_to(&common, announced));
            let mut rows = mechanisms::rows(&announced, self.legacy, self.policy);
            let gate = &self.first().inner.objects.gate;
            rows.retain(|row| gate.admits_mechanism(row.id));
            Offer { announced, rows }
        }))
    }

    /// An object that one token makes for the session.
    fn lend(&self, (at, made): (usize, Arc<Object>)) -> Result<Arc<Object>> {
        self.set.table().add(&[(at, made)])
    }
}

/// The mechanisms that both have, with what both do with them.
fn common_to(one: &[InnerMechanism], other: &[InnerMechanism]) -> Vec<InnerMechanism> {
    let both = one.iter().filter_map(|row| {
        let at = other.binary_search_by_key(&row.id, |row| row.id).ok()?;
        let other = &other[at];
        let sizes = (row.sizes.0.max(other.sizes.0), row.sizes.1.min(other.sizes.1));
        Some(InnerMechanism { id: row.id, sizes, flags: row.flags & other.flags })
    });
    #[allow(clippy::useless_conversion)] // 32 bits wide on some platforms
    let does = |row: &InnerMechanism| row.flags & !u64::from(ck::CKF_HW) != 0;
    both.filter(does).collect()
}

impl Token for ReplicatedToken {
    /// Label and serial number are the first token's, the rest is that of the first that answers.
    fn info(&self) -> Result<TokenInfo> {
        let first = self.first();
        let mut info = self.set.any(|at| self.set.members[at].info())?;
        match first.told() {
            Some(told) => (info.label, info.serial) = (told.label, told.serial),
            None => {
                let wanted = &first.inner.pool.place.wanted;
                info.label = wanted.label.clone().unwrap_or(info.label);
                info.serial = wanted.serial.clone().unwrap_or(info.serial);
            }
        }
        Ok(info)
    }

    fn is_present(&self) -> bool {
        match self.set.any(|at| self.set.members[at].inner.pool.link().map(drop)) {
            Ok(()) => true,
            Err(e) => {
                log::warn!("{e}");
                false
            }
        }
    }

    fn is_open(&self) -> bool {
        self.set.is_open()
    }

    fn mechanisms(&self) -> &[&'static MechanismSpec] {
        match self.offer() {
            Some(offer) => &offer.rows,
            None => {
                log::error!("{}: no token of the slot says what it can do", self.first());
                &[]
            }
        }
    }

    fn origins(&self, row: &MechanismSpec) -> Option<Origins> {
        Some(mechanisms::origins(&self.offer()?.announced, row))
    }

    /// That would destroy what the tokens hold one after another.
    fn initialize(&self, _so_pin: Pin<'_>, _label: &str) -> Result<()> {
        Err(Code::FunctionNotSupported.because(
            "the slot has several tokens: initialise each of them with its own module's tools",
        ))
    }

    fn init_pin(&self, pin: Pin<'_>) -> Result<()> {
        self.set.init_pin(pin)
    }

    fn set_pin(&self, user: User, old: Pin<'_>, new: Pin<'_>) -> Result<()> {
        self.set.set_pin(user, old, new)
    }

    fn login(&self, user: User, pin: Pin<'_>) -> Result<()> {
        self.set.login(user, pin)
    }

    fn logout(&self) -> Result<()> {
        if !self.is_open() {
            self.set.logout();
        }
        Ok(())
    }

    fn is_gone(&self) -> bool {
        self.set.members.iter().all(Member::is_out)
    }

    fn find(&self, query: &Attributes, view: View) -> Result<Vec<Found>> {
        let (at, found) = self.set.any(|at| {
            let query = self.set.query(at, query);
            Ok((at, self.token(at).find(&query, view)?))
        })?;
        self.set.told(at, found)
    }

    fn object(&self, id: ObjectId, view: View) -> Result<Option<Arc<Object>>> {
        let object = self.set.table().object(id).map(|(object, _)| object);
        Ok(object.filter(|object| view == View::All || !object.snapshot().is_private()))
    }

    fn refresh(&self, object: &Object) -> Result<()> {
        self.set.refresh(object)
    }

    fn create(&self, attributes: Attributes) -> Result<Arc<Object>> {
        if attributes.is_true(AttributeType::TOKEN) {
            let [made] =
                self.set.make_on_all(|at| Ok([self.token(at).create(attributes.clone())?]))?;
            return Ok(made);
        }
        let hidden = super::same::is_hidden(&attributes);
        let (at, made) = self.set.any(|at| Ok((at, self.token(at).create(attributes.clone())?)))?;
        match hidden {
            true => self.lend((at, made)),
            // The engine's own.
            false => Ok(made),
        }
    }

    fn copy(&self, original: &Snapshot, attributes: Attributes) -> Result<Arc<Object>> {
        let Some(same) = self.set.same_of(&original.attributes) else {
            return self.create(attributes);
        };
        let copy = |at: usize, theirs: &Object| {
            let snapshot = theirs.snapshot();
            let wanted = carried_over(&snapshot.attributes, &original.attributes, &attributes);
            self.token(at).copy(&snapshot, wanted)
        };
        if !attributes.is_true(AttributeType::TOKEN) {
            let copied = self.set.using(&same, |at, theirs| Ok((at, copy(at, theirs)?)))?;
            return self.lend(copied);
        }
        if !same.durable {
            return match super::same::is_hidden(&attributes) {
                true => passage::keep(&self.set, &same, &attributes),
                false => self.create(attributes),
            };
        }
        same.look_again();
        let [made] = self.set.make_on_all(|at| Ok([copy(at, &*self.set.there(&same, at)?)?]))?;
        Ok(made)
    }

    fn update(&self, object: &Object, base: &Arc<Snapshot>, attributes: Attributes) -> Result<()> {
        match self.set.same_of(&base.attributes) {
            Some(same) => self.set.update(&same, object, base, &attributes),
            None => object
                .replace_if(base, attributes)
                .then_some(())
                .ok_or_else(|| Code::FunctionFailed.because("somebody else changed it: try again")),
        }
    }

    fn destroy(&self, object: &Object) -> Result<()> {
        match self.set.same_of(&object.snapshot().attributes) {
            Some(same) => self.set.destroy(&same, object),
            None => {
                object.mark_destroyed();
                Ok(())
            }
        }
    }

    fn generate(&self, mechanism: &Mechanism<'_>, key: Attributes) -> Result<Arc<Object>> {
        if key.is_true(AttributeType::TOKEN) {
            return passage::generate(&self.set, mechanism, &key);
        }
        let make = |at: usize| Ok((at, self.token(at).generate(mechanism, key.clone())?));
        self.lend(self.set.any(make)?)
    }

    fn generate_pair(
        &self,
        mechanism: &Mechanism<'_>,
        public: Attributes,
        private: Attributes,
    ) -> Result<(Arc<Object>, Arc<Object>)> {
        if public.is_true(AttributeType::TOKEN) || private.is_true(AttributeType::TOKEN) {
            return passage::generate_pair(&self.set, mechanism, &public, &private);
        }
        let (at, (public, private)) = self.set.any(|at| {
            let (public, private) = (public.clone(), private.clone());
            Ok((at, self.token(at).generate_pair(mechanism, public, private)?))
        })?;
        Ok((self.lend((at, public))?, self.lend((at, private))?))
    }

    fn key(&self, attributes: &Attributes) -> Result<Arc<dyn Key>> {
        let Some(same) = self.set.same_of(attributes) else {
            return Ok(Arc::new(MaterialKey::import(attributes)?));
        };
        match attributes.class().is_some_and(ObjectClass::is_key) {
            true => Ok(Arc::new(ReplicatedKey::new(&self.set, same))),
            false => Err(Code::KeyTypeInconsistent.because("the object is no key")),
        }
    }

    fn digest(&self, mechanism: &Mechanism<'_>) -> Result<Operation> {
        self.first().token.digest(mechanism)
    }

    fn wrap(&self, mechanism: &Mechanism<'_>, with: &Snapshot, what: &Snapshot) -> Result<Vec<u8>> {
        let wrap = |at: usize, what: &Snapshot| {
            let mechanism = self.set.mechanism_on(at, mechanism)?;
            self.set.snapshot_on(at, with, |with| self.token(at).wrap(&mechanism, with, what))
        };
        match self.set.same_of(&what.attributes) {
            Some(what) => self.set.using(&what, |at, what| wrap(at, &what.snapshot())),
            None => self.set.any(|at| wrap(at, what)),
        }
    }

    fn unwrap(
        &self,
        mechanism: &Mechanism<'_>,
        with: &Snapshot,
        wrapped: &[u8],
        attributes: Attributes,
    ) -> Result<Arc<Object>> {
        let unwrap = |at: usize| {
            let mechanism = self.set.mechanism_on(at, mechanism)?;
            self.set.snapshot_on(at, with, |with| {
                self.token(at).unwrap(&mechanism, with, wrapped, attributes.clone())
            })
        };
        if attributes.is_true(AttributeType::TOKEN) {
            let [made] = self.set.make_on_all(|at| Ok([unwrap(at)?]))?;
            return Ok(made);
        }
        self.lend(self.set.any(|at| Ok((at, unwrap(at)?)))?)
    }

    fn derive(
        &self,
        mechanism: &Mechanism<'_>,
        from: &Snapshot,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Arc<Object>>> {
        let derive = |at: usize| {
            let mechanism = self.set.mechanism_on(at, mechanism)?;
            let copied = |wanted: &Wanted| Wanted {
                attributes: wanted.attributes.clone(),
                length: wanted.length,
            };
            self.set.snapshot_on(at, from, |from| {
                let made =
                    self.token(at).derive(&mechanism, from, wanted.iter().map(copied).collect())?;
                let one: std::result::Result<[Arc<Object>; 1], _> = made.try_into();
                one.map_err(|_| Code::MechanismInvalid.because("it makes several keys at once"))
            })
        };
        let durable = wanted.iter().any(|one| one.attributes.is_true(AttributeType::TOKEN));
        if durable {
            let [made] = self.set.make_on_all(derive)?;
            return Ok(vec![made]);
        }
        let (at, [made]) = self.set.any(|at| Ok((at, derive(at)?)))?;
        Ok(vec![self.lend((at, made))?])
    }

    fn random(&self, out: &mut [u8]) -> Result<()> {
        self.set.any(|at| self.token(at).random(out))
    }

    fn seed_random(&self, seed: &[u8]) -> Result<()> {
        self.set.any(|at| self.token(at).seed_random(seed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::MechanismType;

    #[test]
    fn the_slot_does_what_every_token_does() {
        let row = |id, sizes, flags| InnerMechanism { id, sizes, flags };
        let one = [
            row(MechanismType::RSA_PKCS, (1024, 4096), 0x2800),
            row(MechanismType::ECDSA, (256, 521), 0x801),
            row(MechanismType::AES_GCM, (16, 32), 0x300),
        ];
        let other = [
            row(MechanismType::RSA_PKCS, (2048, 8192), 0x0800),
            row(MechanismType::ECDSA, (256, 384), 0x001),
        ];
        let mut sorted = one;
        sorted.sort_by_key(|row| row.id);
        let common = common_to(&sorted, &other);
        assert_eq!(common, [row(MechanismType::RSA_PKCS, (2048, 4096), 0x0800)]);
    }
}
