//! Removing PKCS#1 v1.5 encryption padding with implicit rejection: a badly padded ciphertext
//! decrypts to a message that only the key's owner could predict, so that nobody can ask the token
//! whether a padding was right (Bleichenbacher, CRYPTO 98). Every ciphertext takes the same path.
//!
//! The synthetic messages are those of draft-irtf-cfrg-rsa-guidance section 7, as OpenSSL 3.2 and
//! NSS make them: the same ciphertext gives the same message on each of them.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use subtle::{ConstantTimeGreater, ConstantTimeLess};
use zeroize::Zeroizing;

use crate::engine::digest::digest;
use crate::engine::rsa_sign::OVERHEAD;
use crate::error::Result;
use crate::ffi::awslc::bignum::BigNum;
use crate::ffi::awslc::hmac::Hmac;
use crate::mechanism::Hash;
use crate::secret::Secret;

const HASH: Hash = Hash::Sha256;
/// How many lengths are drawn to find one that fits; each does with a chance of a half at least.
const LENGTHS: usize = 128;
/// The shortest padding between the marks and the zero.
const PADDING: u32 = 8;

/// What the synthetic messages of a key derive from: the hash of its private exponent.
pub(super) fn rejection_key(d: &BigNum, size: usize) -> Result<Secret> {
    let d = d.to_secret_of(size)?;
    let hash = Zeroizing::new(digest(HASH, d.expose()));
    Ok(Secret::copy_of(&hash[..HASH.size()]))
}

/// Writes the message in `block` (what the private operation made of `ciphertext`) or the
/// synthetic one to `message` and returns its length; `message` holds all but 11 bytes of a block.
pub(super) fn message(
    rejection: &Secret,
    ciphertext: &[u8],
    block: &[u8],
    message: &mut [u8],
) -> Result<usize> {
    let size = block.len();
    let synthetic = Synthetic::new(rejection, ciphertext, size)?;
    let (good, start) = parse(block);
    let start = u32::conditional_select(&synthetic.start, &start, good) as usize;
    let len = size - start;
    debug_assert!(len <= size - OVERHEAD);
    for (byte, (real, made)) in
        message.iter_mut().zip(block[start..].iter().zip(&synthetic.block.expose()[start..]))
    {
        *byte = u8::conditional_select(made, real, good);
    }
    Ok(len)
}

/// Whether the block is `00 02`, eight bytes or more that are not zero, `00`, the message; and
/// where the message starts if it is.
fn parse(block: &[u8]) -> (Choice, u32) {
    let mut good = block[0].ct_eq(&0) & block[1].ct_eq(&2);
    let mut zero_seen = Choice::from(0);
    let mut zero_at = 0u32;
    for (at, byte) in block.iter().enumerate().skip(2) {
        let first = byte.ct_eq(&0) & !zero_seen;
        zero_at = u32::conditional_select(&zero_at, &(at as u32), first);
        zero_seen |= first;
    }
    good &= zero_seen;
    good &= zero_at.ct_gt(&(1 + PADDING));
    (good, zero_at.wrapping_add(1))
}

/// The message that stands in for a bad one, at the end of a block.
struct Synthetic {
    block: Secret,
    start: u32,
}

impl Synthetic {
    fn new(rejection: &Secret, ciphertext: &[u8], size: usize) -> Result<Self> {
        let key = mac(rejection.expose(), &[ciphertext])?;
        let key = &key[..HASH.size()];
        let block = expand(key, b"message", size)?;
        let lengths = expand(key, b"length", 2 * LENGTHS)?;

        let limit = size as u16 - 2 - PADDING as u16;
        let mask = u16::MAX >> limit.leading_zeros();
        let mut len = 0u16;
        for drawn in lengths.expose().chunks_exact(2) {
            let drawn = u16::from_be_bytes([drawn[0], drawn[1]]) & mask;
            len = u16::conditional_select(&len, &drawn, drawn.ct_lt(&limit));
        }
        Ok(Self { block, start: size as u32 - u32::from(len) })
    }
}

/// `len` bytes by HMAC over a counter, `label` and the length in bits.
fn expand(key: &[u8], label: &[u8], len: usize) -> Result<Secret> {
    Secret::try_with(len, |out| {
        for (counter, part) in out.chunks_mut(HASH.size()).enumerate() {
            let counter = (counter as u16).to_be_bytes();
            let made = mac(key, &[&counter, label, &(8 * len as u16).to_be_bytes()])?;
            part.copy_from_slice(&made[..part.len()]);
        }
        Ok(())
    })
}

fn mac(key: &[u8], input: &[&[u8]]) -> Result<Zeroizing<[u8; 64]>> {
    let mut mac = Hmac::keyed(HASH, key)?;
    input.iter().try_for_each(|part| mac.update(part))?;
    mac.finish().map(Zeroizing::new)
}
