//! Locks on single bytes of a file, owned by the open file and not by the process.
//!
//! Classic POSIX locks belong to a process: two copies of this module in one process would not
//! exclude each other, and closing any descriptor of the file would drop them all. Open-file-
//! description locks have neither flaw, and the kernel releases them when their holder dies.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// How a byte is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Shared,
    Exclusive,
}

/// Locks one byte; `false` if another open file holds a lock that does not allow it.
pub(crate) fn try_lock(file: &File, byte: u8, mode: Mode) -> io::Result<bool> {
    let kind = match mode {
        Mode::Shared => libc::F_RDLCK,
        Mode::Exclusive => libc::F_WRLCK,
    };
    match set(file, byte, kind) {
        Ok(()) => Ok(true),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Releases one byte.
pub(crate) fn unlock(file: &File, byte: u8) -> io::Result<()> {
    set(file, byte, libc::F_UNLCK)
}

fn set(file: &File, byte: u8, kind: libc::c_int) -> io::Result<()> {
    let request = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: byte.into(),
        l_len: 1,
        l_pid: 0,
    };
    // SAFETY: an open descriptor and a whole `struct flock`, which the call only reads.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &request) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_open_files_of_one_process_exclude_each_other() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (a, b) = (file.reopen().unwrap(), file.reopen().unwrap());
        assert!(try_lock(&a, 0, Mode::Exclusive).unwrap());
        assert!(!try_lock(&b, 0, Mode::Shared).unwrap());
        assert!(try_lock(&b, 1, Mode::Exclusive).unwrap());
        unlock(&a, 0).unwrap();
        assert!(try_lock(&b, 0, Mode::Shared).unwrap());
        drop(b);
        assert!(try_lock(&a, 0, Mode::Exclusive).unwrap());
    }
}
