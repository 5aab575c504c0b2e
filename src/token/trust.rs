//! What the security officer vouches for: the keys that others may be wrapped with.

use cryptoki::object::{Attribute, KeyType, ObjectClass};
use cryptoki::session::UserType;

use super::account::in_session;
use super::module::Module;
use super::pin::Pin;
use super::slot::choose;
use crate::domain::share::Recipient;
use crate::error::{Kind, Result};

/// CKA_LABEL of a recipient's key; his subject follows.
const LABEL: &str = "keyway-recipient:";

/// Makes the public key of a recipient a trusted wrapping key (CKA_TRUSTED) of the token, in a
/// session of the security officer. Answers the token's label.
///
/// # Errors
/// [`Kind::Pin`] for a wrong PIN; [`Kind::Exists`] when it is one already; [`Kind::NotFound`] for a
/// token that is not there.
pub fn trust(
    module: &Module,
    token: Option<&str>,
    so_pin: &Pin,
    recipient: &Recipient,
) -> Result<String> {
    let (slot, info) = choose(module, token)?;
    let id = Attribute::Id(recipient.id().as_bytes().to_vec());
    let there = [Attribute::Class(ObjectClass::PUBLIC_KEY), id.clone(), Attribute::Trusted(true)];
    let mut known = false;
    let label = in_session(module, slot, &info, "trust a recipient", |session| {
        session.login(UserType::So, Some(so_pin.auth()))?;
        known = !session.find_objects(&there)?.is_empty();
        if known {
            return Ok(());
        }
        let template = [
            Attribute::Class(ObjectClass::PUBLIC_KEY),
            Attribute::KeyType(KeyType::RSA),
            Attribute::Token(true),
            Attribute::Private(false),
            Attribute::Label(format!("{LABEL}{}", recipient.subject).into_bytes()),
            id,
            Attribute::Modulus(recipient.modulus.clone()),
            Attribute::PublicExponent(recipient.exponent.clone()),
            Attribute::Wrap(true),
            Attribute::Encrypt(false),
            Attribute::Verify(false),
            Attribute::Trusted(true),
        ];
        session.create_object(&template).map(|_| ())
    })?;
    match known {
        false => Ok(label),
        true => Err(Kind::Exists
            .because(format!("token {label} trusts the key of {} already", recipient.subject))),
    }
}
