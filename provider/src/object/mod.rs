//! Objects: creating, copying, changing and reading them under the rules of their class.

pub mod access;
mod consistent;
pub mod copy;
pub mod create;
pub mod derive;
mod derive_data;
pub mod destroy;
mod draft;
pub mod generate;
pub mod modify;
pub mod read;
pub mod tls;
pub mod unwrap;
pub mod usage;

pub use access::{Caller, Role};
pub use copy::copied;
pub use create::from_template;
pub use derive::{Wanted, all_inputs, both, derived_length, for_derive, hides_like};
pub use destroy::destroyable;
pub use generate::{for_generation, for_pair};
pub use modify::modified;
pub use read::{readable, size};
pub use tls::for_tls_keys;
pub use unwrap::for_unwrap;
