//! PINs of a token that exists: changing them, and setting a user PIN that is locked or forgotten.

use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};

use super::error::token_error;
use super::module::Module;
use super::pin::Pin;
use super::slot::{check_length, choose};
use crate::error::Result;

/// Whose PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// The one who uses keys.
    User,
    /// The one who initialises the token and sets the user's PIN.
    SecurityOfficer,
}

impl Account {
    fn role(self) -> (UserType, &'static str) {
        match self {
            Self::User => (UserType::User, "user"),
            Self::SecurityOfficer => (UserType::So, "security officer"),
        }
    }
}

/// Puts `new` in the place of `old` (C_SetPIN) and answers the token's label.
///
/// # Errors
/// [`Kind::Pin`](crate::error::Kind::Pin) for a wrong old PIN or a new one that the token does not
/// take; [`Kind::NotFound`](crate::error::Kind::NotFound) for a token that is not there.
pub fn change_pin(
    module: &Module,
    label: Option<&str>,
    account: Account,
    old: &Pin,
    new: &Pin,
) -> Result<String> {
    let (role, who) = account.role();
    let (slot, info) = choose(module, label)?;
    check_length(&format!("new {who}"), new, &info)?;
    in_session(module, slot, &info, &format!("change the {who} PIN"), |session| {
        session.login(role, Some(old.auth()))?;
        session.set_pin(old.auth(), new.auth())
    })
}

/// Sets the user's PIN as the security officer (C_InitPIN), whatever became of the one before:
/// forgotten, locked or never set. The objects stay. Answers the token's label.
///
/// # Errors
/// As [`change_pin`], of the security officer's PIN.
pub fn unlock(module: &Module, label: Option<&str>, so_pin: &Pin, new: &Pin) -> Result<String> {
    let (slot, info) = choose(module, label)?;
    check_length("new user", new, &info)?;
    in_session(module, slot, &info, "set the user PIN", |session| {
        session.login(UserType::So, Some(so_pin.auth()))?;
        session.init_pin(new.auth())
    })
}

pub(super) fn in_session(
    module: &Module,
    slot: Slot,
    info: &TokenInfo,
    what: &str,
    work: impl FnOnce(&Session) -> cryptoki::error::Result<()>,
) -> Result<String> {
    let label = info.label().to_owned();
    let failed = |error| token_error(&format!("token {label}: cannot {what}"), error);
    let session = module.context().open_rw_session(slot).map_err(failed)?;
    work(&session).map_err(failed)?;
    session.logout().map_err(failed)?;
    Ok(label)
}
