//! How SoftHSM2 2.x seals: the PIN opens the token's key, the token's key every byte string of an
//! object with CKA_PRIVATE. Both are AES-256-CBC with PKCS#7 padding and no authentication.

use aes::Aes256;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Bytes;

const SALT: usize = 8;
const IV: usize = 16;
/// What stands before the key, so that a wrong PIN is noticed.
const MAGIC: &[u8] = b"RJR";
/// Rounds of SHA-256, to which the last byte of the salt is added.
const ROUNDS: u32 = 1500;

/// The key of a token.
pub(super) struct TokenKey(Zeroizing<[u8; 32]>);

impl TokenKey {
    /// Opens the blob of a PIN: salt, initialisation vector, sealed magic and key.
    pub(super) fn open(blob: &[u8], pin: &str) -> Option<Self> {
        let (salt, sealed) = blob.split_at_checked(SALT)?;
        let opened = Self(from_pin(pin, salt)).decrypt(sealed)?;
        let key = opened.strip_prefix(MAGIC)?;
        Some(Self(Zeroizing::new(key.try_into().ok()?)))
    }

    /// Opens an initialisation vector with what was sealed under it.
    pub(super) fn decrypt(&self, sealed: &[u8]) -> Option<Bytes> {
        let (iv, sealed) = sealed.split_at_checked(IV)?;
        let cipher = cbc::Decryptor::<Aes256>::new_from_slices(self.0.as_slice(), iv).ok()?;
        let mut opened = Zeroizing::new(sealed.to_vec());
        let length = cipher.decrypt_padded::<Pkcs7>(&mut opened).ok()?.len();
        opened.truncate(length);
        Some(opened)
    }
}

/// Iterated SHA-256 over salt and PIN.
fn from_pin(pin: &str, salt: &[u8]) -> Zeroizing<[u8; 32]> {
    let rounds = ROUNDS + salt.last().copied().map_or(0, u32::from);
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(&Sha256::new().chain_update(salt).chain_update(pin).finalize());
    for _ in 1..rounds {
        let next = Sha256::digest(key.as_slice());
        key.copy_from_slice(&next);
    }
    key
}
