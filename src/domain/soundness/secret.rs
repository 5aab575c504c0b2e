//! Secret keys that anybody would try first.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};

/// Shortest beginning of the block that says something: a check value (PKCS#11, CKA_CHECK_VALUE).
const BLOCK_MIN: usize = 3;

/// What is weak about an AES key that makes this of sixteen zero bytes.
pub(super) fn weakness(zero_block: &[u8]) -> Option<String> {
    if zero_block.len() < BLOCK_MIN {
        return None;
    }
    guesses().find(|(key, _)| encrypts_to(key, zero_block)).map(|(key, what)| {
        let likely = if zero_block.len() < 16 { ", to judge by its check value" } else { "" };
        format!("it is the {}-bit key of {what}{likely}", key.len() * 8)
    })
}

/// Keys of one repeated byte, and those that count up.
fn guesses() -> impl Iterator<Item = (Vec<u8>, String)> {
    [16u8, 24, 32].into_iter().flat_map(|length| {
        let repeated = (0..=u8::MAX)
            .map(move |byte| (vec![byte; usize::from(length)], format!("nothing but {byte:#04x}")));
        let counting = [0u8, 1].map(|first| {
            ((first..first + length).collect(), format!("bytes that count from {first}"))
        });
        repeated.chain(counting)
    })
}

fn encrypts_to(key: &[u8], zero_block: &[u8]) -> bool {
    let mut block = Block::default();
    match key.len() {
        16 => Aes128::new_from_slice(key).map(|cipher| cipher.encrypt_block(&mut block)),
        24 => Aes192::new_from_slice(key).map(|cipher| cipher.encrypt_block(&mut block)),
        _ => Aes256::new_from_slice(key).map(|cipher| cipher.encrypt_block(&mut block)),
    }
    .is_ok_and(|()| block.starts_with(zero_block))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_anybody_tries_are_found() {
        // AES-256 of all zeros, and FIPS 197's example key of 128 bits.
        let zeros = [0xDC, 0x95, 0xC0, 0x78, 0xA2, 0x40, 0x89, 0x89];
        assert!(weakness(&zeros).expect("weak").contains("256-bit key of nothing but 0x00"));
        let counting = [0xC6, 0xA1, 0x3B];
        let said = weakness(&counting).expect("weak");
        assert!(said.contains("128-bit key of bytes that count from 0"), "{said}");
    }

    #[test]
    fn other_keys_and_short_values_are_not() {
        assert_eq!(weakness(&[0xDC, 0x95]), None);
        assert_eq!(weakness(&[0xDC, 0x95, 0xC0, 0x00]), None);
    }
}
