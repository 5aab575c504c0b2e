//! CKM_RSA_X_509: RSA without padding. Input shorter than the modulus is taken as the same number
//! with zeros in front.

use subtle::ConstantTimeEq;

use crate::backend::{Operation, Transform};
use crate::engine::Lease;
use crate::engine::part::Half;
use crate::engine::rsa_sign::check_length;
use crate::engine::signature::{Input, Scheme, signer, verifier};
use crate::error::{Code, Result};
use crate::ffi::awslc::rsa::Padding;
use crate::mechanism::Params;
use crate::secret::Secret;

/// Starts signing.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of an RSA key.
pub fn sign(key: &Lease, _params: &Params<'_>) -> Result<Operation> {
    Ok(signer(Raw::new(key, Half::Private)?, Input::Whole))
}

/// As [`sign`], for verification with the public half.
pub fn verify(key: &Lease, _params: &Params<'_>) -> Result<Operation> {
    Ok(verifier(Raw::new(key, Half::Public)?, Input::Whole))
}

/// As [`sign`], for verification with the public half that gives back what was signed, as long as
/// the modulus.
pub fn recover(key: &Lease, _params: &Params<'_>) -> Result<Operation> {
    Ok(Operation::Transform(Box::new(Recover(Raw::new(key, Half::Public)?))))
}

/// As [`sign`], for encryption with the public half.
pub fn encrypt(key: &Lease, _params: &Params<'_>) -> Result<Operation> {
    Ok(Operation::Transform(Box::new(Encrypt(Raw::new(key, Half::Public)?))))
}

/// As [`sign`], for decryption.
pub fn decrypt(key: &Lease, _params: &Params<'_>) -> Result<Operation> {
    Ok(Operation::Transform(Box::new(Decrypt(Raw::new(key, Half::Private)?))))
}

struct Raw {
    key: Lease,
    half: Half,
    size: usize,
}

impl Raw {
    fn new(key: &Lease, half: Half) -> Result<Self> {
        Ok(Self { key: key.clone(), half, size: key.rsa(half)?.size() })
    }

    /// The input as a number below the modulus, as long as it.
    ///
    /// # Errors
    /// DataLenRange for too many bytes, DataInvalid for a number that is not below the modulus.
    fn block(&self, input: &[u8]) -> Result<Secret> {
        self.admits(input.len())?;
        let block =
            Secret::with(self.size, |out| out[self.size - input.len()..].copy_from_slice(input));
        // How much of the front equals that of the modulus is all that this shows.
        match block.expose() < self.key.rsa(self.half)?.rsa.modulus()?.expose() {
            true => Ok(block),
            false => Err(Code::DataInvalid.because("the input is not below the modulus")),
        }
    }

    /// What a signature of the modulus's length is over.
    ///
    /// # Errors
    /// SignatureInvalid for a number that is not below the modulus.
    fn open(&self, signature: &[u8], out: &mut [u8]) -> Result<()> {
        let key = &self.key.rsa(self.half)?.rsa;
        key.encrypt(Padding::None, signature, out)
            .map_err(|error| error.with_code(Code::SignatureInvalid))
    }
}

impl Scheme for Raw {
    fn size(&self) -> usize {
        self.size
    }

    fn admits(&self, len: usize) -> Result<()> {
        match len <= self.size {
            true => Ok(()),
            false => {
                Err(Code::DataLenRange
                    .because(format!("{len} bytes, the modulus has {}", self.size)))
            }
        }
    }

    fn sign(&self, data: &[u8], signature: &mut [u8]) -> Result<()> {
        let block = self.block(data)?;
        self.key.rsa(self.half)?.rsa.sign(Padding::None, block.expose(), signature)
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<()> {
        check_length(signature, self.size)?;
        let block = self.block(data)?;
        let signed = Secret::try_with(self.size, |out| self.open(signature, out))?;
        match bool::from(signed.expose().ct_eq(block.expose())) {
            true => Ok(()),
            false => Err(Code::SignatureInvalid.because("the signature is over something else")),
        }
    }
}

struct Recover(Raw);

impl Transform for Recover {
    fn output_size(&self, input: usize, _last: bool) -> Result<usize> {
        match input == self.0.size {
            true => Ok(self.0.size),
            false => Err(Code::SignatureLenRange
                .because(format!("a signature of {input} bytes, the modulus has {}", self.0.size))),
        }
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize> {
        Err(Code::GeneralError.because("a part for a single-part mechanism"))
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let size = self.output_size(input.len(), true)?;
        self.0.open(input, &mut output[..size])?;
        Ok(size)
    }
}

struct Encrypt(Raw);

impl Transform for Encrypt {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        self.0.admits(input)?;
        Ok(if last { self.0.size } else { 0 })
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize> {
        Err(Code::GeneralError.because("a part for a single-part mechanism"))
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let Raw { key, half, size } = &self.0;
        let block = self.0.block(input)?;
        key.rsa(*half)?.rsa.encrypt(Padding::None, block.expose(), &mut output[..*size])?;
        Ok(*size)
    }
}

struct Decrypt(Raw);

impl Decrypt {
    fn check(&self, len: usize) -> Result<()> {
        match len == self.0.size {
            true => Ok(()),
            false => Err(Code::EncryptedDataLenRange
                .because(format!("a ciphertext of {len} bytes, the modulus has {}", self.0.size))),
        }
    }
}

impl Transform for Decrypt {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        if !last {
            return Ok(0);
        }
        self.check(input)?;
        Ok(self.0.size)
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize> {
        Err(Code::GeneralError.because("a part for a single-part mechanism"))
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let Raw { key, half, size } = &self.0;
        self.check(input.len())?;
        key.rsa(*half)?.rsa.decrypt_raw(input, &mut output[..*size])?;
        Ok(*size)
    }
}
