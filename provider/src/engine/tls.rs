//! TLS 1.2 (RFC 5246 sections 5, 6.3 and 8.1, RFC 5705, RFC 7627): from the pre-master secret to the
//! keys of a connection, and the code over the handshake.

use zeroize::Zeroizing;

use crate::attribute::{AttributeType, Attributes, Value};
use crate::backend::Operation;
use crate::engine::agreement::LONGEST;
use crate::engine::mac::{self, Mac};
use crate::engine::secret::{SecretKey, made};
use crate::engine::{Lease, random};
use crate::error::{Code, Error, Result};
use crate::ffi::awslc::kdf;
use crate::mechanism::params::tls::{Seed, TlsMac};
use crate::mechanism::{Mechanism, Params};
use crate::secret::Secret;

/// Pre-master secrets with a version, and master secrets, in bytes.
pub const MASTER: usize = 48;

/// CKM_TLS_PRE_MASTER_KEY_GEN: the version and 46 random bytes.
///
/// # Errors
/// AttributeValueInvalid for a `CKA_CHECK_VALUE`, which nobody can know beforehand.
pub fn pre_master(params: &Params<'_>, wanted: &Attributes) -> Result<Attributes> {
    let Params::Version(version) = params else {
        return Err(needs("CK_VERSION"));
    };
    let secret = Secret::try_with(MASTER, |out| {
        out[..2].copy_from_slice(version);
        random::fill(&mut out[2..])
    })?;
    let mut made = made(wanted, secret)?;
    made.set(AttributeType::VALUE_LEN, Value::Number(MASTER as u64));
    Ok(made)
}

/// CKM_TLS12_MASTER_KEY_DERIVE and CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE, also for Diffie-Hellman.
///
/// # Errors
/// KeySizeRange for a pre-master secret with a version that has not 48 bytes.
pub fn master(key: &Lease, mechanism: &Mechanism<'_>, _: Option<usize>) -> Result<Secret> {
    let Params::TlsMaster(params) = &mechanism.params else {
        return Err(needs("CK_TLS12_MASTER_KEY_DERIVE_PARAMS"));
    };
    let base = SecretKey::of(key)?.value();
    if params.version.is_some() {
        check_master(base)?;
    }
    let (label, seeds): (&[u8], _) = match params.seed {
        Seed::Randoms(randoms) => (b"master secret", [randoms.client, randoms.server]),
        Seed::SessionHash(hash) => (b"extended master secret", [hash, &[]]),
    };
    let master =
        Secret::try_with(MASTER, |out| kdf::tls_prf(params.hash, base, label, seeds, out))?;
    if let Some(place) = params.version {
        place.set([base[0], base[1]]);
    }
    Ok(master)
}

/// CKM_TLS12_KEY_AND_MAC_DERIVE and CKM_TLS12_KEY_SAFE_DERIVE: the MAC keys, then the cipher keys,
/// each client's first, as far as they are wanted. The IVs go where the parameter says.
///
/// # Errors
/// KeySizeRange for a master secret that has not 48 bytes.
pub fn keys(key: &Lease, mechanism: &Mechanism<'_>, _: &[Option<usize>]) -> Result<Vec<Secret>> {
    let Params::TlsKeys(params) = &mechanism.params else {
        return Err(needs("CK_TLS12_KEY_MAT_PARAMS"));
    };
    let base = SecretKey::of(key)?.value();
    check_master(base)?;
    let lengths = [params.mac, params.mac, params.key, params.key, params.iv, params.iv];
    let seeds = [params.randoms.server, params.randoms.client];
    let block = Secret::try_with(lengths.iter().sum(), |out| {
        kdf::tls_prf(params.hash, base, b"key expansion", seeds, out)
    })?;
    let mut rest = block.expose();
    let parts = lengths.map(|length| {
        let (part, tail) = rest.split_at(length);
        rest = tail;
        part
    });
    let [keys @ .., client_iv, server_iv] = parts;
    params.out.ivs(client_iv, server_iv);
    Ok(keys.into_iter().filter(|key| !key.is_empty()).map(Secret::copy_of).collect())
}

/// CKM_TLS_KDF: keying material for others than TLS (RFC 5705 section 4).
///
/// # Errors
/// TemplateIncomplete if nothing tells the length; KeySizeRange for none or more than 4,096 bytes.
pub fn kdf(key: &Lease, mechanism: &Mechanism<'_>, length: Option<usize>) -> Result<Secret> {
    let Params::TlsKdf(params) = &mechanism.params else {
        return Err(needs("CK_TLS_KDF_PARAMS"));
    };
    let length = match length {
        Some(length @ 1..=LONGEST) => length,
        Some(length) => return Err(Code::KeySizeRange.because(format!("a key of {length} bytes"))),
        None => {
            return Err(Code::TemplateIncomplete
                .because("CKA_VALUE_LEN is needed to derive with the PRF of TLS"));
        }
    };
    let randoms = [params.randoms.client, params.randoms.server].concat();
    let context =
        params.context.map(|context| [&(context.len() as u16).to_be_bytes()[..], context].concat());
    let seeds = [&randoms[..], context.as_deref().unwrap_or_default()];
    let base = SecretKey::of(key)?.value();
    Secret::try_with(length, |out| kdf::tls_prf(params.hash, base, params.label, seeds, out))
}

/// CKM_TLS_MAC, for `C_SignInit`: verify_data of a Finished message over the handshake's hash.
///
/// # Errors
/// KeyTypeInconsistent for a key that is no secret key.
pub fn sign(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    Finished::start(key, params).map(|(finished, length)| mac::signer(finished, length))
}

/// As [`sign`], for `C_VerifyInit`.
pub fn verify(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    Finished::start(key, params).map(|(finished, length)| mac::verifier(finished, length))
}

/// The data so far: the PRF takes it more than once.
struct Finished {
    key: Lease,
    params: TlsMac,
    seed: Zeroizing<Vec<u8>>,
}

impl Finished {
    fn start(key: &Lease, params: &Params<'_>) -> Result<(Self, usize)> {
        let Params::TlsMac(params) = *params else {
            return Err(needs("CK_TLS_MAC_PARAMS"));
        };
        SecretKey::of(key)?;
        let finished = Self { key: key.clone(), params, seed: Zeroizing::new(Vec::new()) };
        Ok((finished, params.length))
    }
}

impl Mac for Finished {
    fn update(&mut self, input: &[u8]) -> Result<()> {
        self.seed.extend_from_slice(input);
        Ok(())
    }

    fn finish(&mut self, code: &mut [u8]) -> Result<()> {
        let key = SecretKey::of(&self.key)?.value();
        kdf::tls_prf(self.params.hash, key, self.params.label, [&self.seed, &[]], code)
    }
}

fn check_master(secret: &[u8]) -> Result<()> {
    match secret.len() {
        MASTER => Ok(()),
        other => Err(Code::KeySizeRange.because(format!("a TLS secret of {other} bytes"))),
    }
}

fn needs(structure: &str) -> Error {
    Code::MechanismParamInvalid.because(format!("{structure} is needed"))
}
