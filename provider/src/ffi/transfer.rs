//! Buffers of the application, in and out: the conventions of "Conventions for functions returning
//! output in a variable-length buffer", once for all functions.

use pkcs11_sys::{CK_BYTE, CK_ULONG};
use zeroize::Zeroizing;

use crate::error::{Code, Result};

/// The application's output buffer.
pub enum Output<'a> {
    /// A NULL pointer: only the size is asked for.
    Query,
    Buffer(&'a mut [u8]),
}

impl<'a> Output<'a> {
    /// The buffer, if it has room for `size` bytes, else what is answered.
    ///
    /// # Errors
    /// Needed, TooSmall.
    pub fn room(self, size: usize) -> std::result::Result<&'a mut [u8], Written> {
        match self {
            Self::Query => Err(Written::Needed(size)),
            Self::Buffer(buffer) if buffer.len() < size => Err(Written::TooSmall(size)),
            Self::Buffer(buffer) => Ok(buffer),
        }
    }
}

/// What became of an output.
pub enum Written {
    /// The size that the output needs; nothing was computed.
    Needed(usize),
    /// The buffer is smaller than that; nothing was computed.
    TooSmall(usize),
    /// So many bytes of a multi-part operation that goes on.
    Part(usize),
    /// So many bytes, and the operation is over.
    Done(usize),
}

/// Input bytes, copied if the output buffer overlaps them: in-place calls are allowed, and must
/// not become a shared and an exclusive reference to the same memory.
pub(crate) enum Input<'a> {
    Borrowed(&'a [u8]),
    Copied(Zeroizing<Vec<u8>>),
}

impl Input<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Copied(bytes) => bytes,
        }
    }
}

/// # Safety
/// `pointer` is NULL or readable for `len` bytes during `'a`, and nobody writes there meanwhile.
///
/// # Errors
/// ArgumentsBad for NULL with a length, and for a length that no buffer can have.
pub(crate) unsafe fn bytes<'a>(
    pointer: *const CK_BYTE,
    len: CK_ULONG,
    what: &'static str,
) -> Result<&'a [u8]> {
    let Ok(len) = isize::try_from(len) else {
        return Err(Code::ArgumentsBad.because(format!("{what}: no buffer has {len:#x} bytes")));
    };
    match (pointer.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, len) => Err(Code::ArgumentsBad.because(format!("{what} is NULL with length {len}"))),
        // SAFETY: not NULL, not longer than isize::MAX, readable by the caller's promise.
        (false, len) => Ok(unsafe { std::slice::from_raw_parts(pointer, len as usize) }),
    }
}

/// # Safety
/// `len` is NULL or readable; `pointer` is NULL or writable for `*len` bytes during `'a`.
///
/// # Errors
/// ArgumentsBad for a NULL `len`, and for a length that no buffer can have.
pub(crate) unsafe fn output<'a>(pointer: *mut CK_BYTE, len: *const CK_ULONG) -> Result<Output<'a>> {
    if len.is_null() {
        return Err(Code::ArgumentsBad.because("the pointer to the output length is NULL"));
    }
    if pointer.is_null() {
        return Ok(Output::Query);
    }
    // SAFETY: not NULL, readable by the caller's promise; applications misalign it.
    let len = unsafe { len.read_unaligned() };
    // CK_UNAVAILABLE_INFORMATION left over from an earlier call is not a length.
    let Ok(size) = isize::try_from(len) else {
        return Err(Code::ArgumentsBad.because(format!("no buffer has {len:#x} bytes")));
    };
    // SAFETY: not NULL, not longer than isize::MAX, writable by the caller's promise.
    Ok(Output::Buffer(unsafe { std::slice::from_raw_parts_mut(pointer, size as usize) }))
}

/// Input and output of one call, which may be the same memory.
///
/// # Safety
/// As [`bytes`] and [`output`] demand.
///
/// # Errors
/// As [`bytes`] and [`output`].
pub(crate) unsafe fn input_and_output<'a>(
    input: (*const CK_BYTE, CK_ULONG),
    out: (*mut CK_BYTE, *const CK_ULONG),
) -> Result<(Input<'a>, Output<'a>)> {
    // SAFETY: the caller's promise.
    let (data, output) = unsafe { (bytes(input.0, input.1, "the input")?, output(out.0, out.1)?) };
    let overlap = match &output {
        Output::Query => false,
        Output::Buffer(buffer) => {
            let (a, b) = (data.as_ptr_range(), buffer.as_ptr_range());
            a.start < b.end && b.start < a.end
        }
    };
    let input = match overlap {
        // The copy is made before anything is written; only raw reads touch the shared memory.
        true => Input::Copied(Zeroizing::new(data.to_vec())),
        false => Input::Borrowed(data),
    };
    Ok((input, output))
}

/// Reports the length and the verdict: CKR_BUFFER_TOO_SMALL where it was.
///
/// # Safety
/// `len` is writable; it was not NULL when [`output`] read it.
pub(crate) unsafe fn deliver(written: Written, len: *mut CK_ULONG) -> Result<()> {
    let (size, verdict) = match written {
        Written::Needed(size) | Written::Part(size) | Written::Done(size) => (size, Ok(())),
        Written::TooSmall(size) => {
            (size, Err(Code::BufferTooSmall.because(format!("{size} bytes are needed"))))
        }
    };
    // SAFETY: the caller's promise.
    unsafe { len.write_unaligned(size as CK_ULONG) };
    verdict
}

/// Writes one value through a pointer of the application.
///
/// # Safety
/// `pointer` is NULL or writable for one `T`.
///
/// # Errors
/// ArgumentsBad for NULL.
pub(crate) unsafe fn write<T>(pointer: *mut T, value: T, what: &'static str) -> Result<()> {
    require(pointer, what)?;
    // SAFETY: not NULL, writable by the caller's promise; applications misalign it.
    unsafe { pointer.write_unaligned(value) };
    Ok(())
}

/// # Errors
/// ArgumentsBad for NULL.
pub(crate) fn require<T>(pointer: *const T, what: &'static str) -> Result<()> {
    match pointer.is_null() {
        true => Err(Code::ArgumentsBad.because(format!("{what} is NULL"))),
        false => Ok(()),
    }
}

/// The convention of lists: NULL asks for the count, too small a count is refused with the true
/// one, too large a one is reduced.
///
/// # Safety
/// `count` is NULL or readable and writable; `list` is NULL or writable for `*count` values.
///
/// # Errors
/// ArgumentsBad for a NULL `count`, BufferTooSmall.
pub(crate) unsafe fn list<T: Copy>(values: &[T], list: *mut T, count: *mut CK_ULONG) -> Result<()> {
    require(count, "the pointer to the count")?;
    let have = values.len() as CK_ULONG;
    // SAFETY: `count` is not NULL; the list is written only as far as the application said.
    unsafe {
        let room = count.read_unaligned();
        count.write_unaligned(have);
        if list.is_null() {
            return Ok(());
        }
        if room < have {
            return Err(Code::BufferTooSmall.because(format!("{have} entries are needed")));
        }
        for (i, value) in values.iter().enumerate() {
            list.add(i).write_unaligned(*value);
        }
    }
    Ok(())
}
