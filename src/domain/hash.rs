//! SHA-2 over public data: records, transcripts, messages to be signed.

use sha2::{Digest, Sha256, Sha384, Sha512};

/// SHA-256 of the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// SHA-384 of one message.
pub fn sha384(message: &[u8]) -> [u8; 48] {
    Sha384::digest(message).into()
}

/// SHA-512 of one message.
pub fn sha512(message: &[u8]) -> [u8; 64] {
    Sha512::digest(message).into()
}
