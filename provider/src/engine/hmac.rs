//! HMAC (RFC 2104): sign and verify, in full or truncated length, in one or many parts.

use subtle::ConstantTimeEq;

use crate::backend::{Check, Operation, Transform};
use crate::engine::Lease;
use crate::engine::secret::SecretKey;
use crate::error::{Code, Result};
use crate::ffi::awslc::hmac::Hmac;
use crate::ffi::memory::Guarded;
use crate::mechanism::{Hash, Params};

/// Starts `C_SignInit`.
///
/// # Errors
/// MechanismParamInvalid for a length of zero or beyond the hash (`CK_MAC_GENERAL_PARAMS`),
/// KeyTypeInconsistent for a key that is no secret key.
pub fn sign(hash: Hash, key: &Lease, params: &Params<'_>) -> Result<Operation> {
    Ok(Operation::Transform(Mac::start(hash, key, params)?))
}

/// Starts `C_VerifyInit`.
///
/// # Errors
/// Those of [`sign`].
pub fn verify(hash: Hash, key: &Lease, params: &Params<'_>) -> Result<Operation> {
    Ok(Operation::Check(Mac::start(hash, key, params)?))
}

/// A code under way, and how many bytes of it are wanted.
struct Mac {
    hmac: Guarded<Hmac>,
    len: usize,
}

impl Mac {
    fn start(hash: Hash, key: &Lease, params: &Params<'_>) -> Result<Box<Self>> {
        let len = match params {
            Params::MacLength(len) if (1..=hash.size()).contains(len) => *len,
            Params::MacLength(len) => {
                let why = format!("{len} bytes of an HMAC of {}", hash.size());
                return Err(Code::MechanismParamInvalid.because(why));
            }
            _ => hash.size(),
        };
        let hmac = SecretKey::of(key)?.hmac(hash)?.copied();
        Ok(Box::new(Self { hmac, len }))
    }
}

impl Transform for Mac {
    fn output_size(&self, _input: usize, last: bool) -> Result<usize> {
        Ok(if last { self.len } else { 0 })
    }

    fn update(&mut self, input: &[u8], _output: &mut [u8]) -> Result<usize> {
        self.hmac.update(input)?;
        Ok(0)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.hmac.update(input)?;
        output[..self.len].copy_from_slice(&self.hmac.finish()?[..self.len]);
        Ok(self.len)
    }
}

impl Check for Mac {
    fn update(&mut self, input: &[u8]) -> Result<()> {
        self.hmac.update(input)
    }

    fn finish(&mut self, input: &[u8], signature: &[u8]) -> Result<()> {
        if signature.len() != self.len {
            let why = format!("{} bytes, not {}", signature.len(), self.len);
            return Err(Code::SignatureLenRange.because(why));
        }
        self.hmac.update(input)?;
        match bool::from(self.hmac.finish()?[..self.len].ct_eq(signature)) {
            true => Ok(()),
            false => Err(Code::SignatureInvalid.because("the HMAC is another one")),
        }
    }
}

#[cfg(test)]
mod tests {
    use sha1::Sha1;
    use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
    use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

    use super::*;
    use crate::engine::testing::*;
    use crate::mechanism::Function::{Sign, Verify};
    use crate::mechanism::MechanismType as M;

    const ROWS: [(Hash, M, M); Hash::COUNT] = [
        (Hash::Md5, M::MD5_HMAC, M::MD5_HMAC_GENERAL),
        (Hash::Sha1, M::SHA_1_HMAC, M::SHA_1_HMAC_GENERAL),
        (Hash::Sha224, M::SHA224_HMAC, M::SHA224_HMAC_GENERAL),
        (Hash::Sha256, M::SHA256_HMAC, M::SHA256_HMAC_GENERAL),
        (Hash::Sha384, M::SHA384_HMAC, M::SHA384_HMAC_GENERAL),
        (Hash::Sha512, M::SHA512_HMAC, M::SHA512_HMAC_GENERAL),
        (Hash::Sha512_224, M::SHA512_224_HMAC, M::SHA512_224_HMAC_GENERAL),
        (Hash::Sha512_256, M::SHA512_256_HMAC, M::SHA512_256_HMAC_GENERAL),
        (Hash::Sha3_224, M::SHA3_224_HMAC, M::SHA3_224_HMAC_GENERAL),
        (Hash::Sha3_256, M::SHA3_256_HMAC, M::SHA3_256_HMAC_GENERAL),
        (Hash::Sha3_384, M::SHA3_384_HMAC, M::SHA3_384_HMAC_GENERAL),
        (Hash::Sha3_512, M::SHA3_512_HMAC, M::SHA3_512_HMAC_GENERAL),
    ];

    /// RFC 2104 section 2, word for word, over a hash of RustCrypto.
    fn rfc_2104<D: Digest>(block: usize, key: &[u8], text: &[u8]) -> Vec<u8> {
        let mut padded = if key.len() > block { D::digest(key).to_vec() } else { key.to_vec() };
        padded.resize(block, 0);
        let xor = |with: u8| padded.iter().map(|byte| byte ^ with).collect::<Vec<_>>();
        let inner = D::new().chain_update(xor(0x36)).chain_update(text).finalize();
        D::new().chain_update(xor(0x5c)).chain_update(inner).finalize().to_vec()
    }

    fn oracle(hash: Hash, key: &[u8], text: &[u8]) -> Vec<u8> {
        match hash {
            Hash::Md5 => rfc_2104::<md5::Md5>(64, key, text),
            Hash::Sha1 => rfc_2104::<Sha1>(64, key, text),
            Hash::Sha224 => rfc_2104::<Sha224>(64, key, text),
            Hash::Sha256 => rfc_2104::<Sha256>(64, key, text),
            Hash::Sha384 => rfc_2104::<Sha384>(128, key, text),
            Hash::Sha512 => rfc_2104::<Sha512>(128, key, text),
            Hash::Sha512_224 => rfc_2104::<Sha512_224>(128, key, text),
            Hash::Sha512_256 => rfc_2104::<Sha512_256>(128, key, text),
            Hash::Sha3_224 => rfc_2104::<Sha3_224>(144, key, text),
            Hash::Sha3_256 => rfc_2104::<Sha3_256>(136, key, text),
            Hash::Sha3_384 => rfc_2104::<Sha3_384>(104, key, text),
            Hash::Sha3_512 => rfc_2104::<Sha3_512>(72, key, text),
        }
    }

    /// RFC 2202 test case 1 and RFC 4231 test cases 1 and 6.
    #[test]
    fn hmac_gives_the_vectors_of_the_rfcs() {
        let long = b"Test Using Larger Than Block-Size Key - Hash Key First".as_slice();
        for (id, key_bytes, text, expected) in [
            (
                M::SHA_1_HMAC,
                vec![0x0b; 20],
                b"Hi There".as_slice(),
                "b617318655057264e28bc0b6fb378c8ef146be00",
            ),
            (
                M::SHA224_HMAC,
                vec![0x0b; 20],
                b"Hi There",
                "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
            ),
            (
                M::SHA256_HMAC,
                vec![0x0b; 20],
                b"Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                M::SHA384_HMAC,
                vec![0x0b; 20],
                b"Hi There",
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f\
              4af152e8b2fa9cb6",
            ),
            (
                M::SHA512_HMAC,
                vec![0x0b; 20],
                b"Hi There",
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702\
              038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ),
            (
                M::SHA256_HMAC,
                vec![0xaa; 131],
                long,
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let key = key(&key_bytes);
            let sign = start(id, Sign, &key, &Params::None).unwrap();
            assert_eq!(once(sign, text).unwrap(), unhex(expected), "{id:?}");
        }
    }

    #[test]
    fn keys_of_every_length_sign_and_verify_in_one_part_and_in_many() {
        for (hash, id, _) in ROWS {
            for len in
                [1, 16, 20, 63, 64, 65, 72, 73, 104, 105, 127, 128, 129, 136, 137, 144, 145, 600]
            {
                let (secret, text) = (pattern(len), pattern(3 * len));
                let key = key(&secret);
                let begin = |function| start(id, function, &key, &Params::None).unwrap();
                let mac = once(begin(Sign), &text).unwrap();
                assert_eq!(mac, oracle(hash, &secret, &text), "{hash:?} with {len} bytes");
                for sizes in SPLITS {
                    assert_eq!(parts(begin(Sign), &text, sizes).unwrap(), mac);
                }
                check(begin(Verify)).finish(&text, &mac).unwrap();
                let mut many = check(begin(Verify));
                text.chunks(7).for_each(|part| many.update(part).unwrap());
                many.finish(&[], &mac).unwrap();
            }
        }
    }

    #[test]
    fn a_short_code_is_the_front_of_the_full_one_and_only_its_own_length_verifies() {
        let key = key(&pattern(32));
        for (hash, _, id) in ROWS {
            let full = oracle(hash, &pattern(32), b"text");
            for len in 1..=hash.size() {
                let params = Params::MacLength(len);
                let begin = |function| start(id, function, &key, &params).unwrap();
                assert_eq!(once(begin(Sign), b"text").unwrap(), full[..len]);
                let verify = |mac: &[u8]| code(check(begin(Verify)).finish(b"text", mac));
                assert_eq!(verify(&full[..len]), Code::Ok);
                assert_eq!(verify(&full[..len - 1]), Code::SignatureLenRange);
                assert_eq!(verify(&[&full[..len], &[0]].concat()), Code::SignatureLenRange);
                let mut wrong = full[..len].to_vec();
                wrong[len - 1] ^= 1;
                assert_eq!(verify(&wrong), Code::SignatureInvalid);
            }
            for len in [0, hash.size() + 1] {
                let answer = start(id, Sign, &key, &Params::MacLength(len));
                assert_eq!(code(answer), Code::MechanismParamInvalid);
            }
        }
    }
}
