//! Reading the parts of a key out of its attributes, and putting in what follows from them.

use crate::attribute::{AttributeType, Attributes, ObjectClass, Value};
use crate::error::{Code, Result};
use crate::secret::Secret;

/// Which half of a key pair an object holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Public,
    Private,
}

impl Half {
    /// # Errors
    /// KeyTypeInconsistent for a class that holds no half of a key pair.
    pub(super) fn of(attributes: &Attributes) -> Result<Self> {
        match attributes.class() {
            Some(ObjectClass::PUBLIC_KEY) => Ok(Self::Public),
            Some(ObjectClass::PRIVATE_KEY) => Ok(Self::Private),
            class => Err(Code::KeyTypeInconsistent
                .because(format!("{class:?} holds no key of {:?}", attributes.key_type()))),
        }
    }

    /// # Errors
    /// KeyTypeInconsistent if this is the other half.
    pub(super) fn must_be(self, wanted: Self) -> Result<()> {
        match self == wanted {
            true => Ok(()),
            false => Err(Code::KeyTypeInconsistent
                .because(format!("the mechanism wants the {wanted:?} half of the key"))),
        }
    }
}

/// # Errors
/// TemplateIncomplete if the attribute is not there or empty.
pub(super) fn required(attributes: &Attributes, id: AttributeType) -> Result<&[u8]> {
    match attributes.bytes(id) {
        Some([]) | None => Err(Code::TemplateIncomplete.because(format!("{id:?} is missing"))),
        Some(bytes) => Ok(bytes),
    }
}

/// Adds what follows from the key; what the application said of it already must agree.
///
/// # Errors
/// TemplateInconsistent for another value than the one that follows.
pub(super) fn follows(attributes: &mut Attributes, id: AttributeType, value: Value) -> Result<()> {
    match attributes.find(id) {
        Some(said) if *said != value && said.as_bytes() != Some(&[]) => {
            Err(Code::TemplateInconsistent.because(format!("{id:?} does not belong to the key")))
        }
        _ => {
            attributes.set(id, value);
            Ok(())
        }
    }
}

/// The last `length` bytes of a shared secret, all of it if nothing is asked for: "the truncation
/// removes bytes from the leading end of the secret value".
///
/// # Errors
/// KeySizeRange for no bytes, or more than there are.
pub(super) fn truncated(secret: Secret, length: Option<usize>) -> Result<Secret> {
    match length {
        None => Ok(secret),
        Some(length) if length == secret.len() => Ok(secret),
        Some(length) if (1..secret.len()).contains(&length) => {
            Ok(Secret::copy_of(&secret.expose()[secret.len() - length..]))
        }
        Some(length) => Err(Code::KeySizeRange
            .because(format!("{length} bytes of a shared secret of {}", secret.len()))),
    }
}
