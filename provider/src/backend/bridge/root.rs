//! A key of another token under which a secret of ours is wrapped: what `root` names
//! (`docs/bridge.md`, "One key in the HSM").
//!
//! AES keys encrypt with CKM_AES_GCM, RSA keys with CKM_RSA_PKCS_OAEP, both by C_Encrypt, and
//! C_Decrypt gives the secret back: the two that old tokens have as well.

use std::fmt::{self, Display};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use subtle::ConstantTimeEq;

use super::link::{Link, Place};
use super::profile::Profile;
use super::uri::Uri;
use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use crate::backend::User;
use crate::engine::random;
use crate::error::{Code, Error, Result};
use crate::ffi::awslc::sealing::{NONCE, TAG, sha256};
use crate::ffi::inner::{Call, InnerSession};
use crate::ffi::turn::Turn;
use crate::mechanism::{Function, Hash, MechanismType, Params};
use crate::secret::Secret;
use crate::store::fields::{fields, put};

/// A key of another token, as the configuration names it.
#[derive(Debug)]
pub struct RootKey {
    uri: Uri,
    place: Place,
}

/// A wrapped secret, and what it takes to open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrapped {
    pub(crate) by: Named,
    pub(crate) bytes: Vec<u8>,
}

/// What a root key was recognised by when it wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    token: String,
    serial: String,
    label: String,
    id: Vec<u8>,
    scheme: Scheme,
    /// Tells keys of one name apart: CKA_CHECK_VALUE of an AES key, if the token gives it; the
    /// first 8 bytes of the SHA-256 of an RSA modulus.
    fingerprint: Vec<u8>,
}

/// How a root key wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Scheme {
    /// `nonce(12) ‖ ciphertext ‖ tag(16)`, the context as associated data.
    AesGcm = 1,
    OaepSha256 = 2,
    /// The only one of SoftHSM2 2.6.1. It does not need SHA-1 to be free of collisions.
    OaepSha1 = 3,
}

const SCHEMES: [Scheme; 3] = [Scheme::AesGcm, Scheme::OaepSha256, Scheme::OaepSha1];

const TOKEN: u8 = 1;
const SERIAL: u8 = 2;
const LABEL: u8 = 3;
const ID: u8 = 4;
const SCHEME: u8 = 5;
const FINGERPRINT: u8 = 6;
const BYTES: u8 = 7;

/// Room for what C_Decrypt gives: some modules want as much as an RSA modulus has, here 8192 bits.
const ROOM: usize = 1024;

/// Logins to root tokens are made and ended one at a time: a logout ends the login of everybody in
/// the process.
static TURN: Turn = Turn::new();

/// Digests of the PINs that root tokens refused, the latest of this process: those are not tried
/// again, for that would lock them. A new C_Initialize is no reason to.
static REFUSED: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];
static REFUSALS: AtomicU64 = AtomicU64::new(0);

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
        let ours = self.log_in(&session)?;
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

    /// Logs in, if there is a PIN; whether it is ours to log out.
    fn log_in(&self, session: &InnerSession) -> Result<bool> {
        let Some(source) = &self.place.pin_source else { return Ok(false) };
        let pin = self.place.pin(source)?;
        let digest = sha256(&[self.uri.to_string().as_bytes(), &[0], pin.expose()]);
        let digest = u64::from_be_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|at| digest[at]));
        if REFUSED.iter().any(|refused| refused.load(Ordering::Relaxed) == digest) {
            return Err(Code::PinIncorrect.because(format!(
                "the PIN in {} was refused before and is not tried again, so that it does not lock",
                source.display()
            )));
        }
        match session.login(User::User, pin.expose()) {
            Ok(()) => Ok(true),
            Err(e) if e.code() == Code::UserAlreadyLoggedIn => Ok(false),
            Err(e) => {
                if e.code() == Code::PinIncorrect {
                    let place = REFUSALS.fetch_add(1, Ordering::Relaxed) as usize % REFUSED.len();
                    REFUSED[place].store(digest, Ordering::Relaxed);
                }
                let story = format!("{} with the PIN in {}", e.context(), source.display());
                Err(e.code().because(story))
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

impl Named {
    /// Whether it may be the same key: a copy in another HSM has another serial number.
    fn is(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint && self.serial == other.serial
    }

    /// A URI for the configuration, without what only the machine knows.
    pub(crate) fn uri(&self) -> String {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let mut uri = Uri { object: some(&self.label), ..Uri::default() };
        uri.token.label = some(&self.token);
        uri.token.serial = some(&self.serial);
        uri.id = Some(self.id.clone()).filter(|id| !id.is_empty());
        format!("{uri}?module-path=/path/of/its/module.so&pin-source=file:/path/of/its/pin")
    }
}

impl Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        let Self { token, serial, label, id, scheme, fingerprint } = self;
        let kind = match scheme {
            Scheme::AesGcm => "AES key",
            Scheme::OaepSha256 | Scheme::OaepSha1 => "RSA key",
        };
        write!(f, "the {kind} '{label}' ({})", hex(id))?;
        if !fingerprint.is_empty() {
            write!(f, " with check value {}", hex(fingerprint))?;
        }
        write!(f, " of token '{token}' (serial {serial})")
    }
}

impl Wrapped {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Named { token, serial, label, id, scheme, fingerprint } = &self.by;
        let mut out = Vec::new();
        put(&mut out, TOKEN, token.as_bytes());
        put(&mut out, SERIAL, serial.as_bytes());
        put(&mut out, LABEL, label.as_bytes());
        put(&mut out, ID, id);
        put(&mut out, SCHEME, &[*scheme as u8]);
        put(&mut out, FINGERPRINT, fingerprint);
        put(&mut out, BYTES, &self.bytes);
        out
    }

    /// `None` for what [`encode`](Self::encode) did not write.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let fields = fields(bytes)?;
        let field = |id| fields.iter().find(|field| field.0 == id).map(|field| field.1.to_vec());
        let text = |id| String::from_utf8(field(id)?).ok();
        let [scheme] = field(SCHEME)?[..] else { return None };
        Some(Self {
            by: Named {
                token: text(TOKEN)?,
                serial: text(SERIAL)?,
                label: text(LABEL)?,
                id: field(ID)?,
                scheme: SCHEMES.into_iter().find(|known| *known as u8 == scheme)?,
                fingerprint: field(FINGERPRINT)?,
            },
            bytes: field(BYTES)?,
        })
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

    #[test]
    fn a_wrapped_secret_is_read_as_it_was_written() {
        let by = Named {
            token: "hsm".to_owned(),
            serial: "01".to_owned(),
            label: "root".to_owned(),
            id: vec![7],
            scheme: Scheme::OaepSha1,
            fingerprint: vec![1, 2, 3],
        };
        let wrapped = Wrapped { by, bytes: vec![9; 256] };
        let written = wrapped.encode();
        assert_eq!(Wrapped::decode(&written), Some(wrapped));
        assert_eq!(Wrapped::decode(&written[..written.len() - 1]), None);
        assert_eq!(Wrapped::decode(&[]), None);
    }
}
