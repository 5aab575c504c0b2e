//! Who may make and change which objects (section "Sessions", "Read-only sessions access objects").

use crate::attribute::{AttributeType, Attributes};
use crate::error::{Code, Result};
use crate::policy::Policy;

/// The session on whose behalf an object is made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub role: Role,
    pub read_write: bool,
    /// What the configuration refuses beyond the standard.
    pub policy: Policy,
}

/// Who is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Public,
    User,
    SecurityOfficer,
}

impl Caller {
    pub fn is_security_officer(self) -> bool {
        self.role == Role::SecurityOfficer
    }

    /// Whether the caller may bring these objects into being, or change them to be so: all of them
    /// or none.
    ///
    /// # Errors
    /// SessionReadOnly for a token object in a read-only session; then UserNotLoggedIn for a
    /// private object unless the user (not the security officer) is logged in.
    pub fn admit(self, objects: &[&Attributes]) -> Result<()> {
        let any = |id| objects.iter().any(|object| object.is_true(id));
        if !self.read_write && any(AttributeType::TOKEN) {
            return Err(Code::SessionReadOnly.because("a token object in a read-only session"));
        }
        if self.role != Role::User && any(AttributeType::PRIVATE) {
            return Err(Code::UserNotLoggedIn
                .because(format!("a private object, with {:?} logged in", self.role)));
        }
        Ok(())
    }
}
