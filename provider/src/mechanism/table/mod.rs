//! The rows, one file a family.

mod aes;
mod chacha20;
mod combine;
mod des;
mod dh;
mod digest;
mod dsa;
mod ec;
mod edwards;
mod hash_derive;
mod hkdf;
mod hmac;
mod montgomery;
mod rsa;
mod secret;
mod sp800_108;
mod tls;

use crate::mechanism::MechanismSpec;

pub static FAMILIES: &[&[MechanismSpec]] = &[
    aes::ROWS,
    chacha20::ROWS,
    combine::ROWS,
    des::ROWS,
    dh::ROWS,
    digest::ROWS,
    dsa::ROWS,
    ec::ROWS,
    edwards::ROWS,
    hash_derive::ROWS,
    hkdf::ROWS,
    hmac::ROWS,
    montgomery::ROWS,
    rsa::ROWS,
    secret::ROWS,
    sp800_108::ROWS,
    tls::ROWS,
];
