//! Tokens of other PKCS#11 modules: sessions healed, objects found again, and what the inner token
//! lacks supplied above it. `docs/bridge.md` describes it.

mod breaker;
mod change;
mod gate;
mod healing;
mod identity;
mod inner;
mod key;
mod limits;
mod link;
mod make;
mod mechanisms;
mod objects;
mod operation;
mod pin_source;
mod pool;
mod profile;
mod read;
mod record;
mod records;
mod replicas;
mod root;
mod size;
mod supplied;
mod task;
mod template;
mod token;
mod uri;
mod wrapped;

use std::path::PathBuf;
use std::sync::Arc;

pub use gate::{Gate, Lists, Pattern};
pub use limits::Limits;
pub use link::Wanted;
pub use profile::{Profile, SHIPPED};
pub use root::RootKey;
pub use token::BridgeToken;
pub use uri::Uri;
pub(crate) use wrapped::Wrapped;

use replicas::{Member, ReplicatedToken};

use crate::backend::{Backend, SlotId, Token};
use crate::error::Result;
use crate::mechanism::set::Legacy;
use crate::policy::Policy;

/// What the configuration says of one slot with an inner token.
#[derive(Clone, Debug)]
pub struct BridgeConfig {
    pub slot: SlotId,
    /// The module's file.
    pub module: PathBuf,
    pub wanted: Wanted,
    pub profile: Arc<Profile>,
    /// The file that holds the user's PIN, if the application need not know it.
    pub pin_source: Option<PathBuf>,
    /// More tokens that hold the same keys, in the order in which they are used.
    pub replicas: Vec<ReplicaConfig>,
    pub gate: Gate,
    pub limits: Limits,
    pub legacy: Legacy,
    pub policy: Policy,
}

/// So many tokens a slot may have beside its first.
pub const REPLICAS: usize = 7;

/// What it says of another token of the slot.
#[derive(Clone, Debug)]
pub struct ReplicaConfig {
    pub module: PathBuf,
    pub wanted: Wanted,
    pub profile: Arc<Profile>,
    pub pin_source: Option<PathBuf>,
    pub limits: Limits,
}

/// The inner tokens that the configuration names, one a slot or several that hold the same.
pub struct BridgeBackend {
    tokens: Vec<(SlotId, Arc<dyn Token>)>,
}

impl BridgeBackend {
    /// Touches no module: that happens at the first use of a slot.
    pub fn new(slots: &[BridgeConfig]) -> Self {
        let token = |config: &BridgeConfig| (config.slot, config.token());
        Self { tokens: slots.iter().map(token).collect() }
    }
}

impl Backend for BridgeBackend {
    fn tokens(&self) -> Result<Vec<(SlotId, Arc<dyn Token>)>> {
        Ok(self.tokens.clone())
    }
}

impl BridgeConfig {
    /// The slot's token.
    fn token(&self) -> Arc<dyn Token> {
        let first = ReplicaConfig {
            module: self.module.clone(),
            wanted: self.wanted.clone(),
            profile: self.profile.clone(),
            pin_source: self.pin_source.clone(),
            limits: self.limits,
        };
        let (legacy, policy) = (self.legacy, self.policy);
        if self.replicas.is_empty() {
            return Arc::new(BridgeToken::new(self.inner(first), legacy, policy));
        }
        let member = |config: &ReplicaConfig| {
            let inner = self.inner(config.clone());
            Member::new(inner.clone(), BridgeToken::new(inner, legacy, policy))
        };
        let members = std::iter::once(&first).chain(&self.replicas).map(member).collect();
        Arc::new(ReplicatedToken::new(members, self.limits.refresh, legacy, policy))
    }

    fn inner(&self, token: ReplicaConfig) -> Arc<inner::Inner> {
        let ReplicaConfig { module, wanted, profile, pin_source, limits } = token;
        let gate = self.gate.clone();
        let objects = objects::Objects::new(limits.refresh, gate, profile.clone());
        let place = link::Place { module, wanted, profile, pin_source };
        inner::Inner::new(pool::Pool::new(place, limits), objects)
    }
}
