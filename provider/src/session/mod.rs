//! Sessions: what an application does with a token, call by call.
//!
//! | file | holds |
//! |---|---|
//! | `active` | running operations, and the one place that ends them |
//! | `memo` | the key used last: what makes the second use of a key cheap |
//! | `latch` | that the first use of a secret key decides what it is for |
//! | `objects` | object handles |
//! | `dual` | two operations that take the same data |
//! | `message` | processes that encrypt, decrypt, sign or verify many messages |
//! | `recover` | verification that gives back what was signed |
//! | `saved` | the operation state of a digest, as the application keeps it |
//! | `start`, `digest`, `find`, `object`, `key`, `derive`, `login` | what the functions of each chapter do |

pub mod active;
mod derive;
mod digest;
pub mod dual;
pub mod find;
mod key;
mod latch;
mod login;
pub mod memo;
pub mod message;
mod object;
pub mod objects;
mod recover;
mod saved;
mod start;

use std::sync::Arc;

use crate::error::{Code, Result};
use crate::handle::Handle;
use crate::object::Caller;
use crate::session::active::{Active, Class};
use crate::session::find::Finding;
use crate::session::memo::Memo;
use crate::session::message::Process;
use crate::slot::Slot;

/// One session, used by one call at a time.
pub struct Session {
    handle: Handle,
    slot: Arc<Slot>,
    read_write: bool,
    active: [Option<Active>; Class::COUNT],
    messages: [Option<Box<Process>>; Class::COUNT],
    finding: Option<Finding>,
    memo: Option<Memo>,
}

impl Session {
    pub fn new(slot: Arc<Slot>, read_write: bool) -> Self {
        Self {
            handle: Handle::from_raw(0),
            slot,
            read_write,
            active: Default::default(),
            messages: Default::default(),
            finding: None,
            memo: None,
        }
    }

    /// Tells the session its own handle, which the table only knows after it holds the session.
    pub fn set_handle(&mut self, handle: Handle) {
        self.handle = handle;
    }

    pub fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    pub fn is_read_write(&self) -> bool {
        self.read_write
    }

    fn caller(&self) -> Caller {
        Caller { role: self.slot.role(), read_write: self.read_write, policy: self.slot.policy }
    }

    /// # Errors
    /// As [`Token::random`](crate::backend::Token::random).
    pub fn random(&self, out: &mut [u8]) -> Result<()> {
        self.slot.token.random(out)
    }

    /// # Errors
    /// As [`Token::seed_random`](crate::backend::Token::seed_random).
    pub fn seed_random(&self, seed: &[u8]) -> Result<()> {
        self.slot.token.seed_random(seed)
    }

    /// # Errors
    /// SessionReadOnly in a read-only session.
    fn require_read_write(&self) -> Result<()> {
        match self.read_write {
            true => Ok(()),
            false => Err(Code::SessionReadOnly.because("the session is read-only")),
        }
    }
}
