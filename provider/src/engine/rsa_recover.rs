//! What was signed, out of an RSA signature.

use crate::backend::{Operation, Transform};
use crate::engine::Lease;
use crate::engine::part::Half;
use crate::engine::rsa::SIZES;
use crate::engine::rsa_sign::OVERHEAD;
use crate::error::{Code, Result};

/// Bytes of a modulus of the largest size.
const MAX: usize = SIZES.1 as usize / 8;

/// Starts verifying with CKM_RSA_PKCS, which gives back what was signed (RFC 8017 section 8.2.2,
/// up to the comparison).
///
/// # Errors
/// KeyTypeInconsistent for another key than the public half of an RSA key.
pub fn verify_pkcs1(key: &Lease) -> Result<Operation> {
    let size = key.rsa(Half::Public)?.size();
    Ok(Operation::Transform(Box::new(Pkcs1 { key: key.clone(), size })))
}

struct Pkcs1 {
    key: Lease,
    size: usize,
}

impl Transform for Pkcs1 {
    fn output_size(&self, input: usize, _last: bool) -> Result<usize> {
        match input == self.size {
            true => Ok(self.size - OVERHEAD),
            false => Err(Code::SignatureLenRange
                .because(format!("the signature has {input} bytes, the modulus {}", self.size))),
        }
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize> {
        Err(Code::GeneralError.because("a part for a single-part mechanism"))
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.output_size(input.len(), true)?;
        let mut block = [0; MAX];
        let key = self.key.rsa(Half::Public)?;
        let signed = key.rsa.recover(input, &mut block[..self.size])?;
        output[..signed.len()].copy_from_slice(signed);
        Ok(signed.len())
    }
}
