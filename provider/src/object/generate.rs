//! `C_GenerateKey` and `C_GenerateKeyPair`: class and key type come from the mechanism.

use crate::attribute::rule::{Act, Kind, Rule};
use crate::attribute::table::class_of;
use crate::attribute::{AttributeType, Attributes, ObjectClass, Template, Value};
use crate::error::{Code, Result};
use crate::mechanism::{MechanismSpec, MechanismType};
use crate::object::Caller;
use crate::object::draft::{Draft, identity};
use crate::object::tls;

/// The attributes of a secret key or of domain parameters to generate, complete but for the
/// material, what follows from it, and `CKA_UNIQUE_ID`.
///
/// # Errors
/// As [`from_template`](crate::object::from_template); TemplateInconsistent for a class or key type
/// that contradicts the mechanism.
pub fn for_generation(
    spec: &MechanismSpec,
    template: &Template<'_>,
    caller: Caller,
) -> Result<Attributes> {
    let class = match spec.id {
        MechanismType::DH_PKCS_PARAMETER_GEN | MechanismType::DSA_PARAMETER_GEN => {
            ObjectClass::DOMAIN_PARAMETERS
        }
        _ => ObjectClass::SECRET_KEY,
    };
    let mut draft = draft(spec, class, template)?;
    if spec.id == MechanismType::TLS_PRE_MASTER_KEY_GEN {
        tls::pre_master(&mut draft)?;
    }
    let attributes = generated(spec, draft, caller)?;
    caller.admit(&[&attributes])?;
    Ok(attributes)
}

/// The attributes of the public and the private key of a pair to generate, as
/// [`for_generation`] does for one key.
///
/// What the private key takes over from the public one (`CKA_EC_PARAMS`, `CKA_PRIME`, ...) may be
/// in both templates with one value.
///
/// # Errors
/// As [`for_generation`].
pub fn for_pair(
    spec: &MechanismSpec,
    public: &Template<'_>,
    private: &Template<'_>,
    caller: Caller,
) -> Result<(Attributes, Attributes)> {
    let public = draft(spec, ObjectClass::PUBLIC_KEY, public)?;
    let mut private = draft(spec, ObjectClass::PRIVATE_KEY, private)?;
    same_type(&public, &private)?;
    drop_shared(&public, &mut private)?;
    let public = generated(spec, public, caller)?;
    let private = generated(spec, private, caller)?;
    caller.admit(&[&public, &private])?;
    Ok((public, private))
}

/// Reads a template whose class the mechanism implies, and whose key type it implies or at least
/// bounds.
fn draft(spec: &MechanismSpec, class: ObjectClass, template: &Template<'_>) -> Result<Draft> {
    let key_type = match template.number(AttributeType::KEY_TYPE)? {
        Some(given) => spec.keys.iter().find(|key_type| key_type.0 == given),
        None => spec.keys.first(),
    };
    let Some(key_type) = key_type else {
        return Err(Code::TemplateInconsistent
            .because(format!("CKA_KEY_TYPE is none that {} generates", spec.name())));
    };
    let class = class_of(class, Some(key_type.0))?;
    let mut draft = Draft::new(class, template)?;
    draft.impose(&identity(class))?;
    Ok(draft)
}

/// Checks and completes a draft as a key that is born here: its history begins with its defaults.
fn generated(spec: &MechanismSpec, draft: Draft, caller: Caller) -> Result<Attributes> {
    draft.check(Act::Generate, caller)?;
    let class = draft.class;
    let mut attributes = draft.complete(Act::Generate, caller.policy)?;
    let sensitive = attributes.is_true(AttributeType::SENSITIVE);
    let extractable = attributes.is_true(AttributeType::EXTRACTABLE);
    let born = [
        (AttributeType::LOCAL, Value::Bool(true)),
        (AttributeType::KEY_GEN_MECHANISM, Value::Number(spec.id.0)),
        (AttributeType::ALWAYS_SENSITIVE, Value::Bool(sensitive)),
        (AttributeType::NEVER_EXTRACTABLE, Value::Bool(!extractable)),
    ];
    for (id, value) in born {
        if class.rule(id).is_some() {
            attributes.set(id, value);
        }
    }
    Ok(attributes)
}

/// # Errors
/// TemplateInconsistent if a mechanism that generates several key types is asked for two at once.
fn same_type(public: &Draft, private: &Draft) -> Result<()> {
    match public.class.subtype == private.class.subtype {
        true => Ok(()),
        false => Err(Code::TemplateInconsistent
            .because(format!("a pair of a {} and a {}", public.class.name, private.class.name))),
    }
}

/// Takes out of the private template what the mechanism copies from the public one.
///
/// # Errors
/// TemplateInconsistent if the values differ.
fn drop_shared(public: &Draft, private: &mut Draft) -> Result<()> {
    let contributed = |rule: &&Rule| rule.notes.has(4) && rule.kind == Kind::Bytes;
    for rule in private.class.rules().filter(contributed) {
        if !private.attributes.has(rule.id) {
            continue;
        }
        match public.attributes.find(rule.id) {
            None => (),
            shared if shared == private.attributes.find(rule.id) => {
                private.attributes.remove(rule.id);
            }
            Some(_) => {
                return Err(Code::TemplateInconsistent
                    .because(format!("{:?} differs between the templates", rule.id)));
            }
        }
    }
    Ok(())
}
