//! C_GetAttributeValue: what an object has and gives.

use std::mem::size_of;
use std::ptr;

use pkcs11_sys::{CK_ATTRIBUTE, CK_OBJECT_HANDLE, CK_ULONG};
use zeroize::Zeroizing;

use super::InnerSession;
use super::rows;
use super::slots::wide;
use crate::attribute::rule::Kind;
use crate::attribute::table::kind_of;
use crate::attribute::{AttributeType, Attributes, Value};
use crate::error::{Code, Error, Result};

/// `CK_UNAVAILABLE_INFORMATION` as a length.
const UNAVAILABLE: CK_ULONG = CK_ULONG::MAX;
/// The length of a row before it is asked for: a module that gives up half-way leaves it. An
/// attribute that is really so long is asked for once more, which does no harm.
const UNTOUCHED: CK_ULONG = 0x5eed;
/// No attribute is longer, in bytes.
const LONGEST: usize = 1 << 24;

/// Whether every row was answered, or some may not have been.
#[derive(PartialEq, Eq)]
enum Asked {
    All,
    Some,
}

impl InnerSession {
    /// The values of those of `wanted` that the object has and gives; sensitive and unknown ones
    /// are left out, and so is what is no value of its kind. Two calls for any number of
    /// attributes; one by one where a module refuses the lot.
    ///
    /// # Errors
    /// What C_GetAttributeValue answers, if it says nothing of single attributes.
    pub fn read(&self, object: u64, wanted: &[AttributeType]) -> Result<Attributes> {
        let mut attributes = Attributes::new();
        let (arrays, plain): (Vec<_>, Vec<_>) = self
            .sizes(object, wanted)?
            .into_iter()
            .partition(|(id, size)| kind_of(*id) == Some(Kind::Template) && *size > 0);
        for (id, bytes) in self.values(object, plain)? {
            if let Some(value) = rows::value(id, &bytes) {
                attributes.set(id, value);
            }
        }
        for (id, size) in arrays {
            if let Some(template) = self.template(object, id, size)? {
                attributes.set(id, Value::Template(template.into()));
            }
        }
        Ok(attributes)
    }

    /// What there is, with its size in bytes.
    fn sizes(&self, object: u64, wanted: &[AttributeType]) -> Result<Vec<(AttributeType, usize)>> {
        let mut rows: Vec<_> = wanted.iter().map(|id| unasked(*id)).collect();
        // SAFETY: every pointer is NULL.
        let mut refusal = match unsafe { self.ask(object, &mut rows) } {
            Ok(_) => None,
            Err(error) if is_refusal(&error) => {
                rows = wanted.iter().map(|id| unasked(*id)).collect();
                Some(error)
            }
            Err(error) => return Err(error),
        };
        for row in rows.iter_mut().filter(|row| row.ulValueLen == UNTOUCHED) {
            // SAFETY: the pointer is NULL.
            match unsafe { self.ask(object, std::slice::from_mut(row)) } {
                Ok(Asked::All) => {}
                Ok(Asked::Some) => row.ulValueLen = UNAVAILABLE,
                Err(error) if is_refusal(&error) => {
                    row.ulValueLen = UNAVAILABLE;
                    refusal = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        let there = |row: &CK_ATTRIBUTE| {
            let size = usize::try_from(row.ulValueLen).ok().filter(|size| *size <= LONGEST)?;
            Some((AttributeType(wide(row.type_)), size))
        };
        let sizes: Vec<_> = rows.iter().filter_map(there).collect();
        match refusal {
            Some(error) if sizes.is_empty() => Err(error),
            _ => Ok(sizes),
        }
    }

    /// The values of attributes whose sizes are known; what is refused now is left out.
    fn values(
        &self,
        object: u64,
        sizes: Vec<(AttributeType, usize)>,
    ) -> Result<Vec<(AttributeType, Zeroizing<Vec<u8>>)>> {
        let mut buffers: Vec<_> =
            sizes.into_iter().map(|(id, size)| (id, Zeroizing::new(vec![0; size]))).collect();
        let mut rows: Vec<_> = buffers.iter_mut().map(|(id, buffer)| row(*id, buffer)).collect();
        // SAFETY: each row has a buffer of its own, as long as it says.
        let all = match unsafe { self.ask(object, &mut rows) } {
            Ok(asked) => asked == Asked::All,
            Err(error) if is_refusal(&error) => false,
            Err(error) => return Err(error),
        };
        let mut values = Vec::with_capacity(buffers.len());
        for ((id, mut buffer), mut answer) in buffers.into_iter().zip(rows) {
            if !all {
                answer = row(id, &mut buffer);
                // SAFETY: the row has this buffer, as long as it says.
                match unsafe { self.ask(object, std::slice::from_mut(&mut answer)) } {
                    Ok(Asked::All) => {}
                    Ok(Asked::Some) => continue,
                    Err(error) if is_refusal(&error) => continue,
                    Err(error) => return Err(error),
                }
            }
            if answer.ulValueLen as usize <= buffer.len() {
                buffer.truncate(answer.ulValueLen as usize);
                values.push((id, buffer));
            }
        }
        Ok(values)
    }

    /// An array of attributes: its types and lengths first, their values then. `None` if the
    /// module does not give them.
    fn template(&self, object: u64, id: AttributeType, size: usize) -> Result<Option<Attributes>> {
        let mut nested = vec![unasked(AttributeType(0)); size.div_ceil(size_of::<CK_ATTRIBUTE>())];
        for entry in &mut nested {
            entry.ulValueLen = 0;
        }
        // SAFETY: the pointers are NULL.
        if unsafe { self.ask_nested(object, id, &mut nested)? } != Asked::All
            || nested.iter().any(|entry| entry.ulValueLen as usize > LONGEST)
        {
            return Ok(None);
        }
        let mut buffers: Vec<Zeroizing<Vec<u8>>> =
            nested.iter().map(|entry| Zeroizing::new(vec![0; entry.ulValueLen as usize])).collect();
        for (entry, buffer) in nested.iter_mut().zip(&mut buffers) {
            entry.pValue = buffer.as_mut_ptr().cast();
        }
        // SAFETY: each entry has a buffer of its own, as long as it says.
        if unsafe { self.ask_nested(object, id, &mut nested)? } != Asked::All {
            return Ok(None);
        }
        // Modules that know no arrays keep the bytes that they were given, pointers and all.
        let filled = |(entry, buffer): (&CK_ATTRIBUTE, &Zeroizing<Vec<u8>>)| {
            ptr::eq(entry.pValue.cast(), buffer.as_ptr())
        };
        if !nested.iter().zip(&buffers).all(filled) {
            return Ok(None);
        }
        let value = |(entry, buffer): (&CK_ATTRIBUTE, &Zeroizing<Vec<u8>>)| {
            let id = AttributeType(wide(entry.type_));
            let bytes = buffer.get(..entry.ulValueLen as usize)?;
            Some((id, rows::value(id, bytes)?))
        };
        Ok(nested.iter().zip(&buffers).map(value).collect())
    }

    /// # Safety
    /// As [`ask`](Self::ask), for the entries of the array.
    unsafe fn ask_nested(
        &self,
        object: u64,
        id: AttributeType,
        nested: &mut [CK_ATTRIBUTE],
    ) -> Result<Asked> {
        let mut outer = CK_ATTRIBUTE {
            type_: id.0 as CK_ULONG,
            pValue: nested.as_mut_ptr().cast(),
            ulValueLen: size_of_val(nested) as CK_ULONG,
        };
        // SAFETY: the row points to the array; the caller's promise for its entries.
        match unsafe { self.ask(object, std::slice::from_mut(&mut outer)) } {
            Err(error) if is_refusal(&error) => Ok(Asked::Some),
            asked => asked,
        }
    }

    /// One call.
    ///
    /// # Safety
    /// The pointer of each row is NULL or has room for as many bytes as the row's length says, and
    /// so have those of the arrays that rows point to.
    unsafe fn ask(&self, object: u64, rows: &mut [CK_ATTRIBUTE]) -> Result<Asked> {
        if rows.is_empty() {
            return Ok(Asked::All);
        }
        let function = self.library().list().C_GetAttributeValue;
        let answer = self.call("C_GetAttributeValue", function, |function, session| {
            let count = rows.len() as CK_ULONG;
            // SAFETY: the module's own function; the caller's promise for the rows.
            unsafe { function(session, object as CK_OBJECT_HANDLE, rows.as_mut_ptr(), count) }
        });
        match answer {
            Ok(()) => Ok(Asked::All),
            Err(error) if says_something_of_single_ones(&error) => Ok(Asked::Some),
            Err(error) => Err(error),
        }
    }
}

fn unasked(id: AttributeType) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE { type_: id.0 as CK_ULONG, pValue: ptr::null_mut(), ulValueLen: UNTOUCHED }
}

fn row(id: AttributeType, buffer: &mut [u8]) -> CK_ATTRIBUTE {
    CK_ATTRIBUTE {
        type_: id.0 as CK_ULONG,
        pValue: buffer.as_mut_ptr().cast(),
        ulValueLen: buffer.len() as CK_ULONG,
    }
}

/// The "acceptable" codes of C_GetAttributeValue: the other rows are answered all the same.
fn says_something_of_single_ones(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::AttributeSensitive | Code::AttributeTypeInvalid | Code::BufferTooSmall
    )
}

/// What modules answer that should have said it of one attribute.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::AttributeValueInvalid
            | Code::ArgumentsBad
            | Code::TemplateInconsistent
            | Code::ActionProhibited
            | Code::InformationSensitive
            | Code::FunctionFailed
            | Code::GeneralError
    )
}
