//! What a key may do, decided once from its attributes.

use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use crate::lifecycle::Lifecycle;
use crate::mechanism::{Function, MechanismType};
use crate::policy::{Roles, significant_bits};

/// `CKA_SIGN` and its like, `CKA_ALLOWED_MECHANISMS`, `CKA_ALWAYS_AUTHENTICATE`, state and dates.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// Size of an RSA modulus; `None` for keys that are never too short to sign.
    bits: Option<u64>,
    functions: u64,
    /// The functions whose first use has to be recorded.
    to_record: u64,
    pub roles: Roles,
    allowed: Option<Box<[u64]>>,
    pub always_authenticate: bool,
    pub lifecycle: Lifecycle,
}

/// The usage attribute of each function that has one.
const ATTRIBUTES: [(Function, AttributeType); 9] = [
    (Function::Encrypt, AttributeType::ENCRYPT),
    (Function::Decrypt, AttributeType::DECRYPT),
    (Function::Sign, AttributeType::SIGN),
    (Function::Verify, AttributeType::VERIFY),
    (Function::SignRecover, AttributeType::SIGN_RECOVER),
    (Function::VerifyRecover, AttributeType::VERIFY_RECOVER),
    (Function::Wrap, AttributeType::WRAP),
    (Function::Unwrap, AttributeType::UNWRAP),
    (Function::Derive, AttributeType::DERIVE),
];

impl Usage {
    pub fn of(attributes: &Attributes) -> Self {
        let functions = ATTRIBUTES
            .iter()
            .filter(|(_, attribute)| attributes.is_true(*attribute))
            .fold(0, |bits, (function, _)| bits | 1 << *function as u64);
        let allowed = match attributes.find(AttributeType::ALLOWED_MECHANISMS) {
            Some(Value::Mechanisms(list)) if !list.is_empty() => Some(list.to_vec().into()),
            _ => None,
        };
        let roles = Roles::of(attributes);
        let secret = attributes.class() == Some(ObjectClass::SECRET_KEY);
        let to_record = if secret { roles.to_record(functions) } else { 0 };
        let bits = match attributes.key_type() {
            Some(KeyType::RSA) => attributes.bytes(AttributeType::MODULUS).map(significant_bits),
            _ => None,
        };
        let always_authenticate = attributes.is_true(AttributeType::ALWAYS_AUTHENTICATE);
        let lifecycle = Lifecycle::of(attributes);
        Self { bits, functions, to_record, roles, allowed, always_authenticate, lifecycle }
    }

    /// Whether the key has to have `least` bits to sign, and has fewer.
    pub fn is_short(&self, least: u64) -> bool {
        self.bits.is_some_and(|bits| bits < least)
    }

    /// Whether the usage attribute of `function` is true.
    pub fn permits(&self, function: Function) -> bool {
        self.functions & 1 << function as u64 != 0
    }

    /// Whether the first use for `function` has to be recorded, because it excludes another.
    pub fn must_record(&self, function: Function) -> bool {
        self.to_record & 1 << function as u64 != 0
    }

    /// Whether `CKA_ALLOWED_MECHANISMS` names the mechanism; an empty list restricts nothing.
    pub fn allows(&self, mechanism: MechanismType) -> bool {
        self.allowed.as_ref().is_none_or(|list| list.contains(&mechanism.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_do_what_its_attributes_say_and_nothing_else() {
        for (function, attribute) in ATTRIBUTES {
            let usage = Usage::of(&[(attribute, Value::Bool(true))].into_iter().collect());
            for (other, _) in ATTRIBUTES {
                assert_eq!(usage.permits(other), other == function);
            }
            assert!(!usage.permits(Function::Digest));
        }
    }

    #[test]
    fn only_secret_keys_have_first_uses_to_record() {
        let usage = |class: ObjectClass| {
            let class = (AttributeType::CLASS, Value::Number(class.0));
            let uses =
                [AttributeType::WRAP, AttributeType::DECRYPT].map(|id| (id, Value::Bool(true)));
            Usage::of(&uses.into_iter().chain([class]).collect())
        };
        assert!(usage(ObjectClass::SECRET_KEY).must_record(Function::Wrap));
        assert!(usage(ObjectClass::SECRET_KEY).must_record(Function::Decrypt));
        assert!(!usage(ObjectClass::SECRET_KEY).must_record(Function::Sign));
        assert!(!usage(ObjectClass::PRIVATE_KEY).must_record(Function::Decrypt));
    }

    #[test]
    fn an_empty_list_of_mechanisms_restricts_nothing() {
        let usage = |list: &[u64]| {
            let list = Value::Mechanisms(list.into());
            Usage::of(&[(AttributeType::ALLOWED_MECHANISMS, list)].into_iter().collect())
        };
        assert!(Usage::default().allows(MechanismType::ECDSA));
        assert!(usage(&[]).allows(MechanismType::ECDSA));
        assert!(usage(&[MechanismType::ECDSA.0]).allows(MechanismType::ECDSA));
        assert!(!usage(&[MechanismType::ECDSA.0]).allows(MechanismType::AES_GCM));
    }
}
