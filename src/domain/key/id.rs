//! The identifier of one key version: the CKA_ID of its objects in the token.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Kind};

/// 16 bytes, random, so that no two versions on any token share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; KeyId::LEN]);

impl KeyId {
    /// Bytes in an identifier.
    pub const LEN: usize = 16;

    /// An identifier from its bytes.
    pub fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes, as they stand in CKA_ID.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for KeyId {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        let length = bytes.len();
        bytes.try_into().map(Self).map_err(|_| {
            Kind::Malformed.because(format!("a key identifier of {length} bytes instead of 16"))
        })
    }
}

impl FromStr for KeyId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Kind::Usage
                .because(format!("{text:?} is not the identifier of a key's version"))
                .advise("it has 32 hexadecimal digits: keyway key show")
        };
        if text.len() != 2 * Self::LEN || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong());
        let bytes: Vec<u8> = (0..text.len()).step_by(2).map(byte).collect::<Result<_, Error>>()?;
        Self::try_from(bytes.as_slice())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
