//! AES in counter mode with a counter of 1 to 128 bits.

use crate::backend::{Operation, Transform};
use crate::engine::Lease;
use crate::engine::secret::SecretKey;
use crate::error::{Code, Result};
use crate::ffi::awslc::cipher::{BLOCK, Counter, Direction};
use crate::mechanism::Params;

/// Starts `CKM_AES_CTR` in `C_EncryptInit`.
///
/// # Errors
/// KeyTypeInconsistent or KeySizeRange for a key that is no AES key, MechanismParamInvalid for
/// other parameters than `CK_AES_CTR_PARAMS`; so the next one.
pub fn encrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    Ctr::start(key, params, Code::DataLenRange)
}

/// Starts `CKM_AES_CTR` in `C_DecryptInit`.
pub fn decrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    Ctr::start(key, params, Code::EncryptedDataLenRange)
}

/// How many bytes a counter of so many bits takes before it would repeat: after its last value
/// nothing more may be processed (section "AES with Counter Encryption / Decryption").
fn capacity(bits: u64, block: [u8; BLOCK]) -> u128 {
    let last = u128::MAX >> (128 - bits.clamp(1, 128));
    let value = u128::from_be_bytes(block) & last;
    (last - value).saturating_add(1).saturating_mul(BLOCK as u128)
}

struct Ctr {
    key: Lease,
    counter: Counter,
    left: u128,
    /// What an overflow of the counter is called for this function.
    overflow: Code,
}

impl Ctr {
    fn start(key: &Lease, params: &Params<'_>, overflow: Code) -> Result<Operation> {
        let Params::Ctr { bits, block } = params else {
            return Err(Code::MechanismParamInvalid.because("CTR needs a counter block"));
        };
        SecretKey::of(key)?.schedule(Direction::Encrypt)?;
        Ok(Operation::Transform(Box::new(Self {
            key: key.clone(),
            counter: Counter::new(*block),
            left: capacity(*bits, *block),
            overflow,
        })))
    }
}

impl Transform for Ctr {
    fn output_size(&self, input: usize, _last: bool) -> Result<usize> {
        match input as u128 <= self.left {
            true => Ok(input),
            false => Err(self
                .overflow
                .because(format!("the counter overflows: {input} bytes, {} left", self.left))),
        }
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let len = self.output_size(input.len(), false)?;
        let schedule = SecretKey::of(&self.key)?.schedule(Direction::Encrypt)?;
        schedule.ctr(&mut self.counter, input, &mut output[..len]);
        self.left -= len as u128;
        Ok(len)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.update(input, output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::*;
    use crate::mechanism::Function::{self, Decrypt, Encrypt};
    use crate::mechanism::MechanismType as M;

    fn begin(key: &Lease, function: Function, bits: u64, block: [u8; 16]) -> Operation {
        start(M::AES_CTR, function, key, &Params::Ctr { bits, block }).unwrap()
    }

    /// NIST SP 800-38A, F.5.
    #[test]
    fn ctr_gives_the_vectors_of_nist() {
        let plain = unhex(
            "6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51 \
             30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710",
        );
        let block = std::array::from_fn(|i| 0xf0 + i as u8);
        for (secret, cipher) in [
            (
                "2b7e151628aed2a6abf7158809cf4f3c",
                "874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff \
                 5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee",
            ),
            (
                "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
                "1abc932417521ca24f2b0459fe7e6e0b 090339ec0aa6faefd5ccc2c6f4ce8e94 \
                 1e36b26bd1ebc670d1bd1d665620abf7 4f78a7f6d29809585a97daec58c6b050",
            ),
            (
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                "601ec313775789a5b7a7f504bbf3d228 f443e3ca4d62b59aca84e990cacaf5c5 \
                 2b0930daa23de94ce87017ba2d84988d dfc9c58db67aada613c2dd08457941a6",
            ),
        ] {
            let (key, cipher) = (key(&unhex(secret)), unhex(cipher));
            for bits in [16, 32, 128] {
                assert_eq!(once(begin(&key, Encrypt, bits, block), &plain).unwrap(), cipher);
                assert_eq!(once(begin(&key, Decrypt, bits, block), &cipher).unwrap(), plain);
            }
        }
    }

    #[test]
    fn parts_give_what_the_whole_gives() {
        let (key, plain) = (key(&pattern(32)), pattern(1000));
        let cipher = once(begin(&key, Encrypt, 64, [9; 16]), &plain).unwrap();
        for sizes in SPLITS {
            assert_eq!(parts(begin(&key, Encrypt, 64, [9; 16]), &plain, sizes).unwrap(), cipher);
            assert_eq!(parts(begin(&key, Decrypt, 64, [9; 16]), &cipher, sizes).unwrap(), plain);
        }
    }

    /// "If ulCounterBits = 2 and the counter bits start as 1 then only 3 blocks of data can be
    /// processed."
    #[test]
    fn an_overflow_of_the_counter_is_refused_and_the_last_block_before_it_is_not() {
        let key = key(&pattern(16));
        let mut block = [0xff; 16];
        block[15] = 0b1111_1101;
        for (function, expected) in
            [(Encrypt, Code::DataLenRange), (Decrypt, Code::EncryptedDataLenRange)]
        {
            let begin = || begin(&key, function, 2, block);
            assert_eq!(once(begin(), &pattern(48)).unwrap().len(), 48);
            assert_eq!(code(once(begin(), &pattern(49))), expected);
            assert_eq!(code(transform(begin()).finish(&pattern(49), &mut [0; 64])), expected);
            assert_eq!(parts(begin(), &pattern(48), &[20]).unwrap().len(), 48);
            assert_eq!(code(parts(begin(), &pattern(49), &[20])), expected);
        }
    }

    #[test]
    fn the_capacity_of_a_counter_is_what_is_left_of_it() {
        assert_eq!(capacity(1, [0; 16]), 32);
        assert_eq!(capacity(1, [0xff; 16]), 16);
        assert_eq!(capacity(8, [0; 16]), 256 * 16);
        assert_eq!(capacity(128, [0xff; 16]), 16);
        assert_eq!(capacity(128, [0; 16]), u128::MAX);
    }
}
