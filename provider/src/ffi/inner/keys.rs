//! Keys of an inner token: made, wrapped, unwrapped, derived.

use std::ptr;

use pkcs11_sys::{CK_OBJECT_HANDLE, CK_ULONG};

use super::InnerSession;
use super::operation::written;
use super::params::{Call, Further};
use super::rows::Rows;
use super::slots::wide;
use crate::attribute::Attributes;
use crate::error::{Code, Result};

impl InnerSession {
    /// C_GenerateKey.
    ///
    /// # Errors
    /// What the module answers.
    pub fn generate(&self, mechanism: &Call<'_>, attributes: &Attributes) -> Result<u64> {
        let mut rows = Rows::new(attributes);
        let mut handle = 0;
        let function = self.library().list().C_GenerateKey;
        mechanism.with(|mechanism| {
            self.call("C_GenerateKey", function, |function, session| {
                // SAFETY: the module's own function; mechanism and template outlive the call.
                unsafe {
                    function(session, mechanism, rows.pointer(), rows.count(), &raw mut handle)
                }
            })
        })?;
        Ok(wide(handle))
    }

    /// C_GenerateKeyPair: the public and the private half.
    ///
    /// # Errors
    /// What the module answers.
    pub fn generate_pair(
        &self,
        mechanism: &Call<'_>,
        public: &Attributes,
        private: &Attributes,
    ) -> Result<(u64, u64)> {
        let (mut public, mut private) = (Rows::new(public), Rows::new(private));
        let mut handles = (0, 0);
        let function = self.library().list().C_GenerateKeyPair;
        mechanism.with(|mechanism| {
            self.call("C_GenerateKeyPair", function, |function, session| {
                // SAFETY: the module's own function; mechanism and templates outlive the call.
                unsafe {
                    function(
                        session,
                        mechanism,
                        public.pointer(),
                        public.count(),
                        private.pointer(),
                        private.count(),
                        &raw mut handles.0,
                        &raw mut handles.1,
                    )
                }
            })
        })?;
        Ok((wide(handles.0), wide(handles.1)))
    }

    /// C_WrapKey: the module is asked for the length first.
    ///
    /// # Errors
    /// What the module answers.
    pub fn wrap(&self, mechanism: &Call<'_>, with: u64, what: u64) -> Result<Vec<u8>> {
        let (with, what) = (with as CK_OBJECT_HANDLE, what as CK_OBJECT_HANDLE);
        let function = self.library().list().C_WrapKey;
        mechanism.with(|mechanism| {
            let mut len: CK_ULONG = 0;
            self.call("C_WrapKey", function, |function, session| {
                let (nothing, len) = (ptr::null_mut(), &raw mut len);
                // SAFETY: the module's own function; NULL asks for the length only.
                unsafe { function(session, &raw mut *mechanism, with, what, nothing, len) }
            })?;
            let mut wrapped = vec![0; len as usize];
            self.call("C_WrapKey", function, |function, session| {
                let (room, len) = (wrapped.as_mut_ptr(), &raw mut len);
                // SAFETY: the module's own function, with room for as many bytes as `len` says.
                unsafe { function(session, &raw mut *mechanism, with, what, room, len) }
            })?;
            wrapped.truncate(written(self, "C_WrapKey", len, wrapped.len())?);
            Ok(wrapped)
        })
    }

    /// C_UnwrapKey.
    ///
    /// # Errors
    /// What the module answers.
    pub fn unwrap(
        &self,
        mechanism: &Call<'_>,
        with: u64,
        wrapped: &[u8],
        attributes: &Attributes,
    ) -> Result<u64> {
        let mut rows = Rows::new(attributes);
        let mut handle = 0;
        let function = self.library().list().C_UnwrapKey;
        mechanism.with(|mechanism| {
            self.call("C_UnwrapKey", function, |function, session| {
                // SAFETY: the module's own function; mechanism, wrapped key and template outlive
                // the call.
                unsafe {
                    function(
                        session,
                        mechanism,
                        with as CK_OBJECT_HANDLE,
                        wrapped.as_ptr().cast_mut(),
                        wrapped.len() as CK_ULONG,
                        rows.pointer(),
                        rows.count(),
                        &raw mut handle,
                    )
                }
            })
        })?;
        Ok(wide(handle))
    }

    /// C_DeriveKey, for one key.
    ///
    /// # Errors
    /// What the module answers.
    pub fn derive(&self, mechanism: &Call<'_>, from: u64, attributes: &Attributes) -> Result<u64> {
        if mechanism.params.say_where_handles_go() {
            return Err(Code::MechanismParamInvalid
                .because(format!("{:?} derives several keys", mechanism.id)));
        }
        let handles = self.derive_all(mechanism, from, std::slice::from_ref(attributes))?;
        Ok(handles[0])
    }

    /// C_DeriveKey, for the keys that are wanted, in their order: that of the call and those that
    /// the parameters of SP 800-108 add; of the keys of TLS, which have one template, those that
    /// the parameters ask for (MAC keys, cipher keys, the client's first). What parameters give
    /// back beside keys (IVs, the version of a pre-master secret) is written to where they say.
    ///
    /// # Errors
    /// ArgumentsBad for no wanted key; what the module answers.
    pub fn derive_all(
        &self,
        mechanism: &Call<'_>,
        from: u64,
        wanted: &[Attributes],
    ) -> Result<Vec<u64>> {
        let Some((first, rest)) = wanted.split_first() else {
            return Err(Code::ArgumentsBad.because("no key to derive"));
        };
        let mut rows = Rows::new(first);
        let mut handle = 0;
        let mut further = Further::new(rest);
        let function = self.library().list().C_DeriveKey;
        mechanism.with_further(&mut further, |mechanism, one_key| {
            self.call("C_DeriveKey", function, |function, session| {
                let place = if one_key { &raw mut handle } else { ptr::null_mut() };
                let from = from as CK_OBJECT_HANDLE;
                // SAFETY: the module's own function; mechanism and templates outlive the call.
                unsafe { function(session, mechanism, from, rows.pointer(), rows.count(), place) }
            })
        })?;
        let own = (!mechanism.params.say_where_handles_go()).then_some(handle);
        Ok(own.into_iter().chain(further.handles).map(wide).collect())
    }
}
