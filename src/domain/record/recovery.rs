//! The way back from compromised: on whose word it was taken, when and why.

use der::Enumerated;

use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};

/// Longest reason, in characters.
const WHY_MAX: usize = 1000;

/// On whose word a compromised version processes again. The numbers stand in records and stay for
/// ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub enum Authority {
    /// The security officer's: the token itself had refused the version to everybody else.
    SecurityOfficer = 1,
    /// The user's: it had been revoked with a way back.
    User = 2,
}

impl Authority {
    /// The name as people read it.
    pub fn name(self) -> &'static str {
        match self {
            Authority::SecurityOfficer => "the security officer",
            Authority::User => "the user",
        }
    }
}

/// A recovery of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// When.
    pub at: Timestamp,
    /// On whose word.
    pub by: Authority,
    /// Why, if that was said.
    pub why: Option<String>,
}

impl Recovery {
    /// A recovery at a moment.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a reason that is empty, longer than 1000 characters or on several lines.
    pub fn new(at: Timestamp, by: Authority, why: Option<&str>) -> Result<Self> {
        if let Some(text) = why {
            let length = text.chars().count();
            if !(1..=WHY_MAX).contains(&length) || text.contains(char::is_control) {
                return Err(Kind::Usage
                    .because("this is no reason for a recovery")
                    .advise(format!("use 1 to {WHY_MAX} characters on one line")));
            }
        }
        Ok(Self { at, by, why: why.map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_some_length() {
        let new = |why| Recovery::new(Timestamp::from_unix(1), Authority::User, why);
        assert_eq!(new(Some("a false alarm")).expect("fine").why.as_deref(), Some("a false alarm"));
        assert!(new(None).is_ok());
        for wrong in ["", "a\nb", &"x".repeat(1001)] {
            assert_eq!(new(Some(wrong)).expect_err("refused").kind(), Kind::Usage);
        }
    }
}
