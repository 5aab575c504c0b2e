//! Looking after tokens without the C interface.

#[path = "../store/harness.rs"]
#[allow(dead_code, reason = "shared with the tests of the store")]
mod harness;

mod backup;
mod open;
mod recover;
