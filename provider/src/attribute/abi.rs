//! Values between their own types and the bytes of the C interface.

use std::borrow::Cow;
use std::mem::size_of;

use pkcs11_sys::CK_ULONG;

use crate::attribute::rule::Kind;
use crate::attribute::table::kind_of;
use crate::attribute::{AttributeType, Attributes, Raw, Template, Value};
use crate::error::{Code, Result};
use crate::secret::Secret;

/// `CK_UNAVAILABLE_INFORMATION`: every bit set, at whatever width `CK_ULONG` has.
pub const UNAVAILABLE: u64 = u64::MAX;

/// Reads the value of an attribute.
///
/// # Errors
/// AttributeValueInvalid for a length or content that `kind` does not take: a Boolean other than
/// 0 and 1, a date that is none. In a nested template also AttributeTypeInvalid for an attribute
/// of no class, TemplateInconsistent for one that is there twice or nests further.
pub fn read(id: AttributeType, kind: Kind, raw: &Raw<'_>) -> Result<Value> {
    let bytes = match raw {
        Raw::Template(template) if kind == Kind::Template => return nested(template),
        Raw::Template(_) => return Err(invalid(id, "an array of attributes")),
        Raw::Bytes(bytes) => *bytes,
    };
    let value = match kind {
        Kind::Bool => boolean(bytes),
        Kind::Number => number(bytes).map(Value::Number),
        Kind::Bytes => Some(Value::bytes(bytes)),
        Kind::Secret => Some(Value::secret(Secret::copy_of(bytes))),
        Kind::Date => is_date(bytes).then(|| Value::bytes(bytes)),
        Kind::Mechanisms => numbers(bytes),
        Kind::Template => bytes.is_empty().then(|| Value::Template(Default::default())),
    };
    value.ok_or_else(|| invalid(id, &format!("a value of {} bytes", bytes.len())))
}

/// The value as `C_GetAttributeValue` returns it; `None` for a nested template, whose memory the
/// C interface has to lay out.
pub fn written(value: &Value) -> Option<Cow<'_, [u8]>> {
    Some(match value {
        Value::Bool(value) => Cow::Borrowed(if *value { &[1] } else { &[0] }),
        Value::Number(number) => Cow::Owned((*number as CK_ULONG).to_ne_bytes().into()),
        Value::Bytes(bytes) => Cow::Borrowed(bytes),
        Value::Secret(secret) => Cow::Borrowed(secret.expose()),
        Value::Mechanisms(list) => {
            Cow::Owned(list.iter().flat_map(|id| (*id as CK_ULONG).to_ne_bytes()).collect())
        }
        Value::Template(_) => return None,
    })
}

/// A `CK_ULONG`; `CK_UNAVAILABLE_INFORMATION` becomes [`UNAVAILABLE`] at any width.
#[allow(clippy::unnecessary_cast, reason = "CK_ULONG has 32 bits on some platforms")]
pub fn number(bytes: &[u8]) -> Option<u64> {
    match CK_ULONG::from_ne_bytes(bytes.try_into().ok()?) {
        CK_ULONG::MAX => Some(UNAVAILABLE),
        number => Some(number as u64),
    }
}

fn numbers(bytes: &[u8]) -> Option<Value> {
    let list: Option<Vec<u64>> = bytes.chunks(size_of::<CK_ULONG>()).map(number).collect();
    Some(Value::Mechanisms(list?.into()))
}

fn boolean(bytes: &[u8]) -> Option<Value> {
    match bytes {
        [0] => Some(Value::Bool(false)),
        [1] => Some(Value::Bool(true)),
        _ => None,
    }
}

/// `CK_DATE`: empty, or the digits of a year, a month and a day that exists.
fn is_date(bytes: &[u8]) -> bool {
    if bytes.is_empty() {
        return true;
    }
    if bytes.len() != 8 || !bytes.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let part =
        |digits: &[u8]| digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    let (year, month, day) = (part(&bytes[..4]), part(&bytes[4..6]), part(&bytes[6..]));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// The attributes of `CKA_WRAP_TEMPLATE` and its like, of whatever class.
fn nested(template: &Template<'_>) -> Result<Value> {
    template.unique()?;
    let mut attributes = Attributes::new();
    for entry in &template.entries {
        let kind = kind_of(entry.id).ok_or_else(|| {
            Code::AttributeTypeInvalid.because(format!("{:?} in a nested template", entry.id))
        })?;
        if kind == Kind::Template {
            return Err(Code::TemplateInconsistent
                .because(format!("{:?} inside a nested template", entry.id)));
        }
        attributes.set(entry.id, read(entry.id, kind, &entry.value)?);
    }
    Ok(Value::Template(attributes.into()))
}

fn invalid(id: AttributeType, what: &str) -> crate::error::Error {
    Code::AttributeValueInvalid.because(format!("{id:?} does not take {what}"))
}
