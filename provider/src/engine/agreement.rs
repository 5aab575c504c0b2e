//! From the shared secret of an agreement to a key: the end of the secret itself, or what a key
//! derivation function makes of it.

use zeroize::Zeroizing;

use crate::engine::part::truncated;
use crate::error::{Code, Result};
use crate::ffi::awslc::digest::Digest;
use crate::ffi::awslc::kdf;
use crate::mechanism::params::ec::EcKdf;
use crate::secret::Secret;

/// The longest key that is derived, in bytes: what locked memory takes in one piece.
pub(super) const LONGEST: usize = 4096;

/// The key that `kdf` makes of a shared secret.
///
/// # Errors
/// TemplateIncomplete if nothing tells the length that a derivation function is to make;
/// KeySizeRange for a length of zero, beyond the secret, or beyond 4,096 bytes.
pub(super) fn finish(kdf: &EcKdf<'_>, secret: Secret, length: Option<usize>) -> Result<Secret> {
    if matches!(kdf, EcKdf::Null) {
        return truncated(secret, length);
    }
    let length = length.ok_or_else(|| {
        Code::TemplateIncomplete.because("CKA_VALUE_LEN is needed to derive with this KDF")
    })?;
    if !(1..=LONGEST).contains(&length) {
        return Err(Code::KeySizeRange.because(format!("a derived key of {length} bytes")));
    }
    Secret::try_with(length, |out| match *kdf {
        EcKdf::Null => unreachable!("answered above"),
        EcKdf::X963 { hash, shared } => {
            for (i, part) in out.chunks_mut(hash.size()).enumerate() {
                let mut state = Digest::new(hash);
                state.update(secret.expose());
                state.update(&(i as u32 + 1).to_be_bytes());
                state.update(shared);
                part.copy_from_slice(&Zeroizing::new(state.finish())[..part.len()]);
            }
            Ok(())
        }
        EcKdf::Sp800 { hash, shared } => kdf::one_step(hash, secret.expose(), shared, out),
    })
}

#[cfg(test)]
mod tests {
    use sha1::Sha1;
    use sha2::{Sha256, Sha512};
    use sha3::Sha3_256;

    use super::*;
    use crate::engine::testing::{code, pattern, unhex};
    use crate::mechanism::Hash;

    fn derive(kdf: EcKdf<'_>, secret: &[u8], length: usize) -> Vec<u8> {
        finish(&kdf, Secret::copy_of(secret), Some(length)).unwrap().expose().to_vec()
    }

    /// NIST CAVS, ANS X9.63-2001, SHA-256, shared secret of 192 bits, no SharedInfo.
    #[test]
    fn x963_gives_the_vector_of_nist() {
        let secret = unhex("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08");
        let kdf = EcKdf::X963 { hash: Hash::Sha256, shared: &[] };
        assert_eq!(derive(kdf, &secret, 16), unhex("443024c3dae66b95e6f5670601558f71"));
    }

    /// Both functions, word for word, over a hash of RustCrypto.
    fn agrees<D: sha2::Digest>(hash: Hash) {
        let (secret, shared) = (pattern(33), pattern(20));
        for length in [1, 16, 20, 32, 64, 65, 300] {
            let counted = |counter: u32| counter.to_be_bytes();
            let blocks = 1..=(length / 20 + 1) as u32;
            let x963 = blocks.clone().flat_map(|i| {
                D::new()
                    .chain_update(&secret)
                    .chain_update(counted(i))
                    .chain_update(&shared)
                    .finalize()
            });
            let sp800 = blocks.flat_map(|i| {
                D::new()
                    .chain_update(counted(i))
                    .chain_update(&secret)
                    .chain_update(&shared)
                    .finalize()
            });
            let x963: Vec<u8> = x963.take(length).collect();
            let sp800: Vec<u8> = sp800.take(length).collect();
            assert_eq!(derive(EcKdf::X963 { hash, shared: &shared }, &secret, length), x963);
            assert_eq!(derive(EcKdf::Sp800 { hash, shared: &shared }, &secret, length), sp800);
        }
    }

    #[test]
    fn both_functions_agree_with_their_definitions() {
        agrees::<Sha1>(Hash::Sha1);
        agrees::<Sha256>(Hash::Sha256);
        agrees::<Sha512>(Hash::Sha512);
        agrees::<Sha3_256>(Hash::Sha3_256);
    }

    #[test]
    fn a_length_is_needed_and_bounded() {
        let kdf = EcKdf::X963 { hash: Hash::Sha256, shared: &[] };
        let with = |length| code(finish(&kdf, Secret::copy_of(&[1; 32]), length));
        assert_eq!(with(None), Code::TemplateIncomplete);
        assert_eq!(with(Some(0)), Code::KeySizeRange);
        assert_eq!(with(Some(LONGEST)), Code::Ok);
        assert_eq!(with(Some(usize::MAX)), Code::KeySizeRange);
    }
}
