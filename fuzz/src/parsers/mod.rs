//! What is read from files, from peers and from a token's rows. The first byte of an input chooses
//! the reader. What is read has to be written and read again as the same.

mod client;
mod module;

pub use client::{key_records, received, uris};
pub use module::{configuration, der, records};

/// The reader that an input chooses, and what it reads.
fn chosen(bytes: &[u8], readers: u8) -> Option<(u8, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((first % readers, rest))
}

/// Bytes as text, if they are.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
