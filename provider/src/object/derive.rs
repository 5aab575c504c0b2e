//! `C_DeriveKey`: a secret key whose material and history come from another key.

use crate::attribute::rule::Act;
use crate::attribute::table::class_of;
use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Template, Value};
use crate::error::{Code, Result};
use crate::lifecycle::{self, Lifecycle};
use crate::mechanism::{MechanismSpec, MechanismType};
use crate::object::Caller;
use crate::object::draft::{Draft, identity};
use crate::object::read::nested;

/// Mechanisms whose output shows the bytes of the base key: "If the base key has its CKA_SENSITIVE
/// attribute set to CK_TRUE, so does the derived key", and CKA_EXTRACTABLE false passes on too
/// (section "Miscellaneous simple key derivation mechanisms").
const INHERITING: [MechanismType; 5] = [
    MechanismType::CONCATENATE_BASE_AND_KEY,
    MechanismType::CONCATENATE_BASE_AND_DATA,
    MechanismType::CONCATENATE_DATA_AND_BASE,
    MechanismType::XOR_BASE_AND_DATA,
    MechanismType::EXTRACT_KEY_FROM_KEY,
];

/// The attributes of a key to derive from `base`, complete but for its material, what follows from
/// it, and `CKA_UNIQUE_ID`. A template without class and key type means a generic secret; what
/// `CKA_DERIVE_TEMPLATE` of the base key says is added.
///
/// `CKA_ALWAYS_SENSITIVE` and `CKA_NEVER_EXTRACTABLE` hold if they hold for the base key and the
/// derived key keeps them up. A base key that may not protect gives a deactivated key, and none
/// outlives its base.
///
/// # Errors
/// As [`from_template`](crate::object::from_template); TemplateInconsistent for a template that
/// contradicts `CKA_DERIVE_TEMPLATE`, describes no secret key, or wants to show what the base key
/// hides.
pub fn for_derive(
    spec: &MechanismSpec,
    template: &Template<'_>,
    base: &Attributes,
    caller: Caller,
) -> Result<Attributes> {
    let demanded = nested(base, AttributeType::DERIVE_TEMPLATE);
    let given = template.number(AttributeType::KEY_TYPE)?;
    let key_type = given.or(demanded.number(AttributeType::KEY_TYPE));
    let key_type = key_type.unwrap_or(KeyType::GENERIC_SECRET.0);
    let class = class_of(ObjectClass::SECRET_KEY, Some(key_type))?;
    let mut draft = Draft::new(class, template)?;
    draft.impose(demanded)?;
    draft.impose(&identity(class))?;
    if INHERITING.contains(&spec.id) {
        draft.impose(&hidden(base))?;
    }
    draft.impose(&Lifecycle::of(base).inherited(base, &draft.attributes, caller.policy))?;
    draft.check(Act::Derive, caller)?;
    let mut attributes = draft.complete(Act::Derive)?;
    let sensitive = attributes.is_true(AttributeType::SENSITIVE);
    let extractable = attributes.is_true(AttributeType::EXTRACTABLE);
    let always = base.is_true(AttributeType::ALWAYS_SENSITIVE) && sensitive;
    let never = base.is_true(AttributeType::NEVER_EXTRACTABLE) && !extractable;
    attributes.set(AttributeType::ALWAYS_SENSITIVE, Value::Bool(always));
    attributes.set(AttributeType::NEVER_EXTRACTABLE, Value::Bool(never));
    caller.admit(&[&attributes])?;
    Ok(attributes)
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

/// How many bytes the key to derive has: `CKA_VALUE_LEN`, or `None` where its key type takes more
/// than one length and the template names none, so that the mechanism decides.
///
/// # Errors
/// AttributeValueInvalid for a length that the key type does not have.
pub fn derived_length(attributes: &Attributes) -> Result<Option<usize>> {
    let Some(length) = attributes.number(AttributeType::VALUE_LEN) else { return Ok(None) };
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

/// What a key derived from `base` has to hide because `base` hides it.
fn hidden(base: &Attributes) -> Attributes {
    let mut demanded = Attributes::new();
    if base.is_true(AttributeType::SENSITIVE) {
        demanded.set(AttributeType::SENSITIVE, Value::Bool(true));
    }
    if !base.is_true(AttributeType::EXTRACTABLE) {
        demanded.set(AttributeType::EXTRACTABLE, Value::Bool(false));
    }
    demanded
}
