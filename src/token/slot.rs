//! Slots: which tokens there are, and making a new one.

use std::sync::Arc;

use cryptoki::session::UserType;
use cryptoki::slot::{Slot, TokenInfo};

use super::error::token_error;
use super::module::Module;
use super::pin::Pin;
use crate::domain::uri::{TokenName, Told};
use crate::error::{Kind, Result};

/// Longest label of a token (CK_TOKEN_INFO).
const LABEL_MAX: usize = 32;

/// What a token says of itself without a login.
#[derive(Clone, Debug)]
pub struct TokenSummary {
    /// The slot it is in.
    pub slot: u64,
    /// Its label, empty before initialisation.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// Its maker.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Whether it was initialised.
    pub initialised: bool,
    /// What its PIN flags say, for a person.
    pub pin: &'static str,
    /// Whether it refuses every write.
    pub write_protected: bool,
    /// How many mechanisms it has.
    pub mechanisms: usize,
}

impl TokenSummary {
    /// What a name is held against.
    pub fn told(&self) -> Told<'_> {
        let Self { slot, label, serial, manufacturer, model, .. } = self;
        Told { label, serial, manufacturer, model, slot: *slot }
    }
}

/// What C_InitToken and C_InitPIN need.
pub struct Initialisation<'a> {
    /// The new token's label.
    pub label: &'a str,
    /// The security officer's PIN.
    pub so_pin: &'a Pin,
    /// The user PIN.
    pub user_pin: &'a Pin,
}

/// Every token of the module, the uninitialised one of a free slot included.
///
/// # Errors
/// The module failed.
pub fn summaries(module: &Arc<Module>) -> Result<Vec<TokenSummary>> {
    module.until_settled(|| {
        slots(module)?.into_iter().map(|(slot, info)| summary(module, slot, &info)).collect()
    })
}

/// The token of this name, or the only initialised one.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such token, [`Kind::Usage`] when there are several.
pub fn chosen(module: &Arc<Module>, name: Option<&str>) -> Result<TokenSummary> {
    module.until_settled(|| {
        let (slot, info) = choose(module, name)?;
        summary(module, slot, &info)
    })
}

/// Every slot with a token in it.
pub(super) fn slots(module: &Module) -> Result<Vec<(Slot, TokenInfo)>> {
    let context = module.context();
    let slots = context
        .get_slots_with_token()
        .map_err(|error| token_error("cannot list the slots", error))?;
    slots
        .into_iter()
        .map(|slot| {
            let info = context
                .get_token_info(slot)
                .map_err(|error| token_error(&format!("cannot read slot {slot}"), error))?;
            Ok((slot, info))
        })
        .collect()
}

/// The slot of the token of this name (its label, or a PKCS#11 URI), or of the only initialised
/// one.
pub(super) fn choose(module: &Module, name: Option<&str>) -> Result<(Slot, TokenInfo)> {
    let mut tokens: Vec<_> =
        slots(module)?.into_iter().filter(|(_, info)| info.token_initialized()).collect();
    let labels: Vec<String> = tokens.iter().map(|(_, info)| info.label().to_owned()).collect();
    if let Some(name) = name {
        let wanted = TokenName::of(name)?;
        tokens.retain(|(slot, info)| {
            wanted.fits(&Told {
                label: info.label(),
                serial: info.serial_number(),
                manufacturer: info.manufacturer_id(),
                model: info.model(),
                slot: slot.id(),
            })
        });
    }
    let shown = module.path().display();
    match (tokens.len(), name) {
        (1, _) => Ok(tokens.remove(0)),
        (0, Some(name)) => Err(Kind::NotFound
            .because(format!("{shown} has no token {name}"))
            .advise(match labels.is_empty() {
                true => "make one: keyway token init --label LABEL".to_owned(),
                false => format!("it has: {}", labels.join(", ")),
            })),
        (0, None) => Err(Kind::NotFound
            .because(format!("{shown} has no initialised token"))
            .advise("make one: keyway token init --label LABEL")),
        (_, Some(name)) => Err(Kind::Usage
            .because(format!("{shown} has several tokens {name}"))
            .advise("name its serial number as well: --token 'pkcs11:token=LABEL;serial=NUMBER'")),
        (_, None) => Err(Kind::Usage
            .because(format!("{shown} has several tokens"))
            .advise(format!("choose one with --token: {}", labels.join(", ")))),
    }
}

/// Initialises the token in the first free slot, sets the user PIN and answers the new token.
///
/// The slot is looked up again afterwards: SoftHSM2 gives the token another number.
///
/// # Errors
/// [`Kind::Exists`] for a label that is taken, [`Kind::NotFound`] without a free slot,
/// [`Kind::Pin`] when the token does not take a PIN.
pub fn initialise(module: &Module, request: &Initialisation<'_>) -> Result<TokenSummary> {
    check_label(request.label)?;
    let before = slots(module)?;
    if before.iter().any(|(_, info)| info.token_initialized() && info.label() == request.label) {
        return Err(Kind::Exists
            .because(format!("a token labelled {} exists already", request.label))
            .advise("choose another label; see: keyway token list"));
    }
    let free = before.iter().find(|(_, info)| !info.token_initialized());
    let (slot, info) = free.ok_or_else(|| {
        Kind::NotFound
            .because(format!("{} shows no free slot for a new token", module.path().display()))
            .advise("our module shows one with free_slot = \"always\" in its configuration")
    })?;
    check_length("security officer", request.so_pin, info)?;
    check_length("user", request.user_pin, info)?;
    module
        .context()
        .init_token(*slot, request.so_pin.auth(), request.label)
        .map_err(|error| token_error(&format!("cannot initialise slot {slot}"), error))?;
    let (slot, info) = labelled(module, request.label)?;
    set_user_pin(module, slot, request)?;
    summary(module, slot, &info)
}

fn labelled(module: &Module, label: &str) -> Result<(Slot, TokenInfo)> {
    slots(module)?
        .into_iter()
        .find(|(_, info)| info.token_initialized() && info.label() == label)
        .ok_or_else(|| Kind::Token.because(format!("token {label} is gone after initialisation")))
}

fn set_user_pin(module: &Module, slot: Slot, request: &Initialisation<'_>) -> Result<()> {
    let failed = |error| {
        token_error(&format!("cannot set the user PIN of token {}", request.label), error)
            .advise("the token has no user PIN yet: keyway token unlock")
    };
    let session = module.context().open_rw_session(slot).map_err(failed)?;
    session.login(UserType::So, Some(request.so_pin.auth())).map_err(failed)?;
    session.init_pin(request.user_pin.auth()).map_err(failed)?;
    session.logout().map_err(failed)
}

/// Refuses a PIN that the token would refuse, before the token is half made.
pub(super) fn check_length(who: &str, pin: &Pin, info: &TokenInfo) -> Result<()> {
    let (min, max) = (info.min_pin_length(), info.max_pin_length());
    if pin.length() < min || (max > 0 && pin.length() > max) {
        return Err(Kind::Pin
            .because(format!("the {who} PIN has {} bytes", pin.length()))
            .advise(format!("this token takes PINs of {min} to {max} bytes")));
    }
    Ok(())
}

/// # Errors
/// [`Kind::Usage`] for a text that cannot be a token's label.
pub(crate) fn check_label(label: &str) -> Result<()> {
    let printable = label.chars().all(|c| !c.is_control());
    if label.trim().is_empty() || label.trim() != label || label.len() > LABEL_MAX || !printable {
        return Err(Kind::Usage
            .because(format!("{label:?} is not a token label"))
            .advise("1 to 32 bytes of text, without spaces at the ends"));
    }
    Ok(())
}

fn summary(module: &Module, slot: Slot, info: &TokenInfo) -> Result<TokenSummary> {
    Ok(TokenSummary {
        slot: slot.id(),
        label: info.label().to_owned(),
        serial: info.serial_number().to_owned(),
        manufacturer: info.manufacturer_id().to_owned(),
        model: info.model().to_owned(),
        initialised: info.token_initialized(),
        pin: pin_state(info),
        write_protected: info.write_protected(),
        mechanisms: module.mechanisms(slot.id())?.len(),
    })
}

fn pin_state(info: &TokenInfo) -> &'static str {
    if !info.user_pin_initialized() {
        "not set"
    } else if info.user_pin_locked() {
        "locked"
    } else if info.user_pin_final_try() {
        "one try left"
    } else if info.user_pin_count_low() {
        "a wrong PIN was tried"
    } else {
        "set"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_a_token_would_cut_or_pad_are_refused() {
        for label in ["", " ", " a", "a ", "a\n", &"x".repeat(33)] {
            assert!(check_label(label).is_err(), "{label:?}");
        }
        for label in ["a", "Zürich HSM", &"x".repeat(32)] {
            assert!(check_label(label).is_ok(), "{label:?}");
        }
    }
}
