//! What differs between two tokens that ought to hold the same: objects that one of them lacks,
//! others in their place, attributes.

use cryptoki_sys::{CK_ATTRIBUTE_TYPE, CKA_CLASS, CKA_TOKEN, CKA_VALUE};

use super::Transfer;
use super::material::PUBLIC;
use super::presence::{Presence, look};
use super::source::{Found, read, read_one, word};
use crate::error::{Kind, Result};
use crate::foreign::ForeignObject;
use crate::token::import::{Import, Outcome};
use crate::token::open::OpenToken;

/// Whom objects are copied to that are only on the other token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// Nobody: only what could be copied is found out.
    Nothing,
    /// The first token.
    First,
    /// The second token.
    Second,
    /// Both.
    Both,
}

/// What was found.
#[derive(Debug)]
pub struct Compared {
    /// Objects that both tokens have, with the same attributes.
    pub same: usize,
    /// The others.
    pub differences: Vec<Difference>,
}

/// An object that is not the same on both tokens.
#[derive(Debug)]
pub struct Difference {
    /// As the token shows it that has it; as the first does, if both have one.
    pub object: ForeignObject,
    pub state: State,
}

/// How it differs.
#[derive(Debug)]
pub enum State {
    /// Only the first token has it, and what became of copying it to the second.
    OnlyFirst(Copied),
    /// Only the second token has it, and what became of copying it to the first.
    OnlySecond(Copied),
    /// Both have the key, and these attributes of it differ.
    Attributes(Vec<String>),
    /// There is something else in its place, and what.
    Conflict(String),
}

/// What became of copying an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copied {
    /// It is on both tokens now.
    Done,
    /// It could be copied: the token took it for a moment.
    Possible,
    /// It cannot be copied, and why.
    Refused(String),
}

/// Compares the objects of two tokens, and copies what one of them lacks, as far as `repair` says.
///
/// # Errors
/// [`Kind::Usage`] when both are the same token; one of them cannot be searched.
pub fn compare(first: &OpenToken, second: &OpenToken, repair: Repair) -> Result<Compared> {
    if first.module_path() == second.module_path() && first.serial() == second.serial() {
        return Err(Kind::Usage
            .because(format!("token {} is compared with itself", first.label()))
            .advise("name the other one with --with-token"));
    }
    let (ours, theirs) = (shared(first)?, shared(second)?);
    let mut compared = Compared { same: 0, differences: Vec::new() };
    let to = |wanted| match repair == wanted || repair == Repair::Both {
        true => Import::Real,
        false => Import::DryRun,
    };
    let mut forth = Transfer::new(first, second, to(Repair::Second));
    for found in &ours {
        let state = match look(first, second, found)? {
            Presence::Absent => State::OnlyFirst(copied(&mut forth, found)?),
            Presence::Conflict(what) => State::Conflict(what),
            Presence::Present(there) => {
                let attributes = differing(&found.object, &read_one(second, there).object);
                if attributes.is_empty() {
                    compared.same += 1;
                    continue;
                }
                State::Attributes(attributes)
            }
        };
        compared.differences.push(Difference { object: found.object.clone(), state });
    }
    let mut back = Transfer::new(second, first, to(Repair::First));
    for found in &theirs {
        // Conflicts and attributes were found from the other side.
        if look(second, first, found)? == Presence::Absent {
            let state = State::OnlySecond(copied(&mut back, found)?);
            compared.differences.push(Difference { object: found.object.clone(), state });
        }
    }
    Ok(compared)
}

/// The objects that can be the same on two tokens: others belong to their token.
fn shared(token: &OpenToken) -> Result<Vec<Found>> {
    let mut found = read(token)?;
    found.retain(|found| found.is_for_any_token());
    Ok(found)
}

fn copied(transfer: &mut Transfer<'_>, found: &Found) -> Result<Copied> {
    let mode = transfer.mode;
    let (outcome, _) = transfer.one(found)?;
    Ok(match (outcome, mode) {
        (Outcome::Refused(why), _) => Copied::Refused(why),
        (_, Import::Real) => Copied::Done,
        (_, Import::DryRun) => Copied::Possible,
    })
}

/// The attributes that differ, but for those that say which key it is: that is proved.
fn differing(one: &ForeignObject, other: &ForeignObject) -> Vec<String> {
    let is_compared = |name: &CK_ATTRIBUTE_TYPE| {
        !PUBLIC.contains(name) && ![CKA_CLASS, CKA_TOKEN, CKA_VALUE].contains(name)
    };
    let mut names: Vec<_> =
        one.attributes().chain(other.attributes()).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| is_compared(name) && one.get(*name) != other.get(*name));
    names.into_iter().map(word).collect()
}

impl Difference {
    /// Whether both tokens are alike in it now.
    pub fn is_settled(&self) -> bool {
        matches!(self.state, State::OnlyFirst(Copied::Done) | State::OnlySecond(Copied::Done))
    }
}
