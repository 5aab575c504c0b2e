//! PKCS#8 (RFC 5958) of private keys: the structure inside differs by key type.

use ::spki::{AlgorithmIdentifierRef, ObjectIdentifier};
use der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use der::{Encode, Sequence};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;

use super::{DH, DSA, EC, RSA, secret_der};
use crate::attribute::{AttributeType, Attributes, KeyType};
use crate::engine::curve::Curve;
use crate::engine::ec::EcKey;
use crate::engine::part::required;
use crate::error::{Code, Context, Result};
use crate::secret::Secret;

const WHAT: &str = "encode a private key";

/// `ECPrivateKey` of RFC 5915 section 3, without the parameters that PKCS#8 has outside.
#[derive(Sequence)]
pub(super) struct EcPrivateKey<'a> {
    pub version: u8,
    pub private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", optional = "true", tag_mode = "EXPLICIT")]
    pub parameters: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", optional = "true", tag_mode = "EXPLICIT")]
    pub public_key: Option<BitStringRef<'a>>,
}

/// `DHParameter` of PKCS #3 section 9.
#[derive(Sequence)]
pub(super) struct DhParameter<'a> {
    pub prime: UintRef<'a>,
    pub base: UintRef<'a>,
    pub private_value_length: Option<u32>,
}

/// `Dss-Parms` of RFC 3279 section 2.3.2.
#[derive(Sequence)]
pub(super) struct DsaParameters<'a> {
    pub p: UintRef<'a>,
    pub q: UintRef<'a>,
    pub g: UintRef<'a>,
}

fn unsigned(bytes: &[u8]) -> Result<UintRef<'_>> {
    UintRef::new(bytes).or_code(Code::KeyNotWrappable, WHAT)
}

/// A number of the key; what is missing is the key's fault.
fn number(attributes: &Attributes, id: AttributeType) -> Result<UintRef<'_>> {
    part(attributes, id).and_then(unsigned)
}

fn part(attributes: &Attributes, id: AttributeType) -> Result<&[u8]> {
    required(attributes, id).map_err(|error| error.with_code(Code::KeyNotWrappable))
}

fn info(oid: ObjectIdentifier, parameters: Option<AnyRef<'_>>, key: &[u8]) -> Result<Secret> {
    let key = OctetStringRef::new(key).or_code(Code::GeneralError, WHAT)?;
    secret_der(&PrivateKeyInfoRef::new(AlgorithmIdentifierRef { oid, parameters }, key))
}

pub(super) fn rsa(attributes: &Attributes) -> Result<Secret> {
    let key = secret_der(&RsaPrivateKeyRef {
        modulus: number(attributes, AttributeType::MODULUS)?,
        public_exponent: number(attributes, AttributeType::PUBLIC_EXPONENT)?,
        private_exponent: number(attributes, AttributeType::PRIVATE_EXPONENT)?,
        prime1: number(attributes, AttributeType::PRIME_1)?,
        prime2: number(attributes, AttributeType::PRIME_2)?,
        exponent1: number(attributes, AttributeType::EXPONENT_1)?,
        exponent2: number(attributes, AttributeType::EXPONENT_2)?,
        coefficient: number(attributes, AttributeType::COEFFICIENT)?,
        other_prime_infos: None,
    })?;
    info(RSA, Some(AnyRef::NULL), key.expose())
}

pub(super) fn ec(attributes: &Attributes) -> Result<Secret> {
    let curve = Curve::of(attributes, KeyType::EC)?;
    let public = EcKey::import(attributes)?.point()?;
    let value = padded(part(attributes, AttributeType::VALUE)?, curve.size())?;
    let key = secret_der(&EcPrivateKey {
        version: 1,
        private_key: OctetStringRef::new(value.expose()).or_code(Code::GeneralError, WHAT)?,
        parameters: None,
        public_key: Some(BitStringRef::from_bytes(&public).or_code(Code::GeneralError, WHAT)?),
    })?;
    let oid = curve.oid();
    info(EC, Some(AnyRef::from(&oid)), key.expose())
}

/// A big integer with as many bytes as the curve's numbers have.
fn padded(value: &[u8], len: usize) -> Result<Secret> {
    let zeros = value.iter().take_while(|byte| **byte == 0).count();
    let value = &value[zeros..];
    match len.checked_sub(value.len()) {
        Some(front) => Ok(Secret::with(len, |out| out[front..].copy_from_slice(value))),
        None => Err(Code::AttributeValueInvalid.because("the number is too long for its curve")),
    }
}

/// RFC 8410 section 7: `CurvePrivateKey`, an OCTET STRING in the OCTET STRING.
pub(super) fn curve25519(attributes: &Attributes) -> Result<Secret> {
    let curve = Curve::of(attributes, attributes.key_type().unwrap_or(KeyType::EC_EDWARDS))?;
    let value = part(attributes, AttributeType::VALUE)?;
    let key = secret_der(&OctetStringRef::new(value).or_code(Code::GeneralError, WHAT)?)?;
    info(curve.oid(), None, key.expose())
}

/// PKCS #3: the parameters outside, the private value an INTEGER.
pub(super) fn dh(attributes: &Attributes) -> Result<Secret> {
    let parameters = DhParameter {
        prime: number(attributes, AttributeType::PRIME)?,
        base: number(attributes, AttributeType::BASE)?,
        private_value_length: attributes
            .number(AttributeType::VALUE_BITS)
            .and_then(|bits| bits.try_into().ok()),
    };
    let parameters = parameters.to_der().or_code(Code::GeneralError, WHAT)?;
    let parameters = AnyRef::try_from(&parameters[..]).or_code(Code::GeneralError, WHAT)?;
    let key = secret_der(&number(attributes, AttributeType::VALUE)?)?;
    info(DH, Some(parameters), key.expose())
}

/// As PKCS #3: the parameters outside, the private value an INTEGER (section "Wrapping/unwrapping
/// private keys").
pub(super) fn dsa(attributes: &Attributes) -> Result<Secret> {
    let parameters = DsaParameters {
        p: number(attributes, AttributeType::PRIME)?,
        q: number(attributes, AttributeType::SUBPRIME)?,
        g: number(attributes, AttributeType::BASE)?,
    };
    let parameters = parameters.to_der().or_code(Code::GeneralError, WHAT)?;
    let parameters = AnyRef::try_from(&parameters[..]).or_code(Code::GeneralError, WHAT)?;
    let key = secret_der(&number(attributes, AttributeType::VALUE)?)?;
    info(DSA, Some(parameters), key.expose())
}
