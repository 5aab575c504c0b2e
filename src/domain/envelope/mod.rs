//! Ciphertexts: the header that names key, version and scheme, and the armour.
//! `docs/ciphertext-format.md` draws them.

mod armor;
mod bare;
mod context;
mod encapsulated;
mod header;
mod limit;
mod scheme;

pub use armor::{armor, is_armored, unarmor};
pub use bare::{BareParameters, BareScheme};
pub use context::Context;
pub use encapsulated::SealedTo;
pub use header::{Header, Message, WrappedDataKey};
pub use limit::MessageLimit;
pub use scheme::{OaepHash, Scheme};
