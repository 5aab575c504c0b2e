//! `CK_SP800_108_KDF_PARAMS` and `CK_SP800_108_FEEDBACK_KDF_PARAMS`.

use pkcs11_sys as ck;

use super::{RawParams, bytes, wide};
use crate::attribute::Template;
use crate::error::{Code, Result};
use crate::ffi::place::Place;
use crate::ffi::template;

/// Both structures as they were given; without an IV where the structure has none.
pub struct RawSp800108<'a> {
    pub prf: u64,
    pub fields: Vec<RawField<'a>>,
    pub iv: &'a [u8],
    pub further: Vec<FurtherKey<'a>>,
}

/// `CK_PRF_DATA_PARAM`.
pub struct RawField<'a> {
    pub kind: u64,
    pub value: RawParams<'a>,
}

/// `CK_DERIVED_KEY`: one more key to derive, and where its handle goes.
#[derive(Clone, Debug)]
pub struct FurtherKey<'a> {
    pub template: Template<'a>,
    pub handle: Place<'a, ck::CK_OBJECT_HANDLE>,
}

/// More elements than any derivation has: a count beyond it is a mistake, not an array.
const MOST_ELEMENTS: u64 = 1 << 12;

impl<'a> RawParams<'a> {
    /// `CK_SP800_108_KDF_PARAMS`.
    pub fn sp800_108(self) -> Result<RawSp800108<'a>> {
        let raw: ck::CK_SP800_108_KDF_PARAMS = self.structure()?;
        Ok(RawSp800108 {
            prf: wide(raw.prfType),
            fields: fields(raw.pDataParams, raw.ulNumberOfDataParams)?,
            iv: &[],
            further: further(raw.pAdditionalDerivedKeys, raw.ulAdditionalDerivedKeys)?,
        })
    }

    /// `CK_SP800_108_FEEDBACK_KDF_PARAMS`.
    pub fn sp800_108_feedback(self) -> Result<RawSp800108<'a>> {
        let raw: ck::CK_SP800_108_FEEDBACK_KDF_PARAMS = self.structure()?;
        Ok(RawSp800108 {
            prf: wide(raw.prfType),
            fields: fields(raw.pDataParams, raw.ulNumberOfDataParams)?,
            // SAFETY: the application's promise for the pointers in its structure.
            iv: unsafe { bytes(raw.pIV, wide(raw.ulIVLen), "pIV")? },
            further: further(raw.pAdditionalDerivedKeys, raw.ulAdditionalDerivedKeys)?,
        })
    }

    /// Little-endian and width in bits of `CK_SP800_108_COUNTER_FORMAT`.
    pub fn counter_format(self) -> Result<(bool, u64)> {
        let raw: ck::CK_SP800_108_COUNTER_FORMAT = self.structure()?;
        Ok((raw.bLittleEndian != 0, wide(raw.ulWidthInBits)))
    }

    /// Method, little-endian and width in bits of `CK_SP800_108_DKM_LENGTH_FORMAT`.
    pub fn length_format(self) -> Result<(u64, bool, u64)> {
        let raw: ck::CK_SP800_108_DKM_LENGTH_FORMAT = self.structure()?;
        Ok((wide(raw.dkmLengthMethod), raw.bLittleEndian != 0, wide(raw.ulWidthInBits)))
    }
}

fn fields<'a>(
    pointer: *const ck::CK_PRF_DATA_PARAM,
    count: ck::CK_ULONG,
) -> Result<Vec<RawField<'a>>> {
    let read = |raw: ck::CK_PRF_DATA_PARAM| {
        let Ok(len) = isize::try_from(raw.ulValueLen) else {
            return Err(Code::MechanismParamInvalid
                .because(format!("ulValueLen {:#x} of a data field", raw.ulValueLen)));
        };
        if raw.pValue.is_null() && len != 0 {
            return Err(Code::MechanismParamInvalid.because("pValue of a data field is NULL"));
        }
        // SAFETY: the application's promise for the pointers in its structure.
        let value = unsafe { RawParams::new(raw.pValue, len as usize) };
        Ok(RawField { kind: wide(raw.type_), value })
    };
    elements(pointer, count, "pDataParams")?.into_iter().map(read).collect()
}

fn further<'a>(
    pointer: *const ck::CK_DERIVED_KEY,
    count: ck::CK_ULONG,
) -> Result<Vec<FurtherKey<'a>>> {
    let read = |raw: ck::CK_DERIVED_KEY| {
        // SAFETY: the application's promise for the pointers in its structure.
        let handle = unsafe { Place::new(raw.phKey, "phKey of an additional key")? };
        // SAFETY: as above.
        match unsafe { template::read(raw.pTemplate, raw.ulAttributeCount) } {
            Ok(template) => Ok(FurtherKey { template, handle }),
            Err(e) => {
                handle.set(None);
                Err(e)
            }
        }
    };
    elements(pointer, count, "pAdditionalDerivedKeys")?.into_iter().map(read).collect()
}

/// The elements of an array of structures.
fn elements<T: Copy>(pointer: *const T, count: ck::CK_ULONG, what: &'static str) -> Result<Vec<T>> {
    if wide(count) > MOST_ELEMENTS || pointer.is_null() && count != 0 {
        return Err(Code::MechanismParamInvalid.because(format!("{what}: {count} elements")));
    }
    // SAFETY: not NULL, and within `count` elements, which the application promised to be readable;
    // applications misalign them.
    Ok((0..count as usize).map(|i| unsafe { pointer.add(i).read_unaligned() }).collect())
}
