//! `SubjectPublicKeyInfo` (RFC 5280 section 4.1) of public keys: `CKA_PUBLIC_KEY_INFO`.

use ::spki::{AlgorithmIdentifierRef, ObjectIdentifier, SubjectPublicKeyInfoRef};
use der::Encode;
use der::asn1::{AnyRef, BitStringRef, UintRef};
use pkcs1::RsaPublicKeyRef;

use super::pkcs8::{DhParameter, DsaParameters};
use super::{DH, DSA, EC, RSA};
use crate::engine::curve::Curve;
use crate::error::{Code, Context, Result};

const WHAT: &str = "encode a public key";

fn info(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifierRef { oid, parameters };
    let subject_public_key = BitStringRef::from_bytes(key).or_code(Code::GeneralError, WHAT)?;
    SubjectPublicKeyInfoRef { algorithm, subject_public_key }
        .to_der()
        .or_code(Code::GeneralError, WHAT)
}

fn number(bytes: &[u8]) -> Result<UintRef<'_>> {
    UintRef::new(bytes).or_code(Code::AttributeValueInvalid, WHAT)
}

/// RFC 8017 appendix A.1.1.
pub(in crate::engine) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Vec<u8>> {
    let key = RsaPublicKeyRef { modulus: number(modulus)?, public_exponent: number(exponent)? };
    let key = key.to_der().or_code(Code::GeneralError, WHAT)?;
    info(RSA, Some(AnyRef::NULL), &key)
}

/// RFC 5480 section 2 for most curves, RFC 8410 section 4 for curve 25519.
pub(in crate::engine) fn ec(curve: Curve, point: &[u8]) -> Result<Vec<u8>> {
    let oid = curve.oid();
    match curve {
        Curve::Edwards25519 | Curve::Curve25519 => info(oid, None, point),
        _ => info(EC, Some(AnyRef::from(&oid)), point),
    }
}

/// PKCS #3 section 9 for the parameters, RFC 2631's INTEGER for the public value.
pub(in crate::engine) fn dh(prime: &[u8], base: &[u8], public: &[u8]) -> Result<Vec<u8>> {
    let parameters =
        DhParameter { prime: number(prime)?, base: number(base)?, private_value_length: None };
    let parameters = parameters.to_der().or_code(Code::GeneralError, WHAT)?;
    let parameters = AnyRef::try_from(&parameters[..]).or_code(Code::GeneralError, WHAT)?;
    let key = number(public)?.to_der().or_code(Code::GeneralError, WHAT)?;
    info(DH, Some(parameters), &key)
}

/// RFC 3279 section 2.3.2; the parameters are p, q and g.
pub(in crate::engine) fn dsa(parameters: [&[u8]; 3], public: &[u8]) -> Result<Vec<u8>> {
    let [p, q, g] = parameters;
    let parameters = DsaParameters { p: number(p)?, q: number(q)?, g: number(g)? };
    let parameters = parameters.to_der().or_code(Code::GeneralError, WHAT)?;
    let parameters = AnyRef::try_from(&parameters[..]).or_code(Code::GeneralError, WHAT)?;
    let key = number(public)?.to_der().or_code(Code::GeneralError, WHAT)?;
    info(DSA, Some(parameters), &key)
}
