//! Keys whose private halves anybody can read.

/// The x coordinate or the whole public key, in hexadecimal, and where its private half stands.
#[rustfmt::skip]
const PUBLISHED: &[(&str, &str)] = &[
    ("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296", "1: it is the generator of P-256"),
    ("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7", "1: it is the generator of P-384"),
    ("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", "1: it is the generator of secp256k1"),
    ("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6", "in RFC 6979, A.2.5"),
    ("ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13", "in RFC 6979, A.2.6"),
    ("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "in RFC 8032, 7.1"),
    ("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "in RFC 8032, 7.1"),
    ("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "in RFC 8032, 7.1"),
];

/// What is wrong with a public key on a curve.
pub(super) fn point(point: &[u8]) -> Option<String> {
    let shown: String = match point.split_first() {
        Some((4, coordinates)) if point.len() % 2 == 1 => {
            hex(&coordinates[..coordinates.len() / 2])
        }
        _ => hex(point),
    };
    PUBLISHED
        .iter()
        .find(|(public, _)| *public == shown)
        .map(|(_, place)| format!("its private key is published: {place}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use p256::elliptic_curve::sec1::ToSec1Point;

    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        let digit = |place| u8::from_str_radix(&text[place..place + 2], 16).expect("hexadecimal");
        (0..text.len()).step_by(2).map(digit).collect()
    }

    fn scalar(text: &str, length: usize) -> Vec<u8> {
        bytes(&format!("{text:0>width$}", width = length * 2))
    }

    #[test]
    fn the_published_private_keys_belong_to_the_public_ones() {
        let p256 = |private: &str| {
            let key = p256::SecretKey::from_slice(&scalar(private, 32)).expect("a key");
            key.public_key().to_sec1_point(false).as_bytes().to_vec()
        };
        let p384 = |private: &str| {
            let key = p384::SecretKey::from_slice(&scalar(private, 48)).expect("a key");
            key.public_key().to_sec1_point(false).as_bytes().to_vec()
        };
        let ed25519 = |seed: &str| {
            let seed: [u8; 32] = bytes(seed).try_into().expect("32 bytes");
            ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes().to_vec()
        };
        for public in [
            p256("1"),
            p256("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"),
            p384("1"),
            p384(
                "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8\
                 96d5724e4c70a825f872c9ea60d2edf5",
            ),
            ed25519("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"),
            ed25519("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
            ed25519("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"),
        ] {
            assert!(point(&public).is_some(), "{}", hex(&public));
        }
        assert_eq!(point(&p256("2")), None);
        assert_eq!(point(&[]), None);
    }
}
