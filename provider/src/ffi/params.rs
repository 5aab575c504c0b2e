//! Reading mechanism parameters: each `CK_*_PARAMS` structure once, into slices and numbers.

mod sp800_108;
mod tls;

use std::ffi::c_void;
use std::marker::PhantomData;
use std::mem::size_of;

use pkcs11_sys as ck;

use crate::error::{Code, Result};

pub use sp800_108::{FurtherKey, RawField, RawSp800108};
pub(super) use tls::ExtendedMaster;
pub use tls::{KeyMaterial, Randoms, RawTlsKdf, RawTlsKeys, VersionPlace};

/// `pParameter` and `ulParameterLen` of a mechanism, and the memory they point to.
#[derive(Clone, Copy)]
pub struct RawParams<'a> {
    pointer: *const c_void,
    len: usize,
    memory: PhantomData<&'a [u8]>,
}

/// `CK_HKDF_PARAMS` as it was given.
pub struct RawHkdf<'a> {
    pub extract: bool,
    pub expand: bool,
    pub hash: u64,
    pub salt_type: u64,
    pub salt: &'a [u8],
    pub salt_key: u64,
    pub info: &'a [u8],
}

/// `CK_PKCS5_PBKD2_PARAMS2` as it was given, but for its constants.
pub struct RawPbkdf2<'a> {
    pub prf: u64,
    pub salt: &'a [u8],
    pub iterations: u64,
    pub password: &'a [u8],
}

/// No password is longer, in bytes; every address is.
const LONGEST_PASSWORD: u64 = 65_535;

impl<'a> RawParams<'a> {
    /// # Safety
    /// `pointer` is NULL or readable for `len` bytes during `'a`, and so is whatever the structure
    /// of the mechanism points to, writable where values come back: the application's promise for
    /// `CK_MECHANISM` and for the parameters of messages.
    pub unsafe fn new(pointer: *const c_void, len: usize) -> Self {
        Self { pointer, len, memory: PhantomData }
    }

    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The parameter as plain bytes.
    pub fn bytes(self) -> Result<&'a [u8]> {
        // SAFETY: `new` was promised `len` readable bytes.
        unsafe { bytes(self.pointer.cast(), self.len as u64, "pParameter") }
    }

    /// A structure of exactly the size of `T`; applications misalign it.
    pub(super) fn structure<T: Copy>(self) -> Result<T> {
        if self.pointer.is_null() || self.len != size_of::<T>() {
            return Err(Code::MechanismParamInvalid.because(format!(
                "the parameter has {} bytes, its structure {}",
                if self.pointer.is_null() { 0 } else { self.len },
                size_of::<T>()
            )));
        }
        // SAFETY: not NULL and as long as `T`, a C structure of integers and pointers.
        Ok(unsafe { self.pointer.cast::<T>().read_unaligned() })
    }

    /// Counter bits and counter block of `CK_AES_CTR_PARAMS`.
    pub fn ctr(self) -> Result<(u64, [u8; 16])> {
        let raw: ck::CK_AES_CTR_PARAMS = self.structure()?;
        Ok((wide(raw.ulCounterBits), raw.cb))
    }

    /// IV, associated data and tag bits of `CK_GCM_PARAMS`. Until version 2.40 errata 1 the
    /// structure had no `ulIvBits`: Java 17 sends that size first.
    pub fn gcm(self) -> Result<(&'a [u8], &'a [u8], u64)> {
        #[repr(C)]
        #[derive(Clone, Copy)]
        struct Old {
            iv: *const u8,
            iv_len: ck::CK_ULONG,
            aad: *const u8,
            aad_len: ck::CK_ULONG,
            tag_bits: ck::CK_ULONG,
        }
        let old = if self.len == size_of::<Old>() {
            self.structure::<Old>()?
        } else {
            let new: ck::CK_GCM_PARAMS = self.structure()?;
            Old {
                iv: new.pIv,
                iv_len: new.ulIvLen,
                aad: new.pAAD,
                aad_len: new.ulAADLen,
                tag_bits: new.ulTagBits,
            }
        };
        // SAFETY: the application's promise for the pointers in its structure.
        unsafe {
            let iv = bytes(old.iv, wide(old.iv_len), "pIv")?;
            let aad = bytes(old.aad, wide(old.aad_len), "pAAD")?;
            Ok((iv, aad, wide(old.tag_bits)))
        }
    }

    /// Announced length, nonce, associated data and tag length of `CK_CCM_PARAMS`.
    pub fn ccm(self) -> Result<(u64, &'a [u8], &'a [u8], u64)> {
        let raw: ck::CK_CCM_PARAMS = self.structure()?;
        // SAFETY: the application's promise for the pointers in its structure.
        let (nonce, aad) = unsafe {
            let nonce = bytes(raw.pNonce, wide(raw.ulNonceLen), "pNonce")?;
            (nonce, bytes(raw.pAAD, wide(raw.ulAADLen), "pAAD")?)
        };
        Ok((wide(raw.ulDataLen), nonce, aad, wide(raw.ulMACLen)))
    }

    /// Nonce and associated data of `CK_SALSA20_CHACHA20_POLY1305_PARAMS`.
    pub fn chacha20_poly1305(self) -> Result<(&'a [u8], &'a [u8])> {
        let raw: ck::CK_SALSA20_CHACHA20_POLY1305_PARAMS = self.structure()?;
        let nonce_len = chacha20_nonce_len(raw.ulNonceLen)?;
        // SAFETY: the application's promise for the pointers in its structure.
        unsafe {
            let nonce = bytes(raw.pNonce, nonce_len, "pNonce")?;
            Ok((nonce, bytes(raw.pAAD, wide(raw.ulAADLen), "pAAD")?))
        }
    }

    /// Hash mechanism, MGF and label of `CK_RSA_PKCS_OAEP_PARAMS`.
    pub fn oaep(self) -> Result<(u64, u64, &'a [u8])> {
        const CKZ_DATA_SPECIFIED: u64 = 1;
        let raw: ck::CK_RSA_PKCS_OAEP_PARAMS = self.structure()?;
        let source = wide(raw.source);
        if source != CKZ_DATA_SPECIFIED && !(source == 0 && raw.ulSourceDataLen == 0) {
            return Err(Code::MechanismParamInvalid.because(format!("OAEP source {source:#x}")));
        }
        // SAFETY: the application's promise for the pointers in its structure.
        let label =
            unsafe { bytes(raw.pSourceData.cast(), wide(raw.ulSourceDataLen), "pSourceData")? };
        Ok((wide(raw.hashAlg), wide(raw.mgf), label))
    }

    /// Hash mechanism, MGF and salt length of `CK_RSA_PKCS_PSS_PARAMS`.
    pub fn pss(self) -> Result<(u64, u64, u64)> {
        let raw: ck::CK_RSA_PKCS_PSS_PARAMS = self.structure()?;
        Ok((wide(raw.hashAlg), wide(raw.mgf), wide(raw.sLen)))
    }

    /// KDF, shared data and the peer's point of `CK_ECDH1_DERIVE_PARAMS`.
    pub fn ecdh1(self) -> Result<(u64, &'a [u8], &'a [u8])> {
        let raw: ck::CK_ECDH1_DERIVE_PARAMS = self.structure()?;
        // SAFETY: the application's promise for the pointers in its structure.
        unsafe {
            let shared = bytes(raw.pSharedData, wide(raw.ulSharedDataLen), "pSharedData")?;
            let public = bytes(raw.pPublicData, wide(raw.ulPublicDataLen), "pPublicData")?;
            Ok((wide(raw.kdf), shared, public))
        }
    }

    /// Bits of the AES key, and the parameter of OAEP, of `CK_RSA_AES_KEY_WRAP_PARAMS`.
    pub fn rsa_aes_wrap(self) -> Result<(u64, Self)> {
        let raw: ck::CK_RSA_AES_KEY_WRAP_PARAMS = self.structure()?;
        let len = size_of::<ck::CK_RSA_PKCS_OAEP_PARAMS>();
        // SAFETY: the application's promise for the pointers in its structure.
        let oaep = unsafe { Self::new(raw.pOAEPParams.cast(), len) };
        Ok((wide(raw.ulAESKeyBits), oaep))
    }

    /// Bits of the AES key, KDF and shared data of `CK_ECDH_AES_KEY_WRAP_PARAMS`.
    pub fn ecdh_aes_wrap(self) -> Result<(u64, u64, &'a [u8])> {
        let raw: ck::CK_ECDH_AES_KEY_WRAP_PARAMS = self.structure()?;
        // SAFETY: the application's promise for the pointers in its structure.
        let shared = unsafe { bytes(raw.pSharedData, wide(raw.ulSharedDataLen), "pSharedData")? };
        Ok((wide(raw.ulAESKeyBits), wide(raw.kdf), shared))
    }

    /// Whether to hash first, and the context, of `CK_EDDSA_PARAMS`.
    pub fn eddsa(self) -> Result<(bool, &'a [u8])> {
        let raw: ck::CK_EDDSA_PARAMS = self.structure()?;
        // SAFETY: the application's promise for the pointers in its structure.
        let context =
            unsafe { bytes(raw.pContextData, wide(raw.ulContextDataLen), "pContextData")? };
        Ok((raw.phFlag != 0, context))
    }

    /// IV and data of `CK_AES_CBC_ENCRYPT_DATA_PARAMS`.
    pub fn cbc_encrypt_data(self) -> Result<([u8; 16], &'a [u8])> {
        let raw: ck::CK_AES_CBC_ENCRYPT_DATA_PARAMS = self.structure()?;
        // SAFETY: the application's promise for the pointers in its structure.
        let data = unsafe { bytes(raw.pData, wide(raw.length), "pData")? };
        Ok((raw.iv, data))
    }

    /// Data of `CK_KEY_DERIVATION_STRING_DATA`.
    pub fn string_data(self) -> Result<&'a [u8]> {
        let raw: ck::CK_KEY_DERIVATION_STRING_DATA = self.structure()?;
        // SAFETY: the application's promise for the pointers in its structure.
        unsafe { bytes(raw.pData, wide(raw.ulLen), "pData") }
    }

    /// A handle or a position.
    pub fn number(self) -> Result<u64> {
        self.structure::<ck::CK_ULONG>().map(wide)
    }

    /// `CK_PKCS5_PBKD2_PARAMS2`. Its predecessor, as long, has a pointer to the password's length:
    /// whoever sends that gets an error for the length.
    pub fn pbkdf2(self) -> Result<RawPbkdf2<'a>> {
        const CKZ_SALT_SPECIFIED: u64 = 1;
        let raw: ck::CK_PKCS5_PBKD2_PARAMS2 = self.structure()?;
        if wide(raw.saltSource) != CKZ_SALT_SPECIFIED || wide(raw.ulPrfDataLen) != 0 {
            return Err(Code::MechanismParamInvalid.because("PBKDF2 with data for its PRF"));
        }
        let password_len = wide(raw.ulPasswordLen);
        if password_len > LONGEST_PASSWORD {
            return Err(
                Code::MechanismParamInvalid.because(format!("a password of {password_len} bytes"))
            );
        }
        // SAFETY: the application's promise for the pointers in its structure.
        let (salt, password) = unsafe {
            let salt = bytes(raw.pSaltSourceData.cast(), wide(raw.ulSaltSourceDataLen), "pSalt")?;
            (salt, bytes(raw.pPassword, password_len, "pPassword")?)
        };
        Ok(RawPbkdf2 { prf: wide(raw.prf), salt, iterations: wide(raw.iterations), password })
    }

    /// `CK_MAC_GENERAL_PARAMS`: a length in bytes.
    pub fn mac_length(self) -> Result<u64> {
        self.structure::<ck::CK_MAC_GENERAL_PARAMS>().map(wide)
    }

    /// `CK_HKDF_PARAMS`.
    pub fn hkdf(self) -> Result<RawHkdf<'a>> {
        let raw: ck::CK_HKDF_PARAMS = self.structure()?;
        // SAFETY: the application's promise for the pointers in its structure.
        let (salt, info) = unsafe {
            let salt = bytes(raw.pSalt, wide(raw.ulSaltLen), "pSalt")?;
            (salt, bytes(raw.pInfo, wide(raw.ulInfoLen), "pInfo")?)
        };
        Ok(RawHkdf {
            extract: raw.bExtract != 0,
            expand: raw.bExpand != 0,
            hash: wide(raw.prfHashMechanism),
            salt_type: wide(raw.ulSaltType),
            salt,
            salt_key: wide(raw.hSaltKey),
            info,
        })
    }
}

/// A `CK_ULONG` in the width that the rest of the module counts in.
#[allow(clippy::useless_conversion)] // 32 bits wide on some platforms
pub(super) fn wide(number: ck::CK_ULONG) -> u64 {
    u64::from(number)
}

/// `ulNonceLen` in bytes: it counts bits; NSS counts bytes, and 12 or 24 can be nothing else.
pub(super) fn chacha20_nonce_len(len: ck::CK_ULONG) -> Result<u64> {
    match wide(len) {
        len @ (12 | 24) => Ok(len),
        bits @ (64 | 96 | 192) => Ok(bits / 8),
        other => {
            Err(Code::MechanismParamInvalid.because(format!("a ChaCha20 nonce of {other} bits")))
        }
    }
}

/// # Safety
/// `pointer` is NULL or readable for `len` bytes during `'a`.
unsafe fn bytes<'a>(pointer: *const u8, len: u64, what: &'static str) -> Result<&'a [u8]> {
    match (pointer.is_null(), isize::try_from(len)) {
        (_, Ok(0)) => Ok(&[]),
        (false, Ok(len)) => {
            // SAFETY: not NULL, at most isize::MAX, readable by the caller's promise.
            Ok(unsafe { std::slice::from_raw_parts(pointer, len as usize) })
        }
        (true, _) => Err(Code::MechanismParamInvalid.because(format!("{what} is NULL"))),
        (_, Err(_)) => Err(Code::MechanismParamInvalid.because(format!("{what}: length {len}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parameter as an application gives it: the address of a structure and a length.
    fn raw<T>(structure: &T, len: usize) -> RawParams<'_> {
        assert!(len <= size_of::<T>());
        // SAFETY: the structure is readable for `len` bytes, and its pointers are good.
        unsafe { RawParams::new((&raw const *structure).cast(), len) }
    }

    #[test]
    fn a_mac_length_is_one_number_of_exactly_its_size() {
        let length: ck::CK_MAC_GENERAL_PARAMS = 20;
        assert_eq!(raw(&length, size_of_val(&length)).mac_length().unwrap(), 20);
        let short = raw(&length, size_of_val(&length) - 1).mac_length();
        assert_eq!(short.unwrap_err().code(), Code::MechanismParamInvalid);
    }

    #[test]
    fn string_data_is_read_where_it_points() {
        let mut data = *b"derive from this";
        let mut string = ck::CK_KEY_DERIVATION_STRING_DATA { pData: data.as_mut_ptr(), ulLen: 16 };
        let len = size_of_val(&string);
        assert_eq!(raw(&string, len).string_data().unwrap(), b"derive from this");
        string.pData = std::ptr::null_mut();
        let null = raw(&string, len).string_data();
        assert_eq!(null.unwrap_err().code(), Code::MechanismParamInvalid);
    }
}
