//! A PIN in memory: wiped when it goes, never printed, never copied.

use std::fmt;

use cryptoki::types::AuthPin;
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

/// The PIN of a token's user or security officer.
pub struct Pin {
    text: AuthPin,
    length: usize,
}

impl Pin {
    /// A PIN. The text that it is made from is wiped.
    pub fn new(text: Zeroizing<String>) -> Self {
        Self { text: AuthPin::new(text.as_str().into()), length: text.len() }
    }

    /// Its length in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Its bytes, for the adapters of tokens.
    pub(crate) fn expose(&self) -> &[u8] {
        self.text.expose_secret().as_bytes()
    }

    pub(super) fn auth(&self) -> &AuthPin {
        &self.text
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({} bytes)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_not_printed() {
        let pin = Pin::new(Zeroizing::new("4711".to_owned()));
        assert_eq!(format!("{pin:?}"), "Pin(4 bytes)");
    }
}
