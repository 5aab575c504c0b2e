//! Reading and writing the parameters of single messages (`CK_*_MESSAGE_PARAMS`).

use std::marker::PhantomData;

use pkcs11_sys as ck;

use crate::error::{Code, Result};
use crate::ffi::params::{RawParams, chacha20_nonce_len, wide};

/// What the parameter structures of messages have in common.
pub struct RawMessage<'a> {
    pub nonce: Place<'a>,
    pub fixed_bits: u64,
    pub generator: u64,
    pub tag: Place<'a>,
}

/// Memory of the application that a parameter structure points to, for a value in or out. It may be
/// part of any other buffer of the call: there is never a reference to it, and it is read and
/// written when no slice over another buffer is in use.
pub struct Place<'a> {
    pointer: *mut u8,
    len: usize,
    what: &'static str,
    memory: PhantomData<&'a mut [u8]>,
}

impl Place<'_> {
    /// # Errors
    /// MechanismParamInvalid for a length that no buffer can have.
    fn new(pointer: *mut u8, len: u64, what: &'static str) -> Result<Self> {
        match isize::try_from(len) {
            Ok(len) => Ok(Self { pointer, len: len as usize, what, memory: PhantomData }),
            Err(_) => Err(Code::MechanismParamInvalid.because(format!("{what}: {len:#x} bytes"))),
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What lies there now.
    ///
    /// # Errors
    /// MechanismParamInvalid for NULL with a length.
    pub(crate) fn read(&self) -> Result<Vec<u8>> {
        self.require()?;
        let mut value = vec![0; self.len];
        if self.len != 0 {
            // SAFETY: not NULL and readable by the promise of `RawParams::new`; the vector is new.
            unsafe { self.pointer.copy_to_nonoverlapping(value.as_mut_ptr(), self.len) };
        }
        Ok(value)
    }

    /// # Errors
    /// MechanismParamInvalid for NULL with a length: asked before anything is computed.
    pub(crate) fn require(&self) -> Result<()> {
        match self.pointer.is_null() && self.len != 0 {
            true => Err(Code::MechanismParamInvalid
                .because(format!("{} is NULL with length {}", self.what, self.len))),
            false => Ok(()),
        }
    }

    /// Puts a value of this length there; [`require`](Self::require) was asked.
    pub(crate) fn write(&self, value: &[u8]) {
        assert_eq!(value.len(), self.len, "{}", self.what);
        if !value.is_empty() && !self.pointer.is_null() {
            // SAFETY: not NULL and writable by the promise of `RawParams::new`; `value` is ours.
            unsafe { self.pointer.copy_from_nonoverlapping(value.as_ptr(), value.len()) };
        }
    }
}

impl<'a> RawParams<'a> {
    /// `CK_GCM_MESSAGE_PARAMS`, and its `ulTagBits`.
    pub fn gcm_message(self) -> Result<(u64, RawMessage<'a>)> {
        let raw: ck::CK_GCM_MESSAGE_PARAMS = self.structure()?;
        let tag_bits = wide(raw.ulTagBits);
        let message = RawMessage {
            nonce: Place::new(raw.pIv, wide(raw.ulIvLen), "pIv")?,
            fixed_bits: wide(raw.ulIvFixedBits),
            generator: wide(raw.ivGenerator),
            tag: Place::new(raw.pTag, tag_bits / 8, "pTag")?,
        };
        Ok((tag_bits, message))
    }

    /// `CK_CCM_MESSAGE_PARAMS`, and its `ulDataLen`.
    pub fn ccm_message(self) -> Result<(u64, RawMessage<'a>)> {
        let raw: ck::CK_CCM_MESSAGE_PARAMS = self.structure()?;
        let message = RawMessage {
            nonce: Place::new(raw.pNonce, wide(raw.ulNonceLen), "pNonce")?,
            fixed_bits: wide(raw.ulNonceFixedBits),
            generator: wide(raw.nonceGenerator),
            tag: Place::new(raw.pMAC, wide(raw.ulMACLen), "pMAC")?,
        };
        Ok((wide(raw.ulDataLen), message))
    }

    /// `CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS`, which has a tag of 16 bytes and no generator.
    pub fn chacha20_poly1305_message(self) -> Result<RawMessage<'a>> {
        let raw: ck::CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS = self.structure()?;
        Ok(RawMessage {
            nonce: Place::new(raw.pNonce, chacha20_nonce_len(raw.ulNonceLen)?, "pNonce")?,
            fixed_bits: 0,
            generator: wide(ck::CKG_NO_GENERATE),
            tag: Place::new(raw.pTag, 16, "pTag")?,
        })
    }
}
