//! Parameters of the key derivation functions of NIST SP 800-108.

use crate::error::{Code, Error, Result};
use crate::ffi::params::{RawField, RawParams, RawSp800108};
use crate::handle::Handle;
use crate::mechanism::{Hash, MechanismType, Params};

pub use crate::ffi::params::FurtherKey;

/// `CK_SP800_108_KDF_PARAMS` and `CK_SP800_108_FEEDBACK_KDF_PARAMS`.
#[derive(Clone, Debug)]
pub struct Sp800108<'a> {
    pub prf: Prf,
    /// What the pseudorandom function is given, in this order.
    pub fields: Vec<Field<'a>>,
    /// Of feedback mode; may be empty.
    pub iv: &'a [u8],
    /// The keys beside that of `C_DeriveKey`.
    pub further: Vec<FurtherKey<'a>>,
}

/// `CK_SP800_108_PRF_TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prf {
    Hmac(Hash),
    AesCmac,
}

/// `CK_PRF_DATA_PARAM`.
#[derive(Clone, Copy, Debug)]
pub enum Field<'a> {
    /// The counter of counter mode.
    Iteration(Format),
    /// What the other modes iterate over.
    Feedback,
    /// The counter beside it.
    Counter(Format),
    /// The length of all keys in bits.
    Length {
        of: LengthOf,
        format: Format,
    },
    Bytes(&'a [u8]),
    /// The value of the next of [`Mechanism::keys`](crate::mechanism::Mechanism::keys).
    Key(Handle),
}

/// How a number is written.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    pub little_endian: bool,
    /// 1 to 8.
    pub bytes: usize,
}

/// `CK_SP800_108_DKM_LENGTH_METHOD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthOf {
    Keys,
    /// Of the pseudorandom function's output: each key takes whole blocks of it.
    Segments,
}

impl LengthOf {
    const SUM_OF_KEYS: u64 = 1;
    const SUM_OF_SEGMENTS: u64 = 2;

    /// `CK_SP800_108_DKM_LENGTH_METHOD`.
    pub fn method(self) -> u64 {
        match self {
            Self::Keys => Self::SUM_OF_KEYS,
            Self::Segments => Self::SUM_OF_SEGMENTS,
        }
    }
}

/// Which of the three functions, and so which data fields there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Counter,
    Feedback,
    DoublePipeline,
}

/// The pseudorandom functions of table "SP800-108 Pseudo Random Functions".
const PRFS: [(MechanismType, Prf); 10] = [
    (MechanismType::SHA_1_HMAC, Prf::Hmac(Hash::Sha1)),
    (MechanismType::SHA224_HMAC, Prf::Hmac(Hash::Sha224)),
    (MechanismType::SHA256_HMAC, Prf::Hmac(Hash::Sha256)),
    (MechanismType::SHA384_HMAC, Prf::Hmac(Hash::Sha384)),
    (MechanismType::SHA512_HMAC, Prf::Hmac(Hash::Sha512)),
    (MechanismType::SHA3_224_HMAC, Prf::Hmac(Hash::Sha3_224)),
    (MechanismType::SHA3_256_HMAC, Prf::Hmac(Hash::Sha3_256)),
    (MechanismType::SHA3_384_HMAC, Prf::Hmac(Hash::Sha3_384)),
    (MechanismType::SHA3_512_HMAC, Prf::Hmac(Hash::Sha3_512)),
    (MechanismType::AES_CMAC, Prf::AesCmac),
];

impl Prf {
    /// `CK_SP800_108_PRF_TYPE`.
    ///
    /// # Errors
    /// MechanismParamInvalid for a hash that the table does not have.
    pub fn mechanism(self) -> Result<MechanismType> {
        let row = PRFS.iter().find(|row| row.1 == self);
        row.map(|row| row.0).ok_or_else(|| bad(format!("PRF {self:?}")))
    }

    /// Length of its output in bytes.
    pub const fn size(self) -> usize {
        match self {
            Self::Hmac(hash) => hash.size(),
            Self::AesCmac => 16,
        }
    }
}

impl Format {
    /// The last bytes of `number` that the format has room for.
    pub fn write(self, number: u64) -> impl AsRef<[u8]> {
        let mut bytes = number.to_le_bytes()[..self.bytes].to_vec();
        if !self.little_endian {
            bytes.reverse();
        }
        bytes
    }

    pub fn holds(self, number: u64) -> bool {
        self.bytes == 8 || number >> (8 * self.bytes) == 0
    }
}

/// Of CKM_SP800_108_COUNTER_KDF.
pub fn counter(raw: RawParams<'_>) -> Result<Params<'_>> {
    parsed(Mode::Counter, raw.sp800_108()?)
}

/// Of CKM_SP800_108_FEEDBACK_KDF.
pub fn feedback(raw: RawParams<'_>) -> Result<Params<'_>> {
    parsed(Mode::Feedback, raw.sp800_108_feedback()?)
}

/// Of CKM_SP800_108_DOUBLE_PIPELINE_KDF.
pub fn double_pipeline(raw: RawParams<'_>) -> Result<Params<'_>> {
    parsed(Mode::DoublePipeline, raw.sp800_108()?)
}

fn parsed(mode: Mode, raw: RawSp800108<'_>) -> Result<Params<'_>> {
    let prf = PRFS.iter().find(|row| row.0.0 == raw.prf).map(|row| row.1);
    let prf = prf.ok_or_else(|| bad(format!("PRF {:?}", MechanismType(raw.prf))))?;
    let fields: Vec<_> = raw.fields.iter().map(|raw| field(mode, raw)).collect::<Result<_>>()?;
    let count =
        |wanted: fn(&Field<'_>) -> bool| fields.iter().filter(|field| wanted(field)).count();
    let iterations = count(|field| matches!(field, Field::Iteration(_) | Field::Feedback));
    let counters = count(|field| matches!(field, Field::Counter(_)));
    let lengths = count(|field| matches!(field, Field::Length { .. }));
    if (iterations, counters.max(1), lengths.max(1)) != (1, 1, 1) {
        return Err(bad(format!(
            "{iterations} iteration variables, {counters} counters, {lengths} lengths"
        )));
    }
    Ok(Params::Sp800108(Sp800108 { prf, fields, iv: raw.iv, further: raw.further }))
}

/// `CK_PRF_DATA_TYPE`.
const ITERATION_VARIABLE: u64 = 1;
const COUNTER: u64 = 2;
const DKM_LENGTH: u64 = 3;
const BYTE_ARRAY: u64 = 4;
const KEY_HANDLE: u64 = 5;

impl Field<'_> {
    /// `CK_PRF_DATA_TYPE`.
    pub fn kind(&self) -> u64 {
        match self {
            Self::Iteration(_) | Self::Feedback => ITERATION_VARIABLE,
            Self::Counter(_) => COUNTER,
            Self::Length { .. } => DKM_LENGTH,
            Self::Bytes(_) => BYTE_ARRAY,
            Self::Key(_) => KEY_HANDLE,
        }
    }
}

fn field<'a>(mode: Mode, raw: &RawField<'a>) -> Result<Field<'a>> {
    /// The counter has at most 32 bits (NIST SP 800-108 section 5).
    const WIDEST_COUNTER: u64 = 32;
    let counter = || {
        let (little_endian, bits) = raw.value.counter_format()?;
        format(little_endian, bits, WIDEST_COUNTER)
    };
    match (raw.kind, mode) {
        (ITERATION_VARIABLE, Mode::Counter) => counter().map(Field::Iteration),
        (ITERATION_VARIABLE, _) if raw.value.is_empty() => Ok(Field::Feedback),
        (ITERATION_VARIABLE, _) => Err(bad("an iteration variable with a format".to_owned())),
        (COUNTER, Mode::Feedback | Mode::DoublePipeline) => counter().map(Field::Counter),
        (DKM_LENGTH, _) => {
            let (method, little_endian, bits) = raw.value.length_format()?;
            let of = match method {
                LengthOf::SUM_OF_KEYS => LengthOf::Keys,
                LengthOf::SUM_OF_SEGMENTS => LengthOf::Segments,
                other => return Err(bad(format!("length method {other}"))),
            };
            Ok(Field::Length { of, format: format(little_endian, bits, 64)? })
        }
        (BYTE_ARRAY, _) => match raw.value.bytes()? {
            [] => Err(bad("an empty byte array".to_owned())),
            bytes => Ok(Field::Bytes(bytes)),
        },
        (KEY_HANDLE, _) => raw.value.number().map(|key| Field::Key(Handle::from_raw(key))),
        (other, mode) => Err(bad(format!("data field {other} in {mode:?} mode"))),
    }
}

/// Whole bytes, at least one.
fn format(little_endian: bool, bits: u64, widest: u64) -> Result<Format> {
    match (8..=widest).contains(&bits) && bits.is_multiple_of(8) {
        true => Ok(Format { little_endian, bytes: bits as usize / 8 }),
        false => Err(bad(format!("a number of {bits} bits"))),
    }
}

fn bad(what: String) -> Error {
    Code::MechanismParamInvalid.because(format!("SP 800-108 with {what}"))
}
