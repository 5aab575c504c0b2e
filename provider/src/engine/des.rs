//! DES and triple DES: the block modes ECB and CBC, with and without the padding of PKCS #7, and
//! CMAC. Legacy.

use crate::attribute::{Attributes, KeyType};
use crate::backend::Operation;
use crate::engine::blocks::{self, Cipher, Padding};
use crate::engine::mac;
use crate::engine::secret::{self, SecretKey};
use crate::engine::{Lease, random};
use crate::error::{Code, Result};
use crate::ffi::awslc::cipher::Direction;
use crate::ffi::awslc::cmac::Cmac;
use crate::ffi::awslc::des::{self, BLOCK};
use crate::mechanism::Params;
use crate::secret::Secret;

/// Length in bytes of the keys of a type, if it is one of DES.
pub fn key_len(key_type: Option<KeyType>) -> Option<usize> {
    match key_type {
        Some(KeyType::DES) => Some(BLOCK),
        Some(KeyType::DES2) => Some(2 * BLOCK),
        Some(KeyType::DES3) => Some(3 * BLOCK),
        _ => None,
    }
}

/// CKM_DES_KEY_GEN, CKM_DES2_KEY_GEN, CKM_DES3_KEY_GEN: a random value with its parity bits set.
///
/// # Errors
/// As [`secret::generate`].
pub fn generate(_: &Params<'_>, wanted: &Attributes) -> Result<Attributes> {
    let len = key_len(wanted.key_type())
        .ok_or_else(|| Code::TemplateInconsistent.because("no key type of DES"))?;
    let random = random::secret(len)?;
    secret::made(wanted, des::with_parity(random.expose()))
}

/// `value` with the parity bits that keys of DES have; of other types as it is.
pub fn fitted(attributes: &Attributes, value: Secret) -> Secret {
    match key_len(attributes.key_type()) {
        Some(len) if len == value.len() => des::with_parity(value.expose()),
        _ => value,
    }
}

/// Whether the parity bits are set as they must be: "Attempting to create or unwrap a DES2 key with
/// incorrect parity will return an error" (section "DES2 secret key objects").
pub(super) fn has_parity(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.count_ones() % 2 == 1)
}

/// The first bytes of a zero block under the key.
pub(super) fn check_value(value: &[u8]) -> Result<[u8; 3]> {
    let block = des::Schedule::new(value)?.block(Direction::Encrypt, &[0; BLOCK]);
    Ok([block[0], block[1], block[2]])
}

/// Starts `C_EncryptInit` in ECB or CBC; the parameter tells which.
///
/// # Errors
/// KeyTypeInconsistent or KeySizeRange for a key that is none of DES; so the others.
pub fn encrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    start(key, params, Direction::Encrypt, Padding::None)
}

/// Starts `C_DecryptInit`.
pub fn decrypt(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    start(key, params, Direction::Decrypt, Padding::None)
}

/// Starts `C_EncryptInit` in CBC with padding.
pub fn encrypt_padded(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    start(key, params, Direction::Encrypt, Padding::Pkcs7)
}

/// Starts `C_DecryptInit` in CBC with padding.
pub fn decrypt_padded(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    start(key, params, Direction::Decrypt, Padding::Pkcs7)
}

fn start(
    key: &Lease,
    params: &Params<'_>,
    direction: Direction,
    padding: Padding,
) -> Result<Operation> {
    Ok(blocks::operation(keyed(key, params)?, direction, padding))
}

fn keyed(key: &Lease, params: &Params<'_>) -> Result<Des> {
    let schedule = des::Schedule::new(SecretKey::of(key)?.value())?;
    let iv = match params {
        Params::ShortIv(iv) => Some(*iv),
        _ => None,
    };
    Ok(Des { schedule, iv })
}

/// `C_WrapKey` in ECB or CBC. Malleable, as the next three.
///
/// # Errors
/// KeyTypeInconsistent or KeySizeRange for a key that is none of DES; so the next three.
pub fn wrap(key: &Lease, params: &Params<'_>, encoding: &[u8]) -> Result<Vec<u8>> {
    blocks::wrap(keyed(key, params)?, Padding::None, encoding)
}

/// `C_UnwrapKey` in ECB or CBC: the zero bytes behind the key are still there.
///
/// # Errors
/// Beside those above: WrappedKeyLenRange, WrappedKeyInvalid; so the last of the four.
pub fn unwrap(key: &Lease, params: &Params<'_>, wrapped: &[u8]) -> Result<Secret> {
    blocks::unwrap(keyed(key, params)?, Padding::None, wrapped)
}

/// `C_WrapKey` in CBC with padding.
pub fn wrap_padded(key: &Lease, params: &Params<'_>, encoding: &[u8]) -> Result<Vec<u8>> {
    blocks::wrap(keyed(key, params)?, Padding::Pkcs7, encoding)
}

/// `C_UnwrapKey` in CBC with padding.
pub fn unwrap_padded(key: &Lease, params: &Params<'_>, wrapped: &[u8]) -> Result<Secret> {
    blocks::unwrap(keyed(key, params)?, Padding::Pkcs7, wrapped)
}

/// A key with the IV of the next block in CBC, without one in ECB.
struct Des {
    schedule: Box<des::Schedule>,
    iv: Option<[u8; BLOCK]>,
}

impl Cipher<BLOCK> for Des {
    fn run(&mut self, direction: Direction, input: &[u8], output: &mut [u8]) -> Result<()> {
        match &mut self.iv {
            Some(iv) => self.schedule.cbc(direction, iv, input, output),
            None => {
                for (from, to) in input.as_chunks().0.iter().zip(output.as_chunks_mut().0) {
                    *to = self.schedule.block(direction, from);
                }
            }
        }
        Ok(())
    }
}

/// Starts `C_SignInit` with CKM_DES3_CMAC, or with CKM_DES3_CMAC_GENERAL, whose parameter is a
/// length.
///
/// # Errors
/// KeyTypeInconsistent for a key that is no secret key, KeySizeRange for one that is none of triple
/// DES, MechanismParamInvalid for a length of zero or beyond a block.
pub fn sign_cmac(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    let len = mac::length(params, BLOCK)?;
    Ok(mac::signer(Cmac::des3(SecretKey::of(key)?.value())?, len))
}

/// As [`sign_cmac`], for verification.
pub fn verify_cmac(key: &Lease, params: &Params<'_>) -> Result<Operation> {
    let len = mac::length(params, BLOCK)?;
    Ok(mac::verifier(Cmac::des3(SecretKey::of(key)?.value())?, len))
}
