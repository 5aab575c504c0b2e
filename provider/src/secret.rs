//! Secret bytes: zeroized when dropped, printed as their length, never cloned.

use std::fmt;
use std::hint::black_box;

use zeroize::{Zeroize, Zeroizing};

use crate::error::Result;
use crate::ffi::memory::{self, Fork, Slot};

/// Key material, a PIN-derived key, a plaintext on its way to a buffer.
///
/// Up to 4 KiB lie in memory that is locked (up to the limit) and left out of core dumps; what is
/// larger lies on the heap, zeroized all the same.
pub struct Secret {
    memory: Memory,
    length: usize,
}

enum Memory {
    Arena(Slot),
    Heap(Zeroizing<Box<[u8]>>),
}

impl Secret {
    /// `len` bytes born in place: `fill` writes them where they stay.
    pub fn with(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut secret = Self::zeroed(len, Fork::Keeps);
        fill(secret.bytes_mut());
        secret
    }

    /// As [`with`](Self::with), for a `fill` that can fail.
    ///
    /// # Errors
    /// Whatever `fill` answers; what it wrote is zeroized.
    pub fn try_with(len: usize, fill: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<Self> {
        let mut secret = Self::zeroed(len, Fork::Keeps);
        fill(secret.bytes_mut())?;
        Ok(secret)
    }

    /// As [`try_with`](Self::try_with), in memory that a forked child finds zeroed: for the keys
    /// that open everything else.
    ///
    /// # Errors
    /// Whatever `fill` answers; what it wrote is zeroized.
    pub fn wiped_on_fork(len: usize, fill: impl FnOnce(&mut [u8]) -> Result<()>) -> Result<Self> {
        let mut secret = Self::zeroed(len, Fork::Wipes);
        fill(secret.bytes_mut())?;
        Ok(secret)
    }

    /// A copy of `bytes`, whose owner zeroizes them.
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self::with(bytes.len(), |secret| secret.copy_from_slice(bytes))
    }

    pub fn expose(&self) -> &[u8] {
        match &self.memory {
            Memory::Arena(slot) => slot.bytes(self.length),
            Memory::Heap(bytes) => bytes,
        }
    }

    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    fn zeroed(length: usize, fork: Fork) -> Self {
        let slot = (length > 0).then(|| memory::allocate(length, fork)).flatten();
        let memory = match slot {
            Some(slot) => Memory::Arena(slot),
            None => Memory::Heap(Zeroizing::new(vec![0; length].into_boxed_slice())),
        };
        Self { memory, length }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Arena(slot) => slot.bytes_mut(self.length),
            Memory::Heap(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.length)
    }
}

/// More than the stack of what runs under [`on_wiped_stack`].
const DEPTH: usize = 16 << 10;

/// Runs `work`, then wipes the stack below the caller's frame: for libraries that leave there what
/// they compute with.
pub(crate) fn on_wiped_stack<T>(work: impl FnOnce() -> T) -> T {
    let answer = below(work);
    wipe();
    answer
}

/// Has frames of its own, so that what [`wipe`] overwrites is all of them.
#[inline(never)]
fn below<T>(work: impl FnOnce() -> T) -> T {
    work()
}

#[inline(never)]
fn wipe() {
    let mut used = [0_u8; DEPTH];
    used.zeroize();
    black_box(&used);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    #[test]
    fn debug_prints_the_length_only() {
        assert_eq!(format!("{:?}", Secret::copy_of(b"hunter2")), "Secret(7 bytes)");
    }

    #[test]
    fn every_length_keeps_its_bytes() {
        for length in [0, 1, 32, 33, 4096, 4097, 100_000] {
            let bytes: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let secret = Secret::copy_of(&bytes);
            assert_eq!(secret.expose(), bytes);
            assert_eq!((secret.len(), secret.is_empty()), (length, length == 0));
        }
    }

    #[test]
    fn a_failing_fill_gives_no_secret() {
        let failing = Secret::try_with(8, |_| Err(Code::DeviceError.because("no entropy")));
        assert_eq!(failing.unwrap_err().code(), Code::DeviceError);
    }
}
