//! AES-GCM (NIST SP 800-38D): encryption streams, decryption gives nothing before the tag is right.

use crate::backend::{Operation, Transform};
use crate::engine::Lease;
use crate::engine::secret::SecretKey;
use crate::engine::wrap::as_wrapped;
use crate::error::{Code, Result};
use crate::ffi::awslc::aead::{GcmStream, TAG};
use crate::ffi::awslc::cipher::Direction;
use crate::mechanism::Params;
use crate::secret::Secret;

/// Starts `C_EncryptInit`.
///
/// # Errors
/// KeyTypeInconsistent or KeySizeRange for a key that is no AES key, MechanismParamInvalid for
/// other parameters than `CK_GCM_PARAMS`; so the other functions here.
pub fn encrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    let header = Header::of(key, params)?;
    Ok(Operation::Transform(Box::new(Seal { key: key.clone(), header, stream: None })))
}

/// Starts `C_DecryptInit`.
pub fn decrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    let header = Header::of(key, params)?;
    Ok(Operation::Transform(Box::new(Open { key: key.clone(), header, buffered: Vec::new() })))
}

/// `C_WrapKey`: the encoding of the key, encrypted, and the tag.
pub fn wrap(key: &Lease, params: &Params<'_>, encoding: &[u8]) -> Result<Vec<u8>> {
    let header = Header::of(key, params)?;
    let mut wrapped = vec![0; encoding.len() + header.tag];
    header.seal(SecretKey::of(key)?, encoding, &mut wrapped)?;
    Ok(wrapped)
}

/// `C_UnwrapKey`.
///
/// # Errors
/// Beside those above: WrappedKeyLenRange for less than a tag, WrappedKeyInvalid for a wrong one.
pub fn unwrap(key: &Lease, params: &Params<'_>, wrapped: &[u8]) -> Result<Secret> {
    let header = Header::of(key, params)?;
    let len = header.opened(wrapped.len()).map_err(as_wrapped)?;
    let key = SecretKey::of(key)?;
    Secret::try_with(len, |encoding| {
        header.open(key, wrapped, encoding).map(drop).map_err(as_wrapped)
    })
}

/// IV, associated data and length of the tag. The bytes of most messages fit in place.
struct Header {
    bytes: Bytes,
    iv: usize,
    tag: usize,
}

const SHORT: usize = 64;

enum Bytes {
    Short([u8; SHORT], usize),
    Long(Box<[u8]>),
}

impl Header {
    /// The header, for a key that is expanded now if it was not before.
    fn of(key: &Lease, params: &Params<'_>) -> Result<Self> {
        let Params::Gcm { iv, aad, tag_bits } = params else {
            return Err(Code::MechanismParamInvalid.because("GCM needs CK_GCM_PARAMS"));
        };
        SecretKey::of(key)?.gcm()?;
        let len = iv.len() + aad.len();
        let bytes = if len <= SHORT {
            let mut short = [0; SHORT];
            short[..iv.len()].copy_from_slice(iv);
            short[iv.len()..len].copy_from_slice(aad);
            Bytes::Short(short, len)
        } else {
            Bytes::Long([*iv, *aad].concat().into())
        };
        Ok(Self { bytes, iv: iv.len(), tag: tag_bits / 8 })
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        let bytes = match &self.bytes {
            Bytes::Short(short, len) => &short[..*len],
            Bytes::Long(long) => long,
        };
        bytes.split_at(self.iv)
    }

    fn stream(&self, key: &SecretKey, direction: Direction) -> Result<GcmStream> {
        let (iv, aad) = self.parts();
        GcmStream::new(direction, key.value(), iv, aad)
    }

    /// Encrypts all of the input at once and puts the tag behind.
    fn seal(&self, key: &SecretKey, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let (iv, aad) = self.parts();
        let (text, rest) = output.split_at_mut(input.len());
        let tag = key.gcm()?.seal(iv, aad, input, text)?;
        rest[..self.tag].copy_from_slice(&tag[..self.tag]);
        Ok(input.len() + self.tag)
    }

    /// The length of the plaintext.
    fn opened(&self, input: usize) -> Result<usize> {
        input.checked_sub(self.tag).ok_or_else(|| {
            Code::EncryptedDataLenRange
                .because(format!("{input} bytes are less than the tag of {}", self.tag))
        })
    }

    /// Checks the tag behind the input and decrypts; nothing is left in `output` if it is wrong.
    fn open(&self, key: &SecretKey, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let len = self.opened(input.len())?;
        let ((text, tag), output) = (input.split_at(len), &mut output[..len]);
        let (iv, aad) = self.parts();
        match <&[u8; TAG]>::try_from(tag) {
            Ok(tag) => key.gcm()?.open(iv, aad, text, tag, output)?,
            Err(_) => {
                let mut stream = self.stream(key, Direction::Decrypt)?;
                let checked = stream.update(text, output).and_then(|()| stream.verify(tag));
                checked.inspect_err(|_| output.fill(0))?;
            }
        }
        Ok(len)
    }
}

/// Encryption: in one piece with the key's own expansion, or streaming from the first part on.
struct Seal {
    key: Lease,
    header: Header,
    stream: Option<GcmStream>,
}

impl Transform for Seal {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        Ok(if last { input + self.header.tag } else { input })
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => none.insert(self.header.stream(SecretKey::of(&self.key)?, Direction::Encrypt)?),
        };
        stream.update(input, &mut output[..input.len()])?;
        Ok(input.len())
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let Some(stream) = &mut self.stream else {
            return self.header.seal(SecretKey::of(&self.key)?, input, output);
        };
        let (text, rest) = output.split_at_mut(input.len());
        stream.update(input, text)?;
        rest[..self.header.tag].copy_from_slice(&stream.tag()?[..self.header.tag]);
        Ok(input.len() + self.header.tag)
    }
}

/// Decryption: parts are kept until the last one, which brings the tag ("no data should be returned
/// until C_Decrypt or C_DecryptFinal").
struct Open {
    key: Lease,
    header: Header,
    buffered: Vec<u8>,
}

impl Transform for Open {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        match last {
            true => self.header.opened(self.buffered.len() + input),
            false => Ok(0),
        }
    }

    fn update(&mut self, input: &[u8], _output: &mut [u8]) -> Result<usize> {
        self.buffered.extend_from_slice(input);
        Ok(0)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let key = SecretKey::of(&self.key)?;
        if self.buffered.is_empty() {
            return self.header.open(key, input, output);
        }
        self.buffered.extend_from_slice(input);
        self.header.open(key, &self.buffered, output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::*;
    use crate::mechanism::Function::{self, Decrypt, Encrypt};
    use crate::mechanism::MechanismType as M;

    fn begin(key: &Lease, function: Function, iv: &[u8], aad: &[u8], tag_bits: usize) -> Operation {
        start(M::AES_GCM, function, key, &Params::Gcm { iv, aad, tag_bits }).unwrap()
    }

    const PLAIN: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95\
                         956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    const AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    const KEY: &str = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
    const IV: &str = "cafebabefacedbaddecaf888";
    const LONG_IV: &str = "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728c3c0c951\
                           56809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b";

    /// Length of the key, IV, ciphertext and tag: test cases 4, 5, 6, 10 and 16 of McGrew and
    /// Viega, "The Galois/Counter Mode of Operation", appendix B.
    const VECTORS: [(usize, &str, &str); 5] = [
        (
            16,
            IV,
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f\
             6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
        ),
        (
            16,
            "cafebabefacedbad",
            "61353b4c2806934a777ff51fa22a4755699b2a714fcdc6f83766e5f97b6c742373806900e49f24b22b09\
             7544d4896b424989b5e1ebac0f07c23f45983612d2e79e3b0785561be14aaca2fccb",
        ),
        (
            16,
            LONG_IV,
            "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca701e4a9a4fba43c90ccdc\
             b281d48c7c6fd62875d2aca417034c34aee5619cc5aefffe0bfa462af43c1699d050",
        ),
        (
            24,
            IV,
            "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c7d773d00c144c525ac61\
             9d18c84a3f4718e2448b2fe324d9ccda27102519498e80f1478f37ba55bd6d27618c",
        ),
        (
            32,
            IV,
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b0\
             8b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
        ),
    ];

    #[test]
    fn gcm_gives_the_vectors_of_its_authors_in_one_part_and_in_many() {
        let (plain, aad) = (unhex(PLAIN), unhex(AAD));
        for (size, iv, sealed) in VECTORS {
            let (key, iv, sealed) = (key(&unhex(KEY)[..size]), unhex(iv), unhex(sealed));
            let begin = |function| begin(&key, function, &iv, &aad, 128);
            assert_eq!(once(begin(Encrypt), &plain).unwrap(), sealed);
            assert_eq!(once(begin(Decrypt), &sealed).unwrap(), plain);
            for sizes in SPLITS {
                assert_eq!(parts(begin(Encrypt), &plain, sizes).unwrap(), sealed);
                assert_eq!(parts(begin(Decrypt), &sealed, sizes).unwrap(), plain);
            }
        }
    }

    #[test]
    fn every_tag_is_the_front_of_the_full_one_and_is_checked_in_full() {
        let key = key(&pattern(32));
        let full = once(begin(&key, Encrypt, &[1; 12], b"aad", 128), &pattern(40)).unwrap();
        for tag_bits in [32, 64, 96, 104, 112, 120, 128] {
            let begin = |function| begin(&key, function, &[1; 12], b"aad", tag_bits);
            let mut sealed = once(begin(Encrypt), &pattern(40)).unwrap();
            assert_eq!(sealed, full[..40 + tag_bits / 8]);
            assert_eq!(parts(begin(Encrypt), &pattern(40), &[7]).unwrap(), sealed);
            assert_eq!(once(begin(Decrypt), &sealed).unwrap(), pattern(40));
            for at in 0..sealed.len() {
                sealed[at] ^= 0x80;
                let mut out = vec![0xee; 40];
                let answer = transform(begin(Decrypt)).finish(&sealed, &mut out);
                assert_eq!(code(answer), Code::EncryptedDataInvalid, "byte {at}");
                assert_eq!(out, [0; 40], "nothing is released");
                sealed[at] ^= 0x80;
            }
            assert_eq!(
                code(parts(begin(Decrypt), &sealed[..sealed.len() - 1], &[9])),
                Code::EncryptedDataInvalid
            );
        }
    }

    #[test]
    fn an_iv_of_any_length_works_and_aad_of_any_length_counts() {
        let key = key(&pattern(16));
        for (iv, aad) in [(1, 0), (7, 64), (12, 52), (12, 53), (13, 1000), (256, 0), (300, 9)] {
            let (iv, aad) = (pattern(iv), pattern(aad));
            let sealed = once(begin(&key, Encrypt, &iv, &aad, 128), &pattern(33)).unwrap();
            assert_eq!(
                parts(begin(&key, Encrypt, &iv, &aad, 128), &pattern(33), &[16]).unwrap(),
                sealed
            );
            let open = |aad: &[u8]| once(begin(&key, Decrypt, &iv, aad, 128), &sealed);
            assert_eq!(open(&aad).unwrap(), pattern(33));
            assert_eq!(code(open(&[&aad[..], b"x"].concat())), Code::EncryptedDataInvalid);
        }
    }

    #[test]
    fn sizes_are_exact_and_nothing_comes_out_before_the_tag() {
        let key = key(&pattern(32));
        let seal = transform(begin(&key, Encrypt, &[1; 12], &[], 96));
        assert_eq!(seal.output_size(10, false).unwrap(), 10);
        assert_eq!(seal.output_size(10, true).unwrap(), 22);
        let open = transform(begin(&key, Decrypt, &[1; 12], &[], 96));
        assert_eq!(open.output_size(1000, false).unwrap(), 0);
        assert_eq!(open.output_size(22, true).unwrap(), 10);
        assert_eq!(code(open.output_size(11, true)), Code::EncryptedDataLenRange);
        assert_eq!(once(begin(&key, Encrypt, &[1; 12], &[], 96), &[]).unwrap().len(), 12);
        let empty = parts(begin(&key, Decrypt, &[1; 12], &[], 96), &[], &[1]);
        assert_eq!(code(empty), Code::EncryptedDataLenRange);
    }

    #[test]
    fn a_wrapped_key_comes_back_and_a_damaged_one_does_not() {
        let key = key(&pattern(32));
        let params = Params::Gcm { iv: &[3; 12], aad: b"context", tag_bits: 128 };
        let mut wrapped = wrap(&key, &params, &pattern(45)).unwrap();
        assert_eq!(wrapped.len(), 61);
        assert_eq!(unwrap(&key, &params, &wrapped).unwrap().expose(), pattern(45));
        assert_eq!(code(unwrap(&key, &params, &wrapped[..15])), Code::WrappedKeyLenRange);
        wrapped[0] ^= 1;
        assert_eq!(code(unwrap(&key, &params, &wrapped)), Code::WrappedKeyInvalid);
    }
}
