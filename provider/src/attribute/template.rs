//! A template as the application gave it: types and bytes, not yet held against the rules.

use crate::attribute::AttributeType;

/// `CK_ATTRIBUTE[]` whose memory the C interface has checked and read.
#[derive(Clone, Debug, Default)]
pub struct Template<'a> {
    pub entries: Vec<Entry<'a>>,
}

/// One `CK_ATTRIBUTE` of a template.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub id: AttributeType,
    pub value: Raw<'a>,
}

/// What `pValue` pointed to.
#[derive(Clone)]
pub enum Raw<'a> {
    Bytes(&'a [u8]),
    /// The value of `CKA_WRAP_TEMPLATE`, `CKA_UNWRAP_TEMPLATE`, `CKA_DERIVE_TEMPLATE`.
    Template(Template<'a>),
}

/// Prints the length only: a template may carry a key.
impl std::fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Template(template) => template.fmt(f),
        }
    }
}
