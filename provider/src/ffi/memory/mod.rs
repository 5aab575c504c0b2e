//! Memory for secrets: left out of core dumps, locked into RAM up to the limit, in three arenas: one
//! that is wiped in a forked child, one that is not, and one for the engine.

mod arena;
mod engine;
mod guarded;

pub(crate) use guarded::Guarded;

use arena::{Arena, Place};

/// What becomes of a secret in a forked child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fork {
    Keeps,
    /// The child reads zeros.
    Wipes,
}

/// One slot of an arena, zeroized when dropped.
pub(crate) struct Slot {
    arena: &'static Secrets,
    place: Place,
}

/// 32 MiB: beyond it secrets go to the heap.
type Secrets = Arena<2048, 1>;

/// The largest secret that goes into an arena: the private exponent of RSA-16384 is half of it.
pub(crate) const LARGEST: usize = 4096;

static KEPT: Secrets = Secrets::new(Fork::Keeps);
static WIPED: Secrets = Secrets::new(Fork::Wipes);

/// A zeroed slot for `length` bytes; `None` if they are more than [`LARGEST`] or nothing is left.
pub(crate) fn allocate(length: usize, fork: Fork) -> Option<Slot> {
    let arena = match fork {
        Fork::Keeps => &KEPT,
        Fork::Wipes => &WIPED,
    };
    let place = if length <= LARGEST { arena.allocate(length, 0) } else { None };
    place.map(|place| Slot { arena, place })
}

/// Locks what is in use again: a forked child inherits the memory, but not that it is locked.
pub(crate) fn relock() {
    KEPT.relock();
    WIPED.relock();
    engine::relock();
}

impl Slot {
    pub(crate) fn bytes(&self, length: usize) -> &[u8] {
        assert!(length <= self.arena.size(self.place));
        // SAFETY: the slot is mapped for the life of the process, this long, and ours alone.
        unsafe { std::slice::from_raw_parts(self.arena.pointer(self.place), length) }
    }

    pub(crate) fn bytes_mut(&mut self, length: usize) -> &mut [u8] {
        assert!(length <= self.arena.size(self.place));
        // SAFETY: as in `bytes`, and borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.arena.pointer(self.place), length) }
    }

    #[cfg(test)]
    fn pointer(&self) -> *mut u8 {
        self.arena.pointer(self.place)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // SAFETY: allocated there, and nobody has a reference to a slot that is dropped.
        unsafe { self.arena.release(self.place) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffi::fork;

    #[test]
    fn slots_do_not_overlap_and_come_back_zeroed() {
        let mut slots: Vec<_> =
            (0..3000).map(|n| (n, allocate(1 + n % 300, Fork::Keeps).unwrap())).collect();
        for (n, slot) in &mut slots {
            slot.bytes_mut(1 + *n % 300).fill(*n as u8);
        }
        for (n, slot) in &slots {
            assert!(slot.bytes(1 + n % 300).iter().all(|byte| *byte == *n as u8));
        }
        drop(slots);
        let again: Vec<_> = (0..3000).map(|_| allocate(300, Fork::Keeps).unwrap()).collect();
        assert!(again.iter().all(|slot| slot.bytes(300) == [0; 300]));
    }

    #[test]
    fn threads_get_slots_of_their_own() {
        std::thread::scope(|scope| {
            for mark in 0..8_u8 {
                scope.spawn(move || {
                    for _ in 0..2000 {
                        let mut slot = allocate(64, Fork::Keeps).unwrap();
                        slot.bytes_mut(64).fill(mark);
                        assert_eq!(slot.bytes(64), [mark; 64]);
                    }
                });
            }
        });
    }

    #[test]
    fn what_is_larger_than_the_largest_slot_goes_elsewhere() {
        assert!(allocate(LARGEST, Fork::Keeps).is_some());
        assert!(allocate(LARGEST + 1, Fork::Keeps).is_none());
        assert!(allocate(usize::MAX, Fork::Keeps).is_none());
    }

    #[test]
    fn secrets_stay_out_of_core_dumps() {
        let kept = allocate(32, Fork::Keeps).unwrap();
        let wiped = allocate(32, Fork::Wipes).unwrap();
        assert!(flags_of(kept.pointer()).contains(" dd"));
        assert!(flags_of(wiped.pointer()).contains(" dd"));
        assert!(flags_of(wiped.pointer()).contains(" wf"));
    }

    #[test]
    fn a_forked_child_that_claims_the_module_locks_what_it_inherited() {
        fork::claim();
        let slot = allocate(32, Fork::Keeps).unwrap();
        if !flags_of(slot.pointer()).contains(" lo") {
            assert!(arena::is_limit_reached(), "unlocked below the limit");
            return;
        }
        // SAFETY: the child reads a file with the allocator, which is safe after a fork, and ends
        // with `_exit`.
        let child = unsafe { fork::fork_for_tests() };
        if child == 0 {
            let before = flags_of(slot.pointer()).contains(" lo");
            fork::claim();
            let after = flags_of(slot.pointer()).contains(" lo");
            fork::exit_for_tests(i32::from(before || !after));
        }
        assert_eq!(fork::wait_for_tests(child), Some(0));
    }

    /// `VmFlags` of the mapping around an address.
    pub(super) fn flags_of(pointer: *mut u8) -> String {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in maps.lines() {
            let range = line.split_whitespace().next().and_then(|range| range.split_once('-'));
            if let Some((from, to)) = range {
                let number = |text| usize::from_str_radix(text, 16);
                if let (Ok(from), Ok(to)) = (number(from), number(to)) {
                    inside = (from..to).contains(&(pointer as usize));
                }
            }
            if inside && line.starts_with("VmFlags:") {
                return format!("{line} ");
            }
        }
        String::new()
    }
}
