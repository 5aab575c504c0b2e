//! `CK_SP800_108_KDF_PARAMS` and `CK_SP800_108_FEEDBACK_KDF_PARAMS`.

use std::ptr;

use pkcs11_sys as ck;

use super::{Call, Further, len, place};
use crate::error::{Code, Result};
use crate::mechanism::MechanismType;
use crate::mechanism::params::sp800_108::{Field, Format, Sp800108};

/// What a `CK_PRF_DATA_PARAM` points to.
enum Pointee<'a> {
    Nothing,
    Counter(ck::CK_SP800_108_COUNTER_FORMAT),
    Length(ck::CK_SP800_108_DKM_LENGTH_FORMAT),
    Bytes(&'a [u8]),
    Key(ck::CK_OBJECT_HANDLE),
}

impl Call<'_> {
    /// The handles of the further keys come back in `further`. A template that the module refuses
    /// has the handle 0 afterwards, and so has then what the application gave for it.
    pub(super) fn sp800_108<T>(
        &self,
        params: &Sp800108<'_>,
        further: &mut Further<'_>,
        body: impl FnOnce(&mut ck::CK_MECHANISM) -> Result<T>,
    ) -> Result<T> {
        if params.further.len() != further.rows.len() {
            return Err(Code::MechanismParamInvalid.because(format!(
                "{} further keys in the parameters, {} wanted",
                params.further.len(),
                further.rows.len()
            )));
        }
        let mut pointees = self.pointees(&params.fields)?;
        let kinds = params.fields.iter().map(Field::kind);
        let mut fields: Vec<_> =
            kinds.zip(&mut pointees).map(|(kind, pointee)| field(kind, pointee)).collect();
        let mut handles = vec![ck::CK_OBJECT_HANDLE::MAX; further.rows.len()];
        let mut keys: Vec<_> = further
            .rows
            .iter_mut()
            .zip(&mut handles)
            .map(|(rows, handle)| ck::CK_DERIVED_KEY {
                pTemplate: rows.pointer(),
                ulAttributeCount: rows.count(),
                phKey: ptr::from_mut(handle),
            })
            .collect();
        let answer = self.with_arrays(params, &mut fields, &mut keys, body);
        if answer.is_err() {
            let refused = handles.iter().zip(&params.further).filter(|(handle, _)| **handle == 0);
            refused.for_each(|(_, key)| key.handle.set(None));
        }
        further.handles = handles;
        answer
    }

    fn with_arrays<T>(
        &self,
        params: &Sp800108<'_>,
        fields: &mut [ck::CK_PRF_DATA_PARAM],
        keys: &mut [ck::CK_DERIVED_KEY],
        body: impl FnOnce(&mut ck::CK_MECHANISM) -> Result<T>,
    ) -> Result<T> {
        let prf = params.prf.mechanism()?.0 as ck::CK_SP800_108_PRF_TYPE;
        let (field_count, key_count) = (fields.len() as ck::CK_ULONG, keys.len() as ck::CK_ULONG);
        let keys = if keys.is_empty() { ptr::null_mut() } else { keys.as_mut_ptr() };
        if self.id == MechanismType::SP800_108_FEEDBACK_KDF {
            let structure = ck::CK_SP800_108_FEEDBACK_KDF_PARAMS {
                prfType: prf,
                ulNumberOfDataParams: field_count,
                pDataParams: fields.as_mut_ptr(),
                ulIVLen: len(params.iv),
                pIV: place(params.iv),
                ulAdditionalDerivedKeys: key_count,
                pAdditionalDerivedKeys: keys,
            };
            return self.structure(structure, body);
        }
        let structure = ck::CK_SP800_108_KDF_PARAMS {
            prfType: prf,
            ulNumberOfDataParams: field_count,
            pDataParams: fields.as_mut_ptr(),
            ulAdditionalDerivedKeys: key_count,
            pAdditionalDerivedKeys: keys,
        };
        self.structure(structure, body)
    }

    fn pointees<'f>(&self, fields: &[Field<'f>]) -> Result<Vec<Pointee<'f>>> {
        let mut keys = 0..;
        let pointee = |field: &Field<'f>| {
            Ok(match field {
                Field::Feedback => Pointee::Nothing,
                Field::Iteration(format) | Field::Counter(format) => {
                    Pointee::Counter(ck::CK_SP800_108_COUNTER_FORMAT {
                        bLittleEndian: format.little_endian.into(),
                        ulWidthInBits: bits(*format),
                    })
                }
                Field::Length { of, format } => {
                    Pointee::Length(ck::CK_SP800_108_DKM_LENGTH_FORMAT {
                        dkmLengthMethod: of.method() as ck::CK_SP800_108_DKM_LENGTH_METHOD,
                        bLittleEndian: format.little_endian.into(),
                        ulWidthInBits: bits(*format),
                    })
                }
                Field::Bytes(bytes) => Pointee::Bytes(bytes),
                Field::Key(_) => Pointee::Key(self.key(keys.next().unwrap_or(usize::MAX))?),
            })
        };
        fields.iter().map(pointee).collect()
    }
}

fn bits(format: Format) -> ck::CK_ULONG {
    8 * format.bytes as ck::CK_ULONG
}

fn field(kind: u64, pointee: &mut Pointee<'_>) -> ck::CK_PRF_DATA_PARAM {
    let (pointer, len): (ck::CK_VOID_PTR, usize) = match pointee {
        Pointee::Nothing => (ptr::null_mut(), 0),
        Pointee::Counter(format) => (ptr::from_mut(format).cast(), size_of_val(format)),
        Pointee::Length(format) => (ptr::from_mut(format).cast(), size_of_val(format)),
        Pointee::Bytes(bytes) => (place(bytes).cast(), bytes.len()),
        Pointee::Key(handle) => (ptr::from_mut(handle).cast(), size_of_val(handle)),
    };
    ck::CK_PRF_DATA_PARAM {
        type_: kind as ck::CK_PRF_DATA_TYPE,
        pValue: pointer,
        ulValueLen: len as ck::CK_ULONG,
    }
}
