//! Mechanisms as an inner module is asked for them: parameters made anew, on the stack, for the
//! time of a call.

mod sp800_108;
mod tls;

use std::ptr;

use pkcs11_sys as ck;

use super::rows::Rows;
use crate::attribute::Attributes;
use crate::error::{Code, Result};
use crate::mechanism::params::ec::EcKdf;
use crate::mechanism::params::hybrid::{EcdhAesWrap, RsaAesWrap};
use crate::mechanism::params::kdf::{Hkdf, Pbkdf2, Salt};
use crate::mechanism::{Hash, MechanismType, Params};

/// A mechanism as the inner module is asked for it. `keys` are the inner handles of the keys that
/// the parameters name, in the order of [`Params::handles`].
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub id: MechanismType,
    pub params: &'a Params<'a>,
    pub keys: &'a [u64],
}

/// The keys of a derivation beside that of the call: what they shall be, then their handles.
pub(super) struct Further<'a> {
    rows: Vec<Rows<'a>>,
    pub handles: Vec<ck::CK_OBJECT_HANDLE>,
}

impl<'a> Further<'a> {
    pub(super) fn new(wanted: &'a [Attributes]) -> Self {
        Self { rows: wanted.iter().map(Rows::new).collect(), handles: Vec::new() }
    }
}

impl Call<'_> {
    /// Runs a call with the mechanism; the memory that it points to is there until `body` is over.
    pub(super) fn with<T>(
        &self,
        body: impl FnOnce(&mut ck::CK_MECHANISM) -> Result<T>,
    ) -> Result<T> {
        self.with_further(&mut Further::new(&[]), |mechanism, _| body(mechanism))
    }

    /// The same for a derivation; `body` is told whether the call itself gives a handle.
    ///
    /// # Errors
    /// MechanismParamInvalid for parameters that the C interface has no number for, or for other
    /// numbers of keys than there are; what `body` answers.
    pub(super) fn with_further<T>(
        &self,
        further: &mut Further<'_>,
        body: impl FnOnce(&mut ck::CK_MECHANISM, bool) -> Result<T>,
    ) -> Result<T> {
        match self.params {
            Params::Sp800108(params) => {
                return self.sp800_108(params, further, |mechanism| body(mechanism, true));
            }
            Params::TlsKeys(params) => {
                return self.tls_keys(params, further, |mechanism| body(mechanism, false));
            }
            _ => {}
        }
        if !further.rows.is_empty() {
            return Err(Code::MechanismParamInvalid
                .because(format!("{:?} derives one key at a time", self.id)));
        }
        self.with_one(|mechanism| body(mechanism, true))
    }

    fn with_one<T>(&self, body: impl FnOnce(&mut ck::CK_MECHANISM) -> Result<T>) -> Result<T> {
        use Params as P;
        match self.params {
            P::None => self.bytes(&[], body),
            P::Iv(iv) => self.bytes(iv, body),
            P::ShortIv(iv) => self.bytes(iv, body),
            P::Opaque(bytes) | P::Public(bytes) | P::WrapIv(bytes) => self.bytes(bytes, body),
            P::Key(_) => self.structure(self.key(0)?, body),
            P::BitPosition(bit) => self.structure(*bit as ck::CK_ULONG, body),
            P::MacLength(length) => self.structure(*length as ck::CK_ULONG, body),
            P::Version([major, minor]) => {
                self.structure(ck::CK_VERSION { major: *major, minor: *minor }, body)
            }
            P::Ctr { bits, block } => {
                let bits = *bits as ck::CK_ULONG;
                self.structure(ck::CK_AES_CTR_PARAMS { ulCounterBits: bits, cb: *block }, body)
            }
            P::Gcm { iv, aad, tag_bits } => self.structure(gcm(iv, aad, *tag_bits), body),
            P::Ccm { nonce, aad, tag, data } => self.structure(ccm(nonce, aad, *tag, *data), body),
            P::ChaCha20Poly1305 { nonce, aad } => self.structure(chacha20(nonce, aad), body),
            P::Oaep { hash, mgf, label } => self.structure(oaep(*hash, *mgf, label)?, body),
            P::Pss { hash, mgf, salt } => self.structure(pss(*hash, *mgf, *salt)?, body),
            P::RsaAesWrap(params) => self.rsa_aes_wrap(params, body),
            P::EcdhAesWrap(params) => self.structure(ecdh_aes_wrap(params)?, body),
            P::Ecdh { kdf, public } => self.structure(ecdh(*kdf, public)?, body),
            P::Eddsa { prehash, context } => self.structure(eddsa(*prehash, context), body),
            P::CbcEncryptData { iv, data } => self.structure(cbc_encrypt_data(*iv, data), body),
            P::EncryptData(data) | P::StringData(data) => self.structure(string(data), body),
            P::Pbkdf2(params) => self.structure(pbkdf2(params)?, body),
            P::Hkdf(params) => self.structure(self.hkdf(params)?, body),
            P::TlsMaster(params) => self.tls_master(params, body),
            P::TlsKdf(params) => self.structure(tls::kdf(params)?, body),
            P::TlsMac(params) => self.structure(tls::mac(params)?, body),
            P::Sp800108(_) | P::TlsKeys(_) => {
                Err(Code::MechanismParamInvalid.because("parameters of several keys"))
            }
        }
    }

    /// A parameter that is plain bytes; NULL for none.
    fn bytes<T>(
        &self,
        bytes: &[u8],
        body: impl FnOnce(&mut ck::CK_MECHANISM) -> Result<T>,
    ) -> Result<T> {
        let (pointer, len) = (place(bytes).cast(), len(bytes));
        body(&mut ck::CK_MECHANISM {
            mechanism: self.id.0 as ck::CK_MECHANISM_TYPE,
            pParameter: if len == 0 { ptr::null_mut() } else { pointer },
            ulParameterLen: len,
        })
    }

    /// A parameter that is a structure, which the module may write to.
    fn structure<S, T>(
        &self,
        mut structure: S,
        body: impl FnOnce(&mut ck::CK_MECHANISM) -> Result<T>,
    ) -> Result<T> {
        body(&mut ck::CK_MECHANISM {
            mechanism: self.id.0 as ck::CK_MECHANISM_TYPE,
            pParameter: (&raw mut structure).cast(),
            ulParameterLen: size_of::<S>() as ck::CK_ULONG,
        })
    }

    /// The inner handle of a key that the parameters name.
    fn key(&self, place: usize) -> Result<ck::CK_OBJECT_HANDLE> {
        let handle = self.keys.get(place).map(|handle| *handle as ck::CK_OBJECT_HANDLE);
        handle.ok_or_else(|| {
            Code::MechanismParamInvalid.because(format!(
                "{:?} names more than {} keys",
                self.id,
                self.keys.len()
            ))
        })
    }

    fn rsa_aes_wrap<T>(
        &self,
        params: &RsaAesWrap<'_>,
        body: impl FnOnce(&mut ck::CK_MECHANISM) -> Result<T>,
    ) -> Result<T> {
        let mut oaep = oaep(params.hash, params.mgf, params.label)?;
        let structure = ck::CK_RSA_AES_KEY_WRAP_PARAMS {
            ulAESKeyBits: 8 * params.size as ck::CK_ULONG,
            pOAEPParams: &raw mut oaep,
        };
        self.structure(structure, body)
    }

    fn hkdf(&self, params: &Hkdf<'_>) -> Result<ck::CK_HKDF_PARAMS> {
        let (salt_type, salt, salt_key): (u64, &[u8], _) = match params.salt {
            Salt::None => (Salt::NONE, &[], 0),
            Salt::Data(salt) => (Salt::DATA, salt, 0),
            Salt::Key(_) => (Salt::KEY, &[], self.key(0)?),
        };
        Ok(ck::CK_HKDF_PARAMS {
            bExtract: params.extract.into(),
            bExpand: params.expand.into(),
            prfHashMechanism: hash(params.hash)?,
            ulSaltType: salt_type as ck::CK_ULONG,
            pSalt: place(salt),
            ulSaltLen: len(salt),
            hSaltKey: salt_key,
            pInfo: place(params.info),
            ulInfoLen: len(params.info),
        })
    }
}

fn gcm(iv: &[u8], aad: &[u8], tag_bits: usize) -> ck::CK_GCM_PARAMS {
    ck::CK_GCM_PARAMS {
        pIv: place(iv),
        ulIvLen: len(iv),
        ulIvBits: 8 * len(iv),
        pAAD: place(aad),
        ulAADLen: len(aad),
        ulTagBits: tag_bits as ck::CK_ULONG,
    }
}

fn ccm(nonce: &[u8], aad: &[u8], tag: usize, data: usize) -> ck::CK_CCM_PARAMS {
    ck::CK_CCM_PARAMS {
        ulDataLen: data as ck::CK_ULONG,
        pNonce: place(nonce),
        ulNonceLen: len(nonce),
        pAAD: place(aad),
        ulAADLen: len(aad),
        ulMACLen: tag as ck::CK_ULONG,
    }
}

fn chacha20(nonce: &[u8], aad: &[u8]) -> ck::CK_SALSA20_CHACHA20_POLY1305_PARAMS {
    ck::CK_SALSA20_CHACHA20_POLY1305_PARAMS {
        pNonce: place(nonce),
        // "ulNonceLen: length of nonce in bits".
        ulNonceLen: 8 * len(nonce),
        pAAD: place(aad),
        ulAADLen: len(aad),
    }
}

fn oaep(digest: Hash, mgf: Hash, label: &[u8]) -> Result<ck::CK_RSA_PKCS_OAEP_PARAMS> {
    const CKZ_DATA_SPECIFIED: ck::CK_RSA_PKCS_OAEP_SOURCE_TYPE = 1;
    let label_place = if label.is_empty() { ptr::null_mut() } else { place(label) };
    Ok(ck::CK_RSA_PKCS_OAEP_PARAMS {
        hashAlg: hash(digest)?,
        mgf: mgf.mgf()? as ck::CK_RSA_PKCS_MGF_TYPE,
        source: CKZ_DATA_SPECIFIED,
        pSourceData: label_place.cast(),
        ulSourceDataLen: len(label),
    })
}

fn pss(digest: Hash, mgf: Hash, salt: usize) -> Result<ck::CK_RSA_PKCS_PSS_PARAMS> {
    Ok(ck::CK_RSA_PKCS_PSS_PARAMS {
        hashAlg: hash(digest)?,
        mgf: mgf.mgf()? as ck::CK_RSA_PKCS_MGF_TYPE,
        sLen: salt as ck::CK_ULONG,
    })
}

fn ecdh_aes_wrap(params: &EcdhAesWrap<'_>) -> Result<ck::CK_ECDH_AES_KEY_WRAP_PARAMS> {
    let (kdf, shared) = params.kdf.parts()?;
    Ok(ck::CK_ECDH_AES_KEY_WRAP_PARAMS {
        ulAESKeyBits: 8 * params.size as ck::CK_ULONG,
        kdf: kdf as ck::CK_EC_KDF_TYPE,
        ulSharedDataLen: len(shared),
        pSharedData: place(shared),
    })
}

fn ecdh(kdf: EcKdf<'_>, public: &[u8]) -> Result<ck::CK_ECDH1_DERIVE_PARAMS> {
    let (kdf, shared) = kdf.parts()?;
    Ok(ck::CK_ECDH1_DERIVE_PARAMS {
        kdf: kdf as ck::CK_EC_KDF_TYPE,
        ulSharedDataLen: len(shared),
        // "If the NULL KDF is used [...] the pSharedData must be NULL".
        pSharedData: if shared.is_empty() { ptr::null_mut() } else { place(shared) },
        ulPublicDataLen: len(public),
        pPublicData: place(public),
    })
}

fn eddsa(prehash: bool, context: &[u8]) -> ck::CK_EDDSA_PARAMS {
    ck::CK_EDDSA_PARAMS {
        phFlag: prehash.into(),
        ulContextDataLen: len(context),
        pContextData: place(context),
    }
}

fn cbc_encrypt_data(iv: [u8; 16], data: &[u8]) -> ck::CK_AES_CBC_ENCRYPT_DATA_PARAMS {
    ck::CK_AES_CBC_ENCRYPT_DATA_PARAMS { iv, pData: place(data), length: len(data) }
}

fn string(data: &[u8]) -> ck::CK_KEY_DERIVATION_STRING_DATA {
    ck::CK_KEY_DERIVATION_STRING_DATA { pData: place(data), ulLen: len(data) }
}

fn pbkdf2(params: &Pbkdf2<'_>) -> Result<ck::CK_PKCS5_PBKD2_PARAMS2> {
    const CKZ_SALT_SPECIFIED: ck::CK_PKCS5_PBKDF2_SALT_SOURCE_TYPE = 1;
    Ok(ck::CK_PKCS5_PBKD2_PARAMS2 {
        saltSource: CKZ_SALT_SPECIFIED,
        pSaltSourceData: place(params.salt).cast(),
        ulSaltSourceDataLen: len(params.salt),
        iterations: params.iterations.into(),
        prf: params.prf()? as ck::CK_PKCS5_PBKD2_PSEUDO_RANDOM_FUNCTION_TYPE,
        pPrfData: ptr::null_mut(),
        ulPrfDataLen: 0,
        pPassword: place(params.password),
        ulPasswordLen: len(params.password),
    })
}

fn hash(hash: Hash) -> Result<ck::CK_MECHANISM_TYPE> {
    Ok(hash.mechanism()?.0 as ck::CK_MECHANISM_TYPE)
}

/// The C interface has pointers to what is changed for what is only read.
fn place(bytes: &[u8]) -> *mut ck::CK_BYTE {
    bytes.as_ptr().cast_mut()
}

fn len(bytes: &[u8]) -> ck::CK_ULONG {
    bytes.len() as ck::CK_ULONG
}
