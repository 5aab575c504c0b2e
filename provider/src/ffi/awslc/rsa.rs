//! RSA of AWS-LC. Blinding is on for every key made here, and every private operation is checked
//! with the public exponent before its result leaves the engine (fault attacks).

use aws_lc_sys as lc;

use crate::error::{Code, Result};
use crate::ffi::awslc::bignum::{self, BigNum};
use crate::ffi::awslc::check;
use crate::ffi::awslc::hash::md;
use crate::ffi::awslc::pointer::{Free, Owned};
use crate::mechanism::Hash;
use crate::secret::Secret;

// SAFETY: RSA_free drops our reference; the last one cleanses the numbers and frees the key.
unsafe impl Free for lc::RSA {
    unsafe fn free(object: *mut Self) {
        // SAFETY: the caller gives the key away.
        unsafe { lc::RSA_free(object) }
    }
}

/// A public or private key. The engine documents all operations on it as safe to run at once.
pub(crate) struct Rsa(Owned<lc::RSA>);

/// Every number of a private key, in the order of PKCS#1.
pub(crate) struct Parts {
    pub n: BigNum,
    pub e: BigNum,
    pub d: BigNum,
    pub p: BigNum,
    pub q: BigNum,
    pub dp: BigNum,
    pub dq: BigNum,
    pub qi: BigNum,
}

/// What the engine puts around the input.
#[derive(Clone, Copy)]
pub(crate) enum Padding {
    /// Nothing: the input is as long as the modulus.
    None,
    /// RSASSA-PKCS1-v1_5 or RSAES-PKCS1-v1_5.
    Pkcs1,
}

/// The hash of the message, the hash of MGF1 and the length of the salt (RFC 8017 section 9.1).
#[derive(Clone, Copy)]
pub(crate) struct Pss {
    pub hash: Hash,
    pub mgf: Hash,
    pub salt: usize,
}

impl Padding {
    fn raw(self) -> i32 {
        match self {
            Self::None => lc::RSA_NO_PADDING,
            Self::Pkcs1 => lc::RSA_PKCS1_PADDING,
        }
    }
}

/// Making keys and taking them apart.
impl Rsa {
    /// # Errors
    /// AttributeValueInvalid if the engine takes the numbers for no RSA key: an even modulus or
    /// exponent, an exponent of more than 33 bits.
    pub(crate) fn public(n: &BigNum, e: &BigNum) -> Result<Self> {
        // SAFETY: copies both numbers; returns NULL or a key that the caller owns.
        let key = unsafe { lc::RSA_new_public_key(n.as_ptr(), e.as_ptr()) };
        // SAFETY: as above.
        unsafe { Self::own(key, "import an RSA public key") }
    }

    /// # Errors
    /// AttributeValueInvalid if the numbers contradict each other.
    pub(crate) fn private(parts: &Parts) -> Result<Self> {
        // SAFETY: copies the numbers; returns NULL or a key that the caller owns.
        let key = unsafe {
            lc::RSA_new_private_key(
                parts.n.as_ptr(),
                parts.e.as_ptr(),
                parts.d.as_ptr(),
                parts.p.as_ptr(),
                parts.q.as_ptr(),
                parts.dp.as_ptr(),
                parts.dq.as_ptr(),
                parts.qi.as_ptr(),
            )
        };
        // SAFETY: as above.
        unsafe { Self::own(key, "import an RSA private key") }
    }

    /// # Safety
    /// `key` is NULL or owned by the caller, who gives it away here.
    unsafe fn own(key: *mut lc::RSA, what: &'static str) -> Result<Self> {
        // SAFETY: the caller's promise.
        unsafe { Owned::new(key, what) }
            .map(Self)
            .map_err(|error| error.with_code(Code::AttributeValueInvalid))
    }

    /// A new key pair; `bits` is a multiple of 128, to which the engine would round down.
    pub(crate) fn generate(bits: u16, e: &BigNum) -> Result<Self> {
        // SAFETY: returns NULL or an empty key that the caller owns.
        let mut key = unsafe { Owned::new(lc::RSA_new(), "make an RSA key")? };
        // SAFETY: an empty key of our own, a valid exponent, no callback.
        let answer = unsafe {
            lc::RSA_generate_key_ex(
                key.as_mut_ptr(),
                i32::from(bits),
                e.as_ptr(),
                std::ptr::null_mut(),
            )
        };
        check(answer, Code::FunctionFailed, "generate an RSA key")?;
        Ok(Self(key))
    }

    /// Every number of a private key that was generated or imported here.
    pub(crate) fn parts(&self) -> Result<Parts> {
        let key = self.0.as_ptr();
        // SAFETY: the key lives, and with it the numbers that it lends; NULL is seen by `copy`.
        unsafe {
            Ok(Parts {
                n: bignum::copy(lc::RSA_get0_n(key), "n")?,
                e: bignum::copy(lc::RSA_get0_e(key), "e")?,
                d: bignum::copy(lc::RSA_get0_d(key), "d")?,
                p: bignum::copy(lc::RSA_get0_p(key), "p")?,
                q: bignum::copy(lc::RSA_get0_q(key), "q")?,
                dp: bignum::copy(lc::RSA_get0_dmp1(key), "d mod p-1")?,
                dq: bignum::copy(lc::RSA_get0_dmq1(key), "d mod q-1")?,
                qi: bignum::copy(lc::RSA_get0_iqmp(key), "1/q mod p")?,
            })
        }
    }

    /// Length of the modulus in bytes.
    pub(crate) fn size(&self) -> usize {
        // SAFETY: a valid key.
        unsafe { lc::RSA_size(self.0.as_ptr()) as usize }
    }

    /// The modulus, big-endian.
    pub(crate) fn modulus(&self) -> Result<Secret> {
        // SAFETY: the key lives, and with it the number that it lends; NULL is seen by `copy`.
        let n = unsafe { bignum::copy(lc::RSA_get0_n(self.0.as_ptr()), "n")? };
        n.to_secret_of(self.size())
    }

    /// Length of the modulus in bits.
    pub(crate) fn bits(&self) -> usize {
        // SAFETY: a valid key.
        unsafe { lc::RSA_bits(self.0.as_ptr()) as usize }
    }
}

/// The operations; `output` is as long as the modulus.
impl Rsa {
    /// The private operation of a signature.
    pub(crate) fn sign(&self, padding: Padding, input: &[u8], output: &mut [u8]) -> Result<()> {
        let mut len = 0;
        // SAFETY: RSA_sign_raw is documented as non-mutating; the lengths are the slices' own.
        let answer = unsafe {
            lc::RSA_sign_raw(
                self.0.as_shared_ptr(),
                &mut len,
                output.as_mut_ptr(),
                output.len(),
                input.as_ptr(),
                input.len(),
                padding.raw(),
            )
        };
        check(answer, Code::FunctionFailed, "sign with RSA")
    }

    /// The signed bytes if the padding of `signature` is right; they are the front of `output`.
    pub(crate) fn recover<'a>(&self, signature: &[u8], output: &'a mut [u8]) -> Result<&'a [u8]> {
        let mut len = 0;
        // SAFETY: RSA_verify_raw is documented as non-mutating; the lengths are the slices' own.
        let answer = unsafe {
            lc::RSA_verify_raw(
                self.0.as_shared_ptr(),
                &mut len,
                output.as_mut_ptr(),
                output.len(),
                signature.as_ptr(),
                signature.len(),
                lc::RSA_PKCS1_PADDING,
            )
        };
        check(answer, Code::SignatureInvalid, "check an RSA signature")?;
        Ok(&output[..len])
    }

    pub(crate) fn sign_pss(&self, pss: Pss, digest: &[u8], output: &mut [u8]) -> Result<()> {
        let mut len = 0;
        let salt = salt(pss.salt)?;
        // SAFETY: RSA_sign_pss_mgf1 is documented as non-mutating; the lengths are the slices'
        // own, the hashes constants; the engine checks the digest's length.
        let answer = unsafe {
            lc::RSA_sign_pss_mgf1(
                self.0.as_shared_ptr(),
                &mut len,
                output.as_mut_ptr(),
                output.len(),
                digest.as_ptr(),
                digest.len(),
                md(pss.hash),
                md(pss.mgf),
                salt,
            )
        };
        check(answer, Code::FunctionFailed, "sign with RSA-PSS")
    }

    pub(crate) fn verify_pss(&self, pss: Pss, digest: &[u8], signature: &[u8]) -> Result<()> {
        let salt = salt(pss.salt)?;
        // SAFETY: as in `sign_pss`.
        let answer = unsafe {
            lc::RSA_verify_pss_mgf1(
                self.0.as_shared_ptr(),
                digest.as_ptr(),
                digest.len(),
                md(pss.hash),
                md(pss.mgf),
                salt,
                signature.as_ptr(),
                signature.len(),
            )
        };
        check(answer, Code::SignatureInvalid, "check an RSA-PSS signature")
    }

    pub(crate) fn encrypt(&self, padding: Padding, input: &[u8], output: &mut [u8]) -> Result<()> {
        let mut len = 0;
        // SAFETY: RSA_encrypt is documented as non-mutating; the lengths are the slices' own.
        let answer = unsafe {
            lc::RSA_encrypt(
                self.0.as_shared_ptr(),
                &mut len,
                output.as_mut_ptr(),
                output.len(),
                input.as_ptr(),
                input.len(),
                padding.raw(),
            )
        };
        check(answer, Code::FunctionFailed, "encrypt with RSA")
    }

    /// The private operation of a decryption, padding and all: what it answers depends on the
    /// padding in no way.
    ///
    /// # Errors
    /// EncryptedDataInvalid for a ciphertext that is not between 1 and n-1, both excluded: what
    /// no encryption gives, and what whoever sent it knows.
    pub(crate) fn decrypt_raw(&self, input: &[u8], output: &mut [u8]) -> Result<()> {
        let mut len = 0;
        // SAFETY: RSA_decrypt is documented as non-mutating; the lengths are the slices' own.
        let answer = unsafe {
            lc::RSA_decrypt(
                self.0.as_shared_ptr(),
                &mut len,
                output.as_mut_ptr(),
                output.len(),
                input.as_ptr(),
                input.len(),
                lc::RSA_NO_PADDING,
            )
        };
        check(answer, Code::EncryptedDataInvalid, "decrypt with RSA")
    }
}

/// The engine gives negative lengths meanings of their own.
fn salt(len: usize) -> Result<i32> {
    i32::try_from(len).map_err(|_| Code::MechanismParamInvalid.because("the PSS salt is too long"))
}

/// EME-OAEP encoding (RFC 8017 section 7.1.1 step 2) over all of `output`.
pub(crate) fn add_oaep(
    output: &mut [u8],
    message: &[u8],
    label: &[u8],
    hash: Hash,
    mgf: Hash,
) -> Result<()> {
    // SAFETY: the lengths are the slices' own, the hashes constants.
    let answer = unsafe {
        lc::RSA_padding_add_PKCS1_OAEP_mgf1(
            output.as_mut_ptr(),
            output.len(),
            message.as_ptr(),
            message.len(),
            label.as_ptr(),
            label.len(),
            md(hash),
            md(mgf),
        )
    };
    check(answer, Code::DataLenRange, "pad with OAEP")
}

/// EMSA-PSS encoding (RFC 8017 section 9.1.1), as long as the modulus of `rsa`, with a fresh salt.
///
/// # Errors
/// FunctionFailed for a digest of another length than the hash's, and a salt too long for the key.
pub(crate) fn add_pss(rsa: &Rsa, output: &mut [u8], pss: Pss, digest: &[u8]) -> Result<()> {
    if digest.len() != pss.hash.size() || output.len() != rsa.size() {
        return Err(Code::FunctionFailed.because("PSS encodes one digest over a whole modulus"));
    }
    let salt = salt(pss.salt)?;
    // SAFETY: reads the key's modulus and as many bytes of the digest as the hash has, writes as
    // many as the modulus has; both lengths were checked above.
    let answer = unsafe {
        lc::RSA_padding_add_PKCS1_PSS_mgf1(
            rsa.0.as_ptr(),
            output.as_mut_ptr(),
            digest.as_ptr(),
            md(pss.hash),
            md(pss.mgf),
            salt,
        )
    };
    check(answer, Code::FunctionFailed, "encode with RSA-PSS")
}

/// MGF1 (RFC 8017 appendix B.2.1), filling `mask`.
pub(crate) fn mgf1(mask: &mut [u8], seed: &[u8], hash: Hash) -> Result<()> {
    // SAFETY: the lengths are the slices' own, the hash a constant.
    let answer = unsafe {
        lc::PKCS1_MGF1(mask.as_mut_ptr(), mask.len(), seed.as_ptr(), seed.len(), md(hash))
    };
    check(answer, Code::FunctionFailed, "compute MGF1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blinding_is_on_for_generated_and_imported_keys() {
        let generated = Rsa::generate(2048, &BigNum::from_word(65537).unwrap()).unwrap();
        let imported = Rsa::private(&generated.parts().unwrap()).unwrap();
        for key in [generated, imported] {
            // SAFETY: a valid key.
            let off = unsafe { lc::RSA_test_flags(key.0.as_ptr(), lc::RSA_FLAG_NO_BLINDING) };
            assert_eq!(off, 0);
        }
    }

    /// One computation gone wrong in one half of the CRT, and gcd(s^e - m, n) is a prime of the key
    /// (Boneh, DeMillo, Lipton, EUROCRYPT 97). Here it goes wrong each time: the exponent modulo
    /// p-1 is another one than the engine was given and checked.
    #[test]
    fn a_result_of_a_faulty_computation_never_leaves_the_engine() {
        let made = Rsa::generate(2048, &BigNum::from_word(65537).unwrap()).unwrap();
        let parts = made.parts().unwrap();
        let (sound, faulty) = (Rsa::private(&parts).unwrap(), Rsa::private(&parts).unwrap());
        // SAFETY: the key is ours alone, and so is the number that it lends; the engine copies it
        // at the first operation.
        unsafe {
            let exponent = lc::RSA_get0_dmp1(faulty.0.as_ptr()).cast_mut();
            assert_eq!(lc::BN_add_word(exponent, 2), 1);
        }
        let pss = Pss { hash: Hash::Sha256, mgf: Hash::Sha256, salt: 32 };
        let mut out = [0; 256];
        sound.sign(Padding::Pkcs1, b"message", &mut out).unwrap();
        sound.sign_pss(pss, &[7; 32], &mut out).unwrap();
        let mut ciphertext = [0; 256];
        sound.encrypt(Padding::None, &[1; 256], &mut ciphertext).unwrap();
        sound.decrypt_raw(&ciphertext, &mut out).unwrap();
        assert_eq!(out, [1; 256]);

        let mut out = [0; 256];
        assert!(faulty.sign(Padding::Pkcs1, b"message", &mut out).is_err());
        assert!(faulty.sign_pss(pss, &[7; 32], &mut out).is_err());
        assert!(faulty.decrypt_raw(&ciphertext, &mut out).is_err());
        assert_eq!(out, [0; 256]);
    }
}
