//! Mechanism parameters in Rust types, and the parsers that the rows name.
//!
//! A parser checks what can be known without the key (lengths, known hashes, zero flags) and
//! answers CKR_MECHANISM_PARAM_INVALID; what depends on the key is the engine's to check.

pub mod hybrid;
pub mod sp800_108;
pub mod tls;

use std::fmt;

use crate::error::{Code, Result};
use crate::ffi::params::RawParams;
use crate::handle::Handle;
use crate::mechanism::MechanismType;

use hybrid::{EcdhAesWrap, RsaAesWrap};
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

/// `CK_EC_KDF_TYPE` and the data that both sides share.
#[derive(Clone, Copy, Debug)]
pub enum EcKdf<'a> {
    Null,
    /// ANSI X9.63 section 5.6.3.
    X963 {
        hash: Hash,
        shared: &'a [u8],
    },
    /// NIST SP 800-56A section 5.8.1.1.
    Sp800 {
        hash: Hash,
        shared: &'a [u8],
    },
}

/// `CK_HKDF_PARAMS` (RFC 5869).
#[derive(Clone, Debug)]
pub struct Hkdf<'a> {
    pub extract: bool,
    pub expand: bool,
    pub hash: Hash,
    pub salt: Salt<'a>,
    pub info: &'a [u8],
}

/// `CK_PKCS5_PBKD2_PARAMS2` (RFC 8018 section 5.2); at least one iteration.
#[derive(Clone)]
pub struct Pbkdf2<'a> {
    pub hash: Hash,
    pub salt: &'a [u8],
    pub iterations: u32,
    pub password: &'a [u8],
}

/// Without the password.
impl fmt::Debug for Pbkdf2<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pbkdf2({:?}, {} iterations)", self.hash, self.iterations)
    }
}

/// The salt of HKDF's extract step.
#[derive(Clone, Debug)]
pub enum Salt<'a> {
    /// As many zero bytes as the hash is long.
    None,
    Data(&'a [u8]),
    /// The first of [`Mechanism::keys`](crate::mechanism::Mechanism::keys).
    Key(Handle),
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

/// The hash functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    /// Legacy: mechanisms of its own use it, no parameter can name it.
    Md5,
}

impl Hash {
    /// How many there are.
    pub const COUNT: usize = Self::Md5 as usize + 1;

    /// Every hash that parameters can name, in the order of the variants, with the mechanism that
    /// names it and the MGF1 that uses it (`CKG_MGF1_*`), where the specification has one.
    pub const ALL: [(Self, MechanismType, Option<u64>); 11] = [
        (Self::Sha1, MechanismType::SHA_1, Some(1)),
        (Self::Sha224, MechanismType::SHA224, Some(5)),
        (Self::Sha256, MechanismType::SHA256, Some(2)),
        (Self::Sha384, MechanismType::SHA384, Some(3)),
        (Self::Sha512, MechanismType::SHA512, Some(4)),
        (Self::Sha512_224, MechanismType::SHA512_224, None),
        (Self::Sha512_256, MechanismType::SHA512_256, None),
        (Self::Sha3_224, MechanismType::SHA3_224, Some(6)),
        (Self::Sha3_256, MechanismType::SHA3_256, Some(7)),
        (Self::Sha3_384, MechanismType::SHA3_384, Some(8)),
        (Self::Sha3_512, MechanismType::SHA3_512, Some(9)),
    ];

    /// # Errors
    /// MechanismParamInvalid for a mechanism that is no hash known here.
    pub fn of_mechanism(id: u64) -> Result<Self> {
        let row = Self::ALL.iter().find(|row| row.1.0 == id);
        row.map(|row| row.0).ok_or_else(|| {
            Code::MechanismParamInvalid.because(format!("hash {:?}", MechanismType(id)))
        })
    }

    /// # Errors
    /// MechanismParamInvalid for an unknown mask generation function.
    pub fn of_mgf(mgf: u64) -> Result<Self> {
        let row = Self::ALL.iter().find(|row| row.2 == Some(mgf));
        row.map(|row| row.0)
            .ok_or_else(|| Code::MechanismParamInvalid.because(format!("MGF {mgf:#x}")))
    }

    /// Length of the digest in bytes, never 0.
    pub const fn size(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha512_224 | Self::Sha3_224 => 28,
            Self::Sha256 | Self::Sha512_256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
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

/// Exactly one block of 16 bytes.
pub fn iv(raw: RawParams<'_>) -> Result<Params<'_>> {
    block(raw).map(Params::Iv)
}

/// Exactly one block of 8 bytes.
pub fn short_iv(raw: RawParams<'_>) -> Result<Params<'_>> {
    block(raw).map(Params::ShortIv)
}

fn block<const N: usize>(raw: RawParams<'_>) -> Result<[u8; N]> {
    let bytes = raw.bytes()?;
    bytes.try_into().map_err(|_| {
        Code::MechanismParamInvalid.because(format!("the IV has {} bytes, not {N}", bytes.len()))
    })
}

/// `CK_AES_CTR_PARAMS`, 1 to 128 counter bits.
pub fn ctr(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (bits, block) = raw.ctr()?;
    match bits {
        1..=128 => Ok(Params::Ctr { bits, block }),
        _ => Err(Code::MechanismParamInvalid.because(format!("{bits} counter bits"))),
    }
}

/// `CK_GCM_PARAMS` in both of its sizes.
pub fn gcm(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (iv, aad, tag_bits) = raw.gcm()?;
    Ok(Params::Gcm { iv, aad, tag_bits: gcm_tag_bits(iv.len(), tag_bits)? })
}

/// The length of a GCM tag in bits, for an IV of `iv` bytes: an empty one is refused (NIST SP
/// 800-38D section 5.2.1.1).
pub(super) fn gcm_tag_bits(iv: usize, tag_bits: u64) -> Result<usize> {
    match (iv, tag_bits) {
        (0, _) => Err(Code::MechanismParamInvalid.because("the GCM IV is empty")),
        (_, 32 | 64 | 96 | 104 | 112 | 120 | 128) => Ok(tag_bits as usize),
        _ => Err(Code::MechanismParamInvalid.because(format!("a GCM tag of {tag_bits} bits"))),
    }
}

/// `CK_CCM_PARAMS`.
pub fn ccm(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (data, nonce, aad, tag) = raw.ccm()?;
    let data = ccm_lengths(nonce.len(), data, tag)?;
    Ok(Params::Ccm { nonce, aad, tag: tag as usize, data })
}

/// The length of the data in bytes, for 7 to 13 bytes of nonce and an even number of 4 to 16 bytes
/// of tag.
pub(super) fn ccm_lengths(nonce: usize, data: u64, tag: u64) -> Result<usize> {
    let (Ok(data), 7..=13) = (usize::try_from(data), nonce) else {
        return Err(Code::MechanismParamInvalid
            .because(format!("a CCM nonce of {nonce} bytes for {data} of data")));
    };
    match tag {
        4 | 6 | 8 | 10 | 12 | 14 | 16 => Ok(data),
        _ => Err(Code::MechanismParamInvalid.because(format!("a CCM tag of {tag} bytes"))),
    }
}

/// `CK_SALSA20_CHACHA20_POLY1305_PARAMS`.
pub fn chacha20_poly1305(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (nonce, aad) = raw.chacha20_poly1305()?;
    chacha20_nonce(nonce.len())?;
    Ok(Params::ChaCha20Poly1305 { nonce, aad })
}

/// The IETF's nonce or that of XChaCha20, in bytes.
pub(super) fn chacha20_nonce(len: usize) -> Result<()> {
    match len {
        12 | 24 => Ok(()),
        n => Err(Code::MechanismParamInvalid.because(format!("a ChaCha20 nonce of {n} bytes"))),
    }
}

/// `CK_RSA_PKCS_OAEP_PARAMS`.
pub fn oaep(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (hash, mgf, label) = raw.oaep()?;
    Ok(Params::Oaep { hash: Hash::of_mechanism(hash)?, mgf: Hash::of_mgf(mgf)?, label })
}

/// `CK_RSA_PKCS_PSS_PARAMS`.
pub fn pss(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (hash, mgf, salt) = raw.pss()?;
    let salt = usize::try_from(salt).ok().filter(|salt| *salt <= 2048).ok_or_else(|| {
        Code::MechanismParamInvalid.because(format!("a PSS salt of {salt} bytes"))
    })?;
    Ok(Params::Pss { hash: Hash::of_mechanism(hash)?, mgf: Hash::of_mgf(mgf)?, salt })
}

/// The hashes of `CKD_*_KDF` and `CKD_*_KDF_SP800` with the numbers of both.
const EC_KDFS: [(Hash, u64, u64); 9] = [
    (Hash::Sha1, 2, 14),
    (Hash::Sha224, 5, 15),
    (Hash::Sha256, 6, 16),
    (Hash::Sha384, 7, 17),
    (Hash::Sha512, 8, 18),
    (Hash::Sha3_224, 10, 19),
    (Hash::Sha3_256, 11, 20),
    (Hash::Sha3_384, 12, 21),
    (Hash::Sha3_512, 13, 22),
];

/// `CK_ECDH1_DERIVE_PARAMS`.
pub fn ecdh(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (number, shared, public) = raw.ecdh1()?;
    Ok(Params::Ecdh { kdf: ec_kdf(number, shared)?, public })
}

/// The NULL KDF takes no shared data.
fn ec_kdf(number: u64, shared: &[u8]) -> Result<EcKdf<'_>> {
    const CKD_NULL: u64 = 1;
    let row = EC_KDFS.iter().find(|row| number == row.1 || number == row.2);
    match row {
        Some((hash, x963, _)) if number == *x963 => Ok(EcKdf::X963 { hash: *hash, shared }),
        Some((hash, ..)) => Ok(EcKdf::Sp800 { hash: *hash, shared }),
        None if number != CKD_NULL => {
            Err(Code::MechanismParamInvalid.because(format!("KDF {number:#x}")))
        }
        None if shared.is_empty() => Ok(EcKdf::Null),
        None => Err(Code::MechanismParamInvalid.because("the NULL KDF takes no shared data")),
    }
}

/// Nothing for pure EdDSA, or `CK_EDDSA_PARAMS`; a context has at most 255 bytes (RFC 8032 section
/// 5.1).
pub fn eddsa(raw: RawParams<'_>) -> Result<Params<'_>> {
    if raw.is_empty() {
        return Ok(Params::None);
    }
    let (prehash, context) = raw.eddsa()?;
    match context.len() {
        0 if !prehash => Err(Code::MechanismParamInvalid
            .because("Ed25519ctx needs a context (RFC 8032 section 8.3)")),
        0..=255 => Ok(Params::Eddsa { prehash, context }),
        n => Err(Code::MechanismParamInvalid.because(format!("an EdDSA context of {n} bytes"))),
    }
}

/// The peer's public value of a Diffie-Hellman derivation.
pub fn public(raw: RawParams<'_>) -> Result<Params<'_>> {
    match raw.bytes()? {
        [] => Err(Code::MechanismParamInvalid.because("the peer's public value is empty")),
        value => Ok(Params::Public(value)),
    }
}

/// `CK_AES_CBC_ENCRYPT_DATA_PARAMS`.
pub fn cbc_encrypt_data(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (iv, data) = raw.cbc_encrypt_data()?;
    Ok(Params::CbcEncryptData { iv, data: whole_blocks(data)? })
}

/// `CK_KEY_DERIVATION_STRING_DATA`.
pub fn encrypt_data(raw: RawParams<'_>) -> Result<Params<'_>> {
    Ok(Params::EncryptData(whole_blocks(raw.string_data()?)?))
}

/// `CK_KEY_DERIVATION_STRING_DATA` of any length but zero.
pub fn string_data(raw: RawParams<'_>) -> Result<Params<'_>> {
    match raw.string_data()? {
        [] => Err(Code::MechanismParamInvalid.because("no data to derive with")),
        data => Ok(Params::StringData(data)),
    }
}

/// `CK_OBJECT_HANDLE`.
pub fn key(raw: RawParams<'_>) -> Result<Params<'_>> {
    raw.number().map(|number| Params::Key(Handle::from_raw(number)))
}

/// `CK_EXTRACT_PARAMS`.
pub fn bit_position(raw: RawParams<'_>) -> Result<Params<'_>> {
    raw.number().map(Params::BitPosition)
}

/// The hashes of `CKP_PKCS5_PBKD2_HMAC_*`.
const PBKDF2_PRFS: [(Hash, u64); 7] = [
    (Hash::Sha1, 1),
    (Hash::Sha224, 3),
    (Hash::Sha256, 4),
    (Hash::Sha384, 5),
    (Hash::Sha512, 6),
    (Hash::Sha512_224, 7),
    (Hash::Sha512_256, 8),
];

/// `CK_PKCS5_PBKD2_PARAMS2`.
pub fn pbkdf2(raw: RawParams<'_>) -> Result<Params<'_>> {
    let raw = raw.pbkdf2()?;
    let bad = |what: String| Err(Code::MechanismParamInvalid.because(what));
    let Some((hash, _)) = PBKDF2_PRFS.iter().find(|row| row.1 == raw.prf) else {
        return bad(format!("PBKDF2 with PRF {:#x}", raw.prf));
    };
    match u32::try_from(raw.iterations) {
        Ok(iterations @ 1..) => {
            let (salt, password) = (raw.salt, raw.password);
            Ok(Params::Pbkdf2(Pbkdf2 { hash: *hash, salt, iterations, password }))
        }
        _ => bad(format!("PBKDF2 with {} iterations", raw.iterations)),
    }
}

fn whole_blocks(data: &[u8]) -> Result<&[u8]> {
    match data.len() {
        0 => Err(Code::MechanismParamInvalid.because("no data to encrypt")),
        n if n % 16 != 0 => {
            Err(Code::MechanismParamInvalid.because(format!("{n} bytes are not whole blocks")))
        }
        _ => Ok(data),
    }
}

/// `CK_MAC_GENERAL_PARAMS`; the hash sets the upper bound.
pub fn mac_length(raw: RawParams<'_>) -> Result<Params<'_>> {
    let length = raw.mac_length()?;
    usize::try_from(length)
        .map(Params::MacLength)
        .map_err(|_| Code::MechanismParamInvalid.because(format!("a MAC of {length} bytes")))
}

/// `CK_HKDF_PARAMS`.
pub fn hkdf(raw: RawParams<'_>) -> Result<Params<'_>> {
    let raw = raw.hkdf()?;
    if !raw.extract && !raw.expand {
        return Err(Code::MechanismParamInvalid.because("HKDF neither extracts nor expands"));
    }
    let salt = match raw.salt_type {
        1 => Salt::None,
        2 => Salt::Data(raw.salt),
        4 => Salt::Key(Handle::from_raw(raw.salt_key)),
        other => {
            return Err(Code::MechanismParamInvalid.because(format!("salt type {other}")));
        }
    };
    Ok(Params::Hkdf(Hkdf {
        extract: raw.extract,
        expand: raw.expand,
        hash: Hash::of_mechanism(raw.hash)?,
        salt,
        info: raw.info,
    }))
}

/// AES key wrap: nothing, or the initial value (8 bytes for KW, 4 for KWP).
pub fn wrap_iv(raw: RawParams<'_>) -> Result<Params<'_>> {
    match raw.bytes()? {
        [] => Ok(Params::None),
        iv if matches!(iv.len(), 4 | 8) => Ok(Params::WrapIv(iv)),
        iv => Err(Code::MechanismParamInvalid.because(format!("an IV of {} bytes", iv.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_has_its_place_and_is_found_by_its_names() {
        for (place, (hash, mechanism, mgf)) in Hash::ALL.into_iter().enumerate() {
            assert_eq!(hash as usize, place);
            assert_eq!(Hash::of_mechanism(mechanism.0).unwrap(), hash);
            assert!(mgf.is_none_or(|mgf| Hash::of_mgf(mgf).unwrap() == hash));
        }
        assert_eq!(Hash::of_mgf(10).unwrap_err().code(), Code::MechanismParamInvalid);
    }
}
