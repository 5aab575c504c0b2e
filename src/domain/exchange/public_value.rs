//! A peer's public value, checked before any private key touches it, as SubjectPublicKeyInfo PEM.

use der::asn1::{Any, BitString, ObjectIdentifier, UintRef};
use der::pem::LineEnding;
use der::{Decode, DecodePem, Encode, EncodePem, Sequence};
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::{GENERATOR, Group, PRIME, ffdhe3072};
use crate::domain::public_key::{EC_PUBLIC_KEY, SECP256R1};
use crate::error::{Kind, Result};

const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
/// dhKeyAgreement of PKCS#3: what OpenSSL writes for a named finite-field group, too.
const DH_KEY_AGREEMENT: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.3.1");

/// p of Curve25519, little-endian.
const X25519_PRIME: [u8; 32] = {
    let mut prime = [0xFF; 32];
    prime[0] = 0xED;
    prime[31] = 0x7F;
    prime
};

/// The u-coordinates of small order other than 0, 1 and p - 1: order 8, little-endian
/// (RFC 7748, 6.1 leaves the check to the protocol; ours makes it, since the token would not
/// show an all-zero secret).
const X25519_ORDER_8: [[u8; 32]; 2] = [
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
];

/// A public value that is in its group and gives no key away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicValue {
    group: Group,
    bytes: Vec<u8>,
}

#[derive(Sequence)]
struct DhParameters<'a> {
    prime: UintRef<'a>,
    base: UintRef<'a>,
    #[asn1(optional = "true")]
    private_value_length: Option<u32>,
}

impl PublicValue {
    /// Checks a value: its length, its range, that it lies on the curve and not in a subgroup of
    /// small order.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`] when it fails a check.
    pub fn new(group: Group, bytes: &[u8]) -> Result<Self> {
        let valid = bytes.len() == group.value_len()
            && match group {
                Group::X25519 => is_valid_x25519(bytes),
                Group::P256 => bytes[0] == 4 && p256::PublicKey::from_sec1_bytes(bytes).is_ok(),
                Group::Ffdhe3072 => bytes.try_into().is_ok_and(ffdhe3072::is_valid),
            };
        if !valid {
            return Err(Kind::NotAuthentic
                .because(format!("the public value is not a valid {group} value"))
                .advise("it may be damaged or hostile: ask the peer for a new one"));
        }
        Ok(Self { group, bytes: bytes.to_vec() })
    }

    /// The group.
    pub fn group(&self) -> Group {
        self.group
    }

    /// The value, of [`Group::value_len`] bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The value as a PEM file that OpenSSL reads, too.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it, which the checks rule out.
    pub fn to_pem(&self) -> Result<String> {
        self.to_spki().and_then(|spki| spki.to_pem(LineEnding::LF)).map_err(|error| {
            Kind::Internal.because("cannot encode the public value").caused_by(error)
        })
    }

    /// Reads and checks a PEM file.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is not a public key, [`Kind::Refused`] for a foreign group,
    /// [`Kind::NotAuthentic`] for an invalid value.
    pub fn from_pem(pem: &[u8]) -> Result<Self> {
        let malformed = |error: der::Error| {
            Kind::Malformed.because("not a public value in PEM").caused_by(error)
        };
        let spki = SubjectPublicKeyInfoOwned::from_pem(pem).map_err(malformed)?;
        let group = group_of(&spki.algorithm)?;
        let bits = spki.subject_public_key.as_bytes().unwrap_or_default();
        match group {
            Group::X25519 | Group::P256 => Self::new(group, bits),
            Group::Ffdhe3072 => {
                let y = UintRef::from_der(bits).map_err(malformed)?;
                Self::new(group, &padded(y.as_bytes(), group.value_len()))
            }
        }
    }

    fn to_spki(&self) -> der::Result<SubjectPublicKeyInfoOwned> {
        let (oid, parameters) = match self.group {
            Group::X25519 => (X25519, None),
            Group::P256 => (EC_PUBLIC_KEY, Some(Any::encode_from(&SECP256R1)?)),
            Group::Ffdhe3072 => {
                let parameters = DhParameters {
                    prime: UintRef::new(&PRIME)?,
                    base: UintRef::new(&GENERATOR)?,
                    private_value_length: None,
                };
                (DH_KEY_AGREEMENT, Some(Any::encode_from(&parameters)?))
            }
        };
        let bits = match self.group {
            Group::X25519 | Group::P256 => self.bytes.clone(),
            Group::Ffdhe3072 => UintRef::new(&self.bytes)?.to_der()?,
        };
        Ok(SubjectPublicKeyInfoOwned {
            algorithm: AlgorithmIdentifierOwned { oid, parameters },
            subject_public_key: BitString::from_bytes(&bits)?,
        })
    }
}

fn group_of(algorithm: &AlgorithmIdentifierOwned) -> Result<Group> {
    let parameters = algorithm.parameters.as_ref();
    let group = match algorithm.oid {
        X25519 if parameters.is_none() => Some(Group::X25519),
        EC_PUBLIC_KEY => parameters
            .and_then(|any| any.decode_as::<ObjectIdentifier>().ok())
            .filter(|curve| *curve == SECP256R1)
            .map(|_| Group::P256),
        DH_KEY_AGREEMENT => parameters
            .and_then(|any| any.to_der().ok())
            .filter(|der| {
                DhParameters::from_der(der)
                    .is_ok_and(|dh| dh.prime.as_bytes() == PRIME && dh.base.as_bytes() == GENERATOR)
            })
            .map(|_| Group::Ffdhe3072),
        _ => None,
    };
    group.ok_or_else(|| {
        Kind::Refused
            .because(format!("the peer's public value is in a foreign group ({})", algorithm.oid))
            .advise("both sides use one of x25519, p256 and ffdhe3072")
    })
}

/// Canonical (below p) and not of small order.
fn is_valid_x25519(bytes: &[u8]) -> bool {
    let mut big_endian = bytes.to_vec();
    big_endian.reverse();
    let mut last = X25519_PRIME;
    last[0] -= 1;
    last.reverse();
    let mut one = [0; 32];
    one[31] = 1;
    big_endian.as_slice() > &one[..]
        && big_endian.as_slice() < &last[..]
        && X25519_ORDER_8.iter().all(|low| low != bytes)
}

/// Big-endian bytes with zeros in front; a longer value stays as it is and fails its check.
fn padded(bytes: &[u8], length: usize) -> Vec<u8> {
    let mut value = vec![0; length.saturating_sub(bytes.len())];
    value.extend_from_slice(bytes);
    value
}

#[cfg(test)]
mod tests {
    use p256::elliptic_curve::sec1::ToSec1Point;

    use super::*;

    /// The base point of each group: a valid value that the tests start from.
    fn base_point(group: Group) -> Vec<u8> {
        match group {
            Group::X25519 => [vec![9], vec![0; 31]].concat(),
            Group::P256 => p256::PublicKey::from_affine(p256::AffinePoint::GENERATOR)
                .expect("the generator is not the identity")
                .to_sec1_point(false)
                .as_bytes()
                .to_vec(),
            Group::Ffdhe3072 => padded(&GENERATOR, 384),
        }
    }

    #[test]
    fn a_value_survives_the_way_through_pem() {
        for (group, _) in Group::ALL {
            let value = PublicValue::new(group, &base_point(group)).expect("valid");
            let pem = value.to_pem().expect("PEM");
            assert_eq!(PublicValue::from_pem(pem.as_bytes()).expect("read"), value);
        }
    }

    #[test]
    fn values_of_small_order_are_refused() {
        let mut last = X25519_PRIME;
        last[0] -= 1;
        let mut one = [0; 32];
        one[0] = 1;
        let small = [[0; 32], one, last, X25519_PRIME, [0xFF; 32]];
        for u in small.iter().chain(&X25519_ORDER_8) {
            assert!(PublicValue::new(Group::X25519, u).is_err(), "{u:02x?}");
        }
    }

    #[test]
    fn a_point_off_the_curve_is_refused() {
        let mut point = base_point(Group::P256);
        point[64] ^= 1;
        assert!(PublicValue::new(Group::P256, &point).is_err());
        assert!(PublicValue::new(Group::P256, &[0; 65]).is_err());
    }

    #[test]
    fn a_value_of_another_length_is_refused() {
        for (group, _) in Group::ALL {
            let point = base_point(group);
            assert!(PublicValue::new(group, &point[..point.len() - 1]).is_err());
            assert!(PublicValue::new(group, &[&point[..], &[0]].concat()).is_err());
            assert!(PublicValue::new(group, &[]).is_err());
        }
    }

    #[test]
    fn a_foreign_prime_is_refused() {
        let value = PublicValue::new(Group::Ffdhe3072, &base_point(Group::Ffdhe3072)).expect("ok");
        let mut spki = value.to_spki().expect("SPKI");
        let mut prime = PRIME;
        prime[100] ^= 1;
        let parameters = DhParameters {
            prime: UintRef::new(&prime).expect("an integer"),
            base: UintRef::new(&GENERATOR).expect("an integer"),
            private_value_length: None,
        };
        spki.algorithm.parameters = Some(Any::encode_from(&parameters).expect("DER"));
        let pem = spki.to_pem(LineEnding::LF).expect("PEM");
        let error = PublicValue::from_pem(pem.as_bytes()).expect_err("refused");
        assert_eq!(error.kind(), Kind::Refused);
    }
}
