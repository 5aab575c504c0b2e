//! What a key is called, what it is made of and what it is for.

mod address;
mod algorithm;
mod id;
mod name;
mod usage;

pub use address::KeyAddress;
pub use algorithm::{Algorithm, Material};
pub use id::KeyId;
pub use name::KeyName;
pub use usage::Usage;
