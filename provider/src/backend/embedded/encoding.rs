//! Attributes as bytes: type, kind, length, value, the same on every machine (`docs/store-format.md`).

use crate::attribute::{AttributeType, Attributes, Value};
use crate::error::{Code, Result};
use crate::secret::Secret;

/// The first byte: what follows is laid out as below.
const LAYOUT: u8 = 1;
/// Templates inside templates: the specification knows one level, a damaged record could claim any.
const DEPTH: u8 = 4;

const BOOL: u8 = 0;
const NUMBER: u8 = 1;
const BYTES: u8 = 2;
const SECRET: u8 = 3;
const MECHANISMS: u8 = 4;
const TEMPLATE: u8 = 5;

/// Bytes before each value: type, kind, length.
const HEADER: usize = 8 + 1 + 4;

/// The attributes as bytes, in memory fit for the secrets among them.
pub(super) fn encode(attributes: &Attributes) -> Secret {
    Secret::with(1 + size(attributes), |room| {
        let mut writer = Writer { room, at: 0 };
        writer.put(&[LAYOUT]);
        writer.attributes(attributes);
    })
}

/// Undoes [`encode`].
///
/// # Errors
/// DeviceError for bytes that no version of this module wrote.
pub(super) fn decode(bytes: &[u8]) -> Result<Attributes> {
    match bytes.split_first() {
        Some((&LAYOUT, rest)) => attributes(rest, DEPTH),
        Some((other, _)) => Err(Code::DeviceError
            .because(format!("attributes in layout {other}, written by a newer Keyway"))),
        None => Err(damaged()),
    }
}

fn size(attributes: &Attributes) -> usize {
    attributes.iter().map(|(_, value)| HEADER + length(value)).sum()
}

fn length(value: &Value) -> usize {
    match value {
        Value::Bool(_) => 1,
        Value::Number(_) => 8,
        Value::Bytes(bytes) => bytes.len(),
        Value::Secret(secret) => secret.len(),
        Value::Mechanisms(list) => 8 * list.len(),
        Value::Template(template) => size(template),
    }
}

/// Fills memory whose size was computed before, so that no secret is copied by growing.
struct Writer<'a> {
    room: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn attributes(&mut self, attributes: &Attributes) {
        for (id, value) in attributes.iter() {
            self.put(&id.0.to_be_bytes());
            self.put(&[kind(value)]);
            self.put(&(length(value) as u32).to_be_bytes());
            match value {
                Value::Bool(value) => self.put(&[u8::from(*value)]),
                Value::Number(number) => self.put(&number.to_be_bytes()),
                Value::Bytes(bytes) => self.put(bytes),
                Value::Secret(secret) => self.put(secret.expose()),
                Value::Mechanisms(list) => list.iter().for_each(|id| self.put(&id.to_be_bytes())),
                Value::Template(template) => self.attributes(template),
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.room[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
    }
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Bool(_) => BOOL,
        Value::Number(_) => NUMBER,
        Value::Bytes(_) => BYTES,
        Value::Secret(_) => SECRET,
        Value::Mechanisms(_) => MECHANISMS,
        Value::Template(_) => TEMPLATE,
    }
}

fn attributes(mut bytes: &[u8], depth: u8) -> Result<Attributes> {
    let mut attributes = Attributes::new();
    while !bytes.is_empty() {
        let (id, rest) = bytes.split_first_chunk().ok_or_else(damaged)?;
        let (&[kind], rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (length, rest) = rest.split_first_chunk().ok_or_else(damaged)?;
        let (body, rest) =
            rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(damaged)?;
        attributes.set(AttributeType(u64::from_be_bytes(*id)), value(kind, body, depth)?);
        bytes = rest;
    }
    Ok(attributes)
}

fn value(kind: u8, body: &[u8], depth: u8) -> Result<Value> {
    Ok(match (kind, body) {
        (BOOL, [value @ (0 | 1)]) => Value::Bool(*value == 1),
        (NUMBER, _) => Value::Number(number(body)?),
        (BYTES, _) => Value::bytes(body),
        (SECRET, _) => Value::secret(Secret::copy_of(body)),
        (MECHANISMS, _) if body.len().is_multiple_of(8) => {
            let list: Result<Vec<u64>> = body.chunks(8).map(number).collect();
            Value::Mechanisms(list?.into())
        }
        (TEMPLATE, _) if depth > 0 => Value::Template(attributes(body, depth - 1)?.into()),
        _ => return Err(damaged()),
    })
}

fn number(body: &[u8]) -> Result<u64> {
    body.try_into().map(u64::from_be_bytes).map_err(|_| damaged())
}

fn damaged() -> crate::error::Error {
    Code::DeviceError.because("the attributes of a record cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Attributes {
        let inner = Attributes::from_iter([(AttributeType::EXTRACTABLE, Value::Bool(false))]);
        Attributes::from_iter([
            (AttributeType::CLASS, Value::Number(4)),
            (AttributeType::TOKEN, Value::Bool(true)),
            (AttributeType::LABEL, Value::bytes(*b"")),
            (AttributeType::VALUE, Value::secret(Secret::copy_of(&[9; 32]))),
            (AttributeType::ALLOWED_MECHANISMS, Value::Mechanisms([1, u64::MAX].into())),
            (AttributeType::WRAP_TEMPLATE, Value::Template(inner.into())),
        ])
    }

    #[test]
    fn every_kind_of_value_comes_back() {
        let decoded = decode(encode(&sample()).expose()).unwrap();
        assert_eq!(decoded, sample());
        assert!(matches!(decoded.find(AttributeType::VALUE), Some(Value::Secret(_))));
    }

    #[test]
    fn numbers_are_big_endian_and_eight_bytes_wide() {
        let one = Attributes::from_iter([(AttributeType::CLASS, Value::Number(4))]);
        let mut expected = vec![1, 0, 0, 0, 0, 0, 0, 0, 0, NUMBER, 0, 0, 0, 8];
        expected.extend([0, 0, 0, 0, 0, 0, 0, 4]);
        assert_eq!(encode(&one).expose(), expected);
    }

    #[test]
    fn no_prefix_of_a_record_is_read_as_more_than_it_holds() {
        let whole = encode(&sample());
        for end in 0..whole.len() {
            if let Ok(read) = decode(&whole.expose()[..end]) {
                assert!(read.len() < sample().len());
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [&[][..], &[2], &[1, 0], &[1, 0, 0, 0, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0]] {
            assert_eq!(decode(bytes).unwrap_err().code(), Code::DeviceError);
        }
    }
}
