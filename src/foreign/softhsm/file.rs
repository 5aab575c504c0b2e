//! A file of SoftHSM2's object store: a generation number, then attributes one after the other,
//! each with its type, the kind of its value and the value. Numbers are 8 bytes, big-endian.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use cryptoki_sys::CK_ATTRIBUTE_TYPE;
use rustix::fs::{FlockOperation, fcntl_lock};
use zeroize::Zeroizing;

use super::Bytes;
use crate::error::{Error, Kind, Result};

/// Longest file that is read: a certificate chain or data object beyond it is none that SoftHSM2
/// was made for.
const FILE_MAX: u64 = 16 << 20;

/// The value of an attribute in a file.
pub(super) enum Value {
    Flag(bool),
    Number(u64),
    Bytes(Bytes),
    /// A template; only whether there is something in it matters here.
    Template {
        empty: bool,
    },
    /// CKA_ALLOWED_MECHANISMS.
    Mechanisms(Vec<u64>),
}

pub(super) type Values = Vec<(CK_ATTRIBUTE_TYPE, Value)>;

pub(super) fn find(values: &Values, name: CK_ATTRIBUTE_TYPE) -> Option<&Value> {
    values.iter().find(|(there, _)| *there == name).map(|(_, value)| value)
}

/// Reads a file, under the lock that SoftHSM2 takes before it writes one.
pub(super) fn read(path: &Path) -> Result<Values> {
    let failed =
        |error| Kind::File.because(format!("cannot read {}", path.display())).caused_by(error);
    let file = File::open(path).map_err(failed)?;
    fcntl_lock(&file, FlockOperation::LockShared).map_err(|error| failed(error.into()))?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(FILE_MAX).read_to_end(&mut bytes).map_err(failed)?;
    parse(&bytes).ok_or_else(|| damaged(path))
}

fn damaged(path: &Path) -> Error {
    Kind::Malformed
        .because(format!("{} is not a file of SoftHSM2 2.x", path.display()))
        .advise("it is damaged, or another program's: nothing was imported")
}

fn parse(bytes: &[u8]) -> Option<Values> {
    let mut rest = bytes;
    number(&mut rest)?;
    let mut values = Vec::new();
    while !rest.is_empty() {
        let name = number(&mut rest)?;
        let kind = number(&mut rest)?;
        values.push((CK_ATTRIBUTE_TYPE::try_from(name).ok()?, value(kind, &mut rest)?));
    }
    Some(values)
}

fn value(kind: u64, rest: &mut &[u8]) -> Option<Value> {
    Some(match kind {
        1 => Value::Flag(take(rest, 1)?[0] != 0),
        2 => Value::Number(number(rest)?),
        3 => Value::Bytes(Zeroizing::new(string(rest)?.to_vec())),
        4 => Value::Template { empty: string(rest)?.is_empty() },
        5 => {
            let count = number(rest)?;
            // Every mechanism takes 8 bytes: no count can be larger than what is left.
            let count = usize::try_from(count).ok().filter(|count| *count <= rest.len() / 8)?;
            Value::Mechanisms((0..count).map(|_| number(rest)).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn string<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    take(rest, length)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    take(rest, 8)?.try_into().ok().map(u64::from_be_bytes)
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let eight = |number: u64| number.to_be_bytes().to_vec();
        let file = written(&[
            &eight(7),
            &[eight(1), eight(1), vec![0xFF]].concat(),
            &[eight(0), eight(2), eight(4)].concat(),
            &[eight(3), eight(3), eight(2), b"ab".to_vec()].concat(),
            &[eight(0x4000_0211), eight(4), eight(0)].concat(),
            &[eight(0x4000_0600), eight(5), eight(1), eight(0x1087)].concat(),
        ]);
        let values = parse(&file).expect("read");
        assert!(matches!(find(&values, 1), Some(Value::Flag(true))));
        assert!(matches!(find(&values, 0), Some(Value::Number(4))));
        assert!(matches!(find(&values, 3), Some(Value::Bytes(text)) if text.as_slice() == b"ab"));
        assert!(matches!(find(&values, 0x4000_0211), Some(Value::Template { empty: true })));
        assert!(
            matches!(find(&values, 0x4000_0600), Some(Value::Mechanisms(list)) if list == &[0x1087])
        );
        for length in 1..file.len() {
            // A cut file is refused, unless it was cut between two attributes.
            if let Some(values) = parse(&file[..length]) {
                assert!([8, 25, 49, 75, 99].contains(&length), "{length}: {}", values.len());
            }
        }
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let eight = |number: u64| number.to_be_bytes().to_vec();
        for kind in [3, 4, 5, 6] {
            let file = [eight(7), eight(3), eight(kind), eight(u64::MAX), vec![0; 64]].concat();
            assert!(parse(&file).is_none(), "kind {kind}");
        }
    }
}
