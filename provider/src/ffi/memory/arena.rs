//! One reservation of address space with a guard page at each end, cut into blocks of 16 KiB; a
//! block holds slots of one size. Everything about it is atomics, so that a fork in the middle of an
//! allocation on another thread can at worst lose a block to the child.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence};

use rustix::mm::{
    Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mlock, mmap_anonymous, mprotect, munmap,
};

use super::Fork;

/// `BLOCKS` blocks, shared out among `SHARDS` groups of threads that look for room in different
/// places.
pub(super) struct Arena<const BLOCKS: usize, const SHARDS: usize> {
    base: AtomicPtr<u8>,
    blocks: [Block; BLOCKS],
    /// For each shard and class, the first block that may have room.
    hints: [[AtomicU32; CLASSES]; SHARDS],
    fork: Fork,
}

/// Where a slot lies.
#[derive(Clone, Copy)]
pub(super) struct Place {
    block: usize,
    index: usize,
}

struct Block {
    /// 0 while nobody uses the block, [`BUSY`] while it is being locked, else 1 + its class.
    state: AtomicU32,
    taken: [AtomicU64; WORDS],
}

/// The largest slot.
pub(super) const LARGEST: usize = SMALLEST << (CLASSES - 1);

const SMALLEST: usize = 32;
const CLASSES: usize = 10;
pub(super) const BLOCK: usize = 16 * 1024;
const WORDS: usize = BLOCK / SMALLEST / 64;
const BUSY: u32 = u32::MAX;

/// Set when the lock limit is reached: from then on secrets may be swapped out, but not dumped.
static UNLOCKED: AtomicBool = AtomicBool::new(false);

impl<const BLOCKS: usize, const SHARDS: usize> Arena<BLOCKS, SHARDS> {
    pub(super) const fn new(fork: Fork) -> Self {
        Self {
            base: AtomicPtr::new(ptr::null_mut()),
            blocks: [const {
                Block { state: AtomicU32::new(0), taken: [const { AtomicU64::new(0) }; WORDS] }
            }; BLOCKS],
            hints: [const { [const { AtomicU32::new(0) }; CLASSES] }; SHARDS],
            fork,
        }
    }

    /// A zeroed slot for `length` bytes; `None` if they are too many or nothing is left.
    pub(super) fn allocate(&self, length: usize, shard: usize) -> Option<Place> {
        let (class, base) = (class_of(length)?, self.base()?);
        let hint = &self.hints[shard][class];
        // A shard looks through its own blocks, then through those of the others.
        let (own, first) = (shard * (BLOCKS / SHARDS), hint.load(Ordering::Relaxed) as usize);
        for step in first..BLOCKS {
            let block = (own + step) % BLOCKS;
            let usable = match self.state(block) {
                0 => self.open(base, block, class),
                state => state == class as u32 + 1,
            };
            if let Some(index) = usable.then(|| self.blocks[block].take(class)).flatten() {
                if step != first {
                    hint.store(step as u32, Ordering::Relaxed);
                }
                return Some(Place { block, index });
            }
        }
        None
    }

    /// Zeroes a slot and gives it back.
    ///
    /// # Safety
    /// The slot was allocated here, and nobody uses it any more.
    pub(super) unsafe fn release(&self, place: Place) {
        // SAFETY: the slot is mapped, this long, and the caller gives it up.
        unsafe { ptr::write_bytes(self.pointer(place), 0, self.size(place)) };
        compiler_fence(Ordering::SeqCst);
        let block = &self.blocks[place.block];
        let class = block.state.load(Ordering::Relaxed) as usize - 1;
        block.taken[place.index / 64].fetch_and(!(1 << (place.index % 64)), Ordering::Release);
        let shard = place.block / (BLOCKS / SHARDS);
        let (hint, step) = (&self.hints[shard][class], place.block % (BLOCKS / SHARDS));
        if hint.load(Ordering::Relaxed) as usize > step {
            hint.store(step as u32, Ordering::Relaxed);
        }
    }

    /// The slot that begins at an address, if the address is in this arena.
    pub(super) fn find(&self, pointer: *const u8) -> Option<Place> {
        let base = self.base.load(Ordering::Relaxed);
        let offset = (pointer as usize).wrapping_sub(base as usize);
        if base.is_null() || offset >= BLOCKS * BLOCK {
            return None;
        }
        let place = Place { block: offset / BLOCK, index: 0 };
        Some(Place { index: offset % BLOCK / self.size(place), ..place })
    }

    pub(super) fn size(&self, place: Place) -> usize {
        SMALLEST << (self.blocks[place.block].state.load(Ordering::Relaxed) - 1)
    }

    pub(super) fn pointer(&self, place: Place) -> *mut u8 {
        let offset = place.block * BLOCK + place.index * self.size(place);
        // SAFETY: inside the reservation, which was there when the slot was given out.
        unsafe { self.base.load(Ordering::Relaxed).add(offset) }
    }

    /// Locks what is in use again: a forked child inherits the memory, but not that it is locked.
    pub(super) fn relock(&self) {
        let Some(base) = NonNull::new(self.base.load(Ordering::Acquire)) else { return };
        let used = |block: &usize| !matches!(self.state(*block), 0 | BUSY);
        (0..BLOCKS).filter(used).for_each(|block| lock_block(base, block));
    }

    fn state(&self, block: usize) -> u32 {
        self.blocks[block].state.load(Ordering::Acquire)
    }

    /// Takes an unused block for a class and locks it; `false` if another thread was faster.
    #[cold]
    fn open(&self, base: NonNull<u8>, block: usize, class: usize) -> bool {
        let state = &self.blocks[block].state;
        if state.compare_exchange(0, BUSY, Ordering::AcqRel, Ordering::Acquire).is_err() {
            return false;
        }
        lock_block(base, block);
        state.store(class as u32 + 1, Ordering::Release);
        true
    }

    /// The reservation, made at first use. A thread that loses the race gives its own back.
    fn base(&self) -> Option<NonNull<u8>> {
        match NonNull::new(self.base.load(Ordering::Acquire)) {
            Some(base) => Some(base),
            None => self.install(),
        }
    }

    #[cold]
    fn install(&self) -> Option<NonNull<u8>> {
        let made = match self.reserve() {
            Ok(made) => made,
            Err(error) => {
                unreserved(BLOCKS * BLOCK, error);
                return None;
            }
        };
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

/// Tells once that secrets lie on the heap.
#[cold]
fn unreserved(length: usize, error: rustix::io::Errno) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Ordering::Relaxed) {
        log::warn!(
            "no address space for {} MiB of memory that is locked and left out of core dumps \
             ({error}): secrets lie on the heap; raise the limit with `ulimit -v` or LimitAS=",
            length >> 20
        );
    }
}

fn lock_block(base: NonNull<u8>, block: usize) {
    // SAFETY: a block of the reservation, whole.
    unsafe { lock(base.as_ptr().add(block * BLOCK), BLOCK) };
}

/// Locks memory into RAM, unless the limit was reached before.
///
/// # Safety
/// It is mapped.
pub(super) unsafe fn lock(start: *mut u8, length: usize) {
    if UNLOCKED.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: the caller's promise.
    let locked = unsafe { mlock(start.cast(), length) };
    if locked.is_err() && !UNLOCKED.swap(true, Ordering::Relaxed) {
        log::warn!(
            "the limit of locked memory (RLIMIT_MEMLOCK) is reached: further secrets can be \
             swapped out; raise it with `ulimit -l` or LimitMEMLOCK="
        );
    }
}

/// Whether the limit was reached.
#[cfg(test)]
pub(super) fn is_limit_reached() -> bool {
    UNLOCKED.load(Ordering::Relaxed)
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
