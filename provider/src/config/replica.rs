//! `[[slot.replica]]`: more tokens that hold the same keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::beside;
use super::slot::{Slot, pin_source, profile, wanted};
use crate::backend::bridge::{Profile, REPLICAS, ReplicaConfig, Wanted};
use crate::error::Result;

/// One `[[slot.replica]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replica {
    module: Option<PathBuf>,
    token: Option<String>,
    serial: Option<String>,
    pin_source: Option<String>,
    profile: Option<String>,
}

impl Slot {
    /// The other tokens of a slot whose first one is `wanted`, of `module`.
    ///
    /// # Errors
    /// FunctionFailed for a token that is there twice, for too many of them, and for what one needs
    /// and is not given.
    pub(super) fn replicas(
        &self,
        directory: Option<&Path>,
        module: &Path,
        first: &Wanted,
    ) -> Result<Vec<ReplicaConfig>> {
        if self.replica.len() > REPLICAS {
            return Err(self.bad(&format!("a slot has {REPLICAS} replicas at most")));
        }
        let mut seen = vec![(module.to_owned(), first.clone())];
        let mut replicas = Vec::new();
        for replica in &self.replica {
            let why = |why: String| self.bad(&format!("a replica {why}"));
            let wanted =
                wanted(replica.token.as_deref(), replica.serial.as_deref()).map_err(why)?;
            let module =
                replica.module.clone().map_or(module.to_owned(), |path| beside(directory, path));
            let place = (module.clone(), wanted.clone());
            if seen.contains(&place) {
                return Err(self.bad(
                    "a token is there twice: each replica is another token that holds the same keys",
                ));
            }
            seen.push(place);
            let profile = self.profile_of(replica, directory)?;
            replicas.push(ReplicaConfig {
                module,
                wanted,
                limits: self.limits(&profile)?,
                profile: Arc::new(profile),
                pin_source: pin_source(replica.pin_source.as_deref(), directory),
            });
        }
        Ok(replicas)
    }

    /// The replica's own profile, or the slot's where it has none.
    fn profile_of(&self, replica: &Replica, directory: Option<&Path>) -> Result<Profile> {
        match &replica.profile {
            Some(name) => profile(Some(name), directory),
            None => self.profile(directory),
        }
    }
}
