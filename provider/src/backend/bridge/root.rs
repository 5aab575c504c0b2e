//! A key of another token under which a secret of ours is wrapped: what `root` names
//! (`docs/bridge.md`, "One key in the HSM").
//!
//! AES keys encrypt with CKM_AES_GCM, RSA keys with CKM_RSA_PKCS_OAEP, both by C_Encrypt, and
//! C_Decrypt gives the secret back: the two that old tokens have as well.

use std::fmt::{self, Display};
use std::path::Path;
use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::link::{Link, Place};
use super::profile::Profile;
use super::uri::Uri;
use super::wrapped::{Named, Scheme, Wrapped};
use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use crate::engine::random;
use crate::error::{Code, Error, Result};
use crate::ffi::awslc::sealing::{NONCE, TAG, sha256};
use crate::ffi::inner::{Call, InnerSession};
use crate::ffi::turn::Turn;
use crate::mechanism::{Function, Hash, MechanismType, Params};
use crate::secret::Secret;

/// A key of another token, as the configuration names it.
#[derive(Debug)]
pub struct RootKey {
    uri: Uri,
    place: Place,
}

/// Room for what C_Decrypt gives: some modules want as much as an RSA modulus has, here 8192 bits.
const ROOM: usize = 1024;

/// Logins to root tokens are made and ended one at a time: a logout ends the login of everybody in
/// the process.
static TURN: Turn = Turn::new();

/// A session with the root token, logged in if the configuration has a PIN, and the key.
struct Open {
    session: InnerSession,
    /// Whether the login is ours to end.
    ours: bool,
    link: Link,
    key: u64,
    scheme: Scheme,
    attributes: Attributes,
}

impl RootKey {
    /// Reads a URI that names a module and a key of one of its tokens. Relative paths count from
    /// `directory`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of_uri(
        text: &str,
        directory: Option<&Path>,
        profile: Arc<Profile>,
    ) -> Result<Self, String> {
        let mut uri = Uri::parse(text)?;
        let beside = |path: &mut Option<_>| {
            if let (Some(path), Some(directory)) = (path, directory) {
                *path = directory.join(&*path);
            }
        };
        beside(&mut uri.module);
        beside(&mut uri.pin_source);
        let module = uri.module.clone().ok_or("module-path=/path/of/the/module.so is missing")?;
        if uri.token.label.is_none() && uri.token.serial.is_none() {
            return Err("it does not say which token: token= or serial=".to_owned());
        }
        if uri.object.is_none() && uri.id.is_none() {
            return Err("it does not say which key: object= or id=".to_owned());
        }
        let keys = [None, Some(ObjectClass::SECRET_KEY), Some(ObjectClass::PRIVATE_KEY)];
        if !keys.contains(&uri.class) {
            return Err("a root is a secret or a private key: type=secret-key".to_owned());
        }
        let (wanted, pin_source) = (uri.token.clone(), uri.pin_source.clone());
        let place = Place { module, wanted, profile, pin_source };
        Ok(Self { uri, place })
    }

    /// Wraps a secret, and opens it again before it is called wrapped. `context` has to be the same
    /// for [`unwrap`](Self::unwrap), as far as the mechanism can tell.
    ///
    /// # Errors
    /// TokenNotPresent, naming the key and what is missing.
    pub(crate) fn wrap(&self, secret: &Secret, context: &[u8]) -> Result<Wrapped> {
        self.with(|root| {
            let (scheme, bytes) = root.encrypt(secret, context)?;
            let wrapped = Wrapped { by: root.named(scheme), bytes };
            let again = root.decrypt(&wrapped, context)?;
            match again.expose().ct_eq(secret.expose()).into() {
                true => Ok(wrapped),
                false => Err(Code::DeviceError.because("it does not decrypt what it encrypted")),
            }
        })
    }

    /// Undoes [`wrap`](Self::wrap).
    ///
    /// # Errors
    /// TokenNotPresent, naming the key and what is missing, also for another key than the one that
    /// wrapped.
    pub(crate) fn unwrap(&self, wrapped: &Wrapped, context: &[u8]) -> Result<Secret> {
        self.with(|root| {
            root.decrypt(wrapped, context).map_err(|error| {
                let there = root.named(root.scheme);
                match there.is(&wrapped.by) {
                    true => error,
                    false => error.code().because(format!("that is {there}; {}", error.context())),
                }
            })
        })
    }

    /// Runs `work` with the key at hand.
    fn with<T>(&self, work: impl FnOnce(&Open) -> Result<T>) -> Result<T> {
        let _turn = TURN.take();
        let done = self.open().and_then(|root| {
            let done = work(&root);
            root.close();
            done
        });
        done.map_err(|e| {
            Code::TokenNotPresent.because(format!("root key {}: {}", self.uri, e.context()))
        })
    }

    fn open(&self) -> Result<Open> {
        let link = self.place.find()?;
        let session = link.open()?;
        let ours = self.place.log_in(&session)?.is_some_and(|(_, new)| new);
        match self.find(&session) {
            Ok((key, scheme, attributes)) => {
                Ok(Open { session, ours, link, key, scheme, attributes })
            }
            Err(error) => {
                log_out(&session, ours);
                Err(error)
            }
        }
    }

    /// The one AES key or RSA private key that is meant.
    fn find(&self, session: &InnerSession) -> Result<(u64, Scheme, Attributes)> {
        let mut query = Attributes::new();
        if let Some(label) = &self.uri.object {
            query.set(AttributeType::LABEL, Value::bytes(label.as_bytes()));
        }
        if let Some(id) = &self.uri.id {
            query.set(AttributeType::ID, Value::bytes(&id[..]));
        }
        if let Some(class) = self.uri.class {
            query.set(AttributeType::CLASS, Value::Number(class.0));
        }
        let mut found = Vec::new();
        for key in session.find(&query)? {
            let attributes = session.read(key, &READ)?;
            if let Some(scheme) = scheme(&attributes) {
                found.push((key, scheme, attributes));
            }
        }
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(Code::KeyHandleInvalid.because(match self.place.pin_source {
                Some(_) => "the token has no such AES key or RSA private key",
                None => {
                    "the token shows no such AES key or RSA private key without a login: \
                         pin-source=file:/path is missing"
                }
            })),
            n => Err(Code::KeyHandleInvalid
                .because(format!("{n} keys of the token are that: say which with id= or type="))),
        }
    }
}

impl Display for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

/// What is read of a key.
const READ: [AttributeType; 7] = [
    AttributeType::CLASS,
    AttributeType::KEY_TYPE,
    AttributeType::LABEL,
    AttributeType::ID,
    AttributeType::CHECK_VALUE,
    AttributeType::MODULUS,
    AttributeType::PUBLIC_EXPONENT,
];

fn scheme(attributes: &Attributes) -> Option<Scheme> {
    match (attributes.class()?, attributes.key_type()?) {
        (ObjectClass::SECRET_KEY, KeyType::AES) => Some(Scheme::AesGcm),
        (ObjectClass::PRIVATE_KEY, KeyType::RSA) => Some(Scheme::OaepSha256),
        _ => None,
    }
}

impl Open {
    fn named(&self, scheme: Scheme) -> Named {
        let bytes = |id| self.attributes.bytes(id).unwrap_or_default().to_vec();
        let fingerprint = match self.attributes.bytes(AttributeType::MODULUS) {
            Some(modulus) => sha256(&[modulus])[..8].to_vec(),
            None => bytes(AttributeType::CHECK_VALUE),
        };
        Named {
            token: self.link.token.label.clone(),
            serial: self.link.token.serial.clone(),
            label: String::from_utf8_lossy(&bytes(AttributeType::LABEL)).into_owned(),
            id: bytes(AttributeType::ID),
            scheme,
            fingerprint,
        }
    }

    fn encrypt(&self, secret: &Secret, context: &[u8]) -> Result<(Scheme, Vec<u8>)> {
        let start = |scheme: Scheme, nonce: &[u8], key| {
            let function = Function::Encrypt;
            scheme.start(&self.session, function, nonce, context, key)?;
            let mut out = vec![0; ROOM];
            let length = self.session.whole(function, secret.expose(), &mut out)?;
            out.truncate(length);
            Ok::<_, Error>(out)
        };
        if self.scheme == Scheme::AesGcm {
            let mut nonce = [0; NONCE];
            random::fill(&mut nonce)?;
            let sealed = start(Scheme::AesGcm, &nonce, self.key)?;
            return Ok((Scheme::AesGcm, [&nonce[..], &sealed].concat()));
        }
        let public = self.public_key()?;
        match start(Scheme::OaepSha256, &[], public) {
            Ok(bytes) => Ok((Scheme::OaepSha256, bytes)),
            Err(first) => match start(Scheme::OaepSha1, &[], public) {
                Ok(bytes) => Ok((Scheme::OaepSha1, bytes)),
                Err(_) => Err(first),
            },
        }
    }

    fn decrypt(&self, wrapped: &Wrapped, context: &[u8]) -> Result<Secret> {
        let scheme = wrapped.by.scheme;
        if (scheme == Scheme::AesGcm) != (self.scheme == Scheme::AesGcm) {
            return Err(Code::KeyTypeInconsistent.because("the key is of another type"));
        }
        let cut = || Code::DeviceError.because("what the root key wrapped is cut short");
        let (nonce, bytes) = match scheme {
            Scheme::AesGcm => wrapped.bytes.split_at_checked(NONCE).ok_or_else(cut)?,
            _ => (&[][..], &wrapped.bytes[..]),
        };
        let function = Function::Decrypt;
        scheme.start(&self.session, function, nonce, context, self.key)?;
        let mut length = 0;
        let room = Secret::wiped_on_fork(ROOM, |room| {
            length = self.session.whole(function, bytes, room)?;
            Ok(())
        })?;
        Secret::wiped_on_fork(length, |out| {
            out.copy_from_slice(&room.expose()[..length]);
            Ok(())
        })
    }

    /// The public half of the key, which goes with the session.
    fn public_key(&self) -> Result<u64> {
        let number = |id| {
            let bytes = self.attributes.bytes(id).filter(|bytes| !bytes.is_empty());
            bytes.map(|bytes| (id, Value::bytes(bytes))).ok_or_else(|| {
                Code::KeyTypeInconsistent.because(format!("the token does not tell {id:?}"))
            })
        };
        let public = [
            (AttributeType::CLASS, Value::Number(ObjectClass::PUBLIC_KEY.0)),
            (AttributeType::KEY_TYPE, Value::Number(KeyType::RSA.0)),
            (AttributeType::TOKEN, Value::Bool(false)),
            (AttributeType::PRIVATE, Value::Bool(false)),
            (AttributeType::ENCRYPT, Value::Bool(true)),
            number(AttributeType::MODULUS)?,
            number(AttributeType::PUBLIC_EXPONENT)?,
        ];
        self.session.create(&Attributes::from_iter(public))
    }

    fn close(self) {
        log_out(&self.session, self.ours);
    }
}

fn log_out(session: &InnerSession, ours: bool) {
    if ours && let Err(e) = session.logout() {
        log::warn!("the root token is not logged out: {e}");
    }
}

impl Scheme {
    fn start(
        self,
        session: &InnerSession,
        function: Function,
        iv: &[u8],
        aad: &[u8],
        key: u64,
    ) -> Result<()> {
        let oaep = |hash| Params::Oaep { hash, mgf: hash, label: &[] };
        let (id, params) = match self {
            Self::AesGcm => (MechanismType::AES_GCM, Params::Gcm { iv, aad, tag_bits: 8 * TAG }),
            Self::OaepSha256 => (MechanismType::RSA_PKCS_OAEP, oaep(Hash::Sha256)),
            Self::OaepSha1 => (MechanismType::RSA_PKCS_OAEP, oaep(Hash::Sha1)),
        };
        session.start(function, &Call { id, params: &params, keys: &[] }, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RootKey, String> {
        RootKey::of_uri(text, Some(Path::new("/etc/keyway")), Arc::default())
    }

    #[test]
    fn a_root_names_module_token_and_key() {
        let root = read("pkcs11:token=a;object=b?module-path=m.so&pin-source=pin").unwrap();
        assert_eq!(root.place.module, Path::new("/etc/keyway/m.so"));
        assert_eq!(root.place.pin_source.as_deref(), Some(Path::new("/etc/keyway/pin")));
        for (text, word) in [
            ("pkcs11:token=a;object=b", "module-path"),
            ("pkcs11:object=b?module-path=/m.so", "which token"),
            ("pkcs11:token=a?module-path=/m.so", "which key"),
            ("pkcs11:token=a;object=b;type=cert?module-path=/m.so", "secret"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(word), "{text}: {told}");
        }
    }
}
