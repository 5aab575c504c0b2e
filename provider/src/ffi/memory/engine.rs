//! The engine's own allocations: expanded keys, bignums and contexts hold what a secret is made of.
//!
//! They come from an arena that is left out of core dumps and locked up to the limit, and are zeroed
//! when freed. Never wiped on fork: the engine's random state and its method tables lie here too, and
//! a child goes on with both.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::{self, NonNull};

use aws_lc_sys::CRYPTO_set_mem_functions;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use super::Fork;
use super::arena::{Arena, LARGEST, lock};

/// 256 MiB of address space, of which only what is used takes memory: some 40,000 RSA keys of 2048
/// bits. Threads on different shards share no cache line while they have room there.
static ARENA: Arena<16_384, SHARDS> = Arena::new(Fork::Keeps);
const SHARDS: usize = 16;

/// What stands before an allocation outside the arena.
#[repr(C, align(64))]
struct Header {
    /// Bytes that the caller may use.
    size: usize,
    /// Bytes of the mapping; 0 for one from the heap.
    mapped: usize,
}

/// Runs when the module, or a program that is linked with it, is loaded: the engine allocates
/// nothing before (it has no constructor that does), so it frees nothing that is not from here.
#[used]
#[unsafe(link_section = ".init_array")]
static INSTALL: extern "C" fn() = install;

extern "C" fn install() {
    // SAFETY: three functions that behave as malloc, realloc and free do, from any thread, for as
    // long as the process lives.
    let set = unsafe { CRYPTO_set_mem_functions(Some(allocate), Some(reallocate), Some(release)) };
    debug_assert_eq!(set, 1);
}

/// Locks what is in use again, in a forked child.
pub(super) fn relock() {
    ARENA.relock();
}

/// What every allocation is aligned to.
pub(super) const ALIGNMENT: usize = 16;

/// `malloc`.
pub(super) extern "C" fn allocate(size: usize, _: *const c_char, _: c_int) -> *mut c_void {
    match ARENA.allocate(size, shard()) {
        Some(place) => ARENA.pointer(place).cast(),
        None => outside(size),
    }
}

/// `realloc`: what moves is zeroed where it was.
unsafe extern "C" fn reallocate(
    old: *mut c_void,
    size: usize,
    file: *const c_char,
    line: c_int,
) -> *mut c_void {
    let Some(before) = NonNull::new(old.cast::<u8>()) else { return allocate(size, file, line) };
    // SAFETY: the engine passes what `allocate` gave it.
    let room = unsafe { room(before) };
    if (room / 2 + 1..=room).contains(&size) {
        return old;
    }
    let new = allocate(size, file, line);
    if !new.is_null() {
        // SAFETY: both are this long, and a new allocation overlaps no other; the old one is the
        // engine's to give up.
        unsafe {
            ptr::copy_nonoverlapping(old.cast::<u8>(), new.cast::<u8>(), room.min(size));
            release(old, file, line);
        }
    }
    new
}

/// `free`.
///
/// # Safety
/// `old` is NULL or came from `allocate`, and nobody uses it any more.
pub(super) unsafe extern "C" fn release(old: *mut c_void, _: *const c_char, _: c_int) {
    let Some(pointer) = NonNull::new(old.cast::<u8>()) else { return };
    match ARENA.find(pointer.as_ptr()) {
        // SAFETY: the engine passes what `allocate` gave it, once.
        Some(place) => unsafe { ARENA.release(place) },
        // SAFETY: as above.
        None => unsafe { release_outside(pointer) },
    }
}

/// How many bytes an allocation has.
///
/// # Safety
/// `allocate` gave it and it is not released.
unsafe fn room(pointer: NonNull<u8>) -> usize {
    match ARENA.find(pointer.as_ptr()) {
        Some(place) => ARENA.size(place),
        // SAFETY: a header stands before what is not in the arena.
        None => unsafe { pointer.cast::<Header>().sub(1).as_ref().size },
    }
}

/// An allocation that the arena has no slot for: large ones have a mapping of their own; where the
/// arena is full, or could not be reserved, small ones go to the heap.
#[cold]
fn outside(size: usize) -> *mut c_void {
    let page = rustix::param::page_size();
    let Some(length) = size.checked_add(size_of::<Header>()) else { return ptr::null_mut() };
    let mapped = length.checked_next_multiple_of(page).filter(|_| size > LARGEST);
    let (start, mapped) = match mapped.and_then(|mapped| Some((map(mapped)?, mapped))) {
        Some(mapping) => mapping,
        // SAFETY: any size and this power of two go.
        None => (unsafe { libc::memalign(align_of::<Header>(), length) }.cast(), 0),
    };
    let Some(start) = NonNull::new(start) else { return ptr::null_mut() };
    // SAFETY: as long as the header and `size` together, aligned for the header, and nobody's yet.
    unsafe {
        start.cast::<Header>().write(Header { size, mapped });
        start.as_ptr().add(size_of::<Header>()).cast()
    }
}

/// A mapping that is left out of core dumps and locked.
fn map(length: usize) -> Option<*mut u8> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping wherever the kernel puts it.
    unsafe {
        let start = mmap_anonymous(ptr::null_mut(), length, access, MapFlags::PRIVATE).ok()?;
        let _ = madvise(start, length, Advice::LinuxDontDump);
        lock(start.cast(), length);
        Some(start.cast())
    }
}

/// # Safety
/// `outside` gave it and it is not released.
#[cold]
unsafe fn release_outside(pointer: NonNull<u8>) {
    // SAFETY: the header that `outside` wrote, before as many bytes as it says.
    unsafe {
        let start = pointer.cast::<Header>().sub(1);
        let Header { size, mapped } = start.read();
        ptr::write_bytes(pointer.as_ptr(), 0, size);
        std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
        match mapped {
            0 => libc::free(start.as_ptr().cast()),
            mapped => drop(munmap(start.as_ptr().cast(), mapped)),
        }
    }
}

/// The shard of this thread: threads have their descriptors in pages of their own.
#[inline]
fn shard() -> usize {
    // SAFETY: gives a number, which is different for every thread that lives.
    let thread = unsafe { libc::pthread_self() } as u64;
    ((thread >> 12).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60) as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::super::tests::flags_of;
    use super::*;

    fn filled(size: usize, mark: u8) -> *mut u8 {
        let pointer = allocate(size, ptr::null(), 0).cast::<u8>();
        assert!(!pointer.is_null());
        // SAFETY: just allocated, this long.
        unsafe { ptr::write_bytes(pointer, mark, size) };
        pointer
    }

    fn bytes<'a>(pointer: *const u8, size: usize) -> &'a [u8] {
        // SAFETY: an allocation of the test's, at least this long, or a slot of the arena.
        unsafe { std::slice::from_raw_parts(pointer, size) }
    }

    #[test]
    fn an_engine_key_lies_where_no_core_dump_finds_it() {
        // SAFETY: made by the engine, released by it, and only its address is looked at.
        let number = unsafe { aws_lc_sys::BN_new() };
        assert!(ARENA.find(number.cast()).is_some());
        assert!(flags_of(number.cast()).contains(" dd"));
        // SAFETY: made above.
        unsafe { aws_lc_sys::BN_free(number) };
    }

    #[test]
    fn what_is_freed_is_zero_and_what_moves_is_kept() {
        for size in [1, 31, 32, 100, 5_000, LARGEST] {
            let pointer = filled(size, 7);
            // SAFETY: allocated above; the arena stays mapped after the release.
            unsafe { release(pointer.cast(), ptr::null(), 0) };
            assert!(ARENA.find(pointer).is_some());
        }
        for (from, to) in [(10, 20), (10, 100), (100, 20), (4_000, 40_000), (40_000, 4_000)] {
            let old = filled(from, 9);
            // SAFETY: allocated above.
            let new = unsafe { reallocate(old.cast(), to, ptr::null(), 0) }.cast::<u8>();
            assert_eq!(bytes(new, from.min(to)), vec![9; from.min(to)]);
            // SAFETY: allocated above.
            unsafe { release(new.cast(), ptr::null(), 0) };
        }
    }

    #[test]
    fn a_slot_that_is_given_out_again_is_zero() {
        let pointers: Vec<_> = (0..200).map(|_| filled(3_000, 5)).collect();
        for pointer in &pointers {
            // SAFETY: allocated above, released once.
            unsafe { release(pointer.cast(), ptr::null(), 0) };
        }
        for _ in 0..200 {
            let pointer = allocate(3_000, ptr::null(), 0).cast::<u8>();
            assert!(bytes(pointer, 3_000).iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn large_allocations_are_left_out_of_core_dumps_too() {
        let pointer = filled(LARGEST + 1, 3);
        assert!(ARENA.find(pointer).is_none());
        assert!(flags_of(pointer).contains(" dd"));
        assert_eq!(bytes(pointer, LARGEST + 1), vec![3; LARGEST + 1]);
        // SAFETY: allocated above.
        unsafe { release(pointer.cast(), ptr::null(), 0) };
        assert!(allocate(usize::MAX, ptr::null(), 0).is_null());
    }

    #[test]
    fn threads_free_what_other_threads_allocated() {
        let (sender, receiver) = std::sync::mpsc::channel::<usize>();
        let mut threads = Vec::new();
        for mark in 0..4_u8 {
            let sender = sender.clone();
            threads.push(std::thread::spawn(move || {
                for round in 0..2_000 {
                    let pointer = filled(1 + round % 700, mark);
                    assert!(bytes(pointer, 1 + round % 700).iter().all(|byte| *byte == mark));
                    sender.send(pointer as usize).unwrap();
                }
            }));
        }
        drop(sender);
        for pointer in receiver {
            // SAFETY: allocated by the thread that sent it, which does not use it any more.
            unsafe { release(pointer as *mut c_void, ptr::null(), 0) };
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}
