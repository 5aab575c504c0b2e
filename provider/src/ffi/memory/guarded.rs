//! A box in the memory of the engine: for states that a key can be read from.

use std::alloc::{Layout, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};

use super::engine;

/// Owns one value that is left out of core dumps, locked up to the limit and zeroized when dropped.
/// A secret has to be made in it: what is moved into it leaves a copy where it was.
pub(crate) struct Guarded<T>(NonNull<T>);

impl<T> Guarded<T> {
    pub(crate) fn new(value: T) -> Self {
        const { assert!(align_of::<T>() <= engine::ALIGNMENT) };
        let memory = engine::allocate(size_of::<T>(), ptr::null(), 0);
        let Some(place) = NonNull::new(memory.cast::<T>()) else {
            handle_alloc_error(Layout::new::<T>())
        };
        // SAFETY: as long and as aligned as `T`, and nobody else's.
        unsafe { place.write(value) };
        Self(place)
    }
}

impl<T> Deref for Guarded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: initialised in `new`, and ours until dropped.
        unsafe { self.0.as_ref() }
    }
}

impl<T> DerefMut for Guarded<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and borrowed mutably.
        unsafe { self.0.as_mut() }
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, allocated there, and never used again.
        unsafe {
            self.0.drop_in_place();
            engine::release(self.0.as_ptr().cast(), ptr::null(), 0);
        }
    }
}

// SAFETY: owns its value as a `Box` does.
unsafe impl<T: Send> Send for Guarded<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Guarded<T> {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ffi::memory::tests::flags_of;

    #[test]
    fn a_value_lies_outside_of_core_dumps_and_is_dropped_once() {
        let counter = Arc::new(());
        let mut guarded = Guarded::new((counter.clone(), [7_u64; 100]));
        guarded.1[99] = 8;
        assert_eq!((guarded.1[0], guarded.1[99]), (7, 8));
        assert!(flags_of(guarded.0.as_ptr().cast()).contains(" dd"));
        assert_eq!(Arc::strong_count(&counter), 2);
        drop(guarded);
        assert_eq!(Arc::strong_count(&counter), 1);
    }

    #[test]
    fn what_is_larger_than_a_slot_is_left_out_as_well() {
        let guarded = Guarded::new([1_u8; 100_000]);
        assert!(flags_of(guarded.0.as_ptr().cast()).contains(" dd"));
        assert_eq!(*guarded, [1; 100_000]);
    }
}
