//! Key agreement: groups, public values that have been checked, and what both sides hash.

mod ffdhe3072;
mod group;
mod public_value;
mod transcript;

pub use ffdhe3072::{GENERATOR, PRIME};
pub use group::Group;
pub use public_value::PublicValue;
pub use transcript::{Label, Transcript};
