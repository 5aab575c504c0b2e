//! Templates of the application: reading them, and answering C_GetAttributeValue into them.

use std::mem::size_of;

use pkcs11_sys::{CK_ATTRIBUTE, CK_ULONG};

use crate::attribute::rule::Kind;
use crate::attribute::table::kind_of;
use crate::attribute::{AttributeType, Attributes, Entry, Raw, Template, Value, abi};
use crate::error::{Code, Context, Error, Result};
use crate::ffi::transfer;
use crate::object::readable;

/// `CK_UNAVAILABLE_INFORMATION` as a length.
const UNAVAILABLE: CK_ULONG = CK_ULONG::MAX;
/// More attributes than any object has: a count beyond it is a mistake, not a template.
const MOST_ATTRIBUTES: CK_ULONG = 1 << 16;

/// # Safety
/// `attributes` is NULL or readable for `count` entries during `'a`, and so is the value of each,
/// as the standard requires of the application.
///
/// # Errors
/// ArgumentsBad for NULL with a count, AttributeValueInvalid for NULL with a length.
pub(crate) unsafe fn read<'a>(
    attributes: *const CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<Template<'a>> {
    // SAFETY: the caller's promise.
    let template = unsafe { read_level(attributes, count, 0) }?;
    require_memory(&template)?;
    Ok(template)
}

/// A template with values of so many bytes is looked at before it is copied.
const LARGE: usize = 1 << 20;
/// How often a value lies in memory on its way into the store: as an attribute, encoded, sealed, in
/// the database's page cache, and once more in each of two of them while it is copied.
const COPIES: usize = 6;

/// An allocation that fails ends the process of the application. What small objects need is
/// nothing that could be asked for beforehand; for a large one there is memory or there is not.
///
/// # Errors
/// HostMemory.
fn require_memory(template: &Template<'_>) -> Result<()> {
    let sizes = template.entries.iter().map(|entry| match &entry.value {
        Raw::Bytes(bytes) => bytes.len(),
        Raw::Template(_) => 0,
    });
    let needed = sizes.fold(0, usize::saturating_add);
    if needed < LARGE {
        return Ok(());
    }
    let mut room = Vec::<u8>::new();
    let asked = room.try_reserve_exact(needed.saturating_mul(COPIES));
    // Else the compiler may leave out an allocation that nobody uses.
    std::hint::black_box(&room);
    let story = format!(
        "no memory for an object of {} MiB: raise the limit with `ulimit -v` or LimitAS=",
        needed >> 20
    );
    asked.or_code(Code::HostMemory, story)
}

/// # Safety
/// As [`read`].
unsafe fn read_level<'a>(
    attributes: *const CK_ATTRIBUTE,
    count: CK_ULONG,
    depth: u8,
) -> Result<Template<'a>> {
    check(attributes, count)?;
    let mut entries = Vec::with_capacity(count as usize);
    for i in 0..count as usize {
        // SAFETY: within `count` entries, which the caller promised; applications misalign them.
        let raw = unsafe { attributes.add(i).read_unaligned() };
        let id = attribute_type(&raw);
        let bad = |e: Error| e.with_code(Code::AttributeValueInvalid);
        let value = if kind_of(id) == Some(Kind::Template) && depth == 0 {
            if !(raw.ulValueLen as usize).is_multiple_of(size_of::<CK_ATTRIBUTE>()) {
                return Err(Code::AttributeValueInvalid
                    .because(format!("{id:?} is not a whole number of attributes")));
            }
            let nested = raw.ulValueLen / size_of::<CK_ATTRIBUTE>() as CK_ULONG;
            // SAFETY: the caller's promise for the value of this entry.
            Raw::Template(unsafe { read_level(raw.pValue.cast(), nested, depth + 1) }.map_err(bad)?)
        } else {
            // SAFETY: the caller's promise for the value of this entry.
            let bytes = unsafe { transfer::bytes(raw.pValue.cast(), raw.ulValueLen, "pValue") };
            Raw::Bytes(bytes.map_err(bad)?)
        };
        entries.push(Entry { id, value });
    }
    Ok(Template { entries })
}

/// C_GetAttributeValue: fills every entry that it can, marks the others as unavailable, and
/// answers one of the errors.
///
/// # Safety
/// `attributes` is NULL or readable and writable for `count` entries; each `pValue` is NULL or
/// writable for `ulValueLen` bytes.
///
/// # Errors
/// ArgumentsBad, AttributeSensitive, AttributeTypeInvalid, BufferTooSmall.
pub(crate) unsafe fn answer(
    object: &Attributes,
    attributes: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
) -> Result<()> {
    check(attributes, count)?;
    let mut verdict = Ok(());
    for i in 0..count as usize {
        // SAFETY: within `count` entries, which the caller promised.
        let entry = unsafe { attributes.add(i) };
        // SAFETY: as above; applications misalign them.
        let mut raw = unsafe { entry.read_unaligned() };
        // SAFETY: the caller's promise for the value of this entry.
        let answered = readable(object, attribute_type(&raw))
            .and_then(|value| unsafe { fill(&mut raw, value) });
        if let Err(e) = answered {
            raw.ulValueLen = UNAVAILABLE;
            verdict = Err(e);
        }
        // SAFETY: as above.
        unsafe { entry.write_unaligned(raw) };
    }
    verdict
}

/// # Safety
/// `raw.pValue` is NULL or writable for `raw.ulValueLen` bytes.
unsafe fn fill(raw: &mut CK_ATTRIBUTE, value: &Value) -> Result<()> {
    if let Value::Template(template) = value {
        // SAFETY: the caller's promise.
        return unsafe { fill_nested(raw, template) };
    }
    let bytes = abi::written(value).expect("only a template has no bytes, and it went above");
    if !raw.pValue.is_null() {
        if raw.ulValueLen == UNAVAILABLE || (raw.ulValueLen as usize) < bytes.len() {
            return Err(too_small(raw, bytes.len()));
        }
        // SAFETY: not NULL, and writable for at least as many bytes.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), raw.pValue.cast::<u8>(), bytes.len());
        }
    }
    raw.ulValueLen = bytes.len() as CK_ULONG;
    Ok(())
}

/// The value of `CKA_WRAP_TEMPLATE` and its like: an array of attributes whose own buffers the
/// application brings in a second call.
///
/// # Safety
/// As [`fill`]; the array's own `pValue`s are NULL or writable likewise.
unsafe fn fill_nested(raw: &mut CK_ATTRIBUTE, template: &Attributes) -> Result<()> {
    let size = template.len() * size_of::<CK_ATTRIBUTE>();
    if !raw.pValue.is_null() {
        if raw.ulValueLen == UNAVAILABLE || (raw.ulValueLen as usize) < size {
            return Err(too_small(raw, size));
        }
        let array = raw.pValue.cast::<CK_ATTRIBUTE>();
        for (i, (id, value)) in template.iter().enumerate() {
            // SAFETY: the array has room for every entry of the template.
            unsafe {
                let mut inner = array.add(i).read_unaligned();
                inner.type_ = id.0 as CK_ULONG;
                fill(&mut inner, value)?;
                array.add(i).write_unaligned(inner);
            }
        }
    }
    raw.ulValueLen = size as CK_ULONG;
    Ok(())
}

#[cold]
fn too_small(raw: &CK_ATTRIBUTE, needed: usize) -> Error {
    Code::BufferTooSmall.because(format!(
        "{:?} needs {needed} bytes, the buffer has {}",
        attribute_type(raw),
        raw.ulValueLen
    ))
}

fn check(attributes: *const CK_ATTRIBUTE, count: CK_ULONG) -> Result<()> {
    if count > MOST_ATTRIBUTES {
        return Err(Code::ArgumentsBad.because(format!("a template of {count:#x} attributes")));
    }
    match attributes.is_null() && count > 0 {
        true => Err(Code::ArgumentsBad.because("pTemplate is NULL with a count")),
        false => Ok(()),
    }
}

#[allow(clippy::useless_conversion)] // CK_ULONG has 32 bits on some platforms
fn attribute_type(raw: &CK_ATTRIBUTE) -> AttributeType {
    AttributeType(u64::from(raw.type_))
}
