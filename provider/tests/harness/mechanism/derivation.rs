//! Mechanisms that derive several keys, and answer in their parameters.

use std::sync::atomic::AtomicU64;

use super::{Attribute, Mechanism, MechanismType, address, flat};
use crate::harness::attribute::words;

/// One `CK_PRF_DATA_PARAM`.
#[derive(Clone, Copy, Debug)]
pub enum Field<'a> {
    /// The iteration variable of counter mode: little-endian, bits.
    Iteration(bool, u64),
    /// That of the other modes.
    Feedback,
    /// Little-endian, bits.
    Counter(bool, u64),
    /// Method, little-endian, bits.
    Length(u64, bool, u64),
    Bytes(&'a [u8]),
    Key(u64),
    /// A field of that number without a value.
    Other(u64),
}

impl Field<'_> {
    fn parts(self) -> (u64, Vec<u8>) {
        match self {
            Self::Iteration(little, bits) => (1, flat(&[little.into(), bits])),
            Self::Feedback => (1, Vec::new()),
            Self::Counter(little, bits) => (2, flat(&[little.into(), bits])),
            Self::Length(method, little, bits) => (3, flat(&[method, little.into(), bits])),
            Self::Bytes(bytes) => (4, bytes.to_vec()),
            Self::Key(handle) => (5, flat(&[handle])),
            Self::Other(number) => (number, Vec::new()),
        }
    }
}

impl Mechanism {
    /// `CK_SP800_108_KDF_PARAMS`, or with an IV `CK_SP800_108_FEEDBACK_KDF_PARAMS`, and the
    /// templates of additional keys, whose handles are [`returned`](Self::returned).
    pub fn sp800_108(
        id: MechanismType,
        prf: MechanismType,
        fields: &[Field<'_>],
        iv: Option<&[u8]>,
        further: &[Vec<Attribute>],
    ) -> Self {
        let (mut array, mut pointees) = (Vec::new(), Vec::new());
        for (kind, value) in fields.iter().map(|field| field.parts()) {
            array.extend([kind, address(&value), value.len() as u64]);
            pointees.push(value);
        }
        let returned: Vec<_> = further.iter().map(|_| AtomicU64::new(u64::MAX)).collect();
        let templates: Vec<_> = further.to_vec();
        let mut keys = Vec::new();
        for (template, handle) in templates.iter().zip(&returned) {
            let entries = flat(&words(template));
            keys.extend([address(&entries), template.len() as u64, handle.as_ptr() as u64]);
            pointees.push(entries);
        }
        let (array, keys) = (flat(&array), flat(&keys));
        let iv = iv.map(<[u8]>::to_vec);
        let mut parameter = vec![prf.0, fields.len() as u64, address(&array)];
        if let Some(iv) = &iv {
            parameter.extend([iv.len() as u64, address(iv)]);
        }
        parameter.extend([further.len() as u64, address(&keys)]);
        pointees.extend([array, keys, iv.unwrap_or_default()]);
        let len = parameter.len() * 8;
        let mut mechanism = Self::structure(id, parameter, len, pointees);
        mechanism._templates = templates;
        mechanism.returned = returned;
        mechanism
    }
}
