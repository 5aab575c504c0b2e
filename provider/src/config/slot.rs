//! `[[slot]]`: slots by number, and what lies behind each.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::beside;
use super::replica::Replica;
use crate::backend::SlotId;
use crate::backend::bridge::{BridgeConfig, Gate, Limits, Lists, Profile, RootKey, Wanted};
use crate::error::{Code, Error, Result};
use crate::mechanism::MechanismType;
use crate::mechanism::set::Legacy;
use crate::policy::Policy;

/// One `[[slot]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slot {
    id: u32,
    #[serde(default)]
    backend: Backend,
    root: Option<String>,
    module: Option<PathBuf>,
    token: Option<String>,
    serial: Option<String>,
    pin_source: Option<String>,
    profile: Option<String>,
    arguments: Option<String>,
    mechanisms: Option<Vec<String>>,
    #[serde(default)]
    deny_mechanisms: Vec<String>,
    keys: Option<Vec<String>>,
    #[serde(default)]
    deny_keys: Vec<String>,
    sessions: Option<usize>,
    wait_seconds: Option<u64>,
    idle_seconds: Option<u64>,
    refresh_seconds: Option<f64>,
    failures: Option<u32>,
    pause_seconds: Option<u64>,
    #[serde(default)]
    pub(super) replica: Vec<Replica>,
}

#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Backend {
    #[default]
    Embedded,
    Bridge,
}

/// What the slots are, each kind in ascending order.
pub(super) struct Sorted {
    /// The embedded ones.
    pub(super) slots: Vec<SlotId>,
    pub(super) roots: BTreeMap<SlotId, Arc<RootKey>>,
    pub(super) bridges: Vec<BridgeConfig>,
}

/// The slots by what lies behind them.
///
/// # Errors
/// FunctionFailed for a number that is there twice or too large, for what a backend needs and is
/// not given, and for what it is given and does not use.
pub(super) fn sorted(
    slots: Vec<Slot>,
    directory: Option<&Path>,
    legacy: Legacy,
    policy: Policy,
) -> Result<Sorted> {
    let mut ids: Vec<_> = slots.iter().map(|slot| slot.id).collect();
    ids.sort_unstable();
    if let Some(twice) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Code::FunctionFailed
            .because(format!("the configuration names slot {} twice", twice[0])));
    }
    if let Some(id) = ids.iter().find(|id| **id > i32::MAX as u32) {
        return Err(Code::FunctionFailed
            .because(format!("slot id {id}: ids must be below 2147483648 (Java reads an int)")));
    }
    let mut sorted = Sorted { slots: Vec::new(), roots: BTreeMap::new(), bridges: Vec::new() };
    for slot in slots {
        match slot.backend {
            Backend::Embedded => {
                let id = slot.id;
                let root = slot.embedded(directory)?.map(|root| (id, Arc::new(root)));
                sorted.slots.push(id);
                sorted.roots.extend(root);
            }
            Backend::Bridge => sorted.bridges.push(slot.bridge(directory, legacy, policy)?),
        }
    }
    sorted.slots.sort_unstable();
    sorted.bridges.sort_by_key(|bridge| bridge.slot);
    Ok(sorted)
}

impl Slot {
    /// The root of an embedded slot, if it has one.
    fn embedded(self, directory: Option<&Path>) -> Result<Option<RootKey>> {
        let given = [
            ("module", self.module.is_some()),
            ("token", self.token.is_some()),
            ("serial", self.serial.is_some()),
            ("pin_source", self.pin_source.is_some()),
            ("profile", self.profile.is_some() && self.root.is_none()),
            ("arguments", self.arguments.is_some() && self.root.is_none()),
            ("mechanisms", self.mechanisms.is_some()),
            ("deny_mechanisms", !self.deny_mechanisms.is_empty()),
            ("keys", self.keys.is_some()),
            ("deny_keys", !self.deny_keys.is_empty()),
            ("sessions", self.sessions.is_some()),
            ("wait_seconds", self.wait_seconds.is_some()),
            ("idle_seconds", self.idle_seconds.is_some()),
            ("refresh_seconds", self.refresh_seconds.is_some()),
            ("failures", self.failures.is_some()),
            ("pause_seconds", self.pause_seconds.is_some()),
            ("replica", !self.replica.is_empty()),
        ];
        if let Some((key, _)) = given.iter().find(|(_, given)| *given) {
            return Err(self.bad(&format!("{key} takes backend = \"bridge\"")));
        }
        let Some(uri) = &self.root else { return Ok(None) };
        let root = RootKey::of_uri(uri, directory, Arc::new(self.profile(directory)?));
        root.map(Some).map_err(|why| self.bad(&format!("root: {why}")))
    }

    /// The slot's profile, with the arguments that the slot says.
    pub(super) fn profile(&self, directory: Option<&Path>) -> Result<Profile> {
        let profile = profile(self.profile.as_deref(), directory)?;
        Ok(Profile { arguments: self.arguments.clone().or(profile.arguments), ..profile })
    }

    fn bridge(
        self,
        directory: Option<&Path>,
        legacy: Legacy,
        policy: Policy,
    ) -> Result<BridgeConfig> {
        let Some(module) = self.module.clone() else {
            return Err(self.bad("backend = \"bridge\" needs module = \"/path/of/the/module.so\""));
        };
        let wanted = wanted(self.token.as_deref(), self.serial.as_deref())
            .map_err(|why| self.bad(&format!("backend = \"bridge\" {why}")))?;
        if self.root.is_some() {
            return Err(self.bad("root takes backend = \"embedded\""));
        }
        let profile = self.profile(directory)?;
        let limits = self.limits(&profile)?;
        let module = beside(directory, module);
        let replicas = self.replicas(directory, &module, &wanted)?;
        Ok(BridgeConfig {
            slot: self.id,
            module,
            wanted,
            profile: Arc::new(profile),
            pin_source: pin_source(self.pin_source.as_deref(), directory),
            replicas,
            gate: self.gate()?,
            limits,
            legacy,
            policy,
        })
    }

    fn gate(&self) -> Result<Gate> {
        let mechanism = |name: &String| {
            let found = MechanismType::NAMES.iter().find(|(_, known)| known == name);
            found
                .map(|(id, _)| *id)
                .ok_or_else(|| self.bad(&format!("there is no mechanism {name}")))
        };
        let mechanisms = |names: &[String]| names.iter().map(mechanism).collect::<Result<Vec<_>>>();
        let patterns = |labels: &[String]| labels.iter().map(|text| text.as_str().into()).collect();
        Ok(Gate {
            mechanisms: Lists {
                allowed: self.mechanisms.as_deref().map(mechanisms).transpose()?,
                denied: mechanisms(&self.deny_mechanisms)?,
            },
            keys: Lists {
                allowed: self.keys.as_deref().map(patterns),
                denied: patterns(&self.deny_keys),
            },
        })
    }

    pub(super) fn limits(&self, profile: &Profile) -> Result<Limits> {
        let usual = Limits::default();
        let seconds = |given: Option<u64>, usual| given.map_or(usual, Duration::from_secs);
        let sessions = self.sessions.or(profile.sessions).unwrap_or(usual.sessions);
        if sessions < 2 {
            return Err(self.bad("sessions must be 2 at least: one holds the login"));
        }
        let refresh = match self.refresh_seconds {
            None => usual.refresh,
            Some(given) => Duration::try_from_secs_f64(given)
                .map_err(|_| self.bad("refresh_seconds is no period"))?,
        };
        Ok(Limits {
            sessions,
            wait: seconds(self.wait_seconds, usual.wait),
            idle: self.idle_seconds.or(profile.idle_seconds).map(Duration::from_secs),
            refresh,
            failures: self.failures.unwrap_or(usual.failures),
            pause: seconds(self.pause_seconds, usual.pause),
        })
    }

    pub(super) fn bad(&self, what: &str) -> Error {
        Code::FunctionFailed.because(format!("configuration, slot {}: {what}", self.id))
    }
}

/// The profile of a name or a file.
pub(super) fn profile(name: Option<&str>, directory: Option<&Path>) -> Result<Profile> {
    match name.unwrap_or("generic") {
        path if path.contains('/') => {
            let path = beside(directory, path.into());
            Profile::load(&path.to_string_lossy())
        }
        name => Profile::load(name),
    }
}

/// What a token is recognised by.
///
/// # Errors
/// What is missing, or is not understood.
pub(super) fn wanted(token: Option<&str>, serial: Option<&str>) -> Result<Wanted, String> {
    match token {
        None if serial.is_none() => Err("needs token = \"LABEL\", or serial".to_owned()),
        Some(uri) if uri.starts_with("pkcs11:") => Wanted::of_uri(uri),
        label => Ok(Wanted {
            label: label.map(str::to_owned),
            serial: serial.map(str::to_owned),
            ..Wanted::default()
        }),
    }
}

/// The file that a PIN is in.
pub(super) fn pin_source(source: Option<&str>, directory: Option<&Path>) -> Option<PathBuf> {
    source.map(|source| beside(directory, source.strip_prefix("file:").unwrap_or(source).into()))
}
