//! Slots of our own module with another module's token behind them.

use std::path::Path;
use std::sync::OnceLock;

use keyway_pkcs11::backend::bridge::{BridgeBackend, BridgeConfig};
use keyway_pkcs11::backend::{Backend, Origin};
use keyway_pkcs11::config::Config;
use keyway_pkcs11::mechanism::MechanismSpec;

use super::error::local_error;
use super::{configuration, is_own};
use crate::error::Result;

/// Who does what of each mechanism of such a slot.
pub struct Origins {
    /// By CK_MECHANISM_TYPE, ascending; then by flag of CK_MECHANISM_INFO.
    rows: Vec<(u64, Vec<(u64, Origin)>)>,
}

impl Origins {
    /// Who does this function of a mechanism.
    pub fn of(&self, mechanism: u64, flag: u64) -> Option<&'static str> {
        let row = self.rows.binary_search_by_key(&mechanism, |row| row.0).ok()?;
        let (_, origin) = self.rows[row].1.iter().find(|(function, _)| *function == flag)?;
        Some(match origin {
            Origin::Inner => "inner",
            Origin::Engine => "engine",
            Origin::Composed => "composed",
        })
    }
}

/// Whether a module is our own and this slot of it bridges: then the token has no file of ours and
/// keeps no events.
///
/// # Errors
/// The configuration cannot be read.
pub fn is_in(module: &Path, slot: u64) -> Result<bool> {
    Ok(find(module, slot)?.is_some())
}

/// Whether our own module has such a slot at all.
///
/// # Errors
/// As [`is_in`].
pub fn is_anywhere() -> Result<bool> {
    Ok(!all()?.is_empty())
}

/// Who does what in such a slot; `None` for any other. The configuration may log in to the inner
/// token, the person does not.
///
/// # Errors
/// As [`is_in`].
pub fn origins(module: &Path, slot: u64) -> Result<Option<Origins>> {
    let Some(config) = find(module, slot)? else { return Ok(None) };
    configuration(Some(module))?;
    let backend = BridgeBackend::new(std::slice::from_ref(config));
    let tokens = backend.tokens().map_err(local_error)?;
    let token = &tokens.first().expect("one slot has one token").1;
    let row = |row: &&'static MechanismSpec| Some((row.id.0, token.origins(row)?.0));
    let mut rows: Vec<_> = token.mechanisms().iter().filter_map(row).collect();
    rows.sort_unstable_by_key(|row| row.0);
    Ok(Some(Origins { rows }))
}

fn find(module: &Path, slot: u64) -> Result<Option<&'static BridgeConfig>> {
    match is_own(module) {
        true => Ok(all()?.iter().find(|bridge| u64::from(bridge.slot) == slot)),
        false => Ok(None),
    }
}

/// The bridges of the configuration, read once as the module reads it.
fn all() -> Result<&'static [BridgeConfig]> {
    static READ: OnceLock<Vec<BridgeConfig>> = OnceLock::new();
    match READ.get() {
        Some(bridges) => Ok(bridges),
        None => {
            // Without its log: whoever uses keyway as a library has one of his own.
            let bridges = Config::load().map_err(local_error)?.bridges;
            Ok(READ.get_or_init(|| bridges))
        }
    }
}
