//! What the token refuses beyond the standard, as the configuration chooses.

use serde::Deserialize;

use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass};
use crate::error::{Code, Result};
use crate::mechanism::Function;

/// `policy` of the configuration.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// The role latch: the first use of a secret key decides what it is for.
    #[default]
    Standard,
    /// Also refuses keys that could be used against themselves, keys that no PIN guards, and
    /// wrapping under a key that is not trusted or weaker.
    Strict,
    /// As the standard alone has it.
    Compatible,
}

/// Two functions that, done with one secret key, show other keys' values: whoever may wrap a key
/// and decrypt the result has it; whoever may encrypt a value and unwrap the result has planted it
/// (Clulow, "On the security of PKCS #11").
const CONFLICTS: [(Function, Function, AttributeType, AttributeType); 2] = [
    (Function::Wrap, Function::Decrypt, AttributeType::WRAP, AttributeType::DECRYPT),
    (Function::Unwrap, Function::Encrypt, AttributeType::UNWRAP, AttributeType::ENCRYPT),
];

/// What a secret key was used for, once that excludes something: the bits of
/// [`AttributeType::KEYWAY_ROLES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u64);

impl Roles {
    pub fn of(attributes: &Attributes) -> Self {
        Self(attributes.number(AttributeType::KEYWAY_ROLES).unwrap_or(0))
    }

    pub fn bits(self) -> u64 {
        self.0
    }

    /// These and `function`.
    pub fn with(self, function: Function) -> Self {
        Self(self.0 | bit(function))
    }

    /// What the key was used for that excludes `function`, if anything.
    pub fn exclude(self, function: Function) -> Option<Function> {
        counterpart(function).filter(|other| self.0 & bit(*other) != 0)
    }

    /// Whether using a key with these attributes for `function` has to be recorded first: it could
    /// still be used for the counterpart.
    pub fn must_record(self, attributes: &Attributes, function: Function) -> bool {
        attributes.class() == Some(ObjectClass::SECRET_KEY)
            && self.0 & bit(function) == 0
            && conflict(function)
                .is_some_and(|(_, _, a, b)| attributes.is_true(*a) && attributes.is_true(*b))
    }
}

fn bit(function: Function) -> u64 {
    1 << function as u64
}

fn conflict(
    function: Function,
) -> Option<&'static (Function, Function, AttributeType, AttributeType)> {
    CONFLICTS.iter().find(|(a, b, ..)| *a == function || *b == function)
}

fn counterpart(function: Function) -> Option<Function> {
    conflict(function).map(|(a, b, ..)| if *a == function { *b } else { *a })
}

impl Policy {
    /// Whether CKA_START_DATE and CKA_END_DATE restrict the use of a key. The standard has them "for
    /// reference only".
    pub fn binds_dates(self) -> bool {
        self != Self::Compatible
    }

    /// Whether the first use of a secret key decides.
    pub fn latches(self) -> bool {
        self != Self::Compatible
    }

    /// Whether a key with these attributes may come into being.
    ///
    /// # Errors
    /// TemplateInconsistent under `strict`, for a secret key that may both wrap and decrypt, or
    /// unwrap and encrypt, and for a private or secret key that no PIN guards.
    pub fn admit(self, attributes: &Attributes) -> Result<()> {
        let class = attributes.class();
        let secret = class == Some(ObjectClass::SECRET_KEY);
        if self != Self::Strict || !(secret || class == Some(ObjectClass::PRIVATE_KEY)) {
            return Ok(());
        }
        if !attributes.is_true(AttributeType::PRIVATE) {
            return Err(Code::TemplateInconsistent
                .because("policy strict: no PIN guards a key with CKA_PRIVATE false"));
        }
        let both = |row: &&(_, _, AttributeType, AttributeType)| {
            attributes.is_true(row.2) && attributes.is_true(row.3)
        };
        match CONFLICTS.iter().find(both).filter(|_| secret) {
            Some((_, _, a, b)) => Err(Code::TemplateInconsistent
                .because(format!("policy strict: a secret key with both {a:?} and {b:?}"))),
            None => Ok(()),
        }
    }

    /// Whether `key` may be wrapped under `wrapping`.
    ///
    /// # Errors
    /// KeyNotWrappable under `strict`, for a sensitive key under one that is not CKA_TRUSTED, and
    /// for any key under a weaker one.
    pub fn admit_wrapping(self, wrapping: &Attributes, key: &Attributes) -> Result<()> {
        if self != Self::Strict {
            return Ok(());
        }
        if key.is_true(AttributeType::SENSITIVE) && !wrapping.is_true(AttributeType::TRUSTED) {
            return Err(Code::KeyNotWrappable
                .because("policy strict: a sensitive key leaves under a CKA_TRUSTED key only"));
        }
        let (outer, inner) = (strength(wrapping), strength(key));
        match outer < inner {
            true => Err(Code::KeyNotWrappable.because(format!(
                "policy strict: the wrapping key has {outer} bits of strength, the key {inner}"
            ))),
            false => Ok(()),
        }
    }
}

/// Security strength in bits (NIST SP 800-57 part 1, table 2); what nothing is known of counts as
/// the strongest there is.
fn strength(key: &Attributes) -> u64 {
    const STRONGEST: u64 = 256;
    let bits = |id| key.bytes(id).map(significant_bits);
    let finite_field = |bits: u64| match bits {
        ..2048 => 80,
        2048..3072 => 112,
        3072..7680 => 128,
        7680..15360 => 192,
        _ => STRONGEST,
    };
    match key.key_type() {
        Some(KeyType::RSA) => bits(AttributeType::MODULUS).map_or(STRONGEST, finite_field),
        Some(KeyType::DH | KeyType::DSA) => {
            bits(AttributeType::PRIME).map_or(STRONGEST, finite_field)
        }
        Some(KeyType::EC) => match key.bytes(AttributeType::EC_PARAMS) {
            Some(b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07") => 128,
            Some(b"\x06\x05\x2b\x81\x04\x00\x22") => 192,
            _ => STRONGEST,
        },
        Some(KeyType::EC_EDWARDS | KeyType::EC_MONTGOMERY) => 128,
        _ => {
            key.bytes(AttributeType::VALUE).map_or(STRONGEST, |v| v.len() as u64 * 8).min(STRONGEST)
        }
    }
}

/// Length of a big-endian number in bits.
pub(crate) fn significant_bits(number: &[u8]) -> u64 {
    let digits = number.iter().position(|byte| *byte != 0).map_or(&[][..], |i| &number[i..]);
    match digits {
        [] => 0,
        [first, ..] => digits.len() as u64 * 8 - u64::from(first.leading_zeros()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Value;

    fn key(class: ObjectClass, yes: &[AttributeType]) -> Attributes {
        let mut key: Attributes = yes.iter().map(|id| (*id, Value::Bool(true))).collect();
        key.set(AttributeType::CLASS, Value::Number(class.0));
        key
    }

    #[test]
    fn the_first_use_excludes_its_counterpart_and_nothing_else() {
        use Function::{Decrypt, Encrypt, Sign, Unwrap, Wrap};
        for (first, excluded) in
            [(Wrap, Decrypt), (Decrypt, Wrap), (Unwrap, Encrypt), (Encrypt, Unwrap)]
        {
            let roles = Roles::default().with(first);
            for function in [Encrypt, Decrypt, Sign, Wrap, Unwrap] {
                assert_eq!(roles.exclude(function).is_some(), function == excluded);
            }
        }
    }

    #[test]
    fn only_secret_keys_with_both_roles_are_recorded() {
        let both = [AttributeType::WRAP, AttributeType::DECRYPT];
        let none = Roles::default();
        let secret = key(ObjectClass::SECRET_KEY, &both);
        assert!(none.must_record(&secret, Function::Wrap));
        assert!(!none.with(Function::Wrap).must_record(&secret, Function::Wrap));
        assert!(!none.must_record(&secret, Function::Sign));
        let one = key(ObjectClass::SECRET_KEY, &both[..1]);
        assert!(!none.must_record(&one, Function::Wrap));
        assert!(!none.must_record(&key(ObjectClass::PRIVATE_KEY, &both), Function::Decrypt));
    }

    #[test]
    fn strict_refuses_conflicting_and_unguarded_keys() {
        use AttributeType as A;
        let refused = |yes: &[A]| Policy::Strict.admit(&key(ObjectClass::SECRET_KEY, yes)).is_err();
        assert!(refused(&[A::PRIVATE, A::WRAP, A::DECRYPT]));
        assert!(refused(&[A::PRIVATE, A::UNWRAP, A::ENCRYPT]));
        assert!(refused(&[A::ENCRYPT]));
        assert!(!refused(&[A::PRIVATE, A::WRAP, A::UNWRAP]));
        assert!(!refused(&[A::PRIVATE, A::ENCRYPT, A::DECRYPT]));
        let conflicting = key(ObjectClass::SECRET_KEY, &[A::WRAP, A::DECRYPT]);
        assert!(Policy::Standard.admit(&conflicting).is_ok());
    }

    #[test]
    fn strict_wraps_nothing_under_a_weaker_or_untrusted_key() {
        let aes = |bytes: usize, yes: &[AttributeType]| {
            let mut key = key(ObjectClass::SECRET_KEY, yes);
            key.set(AttributeType::KEY_TYPE, Value::Number(KeyType::AES.0));
            key.set(AttributeType::VALUE, Value::bytes(vec![1; bytes]));
            key
        };
        let trusted = [AttributeType::TRUSTED];
        let refused = |outer, inner| Policy::Strict.admit_wrapping(&outer, &inner).is_err();
        assert!(refused(aes(16, &trusted), aes(32, &[])));
        assert!(!refused(aes(32, &trusted), aes(32, &[AttributeType::SENSITIVE])));
        assert!(refused(aes(32, &[]), aes(32, &[AttributeType::SENSITIVE])));
        let weak = Policy::Standard.admit_wrapping(&aes(16, &[]), &aes(32, &[]));
        assert!(weak.is_ok());
    }
}
