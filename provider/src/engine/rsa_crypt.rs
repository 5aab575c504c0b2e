//! RSA encryption: PKCS#1 v1.5 and OAEP, for data and for keys.

use crate::backend::{Operation, Transform};
use crate::engine::part::Half;
use crate::engine::rsa_oaep::Oaep;
use crate::engine::rsa_sign::OVERHEAD;
use crate::engine::{Lease, rsa_pkcs1};
use crate::error::{Code, Result};
use crate::ffi::awslc::rsa::{self, Padding};
use crate::mechanism::Params;
use crate::secret::Secret;

/// Starts `C_EncryptInit` with CKM_RSA_PKCS or CKM_RSA_PKCS_OAEP: the parameter says which.
///
/// # Errors
/// KeyTypeInconsistent for another key than the public half of an RSA key; KeySizeRange for a key
/// too short for the padding.
pub fn encrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    Ok(Operation::Transform(Box::new(Encrypt(Crypt::new(key, Half::Public, params)?))))
}

/// As [`encrypt`], for decryption with the private half.
pub fn decrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    Ok(Operation::Transform(Box::new(Decrypt(Crypt::new(key, Half::Private, params)?))))
}

/// Wraps a key; the parameter says which padding.
///
/// # Errors
/// As [`encrypt`]; KeySizeRange for an encoding too long for the RSA key.
pub fn wrap(key: &Lease, params: &Params<'_>, encoding: &[u8]) -> Result<Vec<u8>> {
    let crypt = Crypt::new(key, Half::Public, params)?;
    let mut wrapped = vec![0; crypt.size];
    crypt.encrypt(encoding, &mut wrapped).map_err(|error| match error.code() {
        Code::DataLenRange => error.with_code(Code::KeySizeRange),
        _ => error,
    })?;
    Ok(wrapped)
}

/// Unwraps a key. With PKCS#1 v1.5 a bad padding gives a synthetic key and no error: what the
/// caller finds wrong with such a key must not be told apart from a real one's faults.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of an RSA key; WrappedKeyLenRange,
/// WrappedKeyInvalid.
pub fn unwrap(key: &Lease, params: &Params<'_>, wrapped: &[u8]) -> Result<Secret> {
    let crypt = Crypt::new(key, Half::Private, params)?;
    crypt.decrypt(wrapped).map_err(|error| match error.code() {
        Code::EncryptedDataLenRange => error.with_code(Code::WrappedKeyLenRange),
        Code::EncryptedDataInvalid => error.with_code(Code::WrappedKeyInvalid),
        _ => error,
    })
}

/// The length of what [`wrap`] makes, in bytes.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of an RSA key.
pub(super) fn modulus_size(key: &Lease) -> Result<usize> {
    key.rsa(Half::Private).map(|key| key.size())
}

struct Crypt {
    key: Lease,
    half: Half,
    padding: Scheme,
    size: usize,
}

enum Scheme {
    Pkcs1,
    Oaep(Oaep),
}

impl Crypt {
    fn new(key: &Lease, half: Half, params: &Params<'_>) -> Result<Self> {
        let size = key.rsa(half)?.size();
        let padding = match *params {
            Params::None => Scheme::Pkcs1,
            Params::Oaep { hash, mgf, label } => {
                Scheme::Oaep(Oaep { hash, mgf, label: label.into() })
            }
            _ => return Err(Code::MechanismParamInvalid.because("no parameter of RSA encryption")),
        };
        let crypt = Self { key: key.clone(), half, padding, size };
        match crypt.overhead() <= size {
            true => Ok(crypt),
            false => Err(Code::KeySizeRange.because("the key is too short for the padding")),
        }
    }

    fn overhead(&self) -> usize {
        match &self.padding {
            Scheme::Pkcs1 => OVERHEAD,
            Scheme::Oaep(oaep) => oaep.overhead(),
        }
    }

    /// The longest message.
    fn room(&self) -> usize {
        self.size - self.overhead()
    }

    fn check_message(&self, len: usize) -> Result<()> {
        match len <= self.room() {
            true => Ok(()),
            false => Err(Code::DataLenRange
                .because(format!("{len} bytes to encrypt, the key takes {}", self.room()))),
        }
    }

    fn check_ciphertext(&self, len: usize) -> Result<()> {
        match len == self.size {
            true => Ok(()),
            false => Err(Code::EncryptedDataLenRange
                .because(format!("a ciphertext of {len} bytes, the modulus has {}", self.size))),
        }
    }

    fn encrypt(&self, message: &[u8], ciphertext: &mut [u8]) -> Result<()> {
        self.check_message(message.len())?;
        let key = &self.key.rsa(self.half)?.rsa;
        match &self.padding {
            Scheme::Pkcs1 => key.encrypt(Padding::Pkcs1, message, ciphertext),
            Scheme::Oaep(oaep) => {
                let block = Secret::try_with(self.size, |block| {
                    rsa::add_oaep(block, message, &oaep.label, oaep.hash, oaep.mgf)
                })?;
                key.encrypt(Padding::None, block.expose(), ciphertext)
            }
        }
    }

    fn decrypt(&self, ciphertext: &[u8]) -> Result<Secret> {
        self.check_ciphertext(ciphertext.len())?;
        let key = self.key.rsa(self.half)?;
        let block = Secret::try_with(self.size, |block| key.rsa.decrypt_raw(ciphertext, block))?;
        match &self.padding {
            Scheme::Oaep(oaep) => oaep.message(block.expose()),
            Scheme::Pkcs1 => {
                let mut len = 0;
                let room = Secret::try_with(self.room(), |room| {
                    len = rsa_pkcs1::message(&key.rejection, ciphertext, block.expose(), room)?;
                    Ok(())
                })?;
                Ok(Secret::copy_of(&room.expose()[..len]))
            }
        }
    }
}

struct Encrypt(Crypt);

impl Transform for Encrypt {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        if !last {
            return Ok(0);
        }
        self.0.check_message(input)?;
        Ok(self.0.size)
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize> {
        Err(Code::GeneralError.because("a part for a single-part mechanism"))
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.0.encrypt(input, &mut output[..self.0.size])?;
        Ok(self.0.size)
    }
}

struct Decrypt(Crypt);

impl Transform for Decrypt {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        if !last {
            return Ok(0);
        }
        self.0.check_ciphertext(input)?;
        Ok(self.0.room())
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize> {
        Err(Code::GeneralError.because("a part for a single-part mechanism"))
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let message = self.0.decrypt(input)?;
        output[..message.len()].copy_from_slice(message.expose());
        Ok(message.len())
    }
}
