//! AES in the block modes ECB and CBC, with and without the padding of PKCS #7.

use crate::backend::Operation;
use crate::engine::Lease;
use crate::engine::blocks::{self, Cipher, Padding};
use crate::engine::secret::SecretKey;
use crate::error::Result;
use crate::ffi::awslc::cipher::{self, BLOCK, Direction};
use crate::mechanism::Params;
use crate::secret::Secret;

/// From so many bytes on, ECB in the engine's parallel code wins, although it expands the key:
/// measured, 165 ns against 265 ns at 512 bytes, 2.7 us against 11 us at 16 KiB, even at 256.
const PARALLEL: usize = 256;

/// Starts `CKM_AES_ECB` and `CKM_AES_CBC` in `C_EncryptInit`; the parameter tells which.
///
/// # Errors
/// KeyTypeInconsistent or KeySizeRange for a key that is no AES key; so the next three.
pub fn encrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    run(key, params, Direction::Encrypt, Padding::None)
}

/// Starts `CKM_AES_ECB` and `CKM_AES_CBC` in `C_DecryptInit`.
pub fn decrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    run(key, params, Direction::Decrypt, Padding::None)
}

/// Starts `CKM_AES_CBC_PAD` in `C_EncryptInit`.
pub fn encrypt_padded(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    run(key, params, Direction::Encrypt, Padding::Pkcs7)
}

/// Starts `CKM_AES_CBC_PAD` in `C_DecryptInit`.
pub fn decrypt_padded(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    run(key, params, Direction::Decrypt, Padding::Pkcs7)
}

/// `C_WrapKey` with `CKM_AES_ECB` and `CKM_AES_CBC`. Malleable, as the next three.
///
/// # Errors
/// KeyTypeInconsistent or KeySizeRange for a key that is no AES key; so the next three.
pub fn wrap(key: &Lease, params: &Params<'_>, encoding: &[u8]) -> Result<Vec<u8>> {
    blocks::wrap(keyed(key, params, Direction::Encrypt)?, Padding::None, encoding)
}

/// `C_UnwrapKey` with `CKM_AES_ECB` and `CKM_AES_CBC`: the zero bytes behind the key are still there.
///
/// # Errors
/// Beside those above: WrappedKeyLenRange, WrappedKeyInvalid; so the last of the four.
pub fn unwrap(key: &Lease, params: &Params<'_>, wrapped: &[u8]) -> Result<Secret> {
    blocks::unwrap(keyed(key, params, Direction::Decrypt)?, Padding::None, wrapped)
}

/// `C_WrapKey` with `CKM_AES_CBC_PAD`.
pub fn wrap_padded(key: &Lease, params: &Params<'_>, encoding: &[u8]) -> Result<Vec<u8>> {
    blocks::wrap(keyed(key, params, Direction::Encrypt)?, Padding::Pkcs7, encoding)
}

/// `C_UnwrapKey` with `CKM_AES_CBC_PAD`.
pub fn unwrap_padded(key: &Lease, params: &Params<'_>, wrapped: &[u8]) -> Result<Secret> {
    blocks::unwrap(keyed(key, params, Direction::Decrypt)?, Padding::Pkcs7, wrapped)
}

/// Encrypts whole blocks in ECB, or in CBC under `iv`.
///
/// # Errors
/// KeySizeRange for a key that is no AES key.
pub(super) fn encrypt_blocks(
    key: &SecretKey,
    iv: Option<[u8; BLOCK]>,
    input: &[u8],
    output: &mut [u8],
) -> Result<()> {
    Mode::of(iv).run(key, Direction::Encrypt, input, output)
}

/// Undoes [`encrypt_blocks`].
///
/// # Errors
/// KeySizeRange for a key that is no AES key.
pub(super) fn decrypt_blocks(
    key: &SecretKey,
    iv: Option<[u8; BLOCK]>,
    input: &[u8],
    output: &mut [u8],
) -> Result<()> {
    Mode::of(iv).run(key, Direction::Decrypt, input, output)
}

/// A key with the state of its mode.
struct Aes {
    key: Lease,
    mode: Mode,
}

enum Mode {
    Ecb,
    /// With the IV of the next block.
    Cbc([u8; BLOCK]),
}

fn run(
    key: &Lease,
    params: &Params<'_>,
    direction: Direction,
    padding: Padding,
) -> Result<Operation> {
    Ok(blocks::operation(keyed(key, params, direction)?, direction, padding))
}

/// The cipher, for a key that is expanded now if it was not before.
fn keyed(key: &Lease, params: &Params<'_>, direction: Direction) -> Result<Aes> {
    SecretKey::of(key)?.schedule(direction)?;
    let mode = match params {
        Params::Iv(iv) => Mode::Cbc(*iv),
        _ => Mode::Ecb,
    };
    Ok(Aes { key: key.clone(), mode })
}

impl Cipher<BLOCK> for Aes {
    fn run(&mut self, direction: Direction, input: &[u8], output: &mut [u8]) -> Result<()> {
        self.mode.run(SecretKey::of(&self.key)?, direction, input, output)
    }
}

impl Mode {
    fn of(iv: Option<[u8; BLOCK]>) -> Self {
        iv.map_or(Self::Ecb, Self::Cbc)
    }

    fn run(
        &mut self,
        key: &SecretKey,
        direction: Direction,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<()> {
        match self {
            Self::Cbc(iv) => key.schedule(direction)?.cbc(iv, input, output),
            Self::Ecb if input.len() >= PARALLEL => {
                cipher::ecb(direction, key.value(), input, output)?;
            }
            Self::Ecb => {
                let schedule = key.schedule(direction)?;
                for (from, to) in input.as_chunks().0.iter().zip(output.as_chunks_mut().0) {
                    *to = schedule.block(from);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::*;
    use crate::error::Code;
    use crate::mechanism::Function::{Decrypt, Encrypt};
    use crate::mechanism::MechanismType as M;

    const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51
                         30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710";

    fn vector(digits: &str) -> Vec<u8> {
        unhex(&digits.split_whitespace().collect::<String>())
    }

    fn params(id: M) -> Params<'static> {
        match id {
            M::AES_ECB => Params::None,
            _ => Params::Iv(std::array::from_fn(|i| i as u8)),
        }
    }

    /// NIST SP 800-38A, F.1 and F.2.
    const VECTORS: [(M, &str, &str); 6] = [
        (
            M::AES_ECB,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "3ad77bb40d7a3660a89ecaf32466ef97 f5d3d58503b9699de785895a96fdbaaf
             43b1cd7f598ece23881b00e3ed030688 7b0c785e27e8ad3f8223207104725dd4",
        ),
        (
            M::AES_ECB,
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            "bd334f1d6e45f25ff712a214571fa5cc 974104846d0ad3ad7734ecb3ecee4eef
             ef7afd2270e2e60adce0ba2face6444e 9a4b41ba738d6c72fb16691603c18e0e",
        ),
        (
            M::AES_ECB,
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "f3eed1bdb5d2a03c064b5a7e3db181f8 591ccb10d410ed26dc5ba74a31362870
             b6ed21b99ca6f4f9f153e7b1beafed1d 23304b7a39f9f3ff067d8d8f9e24ecc7",
        ),
        (
            M::AES_CBC,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "7649abac8119b246cee98e9b12e9197d 5086cb9b507219ee95db113a917678b2
             73bed6b8e3c1743b7116e69e22229516 3ff1caa1681fac09120eca307586e1a7",
        ),
        (
            M::AES_CBC,
            "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
            "4f021db243bc633d7178183a9fa071e8 b4d9ada9ad7dedf4e5e738763f69145a
             571b242012fb7ae07fa9baac3df102e0 08b0e27988598881d920a9e64f5615cd",
        ),
        (
            M::AES_CBC,
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "f58c4c04d6e5f1ba779eabfb5f7bfbd6 9cfc4e967edb808d679f777bc6702c7d
             39f23369a9d9bacfa530e26304231461 b2eb05e2c39be9fcda6c19078c6a9d1b",
        ),
    ];

    #[test]
    fn ecb_and_cbc_give_the_vectors_of_nist() {
        for (id, secret, cipher) in VECTORS {
            let (key, plain, cipher) = (key(&unhex(secret)), vector(PLAIN), vector(cipher));
            let (seal, open) =
                (start(id, Encrypt, &key, &params(id)), start(id, Decrypt, &key, &params(id)));
            assert_eq!(once(seal.unwrap(), &plain).unwrap(), cipher, "{id:?}");
            assert_eq!(once(open.unwrap(), &cipher).unwrap(), plain, "{id:?}");
        }
    }

    #[test]
    fn parts_give_what_the_whole_gives() {
        for id in [M::AES_ECB, M::AES_CBC, M::AES_CBC_PAD] {
            for (size, len) in [16, 24, 32]
                .into_iter()
                .flat_map(|k| [0, 1, 15, 16, 17, 32, 100, 496, 512, 2000].map(|len| (k, len)))
            {
                let len = if id == M::AES_CBC_PAD { len } else { len / 16 * 16 };
                let (key, plain) = (key(&pattern(size)), pattern(len));
                let begin = |function| start(id, function, &key, &params(id)).unwrap();
                let cipher = once(begin(Encrypt), &plain).unwrap();
                assert_eq!(once(begin(Decrypt), &cipher).unwrap(), plain);
                for sizes in SPLITS {
                    assert_eq!(
                        parts(begin(Encrypt), &plain, sizes).unwrap(),
                        cipher,
                        "{id:?} {len}"
                    );
                    assert_eq!(
                        parts(begin(Decrypt), &cipher, sizes).unwrap(),
                        plain,
                        "{id:?} {len}"
                    );
                }
            }
        }
    }

    #[test]
    fn padding_is_that_of_pkcs_7() {
        let key = key(&pattern(32));
        for len in 0..50_usize {
            let pad = 16 - len % 16;
            let padded = [pattern(len), vec![pad as u8; pad]].concat();
            let by_hand = start(M::AES_CBC, Encrypt, &key, &params(M::AES_CBC)).unwrap();
            let padding = start(M::AES_CBC_PAD, Encrypt, &key, &params(M::AES_CBC)).unwrap();
            assert_eq!(once(padding, &pattern(len)).unwrap(), once(by_hand, &padded).unwrap());
        }
    }

    #[test]
    fn full_blocks_come_out_of_an_update_at_once_and_padding_holds_one_back() {
        let key = key(&pattern(16));
        for (id, function, expected) in [
            (M::AES_ECB, Encrypt, 16),
            (M::AES_CBC, Decrypt, 16),
            (M::AES_CBC_PAD, Encrypt, 16),
            (M::AES_CBC_PAD, Decrypt, 0),
        ] {
            let operation = transform(start(id, function, &key, &params(id)).unwrap());
            assert_eq!(operation.output_size(16, false).unwrap(), expected, "{id:?} {function:?}");
            assert_eq!(operation.output_size(17, false).unwrap(), 16);
        }
    }

    #[test]
    fn the_final_call_right_after_the_first_gives_nothing_but_padding() {
        let key = key(&pattern(16));
        for (id, function, expected) in
            [(M::AES_ECB, Encrypt, 0), (M::AES_CBC, Decrypt, 0), (M::AES_CBC_PAD, Encrypt, 16)]
        {
            let out = once(start(id, function, &key, &params(id)).unwrap(), &[]).unwrap();
            assert_eq!(out.len(), expected, "{id:?} {function:?}");
        }
        // A ciphertext without a block holds no padding.
        let open = start(M::AES_CBC_PAD, Decrypt, &key, &params(M::AES_CBC)).unwrap();
        assert_eq!(code(once(open, &[])), Code::EncryptedDataLenRange);
    }

    #[test]
    fn a_partial_block_is_out_of_range() {
        let key = key(&pattern(16));
        for (id, function, expected) in [
            (M::AES_ECB, Encrypt, Code::DataLenRange),
            (M::AES_ECB, Decrypt, Code::EncryptedDataLenRange),
            (M::AES_CBC, Encrypt, Code::DataLenRange),
            (M::AES_CBC, Decrypt, Code::EncryptedDataLenRange),
            (M::AES_CBC_PAD, Decrypt, Code::EncryptedDataLenRange),
        ] {
            let begin = || start(id, function, &key, &params(id)).unwrap();
            assert_eq!(code(once(begin(), &pattern(17))), expected);
            assert_eq!(code(parts(begin(), &pattern(17), &[5])), expected);
            // Also when the caller never asked for the size.
            assert_eq!(code(transform(begin()).finish(&pattern(17), &mut [0; 64])), expected);
        }
    }

    #[test]
    fn every_wrong_padding_is_refused_with_one_code_and_leaves_nothing() {
        let key = key(&pattern(16));
        let wrong = |last: [u8; 16]| {
            let plain = [[7; 16], last].concat();
            let seal = start(M::AES_CBC, Encrypt, &key, &params(M::AES_CBC)).unwrap();
            let cipher = once(seal, &plain).unwrap();
            let mut open =
                transform(start(M::AES_CBC_PAD, Decrypt, &key, &params(M::AES_CBC)).unwrap());
            let mut out = vec![0xee; 31];
            let code = code(open.finish(&cipher, &mut out));
            assert_eq!(out[..16], [0; 16]);
            code
        };
        assert_eq!(wrong([0; 16]), Code::EncryptedDataInvalid);
        assert_eq!(wrong([17; 16]), Code::EncryptedDataInvalid);
        assert_eq!(wrong([255; 16]), Code::EncryptedDataInvalid);
        for at in 0..15 {
            let mut last = [16; 16];
            last[at] = 15;
            assert_eq!(wrong(last), Code::EncryptedDataInvalid, "byte {at}");
        }
    }

    #[test]
    fn a_key_that_is_no_aes_key_starts_nothing() {
        let key = key(&pattern(20));
        assert_eq!(code(start(M::AES_ECB, Encrypt, &key, &Params::None)), Code::KeySizeRange);
    }
}
