//! RSA keys whose private operation is done elsewhere: what goes into that operation, and what to
//! make of what comes out of it.

use crate::attribute::{AttributeType, Attributes};
use crate::engine::part::required;
use crate::engine::rsa_oaep::Oaep;
use crate::engine::rsa_sign;
use crate::engine::{digest::digest, rsa_pkcs1};
use crate::error::{Code, Result};
use crate::ffi::awslc::bignum::BigNum;
use crate::ffi::awslc::rsa::{self, Rsa};
use crate::mechanism::{Hash, Params};
use crate::secret::Secret;

pub(crate) use crate::engine::rsa_sign::OVERHEAD;
pub(crate) use crate::ffi::awslc::rsa::Pss;

/// What can be known of an RSA private key by its modulus.
pub(crate) struct Outline {
    /// With an exponent that may be another than the key's: encodings depend on the modulus alone.
    rsa: Rsa,
    modulus: Secret,
}

/// The padding of a ciphertext.
pub(crate) enum Opening {
    Pkcs1,
    Oaep { hash: Hash, mgf: Hash, label: Box<[u8]> },
}

impl Outline {
    /// # Errors
    /// TemplateIncomplete without `CKA_MODULUS`, AttributeValueInvalid for one that is none.
    pub(crate) fn of(attributes: &Attributes) -> Result<Self> {
        let n = BigNum::from_bytes(required(attributes, AttributeType::MODULUS)?)?;
        let rsa = Rsa::public(&n, &BigNum::from_word(65537)?)?;
        let modulus = rsa.modulus()?;
        Ok(Self { rsa, modulus })
    }

    /// Length of the modulus in bytes.
    pub(crate) fn size(&self) -> usize {
        self.rsa.size()
    }

    /// EMSA-PKCS1-v1_5 (RFC 8017 section 9.2) around a DigestInfo, or whatever else is short
    /// enough.
    ///
    /// # Errors
    /// DataLenRange for more than fits.
    pub(crate) fn pkcs1(&self, info: &[u8]) -> Result<Vec<u8>> {
        self.admits_info(info.len())?;
        let mut block = vec![0xff; self.size()];
        let (front, back) = block.split_at_mut(self.size() - info.len());
        front[..2].copy_from_slice(&[0, 1]);
        front[front.len() - 1] = 0;
        back.copy_from_slice(info);
        Ok(block)
    }

    /// Whether [`pkcs1`](Self::pkcs1) has room for so many bytes.
    ///
    /// # Errors
    /// DataLenRange if not.
    pub(crate) fn admits_info(&self, len: usize) -> Result<()> {
        match len + OVERHEAD <= self.size() {
            true => Ok(()),
            false => Err(Code::DataLenRange
                .because(format!("{len} bytes to sign, the modulus has {}", self.size()))),
        }
    }

    /// A number below the modulus, with zeros in front.
    ///
    /// # Errors
    /// DataLenRange for more bytes than the modulus has, DataInvalid for a number that is not below
    /// it.
    pub(crate) fn number(&self, digits: &[u8]) -> Result<Vec<u8>> {
        self.admits_number(digits.len())?;
        let mut block = vec![0; self.size()];
        block[self.size() - digits.len()..].copy_from_slice(digits);
        match block[..] < *self.modulus.expose() {
            true => Ok(block),
            false => Err(Code::DataInvalid.because("the input is not below the modulus")),
        }
    }

    /// Whether [`number`](Self::number) has room for so many bytes.
    ///
    /// # Errors
    /// DataLenRange if not.
    pub(crate) fn admits_number(&self, len: usize) -> Result<()> {
        match len <= self.size() {
            true => Ok(()),
            false => {
                Err(Code::DataLenRange
                    .because(format!("{len} bytes, the modulus has {}", self.size())))
            }
        }
    }

    /// The parameters of PSS, for a mechanism that hashes with `own` or not at all.
    ///
    /// # Errors
    /// MechanismParamInvalid for another hash than the mechanism's, or a salt too long for the key.
    pub(crate) fn pss(&self, params: &Params<'_>, own: Option<Hash>) -> Result<Pss> {
        rsa_sign::pss(&self.rsa, params, own)
    }

    /// EMSA-PSS (RFC 8017 section 9.1.1) of a digest.
    ///
    /// # Errors
    /// FunctionFailed for a digest of another length than the hash's.
    pub(crate) fn encode_pss(&self, pss: Pss, digest: &[u8]) -> Result<Vec<u8>> {
        let mut block = vec![0; self.size()];
        rsa::add_pss(&self.rsa, &mut block, pss, digest)?;
        Ok(block)
    }

    /// What may be given to the private operation for decryption.
    ///
    /// # Errors
    /// EncryptedDataLenRange for another length than the modulus's, EncryptedDataInvalid for a
    /// number that is not below it.
    pub(crate) fn admit(&self, ciphertext: &[u8]) -> Result<()> {
        self.admits_ciphertext(ciphertext.len())?;
        match ciphertext < self.modulus.expose() {
            true => Ok(()),
            false => {
                Err(Code::EncryptedDataInvalid.because("the ciphertext is not below the modulus"))
            }
        }
    }

    /// Whether a ciphertext has so many bytes.
    ///
    /// # Errors
    /// EncryptedDataLenRange if not.
    pub(crate) fn admits_ciphertext(&self, len: usize) -> Result<()> {
        match len == self.size() {
            true => Ok(()),
            false => Err(Code::EncryptedDataLenRange
                .because(format!("a ciphertext of {len} bytes, the modulus has {}", self.size()))),
        }
    }

    /// The longest message that has this padding.
    ///
    /// # Errors
    /// KeySizeRange for a key too short for the padding.
    pub(crate) fn room(&self, opening: &Opening) -> Result<usize> {
        let overhead = match opening {
            Opening::Pkcs1 => OVERHEAD,
            Opening::Oaep { hash, .. } => 2 * hash.size() + 2,
        };
        self.size()
            .checked_sub(overhead)
            .ok_or_else(|| Code::KeySizeRange.because("the key is too short for the padding"))
    }

    /// The message in `block`, which is what the private operation made of `ciphertext` and as long
    /// as the modulus. Takes the same time for every block. A bad padding of PKCS#1 v1.5 gives
    /// a message that only the key's owner can foresee: out of `rejection`, which that one needs.
    ///
    /// # Errors
    /// EncryptedDataInvalid for a bad padding of OAEP, whatever is wrong with it.
    pub(crate) fn open(
        &self,
        opening: &Opening,
        rejection: Option<&Secret>,
        ciphertext: &[u8],
        block: &Secret,
    ) -> Result<Secret> {
        let (room, block) = (self.room(opening)?, block.expose());
        match (opening, rejection) {
            (Opening::Oaep { hash, mgf, label }, _) => {
                Oaep { hash: *hash, mgf: *mgf, label: label.clone() }.message(block)
            }
            (Opening::Pkcs1, Some(rejection)) => {
                let mut len = 0;
                let message = Secret::try_with(room, |message| {
                    len = rsa_pkcs1::message(rejection, ciphertext, block, message)?;
                    Ok(())
                })?;
                Ok(Secret::copy_of(&message.expose()[..len]))
            }
            (Opening::Pkcs1, None) => {
                Err(Code::GeneralError.because("a padding with nothing to stand in for it"))
            }
        }
    }

    /// A number below the modulus, the same for each key of its size, of which only the owner of
    /// the key knows what the private operation makes: that is the key's [`rejection`].
    ///
    /// # Errors
    /// FunctionFailed if the engine cannot make it.
    pub(crate) fn question(&self) -> Result<Vec<u8>> {
        let mut block = vec![0; self.size()];
        rsa::mgf1(&mut block[1..], b"Keyway: implicit rejection of PKCS#1 v1.5", Hash::Sha256)?;
        Ok(block)
    }
}

/// What synthetic messages derive from, out of what the private operation makes of
/// [`Outline::question`]: the same in every process that uses the key, so that none of them can
/// be told from a real message by asking another.
pub(crate) fn rejection(answer: &Secret) -> Secret {
    Secret::copy_of(&digest(Hash::Sha256, answer.expose())[..Hash::Sha256.size()])
}

/// A DigestInfo (RFC 8017 section 9.2).
pub(crate) fn digest_info(hash: Hash, digest: &[u8]) -> Vec<u8> {
    [rsa_sign::digest_info(hash), digest].concat()
}
