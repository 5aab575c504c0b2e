//! A secret that a key of another token wrapped, as it is stored.

use std::fmt::{self, Display};

use super::uri::Uri;
use crate::store::fields::{fields, put};

/// A wrapped secret, and what it takes to open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrapped {
    pub(crate) by: Named,
    pub(crate) bytes: Vec<u8>,
}

/// What a root key was recognised by when it wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(super) token: String,
    pub(super) serial: String,
    pub(super) label: String,
    pub(super) id: Vec<u8>,
    pub(super) scheme: Scheme,
    /// Tells keys of one name apart: CKA_CHECK_VALUE of an AES key, if the token gives it; the
    /// first 8 bytes of the SHA-256 of an RSA modulus.
    pub(super) fingerprint: Vec<u8>,
}

/// How a root key wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Scheme {
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

impl Named {
    /// Whether it may be the same key: a copy in another HSM has another serial number.
    pub(super) fn is(&self, other: &Self) -> bool {
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
        let Self { token, serial, label, id, scheme, fingerprint } = self;
        let kind = match scheme {
            Scheme::AesGcm => "AES key",
            Scheme::OaepSha256 | Scheme::OaepSha1 => "RSA key",
        };
        write!(f, "the {kind} '{label}' ({})", hex::encode(id))?;
        if !fingerprint.is_empty() {
            write!(f, " with check value {}", hex::encode(fingerprint))?;
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
