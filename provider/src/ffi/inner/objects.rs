//! Objects of an inner token: found, made, copied, changed, destroyed.

use pkcs11_sys::{CK_OBJECT_HANDLE, CK_ULONG};

use super::InnerSession;
use super::rows::Rows;
use super::slots::wide;
use crate::attribute::Attributes;
use crate::error::{Code, Result};

/// So many handles are fetched at a time.
const BATCH: usize = 512;

impl InnerSession {
    /// The handles of the objects that match, as far as this session sees them.
    ///
    /// # Errors
    /// What C_FindObjectsInit, C_FindObjects and C_FindObjectsFinal answer.
    pub fn find(&self, query: &Attributes) -> Result<Vec<u64>> {
        let mut rows = Rows::new(query);
        let list = self.library().list();
        self.call("C_FindObjectsInit", list.C_FindObjectsInit, |function, session| {
            // SAFETY: the module's own function; the template outlives the call.
            unsafe { function(session, rows.pointer(), rows.count()) }
        })?;
        let found = self.found();
        let ended =
            self.call("C_FindObjectsFinal", list.C_FindObjectsFinal, |function, session| {
                // SAFETY: the module's own function.
                unsafe { function(session) }
            });
        let found = found?;
        ended.map(|()| found)
    }

    /// Everything that a search that has begun still finds.
    fn found(&self) -> Result<Vec<u64>> {
        let mut found = Vec::new();
        let mut batch: [CK_OBJECT_HANDLE; BATCH] = [0; BATCH];
        loop {
            let mut count: CK_ULONG = 0;
            let function = self.library().list().C_FindObjects;
            self.call("C_FindObjects", function, |function, session| {
                // SAFETY: the module's own function, with room for as many handles as it is told.
                unsafe { function(session, batch.as_mut_ptr(), BATCH as CK_ULONG, &raw mut count) }
            })?;
            match batch.get(..count as usize) {
                Some([]) => return Ok(found),
                Some(some) => found.extend(some.iter().copied().map(wide)),
                None => {
                    return Err(Code::DeviceError.because(format!(
                        "{}: C_FindObjects counts {count} objects of {BATCH}",
                        self.library().path().display()
                    )));
                }
            }
        }
    }

    /// C_CreateObject.
    ///
    /// # Errors
    /// What the module answers.
    pub fn create(&self, attributes: &Attributes) -> Result<u64> {
        let mut rows = Rows::new(attributes);
        let mut handle = 0;
        let function = self.library().list().C_CreateObject;
        self.call("C_CreateObject", function, |function, session| {
            // SAFETY: the module's own function; the template outlives the call.
            unsafe { function(session, rows.pointer(), rows.count(), &raw mut handle) }
        })?;
        Ok(wide(handle))
    }

    /// C_CopyObject, with other values for `attributes`.
    ///
    /// # Errors
    /// What the module answers.
    pub fn copy(&self, object: u64, attributes: &Attributes) -> Result<u64> {
        let mut rows = Rows::new(attributes);
        let mut handle = 0;
        let function = self.library().list().C_CopyObject;
        self.call("C_CopyObject", function, |function, session| {
            let object = object as CK_OBJECT_HANDLE;
            // SAFETY: the module's own function; the template outlives the call.
            unsafe { function(session, object, rows.pointer(), rows.count(), &raw mut handle) }
        })?;
        Ok(wide(handle))
    }

    /// C_SetAttributeValue.
    ///
    /// # Errors
    /// What the module answers.
    pub fn change(&self, object: u64, attributes: &Attributes) -> Result<()> {
        let mut rows = Rows::new(attributes);
        let function = self.library().list().C_SetAttributeValue;
        self.call("C_SetAttributeValue", function, |function, session| {
            // SAFETY: the module's own function; the template outlives the call.
            unsafe { function(session, object as CK_OBJECT_HANDLE, rows.pointer(), rows.count()) }
        })
    }

    /// C_DestroyObject.
    ///
    /// # Errors
    /// What the module answers.
    pub fn destroy(&self, object: u64) -> Result<()> {
        let function = self.library().list().C_DestroyObject;
        self.call("C_DestroyObject", function, |function, session| {
            // SAFETY: the module's own function.
            unsafe { function(session, object as CK_OBJECT_HANDLE) }
        })
    }
}
