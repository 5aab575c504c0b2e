//! What the token refuses beyond the standard, as the configuration chooses.

pub mod relaxation;
mod strength;

use serde::Deserialize;

use crate::attribute::{AttributeType, Attributes, ObjectClass, Value};
use crate::error::{Code, Result};
use crate::mechanism::{Function, Params};

pub use relaxation::Relaxation;
pub(crate) use strength::significant_bits;

/// The shortest key in bytes that is derived from a sensitive one: 112 bits. A MAC under a shorter
/// key would show it, and keys of growing length show each other byte by byte.
const LEAST_DERIVED: usize = 112 / 8;

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

    /// The roles of a key whose attributes change from `before` to `after`. A role that it had alone
    /// was used without a record; it counts as used when its counterpart comes, or when it goes.
    pub fn after(before: &Attributes, after: &Attributes) -> Self {
        let roles = Self::of(before);
        if before.class() != Some(ObjectClass::SECRET_KEY) {
            return roles;
        }
        let sides = CONFLICTS.iter().flat_map(|(f, g, a, b)| [(*f, *a, *b), (*g, *b, *a)]);
        let lost = sides.filter(|(function, one, other)| {
            let alone = before.is_true(*one) && !before.is_true(*other);
            alone
                && roles.exclude(*function).is_none()
                && (after.is_true(*other) || !after.is_true(*one))
        });
        lost.fold(roles, |roles, (function, ..)| roles.with(function))
    }

    /// What the key was used for that excludes `function`, if anything.
    pub fn exclude(self, function: Function) -> Option<Function> {
        counterpart(function).filter(|other| self.0 & bit(*other) != 0)
    }

    /// Of what a secret key may do (`permitted`: one bit a function), what has to be recorded before
    /// it is done: the key could still be used for the counterpart.
    pub fn to_record(self, permitted: u64) -> u64 {
        let pairs = CONFLICTS.iter().map(|(one, other, ..)| bit(*one) | bit(*other));
        let undecided = pairs.filter(|both| permitted & both == *both);
        undecided.fold(0, |bits, both| bits | both) & !self.0
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

    /// Whether a key whose template names no use may do this. Under `strict` no key wraps and
    /// unwraps unless its template says so: the other half of its uses would be refused with it.
    pub fn gives_unasked(self, usage: AttributeType) -> bool {
        self != Self::Strict || !matches!(usage, AttributeType::WRAP | AttributeType::UNWRAP)
    }

    /// Whether the first use of a secret key decides.
    pub fn latches(self) -> bool {
        self != Self::Compatible
    }

    /// Whether what the security officer vouches for is held together: a CKA_TRUSTED wrapping key
    /// would show a key with CKA_WRAP_WITH_TRUSTED otherwise, by what it unwraps, by a copy of it,
    /// by a key derived from either.
    pub fn guards_trust(self) -> bool {
        self != Self::Compatible
    }

    /// Whether mechanisms wrap that let a changed key through.
    pub fn wraps_malleably(self) -> bool {
        self == Self::Compatible
    }

    /// Whether this, which is about to happen, may; the log is told once of each that does.
    pub fn lets_pass(self, what: Relaxation) -> bool {
        let passes = self == Self::Compatible;
        if passes {
            what.log();
        }
        passes
    }

    /// Whether this key of `length` bytes may be derived from `base`.
    ///
    /// # Errors
    /// KeySizeRange for less than 112 bits from a sensitive key, of length or of strength: the bytes
    /// of a strong key are a weak one as CKK_DES2.
    pub fn admit_derived(
        self,
        base: &Attributes,
        wanted: &Attributes,
        length: usize,
    ) -> Result<()> {
        let weak = strength::of_key(wanted).is_some_and(|bits| bits < 8 * LEAST_DERIVED as u64);
        let guessed = weak || length < LEAST_DERIVED;
        let hides = base.is_true(AttributeType::SENSITIVE) && guessed;
        match hides && !self.lets_pass(Relaxation::ShortDerivation) {
            false => Ok(()),
            true => Err(Code::KeySizeRange.because(format!(
                "{length} bytes of a {:?} derived from a sensitive key could be guessed",
                wanted.key_type()
            ))),
        }
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

    /// Whether a key may change from `before` to `after`: to what could not be made, unless it was
    /// that already.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub fn admit_change(self, before: &Attributes, after: &Attributes) -> Result<()> {
        self.admit(after).or_else(|refused| self.admit(before).map_or(Ok(()), |()| Err(refused)))
    }

    /// What a change from `before` makes of the roles in `after`.
    pub fn keep_roles(self, before: &Attributes, after: &mut Attributes) {
        let roles = Roles::after(before, after);
        if self.latches() && roles != Roles::of(before) {
            after.set(AttributeType::KEYWAY_ROLES, Value::Number(roles.bits()));
        }
    }

    /// Whether `key` may be wrapped under `wrapping` with a mechanism of these parameters.
    ///
    /// # Errors
    /// KeyNotWrappable for a key with CKA_WRAP_WITH_TRUSTED in a mode that shows it to whoever wraps
    /// a key of his own with the same nonce; under `strict` that for every sensitive key, for a
    /// sensitive key under one that is not CKA_TRUSTED, and for any key under a weaker one, or under
    /// a temporary key that is weaker.
    pub fn admit_wrapping(
        self,
        wrapping: &Attributes,
        params: &Params<'_>,
        key: &Attributes,
    ) -> Result<()> {
        let strict = self == Self::Strict;
        let guarded = key.is_true(AttributeType::WRAP_WITH_TRUSTED)
            || strict && key.is_true(AttributeType::SENSITIVE);
        if self.guards_trust() && guarded && params.choose_nonce() {
            return Err(Code::KeyNotWrappable.because(
                "the caller chooses the nonce: a known key wrapped with it shows this one",
            ));
        }
        if !strict {
            return Ok(());
        }
        if key.is_true(AttributeType::SENSITIVE) && !wrapping.is_true(AttributeType::TRUSTED) {
            return Err(Code::KeyNotWrappable
                .because("policy strict: a sensitive key leaves under a CKA_TRUSTED key only"));
        }
        // A key of unknown strength wraps none, and is wrapped by the strongest.
        let outer = strength::of_key(wrapping).unwrap_or(0).min(strength::of_mechanism(params));
        let inner = strength::of_key(key).unwrap_or(u64::MAX).min(256);
        match outer < inner {
            true => Err(Code::KeyNotWrappable.because(format!(
                "policy strict: the wrapping has {outer} bits of strength, the key {inner}"
            ))),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::KeyType;

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
        let (wrap, both) = (bit(Function::Wrap), bit(Function::Wrap) | bit(Function::Decrypt));
        let none = Roles::default();
        assert_eq!(none.to_record(both | bit(Function::Sign)), both);
        assert_eq!(none.with(Function::Wrap).to_record(both), bit(Function::Decrypt));
        assert_eq!(none.to_record(wrap), 0);
        assert_eq!(none.to_record(wrap | bit(Function::Unwrap)), 0);
    }

    #[test]
    fn a_role_that_a_key_had_alone_counts_as_used_when_that_changes() {
        use AttributeType as A;
        let roles = |before: &[A], after: &[A]| {
            let [before, after] = [before, after].map(|yes| key(ObjectClass::SECRET_KEY, yes));
            Roles::after(&before, &after)
        };
        let (none, wrap) = (Roles::default(), Roles::default().with(Function::Wrap));
        assert_eq!(roles(&[A::WRAP], &[A::WRAP, A::DECRYPT]), wrap);
        assert_eq!(roles(&[A::WRAP], &[]), wrap);
        assert_eq!(roles(&[A::WRAP], &[A::DECRYPT]), wrap);
        assert_eq!(roles(&[A::WRAP], &[A::WRAP, A::SIGN]), none);
        assert_eq!(roles(&[A::WRAP, A::DECRYPT], &[A::DECRYPT]), none);
        assert_eq!(roles(&[A::SIGN], &[A::WRAP, A::DECRYPT]), none);
        let mut decided = key(ObjectClass::SECRET_KEY, &[A::WRAP]);
        decided.set(A::KEYWAY_ROLES, Value::Number(Roles::default().with(Function::Decrypt).0));
        let both = key(ObjectClass::SECRET_KEY, &[A::WRAP, A::DECRYPT]);
        assert_eq!(Roles::after(&decided, &both), Roles::default().with(Function::Decrypt));
        let private = key(ObjectClass::PRIVATE_KEY, &[A::UNWRAP]);
        assert_eq!(Roles::after(&private, &key(ObjectClass::PRIVATE_KEY, &[])), none);
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
        let none = Params::None;
        let refused = |outer, inner| Policy::Strict.admit_wrapping(&outer, &none, &inner).is_err();
        assert!(refused(aes(16, &trusted), aes(32, &[])));
        assert!(!refused(aes(32, &trusted), aes(32, &[AttributeType::SENSITIVE])));
        assert!(refused(aes(32, &[]), aes(32, &[AttributeType::SENSITIVE])));
        let weak = Policy::Standard.admit_wrapping(&aes(16, &[]), &none, &aes(32, &[]));
        assert!(weak.is_ok());
        assert!(refused(Attributes::new(), aes(16, &[])));
        assert!(!refused(aes(32, &[]), Attributes::new()));
    }
}
