//! Certificates, revocation lists and the rules by which they are trusted (RFC 5280).
//!
//! [`validate`] is the one entry to trust: everything that acts on somebody else's certificate
//! asks it first.

mod alternative;
mod certificate;
mod crl;
pub mod issue;
mod name;
pub mod ocsp;
mod path;
mod pem;
mod purpose;
mod refusal;
pub mod register;
mod serial;
mod signature;
mod signed;

pub use alternative::{AlternativeName, Subject, Subtree};
pub use certificate::Certificate;
pub use crl::Crl;
pub use path::{Trust, ValidatedPath, validate};
pub use pem::{Label, to_pem};
pub use purpose::Purpose;
pub use refusal::{Refusal, Refused};
pub use serial::Serial;
pub use signature::{algorithm_of, verify};

/// A number without the zeros before it.
fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros.min(bytes.len().saturating_sub(1))..]
}

/// An IP address as people write it.
fn show_address(bytes: &[u8]) -> String {
    use core::net::IpAddr;
    let v4: Option<[u8; 4]> = bytes.try_into().ok();
    let v6: Option<[u8; 16]> = bytes.try_into().ok();
    match v4.map(IpAddr::from).or(v6.map(IpAddr::from)) {
        Some(address) => address.to_string(),
        None => format!("an address of {} bytes", bytes.len()),
    }
}
