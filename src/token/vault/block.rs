//! Bringing the token to refuse a key: for protecting only, or for everything.
//!
//! A flag that is merely cleared can be set again by whoever has the PIN. A copy that is
//! unmodifiable and may do nothing cannot: neither C_SetAttributeValue nor C_CopyObject gives its
//! rights back. So a compromised key is copied that way and the original destroyed. A token that
//! knows the states of keys is told the state instead.

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};

use super::standing;
use super::template::PROTECTED_CLASSES;
use crate::domain::key::KeyId;
use crate::domain::lifecycle::State;
use crate::error::{Kind, Result};
use crate::port::Block;
use crate::token::open::OpenToken;

/// The flags with which a key makes new protection, by class.
pub(super) fn protecting(class: ObjectClass) -> &'static [AttributeType] {
    match class {
        ObjectClass::SECRET_KEY => {
            &[AttributeType::Encrypt, AttributeType::Wrap, AttributeType::Sign]
        }
        ObjectClass::PRIVATE_KEY => &[AttributeType::Sign],
        _ => &[AttributeType::Encrypt, AttributeType::Wrap],
    }
}

/// Every usage flag, by class.
pub(super) fn every_use(class: ObjectClass) -> &'static [AttributeType] {
    match class {
        ObjectClass::SECRET_KEY => &[
            AttributeType::Encrypt,
            AttributeType::Decrypt,
            AttributeType::Sign,
            AttributeType::Verify,
            AttributeType::Wrap,
            AttributeType::Unwrap,
            AttributeType::Derive,
        ],
        _ => &[
            AttributeType::Decrypt,
            AttributeType::Sign,
            AttributeType::SignRecover,
            AttributeType::Unwrap,
            AttributeType::Derive,
        ],
    }
}

/// Takes from every object of a version the right to protect: by its state, where the token knows
/// states.
pub(super) fn retire(token: &OpenToken, id: KeyId) -> Result<()> {
    for class in super::template::KEY_CLASSES {
        for object in token.find_key(class, id)? {
            if !standing::enter(token, object, State::Deactivated)? {
                clear(token, object, protecting(class))?;
            }
        }
    }
    Ok(())
}

/// Freezes the private and secret objects of a version, and takes the right to protect from its
/// public one.
pub(super) fn block(token: &OpenToken, id: KeyId) -> Result<Block> {
    let mut reached = Block::Final;
    for class in PROTECTED_CLASSES {
        reached = reached.max(freeze(token, class, id)?);
    }
    for object in token.find_key(ObjectClass::PUBLIC_KEY, id)? {
        // The private part refuses already: that others may still encrypt to it harms them only,
        // and a token that does not let the flag go must not stop the revocation.
        let held = standing::enter(token, object, State::Compromised).unwrap_or(false);
        if !held {
            let _ = clear(token, object, protecting(ObjectClass::PUBLIC_KEY));
        }
    }
    Ok(reached)
}

/// Replaces an object by a frozen copy. An interruption leaves the original, or both: the next
/// call finds the copy and only destroys the original.
fn freeze(token: &OpenToken, class: ObjectClass, id: KeyId) -> Result<Block> {
    let (mut frozen, mut usable, mut reached) = (0, Vec::new(), Block::Final);
    for object in token.find_key(class, id)? {
        if is_frozen(token, object, class)? {
            frozen += 1;
            if frozen > 1 {
                // Two machines froze it at once.
                token.destroy(object)?;
            }
        } else if standing::enter(token, object, State::Compromised)? {
            reached = reached.max(token.reach_of_states()?);
        } else {
            usable.push(object);
        }
    }
    for object in usable {
        // First the quick way: from here on nobody uses it without setting the flags again.
        clear(token, object, every_use(class))?;
        if frozen == 0 && !copy_frozen(token, object, class)? {
            reached = Block::FlagsOnly;
            continue;
        }
        frozen += 1;
        token.destroy(object)?;
    }
    Ok(reached)
}

/// Makes the frozen copy. `false` when the token does not copy so.
fn copy_frozen(token: &OpenToken, object: ObjectHandle, class: ObjectClass) -> Result<bool> {
    let mut template: Vec<_> =
        present(token, object, every_use(class))?.iter().map(|(kind, _)| off(*kind)).collect();
    template.push(Attribute::Modifiable(false));
    let copy = match token.session().copy_object(object, &template) {
        Ok(copy) => copy,
        Err(error) => {
            // Whether there is a copy is not known after a session was lost, and the next call looks.
            let error = token.failed("cannot freeze a key", error);
            return if error.is_session_lost() { Err(error) } else { Ok(false) };
        }
    };
    if is_frozen(token, copy, class)? {
        return Ok(true);
    }
    token.destroy(copy)?;
    Ok(false)
}

fn is_frozen(token: &OpenToken, object: ObjectHandle, class: ObjectClass) -> Result<bool> {
    let modifiable = token
        .attributes(object, &[AttributeType::Modifiable])?
        .contains(&Attribute::Modifiable(true));
    Ok(!modifiable && present(token, object, every_use(class))?.iter().all(|(_, on)| !on))
}

/// Turns off those flags that are on.
pub(super) fn clear(
    token: &OpenToken,
    object: ObjectHandle,
    flags: &[AttributeType],
) -> Result<()> {
    let on: Vec<_> = present(token, object, flags)?
        .into_iter()
        .filter(|(_, on)| *on)
        .map(|(kind, _)| off(kind))
        .collect();
    if on.is_empty() {
        return Ok(());
    }
    token.session().update_attributes(object, &on).map_err(|error| {
        let error = token.failed("cannot take rights from a key", error);
        if error.is_session_lost() {
            return error;
        }
        Kind::Token.because(error.to_string()).advise("destroy it instead: keyway key destroy")
    })
}

/// The flags that the object has, and whether each is on.
pub(super) fn present(
    token: &OpenToken,
    object: ObjectHandle,
    flags: &[AttributeType],
) -> Result<Vec<(AttributeType, bool)>> {
    let attributes = token.attributes(object, flags)?;
    Ok(attributes.iter().map(|a| (a.attribute_type(), *a != off(a.attribute_type()))).collect())
}

fn off(kind: AttributeType) -> Attribute {
    match kind {
        AttributeType::Encrypt => Attribute::Encrypt(false),
        AttributeType::Decrypt => Attribute::Decrypt(false),
        AttributeType::Sign => Attribute::Sign(false),
        AttributeType::SignRecover => Attribute::SignRecover(false),
        AttributeType::Verify => Attribute::Verify(false),
        AttributeType::Wrap => Attribute::Wrap(false),
        AttributeType::Unwrap => Attribute::Unwrap(false),
        _ => Attribute::Derive(false),
    }
}
