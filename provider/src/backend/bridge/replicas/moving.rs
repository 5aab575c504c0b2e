//! Operations that another token begins anew when theirs fails, as long as nothing came out of them
//! and what went in is still here.

use std::cell::RefCell;

use zeroize::Zeroizing;

use super::key::Beginning;
use super::set::Failure;
use crate::backend::{Check, Operation, Transform};
use crate::error::{Code, Result};
use crate::mechanism::params::kept::Kept;

/// So many bytes of parts are kept to be given once more.
const KEPT: usize = 16 * 1024;

/// An operation, on one token at a time.
pub(super) struct Moving {
    course: RefCell<Course>,
}

struct Course {
    beginning: Beginning,
    params: Kept,
    at: usize,
    operation: Operation,
    /// The parts so far; `None` when they cannot be given again.
    parts: Option<Zeroizing<Vec<u8>>>,
}

impl Moving {
    /// `operation` was begun on the token at the place `at`.
    pub(super) fn operation(
        beginning: Beginning,
        params: Kept,
        at: usize,
        operation: Operation,
    ) -> Operation {
        let check = matches!(operation, Operation::Check(_));
        let parts = Some(Zeroizing::default());
        let course = RefCell::new(Course { beginning, params, at, operation, parts });
        match check {
            true => Operation::Check(Box::new(Self { course })),
            false => Operation::Transform(Box::new(Self { course })),
        }
    }
}

impl Course {
    /// Does a step, on the next token if it fails on this one.
    fn step<T>(&mut self, mut step: impl FnMut(&mut Operation) -> Result<T>) -> Result<T> {
        let mut failed = Vec::new();
        loop {
            let error = match step(&mut self.operation) {
                Err(e) if is_lost(e.code()) && self.parts.is_some() => e,
                answer => {
                    if answer.is_ok() && !failed.is_empty() {
                        self.beginning.set.worked(self.at, &failed);
                    }
                    return answer;
                }
            };
            failed.push((self.at, error));
            self.move_on(&mut failed)?;
        }
    }

    /// Begins the operation on another token, with the parts so far.
    fn move_on(&mut self, failed: &mut Vec<Failure>) -> Result<()> {
        loop {
            let begun = self.beginning.begin(&self.params.params(), failed);
            let (at, operation) =
                begun.map_err(|e| match is_lost(e.code()) || failed.is_empty() {
                    true => e,
                    // Whatever another token says of it, the application's own Init went well.
                    false => failed.remove(0).1,
                })?;
            (self.at, self.operation) = (at, operation);
            let Some(parts) = self.parts.as_ref().filter(|parts| !parts.is_empty()) else {
                return Ok(());
            };
            match give(&mut self.operation, parts) {
                Err(e) if is_lost(e.code()) => failed.push((at, e)),
                answer => return answer,
            }
        }
    }

    fn keep(&mut self, part: &[u8], written: usize) {
        let Some(parts) = &mut self.parts else { return };
        if written > 0 || part.len() > KEPT.saturating_sub(parts.len()) {
            self.parts = None;
            return;
        }
        if parts.capacity() == 0 {
            // A vector that grows leaves what it held behind.
            *parts = Zeroizing::new(Vec::with_capacity(KEPT));
        }
        parts.extend_from_slice(part);
    }
}

impl Transform for Moving {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        self.course.borrow_mut().step(|operation| transform(operation)?.output_size(input, last))
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let course = self.course.get_mut();
        let written = course.step(|operation| transform(operation)?.update(input, output))?;
        course.keep(input, written);
        Ok(written)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let course = self.course.get_mut();
        course.step(|operation| transform(operation)?.finish(input, output))
    }
}

impl Check for Moving {
    fn update(&mut self, input: &[u8]) -> Result<()> {
        let course = self.course.get_mut();
        course.step(|operation| check(operation)?.update(input))?;
        course.keep(input, 0);
        Ok(())
    }

    fn finish(&mut self, input: &[u8], signature: &[u8]) -> Result<()> {
        let course = self.course.get_mut();
        course.step(|operation| check(operation)?.finish(input, signature))
    }
}

fn is_lost(code: Code) -> bool {
    matches!(code, Code::DeviceError | Code::DeviceRemoved)
}

fn give(operation: &mut Operation, parts: &[u8]) -> Result<()> {
    match operation {
        Operation::Transform(transform) => transform.update(parts, &mut []).map(drop),
        Operation::Check(check) => check.update(parts),
    }
}

fn transform(operation: &mut Operation) -> Result<&mut dyn Transform> {
    match operation {
        Operation::Transform(transform) => Ok(&mut **transform),
        Operation::Check(_) => Err(Code::GeneralError.because("a check without output")),
    }
}

fn check(operation: &mut Operation) -> Result<&mut dyn Check> {
    match operation {
        Operation::Check(check) => Ok(&mut **check),
        Operation::Transform(_) => Err(Code::GeneralError.because("no check")),
    }
}
