//! What the tests of secret-key mechanisms share: keys from bytes, operations driven to their end.

use std::sync::Arc;

use crate::backend::{Check, Operation, Transform};
use crate::engine::secret::SecretKey;
use crate::engine::{Lease, Material};
use crate::error::{Code, Result};
use crate::mechanism::{Function, MechanismType, Params, set};
use crate::secret::Secret;

pub fn unhex(digits: &str) -> Vec<u8> {
    hex::decode(digits.replace(' ', "")).expect("vectors are hexadecimal")
}

/// `len` bytes that do not repeat soon.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 251) as u8).collect()
}

pub fn key(value: &[u8]) -> Lease {
    let secret = Arc::new(Secret::copy_of(value));
    Lease::new(Arc::new(Material::Secret(SecretKey::new(secret))))
}

/// Starts an operation through its row.
pub fn start(
    id: MechanismType,
    function: Function,
    key: &Lease,
    params: &Params<'_>,
) -> Result<Operation> {
    set::look_up(id)?.start(function).expect("the row has the function")(key, params)
}

pub fn transform(operation: Operation) -> Box<dyn Transform> {
    match operation {
        Operation::Transform(transform) => transform,
        Operation::Check(_) => panic!("a transform is expected"),
    }
}

pub fn check(operation: Operation) -> Box<dyn Check> {
    match operation {
        Operation::Check(check) => check,
        Operation::Transform(_) => panic!("a check is expected"),
    }
}

/// The one-shot call, in a buffer of exactly the size that was answered.
pub fn once(operation: Operation, input: &[u8]) -> Result<Vec<u8>> {
    let mut transform = transform(operation);
    let mut out = vec![0xee; transform.output_size(input.len(), true)?];
    let written = transform.finish(input, &mut out)?;
    out.truncate(written);
    Ok(out)
}

/// Updates with parts of the given sizes, in turn, and the final call.
pub fn parts(operation: Operation, input: &[u8], sizes: &[usize]) -> Result<Vec<u8>> {
    let (mut transform, mut all, mut rest) = (transform(operation), Vec::new(), input);
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (part, tail) = rest.split_at((*size).min(rest.len()));
        let mut out = vec![0xee; transform.output_size(part.len(), false)?];
        let written = transform.update(part, &mut out)?;
        assert_eq!(written, out.len(), "the size of an update is exact");
        all.extend_from_slice(&out);
        rest = tail;
    }
    let mut out = vec![0xee; transform.output_size(0, true)?];
    let written = transform.finish(&[], &mut out)?;
    all.extend_from_slice(&out[..written]);
    Ok(all)
}

/// Part sizes that meet every edge of a block.
pub const SPLITS: [&[usize]; 7] =
    [&[1], &[15], &[16], &[17], &[3, 0, 29], &[33, 1, 15], &[64, 600, 7]];

pub fn code<T>(result: Result<T>) -> Code {
    match result {
        Ok(_) => Code::Ok,
        Err(error) => error.code(),
    }
}
