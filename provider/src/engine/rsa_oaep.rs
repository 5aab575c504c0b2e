//! Removing OAEP padding (RFC 8017 section 7.1.2) in constant time: the one thing that a refused
//! ciphertext tells is that it was refused (Manger, CRYPTO 2001).

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::engine::digest::digest;
use crate::error::{Code, Result};
use crate::ffi::awslc::rsa::mgf1;
use crate::mechanism::Hash;
use crate::secret::Secret;

/// Parameters of OAEP for the length of an operation.
pub(super) struct Oaep {
    pub hash: Hash,
    pub mgf: Hash,
    pub label: Box<[u8]>,
}

impl Oaep {
    /// What OAEP needs besides the message: two hashes and two bytes.
    pub(super) fn overhead(&self) -> usize {
        2 * self.hash.size() + 2
    }

    /// The message in `block`, which is longer than [`overhead`](Self::overhead).
    ///
    /// # Errors
    /// EncryptedDataInvalid, whatever is wrong with the padding.
    pub(super) fn message(&self, block: &[u8]) -> Result<Secret> {
        let size = self.hash.size();
        let (masked_seed, masked) = block[1..].split_at(size);
        let seed = self.unmask(masked_seed, masked)?;
        let data = self.unmask(masked, seed.expose())?;
        let (label_hash, rest) = data.expose().split_at(size);

        let mut good = block[0].ct_eq(&0);
        good &= label_hash.ct_eq(&digest(self.hash, &self.label)[..size]);
        // Zeros, a one, the message.
        let mut zeros = Choice::from(1);
        let mut start = 0u32;
        for (at, byte) in rest.iter().enumerate() {
            let one = byte.ct_eq(&1) & zeros;
            start = u32::conditional_select(&start, &(at as u32 + 1), one);
            good &= !zeros | byte.ct_eq(&0) | one;
            zeros &= !one;
        }
        good &= !zeros;
        match bool::from(good) {
            true => Ok(Secret::copy_of(&rest[start as usize..])),
            false => Err(Code::EncryptedDataInvalid.because("the OAEP padding is wrong")),
        }
    }

    /// `masked` with the mask of `seed` taken off.
    fn unmask(&self, masked: &[u8], seed: &[u8]) -> Result<Secret> {
        Secret::try_with(masked.len(), |out| {
            mgf1(out, seed, self.mgf)?;
            out.iter_mut().zip(masked).for_each(|(out, masked)| *out ^= masked);
            Ok(())
        })
    }
}
