//! AES-CMAC (NIST SP 800-38B) and AES-GMAC (NIST SP 800-38D), in one or many parts.

use crate::backend::Operation;
use crate::engine::Lease;
use crate::engine::mac::{self, Mac};
use crate::engine::secret::SecretKey;
use crate::error::{Code, Result};
use crate::ffi::awslc::aead::GcmStream;
use crate::ffi::awslc::cipher::{BLOCK, Direction};
use crate::ffi::awslc::cmac::Cmac;
use crate::mechanism::Params;

/// Starts `C_SignInit` with CKM_AES_CMAC, or with CKM_AES_CMAC_GENERAL, whose parameter is a length.
///
/// # Errors
/// KeyTypeInconsistent or KeySizeRange for a key that is no AES key; MechanismParamInvalid for a
/// length of zero or beyond a block.
pub fn sign_cmac(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    let len = mac::length(params, BLOCK)?;
    Ok(mac::signer(Cmac::new(SecretKey::of(key)?.value())?, len))
}

/// As [`sign_cmac`], for verification.
pub fn verify_cmac(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    let len = mac::length(params, BLOCK)?;
    Ok(mac::verifier(Cmac::new(SecretKey::of(key)?.value())?, len))
}

/// Starts `C_SignInit` with CKM_AES_GMAC: the data to sign is what GCM calls associated.
///
/// # Errors
/// KeyTypeInconsistent or KeySizeRange for a key that is no AES key; MechanismParamInvalid for
/// other parameters than `CK_GCM_PARAMS` without associated data.
pub fn sign_gmac(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    let (gmac, len) = gmac(key, params)?;
    Ok(mac::signer(gmac, len))
}

/// As [`sign_gmac`], for verification.
pub fn verify_gmac(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    let (gmac, len) = gmac(key, params)?;
    Ok(mac::verifier(gmac, len))
}

fn gmac(key: &Lease, params: &Params<'_>) -> Result<(Gmac, usize)> {
    match params {
        Params::Gcm { iv, aad: [], tag_bits } => {
            let key = SecretKey::of(key)?.value();
            Ok((Gmac(GcmStream::new(Direction::Encrypt, key, iv, &[])?), tag_bits / 8))
        }
        Params::Gcm { .. } => {
            Err(Code::MechanismParamInvalid.because("the data of GMAC comes with C_Sign"))
        }
        _ => Err(Code::MechanismParamInvalid.because("GMAC needs CK_GCM_PARAMS")),
    }
}

impl Mac for Cmac {
    fn update(&mut self, input: &[u8]) -> Result<()> {
        Cmac::update(self, input)
    }

    fn finish(&mut self, code: &mut [u8]) -> Result<()> {
        let len = code.len();
        code.copy_from_slice(&Cmac::finish(self)?[..len]);
        Ok(())
    }
}

struct Gmac(GcmStream);

impl Mac for Gmac {
    fn update(&mut self, input: &[u8]) -> Result<()> {
        self.0.aad(input)
    }

    fn finish(&mut self, code: &mut [u8]) -> Result<()> {
        let len = code.len();
        code.copy_from_slice(&self.0.tag()?[..len]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::*;
    use crate::mechanism::Function::{Encrypt, Sign, Verify};
    use crate::mechanism::MechanismType as M;

    /// NIST SP 800-38B appendix D.1 to D.3; the first rows are RFC 4493 section 4 as well.
    #[test]
    fn cmac_gives_the_vectors_of_nist() {
        let text = unhex(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51\
             30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        );
        for (secret, codes) in [
            (
                "2b7e151628aed2a6abf7158809cf4f3c",
                [
                    (0, "bb1d6929e95937287fa37d129b756746"),
                    (16, "070a16b46b4d4144f79bdd9dd04a287c"),
                    (40, "dfa66747de9ae63030ca32611497c827"),
                    (64, "51f0bebf7e3b9d92fc49741779363cfe"),
                ],
            ),
            (
                "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
                [
                    (0, "028962f61b7bf89efc6b551f4667d983"),
                    (16, "28a7023f452e8f82bd4bf28d8c37c35c"),
                    (40, "aaf3d8f1de5640c232f5b169b9c911e6"),
                    (64, "e1992190549f6ed5696a2c056c315410"),
                ],
            ),
        ] {
            let key = key(&unhex(secret));
            for (len, code) in codes {
                let mac =
                    once(start(M::AES_CMAC, Sign, &key, &Params::None).unwrap(), &text[..len]);
                assert_eq!(mac.unwrap(), unhex(code));
            }
        }
    }

    #[test]
    fn gmac_is_the_tag_of_gcm_over_nothing() {
        for (size, tag_bits) in [(16, 128), (24, 96), (32, 64)] {
            let (key, text) = (key(&pattern(size)), pattern(100));
            let gcm = Params::Gcm { iv: &[7; 12], aad: &text, tag_bits };
            let tag = once(start(M::AES_GCM, Encrypt, &key, &gcm).unwrap(), &[]).unwrap();
            let gmac = Params::Gcm { iv: &[7; 12], aad: &[], tag_bits };
            let mac = once(start(M::AES_GMAC, Sign, &key, &gmac).unwrap(), &text).unwrap();
            assert_eq!(mac, tag);
            let two = start(M::AES_GMAC, Sign, &key, &gcm);
            assert_eq!(code(two), Code::MechanismParamInvalid, "data in two places");
        }
    }

    #[test]
    fn codes_verify_in_parts_and_every_damage_is_refused() {
        let (key, text) = (key(&pattern(32)), pattern(100));
        let gmac = Params::Gcm { iv: &[7; 12], aad: &[], tag_bits: 128 };
        for (id, params, len) in [
            (M::AES_CMAC, Params::None, 16),
            (M::AES_CMAC_GENERAL, Params::MacLength(1), 1),
            (M::AES_CMAC_GENERAL, Params::MacLength(8), 8),
            (M::AES_GMAC, gmac, 16),
        ] {
            let begin = |function| start(id, function, &key, &params).unwrap();
            let mac = once(begin(Sign), &text).unwrap();
            assert_eq!(mac.len(), len);
            for sizes in SPLITS {
                assert_eq!(parts(begin(Sign), &text, sizes).unwrap(), mac, "{id:?}");
            }
            let mut many = check(begin(Verify));
            text.chunks(7).for_each(|part| many.update(part).unwrap());
            many.finish(&[], &mac).unwrap();
            let verify = |mac: &[u8]| code(check(begin(Verify)).finish(&text, mac));
            let mut wrong = mac.clone();
            wrong[len - 1] ^= 1;
            assert_eq!(verify(&wrong), Code::SignatureInvalid);
            assert_eq!(verify(&mac[1..]), Code::SignatureLenRange);
            assert_eq!(verify(&[&mac[..], &[0]].concat()), Code::SignatureLenRange);
        }
        for len in [0, 17] {
            let answer = start(M::AES_CMAC_GENERAL, Sign, &key, &Params::MacLength(len));
            assert_eq!(code(answer), Code::MechanismParamInvalid);
        }
    }
}
