//! The operation state of a digest, as the application keeps it.
//!
//! | bytes | |
//! |---|---|
//! | 4 | `KWOS` |
//! | 1 | version of this form, 1 |
//! | 1 | session state: 0 public, 1 user, 2 SO, plus 4 if read-write |
//! | 1 | 0 after C_DigestInit, 1 after parts, 2 after C_Digest was asked for the size |
//! | 8 | mechanism, big-endian |
//! | n | state of the digest |
//! | 32 | HMAC-SHA-256 of all before, under a key of this slot in this process |

use subtle::ConstantTimeEq;

use crate::backend::Operation;
use crate::error::{Code, Error, Result};
use crate::ffi::awslc::hmac::Hmac;
use crate::ffi::transfer::{Output, Written};
use crate::handle::Handle;
use crate::mechanism::{Hash, Mechanism, MechanismType, Params, set};
use crate::object::Role;
use crate::session::Session;
use crate::session::active::{Active, Class, Mode};

const FRONT: [u8; 5] = *b"KWOS\x01";
const HEADER: usize = FRONT.len() + 2 + 8;
const TAG: usize = 32;

impl Session {
    /// `C_GetOperationState`. It is no step of the operation, which goes on whatever the answer.
    ///
    /// # Errors
    /// OperationNotInitialized when nothing runs whose state could be saved, StateUnsaveable for
    /// everything but a digest alone.
    pub fn save(&self, output: Output<'_>) -> Result<Written> {
        let unsaveable = [Class::Encrypt, Class::Decrypt, Class::Sign, Class::Verify];
        let messages = self.messages.iter().any(Option::is_some);
        if messages || unsaveable.iter().any(|class| self.require_one(*class).is_ok()) {
            return Err(Code::StateUnsaveable.because("the state holds what belongs to a key"));
        }
        self.require_one(Class::Digest)?;
        let active = self.active[Class::Digest as usize].as_ref();
        let state = active.and_then(|active| Some((active, active.save()?)));
        let (active, state) = state.ok_or_else(|| {
            Code::StateUnsaveable.because("the engine does not show the state of this digest")
        })?;
        let mechanism = active.spec().id.0.to_be_bytes();
        let flags = [self.standing(), active.mode() as u8];
        let mut blob = [&FRONT[..], &flags, &mechanism, &state].concat();
        blob.extend(self.tag(&blob)?);
        Ok(match output.room(blob.len()) {
            Err(short) => short,
            Ok(buffer) => {
                buffer[..blob.len()].copy_from_slice(&blob);
                Written::Done(blob.len())
            }
        })
    }

    /// `C_SetOperationState`: what ran before, searches included, is cancelled. With an error
    /// everything stays as it was.
    ///
    /// # Errors
    /// SavedStateInvalid for what this slot did not give to a session of the same state,
    /// KeyNotNeeded for any key.
    pub fn restore(&mut self, blob: &[u8], keys: [Handle; 2]) -> Result<()> {
        let digest = self.opened(blob)?;
        if keys.iter().any(|key| key.raw() != 0) {
            return Err(Code::KeyNotNeeded.because("the state of a digest has no keys"));
        }
        self.active = Default::default();
        self.messages = Default::default();
        self.end_search();
        self.resume(Class::Digest, digest);
        Ok(())
    }

    /// The digest that was saved.
    fn opened(&self, blob: &[u8]) -> Result<Active> {
        let (content, tag) = match blob.len().checked_sub(TAG) {
            Some(len) if len >= HEADER => blob.split_at(len),
            _ => return Err(invalid("too short")),
        };
        if !bool::from(self.tag(content)?.ct_eq(tag)) {
            return Err(invalid("not saved here, or changed since"));
        }
        let (header, state) = content.split_at(HEADER);
        let (flags, mechanism) = header[FRONT.len()..].split_at(2);
        if header[..FRONT.len()] != FRONT || flags[0] != self.standing() {
            return Err(invalid("from a session in another state"));
        }
        let mechanism: [u8; 8] = mechanism.try_into().map_err(|_| invalid("no mechanism"))?;
        let spec =
            set::find(self.slot().token.mechanisms(), MechanismType(u64::from_be_bytes(mechanism)))
                .map_err(|error| error.with_code(Code::SavedStateInvalid))?;
        let mechanism = Mechanism { spec, params: Params::None, keys: Vec::new() };
        let mut operation = self.slot().token.digest(&mechanism)?;
        match &mut operation {
            Operation::Transform(transform) => transform.load(state)?,
            Operation::Check(_) => return Err(invalid("no digest")),
        }
        let modes = [Mode::Fresh, Mode::Multi, Mode::Single];
        let mode = modes.into_iter().find(|mode| *mode as u8 == flags[1]);
        Ok(Active::new(operation, spec).driven(mode.ok_or_else(|| invalid("of no known mode"))?))
    }

    /// The session state, which has to be the same where a state is saved and restored.
    fn standing(&self) -> u8 {
        let role = match self.slot().role() {
            Role::Public => 0,
            Role::User => 1,
            Role::SecurityOfficer => 2,
        };
        role | u8::from(self.is_read_write()) << 2
    }

    fn tag(&self, content: &[u8]) -> Result<[u8; TAG]> {
        let mut mac = Hmac::keyed(Hash::Sha256, self.slot().seal()?.expose())?;
        mac.update(content)?;
        let mut tag = [0; TAG];
        tag.copy_from_slice(&mac.finish()?[..TAG]);
        Ok(tag)
    }
}

#[cold]
fn invalid(story: &'static str) -> Error {
    Code::SavedStateInvalid.because(story)
}
