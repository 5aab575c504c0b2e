//! Elliptic curves by name, and the encodings that PKCS#11 has for curves and points.

use der::asn1::{BitStringRef, OctetStringRef, PrintableStringRef};
use der::{Decode, Encode};
use spki::ObjectIdentifier;

use crate::attribute::{AttributeType, Attributes, KeyType, Value};
use crate::engine::encoding;
use crate::engine::part::required;
use crate::error::{Code, Context, Result};
use crate::secret::Secret;

/// The curves of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    P224,
    P256,
    P384,
    P521,
    Secp256k1,
    Edwards25519,
    Curve25519,
}

struct Row {
    curve: Curve,
    key_type: KeyType,
    oid: ObjectIdentifier,
    /// What `curveName` may say; the specification's name first.
    names: &'static [&'static str],
    /// Length of a private value in bytes.
    size: usize,
    /// Security strength in bits (NIST SP 800-57 part 1 revision 5, table 2).
    strength: u64,
}

/// RFC 5480 section 2.1.1.1, RFC 8410 section 3 and SEC 2 appendix A.2 name the curves of `oId`.
static CURVES: [Row; 7] = [
    Row {
        curve: Curve::P224,
        key_type: KeyType::EC,
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.33"),
        names: &["secp224r1", "P-224"],
        size: 28,
        strength: 112,
    },
    Row {
        curve: Curve::P256,
        key_type: KeyType::EC,
        oid: ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        names: &["prime256v1", "secp256r1", "P-256"],
        size: 32,
        strength: 128,
    },
    Row {
        curve: Curve::P384,
        key_type: KeyType::EC,
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.34"),
        names: &["secp384r1", "P-384"],
        size: 48,
        strength: 192,
    },
    Row {
        curve: Curve::P521,
        key_type: KeyType::EC,
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.35"),
        names: &["secp521r1", "P-521"],
        size: 66,
        strength: 256,
    },
    Row {
        curve: Curve::Secp256k1,
        key_type: KeyType::EC,
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.10"),
        names: &["secp256k1"],
        size: 32,
        strength: 128,
    },
    Row {
        curve: Curve::Edwards25519,
        key_type: KeyType::EC_EDWARDS,
        oid: ObjectIdentifier::new_unwrap("1.3.101.112"),
        names: &["edwards25519", "Ed25519"],
        size: 32,
        strength: 128,
    },
    Row {
        curve: Curve::Curve25519,
        key_type: KeyType::EC_MONTGOMERY,
        oid: ObjectIdentifier::new_unwrap("1.3.101.110"),
        names: &["curve25519", "X25519"],
        size: 32,
        strength: 128,
    },
];

impl Curve {
    fn row(self) -> &'static Row {
        CURVES.iter().find(|row| row.curve == self).expect("every curve has a row")
    }

    /// The curve that `CKA_EC_PARAMS` names, which must be one for keys of `key_type`.
    ///
    /// # Errors
    /// TemplateIncomplete without parameters; DomainParamsInvalid for parameters that name no
    /// curve; CurveNotSupported for other curves.
    pub(crate) fn of(attributes: &Attributes, key_type: KeyType) -> Result<Self> {
        let params = required(attributes, AttributeType::EC_PARAMS)?;
        let row = if let Ok(oid) = ObjectIdentifier::from_der(params) {
            CURVES.iter().find(|row| row.oid == oid)
        } else if let Ok(name) = PrintableStringRef::from_der(params) {
            CURVES.iter().find(|row| row.names.contains(&name.as_str()))
        } else {
            return Err(Code::DomainParamsInvalid
                .because("the EC parameters are neither an OID nor a curve name"));
        };
        match row {
            Some(row) if row.key_type == key_type => Ok(row.curve),
            Some(row) => Err(Code::CurveNotSupported
                .because(format!("{:?} is no curve for {key_type:?}", row.curve))),
            None => Err(Code::CurveNotSupported.because("an unknown curve")),
        }
    }

    /// What generation adds to the public and to the private half, whose curve stays as the
    /// template named it.
    pub(super) fn halves(
        self,
        template: &Attributes,
        point: &[u8],
        private: Secret,
    ) -> Result<(Attributes, Attributes)> {
        let info = Value::bytes(encoding::ec_public_key_info(self, point)?);
        let params = required(template, AttributeType::EC_PARAMS)?;
        let public = Attributes::from_iter([
            (AttributeType::EC_POINT, Value::bytes(encode_point(point)?)),
            (AttributeType::PUBLIC_KEY_INFO, info.clone()),
        ]);
        let private = Attributes::from_iter([
            (AttributeType::EC_PARAMS, Value::bytes(params)),
            (AttributeType::VALUE, Value::secret(private)),
            (AttributeType::PUBLIC_KEY_INFO, info),
        ]);
        Ok((public, private))
    }

    /// The curve with this object identifier.
    pub(super) fn of_oid(oid: ObjectIdentifier) -> Option<Self> {
        CURVES.iter().find(|row| row.oid == oid).map(|row| row.curve)
    }

    pub(super) fn oid(self) -> ObjectIdentifier {
        self.row().oid
    }

    /// `CKA_EC_PARAMS` of the choice `oId`.
    pub(crate) fn params(self) -> Vec<u8> {
        self.oid().to_der().expect("an OID that was checked when compiled has an encoding")
    }

    pub(crate) fn key_type(self) -> KeyType {
        self.row().key_type
    }

    pub(crate) fn strength(self) -> u64 {
        self.row().strength
    }

    /// Length in bytes of a private value, of half a signature and of a shared secret.
    pub(crate) fn size(self) -> usize {
        self.row().size
    }
}

/// The bytes of a point that is given raw, as a DER OCTET STRING or as a DER BIT STRING: the first
/// of these readings that `fits` (the lengths of points leave no doubt which one is meant).
pub(super) fn point(value: &[u8], fits: impl Fn(&[u8]) -> bool) -> Option<&[u8]> {
    let octets = <&OctetStringRef>::from_der(value).ok().map(OctetStringRef::as_bytes);
    let bits = BitStringRef::from_der(value).ok().and_then(|bits| bits.as_bytes());
    [octets, bits, Some(value)].into_iter().flatten().find(|bytes| fits(bytes))
}

/// `CKA_EC_POINT`: the point as a DER OCTET STRING.
///
/// Version 3.2 of the specification has the bare bytes for Edwards and Montgomery curves; the
/// versions before it and the clients in use have this for all.
pub(super) fn encode_point(point: &[u8]) -> Result<Vec<u8>> {
    const WHAT: &str = "encode a point";
    let octets = OctetStringRef::new(point).or_code(Code::GeneralError, WHAT)?;
    octets.to_der().or_code(Code::GeneralError, WHAT)
}

/// The `CKA_VALUE` of a private key on curve 25519: a seed or a scalar.
///
/// # Errors
/// TemplateIncomplete without one; AttributeValueInvalid for another length than 32 bytes.
pub(super) fn private_value(attributes: &Attributes) -> Result<&[u8; 32]> {
    let value = required(attributes, AttributeType::VALUE)?;
    value.try_into().map_err(|_| {
        Code::AttributeValueInvalid.because(format!("a private key of {} bytes", value.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(params: &[u8], key_type: KeyType) -> Result<Curve> {
        let row = (AttributeType::EC_PARAMS, Value::bytes(params));
        Curve::of(&Attributes::from_iter([row]), key_type)
    }

    #[test]
    fn curves_are_found_by_oid_and_by_name_for_their_own_key_type_only() {
        for row in &CURVES {
            let oid = row.oid.to_der().unwrap();
            assert_eq!(of(&oid, row.key_type).unwrap(), row.curve);
            for name in row.names {
                let name = PrintableStringRef::new(name).unwrap().to_der().unwrap();
                assert_eq!(of(&name, row.key_type).unwrap(), row.curve);
                let error = of(&name, KeyType::DH).unwrap_err();
                assert_eq!(error.code(), Code::CurveNotSupported);
            }
        }
    }

    #[test]
    fn other_parameters_get_the_codes_of_the_specification() {
        let secp192k1 = b"\x06\x05\x2b\x81\x04\x00\x1f";
        let cases: [(&[u8], Code); 5] = [
            (secp192k1, Code::CurveNotSupported),
            (b"\x13\x04what", Code::CurveNotSupported),
            (b"\x05\x00", Code::DomainParamsInvalid),
            (b"\x30\x03\x02\x01\x01", Code::DomainParamsInvalid),
            (b"", Code::TemplateIncomplete),
        ];
        for (params, code) in cases {
            assert_eq!(of(params, KeyType::EC).unwrap_err().code(), code, "{params:x?}");
        }
    }
}
