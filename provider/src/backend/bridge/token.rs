//! A token of another PKCS#11 module, as a token of ours.

use std::sync::Arc;

use once_cell::sync::OnceCell;
use pkcs11_sys as ck;
use zeroize::Zeroizing;

use super::change::changed_meanwhile;
use super::inner::Inner;
use super::key::BridgeKey;
use super::pool::Pinned;
use super::supplied::temporary;
use super::{mechanisms, read, supplied, template};
use crate::attribute::rule::Act;
use crate::attribute::{AttributeType, Attributes, ObjectClass};
use crate::backend::{
    Found, Key, MaterialKey, Object, ObjectId, Operation, Origins, Pin, PinState, Snapshot, Token,
    TokenInfo, User, View,
};
use crate::engine::rsa_outline::Outline;
use crate::engine::{self, random};
use crate::error::{Code, Error, Result};
use crate::ffi::inner::{Call, InnerToken};
use crate::mechanism::set::Legacy;
use crate::mechanism::{Function, Mechanism, MechanismSpec, MechanismType, Params};
use crate::object::Wanted;
use crate::policy::Policy;

/// One inner token.
pub struct BridgeToken {
    inner: Arc<Inner>,
    legacy: Legacy,
    policy: Policy,
    rows: OnceCell<Vec<&'static MechanismSpec>>,
}

impl BridgeToken {
    pub(super) fn new(inner: Arc<Inner>, legacy: Legacy, policy: Policy) -> Self {
        Self { inner, legacy, policy, rows: OnceCell::new() }
    }

    /// An empty PIN is one for the token's own keypad; without one it is `wrong`.
    fn admit_pin(&self, pin: Pin<'_>, wrong: Code) -> Result<()> {
        #[allow(clippy::useless_conversion)] // 32 bits wide on some platforms
        let keypad = u64::from(ck::CKF_PROTECTED_AUTHENTICATION_PATH);
        match pin.0.is_empty() && self.inner.pool.link()?.token.flags & keypad == 0 {
            true => Err(wrong.because("the PIN is empty, and the token has no keypad")),
            false => Ok(()),
        }
    }

    /// The identity of an object, if the inner token has it.
    fn theirs(&self, attributes: &Attributes) -> Option<ObjectId> {
        read::named(attributes).ok().filter(|id| self.inner.objects.has(*id))
    }

    /// What a wrapping is composed of that the inner token lacks.
    fn base(&self, spec: &MechanismSpec, function: Function) -> Option<MechanismType> {
        let announced = self.inner.mechanisms().ok()?;
        let flag = mechanisms::flag(function);
        supplied::base(spec.id, function, |id| mechanisms::announces(announced, id, flag))
    }

    /// What a module says in words of its own of a key that it cannot unwrap.
    fn damaged(&self, error: Error) -> Error {
        match self.inner.pool.place.profile.damaged_on.contains(&error.code()) {
            true => error.with_code(Code::WrappedKeyInvalid),
            false => error,
        }
    }

    /// The attributes for a template of the inner token.
    ///
    /// # Errors
    /// TemplateInconsistent for what it cannot keep, or the configuration holds back.
    pub(super) fn template(&self, attributes: &Attributes, act: Act) -> Result<Attributes> {
        self.inner.objects.gate.admit(attributes)?;
        template::for_inner(attributes, act, &self.inner.pool.place.profile)
    }

    /// The inner handles of the keys that a mechanism names.
    fn keys(&self, session: &Pinned, mechanism: &Mechanism<'_>) -> Result<Vec<u64>> {
        let handle = |object: &Arc<Object>| self.inner.objects.handle(session, object.id);
        mechanism.keys.iter().map(handle).collect()
    }

    /// Makes one secret key out of another.
    fn derive_one(
        &self,
        mechanism: &Mechanism<'_>,
        from: ObjectId,
        wanted: &Attributes,
    ) -> Result<Arc<Object>> {
        let template = self.template(wanted, Act::Derive)?;
        // The handles are looked up on a session of their own: they hold for every session.
        let (base, keys) = self.inner.pool.again(|session| {
            let base = self.inner.objects.handle(session, from)?;
            Ok((base, self.keys(session, mechanism)?))
        })?;
        let call = Call { id: mechanism.spec.id, params: &mechanism.params, keys: &keys };
        let [key] =
            self.inner.make([wanted], |session| Ok([session.derive(&call, base, &template)?]))?;
        Ok(key)
    }
}

impl Token for BridgeToken {
    fn info(&self) -> Result<TokenInfo> {
        self.inner.pool.ask(|link| link.library.token(link.slot)).map(told)
    }

    fn is_present(&self) -> bool {
        match self.inner.pool.link() {
            Ok(_) => true,
            Err(e) => {
                log::warn!("{e}");
                false
            }
        }
    }

    fn is_open(&self) -> bool {
        self.inner.pool.place.pin_source.is_some()
    }

    fn mechanisms(&self) -> &[&'static MechanismSpec] {
        let rows: Result<_> = self.rows.get_or_try_init(|| {
            let announced = self.inner.mechanisms()?;
            let mut rows = mechanisms::rows(announced, self.legacy, self.policy);
            rows.retain(|row| self.inner.objects.gate.admits_mechanism(row.id));
            Ok(rows)
        });
        match rows {
            Ok(rows) => rows,
            Err(e) => {
                log::error!("{e}");
                &[]
            }
        }
    }

    fn origins(&self, row: &MechanismSpec) -> Option<Origins> {
        Some(mechanisms::origins(self.inner.mechanisms().ok()?, row))
    }

    fn initialize(&self, so_pin: Pin<'_>, label: &str) -> Result<()> {
        let link = self.inner.pool.link()?;
        self.inner.objects.forget_all();
        self.inner.pool.release();
        link.library.init_token(link.slot, so_pin.0, label)
    }

    fn init_pin(&self, pin: Pin<'_>) -> Result<()> {
        self.admit_pin(pin, Code::PinLenRange)?;
        self.inner.pool.anchored(|session, _| session.init_pin(pin.0))
    }

    fn set_pin(&self, _user: User, old: Pin<'_>, new: Pin<'_>) -> Result<()> {
        self.admit_pin(old, Code::PinIncorrect)?;
        self.admit_pin(new, Code::PinLenRange)?;
        self.inner.pool.set_pin(old, new)
    }

    fn login(&self, user: User, pin: Pin<'_>) -> Result<()> {
        if user == User::ContextSpecific {
            return self.inner.pool.confirm(pin);
        }
        if self.is_open() {
            drop(self.inner.pool.pin()?);
            return match user == User::User && self.inner.pool.knows(pin) {
                true => Ok(()),
                false => Err(Code::PinIncorrect
                    .because("the configuration opens this slot with another PIN")),
            };
        }
        self.admit_pin(pin, Code::PinIncorrect)?;
        self.inner.pool.login(user, pin)?;
        self.inner.objects.relist();
        Ok(())
    }

    fn logout(&self) -> Result<()> {
        if self.is_open() {
            return Ok(());
        }
        self.inner.objects.forget_private();
        self.inner.pool.logout();
        Ok(())
    }

    fn is_gone(&self) -> bool {
        self.inner.pool.is_dropped()
    }

    fn find(&self, query: &Attributes, view: View) -> Result<Vec<Found>> {
        self.inner.pool.again(|session| self.inner.objects.find(session, query, view))
    }

    fn object(&self, id: ObjectId, view: View) -> Result<Option<Arc<Object>>> {
        Ok(self.inner.objects.object(id, view))
    }

    fn refresh(&self, object: &Object) -> Result<()> {
        if !self.inner.objects.is_due(object) {
            return Ok(());
        }
        // The caller's own operation may hold the last session.
        self.inner.pool.if_free(|session| self.inner.objects.reread(session, object)).map(drop)
    }

    fn create(&self, mut attributes: Attributes) -> Result<Arc<Object>> {
        let hidden = attributes.class().is_some_and(|class| {
            [ObjectClass::SECRET_KEY, ObjectClass::PRIVATE_KEY].contains(&class)
        });
        // What nobody hides and nobody keeps is used here.
        if !hidden && !attributes.is_true(AttributeType::TOKEN) {
            engine::complete(&mut attributes)?;
            let id = ObjectId::random()?;
            read::name(&mut attributes, id);
            return Ok(Arc::new(Object::new(id, attributes, 0, 0)));
        }
        let template = self.template(&attributes, Act::Create)?;
        // No inner token has to be trusted with a key that is none.
        engine::complete(&mut attributes)?;
        let [made] = self.inner.make([&attributes], |session| Ok([session.create(&template)?]))?;
        Ok(made)
    }

    fn copy(&self, original: &Snapshot, attributes: Attributes) -> Result<Arc<Object>> {
        let Some(id) = self.theirs(&original.attributes) else { return self.create(attributes) };
        self.inner.objects.gate.admit(&attributes)?;
        let profile = &self.inner.pool.place.profile;
        let mut template = template::changed(&original.attributes, &attributes, profile)?;
        // SoftHSM2 takes no template without a row.
        if let Some(label) = attributes.find(AttributeType::LABEL).filter(|_| template.is_empty()) {
            template.set(AttributeType::LABEL, label.clone());
        }
        let from = self.inner.pool.again(|session| self.inner.objects.handle(session, id))?;
        let [made] =
            self.inner.make([&attributes], |session| Ok([session.copy(from, &template)?]))?;
        Ok(made)
    }

    fn update(&self, object: &Object, base: &Arc<Snapshot>, attributes: Attributes) -> Result<()> {
        if self.theirs(&base.attributes).is_none() {
            return object.replace_if(base, attributes).then_some(()).ok_or_else(changed_meanwhile);
        }
        self.inner.objects.gate.admit(&attributes)?;
        let profile = &self.inner.pool.place.profile;
        let template = template::changed(&base.attributes, &attributes, profile)?;
        match base.attributes.is_true(AttributeType::TOKEN) {
            true => self.inner.change(object, base, &attributes, &template),
            false => self.inner.change_session_object(object, base, attributes, &template),
        }
    }

    fn destroy(&self, object: &Object) -> Result<()> {
        if self.theirs(&object.snapshot().attributes).is_some() {
            self.inner.destroy(object)?;
        }
        object.mark_destroyed();
        Ok(())
    }

    fn generate(&self, mechanism: &Mechanism<'_>, key: Attributes) -> Result<Arc<Object>> {
        let template = self.template(&key, Act::Generate)?;
        let call = Call { id: mechanism.spec.id, params: &mechanism.params, keys: &[] };
        let [made] =
            self.inner.make([&key], |session| Ok([session.generate(&call, &template)?]))?;
        Ok(made)
    }

    fn generate_pair(
        &self,
        mechanism: &Mechanism<'_>,
        public: Attributes,
        private: Attributes,
    ) -> Result<(Arc<Object>, Arc<Object>)> {
        let outer = self.template(&public, Act::Generate)?;
        let hidden = self.template(&private, Act::Generate)?;
        let call = Call { id: mechanism.spec.id, params: &mechanism.params, keys: &[] };
        let [public, private] = self.inner.make([&public, &private], |session| {
            let (public, private) = session.generate_pair(&call, &outer, &hidden)?;
            Ok([public, private])
        })?;
        Ok((public, private))
    }

    fn key(&self, attributes: &Attributes) -> Result<Arc<dyn Key>> {
        match self.theirs(attributes) {
            Some(id) => BridgeKey::import(&self.inner, id, attributes),
            None => Ok(Arc::new(MaterialKey::import(attributes)?)),
        }
    }

    fn digest(&self, mechanism: &Mechanism<'_>) -> Result<Operation> {
        let spec = mechanism.spec;
        let start = spec.digest.ok_or_else(|| {
            Code::MechanismInvalid.because(format!("{} does not digest", spec.name()))
        })?;
        start()
    }

    fn wrap(&self, mechanism: &Mechanism<'_>, with: &Snapshot, what: &Snapshot) -> Result<Vec<u8>> {
        let what = read::named(&what.attributes)?;
        if let Params::RsaAesWrap(params) = &mechanism.params
            && let Some(base) = self.base(mechanism.spec, Function::Wrap)
        {
            return temporary::wrap(&self.inner, base, params, &with.attributes, what);
        }
        let objects = &self.inner.objects;
        if let Some(with) = self.theirs(&with.attributes) {
            return self.inner.pool.again(|session| {
                let keys = self.keys(session, mechanism)?;
                let call = Call { id: mechanism.spec.id, params: &mechanism.params, keys: &keys };
                session.wrap(&call, objects.handle(session, with)?, objects.handle(session, what)?)
            });
        }
        // A public key that is only here is lent to the inner token for the one call.
        let template = self.template(&with.attributes, Act::Create)?;
        self.inner.pool.again(|session| {
            let keys = self.keys(session, mechanism)?;
            let call = Call { id: mechanism.spec.id, params: &mechanism.params, keys: &keys };
            let what = objects.handle(session, what)?;
            let with = session.create(&template)?;
            let wrapped = session.wrap(&call, with, what);
            if let Err(e) = session.destroy(with) {
                log::debug!("a public key that was lent: {e}");
            }
            wrapped
        })
    }

    fn unwrap(
        &self,
        mechanism: &Mechanism<'_>,
        with: &Snapshot,
        wrapped: &[u8],
        attributes: Attributes,
    ) -> Result<Arc<Object>> {
        let template = self.template(&attributes, Act::Unwrap)?;
        if let Params::RsaAesWrap(params) = &mechanism.params
            && let Some(base) = self.base(mechanism.spec, Function::Unwrap)
        {
            let modulus = Outline::of(&with.attributes)?.size();
            let opened = temporary::open(base, params, &**with.key(self)?, modulus, wrapped)?;
            let [made] = self.inner.make([&attributes], |session| {
                Ok([opened.unwrap(session, &template).map_err(|e| self.damaged(e))?])
            })?;
            return Ok(made);
        }
        let with = read::named(&with.attributes)?;
        let with = self.inner.pool.again(|session| self.inner.objects.handle(session, with))?;
        let call = Call { id: mechanism.spec.id, params: &mechanism.params, keys: &[] };
        let [made] = self.inner.make([&attributes], |session| {
            let made = session.unwrap(&call, with, wrapped, &template);
            Ok([made.map_err(|e| self.damaged(e))?])
        })?;
        Ok(made)
    }

    fn derive(
        &self,
        mechanism: &Mechanism<'_>,
        from: &Snapshot,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Arc<Object>>> {
        let from = read::named(&from.attributes)?;
        match &wanted[..] {
            [one] => Ok(vec![self.derive_one(mechanism, from, &one.attributes)?]),
            _ => Err(Code::MechanismInvalid.because(format!(
                "{} makes several keys at once, which does not go through a bridge",
                mechanism.spec.name()
            ))),
        }
    }

    /// The inner token's random bytes and our engine's, so that a weak source of one does no harm.
    fn random(&self, out: &mut [u8]) -> Result<()> {
        random::fill(out)?;
        let mut theirs = Zeroizing::new(vec![0; out.len()]);
        self.inner.pool.again(|session| session.random(&mut theirs))?;
        out.iter_mut().zip(theirs.iter()).for_each(|(ours, theirs)| *ours ^= theirs);
        Ok(())
    }

    fn seed_random(&self, seed: &[u8]) -> Result<()> {
        random::seed(seed);
        self.inner.pool.again(|session| session.seed(seed))
    }
}

/// What the inner token says of itself.
fn told(token: InnerToken) -> TokenInfo {
    #[allow(clippy::useless_conversion)] // 32 bits wide on some platforms
    let is = |flag: ck::CK_FLAGS| token.flags & u64::from(flag) != 0;
    let state = |low, last, locked| match (is(locked), is(last), is(low)) {
        (true, ..) => PinState::Locked,
        (_, true, _) => PinState::FinalTry,
        (_, _, true) => PinState::CountLow,
        _ => PinState::Fine,
    };
    TokenInfo {
        initialized: is(ck::CKF_TOKEN_INITIALIZED),
        user_pin_initialized: is(ck::CKF_USER_PIN_INITIALIZED),
        write_protected: is(ck::CKF_WRITE_PROTECTED),
        so_pin: state(ck::CKF_SO_PIN_COUNT_LOW, ck::CKF_SO_PIN_FINAL_TRY, ck::CKF_SO_PIN_LOCKED),
        user_pin: state(
            ck::CKF_USER_PIN_COUNT_LOW,
            ck::CKF_USER_PIN_FINAL_TRY,
            ck::CKF_USER_PIN_LOCKED,
        ),
        manufacturer: token.manufacturer,
        pin_lengths: token.pin_length,
        label: token.label,
        model: token.model,
        serial: token.serial,
    }
}
