//! What the target has of an object already.

use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki_sys::{CKA_APPLICATION, CKA_ID, CKA_LABEL, CKA_VALUE, CKO_CERTIFICATE, CKO_DATA};

use super::proof::{Proof, same};
use super::source::{Found, value};
use crate::error::Result;
use crate::foreign::ForeignObject;
use crate::token::open::OpenToken;

/// Whether an object is in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is not.
    Absent,
    /// It is, and where.
    Present(ObjectHandle),
    /// Something else is there in its place, and what.
    Conflict(String),
}

/// Looks for an object in the target: of the same class and identifier, or label where it has no
/// identifier. Certificates may share both, and data objects are told by label and application.
pub(super) fn look(source: &OpenToken, target: &OpenToken, found: &Found) -> Result<Presence> {
    let object = &found.object;
    let Some(class) = object.class().and_then(|class| ObjectClass::try_from(class).ok()) else {
        return Ok(Presence::Absent);
    };
    let mut conflict = None;
    for there in target.find(&place(object, class))? {
        match compare(source, target, found, there)? {
            present @ Presence::Present(_) => return Ok(present),
            Presence::Conflict(reason) => conflict = Some(reason),
            Presence::Absent => {}
        }
    }
    Ok(conflict.map_or(Presence::Absent, Presence::Conflict))
}

fn place(object: &ForeignObject, class: ObjectClass) -> Vec<Attribute> {
    let mut template = vec![Attribute::Class(class), Attribute::Token(true)];
    match object.class() {
        Some(CKO_DATA) => {
            template.push(Attribute::Label(object.label().into_bytes()));
            let application = object.get(CKA_APPLICATION);
            template.extend(application.map(|name| Attribute::Application(name.to_vec())));
        }
        _ if object.id().is_empty() => {
            template.push(Attribute::Label(object.label().into_bytes()));
        }
        _ => template.push(Attribute::Id(object.id().to_vec())),
    }
    template
}

fn compare(
    source: &OpenToken,
    target: &OpenToken,
    found: &Found,
    there: ObjectHandle,
) -> Result<Presence> {
    let object = &found.object;
    let of = |name| value(target, there, name).unwrap_or_default();
    let named = match object.id() {
        [] => format!("labelled {:?}", object.label()),
        _ => "with its CKA_ID".to_owned(),
    };
    let has_value = || object.get(CKA_VALUE).unwrap_or_default() == of(CKA_VALUE).as_slice();
    let conflict = |what: String| Ok(Presence::Conflict(format!("{what}; nothing is overwritten")));
    match object.class() {
        Some(CKO_DATA | CKO_CERTIFICATE) if has_value() => {
            return Ok(Presence::Present(there));
        }
        Some(CKO_CERTIFICATE) => return Ok(Presence::Absent),
        Some(CKO_DATA) => {
            return conflict("the target has another data object of its name".to_owned());
        }
        // Whoever looks for it by its label does not mean one that has an identifier.
        _ if object.id().is_empty() && !of(CKA_ID).is_empty() => return Ok(Presence::Absent),
        _ => {}
    }
    let label = of(CKA_LABEL);
    match same(source, target, found, there)? {
        Proof::Same if label.as_slice() == object.label().as_bytes() => {
            Ok(Presence::Present(there))
        }
        Proof::Same => {
            let label = String::from_utf8_lossy(&label).into_owned();
            conflict(format!("the target has this key under the label {label:?}"))
        }
        Proof::Different => conflict(format!("the target has another {} {named}", object.kind())),
        Proof::Unknown(why) => conflict(format!(
            "the target has a {} {named}, which may be this one or another: {why}",
            object.kind()
        )),
    }
}
