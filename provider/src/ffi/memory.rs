//! Memory for secrets: left out of core dumps, locked into RAM up to the limit, in two arenas, of
//! which one is wiped in a forked child.
//!
//! An arena is one reservation of address space with a guard page at each end, cut into blocks of
//! 16 KiB; a block holds slots of one size. Everything about it is atomics, so that a fork in the
//! middle of an allocation on another thread can at worst lose a block to the child.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use rustix::mm::{
    Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mlock, mmap_anonymous, mprotect, munmap,
};
use zeroize::Zeroize;

/// What becomes of a secret in a forked child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fork {
    Keeps,
    /// The child reads zeros.
    Wipes,
}

/// One slot of an arena, zeroized when dropped.
pub(crate) struct Slot {
    arena: &'static Arena,
    block: usize,
    index: usize,
}

struct Arena {
    base: AtomicPtr<u8>,
    blocks: [Block; BLOCKS],
    /// For each class, a block that had room when it was last looked at.
    hints: [AtomicU32; CLASSES],
    fork: Fork,
}

struct Block {
    /// 0 while nobody uses the block, [`BUSY`] while it is being locked, else 1 + its class.
    state: AtomicU32,
    taken: [AtomicU64; WORDS],
}

/// The largest secret that goes into an arena: the private exponent of RSA-16384 is half of it.
pub(crate) const LARGEST: usize = SMALLEST << (CLASSES - 1);

const SMALLEST: usize = 32;
const CLASSES: usize = 8;
const BLOCK: usize = 16 * 1024;
/// 32 MiB: beyond it secrets go to the heap.
const BLOCKS: usize = 2048;
const WORDS: usize = BLOCK / SMALLEST / 64;
const BUSY: u32 = u32::MAX;

static KEPT: Arena = Arena::new(Fork::Keeps);
static WIPED: Arena = Arena::new(Fork::Wipes);

/// Set when the lock limit is reached: from then on secrets may be swapped out, but not dumped.
static UNLOCKED: AtomicBool = AtomicBool::new(false);

/// A zeroed slot for `length` bytes; `None` if they are more than [`LARGEST`] or nothing is left.
pub(crate) fn allocate(length: usize, fork: Fork) -> Option<Slot> {
    let class = class_of(length)?;
    match fork {
        Fork::Keeps => KEPT.allocate(class),
        Fork::Wipes => WIPED.allocate(class),
    }
}

/// Locks what is in use again: a forked child inherits the memory, but not that it is locked.
pub(crate) fn relock() {
    for arena in [&KEPT, &WIPED] {
        let Some(base) = NonNull::new(arena.base.load(Ordering::Acquire)) else { continue };
        let used = |block: &usize| !matches!(arena.state(*block), 0 | BUSY);
        (0..BLOCKS).filter(used).for_each(|block| lock(base, block));
    }
}

impl Slot {
    pub(crate) fn bytes(&self, length: usize) -> &[u8] {
        assert!(length <= self.size());
        // SAFETY: the slot is mapped for the life of the process, this long, and ours alone.
        unsafe { std::slice::from_raw_parts(self.pointer(), length) }
    }

    pub(crate) fn bytes_mut(&mut self, length: usize) -> &mut [u8] {
        assert!(length <= self.size());
        // SAFETY: as in `bytes`, and borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.pointer(), length) }
    }

    fn size(&self) -> usize {
        SMALLEST << (self.arena.blocks[self.block].state.load(Ordering::Relaxed) - 1)
    }

    fn pointer(&self) -> *mut u8 {
        let offset = self.block * BLOCK + self.index * self.size();
        // SAFETY: inside the reservation, which was there when the slot was given out.
        unsafe { self.arena.base.load(Ordering::Acquire).add(offset) }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let size = self.size();
        self.bytes_mut(size).zeroize();
        let block = &self.arena.blocks[self.block];
        let class = block.state.load(Ordering::Relaxed) - 1;
        block.taken[self.index / 64].fetch_and(!(1 << (self.index % 64)), Ordering::Release);
        self.arena.hints[class as usize].store(self.block as u32, Ordering::Relaxed);
    }
}

impl Arena {
    const fn new(fork: Fork) -> Self {
        Self {
            base: AtomicPtr::new(ptr::null_mut()),
            blocks: [const {
                Block { state: AtomicU32::new(0), taken: [const { AtomicU64::new(0) }; WORDS] }
            }; BLOCKS],
            hints: [const { AtomicU32::new(0) }; CLASSES],
            fork,
        }
    }

    fn allocate(&'static self, class: usize) -> Option<Slot> {
        let base = self.base()?;
        let hint = self.hints[class].load(Ordering::Relaxed) as usize;
        for block in (hint..BLOCKS).chain(0..hint) {
            let usable = match self.state(block) {
                0 => self.open(base, block, class),
                state => state == class as u32 + 1,
            };
            if let Some(index) = usable.then(|| self.blocks[block].take(class)).flatten() {
                self.hints[class].store(block as u32, Ordering::Relaxed);
                return Some(Slot { arena: self, block, index });
            }
        }
        None
    }

    fn state(&self, block: usize) -> u32 {
        self.blocks[block].state.load(Ordering::Acquire)
    }

    /// Takes an unused block for a class and locks it; `false` if another thread was faster.
    fn open(&self, base: NonNull<u8>, block: usize, class: usize) -> bool {
        let state = &self.blocks[block].state;
        if state.compare_exchange(0, BUSY, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        lock(base, block);
        state.store(class as u32 + 1, Ordering::Release);
        true
    }

    /// The reservation, made at first use. A thread that loses the race gives its own back.
    fn base(&self) -> Option<NonNull<u8>> {
        if let Some(base) = NonNull::new(self.base.load(Ordering::Acquire)) {
            return Some(base);
        }
        let made = self.reserve().ok()?;
        let installed = self.base.compare_exchange(
            ptr::null_mut(),
            made.as_ptr(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        match installed {
            Ok(_) => Some(made),
            Err(other) => {
                let page = rustix::param::page_size();
                // SAFETY: the reservation just made, guards included, which nobody has seen.
                let _ =
                    unsafe { munmap(made.as_ptr().sub(page).cast(), BLOCKS * BLOCK + 2 * page) };
                NonNull::new(other)
            }
        }
    }

    fn reserve(&self) -> rustix::io::Result<NonNull<u8>> {
        let page = rustix::param::page_size();
        let length = BLOCKS * BLOCK;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping wherever the kernel puts it, of which the part between the guard
        // pages is made accessible and advised; nothing else refers to it.
        unsafe {
            let guard =
                mmap_anonymous(ptr::null_mut(), length + 2 * page, ProtFlags::empty(), flags)?;
            let base = guard.cast::<u8>().add(page);
            mprotect(base.cast(), length, MprotectFlags::READ | MprotectFlags::WRITE)?;
            // Kernels and sandboxes without the advice leave a smaller protection, not none.
            let _ = madvise(base.cast(), length, Advice::LinuxDontDump);
            if self.fork == Fork::Wipes {
                let _ = madvise(base.cast(), length, Advice::LinuxWipeOnFork);
            }
            NonNull::new(base).ok_or(rustix::io::Errno::NOMEM)
        }
    }
}

/// Locks a block into RAM, unless the limit was reached before.
fn lock(base: NonNull<u8>, block: usize) {
    if UNLOCKED.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: a block of the reservation, whole.
    let locked = unsafe { mlock(base.as_ptr().add(block * BLOCK).cast(), BLOCK) };
    if locked.is_err() && !UNLOCKED.swap(true, Ordering::Relaxed) {
        log::warn!(
            "the limit of locked memory (RLIMIT_MEMLOCK) is reached: further secrets can be \
             swapped out; raise it with `ulimit -l` or LimitMEMLOCK="
        );
    }
}

impl Block {
    /// The index of a free slot, now taken.
    fn take(&self, class: usize) -> Option<usize> {
        let slots = BLOCK / (SMALLEST << class);
        for (word, taken) in self.taken.iter().take(slots.div_ceil(64)).enumerate() {
            let mask = if slots < 64 { (1 << slots) - 1 } else { u64::MAX };
            let mut seen = taken.load(Ordering::Relaxed);
            while seen & mask != mask {
                let bit = (!seen & mask).trailing_zeros();
                let next = seen | 1 << bit;
                match taken.compare_exchange_weak(seen, next, Ordering::Acquire, Ordering::Relaxed)
                {
                    Ok(_) => return Some(word * 64 + bit as usize),
                    Err(now) => seen = now,
                }
            }
        }
        None
    }
}

fn class_of(length: usize) -> Option<usize> {
    let size = length.max(SMALLEST).checked_next_power_of_two()?;
    (size <= LARGEST).then(|| (size.ilog2() - SMALLEST.ilog2()) as usize)
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
            assert!(UNLOCKED.load(Ordering::Relaxed), "unlocked below the limit");
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
    fn flags_of(pointer: *mut u8) -> String {
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
