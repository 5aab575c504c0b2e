//! Keys that several tokens hold.

use std::sync::Arc;

use super::moving::Moving;
use super::same::Same;
use super::set::{Failure, Set};
use crate::backend::{Key, Operation};
use crate::error::Result;
use crate::mechanism::params::kept::Kept;
use crate::mechanism::{Function, Mechanism, MechanismSpec, Params};

/// A key of the slot, used where it works.
pub(super) struct ReplicatedKey {
    set: Arc<Set>,
    same: Arc<Same>,
}

impl ReplicatedKey {
    pub(super) fn new(set: &Arc<Set>, same: Arc<Same>) -> Self {
        set.join(&same);
        Self { set: set.clone(), same }
    }
}

impl Key for ReplicatedKey {
    fn lease(&self) -> Arc<dyn Key> {
        Arc::new(Self { set: self.set.clone(), same: self.same.clone() })
    }

    fn start(&self, function: Function, mechanism: &Mechanism<'_>) -> Result<Operation> {
        let beginning = Beginning {
            set: self.set.clone(),
            same: self.same.clone(),
            function,
            spec: mechanism.spec,
        };
        let (at, operation) = beginning.begin(&mechanism.params, &mut Vec::new())?;
        // What opaque parameters point to is the application's for the time of its own Init only.
        let opaque = matches!(mechanism.params, Params::Opaque([_, ..]));
        match Kept::new(&mechanism.params) {
            Ok(params) if !opaque && self.same.durable => {
                Ok(Moving::operation(beginning, params, at, operation))
            }
            _ => Ok(operation),
        }
    }
}

/// What it takes to begin an operation once more.
pub(super) struct Beginning {
    pub(super) set: Arc<Set>,
    pub(super) same: Arc<Same>,
    function: Function,
    spec: &'static MechanismSpec,
}

impl Beginning {
    /// Begins it on the first token that can, but for those that `failed`: the token's place, and
    /// the operation.
    ///
    /// # Errors
    /// What the tokens answer.
    pub(super) fn begin(
        &self,
        params: &Params<'_>,
        failed: &mut Vec<Failure>,
    ) -> Result<(usize, Operation)> {
        let mechanism = Mechanism { spec: self.spec, params: params.clone(), keys: Vec::new() };
        self.set.elsewhere(&self.same, failed, |at, object| {
            let snapshot = object.snapshot();
            let key = snapshot.key(&self.set.members[at].token)?;
            Ok((at, key.start(self.function, &mechanism)?))
        })
    }
}
