//! Fork: a page that the kernel wipes in the child, and handlers that keep SQLite out of it.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::ffi::memory;
use crate::store::gate;

/// What a page of its own holds; all of it reads zero in a forked child.
#[repr(C)]
struct Page {
    owned: AtomicU64,
    generation: AtomicU64,
}

/// Null before the page is made, and where the kernel cannot wipe it.
static PAGE: AtomicPtr<Page> = AtomicPtr::new(ptr::null_mut());
/// Whether the kernel cannot.
static PAGELESS: AtomicBool = AtomicBool::new(false);
/// The last generation of this process or of one that it was forked from.
static GENERATIONS: AtomicU64 = AtomicU64::new(0);
/// The process that claimed last: for kernels without the page, and to see that it is another.
static OWNER: AtomicU32 = AtomicU32::new(0);
/// Whether the handlers are registered. No `Once`: one that a fork leaves half done hangs the child.
static WATCHED: AtomicBool = AtomicBool::new(false);

/// Marks this process as the owner of the instance it has just made.
pub fn claim() {
    watch();
    let process = std::process::id();
    if OWNER.swap(process, Ordering::AcqRel) != process {
        memory::relock();
    }
    if let Some(page) = page().or_else(make_page) {
        page.owned.store(1, Ordering::Release);
    }
}

/// Whether this process is the one that called [`claim`]: one load, or `getpid` without the page.
#[inline]
pub fn owned() -> bool {
    match page() {
        Some(page) => page.owned.load(Ordering::Relaxed) != 0,
        None => OWNER.load(Ordering::Acquire) == std::process::id(),
    }
}

/// A number that this process shares with none that it was forked from: one load, but for the
/// first time.
#[inline]
pub fn generation() -> u64 {
    match page().or_else(make_page) {
        Some(page) => match page.generation.load(Ordering::Acquire) {
            0 => begin(page),
            generation => generation,
        },
        None => std::process::id().into(),
    }
}

#[cold]
fn begin(page: &Page) -> u64 {
    let next = GENERATIONS.fetch_add(1, Ordering::Relaxed) + 1;
    match page.generation.compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => next,
        Err(another_threads) => another_threads,
    }
}

/// Has every later fork of this process wait for running statements and close every connection to
/// a store first. May be called as often as one likes.
pub fn watch() {
    if WATCHED.swap(true, Ordering::AcqRel) {
        return;
    }
    // SAFETY: three functions that live as long as the process (the module is never unloaded) and
    // may run on any thread.
    let answer = unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) };
    if answer != 0 {
        log::error!("pthread_atfork: error {answer}; do not use tokens across a fork");
    }
}

extern "C" fn prepare() {
    gate::close();
}

extern "C" fn parent() {
    gate::open();
}

extern "C" fn child() {
    gate::open();
}

#[inline]
fn page() -> Option<&'static Page> {
    // SAFETY: null, or the page installed by `make_page`, which is never unmapped and only ever
    // used as these atomics.
    unsafe { PAGE.load(Ordering::Acquire).as_ref() }
}

/// Makes and installs the page; `None` where the kernel does not wipe on fork (before Linux 4.14).
#[cold]
fn make_page() -> Option<&'static Page> {
    if PAGELESS.load(Ordering::Relaxed) {
        return None;
    }
    let length = rustix::param::page_size();
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new private mapping, zeroed, that nothing else refers to; unmapped only while
    // nobody has seen it.
    unsafe {
        let made = mmap_anonymous(ptr::null_mut(), length, access, MapFlags::PRIVATE).ok()?;
        let wiped = madvise(made, length, Advice::LinuxWipeOnFork).is_ok();
        PAGELESS.store(!wiped, Ordering::Relaxed);
        let installed = wiped
            && PAGE
                .compare_exchange(ptr::null_mut(), made.cast(), Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        if !installed {
            let _ = munmap(made, length);
        }
    }
    page()
}

/// Forks for tests; 0 in the child.
///
/// # Safety
/// The child may call only what is safe after the fork of a process with threads, and must end
/// with [`exit_for_tests`].
#[doc(hidden)]
pub unsafe fn fork_for_tests() -> i32 {
    // SAFETY: the caller's promise.
    unsafe { libc::fork() }
}

/// Ends a forked child without running what the parent registered for its exit.
#[doc(hidden)]
pub fn exit_for_tests(status: i32) -> ! {
    // SAFETY: ends the process, does not return.
    unsafe { libc::_exit(status) }
}

/// Waits for a forked child; its exit status, or `None` if a signal ended it.
#[doc(hidden)]
pub fn wait_for_tests(child: i32) -> Option<i32> {
    let mut status = 0;
    // SAFETY: `status` is writable.
    let waited = unsafe { libc::waitpid(child, &mut status, 0) };
    (waited == child && libc::WIFEXITED(status)).then(|| libc::WEXITSTATUS(status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_child_owns_nothing_until_it_claims() {
        claim();
        assert!(owned());
        // SAFETY: the child only touches atomics and ends with `_exit`.
        let child = unsafe { fork_for_tests() };
        if child == 0 {
            let before = owned();
            claim();
            exit_for_tests(i32::from(before || !owned()));
        }
        assert_eq!(wait_for_tests(child), Some(0));
        assert!(owned());
    }

    #[test]
    fn every_process_of_a_line_has_a_generation_of_its_own() {
        let mine = generation();
        assert_eq!(generation(), mine);
        // SAFETY: the child only touches atomics and ends with `_exit`.
        let child = unsafe { fork_for_tests() };
        if child == 0 {
            let childs = generation();
            // SAFETY: as above.
            let grandchild = unsafe { fork_for_tests() };
            if grandchild == 0 {
                exit_for_tests(i32::from([mine, childs].contains(&generation())));
            }
            exit_for_tests(i32::from(childs == mine || wait_for_tests(grandchild) != Some(0)));
        }
        assert_eq!(wait_for_tests(child), Some(0));
        assert_eq!(generation(), mine);
    }

    #[test]
    fn a_master_key_reads_zero_in_the_child_and_other_secrets_stay() {
        let fill = |room: &mut [u8]| {
            room.fill(7);
            Ok(())
        };
        let master = Secret::wiped_on_fork(32, fill).unwrap();
        let other = Secret::try_with(32, fill).unwrap();
        // SAFETY: the child only reads memory and ends with `_exit`.
        let child = unsafe { fork_for_tests() };
        if child == 0 {
            let right = master.expose() == [0; 32] && other.expose() == [7; 32];
            exit_for_tests(i32::from(!right));
        }
        assert_eq!(wait_for_tests(child), Some(0));
        assert_eq!(master.expose(), [7; 32]);
    }
}
