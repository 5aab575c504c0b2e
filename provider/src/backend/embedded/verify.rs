//! Looking at everything that a token holds.

use std::ops::ControlFlow;

use super::seal;
use super::token::EmbeddedToken;
use crate::error::{Code, Result};
use crate::store::event::EventKind;
use crate::store::{Event, Form};

impl EmbeddedToken {
    /// Opens every object that the login unlocks, and follows the chain of events; how many objects
    /// there are.
    ///
    /// # Errors
    /// DeviceError naming the first object or event that is damaged.
    pub(crate) fn verify(&self) -> Result<u64> {
        let identity = self.initialized()?;
        let keys = self.keys();
        let private = keys.as_ref().is_some_and(|keys| keys.private.is_some());
        let (mut objects, mut damaged) = (0, None);
        self.store.scan(&mut |record| {
            objects += 1;
            if record.form == Form::Private && !private {
                return ControlFlow::Continue(());
            }
            match seal::open(&identity, keys.as_deref(), &record) {
                Ok(_) => ControlFlow::Continue(()),
                Err(e) => {
                    damaged = Some(e);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(damaged) = damaged {
            return Err(damaged);
        }
        self.follow_events()?;
        Ok(objects)
    }

    fn follow_events(&self) -> Result<()> {
        const PAGE: usize = 1000;
        let (mut expected, mut previous) = (1, [0; 32]);
        loop {
            let page = self.store.events(expected, PAGE)?;
            if page.is_empty() {
                return Ok(());
            }
            for event in page {
                if event.sequence != expected || !event.follows(&previous) {
                    return Err(Code::DeviceError.because(format!(
                        "event {} does not follow the one before: the token's log was changed",
                        event.sequence
                    )));
                }
                (expected, previous) = (expected + 1, event.chain);
            }
        }
    }

    /// Notes in the token's log what was done to the token as a whole.
    ///
    /// # Errors
    /// As every commit.
    pub(crate) fn record(&self, kind: EventKind) -> Result<()> {
        let identity = self.initialized()?;
        self.commit(&identity, self.keys(), Vec::new(), vec![Event::of_token(kind)]).map(drop)
    }

    /// Brings everything home into the database file.
    ///
    /// # Errors
    /// What the store answers.
    pub(crate) fn settle(&self) -> Result<()> {
        self.store.forget()
    }
}
