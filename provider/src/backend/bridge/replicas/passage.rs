//! The way of a new key to every token of a slot: made on one of them for the session, wrapped under
//! an AES key that exists for the one call, and unwrapped on each as it is to be. It is in the clear
//! in none but the tokens: the AES key comes to another token under a pair that this one made.

use std::sync::Arc;

use super::member::Member;
use super::same::Same;
use super::set::{Set, is_lost};
use crate::attribute::rule::Act;
use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use crate::backend::bridge::inner::Inner;
use crate::backend::bridge::mechanisms::flag;
use crate::backend::bridge::{identity, pool::Pinned};
use crate::backend::{Object, ObjectId, Token};
use crate::error::{Code, Error, Result};
use crate::ffi::inner::{Call, InnerSession};
use crate::mechanism::{Function, Hash, Mechanism, MechanismType, Params};

/// Bits of the pair that the AES key comes under.
const BITS: u64 = 3072;
/// 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];
/// Bytes of the AES key.
const KEY: u64 = 32;
/// For OAEP, the better one first; SoftHSM2 2.6.1 knows SHA-1 only.
const HASHES: [Hash; 2] = [Hash::Sha256, Hash::Sha1];

/// By what one token wraps and another unwraps. RFC 5649 first, which carries any key and goes by
/// two numbers; RFC 3394 carries whole blocks.
const WRAPS: [(MechanismType, MechanismType); 5] = [
    (MechanismType::AES_KEY_WRAP_KWP, MechanismType::AES_KEY_WRAP_KWP),
    (MechanismType::AES_KEY_WRAP_PAD, MechanismType::AES_KEY_WRAP_PAD),
    (MechanismType::AES_KEY_WRAP_KWP, MechanismType::AES_KEY_WRAP_PAD),
    (MechanismType::AES_KEY_WRAP_PAD, MechanismType::AES_KEY_WRAP_KWP),
    (MechanismType::AES_KEY_WRAP, MechanismType::AES_KEY_WRAP),
];

/// What of a template makes the key, and says nothing of its use.
const MAKING: [AttributeType; 10] = [
    AttributeType::CLASS,
    AttributeType::KEY_TYPE,
    AttributeType::VALUE_LEN,
    AttributeType::VALUE_BITS,
    AttributeType::MODULUS_BITS,
    AttributeType::PUBLIC_EXPONENT,
    AttributeType::EC_PARAMS,
    AttributeType::PRIME,
    AttributeType::SUBPRIME,
    AttributeType::BASE,
];

/// What a public key is.
const PUBLIC: [AttributeType; 8] = [
    AttributeType::MODULUS,
    AttributeType::PUBLIC_EXPONENT,
    AttributeType::EC_PARAMS,
    AttributeType::EC_POINT,
    AttributeType::PRIME,
    AttributeType::SUBPRIME,
    AttributeType::BASE,
    AttributeType::VALUE,
];

/// `C_GenerateKey` of a token object.
///
/// # Errors
/// DeviceError if a token cannot be reached, TemplateInconsistent if the key does not come to one;
/// what the token answers that makes it.
pub(super) fn generate(
    set: &Set,
    mechanism: &Mechanism<'_>,
    key: &Attributes,
) -> Result<Arc<Object>> {
    set.reach_all("no key is made")?;
    let source = &set.members[0];
    let template = original(&source.token.template(key, Act::Generate)?);
    let call = Call { id: mechanism.spec.id, params: &mechanism.params, keys: &[] };
    let made = Lent::make(&source.inner, |session| Ok([session.generate(&call, &template)?]))?;
    let passage = Passage::open(set, 0, Original::Lent(made))?;
    let [made] = set.make_on_all(|at| Ok([passage.unwrap(at, key)?]))?;
    Ok(made)
}

/// `C_GenerateKeyPair` with a token object: the public and the private half.
///
/// # Errors
/// As [`generate`].
pub(super) fn generate_pair(
    set: &Set,
    mechanism: &Mechanism<'_>,
    public: &Attributes,
    private: &Attributes,
) -> Result<(Arc<Object>, Arc<Object>)> {
    if !private.is_true(AttributeType::TOKEN) {
        return Err(Code::TemplateInconsistent.because(
            "a private key of the session is on one token of the slot, so its public key cannot \
             stay on all of them: make both for the session, or both token objects",
        ));
    }
    set.reach_all("no key is made")?;
    let source = &set.members[0];
    let mut outer = original(&source.token.template(public, Act::Generate)?);
    outer.set(AttributeType::PRIVATE, Value::Bool(false));
    outer.remove(AttributeType::SENSITIVE);
    outer.remove(AttributeType::EXTRACTABLE);
    let hidden = original(&source.token.template(private, Act::Generate)?);
    let call = Call { id: mechanism.spec.id, params: &mechanism.params, keys: &[] };
    let pair = Lent::make(&source.inner, |session| {
        let (public, private) = session.generate_pair(&call, &outer, &hidden)?;
        Ok([public, private])
    })?;
    let shown = pair.with(|session, [public, _]| session.read(*public, &PUBLIC))?;
    let public = with_material(public, shown);
    let passage = Passage::open(set, 0, Original::Private(pair))?;
    if !public.is_true(AttributeType::TOKEN) {
        let [made] = set.make_on_all(|at| Ok([passage.unwrap(at, private)?]))?;
        return Ok((source.token.create(public)?, made));
    }
    let [public, private] = set.make_on_all(|at| {
        let token = &set.members[at].token;
        let half = token.create(public.clone()).map_err(of_template)?;
        let other = passage.unwrap(at, private).inspect_err(|_| {
            if let Err(e) = token.destroy(&half) {
                log::error!("{}: a public key without its private one stays: {e}", set.members[at]);
            }
        })?;
        Ok([half, other])
    })?;
    Ok((public, private))
}

/// `C_CopyObject` of a key of the session, which one token has, to a token object.
///
/// # Errors
/// As [`generate`]; TemplateInconsistent also for a key with CKA_EXTRACTABLE false.
pub(super) fn keep(set: &Set, same: &Same, attributes: &Attributes) -> Result<Arc<Object>> {
    set.reach_all("no key is made")?;
    let places = 0..set.members.len();
    let mut there = places.filter_map(|at| same.on(at).map(|object| (at, object)));
    let gone = || Code::ObjectHandleInvalid.because(format!("{} is gone", same.name()));
    let (at, object) = there.next().ok_or_else(gone)?;
    let passage = Passage::open(set, at, Original::Theirs(object.id))?;
    let [made] = set.make_on_all(|at| Ok([passage.unwrap(at, attributes)?]))?;
    Ok(made)
}

/// The template of a key that is made to be wrapped.
fn original(template: &Attributes) -> Attributes {
    let mut original = picked(template, &MAKING);
    for (id, value) in [
        (AttributeType::TOKEN, false),
        (AttributeType::PRIVATE, true),
        (AttributeType::SENSITIVE, true),
        (AttributeType::EXTRACTABLE, true),
    ] {
        original.set(id, Value::Bool(value));
    }
    original
}

/// A public key as it is to be, with what the token that made it shows.
fn with_material(wanted: &Attributes, mut shown: Attributes) -> Attributes {
    for id in [AttributeType::CLASS, AttributeType::KEY_TYPE] {
        if let Some(value) = wanted.find(id) {
            shown.set(id, value.clone());
        }
    }
    // Gives the values the kinds that the class says.
    identity::complete(&mut shown);
    let mut public = wanted.clone();
    public.remove(AttributeType::MODULUS_BITS);
    for (id, value) in picked(&shown, &PUBLIC).iter() {
        public.set(id, value.clone());
    }
    public
}

fn picked(attributes: &Attributes, ids: &[AttributeType]) -> Attributes {
    let found = ids.iter().filter_map(|id| Some((*id, attributes.find(*id)?.clone())));
    found.filter(|(_, value)| value.as_bytes().is_none_or(|bytes| !bytes.is_empty())).collect()
}

/// Session objects of a token, for as long as this value lives.
struct Lent<'i, const N: usize> {
    inner: &'i Inner,
    handles: [u64; N],
    generation: u64,
}

impl<'i, const N: usize> Lent<'i, N> {
    /// Makes them in the session that lives as long as the connection.
    fn make(
        inner: &'i Inner,
        work: impl FnOnce(&InnerSession) -> Result<[u64; N]>,
    ) -> Result<Self> {
        let (handles, generation) =
            inner.pool.anchored(|session, generation| Ok((work(session)?, generation)))?;
        Ok(Self { inner, handles, generation })
    }

    /// Does something with them, once.
    fn with<T>(&self, work: impl FnOnce(&InnerSession, &[u64; N]) -> Result<T>) -> Result<T> {
        self.inner.pool.once(|session| {
            self.admit(session)?;
            work(session, &self.handles)
        })
    }

    /// After a restart the handles may stand for something else.
    fn admit(&self, session: &Pinned) -> Result<()> {
        match session.generation() == self.generation {
            true => Ok(()),
            false => Err(Code::DeviceError.because("the connection was lost meanwhile")),
        }
    }
}

impl<const N: usize> Drop for Lent<'_, N> {
    fn drop(&mut self) {
        let gone = self.with(|session, handles| {
            handles.iter().try_for_each(|handle| session.destroy(*handle))
        });
        if let Err(e) = gone {
            log::debug!("a key of a passage stays until its session ends: {e}");
        }
    }
}

/// The key that goes over.
enum Original<'i> {
    Lent(Lent<'i, 1>),
    /// The second half of a pair.
    Private(Lent<'i, 2>),
    /// A session object that the application has.
    Theirs(ObjectId),
}

/// The way from one token to all.
struct Passage<'s> {
    set: &'s Set,
    /// The place of the token that has the key.
    at: usize,
    original: Original<'s>,
    /// The AES key, on that token.
    by: Lent<'s, 1>,
}

impl<'s> Passage<'s> {
    fn open(set: &'s Set, at: usize, original: Original<'s>) -> Result<Self> {
        let template = one_time(&[AttributeType::WRAP, AttributeType::UNWRAP], true);
        let call = Call { id: MechanismType::AES_KEY_GEN, params: &Params::None, keys: &[] };
        let by = Lent::make(&set.members[at].inner, |session| {
            let mut template = template.clone();
            template.set(AttributeType::VALUE_LEN, Value::Number(KEY));
            Ok([session.generate(&call, &template)?])
        });
        Ok(Self { set, at, original, by: by.map_err(|e| refused(set, at, "makes no AES key", e))? })
    }

    /// Makes the key on a token, as it is to be.
    ///
    /// # Errors
    /// DeviceError for a token that is lost; TemplateInconsistent, with the reason, where the key
    /// does not go over; what the token says of the template.
    fn unwrap(&self, at: usize, wanted: &Attributes) -> Result<Arc<Object>> {
        let (source, target) = (&self.set.members[self.at], &self.set.members[at]);
        let mut template = target.token.template(wanted, Act::Unwrap)?;
        // What is wrapped says how long it is, and some tokens take no other word for it.
        template.remove(AttributeType::VALUE_LEN);
        let carried = if at == self.at { None } else { Some(self.carry(target)?) };
        let with = carried.as_ref().unwrap_or(&self.by);
        let mut failure: Option<Error> = None;
        for (wrap, unwrap) in WRAPS {
            if !has(source, wrap, Function::Wrap) || !has(target, unwrap, Function::Unwrap) {
                continue;
            }
            let made = self.wrapped(wrap).and_then(|wrapped| {
                let [made] = target.inner.make([wanted], |session| {
                    Ok([session.unwrap(&bare(unwrap), with.handles[0], &wrapped, &template)?])
                })?;
                Ok(made)
            });
            match made {
                Err(e) if is_lost(e.code()) => return Err(e),
                Err(e) => failure = failure.or(Some(of_template(e))),
                made => return made,
            }
        }
        Err(failure.unwrap_or_else(|| {
            Code::TemplateInconsistent.because(format!(
                "the key cannot be brought from {source} to {target}: they have no wrapping \
                 mechanism in common (CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD or \
                 CKM_AES_KEY_WRAP); a key of the session (CKA_TOKEN false) needs none"
            ))
        }))
    }

    fn wrapped(&self, id: MechanismType) -> Result<Vec<u8>> {
        let by = self.by.handles[0];
        let call = bare(id);
        match &self.original {
            Original::Lent(key) => key.with(|session, [key]| session.wrap(&call, by, *key)),
            Original::Private(pair) => {
                pair.with(|session, [_, private]| session.wrap(&call, by, *private))
            }
            Original::Theirs(id) => {
                let inner = &self.set.members[self.at].inner;
                inner.pool.once(|session| {
                    let key = inner.objects.handle(session, *id)?;
                    session.wrap(&call, by, key)
                })
            }
        }
    }

    /// Brings the AES key to another token.
    fn carry(&self, target: &'s Member) -> Result<Lent<'s, 1>> {
        let of_target = |what, e| self.refused(target, what, e);
        let pair = transport(&target.inner).map_err(|e| of_target("makes no RSA pair", e))?;
        let shown = pair.with(|session, [public, _]| {
            session.read(*public, &[AttributeType::MODULUS, AttributeType::PUBLIC_EXPONENT])
        })?;
        let source = &self.set.members[self.at];
        let public = Lent::make(&source.inner, |session| Ok([session.create(&wrapping(&shown))?]))
            .map_err(|e| self.refused(source, "takes no RSA key to wrap with", e))?;
        let template = one_time(&[AttributeType::UNWRAP], false);
        let mut failure = None;
        for hash in HASHES {
            let params = Params::Oaep { hash, mgf: hash, label: &[] };
            let call = Call { id: MechanismType::RSA_PKCS_OAEP, params: &params, keys: &[] };
            let wrapped = public
                .with(|session, [public]| session.wrap(&call, *public, self.by.handles[0]))
                .map_err(|e| self.refused(source, "does not wrap by OAEP", e));
            let carried = wrapped.and_then(|wrapped| {
                Lent::make(&target.inner, |session| {
                    Ok([session.unwrap(&call, pair.handles[1], &wrapped, &template)?])
                })
                .map_err(|e| of_target("does not unwrap by OAEP", e))
            });
            match carried {
                Err(e) if is_lost(e.code()) => return Err(e),
                Err(e) => failure = Some(e),
                carried => return carried,
            }
        }
        Err(failure.unwrap_or_else(|| Code::TemplateInconsistent.into()))
    }

    fn refused(&self, member: &Member, what: &str, error: Error) -> Error {
        let at = self.set.members.iter().position(|it| std::ptr::eq(it, member));
        refused(self.set, at.unwrap_or(self.at), what, error)
    }
}

/// Why no key goes over.
fn refused(set: &Set, at: usize, what: &str, error: Error) -> Error {
    match is_lost(error.code()) {
        true => error,
        false => Code::TemplateInconsistent.because(format!(
            "a new key cannot be brought to every token of the slot: {} {what}: {}; a key of the \
             session (CKA_TOKEN false) needs that not",
            set.members[at],
            error.context()
        )),
    }
}

/// What a token says of the key to be is the application's to know; what it says of the wrapping
/// comes under the code that generating has for it.
fn of_template(error: Error) -> Error {
    match error.code() {
        code if is_lost(code) => error,
        Code::AttributeValueInvalid
        | Code::AttributeTypeInvalid
        | Code::AttributeReadOnly
        | Code::TemplateIncomplete
        | Code::TemplateInconsistent
        | Code::SessionReadOnly
        | Code::TokenWriteProtected
        | Code::DeviceMemory
        | Code::HostMemory => error,
        _ => error.with_code(Code::TemplateInconsistent),
    }
}

fn has(member: &Member, id: MechanismType, function: Function) -> bool {
    member.inner.mechanism(id).is_some_and(|announced| announced.flags & flag(function) != 0)
}

fn bare(id: MechanismType) -> Call<'static> {
    Call { id, params: &Params::None, keys: &[] }
}

/// An AES key for one call.
fn one_time(uses: &[AttributeType], leaves: bool) -> Attributes {
    let mut key = Attributes::from_iter([
        (AttributeType::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
        (AttributeType::KEY_TYPE, Value::Number(KeyType::AES.0)),
        (AttributeType::TOKEN, Value::Bool(false)),
        (AttributeType::PRIVATE, Value::Bool(true)),
        (AttributeType::SENSITIVE, Value::Bool(true)),
        (AttributeType::EXTRACTABLE, Value::Bool(leaves)),
    ]);
    let all = [
        AttributeType::WRAP,
        AttributeType::UNWRAP,
        AttributeType::ENCRYPT,
        AttributeType::DECRYPT,
    ];
    for id in all {
        key.set(id, Value::Bool(uses.contains(&id)));
    }
    key
}

/// A pair that only unwraps, and never leaves.
fn transport(inner: &Inner) -> Result<Lent<'_, 2>> {
    let public = Attributes::from_iter([
        (AttributeType::TOKEN, Value::Bool(false)),
        (AttributeType::PRIVATE, Value::Bool(false)),
        (AttributeType::MODULUS_BITS, Value::Number(BITS)),
        (AttributeType::PUBLIC_EXPONENT, Value::bytes(EXPONENT)),
        (AttributeType::WRAP, Value::Bool(true)),
        (AttributeType::ENCRYPT, Value::Bool(false)),
        (AttributeType::VERIFY, Value::Bool(false)),
    ]);
    let private = Attributes::from_iter([
        (AttributeType::TOKEN, Value::Bool(false)),
        (AttributeType::PRIVATE, Value::Bool(true)),
        (AttributeType::SENSITIVE, Value::Bool(true)),
        (AttributeType::EXTRACTABLE, Value::Bool(false)),
        (AttributeType::UNWRAP, Value::Bool(true)),
        (AttributeType::DECRYPT, Value::Bool(false)),
        (AttributeType::SIGN, Value::Bool(false)),
    ]);
    Lent::make(inner, |session| {
        let call = bare(MechanismType::RSA_PKCS_KEY_PAIR_GEN);
        let (public, private) = session.generate_pair(&call, &public, &private)?;
        Ok([public, private])
    })
}

/// The public half of another token's pair.
fn wrapping(shown: &Attributes) -> Attributes {
    let mut key = picked(shown, &[AttributeType::MODULUS, AttributeType::PUBLIC_EXPONENT]);
    for (id, value) in [
        (AttributeType::CLASS, Value::Number(ObjectClass::PUBLIC_KEY.0)),
        (AttributeType::KEY_TYPE, Value::Number(KeyType::RSA.0)),
        (AttributeType::TOKEN, Value::Bool(false)),
        (AttributeType::PRIVATE, Value::Bool(false)),
        (AttributeType::WRAP, Value::Bool(true)),
        (AttributeType::ENCRYPT, Value::Bool(false)),
        (AttributeType::VERIFY, Value::Bool(false)),
    ] {
        key.set(id, value);
    }
    key
}
