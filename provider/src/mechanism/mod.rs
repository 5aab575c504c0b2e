//! Mechanisms: one row each, from which lists, infos, flags, checks, documents and tests derive.

pub mod message;
pub mod nonce;
pub mod params;
pub mod set;
pub mod spec;
pub mod table;
pub mod types;

pub use message::Messages;
pub use params::{Hash, Params};
pub use spec::{Function, Mechanism, MechanismSpec};
pub use types::MechanismType;
