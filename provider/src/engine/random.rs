//! Random bytes: the engine's generator, seeded by the operating system, reseeded after a fork.

use crate::error::Result;
use crate::ffi::awslc::rand;
use crate::secret::Secret;

/// Fills `out` with random bytes.
///
/// # Errors
/// DeviceError if the engine has no entropy.
pub fn fill(out: &mut [u8]) -> Result<()> {
    rand::fill(out)
}

/// A random secret of `len` bytes, born where it stays.
///
/// # Errors
/// DeviceError if the engine has no entropy.
pub fn secret(len: usize) -> Result<Secret> {
    Secret::try_with(len, fill)
}

/// `C_SeedRandom`: accepted and not used. The generator takes its entropy from the operating
/// system; what an application adds could not make it better, and must not make it worse.
pub fn seed(_seed: &[u8]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ() {
        let (mut a, mut b) = ([0; 32], [0; 32]);
        fill(&mut a).unwrap();
        fill(&mut b).unwrap();
        assert_ne!(a, b);
        assert_ne!(a, [0; 32]);
    }

    #[test]
    fn no_bytes_are_drawn_without_error() {
        fill(&mut []).unwrap();
        assert!(secret(0).unwrap().is_empty());
    }
}
