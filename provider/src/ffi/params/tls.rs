//! Parameters of the TLS 1.2 mechanisms.

use pkcs11_sys as ck;

use super::{RawParams, bytes, wide};
use crate::error::{Code, Result};
use crate::ffi::place::Place;
use crate::handle::Handle;

/// `CK_SSL3_RANDOM_DATA`.
#[derive(Clone, Copy, Debug)]
pub struct Randoms<'a> {
    pub client: &'a [u8],
    pub server: &'a [u8],
}

/// Where the version of a pre-master secret goes.
pub type VersionPlace<'a> = Place<'a, ck::CK_VERSION>;

/// `CK_TLS12_KEY_MAT_PARAMS` as it was given; lengths in bits.
pub struct RawTlsKeys<'a> {
    pub mac: u64,
    pub key: u64,
    pub iv: u64,
    pub is_export: bool,
    pub randoms: Randoms<'a>,
    pub hash: u64,
    pub out: KeyMaterial<'a>,
}

/// `CK_TLS_KDF_PARAMS` as it was given.
pub struct RawTlsKdf<'a> {
    pub hash: u64,
    pub label: &'a [u8],
    pub randoms: Randoms<'a>,
    /// `None` for a NULL pointer.
    pub context: Option<&'a [u8]>,
}

/// `CK_SSL3_KEY_MAT_OUT`: where the handles and the IVs go.
#[derive(Clone, Copy, Debug)]
pub struct KeyMaterial<'a> {
    place: Place<'a, ck::CK_SSL3_KEY_MAT_OUT>,
    was: ck::CK_SSL3_KEY_MAT_OUT,
}

/// `CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS`, which `pkcs11-sys` does not have.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_snake_case)] // names of the C interface
pub(in crate::ffi) struct ExtendedMaster {
    pub(in crate::ffi) prfHashMechanism: ck::CK_MECHANISM_TYPE,
    pub(in crate::ffi) pSessionHash: *const ck::CK_BYTE,
    pub(in crate::ffi) ulSessionHashLen: ck::CK_ULONG,
    pub(in crate::ffi) pVersion: ck::CK_VERSION_PTR,
}

impl<'a> RawParams<'a> {
    /// Random data, place of the version and hash of `CK_TLS12_MASTER_KEY_DERIVE_PARAMS`.
    pub fn tls_master(self) -> Result<(Randoms<'a>, Option<VersionPlace<'a>>, u64)> {
        let raw: ck::CK_TLS12_MASTER_KEY_DERIVE_PARAMS = self.structure()?;
        Ok((randoms(&raw.RandomInfo)?, version(raw.pVersion), wide(raw.prfHashMechanism)))
    }

    /// Session hash, place of the version and hash of
    /// `CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS`.
    pub fn tls_extended_master(self) -> Result<(&'a [u8], Option<VersionPlace<'a>>, u64)> {
        let raw: ExtendedMaster = self.structure()?;
        // SAFETY: the application's promise for the pointers in its structure.
        let hash = unsafe { bytes(raw.pSessionHash, wide(raw.ulSessionHashLen), "pSessionHash")? };
        Ok((hash, version(raw.pVersion), wide(raw.prfHashMechanism)))
    }

    /// `CK_TLS12_KEY_MAT_PARAMS`.
    pub fn tls_keys(self) -> Result<RawTlsKeys<'a>> {
        let raw: ck::CK_TLS12_KEY_MAT_PARAMS = self.structure()?;
        // SAFETY: the application's promise for the pointers in its structure.
        let place = unsafe { Place::new(raw.pReturnedKeyMaterial, "pReturnedKeyMaterial")? };
        // SAFETY: as above, and not NULL; applications misalign it.
        let was = unsafe { raw.pReturnedKeyMaterial.read_unaligned() };
        let iv = wide(raw.ulIVSizeInBits);
        if iv != 0 && (was.pIVClient.is_null() || was.pIVServer.is_null()) {
            return Err(Code::MechanismParamInvalid.because("there is no room for the IVs"));
        }
        Ok(RawTlsKeys {
            mac: wide(raw.ulMacSizeInBits),
            key: wide(raw.ulKeySizeInBits),
            iv,
            is_export: raw.bIsExport != 0,
            randoms: randoms(&raw.RandomInfo)?,
            hash: wide(raw.prfHashMechanism),
            out: KeyMaterial { place, was },
        })
    }

    /// `CK_TLS_KDF_PARAMS`.
    pub fn tls_kdf(self) -> Result<RawTlsKdf<'a>> {
        let raw: ck::CK_TLS_KDF_PARAMS = self.structure()?;
        // SAFETY: the application's promise for the pointers in its structure.
        let (label, context) = unsafe {
            let label = bytes(raw.pLabel, wide(raw.ulLabelLength), "pLabel")?;
            let context = bytes(raw.pContextData, wide(raw.ulContextDataLength), "pContextData")?;
            (label, (!raw.pContextData.is_null()).then_some(context))
        };
        let randoms = randoms(&raw.RandomInfo)?;
        Ok(RawTlsKdf { hash: wide(raw.prfMechanism), label, randoms, context })
    }

    /// Hash, length and side of `CK_TLS_MAC_PARAMS`.
    pub fn tls_mac(self) -> Result<(u64, u64, u64)> {
        let raw: ck::CK_TLS_MAC_PARAMS = self.structure()?;
        Ok((wide(raw.prfHashMechanism), wide(raw.ulMacLength), wide(raw.ulServerOrClient)))
    }

    /// Major and minor number of `CK_VERSION`.
    pub fn version(self) -> Result<[u8; 2]> {
        let raw: ck::CK_VERSION = self.structure()?;
        Ok([raw.major, raw.minor])
    }
}

impl Place<'_, ck::CK_VERSION> {
    pub fn set(&self, [major, minor]: [u8; 2]) {
        self.write(ck::CK_VERSION { major, minor });
    }
}

impl KeyMaterial<'_> {
    /// Writes the IVs, which are as long as the parameter asked for.
    pub fn ivs(&self, client: &[u8], server: &[u8]) {
        for (iv, place) in [(client, self.was.pIVClient), (server, self.was.pIVServer)] {
            // SAFETY: where an IV has bytes its place is not NULL (`tls_keys`), and the application
            // promised room for as many as it asked for.
            unsafe { place.copy_from(iv.as_ptr(), iv.len()) };
        }
    }

    /// Writes the handles of the MAC keys and of the cipher keys, client's first, where there are
    /// such keys.
    pub fn handles(&self, macs: Option<[Handle; 2]>, keys: Option<[Handle; 2]>) {
        let raw = |pair: Option<[Handle; 2]>| {
            pair.map_or([0; 2], |pair| pair.map(|handle| handle.raw() as ck::CK_OBJECT_HANDLE))
        };
        let ([client_mac, server_mac], [client_key, server_key]) = (raw(macs), raw(keys));
        self.place.write(ck::CK_SSL3_KEY_MAT_OUT {
            hClientMacSecret: client_mac,
            hServerMacSecret: server_mac,
            hClientKey: client_key,
            hServerKey: server_key,
            ..self.was
        });
    }
}

fn randoms<'a>(raw: &ck::CK_SSL3_RANDOM_DATA) -> Result<Randoms<'a>> {
    // SAFETY: the application's promise for the pointers in its structure.
    unsafe {
        let client = bytes(raw.pClientRandom, wide(raw.ulClientRandomLen), "pClientRandom")?;
        let server = bytes(raw.pServerRandom, wide(raw.ulServerRandomLen), "pServerRandom")?;
        Ok(Randoms { client, server })
    }
}

/// `None` for NULL.
fn version<'a>(pointer: ck::CK_VERSION_PTR) -> Option<VersionPlace<'a>> {
    // SAFETY: the application's promise for the pointers in its structure.
    unsafe { Place::new(pointer, "pVersion").ok() }
}
