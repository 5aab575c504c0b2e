//! A way to a peer.

use crate::error::Result;

/// Carries messages to and from one peer, whole and in order. Whoever carries them is not trusted.
pub trait Channel {
    /// Sends a message.
    ///
    /// # Errors
    /// The peer is gone or does not take it in time.
    fn send(&mut self, message: &[u8]) -> Result<()>;

    /// Waits for a message.
    ///
    /// # Errors
    /// The peer is gone, sends too much or nothing in time.
    fn receive(&mut self) -> Result<Vec<u8>>;
}
