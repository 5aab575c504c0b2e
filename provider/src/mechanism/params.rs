//! Mechanism parameters in Rust types, and the parsers that the rows name.
//!
//! A parser checks what can be known without the key (lengths, known hashes, zero flags) and
//! answers CKR_MECHANISM_PARAM_INVALID; what depends on the key is the engine's to check.

pub mod aead;
pub mod cipher;
pub mod derive;
pub mod ec;
pub mod hash;
pub mod hybrid;
pub mod kdf;
pub mod kept;
pub mod rsa;
pub mod sp800_108;
pub mod tls;

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::handle::Handle;

pub use hash::Hash;

use ec::EcKdf;
use hybrid::{EcdhAesWrap, RsaAesWrap};
use kdf::{Hkdf, Pbkdf2, Salt};
use sp800_108::{Field, FurtherKey, Sp800108};
use tls::{TlsKdf, TlsKeys, TlsMac, TlsMaster};

/// The parameters of a mechanism; borrowed from the application's memory.
#[derive(Clone, Debug)]
pub enum Params<'a> {
    None,
    /// CBC: one block.
    Iv([u8; 16]),
    /// The same for DES, whose blocks are shorter.
    ShortIv([u8; 8]),
    /// `CK_AES_CTR_PARAMS`: the counter is the last `bits` bits of `block`.
    Ctr {
        bits: u64,
        block: [u8; 16],
    },
    /// `CK_GCM_PARAMS`; `tag_bits` is one of 32, 64, 96..=128 step 8.
    Gcm {
        iv: &'a [u8],
        aad: &'a [u8],
        tag_bits: usize,
    },
    /// `CK_CCM_PARAMS`; `tag` is 4, 6, ... 16, `data` the announced length of the plaintext, both in
    /// bytes.
    Ccm {
        nonce: &'a [u8],
        aad: &'a [u8],
        tag: usize,
        data: usize,
    },
    /// `CK_SALSA20_CHACHA20_POLY1305_PARAMS`; 12 bytes of nonce, or 24 for XChaCha20.
    ChaCha20Poly1305 {
        nonce: &'a [u8],
        aad: &'a [u8],
    },
    /// `CK_RSA_PKCS_OAEP_PARAMS`.
    Oaep {
        hash: Hash,
        mgf: Hash,
        label: &'a [u8],
    },
    /// `CK_RSA_PKCS_PSS_PARAMS`; `salt` in bytes.
    Pss {
        hash: Hash,
        mgf: Hash,
        salt: usize,
    },
    /// `CK_ECDH1_DERIVE_PARAMS`: the peer's point, raw or as a DER OCTET STRING.
    Ecdh {
        kdf: EcKdf<'a>,
        public: &'a [u8],
    },
    /// `CK_EDDSA_PARAMS`: Ed25519ph or Ed25519ctx.
    Eddsa {
        prehash: bool,
        context: &'a [u8],
    },
    /// `CKM_DH_PKCS_DERIVE`: the peer's public value, big-endian.
    Public(&'a [u8]),
    /// `CK_AES_CBC_ENCRYPT_DATA_PARAMS`.
    CbcEncryptData {
        iv: [u8; 16],
        data: &'a [u8],
    },
    /// `CKM_AES_ECB_ENCRYPT_DATA`: whole blocks.
    EncryptData(&'a [u8]),
    /// `CK_KEY_DERIVATION_STRING_DATA` of the simple derivations; not empty.
    StringData(&'a [u8]),
    /// `CK_OBJECT_HANDLE`: the key to put behind the base key.
    Key(Handle),
    /// `CK_EXTRACT_PARAMS`: the first bit of the base key to take.
    BitPosition(u64),
    /// `CKM_PKCS5_PBKD2`.
    Pbkdf2(Pbkdf2<'a>),
    /// `CK_MAC_GENERAL_PARAMS`: the wanted length in bytes.
    MacLength(usize),
    Hkdf(Hkdf<'a>),
    Sp800108(Sp800108<'a>),
    TlsMaster(TlsMaster<'a>),
    TlsKeys(TlsKeys<'a>),
    TlsKdf(TlsKdf<'a>),
    TlsMac(TlsMac),
    /// `CK_VERSION`: major and minor number.
    Version([u8; 2]),
    /// AES key wrap: the initial value, where it is not the standard's.
    WrapIv(&'a [u8]),
    RsaAesWrap(RsaAesWrap<'a>),
    EcdhAesWrap(EcdhAesWrap<'a>),
    /// For a mechanism that the bridge forwards and we do not know.
    Opaque(&'a [u8]),
}

impl Params<'_> {
    /// The keys that the parameters name by handle; the session looks them up.
    pub fn handles(&self) -> Vec<Handle> {
        match self {
            Self::Hkdf(Hkdf { salt: Salt::Key(handle), .. }) | Self::Key(handle) => vec![*handle],
            Self::Sp800108(params) => {
                let handle = |field: &Field<'_>| match field {
                    Field::Key(handle) => Some(*handle),
                    _ => None,
                };
                params.fields.iter().filter_map(handle).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl<'a> Params<'a> {
    /// Whether the caller chooses what a stream cipher starts from: two messages with one nonce show
    /// each other.
    pub fn choose_nonce(&self) -> bool {
        matches!(self, Self::Gcm { .. } | Self::Ccm { .. })
    }

    /// Whether no handle comes back through `phKey` of `C_DeriveKey`, which "should be a NULL_PTR"
    /// (section "Key and MAC derivation").
    pub fn say_where_handles_go(&self) -> bool {
        matches!(self, Self::TlsKeys(_))
    }

    /// The keys to derive beside that of `C_DeriveKey`.
    pub fn further_keys(&self) -> &[FurtherKey<'a>] {
        match self {
            Self::Sp800108(params) => &params.further,
            _ => &[],
        }
    }
}

/// A mechanism without parameter.
pub fn none(raw: RawParams<'_>) -> Result<Params<'_>> {
    match raw.is_empty() {
        true => Ok(Params::None),
        false => Err(Code::MechanismParamInvalid.because("this mechanism takes no parameter")),
    }
}

/// For another module to read: the bytes as they stand, and the pointers in them.
pub fn opaque(raw: RawParams<'_>) -> Result<Params<'_>> {
    raw.bytes().map(Params::Opaque)
}

/// `CK_MAC_GENERAL_PARAMS`; the hash sets the upper bound.
pub fn mac_length(raw: RawParams<'_>) -> Result<Params<'_>> {
    let length = raw.mac_length()?;
    usize::try_from(length)
        .map(Params::MacLength)
        .map_err(|_| Code::MechanismParamInvalid.because(format!("a MAC of {length} bytes")))
}
