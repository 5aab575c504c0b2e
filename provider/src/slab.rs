//! A table whose entries never move, so a look-up takes no shared lock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};

use crate::handle::Handle;

/// Values behind handles, each with a mutex of its own on cache lines of its own.
pub struct Slab<T> {
    chunks: [OnceLock<Box<[Entry<T>]>>; CHUNKS],
    vacant: Mutex<Vec<u32>>,
    next: AtomicU32,
}

/// Two entries never share a cache line: threads on different sessions do not disturb each other.
#[repr(align(128))]
struct Entry<T>(Mutex<Slot<T>>);

struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

/// Exclusive use of one value.
pub struct Guard<'a, T>(MutexGuard<'a, Slot<T>>);

const FIRST: usize = 64;
const CHUNKS: usize = 20;
const CAPACITY: u32 = ((FIRST << CHUNKS) - FIRST) as u32;

impl<T> Slab<T> {
    pub const fn new() -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            vacant: Mutex::new(Vec::new()),
            next: AtomicU32::new(0),
        }
    }

    /// Stores `value` and issues its handle; `None` when the table is full.
    pub fn insert(&self, value: T) -> Option<Handle> {
        let index = self.vacant_index()?;
        let (chunk, offset) = locate(index);
        let entries = self.chunks[chunk].get_or_init(|| {
            let empty = || Entry(Mutex::new(Slot { generation: 0, value: None }));
            (0..FIRST << chunk).map(|_| empty()).collect()
        });
        let mut slot = lock(&entries[offset].0);
        slot.generation = match slot.generation {
            Handle::LAST_GENERATION => 1,
            generation => generation + 1,
        };
        slot.value = Some(value);
        Some(Handle::new(index, slot.generation))
    }

    /// The value behind `handle`, unless it was removed or never issued. Waits for its user.
    pub fn get(&self, handle: Handle) -> Option<Guard<'_, T>> {
        Self::guard(lock(&self.entry(handle)?.0), handle)
    }

    /// As [`get`](Self::get), but nothing for a value that somebody uses at this moment.
    pub fn idle(&self, handle: Handle) -> Option<Guard<'_, T>> {
        match self.entry(handle)?.0.try_lock() {
            Ok(slot) => Self::guard(slot, handle),
            Err(TryLockError::Poisoned(slot)) => Self::guard(slot.into_inner(), handle),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn entry(&self, handle: Handle) -> Option<&Entry<T>> {
        let (chunk, offset) = locate(handle.index());
        self.chunks.get(chunk)?.get()?.get(offset)
    }

    fn guard(slot: MutexGuard<'_, Slot<T>>, handle: Handle) -> Option<Guard<'_, T>> {
        (slot.generation == handle.generation() && slot.value.is_some()).then_some(Guard(slot))
    }

    /// Takes the value out; its handle finds nothing from then on.
    pub fn remove(&self, handle: Handle) -> Option<T> {
        let value = self.get(handle)?.0.value.take();
        lock(&self.vacant).push(handle.index());
        value
    }

    /// An index freed by `remove`, else a new one; the generation keeps their handles apart.
    fn vacant_index(&self) -> Option<u32> {
        if let Some(index) = lock(&self.vacant).pop() {
            return Some(index);
        }
        let fresh = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
            (next < CAPACITY).then_some(next + 1)
        });
        fresh.ok()
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A poisoned lock only says that a panic was contained at the boundary; the value is whole,
/// because operations are taken out of it before they run.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> std::ops::Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.value.as_ref().expect("Slab::get checked that the value is there")
    }
}

impl<T> std::ops::DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.value.as_mut().expect("Slab::get checked that the value is there")
    }
}

/// Chunk `k` holds `FIRST << k` entries, so the index alone says where an entry is.
fn locate(index: u32) -> (usize, usize) {
    let n = u64::from(index) + FIRST as u64;
    let chunk = n.ilog2() - FIRST.ilog2();
    (chunk as usize, (n - ((FIRST as u64) << chunk)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_handle_finds_nothing() {
        let slab = Slab::new();
        let old = slab.insert(1).unwrap();
        slab.remove(old);
        let new = slab.insert(2).unwrap();
        assert_eq!(old.index(), new.index());
        assert!(slab.get(old).is_none());
        assert_eq!(*slab.get(new).unwrap(), 2);
    }

    #[test]
    fn a_value_in_use_is_not_idle() {
        let slab = Slab::new();
        let handle = slab.insert(7).unwrap();
        assert_eq!(slab.idle(handle).as_deref(), Some(&7));
        let used = slab.get(handle);
        assert!(slab.idle(handle).is_none());
        drop(used);
        slab.remove(handle);
        assert!(slab.idle(handle).is_none());
    }

    #[test]
    fn handles_never_issued_find_nothing() {
        let slab = Slab::<u8>::new();
        slab.insert(1).unwrap();
        for raw in [0, 1, u64::from(u32::MAX), 1 << 32 | 63, 2 << 32, u64::MAX] {
            assert!(slab.get(Handle::from_raw(raw)).is_none(), "{raw:#x}");
        }
    }

    #[test]
    fn locate_fills_chunks_in_order() {
        assert_eq!([0, 63, 64, 191, 192].map(locate), [(0, 0), (0, 63), (1, 0), (1, 127), (2, 0)]);
        assert_eq!(locate(CAPACITY - 1).0, CHUNKS - 1);
    }
}
