//! Key management for applications: [`Kms`] is a token that is open, for all threads of a program.
//!
//! It is made by a [`Builder`], is cheap to clone, and does what the command does. The use cases
//! that are asked for most are its methods; every other is reached through [`Kms::read`],
//! [`Kms::once`] and [`Kms::change`], which lend a session of the pool to a closure:
//!
//! | | for | when the session is lost on the way |
//! |---|---|---|
//! | [`Kms::read`] | what changes no key: looking, encrypting, decrypting, signing, verifying | done again on a new session |
//! | [`Kms::once`] | what changes no key and cannot be done again: streams | an error |
//! | [`Kms::change`] | what changes keys, certificates or records | an error that says so |
//!
//! Encrypting with AES-GCM writes something down after all: at one message in 65536 how many there were,
//! and after the last that a version may make the next version. It waits for nobody's turn: count and
//! rotation hold against other processes by themselves, as between two machines.
//!
//! `docs/rust-api.md` shows it at work.

mod builder;
mod certificates;
mod data;
mod keys;
mod peers;
mod place;

pub use builder::Builder;
pub use place::{module_of, own_module};

use std::fmt;
use std::sync::Arc;

use crate::clock::SystemClock;
use crate::error::{Error, Kind, Result};
use crate::journal::{FileJournal, Journaled};
use crate::local::{bridge, is_own};
use crate::registry::Records;
use crate::service::Kms as UseCases;
use crate::token::{Ending, Intent, OpenToken, Pool, TokenRecords, TokenVault};
use crate::turn::Turn;

/// How often something that can be done again is begun, each time on another session.
const ATTEMPTS: usize = 3;

/// Key management on one token, from any thread.
///
/// A clone is another handle of the same pool. When the last goes, its sessions are closed; the
/// token logs the user out unless somebody else in the process still has a session with it.
#[derive(Clone)]
pub struct Kms {
    pool: Arc<Pool>,
}

impl Kms {
    /// How to open a token.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The token's label.
    pub fn label(&self) -> &str {
        self.pool.label()
    }

    /// The token's serial number.
    pub fn serial(&self) -> &str {
        self.pool.serial()
    }

    /// The most sessions that are open at once: what was asked for, or the token's limit.
    pub fn most_sessions(&self) -> usize {
        self.pool.most_sessions()
    }

    /// Runs use cases that can be done again, all on one session. When the session is lost on the way
    /// the closure is called again with another one, three times at most.
    ///
    /// # Errors
    /// Those of the use case; [`Kind::Busy`] when no session becomes free in time; what is missing
    /// when the token is gone.
    pub fn read<T>(&self, run: impl Fn(UseCases<'_>) -> Result<T>) -> Result<T> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.lend(Intent::Use, &run)? {
                (done, Ending::Whole) => return done.map_err(|error| self.told(error)),
                (done, Ending::Lost) => last = done.err(),
            }
        }
        Err(self.told(lost(last).advise("it was tried again; something keeps ending the sessions")))
    }

    /// Runs use cases that change no key, on one session and once, because what they read or write
    /// cannot be read or written again.
    ///
    /// # Errors
    /// As [`Kms::read`]; an error for which [`Error::is_session_lost`] holds when the session was
    /// lost on the way.
    pub fn once<T>(&self, run: impl FnOnce(UseCases<'_>) -> Result<T>) -> Result<T> {
        match self.lend(Intent::Use, run)? {
            (done, Ending::Whole) => done.map_err(|error| self.told(error)),
            (done, Ending::Lost) => Err(self.told(lost(done.err()).advise(
                "what was written is not whole; begin again: the next call finds a new session",
            ))),
        }
    }

    /// Runs use cases that change something, on one session and once. Meanwhile the other programs
    /// of this user on this machine wait for their turn to change keys, as with the command.
    ///
    /// A session that is already lost is replaced before anything is sent.
    ///
    /// # Errors
    /// As [`Kms::once`]; [`Kind::Busy`], too, when the others' turn does not end within a minute. After
    /// the loss of a session it is not known whether the change was made: look before you repeat it.
    pub fn change<T>(&self, run: impl FnOnce(UseCases<'_>) -> Result<T>) -> Result<T> {
        let _turn = Turn::take().map_err(|error| self.told(error))?;
        self.change_together(run)
    }

    /// As [`Kms::change`], without waiting for a turn: for what waits for a peer, who may be on this
    /// machine.
    fn change_together<T>(&self, run: impl FnOnce(UseCases<'_>) -> Result<T>) -> Result<T> {
        match self.lend(Intent::Change, run)? {
            (done, Ending::Whole) => done.map_err(|error| self.told(error)),
            (done, Ending::Lost) => Err(self.told(lost(done.err()).advise(
                "it may be done, in part or not at all: look before you repeat it; the next call finds a new \
                 session",
            ))),
        }
    }

    fn lend<T>(
        &self,
        intent: Intent,
        run: impl FnOnce(UseCases<'_>) -> Result<T>,
    ) -> Result<(Result<T>, Ending)> {
        let lease = self.pool.lend(intent).map_err(|error| self.told(error))?;
        let done = with_use_cases(lease.token(), run);
        let ending = lease.end(done.as_ref().err());
        Ok((done, ending))
    }

    fn told(&self, error: Error) -> Error {
        error.while_doing(format!("token {}", self.pool.label()))
    }
}

impl fmt::Debug for Kms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kms").field("token", &self.label()).finish_non_exhaustive()
    }
}

/// Puts the use cases together for one session with a token.
///
/// # Errors
/// Those of what is run; [`Kind::File`] when the token needs a journal and there is no place for it.
pub(crate) fn with_use_cases<T>(
    token: &OpenToken,
    run: impl FnOnce(UseCases<'_>) -> Result<T>,
) -> Result<T> {
    // Our own tokens keep events of their own; what a slot of ours bridges to does not.
    let module = token.module_path();
    let journal = match is_own(module) && !bridge::is_in(module, token.slot())? {
        true => None,
        false => Some(FileJournal::of(token.serial())?),
    };
    let records = Records::new(TokenRecords::new(token));
    let (vault, registry) = (TokenVault::new(token), Journaled { registry: records, journal });
    run(UseCases::new(&vault, &registry, &SystemClock))
}

/// The error for a session that was lost, with what the use case said of it.
fn lost(said: Option<Error>) -> Error {
    let error = said.unwrap_or_else(|| Kind::Token.because("the login ended meanwhile"));
    error.while_doing("the session was lost").losing_session()
}
