//! Data that passes through piece by piece: errors on the way keep their story.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

use crate::error::{Error, Kind, Result};

/// Bytes that are moved at once.
const PIECE: usize = 64 << 10;

/// Moves everything from one to the other. Answers how many bytes there were.
///
/// # Errors
/// `read` makes the error of reading, [`written`] that of writing.
pub(super) fn copy(
    input: &mut dyn Read,
    output: &mut dyn Write,
    read: impl Fn(io::Error) -> Error,
) -> Result<u64> {
    let mut buffer = Zeroizing::new(vec![0; PIECE]);
    let mut total = 0;
    loop {
        match fill(input, &mut buffer).map_err(&read)? {
            0 => return Ok(total),
            count => {
                output.write_all(&buffer[..count]).map_err(written)?;
                total += count as u64;
            }
        }
    }
}

/// Reads until the buffer is full or the input ends. Answers how many bytes there were.
///
/// # Errors
/// Reading failed.
pub(super) fn fill(input: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < buffer.len() {
        match input.read(&mut buffer[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// The error that came through a reader or writer, if it is ours.
pub(super) fn ours(error: io::Error) -> Result<Error, io::Error> {
    error.downcast::<Error>()
}

/// The input could not be read.
pub(super) fn unread(error: io::Error) -> Error {
    ours(error).unwrap_or_else(|error| Kind::File.because("cannot read the input").caused_by(error))
}

/// The output could not be written.
pub(super) fn written(error: io::Error) -> Error {
    ours(error)
        .unwrap_or_else(|error| Kind::File.because("cannot write the output").caused_by(error))
}
