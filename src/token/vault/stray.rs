//! Keys in the token that belong to no version of any key of ours.

use cryptoki::object::{Attribute, AttributeType, ObjectHandle};

use super::template::KEY_CLASSES;
use crate::domain::key::KeyId;
use crate::error::Result;
use crate::port::Stray;
use crate::token::open::OpenToken;

/// What the labels of keyway's own helpers start with.
const OWN_LABELS: &str = "keyway-";

pub(super) fn strays(token: &OpenToken, known: &[KeyId]) -> Result<Vec<Stray>> {
    let mut strays = Vec::new();
    for object in every_key(token)? {
        let stray = read(token, object)?;
        let is_known = known.iter().any(|known| known.as_bytes() == stray.id);
        if !is_known && !stray.label.starts_with(OWN_LABELS) && !strays.contains(&stray) {
            strays.push(stray);
        }
    }
    Ok(strays)
}

pub(super) fn remove(token: &OpenToken, strays: &[Stray]) -> Result<()> {
    for object in every_key(token)? {
        if strays.contains(&read(token, object)?) {
            token.destroy(object)?;
        }
    }
    Ok(())
}

fn every_key(token: &OpenToken) -> Result<Vec<ObjectHandle>> {
    let mut objects = Vec::new();
    for class in KEY_CLASSES {
        objects.extend(token.find(&[Attribute::Class(class), Attribute::Token(true)])?);
    }
    Ok(objects)
}

fn read(token: &OpenToken, object: ObjectHandle) -> Result<Stray> {
    let mut stray = Stray { id: Vec::new(), label: String::new() };
    for attribute in token.attributes(object, &[AttributeType::Id, AttributeType::Label])? {
        match attribute {
            Attribute::Id(id) => stray.id = id,
            Attribute::Label(label) => stray.label = String::from_utf8_lossy(&label).into_owned(),
            _ => {}
        }
    }
    Ok(stray)
}
