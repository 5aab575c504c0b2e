//! What the functions that drive an operation share: buffers in, buffers out, the session between.

use pkcs11_sys::{CK_BYTE_PTR, CK_MECHANISM_PTR, CK_OBJECT_HANDLE, CK_ULONG, CK_ULONG_PTR};

use crate::error::Result;
use crate::ffi::{mechanism, transfer};
use crate::handle::Handle;
use crate::session::Session;
use crate::session::active::{Class, Part};

/// Starts an operation on a key; a NULL mechanism ends the one that runs.
///
/// # Safety
/// `mechanism` is NULL or readable with its parameter.
#[inline]
pub(super) unsafe fn start(
    session: &mut Session,
    class: Class,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> Result<()> {
    if mechanism.is_null() {
        return session.cancel(class);
    }
    // SAFETY: the caller's promise.
    let mechanism = unsafe {
        mechanism::read(session, mechanism, |row| row.start(class.function()).is_some())?
    };
    session.start(class, &mechanism, Handle::from_raw(key))
}

/// Drives an operation that has output. What is wrong with the buffers is the session's to hear,
/// because it ends the operation.
///
/// # Safety
/// The input is NULL or readable; the output's length is NULL or readable and writable, the output
/// NULL or writable for that length.
#[inline]
pub(super) unsafe fn transform(
    session: &mut Session,
    class: Class,
    part: Part,
    input: (CK_BYTE_PTR, CK_ULONG),
    output: (CK_BYTE_PTR, CK_ULONG_PTR),
) -> Result<()> {
    // SAFETY: the caller's promise.
    let buffers = unsafe { transfer::input_and_output((input.0, input.1), (output.0, output.1)) };
    let written = match buffers {
        Ok((input, output)) => session.transform(class, part, Ok((input.bytes(), output)))?,
        Err(e) => session.transform(class, part, Err(e))?,
    };
    // SAFETY: the length is not NULL, or there would have been an error.
    unsafe { transfer::deliver(written, output.1) }
}

/// Feeds an operation that has no output yet.
///
/// # Safety
/// `part` is NULL or readable for `len` bytes.
#[inline]
pub(super) unsafe fn absorb(
    session: &mut Session,
    class: Class,
    part: CK_BYTE_PTR,
    len: CK_ULONG,
) -> Result<()> {
    // SAFETY: the caller's promise.
    session.absorb(class, unsafe { transfer::bytes(part, len, "pPart") })
}
