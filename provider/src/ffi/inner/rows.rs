//! Attributes as arrays of the C interface, and values back from them.

use std::borrow::Cow;
use std::ptr;

use pkcs11_sys::{CK_ATTRIBUTE, CK_ATTRIBUTE_PTR, CK_ULONG};

use crate::attribute::rule::Kind;
use crate::attribute::table::kind_of;
use crate::attribute::{AttributeType, Attributes, Raw, Value, abi};

/// A `CK_ATTRIBUTE` array and the memory that it points to; secrets stay where they are.
pub(super) struct Rows<'a> {
    rows: Vec<CK_ATTRIBUTE>,
    _bytes: Vec<Cow<'a, [u8]>>,
    _nested: Vec<Rows<'a>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(attributes: &'a Attributes) -> Self {
        let mut rows = Vec::with_capacity(attributes.len());
        let (mut all_bytes, mut all_nested) = (Vec::new(), Vec::new());
        for (id, value) in attributes.iter() {
            let (pointer, len) = match value {
                Value::Template(template) => {
                    let mut nested = Rows::new(template);
                    let place = (nested.pointer().cast(), size_of_val(&nested.rows[..]));
                    all_nested.push(nested);
                    place
                }
                value => {
                    let bytes = abi::written(value).expect("only a template has no bytes");
                    // What a moved `Cow` points to stays where it is.
                    let place = (bytes.as_ptr().cast_mut().cast(), bytes.len());
                    all_bytes.push(bytes);
                    place
                }
            };
            rows.push(CK_ATTRIBUTE {
                type_: id.0 as CK_ULONG,
                pValue: pointer,
                ulValueLen: len as CK_ULONG,
            });
        }
        Self { rows, _bytes: all_bytes, _nested: all_nested }
    }

    /// NULL without attributes.
    pub(super) fn pointer(&mut self) -> CK_ATTRIBUTE_PTR {
        match self.rows.is_empty() {
            true => ptr::null_mut(),
            false => self.rows.as_mut_ptr(),
        }
    }

    pub(super) fn count(&self) -> CK_ULONG {
        self.rows.len() as CK_ULONG
    }
}

/// The value of an attribute as a module returned it; `None` for bytes that are no value of its
/// kind. An attribute of no class here keeps its bytes.
pub(super) fn value(id: AttributeType, bytes: &[u8]) -> Option<Value> {
    match (kind_of(id), bytes) {
        (None, bytes) => Some(Value::bytes(bytes)),
        // Old modules write 0xff for true.
        (Some(Kind::Bool), [byte]) => Some(Value::Bool(*byte != 0)),
        (Some(kind), bytes) => abi::read(id, kind, &Raw::Bytes(bytes))
            .inspect_err(|error| log::debug!("not taken from an inner module: {error}"))
            .ok(),
    }
}
