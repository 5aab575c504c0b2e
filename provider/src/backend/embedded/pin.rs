//! From a PIN to a key-encryption key: Argon2id (RFC 9106), never more than two at once.

use std::sync::{Condvar, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use crate::error::{Code, Context, Result};
use crate::ffi::awslc::sealing::{self, KEY};
use crate::secret::{Secret, on_wiped_stack};
use crate::store::{Cost, Instance, Role};

/// 19 MiB, two passes, one lane: OWASP's first choice for Argon2id, some 20 ms.
pub const DEFAULT_COST: Cost = Cost { kibibytes: 19 * 1024, passes: 2, lanes: 1 };

/// The shortest and the longest PIN in bytes.
pub const LENGTHS: std::ops::RangeInclusive<usize> = 4..=255;

/// A cost that a damaged or forged record may not exceed: 1 GiB would take the host down.
const HIGHEST: Cost = Cost { kibibytes: 1024 * 1024, passes: 64, lanes: 16 };

/// Lets two derivations run at a time: a hundred threads that log in must not take 2 GB.
#[derive(Default)]
pub(super) struct Derivations {
    running: Mutex<u32>,
    ended: Condvar,
}

const AT_ONCE: u32 = 2;

impl Derivations {
    /// The key-encryption key of a PIN, and of the token's root secret if it has one.
    ///
    /// # Errors
    /// DeviceError for a cost that no token has, HostMemory if there is none for it.
    pub(super) fn derive(
        &self,
        pin: &[u8],
        salt: &[u8; 16],
        cost: Cost,
        (role, instance): (Role, Instance),
        root: Option<&Secret>,
    ) -> Result<Secret> {
        let stretched = {
            let _turn = self.turn();
            stretch(pin, salt, cost)?
        };
        // Bound to the role and the token: an account row moved elsewhere unwraps nothing.
        let purpose: &[u8] = match root {
            None => b"keyway pin ",
            Some(_) => b"keyway rooted pin ",
        };
        let info = [purpose, &[role as u8]].concat();
        let both = match root {
            None => stretched,
            Some(root) => joined(&stretched, root)?,
        };
        Secret::wiped_on_fork(KEY, |out| {
            sealing::hkdf_sha256(both.expose(), &instance.0, &info, out)
        })
    }

    fn turn(&self) -> Turn<'_> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |running: &mut u32| *running >= AT_ONCE;
        let waited = self.ended.wait_while(running, full);
        *waited.unwrap_or_else(PoisonError::into_inner) += 1;
        Turn(self)
    }
}

/// 32 bytes from a PIN or passphrase.
///
/// # Errors
/// As [`Derivations::derive`].
pub(crate) fn stretch(pin: &[u8], salt: &[u8; 16], cost: Cost) -> Result<Secret> {
    let argon = hasher(cost)?;
    let mut blocks = blocks(argon.params().block_count())?;
    Secret::wiped_on_fork(KEY, |out| {
        // BLAKE2b leaves its last block on the stack, and that is the key.
        on_wiped_stack(|| {
            argon.hash_password_into_with_memory(pin, salt, out, blocks.as_mut_slice())
        })
        .or_code(Code::GeneralError, "stretch a PIN")
    })
}

/// One behind the other; both are of fixed lengths.
fn joined(pin: &Secret, root: &Secret) -> Result<Secret> {
    Secret::wiped_on_fork(pin.len() + root.len(), |out| {
        let (first, second) = out.split_at_mut(pin.len());
        first.copy_from_slice(pin.expose());
        second.copy_from_slice(root.expose());
        Ok(())
    })
}

struct Turn<'a>(&'a Derivations);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.running.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.ended.notify_one();
    }
}

/// The memory of a computation, zeroized after it: its first blocks are a cheap test for guesses
/// at the PIN, its last ones are the key.
fn blocks(count: usize) -> Result<Zeroizing<Vec<Block>>> {
    let mut blocks = Zeroizing::new(Vec::new());
    let reserved = blocks.try_reserve_exact(count);
    reserved
        .or_code(Code::HostMemory, format!("no memory to stretch a PIN ({count} KiB): {FREE}"))?;
    blocks.resize(count, Block::default());
    Ok(blocks)
}

const FREE: &str = "raise the limit with `ulimit -v` or LimitAS=, or end other programs";

/// Whether a token may have this cost.
pub(super) fn is_possible(cost: Cost) -> bool {
    hasher(cost).is_ok()
}

fn hasher(cost: Cost) -> Result<Argon2<'static>> {
    let Cost { kibibytes, passes, lanes } = cost;
    if kibibytes > HIGHEST.kibibytes || passes > HIGHEST.passes || lanes > HIGHEST.lanes {
        let story = format!("the PIN's cost {cost:?} is beyond what any token has");
        return Err(Code::DeviceError.because(story));
    }
    let params = Params::new(kibibytes, passes, lanes, Some(KEY))
        .or_code(Code::DeviceError, format!("the PIN's cost {cost:?}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_pin_salt_role_or_token_gives_another_key() {
        let derivations = Derivations::default();
        let derive = |pin: &[u8], salt, role, instance| {
            let whose = (role, Instance([instance; 16]));
            let key = derivations.derive(pin, &[salt; 16], Cost::CHEAP, whose, None);
            key.unwrap().expose().to_vec()
        };
        let key = derive(b"1234", 0, Role::User, 0);
        assert_eq!(key, derive(b"1234", 0, Role::User, 0));
        assert_ne!(key, derive(b"1235", 0, Role::User, 0));
        assert_ne!(key, derive(b"1234", 1, Role::User, 0));
        assert_ne!(key, derive(b"1234", 0, Role::SecurityOfficer, 0));
        assert_ne!(key, derive(b"1234", 0, Role::User, 1));
    }

    #[test]
    fn a_root_secret_is_half_of_the_key() {
        let derivations = Derivations::default();
        let derive = |root: Option<u8>| {
            let root = root.map(|byte| Secret::copy_of(&[byte; 32]));
            let whose = (Role::User, Instance([0; 16]));
            let key = derivations.derive(b"1234", &[0; 16], Cost::CHEAP, whose, root.as_ref());
            key.unwrap().expose().to_vec()
        };
        assert_eq!(derive(Some(1)), derive(Some(1)));
        assert_ne!(derive(Some(1)), derive(Some(2)));
        assert_ne!(derive(Some(1)), derive(None));
    }

    #[test]
    fn a_cost_beyond_reason_is_refused() {
        for cost in [
            Cost { kibibytes: u32::MAX, ..Cost::CHEAP },
            Cost { passes: 0, ..Cost::CHEAP },
            Cost { lanes: 200, ..Cost::CHEAP },
        ] {
            assert_eq!(hasher(cost).unwrap_err().code(), Code::DeviceError);
        }
    }
}
