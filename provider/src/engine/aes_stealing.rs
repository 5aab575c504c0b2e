//! AES modes that steal ciphertext: CBC-CS1 (addendum to NIST SP 800-38A) and XTS (IEEE 1619). As
//! many bytes come out as go in; they are kept until the last one, which decides where to steal.

use zeroize::Zeroizing;

use crate::backend::{Operation, Transform};
use crate::engine::secret::SecretKey;
use crate::engine::{Lease, aes};
use crate::error::{Code, Result};
use crate::ffi::awslc::cipher::{self, BLOCK, Direction};
use crate::mechanism::Params;
use crate::secret::Secret;

/// The longest data unit of XTS in bytes: 2^20 blocks (NIST SP 800-38E section 4).
const LONGEST_UNIT: usize = 1 << 24;

/// The two modes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Cts,
    Xts,
}

/// Starts `C_EncryptInit`.
///
/// # Errors
/// KeyTypeInconsistent or KeySizeRange for a key of another type or length, MechanismParamInvalid
/// without an IV.
pub fn encrypt(mode: Mode, key: &Lease, params: &Params<'_>) -> Result<Operation> {
    start(mode, key, params, Direction::Encrypt)
}

/// As [`encrypt`], for `C_DecryptInit`.
pub fn decrypt(mode: Mode, key: &Lease, params: &Params<'_>) -> Result<Operation> {
    start(mode, key, params, Direction::Decrypt)
}

fn start(mode: Mode, key: &Lease, params: &Params<'_>, direction: Direction) -> Result<Operation> {
    let Params::Iv(iv) = *params else {
        return Err(Code::MechanismParamInvalid.because("an IV is needed"));
    };
    let secret = SecretKey::of(key)?;
    match mode {
        Mode::Cts => secret.schedule(direction).map(drop)?,
        // One block shows whether the engine takes the key.
        Mode::Xts => cipher::xts(direction, secret.value(), &iv, &[0; BLOCK], &mut [0; BLOCK])?,
    }
    let buffered = Zeroizing::new(Vec::new());
    let key = key.clone();
    Ok(Operation::Transform(Box::new(Running { mode, key, iv, direction, buffered })))
}

struct Running {
    mode: Mode,
    key: Lease,
    iv: [u8; BLOCK],
    direction: Direction,
    buffered: Zeroizing<Vec<u8>>,
}

impl Running {
    fn check(&self, len: usize) -> Result<usize> {
        let most = if self.mode == Mode::Xts { LONGEST_UNIT } else { usize::MAX - BLOCK };
        let code = match self.direction {
            Direction::Encrypt => Code::DataLenRange,
            Direction::Decrypt => Code::EncryptedDataLenRange,
        };
        match (BLOCK..=most).contains(&len) {
            true => Ok(len),
            false => Err(code.because(format!("{len} bytes to steal ciphertext from"))),
        }
    }

    fn run(&self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let len = self.check(input.len())?;
        let (key, output) = (SecretKey::of(&self.key)?, &mut output[..len]);
        match (self.mode, self.direction) {
            (Mode::Xts, way) => cipher::xts(way, key.value(), &self.iv, input, output)?,
            (Mode::Cts, Direction::Encrypt) => self.steal(key, input, output)?,
            (Mode::Cts, Direction::Decrypt) => self.give_back(key, input, output)?,
        }
        Ok(len)
    }

    /// CBC over the input and zeros; what the zeros would make longer is left out of the last block
    /// but one.
    fn steal(&self, key: &SecretKey, input: &[u8], output: &mut [u8]) -> Result<()> {
        let whole = input.len().next_multiple_of(BLOCK);
        let padded = Secret::with(whole, |out| out[..input.len()].copy_from_slice(input));
        let mut blocks = vec![0; whole];
        aes::encrypt_blocks(key, Some(self.iv), padded.expose(), &mut blocks)?;
        let (front, last) = blocks.split_at(whole - BLOCK);
        let kept = input.len() - BLOCK;
        output[..kept].copy_from_slice(&front[..kept]);
        output[kept..].copy_from_slice(last);
        Ok(())
    }

    /// What was left out is the end of the last block as it was before CBC's XOR.
    fn give_back(&self, key: &SecretKey, input: &[u8], output: &mut [u8]) -> Result<()> {
        let (kept, last) = input.split_at(input.len() - BLOCK);
        let stolen = kept.len().next_multiple_of(BLOCK) - kept.len();
        let mut before = Zeroizing::new([0; BLOCK]);
        aes::decrypt_blocks(key, None, last, &mut before[..])?;
        let blocks = [kept, &before[BLOCK - stolen..], last].concat();
        let plain = Secret::try_with(blocks.len(), |out| {
            aes::decrypt_blocks(key, Some(self.iv), &blocks, out)
        })?;
        output.copy_from_slice(&plain.expose()[..input.len()]);
        Ok(())
    }
}

impl Transform for Running {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        match last {
            true => self.check(self.buffered.len() + input),
            false => Ok(0),
        }
    }

    fn update(&mut self, input: &[u8], _output: &mut [u8]) -> Result<usize> {
        self.buffered.extend_from_slice(input);
        Ok(0)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        if self.buffered.is_empty() {
            return self.run(input, output);
        }
        self.buffered.extend_from_slice(input);
        self.run(&self.buffered, output)
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Params};
    use crate::engine::testing::*;
    use crate::mechanism::Function::{Decrypt, Encrypt};
    use crate::mechanism::MechanismType as M;

    /// RFC 3962 appendix B, with the last two blocks in the order of CS1.
    #[test]
    fn cts_gives_the_vectors_of_rfc_3962() {
        let (key, iv) = (key(b"chicken teriyaki"), Params::Iv([0; 16]));
        for (plain, cipher) in [
            ("4920776f756c64206c696b652074686520", "97 c6353568f2bf8cb4d8a580362da7ff7f"),
            (
                "4920776f756c64206c696b65207468652047656e6572616c20476175277320",
                "97687268d6ecccc0c07b25e25ecfe5 fc00783e0efdb2c1d445d4c8eff7ed22",
            ),
        ] {
            let (plain, cipher) = (unhex(plain), unhex(cipher));
            let seal = start(M::AES_CTS, Encrypt, &key, &iv).unwrap();
            assert_eq!(once(seal, &plain).unwrap(), cipher);
            let open = start(M::AES_CTS, Decrypt, &key, &iv).unwrap();
            assert_eq!(once(open, &cipher).unwrap(), plain);
        }
    }

    /// IEEE 1619 appendix B, vector 10: the first two blocks of its data unit.
    #[test]
    fn xts_gives_the_vector_of_ieee_1619() {
        let key = key(&unhex(
            "2718281828459045235360287471352662497757247093699959574966967627\
             3141592653589793238462643383279502884197169399375105820974944592",
        ));
        let mut tweak = [0; 16];
        tweak[0] = 0xff;
        let plain: Vec<u8> = (0..=255).chain(0..=255).collect();
        let seal = start(M::AES_XTS, Encrypt, &key, &Params::Iv(tweak)).unwrap();
        let cipher = once(seal, &plain).unwrap();
        let front = "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b";
        assert_eq!(cipher[..32], unhex(front));
    }

    #[test]
    fn whole_blocks_of_cts_are_cbc() {
        let (key, iv) = (key(&pattern(32)), Params::Iv([3; 16]));
        for len in [16, 32, 160] {
            let cbc = once(start(M::AES_CBC, Encrypt, &key, &iv).unwrap(), &pattern(len)).unwrap();
            let cts = once(start(M::AES_CTS, Encrypt, &key, &iv).unwrap(), &pattern(len)).unwrap();
            assert_eq!(cts, cbc);
        }
    }

    #[test]
    fn every_length_from_a_block_on_comes_back_in_one_part_and_in_many() {
        let iv = Params::Iv([3; 16]);
        for (id, size) in [(M::AES_CTS, 16), (M::AES_CTS, 32), (M::AES_XTS, 64)] {
            let key = key(&pattern(size));
            let begin = |function| start(id, function, &key, &iv).unwrap();
            for len in (16..50).chain([1000]) {
                let cipher = once(begin(Encrypt), &pattern(len)).unwrap();
                assert_eq!(cipher.len(), len);
                assert_eq!(once(begin(Decrypt), &cipher).unwrap(), pattern(len));
                for sizes in SPLITS {
                    assert_eq!(parts(begin(Encrypt), &pattern(len), sizes).unwrap(), cipher);
                    assert_eq!(parts(begin(Decrypt), &cipher, sizes).unwrap(), pattern(len));
                }
            }
            assert_eq!(code(once(begin(Encrypt), &pattern(15))), Code::DataLenRange);
            assert_eq!(code(once(begin(Decrypt), &pattern(0))), Code::EncryptedDataLenRange);
        }
    }
}
