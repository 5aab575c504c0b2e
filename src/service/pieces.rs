//! The pieces of a long message: each a message of its own under the same key, bound to its header,
//! its place and whether it is the last.

use zeroize::Zeroizing;

use super::messages::Nonces;
use crate::domain::key::KeyId;
use crate::error::{Kind, Result};
use crate::port::{Cipher, Vault};

/// Bytes of data in a piece that is not the last.
pub(super) const PIECE: usize = 1 << 20;
/// Largest piece that a reader takes.
pub(super) const PIECE_MAX: usize = 16 << 20;
/// Nonce and tag of a piece.
pub(super) const OVERHEAD: usize = NONCE + 16;
const NONCE: usize = 12;
/// Most pieces of a message (1 PiB): a version ends after a message, not within.
const PIECES_MAX: u64 = 1 << 30;

/// Encrypts or decrypts one piece after the other.
pub(super) struct Pieces<'k> {
    vault: &'k dyn Vault,
    key: KeyId,
    /// Header and context of the message.
    message: Vec<u8>,
    index: u64,
}

/// Whether a piece is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Inner = 0,
    Last = 1,
}

impl<'k> Pieces<'k> {
    pub fn new(vault: &'k dyn Vault, key: KeyId, message: Vec<u8>) -> Self {
        Self { vault, key, message, index: 0 }
    }

    /// The next piece: nonce, ciphertext, tag.
    pub fn encrypt(
        &mut self,
        nonces: &mut Nonces<'_>,
        data: &[u8],
        place: Place,
    ) -> Result<Vec<u8>> {
        let mut piece = nonces.draw()?;
        let associated = self.next(place)?;
        let cipher = Cipher::AesGcm { nonce: &piece, associated: &associated };
        let body = self.vault.encrypt(self.key, cipher, data)?;
        piece.extend(body);
        Ok(piece)
    }

    /// What the next piece holds.
    pub fn decrypt(&mut self, piece: &[u8], place: Place) -> Result<Zeroizing<Vec<u8>>> {
        let (nonce, body) = piece.split_at_checked(NONCE).ok_or_else(|| {
            Kind::NotAuthentic
                .because("the ciphertext is cut")
                .advise("get an undamaged copy of it")
        })?;
        let associated = self.next(place)?;
        self.vault.decrypt(self.key, Cipher::AesGcm { nonce, associated: &associated }, body)
    }

    fn next(&mut self, place: Place) -> Result<Vec<u8>> {
        let mut associated = self.message.clone();
        associated.extend(self.index.to_be_bytes());
        associated.push(place as u8);
        self.index += 1;
        if self.index > PIECES_MAX {
            return Err(Kind::Malformed
                .because("the message has more pieces than one key encrypts")
                .advise("split it"));
        }
        Ok(associated)
    }
}
