//! Key agreement: groups, public values that have been checked, what both sides hash, and the
//! authenticated exchange.

mod ffdhe3072;
mod group;
mod message;
mod public_value;
mod sigma;
mod transcript;

pub use ffdhe3072::{GENERATOR, PRIME};
pub use group::Group;
pub use message::{EXCHANGE_MESSAGE_MAX, Hello, Message, Sealed};
pub use public_value::PublicValue;
pub use sigma::{Finished, Handshake, Identity, Purpose, Role};
pub use transcript::{Label, Transcript};
