//! Key derivation with pseudorandom functions (NIST SP 800-108 revision 1, sections 4.1 to 4.3), over
//! HMAC or CMAC of the engine, which itself has counter mode over one form of input only.

use zeroize::Zeroizing;

use crate::attribute::AttributeType;
use crate::engine::Lease;
use crate::engine::agreement::LONGEST;
use crate::engine::secret::SecretKey;
use crate::error::{Code, Error, Result};
use crate::ffi::awslc::cmac::Cmac;
use crate::ffi::awslc::hmac::Hmac;
use crate::ffi::memory::Guarded;
use crate::mechanism::params::sp800_108::{Field, LengthOf, Mode, Prf, Sp800108};
use crate::mechanism::{Mechanism, Params};
use crate::secret::Secret;

/// A block of output, or what takes its place before the first.
type Block = Zeroizing<Vec<u8>>;

/// The values of all keys; each begins with a block of its own.
///
/// # Errors
/// TemplateIncomplete if nothing tells a key's length; KeySizeRange for a key of no bytes or more
/// than 4,096, and for more than the counter or the field of the length can say;
/// KeyTypeInconsistent for a base key that is no AES key where the function is CMAC, and for a key
/// without a value.
pub fn derive(
    mode: Mode,
    key: &Lease,
    mechanism: &Mechanism<'_>,
    lengths: &[Option<usize>],
) -> Result<Vec<Secret>> {
    let Params::Sp800108(params) = &mechanism.params else {
        return Err(Code::MechanismParamInvalid.because("CK_SP800_108_KDF_PARAMS are needed"));
    };
    let lengths: Vec<usize> = lengths.iter().copied().map(known).collect::<Result<_>>()?;
    let key = SecretKey::of(key)?;
    if let Prf::AesCmac = params.prf {
        key.must_be_aes()?;
    }
    let mut blocks = Blocks::new(mode, key, params, mechanism, &lengths)?;
    let size = params.prf.size();
    let fill = |length: &usize| {
        Secret::try_with(*length, |out| {
            out.chunks_mut(size).try_for_each(|part| {
                part.copy_from_slice(&blocks.next()?[..part.len()]);
                Ok(())
            })
        })
    };
    lengths.iter().map(fill).collect()
}

fn known(length: Option<usize>) -> Result<usize> {
    match length {
        Some(length @ 1..=LONGEST) => Ok(length),
        Some(length) => Err(too_long(format!("a key of {length} bytes"))),
        None => {
            Err(Code::TemplateIncomplete
                .because("CKA_VALUE_LEN is needed to derive with SP 800-108"))
        }
    }
}

/// The output, block by block.
struct Blocks<'a> {
    mode: Mode,
    key: &'a SecretKey,
    params: &'a Sp800108<'a>,
    /// The values of [`Field::Key`], in their order.
    keys: Vec<Secret>,
    /// What [`Field::Length`] says.
    bits: u64,
    counter: u64,
    /// K(i-1) of feedback mode, A(i-1) of the double pipeline.
    variable: Block,
}

impl<'a> Blocks<'a> {
    fn new(
        mode: Mode,
        key: &'a SecretKey,
        params: &'a Sp800108<'a>,
        mechanism: &Mechanism<'_>,
        lengths: &[usize],
    ) -> Result<Self> {
        let value = |key: &std::sync::Arc<crate::backend::Object>| {
            let key = key.snapshot();
            let value = key.attributes.bytes(AttributeType::VALUE).map(Secret::copy_of);
            value.ok_or_else(|| Code::KeyTypeInconsistent.because("an input key has no value"))
        };
        let size = params.prf.size();
        let count: usize = lengths.iter().map(|length| length.div_ceil(size)).sum();
        let bits = bits(params, lengths.iter().sum(), count * size);
        for field in &params.fields {
            let (format, most) = match field {
                Field::Iteration(format) | Field::Counter(format) => (format, count as u64),
                Field::Length { format, .. } => (format, bits),
                _ => continue,
            };
            if !format.holds(most) {
                return Err(too_long(format!("{most} in {} bytes", format.bytes)));
            }
        }
        let keys = mechanism.keys.iter().map(value).collect::<Result<_>>()?;
        let variable = Zeroizing::new(params.iv.to_vec());
        let mut blocks = Self { mode, key, params, keys, bits, counter: 0, variable };
        if mode == Mode::DoublePipeline {
            blocks.variable = blocks.first_variable()?;
        }
        Ok(blocks)
    }

    /// A(1): the function of A(0), which is the input without iteration variable and counter.
    fn first_variable(&self) -> Result<Block> {
        self.run(|field| !matches!(field, Field::Feedback | Field::Counter(_)))
    }

    fn next(&mut self) -> Result<Block> {
        self.counter += 1;
        if self.mode == Mode::DoublePipeline && self.counter > 1 {
            let mut prf = Running::new(self.params.prf, self.key)?;
            prf.update(&self.variable)?;
            self.variable = prf.finish()?;
        }
        let block = self.run(|_| true)?;
        if self.mode == Mode::Feedback {
            self.variable = block.clone();
        }
        Ok(block)
    }

    /// The function of the fields that `wanted` takes.
    fn run(&self, wanted: impl Fn(&Field<'_>) -> bool) -> Result<Block> {
        let mut prf = Running::new(self.params.prf, self.key)?;
        let mut keys = self.keys.iter();
        for field in self.params.fields.iter().filter(|field| wanted(field)) {
            match field {
                Field::Iteration(format) | Field::Counter(format) => {
                    prf.update(format.write(self.counter).as_ref())?;
                }
                Field::Feedback => prf.update(&self.variable)?,
                Field::Length { format, .. } => prf.update(format.write(self.bits).as_ref())?,
                Field::Bytes(bytes) => prf.update(bytes)?,
                Field::Key(_) => prf.update(keys.next().map_or(&[], Secret::expose))?,
            }
        }
        prf.finish()
    }
}

fn bits(params: &Sp800108<'_>, keys: usize, segments: usize) -> u64 {
    let segments_count = params
        .fields
        .iter()
        .any(|field| matches!(field, Field::Length { of: LengthOf::Segments, .. }));
    8 * if segments_count { segments } else { keys } as u64
}

/// The pseudorandom function under way.
enum Running {
    Hmac(Guarded<Hmac>, usize),
    Cmac(Cmac),
}

impl Running {
    fn new(prf: Prf, key: &SecretKey) -> Result<Self> {
        match prf {
            Prf::AesCmac => Cmac::new(key.value()).map(Self::Cmac),
            Prf::Hmac(hash) => Ok(Self::Hmac(key.hmac(hash)?.copied(), hash.size())),
        }
    }

    fn update(&mut self, input: &[u8]) -> Result<()> {
        match self {
            Self::Hmac(hmac, _) => hmac.update(input),
            Self::Cmac(cmac) => cmac.update(input),
        }
    }

    fn finish(mut self) -> Result<Block> {
        match &mut self {
            Self::Hmac(hmac, size) => {
                let code = Zeroizing::new(hmac.finish()?);
                Ok(Zeroizing::new(code[..*size].to_vec()))
            }
            Self::Cmac(cmac) => {
                let code = Zeroizing::new(cmac.finish()?);
                Ok(Zeroizing::new(code.to_vec()))
            }
        }
    }
}

fn too_long(what: String) -> Error {
    Code::KeySizeRange.because(format!("SP 800-108 cannot make {what}"))
}
