//! Ciphertexts: the header that names key, version and scheme, and the armour.
//! `docs/ciphertext-format.md` draws them.

mod armor;
mod header;
mod scheme;

pub use armor::{armor, unarmor};
pub use header::{Header, Message, WrappedDataKey};
pub use scheme::{OaepHash, Scheme};
