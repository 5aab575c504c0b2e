//! Handles: an index and the generation of the value it was issued for, so a stale one finds nothing.

use std::fmt;

/// A session or object handle; never 0 (`CK_INVALID_HANDLE`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle(u64);

/// Half of a `CK_ULONG` each for index and generation.
const INDEX_BITS: u32 = pkcs11_sys::CK_ULONG::BITS / 2;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;

impl Handle {
    /// The highest generation before it wraps to 1.
    pub const LAST_GENERATION: u32 = INDEX_MASK as u32;

    /// # Panics
    /// If `generation` is 0: such a handle could be 0 itself.
    pub fn new(index: u32, generation: u32) -> Self {
        assert_ne!(generation, 0, "generation 0 is kept for entries never used");
        Self(u64::from(generation) << INDEX_BITS | u64::from(index))
    }

    /// Whatever the application passed; it need not have been issued.
    pub fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    pub fn raw(self) -> u64 {
        self.0
    }

    pub fn index(self) -> u32 {
        (self.0 & INDEX_MASK) as u32
    }

    pub fn generation(self) -> u32 {
        (self.0 >> INDEX_BITS) as u32
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}
