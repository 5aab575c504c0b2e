//! The rules of key management: names, states, records, headers, agreement. No input or output,
//! no clock, no token: everything here is a function of its arguments.

pub mod entry;
pub mod envelope;
pub mod exchange;
pub mod hash;
pub mod key;
pub mod lifecycle;
pub mod peer;
pub mod pki;
pub mod public_format;
pub mod public_key;
pub mod record;
pub mod report;
pub mod share;
pub mod signature;
pub mod soundness;
pub mod time;
pub mod uri;
