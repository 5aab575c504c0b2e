//! The epoch that every process of a token shares: one page of a file, mapped.
//!
//! It works as a sequence lock. A writer that holds the store's write lock makes it odd, commits,
//! and makes it even again; it never goes down. A reader that sees the even value it saw before
//! knows that nothing was committed since. One that sees an odd value asks the database.

use std::fs::File;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The size of the file and of the mapping.
pub(crate) const SIZE: usize = 4096;

/// The mapped page.
pub(crate) struct MappedEpoch {
    page: NonNull<Page>,
    writable: bool,
}

#[repr(C)]
struct Page {
    epoch: AtomicU64,
    /// Changes since the write-ahead log was last brought home; a hint, so it may be wrong.
    pending: AtomicU64,
}

impl MappedEpoch {
    /// Maps a file of at least [`SIZE`] bytes.
    ///
    /// # Errors
    /// `InvalidData` for a file that is too short (touching it would be SIGBUS), and whatever the
    /// operating system says.
    pub(crate) fn map(file: &File, writable: bool) -> io::Result<Self> {
        let length = file.metadata()?.len();
        if length < SIZE as u64 {
            let story = format!("the epoch file has {length} bytes, not {SIZE}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, story));
        }
        let access = match writable {
            true => ProtFlags::READ | ProtFlags::WRITE,
            false => ProtFlags::READ,
        };
        // SAFETY: a new mapping wherever the kernel puts it; nothing else refers to it.
        let page = unsafe { mmap(std::ptr::null_mut(), SIZE, access, MapFlags::SHARED, file, 0)? };
        let page = NonNull::new(page.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { page, writable })
    }

    /// What a reader compares: equal and even means that nothing changed.
    #[inline]
    pub(crate) fn load(&self) -> u64 {
        self.page().epoch.load(Ordering::Acquire)
    }

    /// Makes the epoch odd. The caller holds the write lock and gives what comes back to
    /// [`finish`](Self::finish). An odd value that a killed writer left is mended by the way.
    pub(crate) fn begin(&self) -> u64 {
        assert!(self.writable, "only a store that can write begins a commit");
        let seen = self.page().epoch.load(Ordering::Acquire);
        let odd = if seen.is_multiple_of(2) { seen + 1 } else { seen + 2 };
        self.page().epoch.store(odd, Ordering::SeqCst);
        odd
    }

    /// Makes the epoch even after the commit or its rollback, unless another writer, who got the
    /// lock in between, has begun: then it is his to finish. Returns the even value.
    pub(crate) fn finish(&self, odd: u64) -> u64 {
        let even = odd + 1;
        let _ = self.page().epoch.compare_exchange(odd, even, Ordering::AcqRel, Ordering::Acquire);
        even
    }

    /// Counts changes that lie in the write-ahead log; returns how many there are.
    pub(crate) fn count_changes(&self, more: u64) -> u64 {
        self.page().pending.fetch_add(more, Ordering::Relaxed) + more
    }

    /// Forgets them, after a checkpoint.
    pub(crate) fn reset_changes(&self) {
        self.page().pending.store(0, Ordering::Relaxed);
    }

    fn page(&self) -> &Page {
        // SAFETY: mapped, page-aligned, at least as long as `Page` by the check in `map`, only
        // ever read and written through atomics; unmapped in `drop` only.
        unsafe { self.page.as_ref() }
    }
}

impl Drop for MappedEpoch {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `map`, whole, to which no reference is left.
        let _ = unsafe { munmap(self.page.as_ptr().cast(), SIZE) };
    }
}

// SAFETY: nothing but atomics behind the pointer.
unsafe impl Send for MappedEpoch {}
// SAFETY: nothing but atomics behind the pointer.
unsafe impl Sync for MappedEpoch {}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> (File, MappedEpoch) {
        let file = tempfile::tempfile().unwrap();
        file.set_len(SIZE as u64).unwrap();
        let epoch = MappedEpoch::map(&file, true).unwrap();
        (file, epoch)
    }

    #[test]
    fn two_mappings_see_one_value() {
        let (file, writer) = page();
        let reader = MappedEpoch::map(&file, false).unwrap();
        let odd = writer.begin();
        assert_eq!(reader.load(), 1);
        assert_eq!(writer.finish(odd), 2);
        assert_eq!(reader.load(), 2);
    }

    #[test]
    fn the_next_writer_mends_what_a_killed_one_left_odd() {
        let (_file, epoch) = page();
        epoch.begin();
        let odd = epoch.begin();
        assert_eq!(odd, 3);
        epoch.finish(odd);
        assert_eq!(epoch.load(), 4);
    }

    #[test]
    fn a_late_finish_leaves_the_next_writer_s_odd_value() {
        let (_file, epoch) = page();
        let late = epoch.begin();
        let odd = epoch.begin();
        epoch.finish(late);
        assert_eq!(epoch.load(), odd);
    }

    #[test]
    fn a_truncated_file_is_refused() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(SIZE as u64 - 1).unwrap();
        assert!(MappedEpoch::map(&file, true).is_err());
    }
}
