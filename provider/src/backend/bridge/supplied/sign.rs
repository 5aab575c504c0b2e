//! Signatures hashed and encoded here and made by the inner token: one call, which may be made
//! again, at the very end.

use std::sync::Arc;

use super::Composition;
use crate::backend::bridge::key::Shared;
use crate::backend::bridge::task::Task;
use crate::backend::{Operation, Transform};
use crate::engine::rsa_outline::{Pss, digest_info};
use crate::engine::signature::Input;
use crate::error::{Code, Result};
use crate::mechanism::{Function, Hash, MechanismType, Params};

/// Starts a signature.
///
/// # Errors
/// MechanismParamInvalid, TemplateIncomplete where the inner token does not show the modulus.
pub(super) fn start(
    key: &Arc<Shared>,
    what: Composition,
    base: MechanismType,
    params: &Params<'_>,
) -> Result<Operation> {
    let raw = base == MechanismType::RSA_X_509;
    let (hash, form) = match what {
        Composition::Pkcs1(hash) => (hash, Form::Pkcs1 { hash, raw }),
        Composition::Pss(hash) => (hash, Form::Pss { pss: key.outline()?.pss(params, hash)?, raw }),
        Composition::Raw => (None, Form::Raw),
        Composition::Digest(hash) => (Some(hash), Form::Digest),
        Composition::Open | Composition::Hybrid => {
            return Err(Code::GeneralError.because("no signature is composed of this"));
        }
    };
    let own = if base == MechanismType::RSA_PKCS_PSS { params } else { &Params::None };
    let task = Task::new(key, Function::Sign, base, own)?;
    let size = match key.signature() {
        Some(size) => size,
        None => task.size(hash.map_or(0, Hash::size))?,
    };
    let input = hash.map_or(Input::Whole, Input::hashed);
    Ok(Operation::Transform(Box::new(Composed { task, form, size, input })))
}

/// What is made of the digest, or of the application's input where the mechanism does not hash.
enum Form {
    Pkcs1 { hash: Option<Hash>, raw: bool },
    Pss { pss: Pss, raw: bool },
    Raw,
    Digest,
}

struct Composed {
    task: Task,
    form: Form,
    /// Of the signature.
    size: usize,
    input: Input,
}

impl Form {
    /// Whether so many bytes can be signed.
    ///
    /// # Errors
    /// DataLenRange if not.
    fn admits(&self, key: &Shared, len: usize) -> Result<()> {
        match self {
            Self::Pkcs1 { hash: None, .. } => key.outline()?.admits_info(len),
            Self::Raw => key.outline()?.admits_number(len),
            Self::Pss { pss, .. } if len != pss.hash.size() => {
                Err(Code::DataLenRange
                    .because(format!("{len} bytes are no digest of {:?}", pss.hash)))
            }
            _ => Ok(()),
        }
    }

    /// What the inner token signs.
    fn encode(&self, key: &Shared, digest: &[u8], size: usize) -> Result<Vec<u8>> {
        let info = |hash: &Option<Hash>| match hash {
            Some(hash) => digest_info(*hash, digest),
            None => digest.to_vec(),
        };
        Ok(match self {
            Self::Pkcs1 { hash, raw: true } => key.outline()?.pkcs1(&info(hash))?,
            Self::Pkcs1 { hash, raw: false } => info(hash),
            Self::Pss { pss, raw: true } => key.outline()?.encode_pss(*pss, digest)?,
            Self::Pss { raw: false, .. } => digest.to_vec(),
            Self::Raw => key.outline()?.number(digest)?,
            // "the leftmost bits of the digest" that the order has (FIPS 186-5 section 6.4.1); not
            // every module takes more.
            Self::Digest => digest[..digest.len().min(size / 2)].to_vec(),
        })
    }
}

impl Transform for Composed {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        if !last {
            return Ok(0);
        }
        self.form.admits(&self.task.key, self.input.len(input))?;
        Ok(self.size)
    }

    fn update(&mut self, input: &[u8], _output: &mut [u8]) -> Result<usize> {
        self.input.update(input)?;
        Ok(0)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let Self { task, form, size, input: before } = self;
        before.finish(input, |digest| {
            form.admits(&task.key, digest.len())?;
            let block = form.encode(&task.key, digest, *size)?;
            task.whole(&block, &mut output[..*size])
        })
    }
}
