//! The ASCII armour of a ciphertext: PEM (RFC 7468) around the same bytes.

use der::pem::{self, LineEnding};

use crate::error::{Kind, Result};

const LABEL: &str = "KEYWAY MESSAGE";
const BEGIN: &[u8] = b"-----BEGIN KEYWAY MESSAGE-----";

/// The armoured form.
///
/// # Errors
/// [`Kind::Malformed`] when the ciphertext is too long for PEM.
pub fn armor(bytes: &[u8]) -> Result<Vec<u8>> {
    pem::encode_string(LABEL, LineEnding::LF, bytes)
        .map(String::into_bytes)
        .map_err(|error| Kind::Malformed.because(format!("cannot armour the ciphertext: {error}")))
}

/// Whether the input is armoured, from its beginning.
pub fn is_armored(beginning: &[u8]) -> bool {
    beginning.trim_ascii_start().starts_with(BEGIN)
}

/// The bytes inside the armour, or `None` when there is no armour.
///
/// # Errors
/// [`Kind::Malformed`] when the armour is damaged.
pub fn unarmor(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    if !is_armored(bytes) {
        return Ok(None);
    }
    let (_, inner) = pem::decode_vec(bytes.trim_ascii_start())
        .map_err(|error| Kind::Malformed.because(format!("the armour is damaged: {error}")))?;
    Ok(Some(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armour_comes_off_as_it_went_on() {
        for length in [1, 47, 48, 49, 10_000] {
            let bytes = vec![0xA5; length];
            let armoured = armor(&bytes).expect("armoured");
            assert!(armoured.is_ascii());
            assert_eq!(unarmor(&armoured).expect("read"), Some(bytes));
        }
    }

    #[test]
    fn bytes_without_armour_are_left_alone() {
        assert_eq!(unarmor(b"keyway\x00\x01").expect("read"), None);
    }

    #[test]
    fn damaged_armour_is_an_error() {
        assert!(unarmor(b"-----BEGIN KEYWAY MESSAGE-----\nAAAA").is_err());
    }
}
