//! The identifier of one key version: the CKA_ID of its objects in the token.

use std::fmt;

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

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
