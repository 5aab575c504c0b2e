//! The rows, one file a family.

mod aes;
mod digest;
mod hkdf;
mod hmac;
mod secret;

use crate::mechanism::MechanismSpec;

pub static FAMILIES: &[&[MechanismSpec]] =
    &[aes::ROWS, digest::ROWS, hkdf::ROWS, hmac::ROWS, secret::ROWS];
