//! Reading PKCS#8 (RFC 5958): what an unwrapped private key says of itself.

use ::spki::ObjectIdentifier;
use der::asn1::{AnyRef, OctetStringRef, UintRef};
use der::{Decode, Header, Reader, SliceReader};
use pkcs1::RsaPrivateKeyRef;
use pkcs8::PrivateKeyInfoRef;

use super::pkcs8::{DhParameter, DsaParameters, EcPrivateKey};
use super::{DH, DSA, EC, RSA};
use crate::attribute::{AttributeType, Attributes, KeyType, Value};
use crate::engine::curve::Curve;
use crate::error::{Code, Context, Result};
use crate::secret::Secret;

const WHAT: &str = "read a PKCS#8 private key";

/// The key type and the attributes that the encoding of a private key holds. Whether the numbers
/// are a key is [`complete`](crate::engine::complete)'s to say.
///
/// # Errors
/// WrappedKeyInvalid for anything but the DER of a PKCS#8 key of a type known here;
/// CurveNotSupported for a key on another curve.
pub fn private_key(der: &[u8]) -> Result<(KeyType, Attributes)> {
    let info = PrivateKeyInfoRef::from_der(unpadded(der)).or_code(Code::WrappedKeyInvalid, WHAT)?;
    let key = info.private_key.as_bytes();
    let (oid, parameters) = (info.algorithm.oid, info.algorithm.parameters);
    match oid {
        RSA => match parameters {
            Some(parameters) if parameters == AnyRef::NULL => Ok((KeyType::RSA, rsa(key)?)),
            _ => Err(invalid("the parameters of an RSA key must be NULL")),
        },
        EC => {
            let oid = parameters.ok_or_else(|| invalid("an EC key without its curve"))?;
            let oid = oid.decode_as().or_code(Code::WrappedKeyInvalid, WHAT)?;
            Ok((KeyType::EC, ec(oid, key)?))
        }
        DH => {
            let parameters = parameters.ok_or_else(|| invalid("a DH key without its group"))?;
            Ok((KeyType::DH, dh(parameters, key)?))
        }
        DSA => {
            let parameters =
                parameters.ok_or_else(|| invalid("a DSA key without its parameters"))?;
            Ok((KeyType::DSA, dsa(parameters, key)?))
        }
        _ => match Curve::of_oid(oid).filter(|curve| curve.key_type() != KeyType::EC) {
            Some(curve) if parameters.is_none() => Ok((curve.key_type(), rfc8410(curve, key)?)),
            Some(_) => Err(invalid("RFC 8410 section 3: no parameters")),
            None => Err(invalid("an unknown key type")),
        },
    }
}

/// The encoding without the zeros behind it: SoftHSM2 fills the encoding up to whole blocks of key
/// wrap (8 bytes) with them, also where the mechanism pads itself.
fn unpadded(der: &[u8]) -> &[u8] {
    let end = || {
        let mut reader = SliceReader::new(der).ok()?;
        let length = usize::try_from(Header::decode(&mut reader).ok()?.length()).ok()?;
        usize::try_from(reader.position()).ok()?.checked_add(length)
    };
    match end().and_then(|end| der.split_at_checked(end)) {
        Some((whole, rest)) if rest.len() < 8 && rest.iter().all(|byte| *byte == 0) => whole,
        _ => der,
    }
}

#[track_caller]
#[cold]
fn invalid(why: &'static str) -> crate::error::Error {
    Code::WrappedKeyInvalid.because(why)
}

fn secret(bytes: &[u8]) -> Value {
    Value::secret(Secret::copy_of(bytes))
}

fn rsa(der: &[u8]) -> Result<Attributes> {
    let key = RsaPrivateKeyRef::from_der(der).or_code(Code::WrappedKeyInvalid, WHAT)?;
    if key.other_prime_infos.is_some() {
        return Err(invalid("an RSA key of more than two primes"));
    }
    let public = |number: UintRef<'_>| Value::bytes(number.as_bytes());
    let private = |number: UintRef<'_>| secret(number.as_bytes());
    Ok(Attributes::from_iter([
        (AttributeType::MODULUS, public(key.modulus)),
        (AttributeType::PUBLIC_EXPONENT, public(key.public_exponent)),
        (AttributeType::PRIVATE_EXPONENT, private(key.private_exponent)),
        (AttributeType::PRIME_1, private(key.prime1)),
        (AttributeType::PRIME_2, private(key.prime2)),
        (AttributeType::EXPONENT_1, private(key.exponent1)),
        (AttributeType::EXPONENT_2, private(key.exponent2)),
        (AttributeType::COEFFICIENT, private(key.coefficient)),
    ]))
}

fn ec(oid: ObjectIdentifier, der: &[u8]) -> Result<Attributes> {
    let curve = Curve::of_oid(oid)
        .filter(|curve| curve.key_type() == KeyType::EC)
        .ok_or_else(|| Code::CurveNotSupported.because(format!("curve {oid}")))?;
    let key = EcPrivateKey::from_der(der).or_code(Code::WrappedKeyInvalid, WHAT)?;
    let value = key.private_key.as_bytes();
    if key.version != 1 || value.len() > curve.size() {
        return Err(invalid("no RFC 5915 key of its curve"));
    }
    if key.parameters.is_some_and(|inner| inner != oid) {
        return Err(invalid("two different curves in one key"));
    }
    Ok(on_curve(curve, value))
}

fn rfc8410(curve: Curve, der: &[u8]) -> Result<Attributes> {
    let value = <&OctetStringRef>::from_der(der).or_code(Code::WrappedKeyInvalid, WHAT)?;
    match value.as_bytes() {
        value if value.len() == curve.size() => Ok(on_curve(curve, value)),
        value => Err(Code::WrappedKeyInvalid
            .because(format!("{} bytes for a key on {curve:?}", value.len()))),
    }
}

fn on_curve(curve: Curve, value: &[u8]) -> Attributes {
    Attributes::from_iter([
        (AttributeType::EC_PARAMS, Value::bytes(curve.params())),
        (AttributeType::VALUE, secret(value)),
    ])
}

fn dh(parameters: AnyRef<'_>, der: &[u8]) -> Result<Attributes> {
    let group: DhParameter<'_> = parameters.decode_as().or_code(Code::WrappedKeyInvalid, WHAT)?;
    let value = UintRef::from_der(der).or_code(Code::WrappedKeyInvalid, WHAT)?;
    Ok(Attributes::from_iter([
        (AttributeType::PRIME, Value::bytes(group.prime.as_bytes())),
        (AttributeType::BASE, Value::bytes(group.base.as_bytes())),
        (AttributeType::VALUE, secret(value.as_bytes())),
    ]))
}

fn dsa(parameters: AnyRef<'_>, der: &[u8]) -> Result<Attributes> {
    let group: DsaParameters<'_> = parameters.decode_as().or_code(Code::WrappedKeyInvalid, WHAT)?;
    let value = UintRef::from_der(der).or_code(Code::WrappedKeyInvalid, WHAT)?;
    Ok(Attributes::from_iter([
        (AttributeType::PRIME, Value::bytes(group.p.as_bytes())),
        (AttributeType::SUBPRIME, Value::bytes(group.q.as_bytes())),
        (AttributeType::BASE, Value::bytes(group.g.as_bytes())),
        (AttributeType::VALUE, secret(value.as_bytes())),
    ]))
}
