//! `C_DeriveKey`: a secret key whose material and history come from another key.

use crate::attribute::rule::Act;
use crate::attribute::table::class_of;
use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Template, Value};
use crate::engine::des;
use crate::error::{Code, Result};
use crate::lifecycle::{self, Lifecycle};
use crate::mechanism::{MechanismSpec, MechanismType};
use crate::object::Caller;
use crate::object::derive_data::for_data;
use crate::object::draft::{Draft, identity};
use crate::object::read::nested;
use crate::object::tls;
use crate::policy::Policy;

/// An object to derive: its attributes, complete but for the material, what follows from it, and
/// `CKA_UNIQUE_ID`; and how many bytes it has, `None` where the mechanism decides.
#[derive(Debug)]
pub struct Wanted {
    pub attributes: Attributes,
    pub length: Option<usize>,
}

/// What a derived key takes over of `CKA_SENSITIVE` and `CKA_EXTRACTABLE`. The history goes on in
/// each case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inheritance {
    /// What the base key hides stays hidden.
    Hiding,
    /// What the template is silent of.
    Defaults,
}

/// The mechanisms whose section says so: "Miscellaneous simple key derivation mechanisms", "Generic
/// Key Derivation using the TLS PRF", "Key Derivation Attribute Rules" of SP800-108.
const INHERITING: [(MechanismType, Inheritance); 12] = [
    (MechanismType::CONCATENATE_BASE_AND_KEY, Inheritance::Hiding),
    (MechanismType::CONCATENATE_BASE_AND_DATA, Inheritance::Hiding),
    (MechanismType::CONCATENATE_DATA_AND_BASE, Inheritance::Hiding),
    (MechanismType::XOR_BASE_AND_DATA, Inheritance::Hiding),
    (MechanismType::EXTRACT_KEY_FROM_KEY, Inheritance::Hiding),
    (MechanismType::TLS_KDF, Inheritance::Hiding),
    (MechanismType::TLS_KDF, Inheritance::Defaults),
    (MechanismType::TLS12_KDF, Inheritance::Hiding),
    (MechanismType::TLS12_KDF, Inheritance::Defaults),
    (MechanismType::SP800_108_COUNTER_KDF, Inheritance::Defaults),
    (MechanismType::SP800_108_FEEDBACK_KDF, Inheritance::Defaults),
    (MechanismType::SP800_108_DOUBLE_PIPELINE_KDF, Inheritance::Defaults),
];

/// "If no length was provided in the template, but a key type is, then that key type must have a
/// well-defined length. [...] If it doesn't, an error will be returned" (section "Hash-based key
/// derivation").
const DIGESTING: [MechanismType; 11] = [
    MechanismType::SHA1_KEY_DERIVATION,
    MechanismType::SHA224_KEY_DERIVATION,
    MechanismType::SHA256_KEY_DERIVATION,
    MechanismType::SHA384_KEY_DERIVATION,
    MechanismType::SHA512_KEY_DERIVATION,
    MechanismType::SHA512_224_KEY_DERIVATION,
    MechanismType::SHA512_256_KEY_DERIVATION,
    MechanismType::SHA3_224_KEY_DERIVATION,
    MechanismType::SHA3_256_KEY_DERIVATION,
    MechanismType::SHA3_384_KEY_DERIVATION,
    MechanismType::SHA3_512_KEY_DERIVATION,
];

/// A key to derive from `base`. A template without class and key type means a generic secret; what
/// `CKA_DERIVE_TEMPLATE` of the base key says is added.
///
/// `CKA_ALWAYS_SENSITIVE` and `CKA_NEVER_EXTRACTABLE` hold if they hold for the base key and the
/// derived key keeps them up. A base key that may not protect gives a deactivated key, and none
/// outlives its base.
///
/// # Errors
/// As [`from_template`](crate::object::from_template); TemplateInconsistent for a template that
/// contradicts `CKA_DERIVE_TEMPLATE`, describes no secret key, or wants to show what the base key
/// hides; KeyFunctionNotPermitted for a trusted key whose value the derived one would have.
pub fn for_derive(
    spec: &MechanismSpec,
    template: &Template<'_>,
    base: &Attributes,
    caller: Caller,
) -> Result<Wanted> {
    if spec.id == MechanismType::HKDF_DATA {
        return for_data(template, base, caller);
    }
    let mut terms = match spec.id {
        MechanismType::TLS12_MASTER_KEY_DERIVE
        | MechanismType::TLS12_MASTER_KEY_DERIVE_DH
        | MechanismType::TLS12_EXTENDED_MASTER_KEY_DERIVE
        | MechanismType::TLS12_EXTENDED_MASTER_KEY_DERIVE_DH => tls::master(),
        _ => Terms::default(),
    };
    let inherits = |what| INHERITING.contains(&(spec.id, what));
    if inherits(Inheritance::Hiding) {
        if base.is_true(AttributeType::TRUSTED) && caller.policy.guards_trust() {
            return Err(Code::KeyFunctionNotPermitted
                .because("a trusted key does not give its value to another key"));
        }
        terms.demand(&hidden(base, caller.policy));
    }
    if inherits(Inheritance::Defaults) {
        terms.suggested = shown(base);
    }
    let wanted = derived(template, terms, base, caller)?;
    let generic = wanted.attributes.key_type() == Some(KeyType::GENERIC_SECRET);
    match wanted.length {
        None if !generic && DIGESTING.contains(&spec.id) => Err(Code::TemplateIncomplete
            .because("CKA_VALUE_LEN is needed for a key type of more than one length")),
        _ => Ok(wanted),
    }
}

/// What a mechanism says of the keys that it derives.
#[derive(Default)]
pub(super) struct Terms {
    /// A template may not say otherwise.
    pub demanded: Attributes,
    /// For a template that is silent.
    pub suggested: Attributes,
}

impl Terms {
    pub(super) fn demand(&mut self, more: &Attributes) {
        more.iter().for_each(|(id, value)| self.demanded.set(id, value.clone()));
    }
}

/// As [`for_derive`], on the terms of a mechanism.
pub(super) fn derived(
    template: &Template<'_>,
    terms: Terms,
    base: &Attributes,
    caller: Caller,
) -> Result<Wanted> {
    let of_base = nested(base, AttributeType::DERIVE_TEMPLATE);
    let key_type = template
        .number(AttributeType::KEY_TYPE)?
        .or(of_base.number(AttributeType::KEY_TYPE))
        .or(terms.demanded.number(AttributeType::KEY_TYPE));
    let key_type = key_type.unwrap_or(KeyType::GENERIC_SECRET.0);
    let class = class_of(ObjectClass::SECRET_KEY, Some(key_type))?;
    let mut draft = Draft::new(class, template)?;
    draft.impose(of_base)?;
    draft.impose(&identity(class))?;
    draft.impose(&terms.demanded)?;
    draft.impose(&Lifecycle::of(base).inherited(base, &draft.attributes, caller.policy))?;
    draft.suggest(&terms.suggested);
    draft.check(Act::Derive, caller)?;
    let mut attributes = draft.complete(Act::Derive, caller.policy)?;
    let sensitive = attributes.is_true(AttributeType::SENSITIVE);
    let extractable = attributes.is_true(AttributeType::EXTRACTABLE);
    let always = base.is_true(AttributeType::ALWAYS_SENSITIVE) && sensitive;
    let never = base.is_true(AttributeType::NEVER_EXTRACTABLE) && !extractable;
    attributes.set(AttributeType::ALWAYS_SENSITIVE, Value::Bool(always));
    attributes.set(AttributeType::NEVER_EXTRACTABLE, Value::Bool(never));
    caller.admit(&[&attributes])?;
    let length = derived_length(&attributes)?;
    Ok(Wanted { attributes, length })
}

/// What two base keys pass on together (CKM_CONCATENATE_BASE_AND_KEY): what one of them hides is
/// hidden, the history holds if it holds for both, and the one that may do less says what the
/// derived key may.
///
/// # Errors
/// KeyTypeInconsistent for another key that is no secret key or may not derive.
pub fn both(base: &Attributes, other: &Attributes) -> Result<Attributes> {
    if other.class() != Some(ObjectClass::SECRET_KEY) || !other.is_true(AttributeType::DERIVE) {
        return Err(
            Code::KeyTypeInconsistent.because("the other key is no secret key with CKA_DERIVE")
        );
    }
    let mut together = base.clone();
    let one = |id| base.is_true(id) || other.is_true(id);
    let both = |id| base.is_true(id) && other.is_true(id);
    for (id, value) in [
        (AttributeType::WRAP_WITH_TRUSTED, one(AttributeType::WRAP_WITH_TRUSTED)),
        (AttributeType::TRUSTED, one(AttributeType::TRUSTED)),
        (AttributeType::SENSITIVE, one(AttributeType::SENSITIVE)),
        (AttributeType::EXTRACTABLE, both(AttributeType::EXTRACTABLE)),
        (AttributeType::ALWAYS_SENSITIVE, both(AttributeType::ALWAYS_SENSITIVE)),
        (AttributeType::NEVER_EXTRACTABLE, both(AttributeType::NEVER_EXTRACTABLE)),
    ] {
        together.set(id, Value::Bool(value));
    }
    lifecycle::join(&mut together, other);
    Ok(together)
}

/// How many bytes the key to derive has: what its key type takes, `CKA_VALUE_LEN`, or `None` where
/// its key type takes more than one length and the template names none, so that the mechanism
/// decides.
///
/// # Errors
/// AttributeValueInvalid for a length that the key type does not have.
pub fn derived_length(attributes: &Attributes) -> Result<Option<usize>> {
    let Some(length) = attributes.number(AttributeType::VALUE_LEN) else {
        return Ok(match attributes.key_type() {
            Some(KeyType::CHACHA20) => Some(32),
            Some(KeyType::AES_XTS) => Some(64),
            other => des::key_len(other),
        });
    };
    let fits = match attributes.key_type() {
        Some(KeyType::AES) => matches!(length, 16 | 24 | 32),
        Some(KeyType::AES_XTS) => length == 64,
        Some(KeyType::CHACHA20) => length == 32,
        _ => length > 0,
    };
    match usize::try_from(length) {
        Ok(length) if fits => Ok(Some(length)),
        _ => Err(Code::AttributeValueInvalid
            .because(format!("CKA_VALUE_LEN is {length} for {:?}", attributes.key_type()))),
    }
}

/// What a base key and the keys that are data beside it pass on together (SP800-108): what one of
/// them hides is hidden, the history holds if it holds for one of them, for none of them can be told
/// without all, and the one that may do least says what the derived key may.
pub fn all_inputs(base: &Attributes, others: &[&Attributes]) -> Attributes {
    let mut together = base.clone();
    let one = |id| base.is_true(id) || others.iter().any(|other| other.is_true(id));
    let all = |id| base.is_true(id) && others.iter().all(|other| other.is_true(id));
    for (id, value) in [
        (AttributeType::SENSITIVE, one(AttributeType::SENSITIVE)),
        (AttributeType::EXTRACTABLE, all(AttributeType::EXTRACTABLE)),
        (AttributeType::ALWAYS_SENSITIVE, one(AttributeType::ALWAYS_SENSITIVE)),
        (AttributeType::NEVER_EXTRACTABLE, one(AttributeType::NEVER_EXTRACTABLE)),
    ] {
        together.set(id, Value::Bool(value));
    }
    others.iter().for_each(|other| lifecycle::join(&mut together, other));
    together
}

/// Whether a key to derive hides what `other` hides.
///
/// # Errors
/// TemplateInconsistent if it does not.
pub fn hides_like(wanted: &Wanted, other: &Attributes, policy: Policy) -> Result<()> {
    match hidden(other, policy)
        .iter()
        .find(|(id, value)| wanted.attributes.find(*id) != Some(value))
    {
        None => Ok(()),
        Some((id, _)) => Err(Code::TemplateInconsistent
            .because(format!("{id:?} would show a key that is an input as data"))),
    }
}

/// What a template that is silent takes over.
pub(super) fn shown(base: &Attributes) -> Attributes {
    [AttributeType::SENSITIVE, AttributeType::EXTRACTABLE]
        .map(|id| (id, Value::Bool(base.is_true(id))))
        .into_iter()
        .collect()
}

/// What a key derived from `base` has to hide because `base` hides it, and for whom it may leave.
fn hidden(base: &Attributes, policy: Policy) -> Attributes {
    let mut demanded = Attributes::new();
    if base.is_true(AttributeType::SENSITIVE) {
        demanded.set(AttributeType::SENSITIVE, Value::Bool(true));
    }
    if !base.is_true(AttributeType::EXTRACTABLE) {
        demanded.set(AttributeType::EXTRACTABLE, Value::Bool(false));
    }
    if base.is_true(AttributeType::WRAP_WITH_TRUSTED) && policy.guards_trust() {
        demanded.set(AttributeType::WRAP_WITH_TRUSTED, Value::Bool(true));
    }
    demanded
}
