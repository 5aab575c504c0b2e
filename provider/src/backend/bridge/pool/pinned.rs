//! A session that is lent, and given back when it is dropped.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use super::Pool;
use crate::ffi::inner::InnerSession;

/// A session of the inner token, lent to one caller.
pub(in super::super) struct Pinned {
    pool: Arc<Pool>,
    session: Option<InnerSession>,
    generation: u64,
    spoilt: Cell<bool>,
}

impl Pinned {
    pub(super) fn new(pool: Arc<Pool>, session: InnerSession, generation: u64) -> Self {
        Self { pool, session: Some(session), generation, spoilt: Cell::new(false) }
    }

    /// The session is closed instead of being used again.
    pub(in super::super) fn spoil(&self) {
        self.spoilt.set(true);
    }

    /// That of [`Pool::generation`] when the session was lent.
    pub(in super::super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(in super::super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }
}

impl Deref for Pinned {
    type Target = InnerSession;

    fn deref(&self) -> &InnerSession {
        self.session.as_ref().expect("there until it is dropped")
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let mut state = self.pool.state();
        if self.spoilt.get() || self.pool.generation() != self.generation {
            // Its place is free when it is closed.
            drop(state);
            drop(session);
            state = self.pool.state();
            state.open = state.open.saturating_sub(1);
        } else {
            state.idle.push((session, Instant::now()));
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}
