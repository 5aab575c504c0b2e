//! Keys and certificates that lie outside a PKCS#11 token, read as the attributes that
//! C_CreateObject takes: SoftHSM2's files ([`softhsm`]), PKCS#12 ([`pkcs12`]).

pub mod key_file;
pub mod pkcs12;
pub mod softhsm;

mod jwk;
mod private_key;

pub(crate) use private_key::{private_key, public_key};

use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CK_ULONG, CKA_CLASS, CKA_ID, CKA_KEY_TYPE, CKA_LABEL, CKA_TOKEN,
    CKO_CERTIFICATE, CKO_DATA, CKO_DOMAIN_PARAMETERS, CKO_PRIVATE_KEY, CKO_PUBLIC_KEY,
    CKO_SECRET_KEY,
};
use zeroize::Zeroizing;

/// An object as its store had it, ready for C_CreateObject. Its values are wiped when it goes.
#[derive(Clone, Default)]
pub struct ForeignObject {
    attributes: Vec<(CK_ATTRIBUTE_TYPE, Zeroizing<Vec<u8>>)>,
    /// What cannot be taken along, and what follows from it.
    pub losses: Vec<String>,
    /// Why it cannot be imported at all.
    pub obstacle: Option<String>,
}

impl std::fmt::Debug for ForeignObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let types: Vec<_> = self.attributes.iter().map(|(name, _)| format!("{name:#x}")).collect();
        f.debug_struct("ForeignObject").field("types", &types).finish_non_exhaustive()
    }
}

impl ForeignObject {
    /// An object of the token, of this class.
    pub fn new(class: CK_ULONG) -> Self {
        let mut object = Self::default();
        object.number(CKA_CLASS, class);
        object.flag(CKA_TOKEN, true);
        object
    }

    /// Sets an attribute, in the place of one of its type.
    pub fn bytes(&mut self, name: CK_ATTRIBUTE_TYPE, value: &[u8]) {
        let value = Zeroizing::new(value.to_vec());
        match self.attributes.iter_mut().find(|(there, _)| *there == name) {
            Some(attribute) => attribute.1 = value,
            None => self.attributes.push((name, value)),
        }
    }

    /// As [`Self::bytes`], for a CK_ULONG.
    pub fn number(&mut self, name: CK_ATTRIBUTE_TYPE, value: CK_ULONG) {
        self.bytes(name, &value.to_ne_bytes());
    }

    /// As [`Self::bytes`], for a CK_BBOOL.
    pub fn flag(&mut self, name: CK_ATTRIBUTE_TYPE, value: bool) {
        self.bytes(name, &[u8::from(value)]);
    }

    /// As [`Self::flag`], for several.
    pub fn flags(&mut self, flags: &[(CK_ATTRIBUTE_TYPE, bool)]) {
        for (name, value) in flags {
            self.flag(*name, *value);
        }
    }

    /// Every attribute, in the order in which they were set.
    pub fn attributes(&self) -> impl Iterator<Item = (CK_ATTRIBUTE_TYPE, &[u8])> {
        self.attributes.iter().map(|(name, value)| (*name, value.as_slice()))
    }

    /// The value of an attribute.
    pub fn get(&self, name: CK_ATTRIBUTE_TYPE) -> Option<&[u8]> {
        self.attributes().find(|(there, _)| *there == name).map(|(_, value)| value)
    }

    fn get_number(&self, name: CK_ATTRIBUTE_TYPE) -> Option<CK_ULONG> {
        self.get(name)?.try_into().ok().map(CK_ULONG::from_ne_bytes)
    }

    /// CKA_CLASS.
    pub fn class(&self) -> Option<CK_ULONG> {
        self.get_number(CKA_CLASS)
    }

    /// CKA_KEY_TYPE.
    pub fn key_type(&self) -> Option<CK_ULONG> {
        self.get_number(CKA_KEY_TYPE)
    }

    /// The class in words.
    pub fn kind(&self) -> &'static str {
        match self.class() {
            Some(CKO_DATA) => "data",
            Some(CKO_CERTIFICATE) => "certificate",
            Some(CKO_PUBLIC_KEY) => "public key",
            Some(CKO_PRIVATE_KEY) => "private key",
            Some(CKO_SECRET_KEY) => "secret key",
            Some(CKO_DOMAIN_PARAMETERS) => "parameters",
            _ => "object",
        }
    }

    /// CKA_LABEL, empty if there is none.
    pub fn label(&self) -> String {
        String::from_utf8_lossy(self.get(CKA_LABEL).unwrap_or_default()).into_owned()
    }

    /// CKA_ID, empty if there is none.
    pub fn id(&self) -> &[u8] {
        self.get(CKA_ID).unwrap_or_default()
    }
}
