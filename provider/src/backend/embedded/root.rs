//! The root: a key in another token without which no PIN opens this one (`docs/bridge.md`, "One key
//! in the HSM").
//!
//! The root key wraps 32 random bytes, the root secret, which go into the key-encryption key of
//! every account beside what the PIN gives. The wrapped root secret lies in the token record. It is
//! unwrapped whenever a PIN is looked at, and forgotten right afterwards.

use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::identity::Identity;
use super::keys::Keys;
use super::token::EmbeddedToken;
use crate::backend::Pin;
use crate::backend::bridge::{RootKey, Wrapped};
use crate::engine::random;
use crate::error::{Code, Error, Result};
use crate::ffi::awslc::sealing::{self, KEY};
use crate::secret::Secret;
use crate::store::event::EventKind;
use crate::store::fields::{fields, put};
use crate::store::{Account, Change, Event, Instance, Role, TokenRecord};

/// What the token record says of its root.
pub(super) struct Root {
    wrapped: Wrapped,
    /// Of the root secret: tells a wrong root from a wrong PIN.
    check: [u8; 16],
}

const WRAPPED: u8 = 1;
const CHECK: u8 = 2;
/// Begins what the root key authenticates.
const DOMAIN: &[u8] = b"KWYR\x01";

/// Who is asked for the root secret.
#[derive(Clone, Copy)]
pub(super) struct Through<'a> {
    pub(super) key: Option<&'a RootKey>,
    /// Whether a token without a root is refused.
    pub(super) required: bool,
}

/// What opens accounts beside a PIN, and the version of the token record that says so.
pub(super) struct Rooted {
    pub(super) secret: Option<Secret>,
    pub(super) version: u64,
}

/// What a token says of its root, and whether that can be reached now.
#[derive(Debug)]
pub struct RootState {
    /// The key that the token opens with, in words; `None` if it needs none.
    pub wanted: Option<String>,
    /// Why it does not open now: no root is configured, it cannot be reached, or it is another one.
    pub trouble: Option<Error>,
}

impl Root {
    /// A new root secret, wrapped.
    ///
    /// # Errors
    /// TokenNotPresent if the root key cannot be used; DeviceError if the engine has no entropy.
    pub(super) fn make(key: &RootKey, instance: Instance) -> Result<(Self, Secret)> {
        let secret = Secret::wiped_on_fork(KEY, random::fill)?;
        let wrapped = key.wrap(&secret, &context(instance))?;
        let check = check(&secret, instance)?;
        Ok((Self { wrapped, check }, secret))
    }

    /// The root secret.
    ///
    /// # Errors
    /// TokenNotPresent if the root key cannot be used or is another one.
    fn open(&self, key: &RootKey, instance: Instance) -> Result<Secret> {
        let story = |why: &str| self.missing(why);
        let secret =
            key.unwrap(&self.wrapped, &context(instance)).map_err(|e| story(e.context()))?;
        let right = secret.len() == KEY && check(&secret, instance)?.ct_eq(&self.check).into();
        match right {
            true => Ok(secret),
            false => Err(story(&format!("root key {key} is another one"))),
        }
    }

    fn missing(&self, why: &str) -> Error {
        let story = format!("the token opens with a PIN and {}: {why}", self.wrapped.by);
        Code::TokenNotPresent.because(story)
    }

    fn unconfigured(&self) -> Error {
        self.missing(&format!(
            "no root is configured for its slot; to its [[slot]] in keyway.toml add: root = \"{}\"",
            self.wrapped.by.uri()
        ))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, WRAPPED, &self.wrapped.encode());
        put(&mut out, CHECK, &self.check);
        out
    }

    /// `None` for what [`encode`](Self::encode) did not write.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let fields = fields(bytes)?;
        let field = |id| fields.iter().find(|field| field.0 == id).map(|field| field.1);
        let wrapped = Wrapped::decode(field(WRAPPED)?)?;
        Some(Self { wrapped, check: field(CHECK)?.try_into().ok()? })
    }
}

fn context(instance: Instance) -> Vec<u8> {
    [DOMAIN, &instance.0].concat()
}

fn check(secret: &Secret, instance: Instance) -> Result<[u8; 16]> {
    let mut check = [0; 16];
    sealing::hkdf_sha256(secret.expose(), &instance.0, b"keyway root check", &mut check)?;
    Ok(check)
}

impl EmbeddedToken {
    /// The root that the configuration names for this token.
    pub(super) fn through(&self) -> Through<'_> {
        let key = self.settings.root.as_deref();
        Through { key, required: key.is_some() }
    }

    /// What opens the accounts beside a PIN.
    ///
    /// # Errors
    /// TokenNotPresent if the token has a root that cannot be reached, or none and must have one.
    pub(super) fn rooted(&self, through: Through<'_>) -> Result<Rooted> {
        let record = self.token_record()?;
        let version = record.version;
        let secret = match (Identity::read(&record)?.root, through.key) {
            (Some(root), Some(key)) => Some(root.open(key, record.instance)?),
            (Some(root), None) => return Err(root.unconfigured()),
            (None, Some(key)) if through.required => return Err(unrooted(key)),
            (None, _) => None,
        };
        Ok(Rooted { secret, version })
    }

    /// Whether the token record is still the one that something was read from.
    pub(super) fn is_record(&self, version: u64) -> Result<bool> {
        Ok(self.token_record()?.version == version)
    }

    fn token_record(&self) -> Result<TokenRecord> {
        let record = self.store.token()?;
        record.ok_or_else(|| Code::TokenNotRecognized.because("the token is not initialised"))
    }

    /// What the token says of its root, and whether a login would reach it.
    ///
    /// # Errors
    /// DeviceError for a token record that cannot be read.
    pub(crate) fn root_state(&self) -> Result<RootState> {
        let Some(record) = self.store.token()? else {
            return Ok(RootState { wanted: None, trouble: None });
        };
        let root = Identity::read(&record)?.root;
        let wanted = root.map(|root| root.wrapped.by.to_string());
        Ok(RootState { wanted, trouble: self.rooted(self.through()).err() })
    }

    /// The root that the configuration names.
    pub(crate) fn configured_root(&self) -> Option<&Arc<RootKey>> {
        self.settings.root.as_ref()
    }

    /// Opens the token under `from` and wraps its master key anew, with a new root secret under
    /// `to`, or without any root: both accounts and the token record in one transaction. `pin` is
    /// the user's, if a user PIN is set.
    ///
    /// # Errors
    /// TokenNotPresent if either root cannot be used; PinIncorrect and PinLocked of either role,
    /// each try counted like a login's; ArgumentsBad if the user's PIN is missing; FunctionFailed if
    /// somebody changed a PIN at the same moment; TokenWriteProtected; DeviceError for a token that
    /// was changed by something other than Keyway.
    pub(crate) fn rewrap(
        &self,
        from: Option<&RootKey>,
        to: Option<&RootKey>,
        so_pin: Pin<'_>,
        pin: Option<Pin<'_>>,
    ) -> Result<()> {
        let identity = self.initialized()?;
        if !self.store.writable()? {
            return Err(Code::TokenWriteProtected.because("the root of a read-only token"));
        }
        let people = self.people(so_pin, pin)?;
        // One that is there and not needed is not asked.
        let from = Identity::read(&self.token_record()?)?.root.and(from);
        let through = Through { key: from, required: false };
        let mut master = None;
        for (account, pin) in &people {
            master = Some(self.prove(&identity, account.role, *pin, None, through)?);
        }
        let master = master.ok_or_else(|| Code::GeneralError.because("no account"))?;
        let keys =
            Keys::of(Role::SecurityOfficer, super::accounts::copy(&master)?, identity.instance)?;
        let keys = Arc::new(keys);
        self.verify_set(&identity, &keys)?;
        let record = self.token_record()?;
        let mut new = Identity::read(&record)?;
        new.authenticate(&record, &keys)?;
        let root = to.map(|key| Root::make(key, identity.instance)).transpose()?;
        let (root, secret) = root.unzip();
        let mut changes = Vec::new();
        let rooted = Rooted { secret, version: record.version };
        for (account, pin) in &people {
            changes.push((account, self.stretch(*pin, account.role, identity.instance, &rooted)?));
        }
        new.root = root;
        let token = new.write(record.version + 1, &keys)?;
        {
            let _alone = self.store.exclusive()?;
            let mut batch = vec![Change::PutToken { token, expected: record.version }];
            for (proven, stretched) in changes {
                let now = self.store.account(proven.role)?;
                let now = now.filter(|now| now.salt == proven.salt).ok_or_else(|| {
                    Code::FunctionFailed.because("a PIN was changed at the same moment: try again")
                })?;
                let account = stretched.account(now.role, now.version + 1, &master)?;
                batch.push(Change::PutAccount { account, expected: now.version });
            }
            let event = Event::of_token(EventKind::Rewrapped);
            let stored = self.commit_as(&identity, batch, vec![event], keys);
            stored.map_err(|e| self.explain(e))?;
        }
        self.forget();
        Ok(())
    }

    /// Everybody whose PIN opens the token, with that PIN.
    fn people<'a>(&self, so_pin: Pin<'a>, pin: Option<Pin<'a>>) -> Result<Vec<(Account, Pin<'a>)>> {
        let officer = self
            .store
            .account(Role::SecurityOfficer)?
            .ok_or_else(|| Code::DeviceError.because("the security officer's account is gone"))?;
        let mut people = vec![(officer, so_pin)];
        match (self.store.account(Role::User)?, pin) {
            (Some(account), Some(pin)) => people.push((account, pin)),
            (None, _) => {}
            (Some(_), None) => {
                return Err(Code::ArgumentsBad
                    .because("the user's PIN is needed as well: it opens the token, too"));
            }
        }
        Ok(people)
    }
}

fn unrooted(key: &RootKey) -> Error {
    Code::TokenNotPresent.because(format!(
        "the configuration says that the token opens with a PIN and root key {key}, but it opens \
         with a PIN alone: if it is the right token, give it its root with `keyway token rewrap`"
    ))
}

/// The code that an application may see.
pub(super) fn outward(error: Error) -> Error {
    match error.code() {
        Code::TokenNotPresent => error.with_code(Code::DeviceError),
        _ => error,
    }
}
