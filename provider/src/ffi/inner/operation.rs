//! Operations on data: begun, done in one call or in parts.

use std::ptr;

use pkcs11_sys::{CK_BYTE, CK_MECHANISM, CK_OBJECT_HANDLE, CK_RV, CK_SESSION_HANDLE, CK_ULONG};

use super::{Call, InnerSession};
use crate::error::{Code, Error, Result};
use crate::mechanism::Function;

type Init = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_MECHANISM, CK_OBJECT_HANDLE) -> CK_RV;
/// Input, length of the input, output, length of the output.
type Transform = unsafe extern "C" fn(
    CK_SESSION_HANDLE,
    *mut CK_BYTE,
    CK_ULONG,
    *mut CK_BYTE,
    *mut CK_ULONG,
) -> CK_RV;
type Absorb = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, CK_ULONG) -> CK_RV;
type Finish = unsafe extern "C" fn(CK_SESSION_HANDLE, *mut CK_BYTE, *mut CK_ULONG) -> CK_RV;

/// A function of the module by its name; `None` where the module has it not.
type Named<F> = (&'static str, Option<F>);

impl InnerSession {
    /// `C_*Init`; for a digest, `key` is not looked at.
    ///
    /// # Errors
    /// ArgumentsBad for what is no operation on data; what the module answers.
    pub fn start(&self, function: Function, mechanism: &Call<'_>, key: u64) -> Result<()> {
        if function == Function::Digest {
            let digest = self.library().list().C_DigestInit;
            return mechanism.with(|mechanism| {
                self.call("C_DigestInit", digest, |function, session| {
                    // SAFETY: the module's own function; the mechanism outlives the call.
                    unsafe { function(session, mechanism) }
                })
            });
        }
        let (name, init) = self.init(function)?;
        mechanism.with(|mechanism| {
            self.call(name, init, |function, session| {
                // SAFETY: the module's own function; the mechanism outlives the call.
                unsafe { function(session, mechanism, key as CK_OBJECT_HANDLE) }
            })
        })
    }

    /// The most bytes that [`whole`](Self::whole) writes for this input; the operation goes on.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    pub fn size(&self, function: Function, input: &[u8]) -> Result<usize> {
        let (name, transform) = self.one_shot(function)?;
        let mut len: CK_ULONG = 0;
        self.call(name, transform, |function, session| {
            let (input, input_len) = given(input);
            // SAFETY: the module's own function; NULL asks for the length only.
            unsafe { function(session, input, input_len, ptr::null_mut(), &raw mut len) }
        })?;
        Ok(len as usize)
    }

    /// `C_Encrypt`, `C_Sign`, `C_VerifyRecover` and their like: the number of bytes written.
    ///
    /// # Errors
    /// ArgumentsBad for what has no output; BufferTooSmall keeps the operation; what the module
    /// answers else ends it.
    pub fn whole(&self, function: Function, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let one_shot = self.one_shot(function)?;
        self.transform(one_shot, input, output)
    }

    /// `C_*Update`: the number of bytes written, none for a digest or a signature.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    pub fn part(&self, function: Function, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let list = self.library().list();
        match function {
            Function::Encrypt => {
                self.transform(("C_EncryptUpdate", list.C_EncryptUpdate), input, output)
            }
            Function::Decrypt => {
                self.transform(("C_DecryptUpdate", list.C_DecryptUpdate), input, output)
            }
            Function::Digest => self.absorb(("C_DigestUpdate", list.C_DigestUpdate), input),
            Function::Sign => self.absorb(("C_SignUpdate", list.C_SignUpdate), input),
            other => Err(no_such(other, "part")),
        }
    }

    /// `C_*Final`: the number of bytes written.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    pub fn end(&self, function: Function, output: &mut [u8]) -> Result<usize> {
        let list = self.library().list();
        let (name, finish): Named<Finish> = match function {
            Function::Encrypt => ("C_EncryptFinal", list.C_EncryptFinal),
            Function::Decrypt => ("C_DecryptFinal", list.C_DecryptFinal),
            Function::Digest => ("C_DigestFinal", list.C_DigestFinal),
            Function::Sign => ("C_SignFinal", list.C_SignFinal),
            other => return Err(no_such(other, "end")),
        };
        let mut len = output.len() as CK_ULONG;
        self.call(name, finish, |function, session| {
            // SAFETY: the module's own function, with room for as many bytes as `len` says.
            unsafe { function(session, output.as_mut_ptr(), &raw mut len) }
        })?;
        written(self, name, len, output.len())
    }

    /// C_Verify.
    ///
    /// # Errors
    /// SignatureInvalid, SignatureLenRange; what else the module answers.
    pub fn verify(&self, input: &[u8], signature: &[u8]) -> Result<()> {
        self.call("C_Verify", self.library().list().C_Verify, |function, session| {
            let ((input, input_len), (signature, len)) = (given(input), given(signature));
            // SAFETY: the module's own function; input and signature are only read, and outlive
            // the call.
            unsafe { function(session, input, input_len, signature, len) }
        })
    }

    /// C_VerifyUpdate.
    ///
    /// # Errors
    /// What the module answers.
    pub fn verify_part(&self, input: &[u8]) -> Result<()> {
        let update = ("C_VerifyUpdate", self.library().list().C_VerifyUpdate);
        self.absorb(update, input).map(drop)
    }

    /// C_VerifyFinal.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn verify_end(&self, signature: &[u8]) -> Result<()> {
        let finish = ("C_VerifyFinal", self.library().list().C_VerifyFinal);
        self.absorb(finish, signature).map(drop)
    }

    fn init(&self, function: Function) -> Result<Named<Init>> {
        let list = self.library().list();
        Ok(match function {
            Function::Encrypt => ("C_EncryptInit", list.C_EncryptInit),
            Function::Decrypt => ("C_DecryptInit", list.C_DecryptInit),
            Function::Sign => ("C_SignInit", list.C_SignInit),
            Function::Verify => ("C_VerifyInit", list.C_VerifyInit),
            Function::SignRecover => ("C_SignRecoverInit", list.C_SignRecoverInit),
            Function::VerifyRecover => ("C_VerifyRecoverInit", list.C_VerifyRecoverInit),
            other => return Err(no_such(other, "begin")),
        })
    }

    fn one_shot(&self, function: Function) -> Result<Named<Transform>> {
        let list = self.library().list();
        Ok(match function {
            Function::Encrypt => ("C_Encrypt", list.C_Encrypt),
            Function::Decrypt => ("C_Decrypt", list.C_Decrypt),
            Function::Digest => ("C_Digest", list.C_Digest),
            Function::Sign => ("C_Sign", list.C_Sign),
            Function::SignRecover => ("C_SignRecover", list.C_SignRecover),
            Function::VerifyRecover => ("C_VerifyRecover", list.C_VerifyRecover),
            other => return Err(no_such(other, "whole")),
        })
    }

    fn transform(
        &self,
        (name, function): Named<Transform>,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<usize> {
        let mut len = output.len() as CK_ULONG;
        self.call(name, function, |function, session| {
            let (input, input_len) = given(input);
            // SAFETY: the module's own function; the input is only read, the output has room for
            // as many bytes as `len` says, and both outlive the call.
            unsafe { function(session, input, input_len, output.as_mut_ptr(), &raw mut len) }
        })?;
        written(self, name, len, output.len())
    }

    fn absorb(&self, (name, function): Named<Absorb>, input: &[u8]) -> Result<usize> {
        self.call(name, function, |function, session| {
            let (input, len) = given(input);
            // SAFETY: the module's own function; the input is only read, and outlives the call.
            unsafe { function(session, input, len) }
        })?;
        Ok(0)
    }
}

/// So many bytes of a buffer of `room`.
///
/// # Errors
/// DeviceError for a module that counts more than there is room for.
pub(super) fn written(
    session: &InnerSession,
    name: &'static str,
    len: CK_ULONG,
    room: usize,
) -> Result<usize> {
    match usize::try_from(len) {
        Ok(len) if len <= room => Ok(len),
        _ => Err(Code::DeviceError.because(format!(
            "{}: {name} says that it wrote {len} bytes into {room}",
            session.library().path().display()
        ))),
    }
}

fn given(bytes: &[u8]) -> (*mut CK_BYTE, CK_ULONG) {
    (bytes.as_ptr().cast_mut(), bytes.len() as CK_ULONG)
}

#[cold]
fn no_such(function: Function, what: &str) -> Error {
    Code::ArgumentsBad.because(format!("there is no {what} of {function:?}"))
}
