//! Environment variables, which a program that runs with more rights than its caller ignores.

use std::ffi::OsString;

/// The value of a variable; `None` if it is not set or empty, or the program is setuid, setgid or
/// has file capabilities: then the environment is its caller's and decides nothing
/// (`secure_getenv(3)`).
pub fn variable(name: &str) -> Option<OsString> {
    // SAFETY: takes a number and gives a number.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    if secure {
        return None;
    }
    std::env::var_os(name).filter(|value| !value.is_empty())
}
