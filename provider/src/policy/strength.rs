//! Security strength (NIST SP 800-57 part 1 revision 5, table 2).

use crate::attribute::{AttributeType, Attributes, KeyType};
use crate::engine::curve::Curve;
use crate::mechanism::Params;

/// No key counts as stronger.
const MOST: u64 = 256;

/// Strength in bits of a key, as far as its attributes tell.
pub(super) fn of_key(key: &Attributes) -> Option<u64> {
    let bits = |id| key.bytes(id).map(significant_bits);
    match key.key_type()? {
        KeyType::RSA => bits(AttributeType::MODULUS).map(finite_field),
        KeyType::DH | KeyType::DSA => bits(AttributeType::PRIME).map(finite_field),
        curve @ (KeyType::EC | KeyType::EC_EDWARDS | KeyType::EC_MONTGOMERY) => {
            Curve::of(key, curve).ok().map(Curve::strength)
        }
        KeyType::DES => Some(56),
        // Two keys give no more than one; three as much as two.
        KeyType::DES2 => Some(80),
        KeyType::DES3 => Some(112),
        _ => key.bytes(AttributeType::VALUE).map(|value| of_bytes(value.len())),
    }
}

/// Strength of what a mechanism puts between the wrapping key and the wrapped one: a temporary AES
/// key.
pub(super) fn of_mechanism(params: &Params<'_>) -> u64 {
    match params {
        Params::RsaAesWrap(params) => of_bytes(params.size),
        Params::EcdhAesWrap(params) => of_bytes(params.size),
        _ => MOST,
    }
}

fn of_bytes(len: usize) -> u64 {
    (len as u64).saturating_mul(8).min(MOST)
}

fn finite_field(bits: u64) -> u64 {
    match bits {
        ..2048 => 80,
        2048..3072 => 112,
        3072..7680 => 128,
        7680..15360 => 192,
        _ => MOST,
    }
}

/// Length of a big-endian number in bits.
pub(crate) fn significant_bits(number: &[u8]) -> u64 {
    let digits = number.iter().position(|byte| *byte != 0).map_or(&[][..], |i| &number[i..]);
    match digits {
        [] => 0,
        [first, ..] => digits.len() as u64 * 8 - u64::from(first.leading_zeros()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Value;

    fn key(key_type: KeyType, id: AttributeType, value: &[u8]) -> Attributes {
        let kind = (AttributeType::KEY_TYPE, Value::Number(key_type.0));
        [kind, (id, Value::bytes(value))].into_iter().collect()
    }

    #[test]
    fn strengths_are_those_of_the_table() {
        let number = |bits: usize| [vec![0x80], vec![0; bits / 8 - 1]].concat();
        for (key_type, id) in
            [(KeyType::RSA, AttributeType::MODULUS), (KeyType::DH, AttributeType::PRIME)]
        {
            for (bits, strength) in
                [(1024, 80), (2048, 112), (3072, 128), (4096, 128), (7680, 192), (15360, 256)]
            {
                assert_eq!(of_key(&key(key_type, id, &number(bits))), Some(strength), "{bits}");
            }
        }
        for (curve, strength) in [
            (Curve::P224, 112),
            (Curve::P256, 128),
            (Curve::Secp256k1, 128),
            (Curve::P384, 192),
            (Curve::P521, 256),
            (Curve::Edwards25519, 128),
            (Curve::Curve25519, 128),
        ] {
            let key = key(curve.key_type(), AttributeType::EC_PARAMS, &curve.params());
            assert_eq!(of_key(&key), Some(strength), "{curve:?}");
        }
        for (key_type, len, strength) in [
            (KeyType::AES, 16, 128),
            (KeyType::AES, 32, 256),
            (KeyType::GENERIC_SECRET, 64, 256),
            (KeyType::DES, 8, 56),
            (KeyType::DES2, 16, 80),
            (KeyType::DES3, 24, 112),
        ] {
            let key = key(key_type, AttributeType::VALUE, &vec![1; len]);
            assert_eq!(of_key(&key), Some(strength), "{key_type:?}");
        }
    }

    #[test]
    fn of_a_key_without_material_nothing_is_known() {
        assert_eq!(of_key(&Attributes::new()), None);
        let nameless = key(KeyType::EC, AttributeType::EC_PARAMS, b"no curve");
        assert_eq!(of_key(&nameless), None);
    }
}
