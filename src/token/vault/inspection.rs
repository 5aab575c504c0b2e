//! Looking at the objects of a key: what they may do, and whether they are as keyway made them.

use std::thread::sleep;
use std::time::Duration;

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};

use super::TokenVault;
use super::block::{present, protecting};
use super::standing;
use super::template::{KEY_CLASSES, PROTECTED_CLASSES, private_key, public_key, secret_key};
use crate::domain::key::KeyId;
use crate::domain::lifecycle::Duty;
use crate::error::Result;
use crate::port::{Inspection, KeySpec, Rights};
use crate::token::open::OpenToken;

/// How often and how long to wait for objects that another process has not written completely:
/// SoftHSM2 may show a record before the key that it is about.
const COMPLETING: (u32, Duration) = (5, Duration::from_millis(20));

impl Inspection for TokenVault<'_> {
    fn rights(&self, id: KeyId) -> Result<Rights> {
        let mut rights = Rights::default();
        for class in KEY_CLASSES {
            for object in self.token.find_key(class, id)? {
                add_rights(self.token, class, object, &mut rights)?;
            }
        }
        Ok(rights)
    }

    fn deviations(&self, spec: &KeySpec) -> Result<Vec<String>> {
        let (times, pause) = COMPLETING;
        for _ in 1..times {
            if self.deviations_now(spec)?.is_empty() {
                return Ok(Vec::new());
            }
            sleep(pause);
        }
        self.deviations_now(spec)
    }
}

impl TokenVault<'_> {
    fn deviations_now(&self, spec: &KeySpec) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for (class, expected) in expected(spec) {
            let objects = self.token.find_key(class, spec.id)?;
            match objects.as_slice() {
                [object] => {
                    let actual = read(self.token, *object, &expected)?;
                    let wrong = expected.iter().filter(|e| !is_fine(class, e, &actual));
                    found.extend(wrong.map(|e| describe(class, e, &actual)));
                }
                [] => {
                    found.push(format!("there is no {} with identifier {}", name(class), spec.id))
                }
                several => found.push(format!(
                    "there are {} {}s with identifier {}",
                    several.len(),
                    name(class),
                    spec.id
                )),
            }
        }
        Ok(found)
    }
}

fn add_rights(
    token: &OpenToken,
    class: ObjectClass,
    object: ObjectHandle,
    rights: &mut Rights,
) -> Result<()> {
    let held = standing::held(token, object)?;
    let allowed = |duty| held.is_none_or(|state| state.allows(duty));
    let on = |flags: &[AttributeType]| {
        Ok::<_, crate::Error>(present(token, object, flags)?.iter().any(|(_, on)| *on))
    };
    rights.protects |= allowed(Duty::Protect) && on(protecting(class))?;
    if PROTECTED_CLASSES.contains(&class) {
        rights.is_there = true;
        rights.processes |= allowed(Duty::Process) && on(PROCESSING)?;
        rights.state = rights.state.or(held);
    }
    Ok(())
}

/// The flags with which a private or secret key reads what is protected.
const PROCESSING: &[AttributeType] =
    &[AttributeType::Decrypt, AttributeType::Verify, AttributeType::Unwrap, AttributeType::Derive];

/// What the objects of a version are made as, by class.
fn expected(spec: &KeySpec) -> Vec<(ObjectClass, Vec<Attribute>)> {
    match spec.algorithm.material().is_secret_key() {
        true => vec![(ObjectClass::SECRET_KEY, secret_key(spec))],
        false => vec![
            (ObjectClass::PRIVATE_KEY, private_key(spec)),
            (ObjectClass::PUBLIC_KEY, public_key(spec)),
        ],
    }
}

/// The attributes of an object that are expected of it, as they are.
fn read(token: &OpenToken, object: ObjectHandle, expected: &[Attribute]) -> Result<Vec<Attribute>> {
    let types: Vec<_> = expected.iter().map(Attribute::attribute_type).collect();
    token.attributes(object, &types)
}

/// Whether an attribute is what was expected, or guards the key even better, or is a right that a
/// state of the key takes.
fn is_fine(class: ObjectClass, expected: &Attribute, actual: &[Attribute]) -> bool {
    let kind = expected.attribute_type();
    // A token need not know every attribute.
    let Some(actual) = actual.iter().find(|a| a.attribute_type() == kind) else { return true };
    if actual == expected {
        return true;
    }
    match expected {
        // Whether everybody sees a public key matters to nobody.
        Attribute::Private(false) | Attribute::Extractable(true) => true,
        Attribute::WrapWithTrusted(_) => false,
        _ => is_on(expected) && protecting(class).contains(&kind),
    }
}

fn is_on(attribute: &Attribute) -> bool {
    matches!(attribute, Attribute::Encrypt(true) | Attribute::Wrap(true) | Attribute::Sign(true))
}

fn describe(class: ObjectClass, expected: &Attribute, actual: &[Attribute]) -> String {
    let (class, kind) = (name(class), expected.attribute_type());
    match (expected, actual.iter().find(|a| a.attribute_type() == kind)) {
        (Attribute::Label(_), Some(Attribute::Label(label))) => {
            let label = String::from_utf8_lossy(label);
            format!("its {class} is labelled {label:?}")
        }
        _ => format!("{kind} of its {class} was changed"),
    }
}

fn name(class: ObjectClass) -> &'static str {
    match class {
        ObjectClass::SECRET_KEY => "secret key",
        ObjectClass::PRIVATE_KEY => "private key",
        _ => "public key",
    }
}
