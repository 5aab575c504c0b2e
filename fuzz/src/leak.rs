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
/// Bytes a C_Initialize leaves on purpose, a `Module` and what the allocator adds: threads may still
/// be in the one that ended.
const MODULE: i64 = 128;
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

/// What the process has of memory.
#[derive(Clone, Copy)]
pub struct Figures {
    /// Bytes that are out.
    pub out: i64,
    /// Bytes that are resident.
    pub resident: i64,
    /// Times that C_Initialize was called, each of which leaves a little.
    pub modules: i64,
}

impl Figures {
    pub fn now() -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0_i64);
        Self {
            out: OUT.load(Ordering::Relaxed),
            resident: pages * 4096,
            modules: MODULES.load(Ordering::Relaxed),
        }
    }

    /// Bytes that `later` may have more on account of C_Initialize.
    pub fn left_on_purpose(self, later: Self) -> i64 {
        (later.modules - self.modules) * MODULE
    }
}
