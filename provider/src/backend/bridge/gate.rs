//! What of an inner token goes through the bridge at all: mechanisms and keys, as the
//! configuration allows and denies them.

use super::record::is_record;
use crate::attribute::{AttributeType, Attributes, ObjectClass};
use crate::error::{Code, Result};
use crate::mechanism::MechanismType;

/// Lists of the configuration. Without an allow list everything is allowed; what is denied is so
/// whatever allows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    pub mechanisms: Lists<MechanismType>,
    /// By `CKA_LABEL`.
    pub keys: Lists<Pattern>,
}

/// What is allowed and what is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lists<T> {
    pub allowed: Option<Vec<T>>,
    pub denied: Vec<T>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { allowed: None, denied: Vec::new() }
    }
}

/// A label, or what it begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    Whole(String),
    Beginning(String),
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some(beginning) => Self::Beginning(beginning.to_owned()),
            None => Self::Whole(text.to_owned()),
        }
    }
}

impl Pattern {
    fn is(&self, label: &[u8]) -> bool {
        match self {
            Self::Whole(text) => label == text.as_bytes(),
            Self::Beginning(text) => label.starts_with(text.as_bytes()),
        }
    }
}

impl<T> Lists<T> {
    fn admit(&self, is: impl Fn(&T) -> bool) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.iter().any(&is))
            && !self.denied.iter().any(&is)
    }
}

impl Gate {
    pub(super) fn admits_mechanism(&self, id: MechanismType) -> bool {
        self.mechanisms.admit(|listed| *listed == id)
    }

    /// Whether an object may be seen. Only keys are held back, and what the bridge keeps of keys:
    /// certificates and other data are not used.
    pub(super) fn shows(&self, attributes: &Attributes) -> bool {
        if is_record(attributes) {
            return false;
        }
        let label = attributes.bytes(AttributeType::LABEL).unwrap_or_default();
        !attributes.class().is_some_and(ObjectClass::is_key)
            || self.keys.admit(|pattern| pattern.is(label))
    }

    /// Whether an object may be made, or get these attributes.
    ///
    /// # Errors
    /// TemplateInconsistent for a key that would be out of sight.
    pub(super) fn admit(&self, attributes: &Attributes) -> Result<()> {
        match self.shows(attributes) {
            true => Ok(()),
            false if is_record(attributes) => {
                Err(Code::TemplateInconsistent
                    .because("data of this CKA_APPLICATION is the bridge's"))
            }
            false => Err(Code::TemplateInconsistent.because(format!(
                "the configuration of this slot lets no key with the label '{}' through",
                String::from_utf8_lossy(attributes.bytes(AttributeType::LABEL).unwrap_or_default())
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Value;

    fn object(class: ObjectClass, label: &str) -> Attributes {
        Attributes::from_iter([
            (AttributeType::CLASS, Value::Number(class.0)),
            (AttributeType::LABEL, Value::bytes(label.as_bytes())),
        ])
    }

    #[test]
    fn what_is_denied_is_so_whatever_allows_it() {
        let lists = |allowed: Option<&[&str]>, denied: &[&str]| Lists {
            allowed: allowed.map(|allowed| allowed.iter().map(|text| (*text).into()).collect()),
            denied: denied.iter().map(|text| (*text).into()).collect(),
        };
        let shows = |keys: &Lists<Pattern>, label| {
            let gate = Gate { keys: keys.clone(), ..Gate::default() };
            let key = object(ObjectClass::PRIVATE_KEY, label);
            assert_eq!(gate.admit(&key).is_ok(), gate.shows(&key));
            gate.shows(&key)
        };
        let open = lists(None, &["root"]);
        assert!(shows(&open, "web") && !shows(&open, "root") && shows(&open, "root-2"));
        let closed = lists(Some(&["web*", "ca"]), &["web-old*"]);
        assert!(shows(&closed, "web-1") && shows(&closed, "ca"));
        assert!(!shows(&closed, "web-old-1") && !shows(&closed, "ca2") && !shows(&closed, ""));
        let gate = Gate { keys: closed, ..Gate::default() };
        assert!(gate.shows(&object(ObjectClass::CERTIFICATE, "other")));
    }

    #[test]
    fn mechanisms_go_by_their_numbers() {
        let mut gate = Gate::default();
        assert!(gate.admits_mechanism(MechanismType::ECDSA));
        gate.mechanisms.denied.push(MechanismType::ECDSA);
        assert!(!gate.admits_mechanism(MechanismType::ECDSA));
        assert!(gate.admits_mechanism(MechanismType::RSA_PKCS));
    }
}
