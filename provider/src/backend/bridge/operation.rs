//! Operations that the inner token does with its own mechanism.

use std::ops::RangeInclusive;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::key::Shared;
use super::size::{Parts, Size, admitted};
use super::task::{Running, Task};
use crate::backend::{Check, Operation, Transform};
use crate::error::{Code, Result};
use crate::mechanism::{Function, MechanismSpec, Params};

/// So many bytes in parts are kept here before they go to the inner token as parts: until then
/// nothing is lost with its session.
const KEPT: usize = 16 * 1024;

/// Starts an operation: Init is called now.
///
/// # Errors
/// What the inner token answers.
pub(super) fn start(
    key: &Arc<Shared>,
    function: Function,
    spec: &'static MechanismSpec,
    params: &Params<'_>,
) -> Result<Operation> {
    let size = Size::of(key, function, spec, params);
    let running = Running::begin(Task::new(key, function, spec.id, params)?)?;
    let parts = size.parts(function, spec);
    if function == Function::Verify {
        return Ok(Operation::Check(Box::new(Verifying { running, kept: Kept::new(parts) })));
    }
    Ok(Operation::Transform(match parts {
        Parts::Streamed => Box::new(Streaming { running, function, size, taken: 0, given: 0 }),
        parts => {
            let admitted = admitted(key, function, spec.id, params);
            Box::new(Whole { running, function, size, admitted, kept: Kept::new(parts) })
        }
    }))
}

/// Parts that were not handed on yet.
struct Kept {
    bytes: Zeroizing<Vec<u8>>,
    most: usize,
}

impl Kept {
    fn new(parts: Parts) -> Self {
        let most = if parts == Parts::Absorbed { KEPT } else { usize::MAX };
        Self { bytes: Zeroizing::default(), most }
    }

    /// Takes a part, if there is room for it.
    fn keep(&mut self, part: &[u8]) -> bool {
        let fits = part.len() <= self.most.saturating_sub(self.bytes.len());
        if fits {
            // A vector that grows leaves what it held behind.
            let needed = self.bytes.len() + part.len();
            if needed > self.bytes.capacity() {
                let mut grown = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
                grown.extend_from_slice(&self.bytes);
                self.bytes = grown;
            }
            self.bytes.extend_from_slice(part);
        }
        fits
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn take(&mut self) -> Zeroizing<Vec<u8>> {
        std::mem::take(&mut self.bytes)
    }
}

/// Output at the end alone: signatures, and what is not shown before all of it is there.
struct Whole {
    running: Running,
    function: Function,
    size: Size,
    /// How long the input may be.
    admitted: RangeInclusive<usize>,
    kept: Kept,
}

impl Transform for Whole {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        if !last {
            return Ok(0);
        }
        let total = self.kept.len() + input;
        if !self.admitted.contains(&total) {
            let code = match self.function {
                Function::Decrypt => Code::EncryptedDataLenRange,
                _ => Code::DataLenRange,
            };
            return Err(code.because(format!("{total} bytes, the key takes {:?}", self.admitted)));
        }
        match self.size.whole(self.function, total)? {
            Some(size) => Ok(size),
            None => self.running.size(total),
        }
    }

    fn update(&mut self, input: &[u8], _output: &mut [u8]) -> Result<usize> {
        if !self.running.is_in_parts() {
            if self.kept.keep(input) {
                return Ok(0);
            }
            self.running.part(&self.kept.take(), &mut [])?;
        }
        self.running.part(input, &mut [])?;
        Ok(0)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        if self.running.is_in_parts() {
            if !input.is_empty() {
                self.running.part(input, &mut [])?;
            }
            return self.running.end(output);
        }
        if self.kept.is_empty() {
            return self.running.whole(input, output);
        }
        self.kept.keep(input);
        self.running.whole(&self.kept.bytes, output)
    }
}

/// Output with each part.
struct Streaming {
    running: Running,
    function: Function,
    size: Size,
    /// Bytes that went in and that came out so far.
    taken: usize,
    given: usize,
}

impl Streaming {
    /// Input without output so far.
    fn held(&self) -> usize {
        self.taken.saturating_sub(self.given)
    }
}

impl Transform for Streaming {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        let held = self.held() + input;
        match last {
            false => Ok(self.size.part(held)),
            true => Ok(self.size.whole(self.function, held)?.unwrap_or(held)),
        }
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        if input.is_empty() {
            return Ok(0);
        }
        let len = self.running.part(input, output)?;
        self.taken += input.len();
        self.given += len;
        Ok(len)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        if !self.running.is_in_parts() {
            return self.running.whole(input, output);
        }
        let written = self.update(input, output)?;
        Ok(written + self.running.end(&mut output[written..])?)
    }
}

/// A verification that only the inner token can do: with secret keys, and public keys of types that
/// the engine lacks.
struct Verifying {
    running: Running,
    kept: Kept,
}

impl Check for Verifying {
    fn update(&mut self, input: &[u8]) -> Result<()> {
        if !self.running.is_in_parts() {
            if self.kept.keep(input) {
                return Ok(());
            }
            self.running.verify_part(&self.kept.take())?;
        }
        self.running.verify_part(input)
    }

    fn finish(&mut self, input: &[u8], signature: &[u8]) -> Result<()> {
        if self.running.is_in_parts() {
            if !input.is_empty() {
                self.running.verify_part(input)?;
            }
            return self.running.verify_end(signature);
        }
        if self.kept.is_empty() {
            return self.running.verify(input, signature);
        }
        let mut all = self.kept.take();
        all.extend_from_slice(input);
        self.running.verify(&all, signature)
    }
}
