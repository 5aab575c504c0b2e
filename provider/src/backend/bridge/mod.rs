//! Tokens of other PKCS#11 modules: sessions healed, objects found again, and what the inner token
//! lacks supplied above it. `docs/bridge.md` describes it.

mod breaker;
mod gate;
mod healing;
mod identity;
mod inner;
mod key;
mod limits;
mod link;
mod mechanisms;
mod objects;
mod operation;
mod pin_source;
mod pool;
mod profile;
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
    pub gate: Gate,
    pub limits: Limits,
    pub legacy: Legacy,
    pub policy: Policy,
}

/// The inner tokens that the configuration names, one a slot.
pub struct BridgeBackend {
    tokens: Vec<(SlotId, Arc<BridgeToken>)>,
}

impl BridgeBackend {
    /// Touches no module: that happens at the first use of a slot.
    pub fn new(slots: &[BridgeConfig]) -> Self {
        let token = |config: &BridgeConfig| {
            let BridgeConfig { module, wanted, profile, pin_source, gate, limits, .. } =
                config.clone();
            let place = link::Place { module, wanted, profile, pin_source };
            let pool = pool::Pool::new(place, limits);
            let objects = objects::Objects::new(limits.refresh, gate);
            let inner = inner::Inner::new(pool, objects);
            (config.slot, Arc::new(BridgeToken::new(inner, config.legacy, config.policy)))
        };
        Self { tokens: slots.iter().map(token).collect() }
    }
}

impl Backend for BridgeBackend {
    fn tokens(&self) -> Result<Vec<(SlotId, Arc<dyn Token>)>> {
        let tokens = self.tokens.iter();
        Ok(tokens.map(|(slot, token)| (*slot, token.clone() as Arc<dyn Token>)).collect())
    }
}
