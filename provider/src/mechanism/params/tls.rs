//! Parameters of the TLS 1.2 mechanisms (specification section "1.2 Mechanisms").

use crate::error::{Code, Error, Result};
use crate::ffi::params::{KeyMaterial, Randoms, RawParams, VersionPlace};
use crate::mechanism::{Hash, Params};

/// `CK_TLS12_MASTER_KEY_DERIVE_PARAMS` and `CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS`.
#[derive(Clone, Copy, Debug)]
pub struct TlsMaster<'a> {
    pub hash: Hash,
    pub seed: Seed<'a>,
    /// For a pre-master secret that begins with the version: where that goes.
    pub version: Option<VersionPlace<'a>>,
}

/// What binds a master secret to its session.
#[derive(Clone, Copy, Debug)]
pub enum Seed<'a> {
    Randoms(Randoms<'a>),
    /// RFC 7627.
    SessionHash(&'a [u8]),
}

/// `CK_TLS12_KEY_MAT_PARAMS`; lengths in bytes, 0 for what is not wanted.
#[derive(Clone, Copy, Debug)]
pub struct TlsKeys<'a> {
    pub hash: Hash,
    pub randoms: Randoms<'a>,
    pub mac: usize,
    pub key: usize,
    pub iv: usize,
    pub out: KeyMaterial<'a>,
}

/// `CK_TLS_KDF_PARAMS`.
#[derive(Clone, Copy, Debug)]
pub struct TlsKdf<'a> {
    pub hash: Hash,
    pub label: &'a [u8],
    pub randoms: Randoms<'a>,
    /// Up to 65,535 bytes.
    pub context: Option<&'a [u8]>,
}

/// `CK_TLS_MAC_PARAMS`.
#[derive(Clone, Copy, Debug)]
pub struct TlsMac {
    pub hash: Hash,
    /// 12 to 64 bytes.
    pub length: usize,
    pub label: &'static [u8],
}

const SERVER: (u64, &[u8]) = (1, b"server finished");
const CLIENT: (u64, &[u8]) = (2, b"client finished");

impl TlsMac {
    /// `ulServerOrClient`.
    pub fn side(&self) -> u64 {
        if self.label == SERVER.1 { SERVER.0 } else { CLIENT.0 }
    }
}

/// Of CKM_TLS12_MASTER_KEY_DERIVE.
pub fn master(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (randoms, version, hash) = raw.tls_master()?;
    let version = version.ok_or_else(|| bad("no place for the version".to_owned()))?;
    derivation(hash, Seed::Randoms(randoms), Some(version))
}

/// Of CKM_TLS12_MASTER_KEY_DERIVE_DH.
pub fn master_dh(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (randoms, version, hash) = raw.tls_master()?;
    no_version(version)?;
    derivation(hash, Seed::Randoms(randoms), None)
}

/// Of CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE.
pub fn extended_master(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (session, version, hash) = raw.tls_extended_master()?;
    let version = version.ok_or_else(|| bad("no place for the version".to_owned()))?;
    derivation(hash, Seed::SessionHash(session), Some(version))
}

/// Of CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH.
pub fn extended_master_dh(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (session, version, hash) = raw.tls_extended_master()?;
    no_version(version)?;
    derivation(hash, Seed::SessionHash(session), None)
}

/// Of CKM_TLS12_KEY_AND_MAC_DERIVE.
pub fn keys(raw: RawParams<'_>) -> Result<Params<'_>> {
    key_block(raw, true)
}

/// Of CKM_TLS12_KEY_SAFE_DERIVE: "the ulIvSizeInBits field [...] is ignored and treated as 0".
pub fn safe_keys(raw: RawParams<'_>) -> Result<Params<'_>> {
    key_block(raw, false)
}

/// Of CKM_TLS_KDF (RFC 5705).
pub fn kdf(raw: RawParams<'_>) -> Result<Params<'_>> {
    let raw = raw.tls_kdf()?;
    if raw.label.is_empty() || raw.context.is_some_and(|context| context.len() > 0xffff) {
        return Err(bad("no label, or a context of more than 65,535 bytes".to_owned()));
    }
    let hash = Hash::of_mechanism(raw.hash)?;
    let randoms = some(raw.randoms)?;
    Ok(Params::TlsKdf(TlsKdf { hash, label: raw.label, randoms, context: raw.context }))
}

/// Of CKM_TLS_MAC.
pub fn mac(raw: RawParams<'_>) -> Result<Params<'_>> {
    let (hash, length, side) = raw.tls_mac()?;
    let label = match [SERVER, CLIENT].into_iter().find(|row| row.0 == side) {
        Some((_, label)) => label,
        None => return Err(bad(format!("side {side}"))),
    };
    match usize::try_from(length) {
        Ok(length @ 12..=64) => {
            Ok(Params::TlsMac(TlsMac { hash: Hash::of_mechanism(hash)?, length, label }))
        }
        _ => Err(bad(format!("a MAC of {length} bytes"))),
    }
}

/// `CK_VERSION` of CKM_TLS_PRE_MASTER_KEY_GEN.
pub fn version(raw: RawParams<'_>) -> Result<Params<'_>> {
    raw.version().map(Params::Version)
}

fn derivation<'a>(
    hash: u64,
    seed: Seed<'a>,
    version: Option<VersionPlace<'a>>,
) -> Result<Params<'a>> {
    match seed {
        Seed::Randoms(randoms) => drop(some(randoms)?),
        Seed::SessionHash([]) => return Err(bad("no session hash".to_owned())),
        Seed::SessionHash(_) => {}
    }
    Ok(Params::TlsMaster(TlsMaster { hash: Hash::of_mechanism(hash)?, seed, version }))
}

/// An IV is at most a block of a cipher, and there is none without a cipher key: what is cut off as
/// an IV is shown, and must not be what another cut makes a key.
fn key_block(raw: RawParams<'_>, with_ivs: bool) -> Result<Params<'_>> {
    const LONGEST: [u64; 3] = [512, 512, 128];
    let raw = raw.tls_keys()?;
    let lengths = [raw.mac, raw.key, if with_ivs { raw.iv } else { 0 }];
    let fit = |(bits, longest): (&u64, u64)| *bits <= longest && bits.is_multiple_of(8);
    if !lengths.iter().zip(LONGEST).all(fit) {
        return Err(bad(format!("MACs, keys and IVs of {lengths:?} bits")));
    }
    let [mac, key, iv] = lengths.map(|bits| bits as usize / 8);
    if mac + key == 0 || key == 0 && iv > 0 {
        return Err(bad("IVs and no keys".to_owned()));
    }
    if raw.is_export {
        return Err(bad("an export cipher suite".to_owned()));
    }
    let (hash, randoms) = (Hash::of_mechanism(raw.hash)?, some(raw.randoms)?);
    Ok(Params::TlsKeys(TlsKeys { hash, randoms, mac, key, iv, out: raw.out }))
}

fn some(randoms: Randoms<'_>) -> Result<Randoms<'_>> {
    match randoms.client.is_empty() || randoms.server.is_empty() {
        false => Ok(randoms),
        true => Err(bad("no random data of one side".to_owned())),
    }
}

/// "The pVersion field of the structure must be set to NULL_PTR since the version number is not
/// embedded in the "pre_master" key".
fn no_version(version: Option<VersionPlace<'_>>) -> Result<()> {
    match version {
        None => Ok(()),
        Some(_) => Err(bad("a place for a version that there is not".to_owned())),
    }
}

fn bad(what: String) -> Error {
    Code::MechanismParamInvalid.because(format!("TLS with {what}"))
}
