//! Parameters of the TLS 1.2 mechanisms, and what they give back.

use std::ptr;

use pkcs11_sys as ck;

use super::{Call, Further, hash, len, place};
use crate::error::{Code, Result};
use crate::ffi::params::{ExtendedMaster, Randoms, VersionPlace};
use crate::mechanism::params::tls::{Seed, TlsKdf, TlsKeys, TlsMac, TlsMaster};

impl Call<'_> {
    /// The version of a pre-master secret goes to where the application wants it.
    pub(super) fn tls_master<T>(
        &self,
        params: &TlsMaster<'_>,
        body: impl FnOnce(&mut ck::CK_MECHANISM) -> Result<T>,
    ) -> Result<T> {
        let mut version = ck::CK_VERSION { major: 0, minor: 0 };
        let place = params.version.map_or(ptr::null_mut(), |_| &raw mut version);
        let answer = match params.seed {
            Seed::Randoms(given) => self.structure(
                ck::CK_TLS12_MASTER_KEY_DERIVE_PARAMS {
                    RandomInfo: randoms(given),
                    pVersion: place,
                    prfHashMechanism: hash(params.hash)?,
                },
                body,
            ),
            Seed::SessionHash(session) => self.structure(
                ExtendedMaster {
                    prfHashMechanism: hash(params.hash)?,
                    pSessionHash: session.as_ptr(),
                    ulSessionHashLen: len(session),
                    pVersion: place,
                },
                body,
            ),
        }?;
        if let Some(wanted) = params.version {
            VersionPlace::set(&wanted, [version.major, version.minor]);
        }
        Ok(answer)
    }

    /// The handles of the MAC and cipher keys come back in `further`, the IVs go to where the
    /// application wants them.
    pub(super) fn tls_keys<T>(
        &self,
        params: &TlsKeys<'_>,
        further: &mut Further<'_>,
        body: impl FnOnce(&mut ck::CK_MECHANISM) -> Result<T>,
    ) -> Result<T> {
        if !further.rows.is_empty() {
            return Err(Code::MechanismParamInvalid.because("the keys of TLS have one template"));
        }
        let (mut client, mut server) = (vec![0; params.iv], vec![0; params.iv]);
        let mut out = ck::CK_SSL3_KEY_MAT_OUT {
            hClientMacSecret: 0,
            hServerMacSecret: 0,
            hClientKey: 0,
            hServerKey: 0,
            pIVClient: client.as_mut_ptr(),
            pIVServer: server.as_mut_ptr(),
        };
        let bits = |bytes: usize| 8 * bytes as ck::CK_ULONG;
        let structure = ck::CK_TLS12_KEY_MAT_PARAMS {
            ulMacSizeInBits: bits(params.mac),
            ulKeySizeInBits: bits(params.key),
            ulIVSizeInBits: bits(params.iv),
            bIsExport: 0,
            RandomInfo: randoms(params.randoms),
            pReturnedKeyMaterial: &raw mut out,
            prfHashMechanism: hash(params.hash)?,
        };
        let answer = self.structure(structure, body)?;
        params.out.ivs(&client, &server);
        let made = [out.hClientMacSecret, out.hServerMacSecret, out.hClientKey, out.hServerKey];
        further.handles = made.into_iter().filter(|handle| *handle != 0).collect();
        Ok(answer)
    }
}

pub(super) fn kdf(params: &TlsKdf<'_>) -> Result<ck::CK_TLS_KDF_PARAMS> {
    Ok(ck::CK_TLS_KDF_PARAMS {
        prfMechanism: hash(params.hash)?,
        pLabel: place(params.label),
        ulLabelLength: len(params.label),
        RandomInfo: randoms(params.randoms),
        pContextData: params.context.map_or(ptr::null_mut(), place),
        ulContextDataLength: params.context.map_or(0, len),
    })
}

pub(super) fn mac(params: &TlsMac) -> Result<ck::CK_TLS_MAC_PARAMS> {
    Ok(ck::CK_TLS_MAC_PARAMS {
        prfHashMechanism: hash(params.hash)?,
        ulMacLength: params.length as ck::CK_ULONG,
        ulServerOrClient: params.side() as ck::CK_ULONG,
    })
}

fn randoms(given: Randoms<'_>) -> ck::CK_SSL3_RANDOM_DATA {
    ck::CK_SSL3_RANDOM_DATA {
        pClientRandom: place(given.client),
        ulClientRandomLen: len(given.client),
        pServerRandom: place(given.server),
        ulServerRandomLen: len(given.server),
    }
}
