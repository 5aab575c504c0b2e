//! AES-CCM (NIST SP 800-38C) and ChaCha20-Poly1305 (RFC 8439): the data is kept until its end, since
//! CCM counts it first and nothing may be shown before its tag is right.

use zeroize::Zeroizing;

use crate::backend::{Operation, Transform};
use crate::engine::Lease;
use crate::engine::secret::SecretKey;
use crate::engine::wrap::as_wrapped;
use crate::error::{Code, Error, Result};
use crate::ffi::awslc::aead::{Aead, TAG};
use crate::ffi::awslc::ccm;
use crate::ffi::awslc::cipher::Direction;
use crate::mechanism::Params;
use crate::secret::Secret;

/// Starts `C_EncryptInit`; the parameter says which of the two.
///
/// # Errors
/// KeyTypeInconsistent or KeySizeRange for a key of another type or length; MechanismParamInvalid
/// for parameters of another mechanism.
pub fn encrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    operation(key, params, Direction::Encrypt)
}

/// As [`encrypt`], for `C_DecryptInit`.
pub fn decrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    operation(key, params, Direction::Decrypt)
}

/// `C_WrapKey` with AES-CCM: the encoding of the key, encrypted, and the tag.
///
/// # Errors
/// As [`encrypt`]; KeySizeRange for an encoding too long for the nonce.
pub fn wrap(key: &Lease, params: &Params<'_>, encoding: &[u8]) -> Result<Vec<u8>> {
    let scheme = Scheme::new(key, &of_length(params, encoding.len())?)?;
    let mut wrapped = vec![0; encoding.len() + scheme.tag];
    let sealed = scheme.seal(SecretKey::of(key)?, encoding, &mut wrapped);
    sealed.map_err(|error| match error.code() {
        Code::DataLenRange => error.with_code(Code::KeySizeRange),
        _ => error,
    })?;
    Ok(wrapped)
}

/// `C_UnwrapKey` with AES-CCM.
///
/// # Errors
/// As [`encrypt`]; WrappedKeyLenRange for less than a tag, WrappedKeyInvalid for a wrong one.
pub fn unwrap(key: &Lease, params: &Params<'_>, wrapped: &[u8]) -> Result<Secret> {
    let Params::Ccm { tag, .. } = *params else { return Err(no_aead()) };
    let len = wrapped.len().checked_sub(tag).ok_or_else(|| {
        Code::WrappedKeyLenRange.because(format!("{} bytes, less than the tag", wrapped.len()))
    })?;
    let scheme = Scheme::new(key, &of_length(params, len)?)?;
    let key = SecretKey::of(key)?;
    Secret::try_with(len, |encoding| scheme.open(key, wrapped, encoding).map_err(as_wrapped))
}

/// The length that the application announces is ignored: "tokens SHALL ignore any value provided in
/// this field" (section "AES-CCM Authenticated Wrap / Unwrap").
fn of_length<'a>(params: &Params<'a>, data: usize) -> Result<Params<'a>> {
    match *params {
        Params::Ccm { nonce, aad, tag, .. } => Ok(Params::Ccm { nonce, aad, tag, data }),
        _ => Err(no_aead()),
    }
}

fn no_aead() -> Error {
    Code::MechanismParamInvalid.because("no parameter of an AEAD")
}

fn operation(key: &Lease, params: &Params<'_>, direction: Direction) -> Result<Operation> {
    let scheme = Scheme::new(key, params)?;
    let buffered = Zeroizing::new(Vec::new());
    Ok(Operation::Transform(Box::new(Running { key: key.clone(), scheme, direction, buffered })))
}

struct Scheme {
    nonce: Box<[u8]>,
    aad: Box<[u8]>,
    tag: usize,
    /// The length that `CK_CCM_PARAMS` announces; `None` for ChaCha20-Poly1305.
    announced: Option<usize>,
}

impl Scheme {
    fn new(key: &Lease, params: &Params<'_>) -> Result<Self> {
        let secret = SecretKey::of(key)?;
        let (nonce, aad, tag, announced) = match *params {
            Params::Ccm { nonce, aad, tag, data } => {
                secret.schedule(Direction::Encrypt)?;
                (nonce, aad, tag, Some(data))
            }
            Params::ChaCha20Poly1305 { nonce, aad } => {
                chacha(secret, nonce)?;
                (nonce, aad, TAG, None)
            }
            _ => return Err(no_aead()),
        };
        Ok(Self { nonce: nonce.into(), aad: aad.into(), tag, announced })
    }

    fn seal(&self, key: &SecretKey, input: &[u8], output: &mut [u8]) -> Result<()> {
        let (text, tag) = output.split_at_mut(input.len());
        if self.announced.is_some() {
            return ccm::seal(key.value(), &self.nonce, &self.aad, input, text, tag);
        }
        let made = chacha(key, &self.nonce)?.seal(&self.nonce, &self.aad, input, text)?;
        tag.copy_from_slice(&made);
        Ok(())
    }

    fn open(&self, key: &SecretKey, input: &[u8], output: &mut [u8]) -> Result<()> {
        let (text, tag) = input.split_at(output.len());
        if self.announced.is_some() {
            return ccm::open(key.value(), &self.nonce, &self.aad, text, tag, output);
        }
        let tag = tag.try_into().expect("split off with this length");
        chacha(key, &self.nonce)?.open(&self.nonce, &self.aad, text, tag, output)
    }
}

/// The expansion of the key for nonces of 12 or 24 bytes.
fn chacha<'a>(key: &'a SecretKey, nonce: &[u8]) -> Result<&'a Aead> {
    match nonce.len() {
        12 => key.chacha20_poly1305(),
        _ => key.xchacha20_poly1305(),
    }
}

struct Running {
    key: Lease,
    scheme: Scheme,
    direction: Direction,
    buffered: Zeroizing<Vec<u8>>,
}

impl Running {
    /// The length of the output for `total` bytes of input.
    fn size(&self, total: usize) -> Result<usize> {
        let Scheme { tag, announced, .. } = self.scheme;
        let (code, text, size) = match self.direction {
            Direction::Encrypt => (Code::DataLenRange, Some(total), Some(total + tag)),
            Direction::Decrypt => {
                let text = total.checked_sub(tag);
                (Code::EncryptedDataLenRange, text, text)
            }
        };
        match size {
            Some(size) if announced.is_none_or(|announced| Some(announced) == text) => Ok(size),
            _ => Err(code.because(format!(
                "{total} bytes, with {announced:?} announced and a tag of {tag}"
            ))),
        }
    }

    fn run(&self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let size = self.size(input.len())?;
        let (key, output) = (SecretKey::of(&self.key)?, &mut output[..size]);
        match self.direction {
            Direction::Encrypt => self.scheme.seal(key, input, output)?,
            Direction::Decrypt => self.scheme.open(key, input, output)?,
        }
        Ok(size)
    }
}

impl Transform for Running {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        match last {
            true => self.size(self.buffered.len() + input),
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
    use super::*;
    use crate::engine::testing::*;
    use crate::mechanism::Function::{Decrypt, Encrypt};
    use crate::mechanism::MechanismType as M;

    /// NIST SP 800-38C appendix C, examples 1 and 2.
    #[test]
    fn ccm_gives_the_vectors_of_nist() {
        let key = key(&unhex("404142434445464748494a4b4c4d4e4f"));
        for (nonce, aad, plain, cipher, tag) in [
            ("10111213141516", "0001020304050607", "20212223", "7162015b4dac255d", 4),
            (
                "1011121314151617",
                "000102030405060708090a0b0c0d0e0f",
                "202122232425262728292a2b2c2d2e2f",
                "d2a1f0e051ea5f62081a7792073d593d1fc64fbfaccd",
                6,
            ),
        ] {
            let (nonce, aad) = (unhex(nonce), unhex(aad));
            let (plain, cipher) = (unhex(plain), unhex(cipher));
            let params = Params::Ccm { nonce: &nonce, aad: &aad, tag, data: plain.len() };
            let seal = start(M::AES_CCM, Encrypt, &key, &params).unwrap();
            assert_eq!(once(seal, &plain).unwrap(), cipher);
            let open = start(M::AES_CCM, Decrypt, &key, &params).unwrap();
            assert_eq!(once(open, &cipher).unwrap(), plain);
        }
    }

    /// RFC 8439 section 2.8.2 and draft-irtf-cfrg-xchacha-03 appendix A.3.1: one text.
    #[test]
    fn chacha20_poly1305_gives_the_vectors_of_the_ietf() {
        let key = key(&unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip \
                      for the future, sunscreen would be it.";
        let aad = unhex("50515253c0c1c2c3c4c5c6c7");
        for (nonce, front, tag) in [
            (
                "070000004041424344454647",
                "d31a8d34648e60db7b86afbc53ef7ec2",
                "1ae10b594f09e26a7e902ecbd0600691",
            ),
            (
                "404142434445464748494a4b4c4d4e4f5051525354555657",
                "bd6d179d3e83d43b9576579493c0e939",
                "c0875924c1c7987947deafd8780acf49",
            ),
        ] {
            let nonce = unhex(nonce);
            let params = Params::ChaCha20Poly1305 { nonce: &nonce, aad: &aad };
            let seal = start(M::CHACHA20_POLY1305, Encrypt, &key, &params).unwrap();
            let cipher = once(seal, plain).unwrap();
            assert_eq!(cipher[..16], unhex(front));
            assert_eq!(cipher[plain.len()..], unhex(tag));
            let open = start(M::CHACHA20_POLY1305, Decrypt, &key, &params).unwrap();
            assert_eq!(once(open, &cipher).unwrap(), plain);
        }
    }

    #[test]
    fn parts_give_what_the_whole_gives_and_every_damage_is_refused() {
        let key = key(&pattern(32));
        for len in [0, 1, 16, 100] {
            let plain = pattern(len);
            for (id, params) in [
                (M::AES_CCM, Params::Ccm { nonce: &[5; 13], aad: b"aad", tag: 16, data: len }),
                (M::AES_CCM, Params::Ccm { nonce: &[5; 7], aad: b"", tag: 8, data: len }),
                (M::CHACHA20_POLY1305, Params::ChaCha20Poly1305 { nonce: &[5; 12], aad: b"aad" }),
                (M::CHACHA20_POLY1305, Params::ChaCha20Poly1305 { nonce: &[5; 24], aad: b"" }),
            ] {
                let begin = |function| start(id, function, &key, &params).unwrap();
                let cipher = once(begin(Encrypt), &plain).unwrap();
                assert_eq!(once(begin(Decrypt), &cipher).unwrap(), plain);
                for sizes in SPLITS {
                    assert_eq!(parts(begin(Encrypt), &plain, sizes).unwrap(), cipher);
                    assert_eq!(parts(begin(Decrypt), &cipher, sizes).unwrap(), plain);
                }
                for at in [0, cipher.len() / 2, cipher.len() - 1] {
                    let mut wrong = cipher.clone();
                    wrong[at] ^= 1;
                    let mut out = vec![0xee; len];
                    let answer = transform(begin(Decrypt)).finish(&wrong, &mut out);
                    assert_eq!(code(answer), Code::EncryptedDataInvalid);
                    assert!(out.iter().all(|byte| *byte == 0), "{id:?} shows nothing");
                }
                let short = once(begin(Decrypt), &cipher[..3]);
                assert_eq!(code(short), Code::EncryptedDataLenRange);
            }
        }
    }

    #[test]
    fn ccm_takes_as_much_as_was_announced() {
        let key = key(&pattern(16));
        let params = Params::Ccm { nonce: &[5; 12], aad: b"", tag: 16, data: 10 };
        for len in [0, 9, 11] {
            let seal = start(M::AES_CCM, Encrypt, &key, &params).unwrap();
            assert_eq!(code(once(seal, &pattern(len))), Code::DataLenRange);
            let open = start(M::AES_CCM, Decrypt, &key, &params).unwrap();
            assert_eq!(code(once(open, &pattern(len + 16))), Code::EncryptedDataLenRange);
        }
        // Two bytes are left to count the data: 65,535 is the most.
        let most = |data| Params::Ccm { nonce: &[5; 13], aad: b"", tag: 16, data };
        let seal = start(M::AES_CCM, Encrypt, &key, &most(65_535)).unwrap();
        once(seal, &vec![0; 65_535]).unwrap();
        let seal = start(M::AES_CCM, Encrypt, &key, &most(65_536)).unwrap();
        assert_eq!(code(once(seal, &vec![0; 65_536])), Code::DataLenRange);
    }
}
