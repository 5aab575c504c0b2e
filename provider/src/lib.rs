//! The Keyway PKCS#11 module: a session machine over pluggable key backends.
//!
//! | folder | holds |
//! |---|---|
//! | `ffi` | everything unsafe: the C interface, calls into AWS-LC and other modules, locked memory |
//! | `session` | sessions, login, running operations: what an application sees of a token |
//! | `object`, `attribute` | objects under the rules of their class, which are data |
//! | `lifecycle` | what the state and the dates of a key allow |
//! | `mechanism` | one row a mechanism: parameters, sizes, implementations |
//! | `backend` | the seam: where private keys are used (`embedded`, `bridge`) |
//! | `engine` | the embedded token's cryptography, safe code over AWS-LC |
//! | `store` | the other seam: where sealed records lie (SQLite, memory) |
//! | `admin` | looking after embedded tokens without the C interface |
#![deny(unsafe_code)]

pub mod admin;
pub mod attribute;
pub mod backend;
pub mod code;
pub mod config;
pub mod engine;
pub mod error;
#[allow(unsafe_code)]
pub mod ffi;
pub mod handle;
pub mod lifecycle;
pub mod log;
pub mod mechanism;
pub mod module;
mod named;
pub mod object;
pub mod policy;
pub mod returns;
pub mod secret;
pub mod session;
pub mod slab;
pub mod slot;
pub mod store;
mod trouble;
