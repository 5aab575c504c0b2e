//! The fixed-width strings of the C interface: padded with spaces, never NUL-terminated.

use crate::error::{Code, Result};

/// `text` cut to `N` bytes at a character boundary and padded with spaces.
pub(crate) fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut end = text.len().min(N);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let mut field = [b' '; N];
    field[..end].copy_from_slice(&text.as_bytes()[..end]);
    field
}

/// The text of a padded field.
///
/// # Errors
/// ArgumentsBad for bytes that are not UTF-8.
pub(crate) fn trimmed(field: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(field)
        .map_err(|_| Code::ArgumentsBad.because("the label is not UTF-8"))?;
    Ok(text.trim_end_matches([' ', '\0']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_cut_between_characters_and_padded_with_spaces() {
        assert_eq!(&padded::<6>("abc"), b"abc   ");
        assert_eq!(&padded::<4>("abcé"), b"abc ");
        assert_eq!(trimmed(b"abc \xc3\xa9  ").unwrap(), "abc é");
        assert!(trimmed(b"\xff ").is_err());
    }
}
