//! A template as the application gave it: types and bytes, not yet held against the rules.

use crate::attribute::{AttributeType, abi};
use crate::error::{Code, Result};

/// `CK_ATTRIBUTE[]` whose memory the C interface has checked and read.
#[derive(Clone, Debug, Default)]
pub struct Template<'a> {
    pub entries: Vec<Entry<'a>>,
}

impl<'a> Template<'a> {
    /// What the first entry of this type points to.
    pub fn find(&self, id: AttributeType) -> Option<&Raw<'a>> {
        self.entries.iter().find(|entry| entry.id == id).map(|entry| &entry.value)
    }

    /// The value of a `CK_ULONG`, if it is there.
    ///
    /// # Errors
    /// AttributeValueInvalid for a value of another length.
    pub fn number(&self, id: AttributeType) -> Result<Option<u64>> {
        match self.find(id) {
            None => Ok(None),
            Some(Raw::Bytes(bytes)) if let Some(number) = abi::number(bytes) => Ok(Some(number)),
            Some(_) => Err(Code::AttributeValueInvalid.because(format!("{id:?} is no CK_ULONG"))),
        }
    }

    /// # Errors
    /// TemplateInconsistent if an attribute is there twice, whatever the values.
    pub fn unique(&self) -> Result<()> {
        let mut types: Vec<_> = self.entries.iter().map(|entry| entry.id).collect();
        types.sort_unstable();
        match types.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Code::TemplateInconsistent.because(format!("{:?} twice", pair[0]))),
            None => Ok(()),
        }
    }
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
