//! The `keyway` command.
#![deny(unsafe_code)]

fn main() {}
