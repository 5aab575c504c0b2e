//! Memory that is not given back: the bytes that Rust code holds, whenever everything was closed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};

/// The system's allocator, and how much is out.
struct Counting;

static OUT: AtomicI64 = AtomicI64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: as the system's allocator, which does all of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        OUT.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        OUT.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        OUT.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        OUT.fetch_add(size as i64 - layout.size() as i64, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// Times that nothing was open before what is out is remembered.
const WARM: i64 = 4;
/// Bytes a C_Initialize leaves on purpose: threads may still be in the module that ended.
const MODULE: i64 = 512;
/// Bytes that tables and caches may grow.
const ROOM: i64 = 1 << 20;

static SETTLED: AtomicI64 = AtomicI64::new(0);
static BEFORE: AtomicI64 = AtomicI64::new(0);
pub static MODULES: AtomicI64 = AtomicI64::new(0);

/// Nothing is open: what is out now has to be what was out before.
///
/// # Panics
/// If more is.
pub fn settled() {
    let (out, modules) = (OUT.load(Ordering::Relaxed), MODULES.load(Ordering::Relaxed));
    let now = out - modules * MODULE;
    match SETTLED.fetch_add(1, Ordering::Relaxed) {
        0..WARM => BEFORE.store(now, Ordering::Relaxed),
        _ => {
            let more = now - BEFORE.load(Ordering::Relaxed);
            assert!(more < ROOM, "a leak: {more} bytes more are out than before");
        }
    }
}

/// What is out, and what the process takes of memory, both in bytes.
pub fn figures() -> (i64, u64) {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0_u64);
    (OUT.load(Ordering::Relaxed), pages * 4096)
}
