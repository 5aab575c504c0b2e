//! Memory for arguments: each buffer ends at a page that cannot be touched, so that reading or
//! writing one byte too many ends the process. What lies before a buffer is compared afterwards.

use std::ptr;

const PAGE: usize = 4096;
/// Room of one buffer in bytes.
pub const ROOM: usize = 2 * PAGE;
const BUFFERS: usize = 40;
/// Bytes before a buffer that must stay as they are.
const FRONT: usize = 16;
const FILL: u8 = 0xa5;

/// The buffers of one call.
pub struct Arena {
    base: *mut u8,
    taken: Vec<Buffer>,
}

/// One buffer, good until [`Arena::clear`].
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    start: *mut u8,
    len: usize,
}

impl Buffer {
    pub fn address(self) -> usize {
        self.start as usize
    }

    pub fn len(self) -> usize {
        self.len
    }

    pub fn bytes(&self) -> Vec<u8> {
        // SAFETY: within the arena, which outlives every call, and nobody writes at the moment.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }.to_vec()
    }

    pub fn fill(self, bytes: &[u8]) {
        assert!(bytes.len() <= self.len, "a buffer of {} bytes for {}", self.len, bytes.len());
        // SAFETY: at most as many bytes as the buffer has.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.start, bytes.len()) };
    }

    /// The words in it, wherever it lies.
    pub fn word(self, at: usize) -> u64 {
        assert!((at + 1) * 8 <= self.len);
        // SAFETY: within the buffer.
        unsafe { self.start.add(at * 8).cast::<u64>().read_unaligned() }
    }
}

// SAFETY: the memory belongs to the arena alone, whichever thread has it.
unsafe impl Send for Arena {}

impl Arena {
    pub fn new() -> Self {
        let stride = ROOM + PAGE;
        let len = PAGE + BUFFERS * stride;
        // SAFETY: new memory, of nobody else's.
        let base = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(base, libc::MAP_FAILED, "memory for arguments");
        let base = base.cast::<u8>();
        for buffer in 0..BUFFERS {
            // SAFETY: within the mapping.
            let opened = unsafe {
                let start = base.add(PAGE + buffer * stride);
                libc::mprotect(start.cast(), ROOM, libc::PROT_READ | libc::PROT_WRITE)
            };
            assert_eq!(opened, 0, "memory for arguments");
        }
        Self { base, taken: Vec::new() }
    }

    /// A buffer of `len` bytes, none of them readable behind it.
    pub fn buffer(&mut self, len: usize) -> Buffer {
        self.placed(len, 0)
    }

    /// As [`buffer`](Self::buffer), `off` bytes before the forbidden page.
    pub fn placed(&mut self, len: usize, off: usize) -> Buffer {
        assert!(len + off + FRONT <= ROOM && self.taken.len() < BUFFERS, "{len} bytes");
        let end = PAGE + self.taken.len() * (ROOM + PAGE) + ROOM;
        // SAFETY: within the open part of this buffer's room.
        let start = unsafe {
            let start = self.base.add(end - off - len);
            ptr::write_bytes(start.sub(FRONT), FILL, FRONT + len);
            start
        };
        let buffer = Buffer { start, len };
        self.taken.push(buffer);
        buffer
    }

    /// A buffer with these bytes.
    pub fn with(&mut self, bytes: &[u8]) -> Buffer {
        let buffer = self.buffer(bytes.len());
        buffer.fill(bytes);
        buffer
    }

    /// A buffer with these words, `off` bytes off their alignment.
    pub fn words(&mut self, words: &[u64], off: usize) -> Buffer {
        let buffer = self.placed(words.len() * 8, off);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        buffer.fill(&bytes);
        buffer
    }

    /// Gives all buffers back.
    ///
    /// # Panics
    /// If something wrote before one of them.
    pub fn clear(&mut self) {
        for buffer in self.taken.drain(..) {
            // SAFETY: the front belongs to the same room.
            let front = unsafe { std::slice::from_raw_parts(buffer.start.sub(FRONT), FRONT) };
            assert!(front == [FILL; FRONT], "the module wrote before a buffer");
        }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let len = PAGE + BUFFERS * (ROOM + PAGE);
        // SAFETY: the whole mapping, which nothing points to any more.
        unsafe { libc::munmap(self.base.cast(), len) };
    }
}
