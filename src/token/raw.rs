//! What cryptoki cannot express, on the same module: the mechanism list with the mechanisms that
//! cryptoki does not know, finite-field Diffie-Hellman, ChaCha20-Poly1305, attributes of any type,
//! RSA-AES key wrap. The only `unsafe` of this crate.
//!
//! Every function here takes and gives safe types; the C types stay inside.
#![allow(unsafe_code)]

use std::path::Path;
use std::ptr;

use cryptoki::object::{Attribute, ObjectHandle};
use cryptoki::session::Session;
use cryptoki_sys::{
    CK_ATTRIBUTE, CK_ATTRIBUTE_TYPE, CK_FLAGS, CK_FUNCTION_LIST, CK_HKDF_PARAMS, CK_MECHANISM,
    CK_MECHANISM_INFO, CK_MECHANISM_TYPE, CK_OBJECT_HANDLE, CK_RSA_AES_KEY_WRAP_PARAMS,
    CK_RSA_PKCS_OAEP_PARAMS, CK_RV, CK_SALSA20_CHACHA20_POLY1305_PARAMS, CK_TRUE, CK_ULONG,
    CK_UNAVAILABLE_INFORMATION, CKA_KEY_TYPE, CKF_HKDF_SALT_DATA, CKG_MGF1_SHA1, CKG_MGF1_SHA256,
    CKK_CHACHA20, CKM_CHACHA20_POLY1305, CKM_HKDF_DERIVE, CKM_RSA_AES_KEY_WRAP, CKM_RSA_PKCS_OAEP,
    CKM_SHA_1, CKM_SHA256, CKR_ATTRIBUTE_TYPE_INVALID, CKR_FUNCTION_NOT_SUPPORTED, CKR_OK,
    CKZ_DATA_SPECIFIED,
};
use zeroize::Zeroizing;

use crate::domain::envelope::OaepHash;

/// How C_WrapKey and C_UnwrapKey carry a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// By a mechanism without parameter.
    Bare(CK_MECHANISM_TYPE),
    /// By CKM_RSA_PKCS_OAEP without a label, its mask from the same hash.
    Oaep(OaepHash),
    /// By CKM_RSA_AES_KEY_WRAP with a temporary key of AES-256; its OAEP as above.
    RsaAes(OaepHash),
}

/// The functions of a module. Its library stays loaded as long as this value lives.
pub struct Raw {
    _library: cryptoki_sys::Pkcs11,
    functions: CK_FUNCTION_LIST,
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Raw").finish_non_exhaustive()
    }
}

impl Raw {
    /// The functions of the module at a path that cryptoki has loaded: the loader gives the same
    /// instance again. `None` when it has no C_GetFunctionList.
    pub fn new(path: &Path) -> Option<Self> {
        // SAFETY: the caller loaded the same path through cryptoki already, so its initialisers
        // have run; the library is kept beside every pointer that comes out of it.
        let library = unsafe { cryptoki_sys::Pkcs11::new(path) }.ok()?;
        library.C_GetFunctionList.as_ref().ok()?;
        let mut list = ptr::null_mut();
        // SAFETY: C_GetFunctionList may be called at any time and writes one pointer.
        let answer = unsafe { library.C_GetFunctionList(&mut list) };
        if answer != CKR_OK || list.is_null() {
            return None;
        }
        // SAFETY: PKCS#11 promises a pointer to a function list that lives as long as the
        // library; a list of version 2.40 is the beginning of every later one.
        let functions = unsafe { *list };
        Some(Self { _library: library, functions })
    }

    /// Every mechanism of a slot, by number.
    ///
    /// # Errors
    /// The module's return code.
    pub fn mechanisms(&self, slot: u64) -> Result<Vec<CK_MECHANISM_TYPE>, CK_RV> {
        let function = self.functions.C_GetMechanismList.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        let slot = slot as CK_ULONG;
        let mut count: CK_ULONG = 0;
        // SAFETY: a null list asks for the count, which is written to a valid place.
        ok(unsafe { function(slot, ptr::null_mut(), &mut count) })?;
        let mut list = vec![0; count as usize];
        // SAFETY: the list has room for `count` numbers, and the module is told so.
        ok(unsafe { function(slot, list.as_mut_ptr(), &mut count) })?;
        list.truncate(count as usize);
        Ok(list)
    }

    /// The flags (`CKF_SIGN`, ...) of a mechanism.
    ///
    /// # Errors
    /// The module's return code.
    pub fn mechanism_flags(
        &self,
        slot: u64,
        mechanism: CK_MECHANISM_TYPE,
    ) -> Result<CK_FLAGS, CK_RV> {
        let function = self.functions.C_GetMechanismInfo.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        let mut info = CK_MECHANISM_INFO { ulMinKeySize: 0, ulMaxKeySize: 0, flags: 0 };
        // SAFETY: there is room for what the function writes.
        ok(unsafe { function(slot as CK_ULONG, mechanism, &mut info) })?;
        Ok(info.flags)
    }

    /// C_GenerateKeyPair with a mechanism without parameter.
    ///
    /// # Errors
    /// The module's return code.
    pub fn generate_pair(
        &self,
        session: &Session,
        mechanism: CK_MECHANISM_TYPE,
        public: &[Attribute],
        private: &[Attribute],
    ) -> Result<(), CK_RV> {
        let function = self.functions.C_GenerateKeyPair.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        let mut mechanism =
            CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 };
        let (mut public, mut private) = (attributes(public), attributes(private));
        let (mut public_handle, mut private_handle) = (0, 0);
        // SAFETY: mechanism and both templates outlive the call, with their true lengths; the
        // templates point into the attributes that the caller holds; both handles are valid
        // places; the session is open and used by this thread alone (Session is not Sync).
        ok(unsafe {
            function(
                session.handle(),
                &mut mechanism,
                public.as_mut_ptr(),
                public.len() as CK_ULONG,
                private.as_mut_ptr(),
                private.len() as CK_ULONG,
                &mut public_handle,
                &mut private_handle,
            )
        })
    }

    /// C_CreateObject with attributes of any type; answers the object's handle.
    ///
    /// # Errors
    /// The module's return code.
    pub fn create(
        &self,
        session: &Session,
        template: &[(CK_ATTRIBUTE_TYPE, &[u8])],
    ) -> Result<ObjectHandle, CK_RV> {
        let function = self.functions.C_CreateObject.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        let mut template = pairs(template);
        // SAFETY: the template outlives the call, with its true length, and points into values
        // that the caller holds, which C_CreateObject only reads; the handle is a valid place; the
        // session is open and used by this thread alone.
        made(|handle| unsafe {
            function(session.handle(), template.as_mut_ptr(), template.len() as CK_ULONG, handle)
        })
    }

    /// C_DeriveKey with CKM_HKDF_DERIVE over SHA-256, of a ChaCha20 key, which cryptoki does not know.
    /// `inputs` are salt and info.
    ///
    /// # Errors
    /// The module's return code.
    pub fn derive_chacha20(
        &self,
        session: &Session,
        inputs: (&[u8], &[u8]),
        base: ObjectHandle,
        template: &[Attribute],
    ) -> Result<ObjectHandle, CK_RV> {
        let function = self.functions.C_DeriveKey.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        let (mut salt, mut info) = (inputs.0.to_vec(), inputs.1.to_vec());
        let mut parameter = CK_HKDF_PARAMS {
            bExtract: CK_TRUE,
            bExpand: CK_TRUE,
            prfHashMechanism: CKM_SHA256,
            ulSaltType: CKF_HKDF_SALT_DATA,
            pSalt: salt.as_mut_ptr(),
            ulSaltLen: salt.len() as CK_ULONG,
            hSaltKey: 0,
            pInfo: info.as_mut_ptr(),
            ulInfoLen: info.len() as CK_ULONG,
        };
        let mut mechanism = CK_MECHANISM {
            mechanism: CKM_HKDF_DERIVE,
            pParameter: ptr::from_mut(&mut parameter).cast(),
            ulParameterLen: size_of_val(&parameter) as CK_ULONG,
        };
        let mut key_type = CKK_CHACHA20;
        let mut template = attributes(template);
        template.push(CK_ATTRIBUTE {
            type_: CKA_KEY_TYPE,
            pValue: ptr::from_mut(&mut key_type).cast(),
            ulValueLen: size_of_val(&key_type) as CK_ULONG,
        });
        // SAFETY: mechanism, its parameter, salt and info (our own copies) and the template outlive
        // the call, with their true lengths; the template points into the attributes that the caller
        // holds and into our key type; the handle is a valid place; the session is open and used by
        // this thread alone.
        made(|handle| unsafe {
            function(
                session.handle(),
                &mut mechanism,
                base.handle(),
                template.as_mut_ptr(),
                template.len() as CK_ULONG,
                handle,
            )
        })
    }

    /// C_GetAttributeValue of one attribute of any type.
    ///
    /// # Errors
    /// The module's return code; CKR_ATTRIBUTE_TYPE_INVALID for an attribute without a value.
    pub fn attribute(
        &self,
        session: &Session,
        object: ObjectHandle,
        name: CK_ATTRIBUTE_TYPE,
    ) -> Result<Zeroizing<Vec<u8>>, CK_RV> {
        let function = self.functions.C_GetAttributeValue.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        let mut asked = CK_ATTRIBUTE { type_: name, pValue: ptr::null_mut(), ulValueLen: 0 };
        // SAFETY: one attribute without a place for its value asks for its length, which is written
        // into the attribute; the session is open and used by this thread alone.
        ok(unsafe { function(session.handle(), object.handle(), &mut asked, 1) })?;
        if asked.ulValueLen == CK_UNAVAILABLE_INFORMATION {
            return Err(CKR_ATTRIBUTE_TYPE_INVALID);
        }
        let mut value = Zeroizing::new(vec![0; asked.ulValueLen as usize]);
        asked.pValue = value.as_mut_ptr().cast();
        // SAFETY: the attribute points to a place of its true length, which outlives the call.
        ok(unsafe { function(session.handle(), object.handle(), &mut asked, 1) })?;
        value.truncate(asked.ulValueLen as usize);
        Ok(value)
    }

    /// C_WrapKey.
    ///
    /// # Errors
    /// The module's return code.
    pub fn wrap(
        &self,
        session: &Session,
        wrapping: Wrapping,
        by: ObjectHandle,
        key: ObjectHandle,
    ) -> Result<Vec<u8>, CK_RV> {
        let function = self.functions.C_WrapKey.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        let mut parameters = Parameters::default();
        let mut mechanism = parameters.mechanism(wrapping);
        let (session, by, key) = (session.handle(), by.handle(), key.handle());
        let mut length = 0;
        // SAFETY: the mechanism and the parameters that it points to outlive the call; a null place
        // asks for the length, which is written to a valid place; the session is open and used by
        // this thread alone.
        ok(unsafe { function(session, &mut mechanism, by, key, ptr::null_mut(), &mut length) })?;
        let mut wrapped = vec![0; length as usize];
        // SAFETY: as above; the place has the length that the module is told.
        ok(unsafe {
            function(session, &mut mechanism, by, key, wrapped.as_mut_ptr(), &mut length)
        })?;
        wrapped.truncate(length as usize);
        Ok(wrapped)
    }

    /// C_UnwrapKey with attributes of any type.
    ///
    /// # Errors
    /// The module's return code.
    pub fn unwrap(
        &self,
        session: &Session,
        wrapping: Wrapping,
        key: ObjectHandle,
        wrapped: &[u8],
        template: &[(CK_ATTRIBUTE_TYPE, &[u8])],
    ) -> Result<ObjectHandle, CK_RV> {
        let function = self.functions.C_UnwrapKey.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        let mut parameters = Parameters::default();
        let mut mechanism = parameters.mechanism(wrapping);
        let (mut wrapped, mut template) = (wrapped.to_vec(), pairs(template));
        // SAFETY: the mechanism and the parameters that it points to, input (our own copy) and
        // template outlive the call, with their true lengths; the template points into values that
        // the caller holds, which C_UnwrapKey only reads; the handle is a valid place; the session
        // is open and used by this thread alone.
        made(|handle| unsafe {
            function(
                session.handle(),
                &mut mechanism,
                key.handle(),
                wrapped.as_mut_ptr(),
                wrapped.len() as CK_ULONG,
                template.as_mut_ptr(),
                template.len() as CK_ULONG,
                handle,
            )
        })
    }

    /// C_Decrypt with CKM_CHACHA20_POLY1305.
    ///
    /// # Errors
    /// The module's return code.
    pub fn open_chacha20_poly1305(
        &self,
        session: &Session,
        key: ObjectHandle,
        nonce: &[u8; 12],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, CK_RV> {
        let start = self.functions.C_DecryptInit.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        let finish = self.functions.C_Decrypt.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        let (mut nonce, mut sealed) = (*nonce, sealed.to_vec());
        let mut associated = associated.to_vec();
        let mut parameter = CK_SALSA20_CHACHA20_POLY1305_PARAMS {
            pNonce: nonce.as_mut_ptr(),
            ulNonceLen: nonce.len() as CK_ULONG,
            pAAD: associated.as_mut_ptr(),
            ulAADLen: associated.len() as CK_ULONG,
        };
        let mut mechanism = CK_MECHANISM {
            mechanism: CKM_CHACHA20_POLY1305,
            pParameter: ptr::from_mut(&mut parameter).cast(),
            ulParameterLen: size_of_val(&parameter) as CK_ULONG,
        };
        // SAFETY: mechanism, its parameter and what that points to outlive the call, with
        // their true lengths; the session is open and used by this thread alone.
        ok(unsafe { start(session.handle(), &mut mechanism, key.handle()) })?;
        let mut plain = vec![0; sealed.len()];
        let mut length = plain.len() as CK_ULONG;
        // SAFETY: input and output are our own and outlive the call, with their true lengths; the
        // operation was started on this session.
        ok(unsafe {
            finish(
                session.handle(),
                sealed.as_mut_ptr(),
                sealed.len() as CK_ULONG,
                plain.as_mut_ptr(),
                &mut length,
            )
        })?;
        plain.truncate(length as usize);
        Ok(plain)
    }

    /// C_DeriveKey with a mechanism whose parameter is a string of bytes.
    ///
    /// # Errors
    /// The module's return code.
    pub fn derive(
        &self,
        session: &Session,
        mechanism: CK_MECHANISM_TYPE,
        parameter: &[u8],
        base: ObjectHandle,
        template: &[Attribute],
    ) -> Result<ObjectHandle, CK_RV> {
        let function = self.functions.C_DeriveKey.ok_or(CKR_FUNCTION_NOT_SUPPORTED)?;
        let mut parameter = parameter.to_vec();
        let mut mechanism = CK_MECHANISM {
            mechanism,
            pParameter: parameter.as_mut_ptr().cast(),
            ulParameterLen: parameter.len() as CK_ULONG,
        };
        let mut template = attributes(template);
        // SAFETY: mechanism, its parameter (our own copy) and the template outlive the call, with
        // their true lengths; the template points into the attributes that the caller holds; the
        // handle is a valid place; the session is open and used by this thread alone.
        made(|handle| unsafe {
            function(
                session.handle(),
                &mut mechanism,
                base.handle(),
                template.as_mut_ptr(),
                template.len() as CK_ULONG,
                handle,
            )
        })
    }
}

/// What the mechanism of a [`Wrapping`] points to; it has to outlive the mechanism.
#[derive(Default)]
struct Parameters {
    oaep: CK_RSA_PKCS_OAEP_PARAMS,
    rsa_aes: CK_RSA_AES_KEY_WRAP_PARAMS,
}

impl Parameters {
    fn mechanism(&mut self, wrapping: Wrapping) -> CK_MECHANISM {
        let hash = match wrapping {
            Wrapping::Bare(mechanism) => {
                return CK_MECHANISM { mechanism, pParameter: ptr::null_mut(), ulParameterLen: 0 };
            }
            Wrapping::Oaep(hash) | Wrapping::RsaAes(hash) => hash,
        };
        (self.oaep.hashAlg, self.oaep.mgf) = match hash {
            OaepHash::Sha1 => (CKM_SHA_1, CKG_MGF1_SHA1),
            OaepHash::Sha256 => (CKM_SHA256, CKG_MGF1_SHA256),
        };
        self.oaep.source = CKZ_DATA_SPECIFIED;
        self.rsa_aes.ulAESKeyBits = 256;
        self.rsa_aes.pOAEPParams = &mut self.oaep;
        match wrapping {
            Wrapping::RsaAes(_) => CK_MECHANISM {
                mechanism: CKM_RSA_AES_KEY_WRAP,
                pParameter: ptr::from_mut(&mut self.rsa_aes).cast(),
                ulParameterLen: size_of::<CK_RSA_AES_KEY_WRAP_PARAMS>() as CK_ULONG,
            },
            _ => CK_MECHANISM {
                mechanism: CKM_RSA_PKCS_OAEP,
                pParameter: ptr::from_mut(&mut self.oaep).cast(),
                ulParameterLen: size_of::<CK_RSA_PKCS_OAEP_PARAMS>() as CK_ULONG,
            },
        }
    }
}

fn attributes(template: &[Attribute]) -> Vec<CK_ATTRIBUTE> {
    template.iter().map(CK_ATTRIBUTE::from).collect()
}

fn pairs(template: &[(CK_ATTRIBUTE_TYPE, &[u8])]) -> Vec<CK_ATTRIBUTE> {
    let attribute = |(name, value): &(CK_ATTRIBUTE_TYPE, &[u8])| CK_ATTRIBUTE {
        type_: *name,
        pValue: value.as_ptr().cast_mut().cast(),
        ulValueLen: value.len() as CK_ULONG,
    };
    template.iter().map(attribute).collect()
}

/// Makes an object with a function that writes its handle.
fn made(call: impl FnOnce(*mut CK_OBJECT_HANDLE) -> CK_RV) -> Result<ObjectHandle, CK_RV> {
    let mut handle = 0;
    ok(call(&mut handle))?;
    // SAFETY: the module has just given this handle.
    Ok(unsafe { ObjectHandle::new_from_raw(handle) })
}

fn ok(answer: CK_RV) -> Result<(), CK_RV> {
    if answer == CKR_OK { Ok(()) } else { Err(answer) }
}
