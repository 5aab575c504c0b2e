//! Tokens in files of one directory, their keys used in this process.

mod accounts;
mod cache;
mod check;
mod crypto;
mod encoding;
mod history;
mod identity;
mod keys;
mod name;
mod objects;
mod pin;
mod recover;
mod root;
mod seal;
mod set;
mod tags;
mod token;
mod uses;
mod verify;

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;

use crate::backend::bridge::RootKey;
use crate::backend::{Backend, SlotId, Token};
use crate::error::{Code, Result};
use crate::mechanism::set::Legacy;
use crate::policy::Policy;
use crate::store::sqlite::{PATIENCE, SqliteStore};
use crate::store::{Cost, Store};
use crate::trouble::Explained;
use pin::Derivations;
use token::Settings;

pub use check::{Finding, Remedy, Report};
pub use history::{History, Occurrence};
pub(crate) use pin::stretch;
pub use pin::{DEFAULT_COST, LENGTHS as PIN_LENGTHS};
pub use root::RootState;
pub use token::EmbeddedToken;

/// What the configuration says about embedded tokens.
#[derive(Clone, Debug)]
pub struct EmbeddedConfig {
    /// Where the files are; made when the first token is.
    pub token_dir: PathBuf,
    pub free_slot: FreeSlot,
    /// Slots that are there even while they have no token.
    pub slots: Vec<SlotId>,
    /// Slots that are another backend's.
    pub taken: Vec<SlotId>,
    /// For PINs that are set from now on; tests make it cheap.
    pub pin_cost: Cost,
    /// Wrong PINs in a row that lock an account; at least 5.
    pub attempts: u32,
    /// How long to wait for another process that uses a token.
    pub patience: Duration,
    pub legacy: Legacy,
    pub policy: Policy,
    /// Whether the first use of a key in a login is an event.
    pub log_uses: bool,
    /// The keys in other tokens without which no PIN opens the token of a slot.
    pub roots: BTreeMap<SlotId, Arc<RootKey>>,
}

/// When to show a slot in which `C_InitToken` can make a new token.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum FreeSlot {
    /// As long as there is no token at all.
    #[default]
    WhenEmpty,
    Always,
    Never,
}

impl EmbeddedConfig {
    /// The defaults, for the tokens in a directory.
    pub fn new(token_dir: impl Into<PathBuf>) -> Self {
        Self {
            token_dir: token_dir.into(),
            free_slot: FreeSlot::default(),
            slots: Vec::new(),
            taken: Vec::new(),
            pin_cost: DEFAULT_COST,
            attempts: 10,
            patience: PATIENCE,
            legacy: Legacy::default(),
            policy: Policy::default(),
            log_uses: true,
            roots: BTreeMap::new(),
        }
    }
}

/// Permission to write for those who are neither owner nor in the group.
const OTHERS_WRITE: u32 = 0o002;

/// The tokens of a directory, one a slot: slot 7 is `token-7.db`.
pub struct EmbeddedBackend {
    config: EmbeddedConfig,
    settings: Settings,
    tokens: Mutex<BTreeMap<SlotId, Slot>>,
    /// Set when the log was told that anybody may change the token directory.
    warned: AtomicBool,
}

struct Slot {
    token: Arc<EmbeddedToken>,
    /// Whether its file was there when last looked at.
    has_file: bool,
}

impl EmbeddedBackend {
    pub fn new(config: EmbeddedConfig) -> Self {
        let settings = Settings {
            cost: config.pin_cost,
            attempts: config.attempts.max(5),
            derivations: Arc::new(Derivations::default()),
            legacy: config.legacy,
            policy: config.policy,
            log_uses: config.log_uses,
            root: None,
        };
        Self { config, settings, tokens: Mutex::default(), warned: AtomicBool::new(false) }
    }

    /// One whose PINs cost no time.
    #[cfg(test)]
    pub fn cheap(directory: &Path) -> Self {
        Self::new(EmbeddedConfig { pin_cost: Cost::CHEAP, ..EmbeddedConfig::new(directory) })
    }

    /// Whoever may write to the directory can put an old or empty token into the place of one.
    fn warn_of_strangers(&self) {
        let directory = &self.config.token_dir;
        let Ok(metadata) = std::fs::metadata(directory) else { return };
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & OTHERS_WRITE != 0 && !self.warned.swap(true, Ordering::Relaxed) {
            log::warn!(
                "anybody may change the token directory {} (mode {mode:04o}): `chmod o-rwx` it, \
                 see `keyway doctor`",
                directory.display()
            );
        }
    }

    /// The file of a slot's token.
    pub fn file(&self, slot: SlotId) -> PathBuf {
        self.config.token_dir.join(format!("token-{slot}.db"))
    }

    /// As [`Backend::tokens`], as what they are.
    ///
    /// # Errors
    /// DeviceError for a token directory that cannot be read.
    pub(crate) fn embedded(&self) -> Result<Vec<(SlotId, Arc<EmbeddedToken>)>> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        self.scan(&mut tokens)?;
        Ok(tokens.iter().map(|(slot, entry)| (*slot, entry.token.clone())).collect())
    }

    /// Brings the slots up to date with the files.
    fn scan(&self, tokens: &mut BTreeMap<SlotId, Slot>) -> Result<()> {
        let mut files = slots_in(&self.config.token_dir)?;
        self.warn_of_strangers();
        let hidden = files.extract_if(.., |slot| self.config.taken.contains(slot));
        for slot in hidden {
            log::warn!(
                "{} is not shown: the configuration gives slot {slot} to another module; give that \
                 another id",
                self.file(slot).display()
            );
        }
        // A token whose file is gone is gone; a new one in its place is not the same.
        tokens.retain(|slot, entry| !entry.has_file || files.contains(slot));
        for slot in files.iter().chain(&self.config.slots) {
            self.add(tokens, *slot, files.contains(slot))?;
        }
        let initialized = |entry: &Slot| entry.token.is_initialized();
        let free = tokens.iter().find(|(_, entry)| !initialized(entry)).map(|(slot, _)| *slot);
        let wanted = match self.config.free_slot {
            FreeSlot::Always => true,
            FreeSlot::WhenEmpty => {
                self.config.taken.is_empty() && !tokens.values().any(initialized)
            }
            FreeSlot::Never => false,
        };
        match free {
            None if wanted => {
                // Never the number of an older token, so that numbers stay what they were.
                let used = tokens.keys().chain(&self.config.taken);
                let last = used.max().copied().unwrap_or(0);
                self.add(tokens, last + 1, false)
            }
            _ if wanted => Ok(()),
            // Another process made a token meanwhile: the slot that was offered goes.
            _ => {
                let pinned = &self.config.slots;
                tokens.retain(|slot, entry| {
                    entry.has_file || pinned.contains(slot) || initialized(entry)
                });
                Ok(())
            }
        }
    }

    fn add(&self, tokens: &mut BTreeMap<SlotId, Slot>, slot: SlotId, has_file: bool) -> Result<()> {
        if let Some(entry) = tokens.get_mut(&slot) {
            entry.has_file = has_file;
            return Ok(());
        }
        let store = SqliteStore::with_patience(&self.file(slot), self.config.patience);
        let root = self.config.roots.get(&slot).cloned();
        let settings = Settings { root, ..self.settings.clone() };
        let token = EmbeddedToken::new(Arc::new(store), settings)?;
        tokens.insert(slot, Slot { token: Arc::new(token), has_file });
        Ok(())
    }
}

impl Backend for EmbeddedBackend {
    fn tokens(&self) -> Result<Vec<(SlotId, Arc<dyn Token>)>> {
        let tokens = self.embedded()?.into_iter();
        Ok(tokens.map(|(slot, token)| (slot, token as Arc<dyn Token>)).collect())
    }
}

/// A token over any store, for stores that are not files.
///
/// # Errors
/// DeviceError if the engine has no entropy.
pub fn over(store: Arc<dyn Store>, config: &EmbeddedConfig) -> Result<EmbeddedToken> {
    over_with(store, config, None)
}

/// As [`over`], for a token that opens through a root.
///
/// # Errors
/// As [`over`].
pub(crate) fn over_with(
    store: Arc<dyn Store>,
    config: &EmbeddedConfig,
    root: Option<Arc<RootKey>>,
) -> Result<EmbeddedToken> {
    let settings = Settings { root, ..EmbeddedBackend::new(config.clone()).settings };
    EmbeddedToken::new(store, settings)
}

/// The slots that have a file, in ascending order.
fn slots_in(directory: &Path) -> Result<Vec<SlotId>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => {
            let doing = "cannot list the token directory";
            return Err(e).or_explain(Code::DeviceError, doing, directory);
        }
    };
    let mut slots: Vec<_> =
        entries.filter_map(|entry| slot_of(entry.ok()?.file_name().to_str()?)).collect();
    slots.sort_unstable();
    Ok(slots)
}

/// The slot of a database by its file name; Java takes slot ids as 32-bit signed integers.
fn slot_of(name: &str) -> Option<SlotId> {
    let number = name.strip_prefix("token-")?.strip_suffix(".db")?;
    let slot: SlotId = number.parse().ok()?;
    (slot <= i32::MAX as u32 && slot.to_string() == number).then_some(slot)
}

/// How attributes are written in records, for the fuzzer: behind a seal no byte of it is anybody's
/// to choose, and it is read nowhere else.
#[doc(hidden)]
pub mod fuzzing {
    use crate::attribute::Attributes;
    use crate::error::Result;
    use crate::secret::Secret;

    pub fn decode(bytes: &[u8]) -> Result<Attributes> {
        super::encoding::decode(bytes)
    }

    pub fn encode(attributes: &Attributes) -> Secret {
        super::encoding::encode(attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_a_slot_or_nothing() {
        assert_eq!(slot_of("token-1.db"), Some(1));
        for name in ["token-.db", "token-01.db", "token-1.db-wal", "token-4294967295.db", "x"] {
            assert_eq!(slot_of(name), None, "{name}");
        }
    }
}
