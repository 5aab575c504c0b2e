//! Bringing objects of other stores into a token.

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CKA_CHECK_VALUE, CKA_EC_POINT, CKA_MODULUS, CKA_TOKEN, CKA_VALUE,
};

use super::error::raw_code;
use super::open::OpenToken;
use crate::error::Result;
use crate::foreign::ForeignObject;

/// What became of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the token now; in a dry run: the token took it for a moment.
    Imported,
    /// The token had it before.
    Present,
    /// It cannot be imported, or the token refused it.
    Refused(String),
}

/// Whether the objects stay in the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Import {
    /// They stay.
    Real,
    /// The token takes each as a session object, which ends with the session: what it would refuse
    /// it refuses, and nothing is written.
    DryRun,
}

/// Brings objects into the token, each by itself: what one of them meets does not concern the
/// others, and what is there already is left alone, so that it can be run again.
///
/// # Errors
/// The token cannot be searched.
pub fn import(token: &OpenToken, objects: &[ForeignObject], mode: Import) -> Result<Vec<Outcome>> {
    objects.iter().map(|object| one(token, object, mode)).collect()
}

fn one(token: &OpenToken, object: &ForeignObject, mode: Import) -> Result<Outcome> {
    if let Some(obstacle) = &object.obstacle {
        return Ok(Outcome::Refused(obstacle.clone()));
    }
    if is_there(token, object)? {
        return Ok(Outcome::Present);
    }
    Ok(create(token, object, mode))
}

/// Creates an object, which stays or is tried.
pub(super) fn create(token: &OpenToken, object: &ForeignObject, mode: Import) -> Outcome {
    let persistent = [u8::from(mode == Import::Real)];
    let template: Vec<(CK_ATTRIBUTE_TYPE, &[u8])> = object
        .attributes()
        .map(|(name, value)| (name, if name == CKA_TOKEN { &persistent[..] } else { value }))
        .collect();
    match token.module().raw().create(token.session(), &template) {
        Ok(_) => Outcome::Imported,
        Err(code) => Outcome::Refused(format!("the token answered {}", raw_code(code))),
    }
}

/// Whether the token has an object of the same class, name and identifier that is not plainly
/// another one.
fn is_there(token: &OpenToken, object: &ForeignObject) -> Result<bool> {
    let Some(class) = object.class().and_then(|class| ObjectClass::try_from(class).ok()) else {
        return Ok(false);
    };
    let mut template = vec![Attribute::Class(class), Attribute::Label(object.label().into_bytes())];
    if !object.id().is_empty() {
        template.push(Attribute::Id(object.id().to_vec()));
    }
    for found in token.find(&template)? {
        if !differs(token, found, object)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether what both show of themselves differs.
fn differs(token: &OpenToken, found: ObjectHandle, object: &ForeignObject) -> Result<bool> {
    for (name, kind) in [
        (CKA_MODULUS, AttributeType::Modulus),
        (CKA_EC_POINT, AttributeType::EcPoint),
        (CKA_VALUE, AttributeType::Value),
        (CKA_CHECK_VALUE, AttributeType::CheckValue),
    ] {
        let Some(wanted) = object.get(name) else { continue };
        let there = match token.attributes(found, &[kind])?.into_iter().next() {
            Some(
                Attribute::Modulus(value)
                | Attribute::EcPoint(value)
                | Attribute::Value(value)
                | Attribute::CheckValue(value),
            ) => zeroize::Zeroizing::new(value),
            _ => continue,
        };
        if there.as_slice() != wanted {
            return Ok(true);
        }
    }
    Ok(false)
}
