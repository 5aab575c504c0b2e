//! The keys that follow from a token's master key, and the form in which a PIN wraps it.

use crate::engine::random;
use crate::error::{Code, Result};
use crate::ffi::awslc::cipher::{Direction, Schedule};
use crate::ffi::awslc::key_wrap::{self, SEMIBLOCK};
use crate::ffi::awslc::sealing::{self, KEY};
use crate::secret::Secret;
use crate::store::{Delta, Head, Instance, Role, Witness};

use super::set::SetKey;

/// What a login unlocks.
pub(super) struct Keys {
    pub(super) role: Role,
    /// Authenticates the token record.
    pub(super) record: Secret,
    /// Authenticates objects that lie in clear.
    pub(super) mac: Secret,
    /// Attests events.
    pub(super) events: Secret,
    /// Seals the set of rows.
    pub(super) set: SetKey,
    /// Absent for the security officer, who never sees private objects.
    pub(super) private: Option<PrivateKeys>,
    /// Kept for the security officer only, who wraps it under a new user PIN.
    master: Option<Secret>,
}

/// For objects with `CKA_PRIVATE` true.
pub(super) struct PrivateKeys {
    pub(super) seal: Secret,
    pub(super) tags: Secret,
}

/// A new master key.
///
/// # Errors
/// DeviceError if the engine has no entropy.
pub(super) fn new_master() -> Result<Secret> {
    Secret::wiped_on_fork(KEY, random::fill)
}

impl Keys {
    /// # Errors
    /// What the engine answers.
    pub(super) fn of(role: Role, master: Secret, instance: Instance) -> Result<Self> {
        let derive = |purpose: &[u8]| {
            Secret::wiped_on_fork(KEY, |out| {
                sealing::hkdf_sha256(master.expose(), &instance.0, purpose, out)
            })
        };
        let private = || {
            let (seal, tags) = (derive(b"keyway private seal")?, derive(b"keyway private tags")?);
            Ok::<_, crate::error::Error>(PrivateKeys { seal, tags })
        };
        Ok(Self {
            role,
            record: derive(b"keyway token record")?,
            mac: derive(b"keyway public mac")?,
            events: derive(b"keyway events")?,
            set: SetKey::new(derive(b"keyway set")?, instance),
            private: (role == Role::User).then(private).transpose()?,
            master: (role == Role::SecurityOfficer).then_some(master),
        })
    }

    /// The master key, for the security officer.
    pub(super) fn master(&self) -> Option<&Secret> {
        self.master.as_ref()
    }
}

impl Witness for Keys {
    fn is_present(&self) -> bool {
        true
    }

    fn attest(&self, chain: &[u8; 32]) -> Result<Option<[u8; 32]>> {
        sealing::hmac_sha256(&self.events, &[chain]).map(Some)
    }

    fn seal(&self, before: Option<&[u8]>, delta: &Delta, head: &Head) -> Result<Vec<u8>> {
        self.set.advance(before, delta, head)
    }
}

/// Wraps the master key under a key-encryption key (RFC 3394).
///
/// # Errors
/// GeneralError for keys of a wrong length.
pub(super) fn wrap(kek: &Secret, master: &Secret) -> Result<Vec<u8>> {
    let mut wrapped = vec![0; KEY + SEMIBLOCK];
    let schedule = Schedule::new(Direction::Encrypt, kek.expose())?;
    key_wrap::wrap(&schedule, master.expose(), &mut wrapped)
        .ok_or_else(|| Code::GeneralError.because("wrap the master key"))?;
    Ok(wrapped)
}

/// Undoes [`wrap`]; `None` if the key-encryption key is not the right one.
///
/// # Errors
/// DeviceError for a wrapped key of a wrong length.
pub(super) fn unwrap(kek: &Secret, wrapped: &[u8]) -> Result<Option<Secret>> {
    if wrapped.len() != KEY + SEMIBLOCK {
        let story = format!("the wrapped master key has {} bytes", wrapped.len());
        return Err(Code::DeviceError.because(story));
    }
    let schedule = Schedule::new(Direction::Decrypt, kek.expose())?;
    let mut right = false;
    let master = Secret::wiped_on_fork(KEY, |room| {
        right = key_wrap::unwrap(&schedule, wrapped, room).is_some();
        Ok(())
    })?;
    Ok(right.then_some(master))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_key_unwraps() {
        let (kek, other) = (Secret::copy_of(&[1; 32]), Secret::copy_of(&[2; 32]));
        let master = new_master().unwrap();
        let wrapped = wrap(&kek, &master).unwrap();
        let unwrapped = unwrap(&kek, &wrapped).unwrap().unwrap();
        assert_eq!(unwrapped.expose(), master.expose());
        assert!(unwrap(&other, &wrapped).unwrap().is_none());
    }

    #[test]
    fn the_security_officer_gets_no_private_keys() {
        let instance = Instance([3; 16]);
        let officer = Keys::of(Role::SecurityOfficer, new_master().unwrap(), instance).unwrap();
        assert!(officer.private.is_none());
        let user = Keys::of(Role::User, new_master().unwrap(), instance).unwrap();
        assert!(user.private.is_some() && user.master().is_none());
    }
}
