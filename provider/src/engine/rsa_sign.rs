//! RSA signatures: PKCS#1 v1.5 and PSS, over the caller's digest or a message hashed here.

use crate::backend::Operation;
use crate::engine::Lease;
use crate::engine::part::Half;
use crate::engine::signature::{Input, Scheme, signer, verifier};
use crate::error::{Code, Result};
use crate::ffi::awslc::rsa::{Padding, Pss, Rsa};
use crate::mechanism::{Hash, Params};

/// Bytes of a modulus of the largest size.
const MAX: usize = super::rsa::SIZES.1 as usize / 8;

/// What PKCS#1 v1.5 needs besides the data: two marks, a zero, eight bytes of padding.
pub(crate) const OVERHEAD: usize = 11;

/// Starts signing with CKM_RSA_PKCS (`hash` is `None`: the caller brings a DigestInfo or whatever
/// else is short enough) or CKM_*_RSA_PKCS.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of an RSA key.
pub fn sign_pkcs1(key: &Lease, hash: Option<Hash>) -> Result<Operation> {
    Ok(signer(Pkcs1::new(key, Half::Private, hash)?, input(hash)))
}

/// As [`sign_pkcs1`], for verification with the public half.
pub fn verify_pkcs1(key: &Lease, hash: Option<Hash>) -> Result<Operation> {
    Ok(verifier(Pkcs1::new(key, Half::Public, hash)?, input(hash)))
}

/// Starts signing with CKM_RSA_PKCS_PSS (`hash` is `None`: the caller brings the digest) or
/// CKM_*_RSA_PKCS_PSS.
///
/// # Errors
/// KeyTypeInconsistent for another key than the private half of an RSA key; MechanismParamInvalid
/// for a hash that is not the mechanism's, or a salt too long for the key.
pub fn sign_pss(key: &Lease, params: &Params<'_>, hash: Option<Hash>) -> Result<Operation> {
    Ok(signer(WithPss::new(key, Half::Private, params, hash)?, input(hash)))
}

/// As [`sign_pss`], for verification with the public half.
pub fn verify_pss(key: &Lease, params: &Params<'_>, hash: Option<Hash>) -> Result<Operation> {
    Ok(verifier(WithPss::new(key, Half::Public, params, hash)?, input(hash)))
}

fn input(hash: Option<Hash>) -> Input {
    hash.map_or(Input::Whole, Input::hashed)
}

pub(super) fn check_length(signature: &[u8], size: usize) -> Result<()> {
    match signature.len() == size {
        true => Ok(()),
        false => Err(Code::SignatureLenRange
            .because(format!("the signature has {} bytes, the modulus {size}", signature.len()))),
    }
}

/// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
struct Pkcs1 {
    key: Lease,
    half: Half,
    hash: Option<Hash>,
    size: usize,
}

impl Pkcs1 {
    fn new(key: &Lease, half: Half, hash: Option<Hash>) -> Result<Self> {
        let size = key.rsa(half)?.size();
        Ok(Self { key: key.clone(), half, hash, size })
    }

    /// Gives `then` the digest with the front of a DigestInfo before it, if the mechanism hashes.
    fn encode<T>(&self, digest: &[u8], then: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
        let Some(hash) = self.hash else { return then(digest) };
        let front = digest_info(hash);
        let mut info = [0; 83];
        let info = &mut info[..front.len() + digest.len()];
        info[..front.len()].copy_from_slice(front);
        info[front.len()..].copy_from_slice(digest);
        then(info)
    }
}

impl Scheme for Pkcs1 {
    fn size(&self) -> usize {
        self.size
    }

    fn admits(&self, len: usize) -> Result<()> {
        match len <= self.size - OVERHEAD {
            true => Ok(()),
            false => Err(Code::DataLenRange
                .because(format!("{len} bytes to sign, the key takes {}", self.size - OVERHEAD))),
        }
    }

    fn sign(&self, digest: &[u8], signature: &mut [u8]) -> Result<()> {
        let key = self.key.rsa(self.half)?;
        self.encode(digest, |data| key.rsa.sign(Padding::Pkcs1, data, signature))
    }

    fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<()> {
        check_length(signature, self.size)?;
        let key = self.key.rsa(self.half)?;
        let mut buffer = [0; MAX];
        let signed = key.rsa.recover(signature, &mut buffer[..self.size])?;
        self.encode(digest, |data| match data == signed {
            true => Ok(()),
            false => Err(Code::SignatureInvalid.because("the signature is over something else")),
        })
    }
}

/// What comes before the digest in a DigestInfo (RFC 8017 section 9.2 note 1; SHA-3 by RFC 9688 section 2).
pub(super) const fn digest_info(hash: Hash) -> &'static [u8] {
    match hash {
        Hash::Md5 => b"\x30\x20\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05\x05\x00\x04\x10",
        Hash::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
        Hash::Sha224 => {
            b"\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x04\x05\x00\x04\x1c"
        }
        Hash::Sha256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
        }
        Hash::Sha384 => {
            b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"
        }
        Hash::Sha512 => {
            b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
        }
        Hash::Sha512_224 => {
            b"\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x05\x05\x00\x04\x1c"
        }
        Hash::Sha512_256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x06\x05\x00\x04\x20"
        }
        Hash::Sha3_224 => {
            b"\x30\x2d\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x07\x05\x00\x04\x1c"
        }
        Hash::Sha3_256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x08\x05\x00\x04\x20"
        }
        Hash::Sha3_384 => {
            b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x09\x05\x00\x04\x30"
        }
        Hash::Sha3_512 => {
            b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x0a\x05\x00\x04\x40"
        }
    }
}

/// RSASSA-PSS (RFC 8017 section 8.1).
struct WithPss {
    key: Lease,
    half: Half,
    pss: Pss,
    size: usize,
}

impl WithPss {
    fn new(key: &Lease, half: Half, params: &Params<'_>, own: Option<Hash>) -> Result<Self> {
        let rsa = &key.rsa(half)?.rsa;
        Ok(Self { key: key.clone(), half, pss: pss(rsa, params, own)?, size: rsa.size() })
    }
}

/// The parameters of PSS, for a mechanism that hashes with `own` or not at all.
///
/// # Errors
/// MechanismParamInvalid for another hash than the mechanism's, or a salt too long for the key.
pub(super) fn pss(rsa: &Rsa, params: &Params<'_>, own: Option<Hash>) -> Result<Pss> {
    let Params::Pss { hash, mgf, salt } = *params else {
        return Err(Code::MechanismParamInvalid.because("PSS needs its parameters"));
    };
    if own.is_some_and(|own| own != hash) {
        return Err(Code::MechanismParamInvalid
            .because(format!("the mechanism hashes with {own:?}, the parameter says {hash:?}")));
    }
    // "sLen must be less than or equal to k*-2-hLen", k* being the length of the encoding.
    let encoding = (rsa.bits() - 1).div_ceil(8);
    if salt + 2 + hash.size() > encoding {
        return Err(Code::MechanismParamInvalid
            .because(format!("a salt of {salt} bytes does not fit the key")));
    }
    Ok(Pss { hash, mgf, salt })
}

impl Scheme for WithPss {
    fn size(&self) -> usize {
        self.size
    }

    fn admits(&self, len: usize) -> Result<()> {
        match len == self.pss.hash.size() {
            true => Ok(()),
            false => Err(Code::DataLenRange
                .because(format!("{len} bytes are no digest of {:?}", self.pss.hash))),
        }
    }

    fn sign(&self, digest: &[u8], signature: &mut [u8]) -> Result<()> {
        self.key.rsa(self.half)?.rsa.sign_pss(self.pss, digest, signature)
    }

    fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<()> {
        check_length(signature, self.size)?;
        self.key.rsa(self.half)?.rsa.verify_pss(self.pss, digest, signature)
    }
}
