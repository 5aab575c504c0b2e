//! Secret bytes: zeroized when dropped, printed as their length, never cloned.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::Result;

/// Key material, a PIN-derived key, a plaintext on its way to a buffer.
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// `len` bytes born in place: `fill` writes them where they stay.
    pub fn with(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut bytes = Zeroizing::new(vec![0; len].into_boxed_slice());
        fill(&mut bytes);
        Self(bytes)
    }

    /// As [`with`](Self::with), for a `fill` that can fail.
    ///
    /// # Errors
    /// Whatever `fill` answers; what it wrote is zeroized.
    pub fn try_with(len: usize, fill: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<Self> {
        let mut bytes = Zeroizing::new(vec![0; len].into_boxed_slice());
        fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// A copy of `bytes`, whose owner zeroizes them.
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self::with(bytes.len(), |secret| secret.copy_from_slice(bytes))
    }

    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_the_length_only() {
        assert_eq!(format!("{:?}", Secret::copy_of(b"hunter2")), "Secret(7 bytes)");
    }
}
