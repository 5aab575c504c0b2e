//! What the message-based functions do with a mechanism, and the parameter of a single message.

use crate::error::Result;
use crate::ffi::message::RawMessage;
use crate::ffi::params::RawParams;
use crate::mechanism::params::{self, Params};

/// What a row says of the message-based functions (`C_MessageEncryptInit`, ...).
#[derive(Clone, Copy)]
pub enum Messages {
    /// Nothing. So too where a parameter must not serve two messages (the IV of CKM_AES_GMAC).
    Refused,
    /// Each message is signed or verified by itself, all with the key and the parameter of Init.
    Signed,
    /// Each message is encrypted or decrypted by itself; a parameter of its own holds its nonce and
    /// its tag.
    Sealed(ReadMessage),
}

/// Reads what `C_EncryptMessage` and its like get beside the data.
pub type ReadMessage = for<'a> fn(RawParams<'a>) -> Result<MessageParams<'a>>;

/// The parameter of a message as the application gave it.
pub struct MessageParams<'a> {
    pub scheme: Scheme,
    pub raw: RawMessage<'a>,
}

/// The algorithm of a message with what its parameter says beside nonce and tag; lengths in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Gcm { tag: usize },
    Ccm { tag: usize, data: usize },
    ChaCha20Poly1305,
}

impl Scheme {
    /// Length of the tag in bytes.
    pub fn tag(self) -> usize {
        match self {
            Self::Gcm { tag } | Self::Ccm { tag, .. } => tag,
            Self::ChaCha20Poly1305 => 16,
        }
    }

    /// The parameter with which the ordinary functions would do the same.
    pub fn params<'a>(self, nonce: &'a [u8], aad: &'a [u8]) -> Params<'a> {
        match self {
            Self::Gcm { tag } => Params::Gcm { iv: nonce, aad, tag_bits: 8 * tag },
            Self::Ccm { tag, data } => Params::Ccm { nonce, aad, tag, data },
            Self::ChaCha20Poly1305 => Params::ChaCha20Poly1305 { nonce, aad },
        }
    }
}

/// `CK_GCM_MESSAGE_PARAMS`, with the IVs and tags that `CK_GCM_PARAMS` admits.
///
/// # Errors
/// MechanismParamInvalid; so the other functions here.
pub fn gcm(raw: RawParams<'_>) -> Result<MessageParams<'_>> {
    let (tag_bits, raw) = raw.gcm_message()?;
    let tag = params::aead::gcm_tag_bits(raw.nonce.len(), tag_bits)? / 8;
    Ok(MessageParams { scheme: Scheme::Gcm { tag }, raw })
}

/// `CK_CCM_MESSAGE_PARAMS`, with the nonces and tags that `CK_CCM_PARAMS` admits.
pub fn ccm(raw: RawParams<'_>) -> Result<MessageParams<'_>> {
    let (data, raw) = raw.ccm_message()?;
    let data = params::aead::ccm_lengths(raw.nonce.len(), data, raw.tag.len() as u64)?;
    Ok(MessageParams { scheme: Scheme::Ccm { tag: raw.tag.len(), data }, raw })
}

/// `CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS`: the nonce is the application's.
pub fn chacha20_poly1305(raw: RawParams<'_>) -> Result<MessageParams<'_>> {
    let raw = raw.chacha20_poly1305_message()?;
    params::aead::chacha20_nonce(raw.nonce.len())?;
    Ok(MessageParams { scheme: Scheme::ChaCha20Poly1305, raw })
}
