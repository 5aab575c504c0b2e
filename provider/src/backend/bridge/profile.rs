//! What is particular to a maker's tokens, as data: `provider/profiles/*.toml`.

use std::path::Path;

use serde::Deserialize;

use crate::attribute::AttributeType;
use crate::code::ALL;
use crate::error::{Code, Context, Result};

/// A maker's particulars.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// What C_Initialize is given (`pReserved`), for modules that want it.
    pub arguments: Option<String>,
    /// Whether the module is asked to lock with the operating system's means.
    pub os_locking: bool,
    /// Whether a child of a fork finalises the module that it inherited.
    pub finalize_after_fork: bool,
    /// Codes by which this module, beyond the usual ones, says that its connection is lost.
    pub lost_on: Vec<Code>,
    /// Codes after which this module is finalised and initialised again, as one needs it that keeps
    /// its dead connection and sessions that still answer.
    pub reinitialize_on: Vec<Code>,
    /// Codes by which this module says that what it is to decrypt or unwrap is damaged.
    pub damaged_on: Vec<Code>,
    /// Attributes that templates for this token must not name.
    pub unknown: Vec<AttributeType>,
    /// Whether templates leave out what no key of the type does (`CKA_DECRYPT` of an EC key).
    pub omits_foreign_uses: bool,
    /// Whether `CKA_ALLOWED_MECHANISMS` of a key is no rule of an application's but the token's own
    /// list of what it does: what is composed of those is allowed as well.
    pub lists_own_mechanisms: bool,
    /// Sessions at once, if the token allows fewer than it says.
    pub sessions: Option<usize>,
    /// Seconds after which the token closes an idle session.
    pub idle_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    arguments: Option<String>,
    #[serde(default = "yes")]
    os_locking: bool,
    #[serde(default)]
    finalize_after_fork: bool,
    #[serde(default)]
    lost_on: Vec<String>,
    #[serde(default)]
    reinitialize_on: Vec<String>,
    #[serde(default)]
    damaged_on: Vec<String>,
    #[serde(default)]
    unknown_attributes: Vec<String>,
    #[serde(default)]
    omits_foreign_uses: bool,
    #[serde(default)]
    lists_own_mechanisms: bool,
    sessions: Option<usize>,
    idle_seconds: Option<u64>,
}

fn yes() -> bool {
    true
}

/// The profiles that come with the module: name and text.
pub const SHIPPED: [(&str, &str); 6] = [
    ("generic", include_str!("../../../profiles/generic.toml")),
    ("keyway", include_str!("../../../profiles/keyway.toml")),
    ("nss", include_str!("../../../profiles/nss.toml")),
    ("opencryptoki", include_str!("../../../profiles/opencryptoki.toml")),
    ("softhsm2", include_str!("../../../profiles/softhsm2.toml")),
    ("tpm2", include_str!("../../../profiles/tpm2.toml")),
];

impl Profile {
    /// The profile of a name, or in the file of a path.
    ///
    /// # Errors
    /// FunctionFailed for a name that is none of the shipped ones, a file that cannot be read, and
    /// what cannot be understood in it.
    pub fn load(name: &str) -> Result<Self> {
        let shipped = SHIPPED.iter().find(|(shipped, _)| *shipped == name);
        match shipped {
            Some((_, text)) => Self::parse(name, text),
            None if name.contains('/') => {
                let story = || format!("read the profile {name}");
                let text = std::fs::read_to_string(Path::new(name))
                    .or_code(Code::FunctionFailed, story())?;
                Self::parse(name, &text)
            }
            None => {
                let names: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
                Err(Code::FunctionFailed.because(format!(
                    "profile \"{name}\": there are {}; or name a file by its path",
                    names.join(", ")
                )))
            }
        }
    }

    fn parse(name: &str, text: &str) -> Result<Self> {
        let file: File = toml::from_str(text)
            .map_err(|e| Code::FunctionFailed.because(format!("profile {name}: {e}")))?;
        let codes = |given: &[String]| -> Result<Vec<Code>> {
            let code = |code: &String| {
                let found = ALL.iter().find(|(_, known)| known == code);
                found.map(|(code, _)| *code).ok_or_else(|| unknown(name, "return code", code))
            };
            given.iter().map(code).collect()
        };
        let attributes = file.unknown_attributes.iter().map(|id| {
            let found = AttributeType::NAMES.iter().find(|(_, known)| known == id);
            found.map(|(id, _)| *id).ok_or_else(|| unknown(name, "attribute", id))
        });
        Ok(Self {
            name: name.to_owned(),
            arguments: file.arguments,
            os_locking: file.os_locking,
            finalize_after_fork: file.finalize_after_fork,
            lost_on: codes(&file.lost_on)?,
            reinitialize_on: codes(&file.reinitialize_on)?,
            damaged_on: codes(&file.damaged_on)?,
            unknown: attributes.collect::<Result<_>>()?,
            omits_foreign_uses: file.omits_foreign_uses,
            lists_own_mechanisms: file.lists_own_mechanisms,
            sessions: file.sessions,
            idle_seconds: file.idle_seconds,
        })
    }
}

fn unknown(profile: &str, what: &str, word: &str) -> crate::error::Error {
    Code::FunctionFailed.because(format!("profile {profile}: there is no {what} {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_profile_is_understood() {
        for (name, _) in SHIPPED {
            Profile::load(name).unwrap();
        }
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let story = Profile::load("softhsm3").unwrap_err().to_string();
        assert!(story.contains("softhsm2") && story.contains("path"), "{story}");
        let story = Profile::parse("x", "lost_on = [\"CKR_NONE\"]").unwrap_err().to_string();
        assert!(story.contains("profile x") && story.contains("CKR_NONE"), "{story}");
        let story = Profile::parse("x", "quirk = 1").unwrap_err().to_string();
        assert!(story.contains("quirk"), "{story}");
    }
}
