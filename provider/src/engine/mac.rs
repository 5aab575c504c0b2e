//! Message authentication codes as operations: what is the same for every family.

use subtle::ConstantTimeEq;

use crate::backend::{Check, Operation, Transform};
use crate::error::{Code, Result};
use crate::mechanism::Params;

/// A code under way.
pub(super) trait Mac: Send + 'static {
    fn update(&mut self, input: &[u8]) -> Result<()>;

    /// Ends the computation; `code` is the wanted front of the code.
    fn finish(&mut self, code: &mut [u8]) -> Result<()>;
}

/// The wanted length in bytes of a code that has `most`.
///
/// # Errors
/// MechanismParamInvalid for a length of zero or beyond the code (`CK_MAC_GENERAL_PARAMS`).
pub(super) fn length(params: &Params<'_>, most: usize) -> Result<usize> {
    match params {
        Params::MacLength(len) if (1..=most).contains(len) => Ok(*len),
        Params::MacLength(len) => {
            Err(Code::MechanismParamInvalid
                .because(format!("{len} bytes of a code that has {most}")))
        }
        _ => Ok(most),
    }
}

/// `C_SignInit`, for the first `len` bytes of the code, at most 64.
pub(super) fn signer(mac: impl Mac, len: usize) -> Operation {
    Operation::Transform(Box::new(Running { mac, len }))
}

/// `C_VerifyInit`.
pub(super) fn verifier(mac: impl Mac, len: usize) -> Operation {
    Operation::Check(Box::new(Running { mac, len }))
}

struct Running<M> {
    mac: M,
    len: usize,
}

impl<M: Mac> Transform for Running<M> {
    fn output_size(&self, _input: usize, last: bool) -> Result<usize> {
        Ok(if last { self.len } else { 0 })
    }

    fn update(&mut self, input: &[u8], _output: &mut [u8]) -> Result<usize> {
        self.mac.update(input)?;
        Ok(0)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.mac.update(input)?;
        self.mac.finish(&mut output[..self.len])?;
        Ok(self.len)
    }
}

impl<M: Mac> Check for Running<M> {
    fn update(&mut self, input: &[u8]) -> Result<()> {
        self.mac.update(input)
    }

    fn finish(&mut self, input: &[u8], signature: &[u8]) -> Result<()> {
        if signature.len() != self.len {
            let why = format!("{} bytes, not {}", signature.len(), self.len);
            return Err(Code::SignatureLenRange.because(why));
        }
        self.mac.update(input)?;
        let mut code = [0; 64];
        let code = &mut code[..self.len];
        self.mac.finish(code)?;
        match bool::from(code.ct_eq(signature)) {
            true => Ok(()),
            false => Err(Code::SignatureInvalid.because("the code is another one")),
        }
    }
}
