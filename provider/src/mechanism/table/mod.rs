//! The rows, one file a family.

mod aes;
mod digest;
mod ec;
mod hkdf;
mod hmac;
mod rsa;
mod secret;

use crate::mechanism::MechanismSpec;

pub static FAMILIES: &[&[MechanismSpec]] =
    &[aes::ROWS, digest::ROWS, ec::ROWS, hkdf::ROWS, hmac::ROWS, rsa::ROWS, secret::ROWS];
