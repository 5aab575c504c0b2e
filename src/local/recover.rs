//! The way back from compromised.

use keyway_pkcs11::backend::Pin as Local;

use super::LocalToken;
use super::error::local_error;
use crate::error::{Kind, Result};
use crate::token::Pin;

impl LocalToken {
    /// Makes every compromised key with this label deactivated, by the security officer's decision:
    /// it processes what it protected, and never protects again. Answers the CKA_UNIQUE_ID of each.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when no key with this label is compromised, [`Kind::Pin`] for either PIN,
    /// [`Kind::Token`] for a token that cannot be written or is damaged.
    pub fn recover(&self, label: &str, so_pin: &Pin, pin: &Pin) -> Result<Vec<String>> {
        let (so_pin, pin) = (Local(so_pin.expose()), Local(pin.expose()));
        let recovered = self.admin.recover(label, so_pin, pin).map_err(local_error)?;
        match recovered.is_empty() {
            true => Err(Kind::NotFound
                .because(format!("the token has no compromised key labelled {label:?}"))
                .advise("the token's own state counts; see: keyway log --key LABEL")),
            false => Ok(recovered.iter().map(|id| format!("{id:?}")).collect()),
        }
    }
}
