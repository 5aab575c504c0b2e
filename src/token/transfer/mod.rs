//! Bringing the objects of any other token into one: what its module shows is created, what it
//! guards goes through PKCS#11 wrapping and is in clear nowhere outside the two tokens.
//!
//! Nothing of the source changes. A key is made in the target for the session first, proved to be
//! the source's and only then made to stay, from the same wrapped bytes and by one call: an
//! interruption leaves whole objects or none, and the next run goes on from there.

mod compare;
mod material;
mod passage;
mod presence;
mod proof;
mod source;

use cryptoki::object::ObjectHandle;
use cryptoki_sys::{CK_ATTRIBUTE_TYPE, CKA_TOKEN};

pub use self::compare::{Compared, Copied, Difference, Repair, State, compare};
use self::passage::{Carried, Passage};
use self::presence::{Presence, look};
use self::proof::{Proof, prove, same};
use self::source::{Found, Guard, read};
use super::error::raw_code;
use super::import::{Import, Outcome, create};
use super::open::OpenToken;
use crate::error::{Kind, Result};
use crate::foreign::ForeignObject;

/// What became of an object of the source.
#[derive(Debug)]
pub struct Transferred {
    /// The object as the source shows it.
    pub object: ForeignObject,
    /// What became of it.
    pub outcome: Outcome,
    /// How its key came over; `None` for what is no key or did not come.
    pub way: Option<Way>,
}

/// How a key came over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Wrapped by the source, unwrapped by the target.
    Wrapped,
    /// Read and created, through this process's memory, and why.
    Clear(String),
}

/// Copies every object of `source` into `target`, each by itself: what one of them meets does not
/// concern the others. What the target has already is left alone, so that it can be run again.
///
/// # Errors
/// [`Kind::Usage`] when both are the same token; one of them cannot be searched.
pub fn transfer(source: &OpenToken, target: &OpenToken, mode: Import) -> Result<Vec<Transferred>> {
    if source.module_path() == target.module_path() && source.serial() == target.serial() {
        return Err(Kind::Usage
            .because(format!("token {} is source and target", source.label()))
            .advise("name the token to read with --source-token, the one to fill with --token"));
    }
    let found = read(source)?;
    let mut transfer = Transfer::new(source, target, mode);
    found
        .into_iter()
        .map(|found| {
            let (outcome, way) = transfer.one(&found)?;
            Ok(Transferred { object: found.object, outcome, way })
        })
        .collect()
}

/// A run from one token to another.
struct Transfer<'t> {
    source: &'t OpenToken,
    target: &'t OpenToken,
    mode: Import,
    /// Made for the first key that needs it; else why there is none.
    passage: Option<std::result::Result<Passage, String>>,
}

/// A key that came over, or why it did not.
type Brought = std::result::Result<Way, String>;

impl<'t> Transfer<'t> {
    fn new(source: &'t OpenToken, target: &'t OpenToken, mode: Import) -> Self {
        Self { source, target, mode, passage: None }
    }

    fn one(&mut self, found: &Found) -> Result<(Outcome, Option<Way>)> {
        let refused = |reason| Ok((Outcome::Refused(reason), None));
        if let Some(obstacle) = &found.object.obstacle {
            return refused(obstacle.clone());
        }
        match look(self.source, self.target, found)? {
            Presence::Absent => {}
            Presence::Present(_) => return Ok((Outcome::Present, None)),
            Presence::Conflict(reason) => return refused(reason),
        }
        let brought = match &found.guard {
            Guard::Shown => return Ok((create(self.target, &found.object, self.mode), None)),
            Guard::Bound(reason) => return refused(reason.clone()),
            Guard::Wrappable => self.wrapped(found)?,
            Guard::Readable => match self.wrapped(found)? {
                Ok(way) => Ok(way),
                Err(why) => self.bring(found, &self.in_clear(found), Way::Clear(why))?,
            },
        };
        match brought {
            Ok(way) => Ok((Outcome::Imported, Some(way))),
            Err(reason) => refused(reason),
        }
    }

    fn wrapped(&mut self, found: &Found) -> Result<Brought> {
        let (source, target) = (self.source, self.target);
        let opened = self
            .passage
            .get_or_insert_with(|| Passage::open(source, target).map_err(|e| e.to_string()));
        let carried = match opened {
            Ok(passage) => passage.carry(source, target, found),
            Err(reason) => Err(reason.clone()),
        };
        match carried {
            Ok(carried) => self.bring(found, &carried, Way::Wrapped),
            Err(reason) => Ok(Err(reason)),
        }
    }

    fn in_clear(&self, found: &Found) -> Carried {
        let mut object = found.object.clone();
        for name in material::SECRET {
            if let Some(value) = source::value(self.source, found.handle, name) {
                object.bytes(name, &value);
            }
        }
        Carried::Clear(object)
    }

    /// Makes the key for a moment and proves it, then makes it as it is to be.
    fn bring(&self, found: &Found, carried: &Carried, way: Way) -> Result<Brought> {
        let refused = |code| format!("the target answered {}", raw_code(code));
        let probe = match carried.make(self.target, &material::probe(&found.object)) {
            Ok(probe) => probe,
            Err(code) => return Ok(Err(refused(code))),
        };
        let proof = prove(self.source, self.target, found, probe);
        self.target.destroy(probe)?;
        match proof? {
            Proof::Same => {}
            Proof::Different => return Ok(Err(DIFFERENT.to_owned())),
            Proof::Unknown(why) => return Ok(Err(why)),
        }
        let stays = self.mode == Import::Real;
        let made = match carried.make(self.target, &lasting(&found.object, stays)) {
            Ok(made) => made,
            Err(code) => return Ok(Err(refused(code))),
        };
        let kept = self.is_kept(found, made)?;
        if !stays || !kept {
            self.target.destroy(made)?;
        }
        Ok(if kept { Ok(way) } else { Err(DIFFERENT.to_owned()) })
    }

    /// Whether the object that is to stay is the source's, as far as it tells, and as well guarded.
    fn is_kept(&self, found: &Found, made: ObjectHandle) -> Result<bool> {
        let guards = [cryptoki_sys::CKA_SENSITIVE, cryptoki_sys::CKA_EXTRACTABLE];
        let there = |name| source::value(self.target, made, name);
        let guarded = guards.into_iter().all(|name| {
            let wanted = found.object.get(name);
            wanted.is_none_or(|wanted| there(name).is_some_and(|value| value.as_slice() == wanted))
        });
        Ok(guarded && same(self.source, self.target, found, made)? != Proof::Different)
    }
}

const DIFFERENT: &str = "what the target made of it is not the source's key; nothing was kept";

/// The template of the object that stays, or that is tried as if it would.
fn lasting(object: &ForeignObject, stays: bool) -> ForeignObject {
    let mut template = object.clone();
    template.flag(CKA_TOKEN, stays);
    template
}

/// The attributes of a template but for those that hold the key itself.
fn bare(template: &ForeignObject) -> Vec<(CK_ATTRIBUTE_TYPE, &[u8])> {
    template.attributes().filter(|(name, _)| !material::PUBLIC.contains(name)).collect()
}
