//! Templates for the inner token: what our rules completed, without what it makes itself and what
//! it need not be told.

use super::profile::Profile;
use super::record::is_kept;
use crate::attribute::rule::Act;
use crate::attribute::table::{class_of, subtype_attribute};
use crate::attribute::{AttributeType, Attributes, KeyType, Value};
use crate::error::{Code, Result};
use crate::mechanism::MechanismType;

/// What an object is without being told: such a value says nothing.
const NEUTRAL: [(AttributeType, bool); 8] = [
    (AttributeType::COPYABLE, true),
    (AttributeType::DESTROYABLE, true),
    (AttributeType::MODIFIABLE, true),
    (AttributeType::TRUSTED, false),
    (AttributeType::WRAP_WITH_TRUSTED, false),
    (AttributeType::ALWAYS_AUTHENTICATE, false),
    (AttributeType::ENCAPSULATE, false),
    (AttributeType::DECAPSULATE, false),
];

/// The same for numbers: what older modules do not know says nothing there.
const NEUTRAL_NUMBERS: [(AttributeType, u64); 3] = [
    (AttributeType::CERTIFICATE_CATEGORY, 0),
    (AttributeType::JAVA_MIDP_SECURITY_DOMAIN, 0),
    (AttributeType::NAME_HASH_ALGORITHM, MechanismType::SHA_1.0),
];

/// What no EC key does, for there is no mechanism for it.
const NOT_OF_EC: [AttributeType; 4] = [
    AttributeType::ENCRYPT,
    AttributeType::DECRYPT,
    AttributeType::SIGN_RECOVER,
    AttributeType::VERIFY_RECOVER,
];

/// The attributes for a template of `act`.
///
/// # Errors
/// TemplateInconsistent for an attribute that means something and that the inner token cannot
/// keep: dropping it would make a weaker object than was asked for.
pub(super) fn for_inner(
    attributes: &Attributes,
    act: Act,
    profile: &Profile,
) -> Result<Attributes> {
    let class = attributes.class().and_then(|class| {
        let subtype = subtype_attribute(class).and_then(|id| attributes.number(id));
        class_of(class, subtype).ok()
    });
    let mut template = Attributes::new();
    for (id, value) in attributes.iter().filter(|(id, _)| !is_kept(*id, attributes)) {
        let admitted = class
            .and_then(|class| class.rule(id))
            .is_none_or(|rule| rule.admits(act).is_ok() && !rule.computed());
        let foreign = profile.omits_foreign_uses && is_foreign_use(attributes, id, value);
        if admitted && !is_neutral(id, value) && !foreign {
            admit(id, profile)?;
            template.set(id, value.clone());
        }
    }
    Ok(template)
}

/// The attributes that differ, for `C_SetAttributeValue` and `C_CopyObject`.
///
/// # Errors
/// As [`for_inner`].
pub(super) fn changed(from: &Attributes, to: &Attributes, profile: &Profile) -> Result<Attributes> {
    let mut template = Attributes::new();
    for (id, value) in to.iter().filter(|(id, value)| from.find(*id) != Some(*value)) {
        let ours = id == AttributeType::UNIQUE_ID || is_kept(id, to);
        if ours || from.find(id).is_none() && is_neutral(id, value) {
            continue;
        }
        admit(id, profile)?;
        template.set(id, value.clone());
    }
    Ok(template)
}

fn admit(id: AttributeType, profile: &Profile) -> Result<()> {
    match profile.unknown.contains(&id) {
        true => Err(Code::TemplateInconsistent.because(format!(
            "the token behind the bridge does not know {id:?} (profile {})",
            profile.name
        ))),
        false => Ok(()),
    }
}

fn is_neutral(id: AttributeType, value: &Value) -> bool {
    match value {
        Value::Bool(value) => NEUTRAL.contains(&(id, *value)),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Mechanisms(list) => list.is_empty(),
        Value::Template(template) => template.is_empty(),
        Value::Number(number) => NEUTRAL_NUMBERS.contains(&(id, *number)),
        Value::Secret(_) => false,
    }
}

/// Whether a key is said not to do what it could not do anyway.
fn is_foreign_use(key: &Attributes, id: AttributeType, value: &Value) -> bool {
    let elliptic = [KeyType::EC, KeyType::EC_EDWARDS, KeyType::EC_MONTGOMERY];
    *value == Value::Bool(false)
        && NOT_OF_EC.contains(&id)
        && key.key_type().is_some_and(|key_type| elliptic.contains(&key_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::ObjectClass;
    use crate::lifecycle::state::State;

    fn key() -> Attributes {
        Attributes::from_iter([
            (AttributeType::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
            (AttributeType::KEY_TYPE, Value::Number(KeyType::AES.0)),
            (AttributeType::VALUE_LEN, Value::Number(32)),
            (AttributeType::LABEL, Value::bytes(*b"k")),
            (AttributeType::ID, Value::bytes(*b"")),
            (AttributeType::LOCAL, Value::Bool(true)),
            (AttributeType::COPYABLE, Value::Bool(true)),
            (AttributeType::SIGN, Value::Bool(false)),
            (AttributeType::KEYWAY_STATE, Value::Number(State::Active as u64)),
        ])
    }

    #[test]
    fn what_the_token_sets_or_assumes_is_left_out() {
        let template = for_inner(&key(), Act::Generate, &Profile::default()).unwrap();
        let named: Vec<_> = template.iter().map(|row| row.0).collect();
        assert_eq!(named.len(), 5, "{named:?}");
        assert!(template.has(AttributeType::SIGN) && template.has(AttributeType::VALUE_LEN));
    }

    #[test]
    fn what_a_certificate_is_without_being_told_is_left_out() {
        use AttributeType as A;
        let certificate = |category| {
            let certificate = Attributes::from_iter([
                (A::CLASS, Value::Number(ObjectClass::CERTIFICATE.0)),
                (A::CERTIFICATE_TYPE, Value::Number(0)),
                (A::CERTIFICATE_CATEGORY, Value::Number(category)),
                (A::JAVA_MIDP_SECURITY_DOMAIN, Value::Number(0)),
                (A::NAME_HASH_ALGORITHM, Value::Number(MechanismType::SHA_1.0)),
                (A::URL, Value::bytes(*b"")),
            ]);
            let template = for_inner(&certificate, Act::Create, &Profile::default()).unwrap();
            template.iter().map(|row| row.0).collect::<Vec<_>>()
        };
        assert_eq!(certificate(0), [A::CLASS, A::CERTIFICATE_TYPE]);
        assert_eq!(certificate(2), [A::CLASS, A::CERTIFICATE_TYPE, A::CERTIFICATE_CATEGORY]);
    }

    #[test]
    fn what_the_token_cannot_keep_is_refused_and_never_dropped() {
        let profile = Profile::load("softhsm2").unwrap();
        let mut key = key();
        key.set(AttributeType::ENCAPSULATE, Value::Bool(true));
        let refused = for_inner(&key, Act::Generate, &profile).unwrap_err();
        assert_eq!(refused.code(), Code::TemplateInconsistent);
        assert!(refused.to_string().contains("CKA_ENCAPSULATE"), "{refused}");
    }

    #[test]
    fn what_is_kept_above_the_bridge_is_not_for_the_token() {
        let mut key = key();
        key.set(AttributeType::KEYWAY_STATE, Value::Number(State::Suspended as u64));
        key.set(AttributeType::END_DATE, Value::bytes(*b"20270101"));
        let told = for_inner(&key, Act::Generate, &Profile::default()).unwrap();
        assert!(!told.has(AttributeType::KEYWAY_STATE) && !told.has(AttributeType::END_DATE));
    }

    #[test]
    fn what_no_key_of_the_type_does_is_left_out_for_tokens_that_stumble_over_it() {
        let flags = [AttributeType::SIGN, AttributeType::DECRYPT, AttributeType::UNWRAP];
        let key = |key_type: KeyType| {
            let mut key = Attributes::from_iter([
                (AttributeType::CLASS, Value::Number(ObjectClass::PRIVATE_KEY.0)),
                (AttributeType::KEY_TYPE, Value::Number(key_type.0)),
            ]);
            flags.iter().for_each(|flag| key.set(*flag, Value::Bool(false)));
            key
        };
        let named = |key: &Attributes, profile: &str| {
            let profile = Profile::load(profile).unwrap();
            let template = for_inner(key, Act::Generate, &profile).unwrap();
            flags.map(|flag| template.has(flag))
        };
        assert_eq!(named(&key(KeyType::EC), "tpm2"), [true, false, true]);
        assert_eq!(named(&key(KeyType::EC), "generic"), [true; 3]);
        // An RSA key could decrypt: whoever forbids it is heard.
        assert_eq!(named(&key(KeyType::RSA), "tpm2"), [true; 3]);
        let mut asked = key(KeyType::EC);
        asked.set(AttributeType::DECRYPT, Value::Bool(true));
        assert_eq!(named(&asked, "tpm2"), [true; 3]);
    }

    #[test]
    fn a_change_names_what_differs() {
        let mut to = key();
        to.set(AttributeType::LABEL, Value::bytes(*b"new"));
        to.set(AttributeType::UNIQUE_ID, Value::bytes(*b"x"));
        let template = changed(&key(), &to, &Profile::default()).unwrap();
        assert_eq!(template.len(), 1);
    }
}
