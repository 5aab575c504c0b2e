//! One token of several.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::health::Health;
use crate::backend::bridge::BridgeToken;
use crate::backend::bridge::inner::Inner;
use crate::backend::{Token, TokenInfo};
use crate::error::{Error, Result};

/// A token, what it says of itself, and whether it takes part.
pub(in super::super) struct Member {
    pub(super) inner: Arc<Inner>,
    pub(super) token: BridgeToken,
    pub(super) health: Health,
    /// It refused the PIN that another one took: it takes no part before the next login.
    left_out: AtomicBool,
    /// What it said last.
    told: Mutex<Option<TokenInfo>>,
}

impl Member {
    pub(in super::super) fn new(inner: Arc<Inner>, token: BridgeToken) -> Self {
        let health = Health::new(inner.pool.pause());
        let (left_out, told) = (AtomicBool::new(false), Mutex::default());
        Self { inner, token, health, left_out, told }
    }

    /// Whether the configuration holds its PIN.
    pub(super) fn is_open(&self) -> bool {
        self.token.is_open()
    }

    /// Whether it takes no part: it refused a PIN, now or when it was logged in again.
    pub(super) fn is_out(&self) -> bool {
        self.left_out.load(Ordering::Acquire) || self.inner.pool.is_dropped()
    }

    pub(super) fn leave_out(&self, out: bool) {
        self.left_out.store(out, Ordering::Release);
    }

    /// It does not do what was asked of it.
    pub(super) fn failed(&self, error: &Error) {
        if self.health.failed() {
            log::warn!("{self}: fails, and is left alone for a while: {error}");
        }
    }

    /// What it says of itself, or said last if it cannot be reached.
    ///
    /// # Errors
    /// What it answers, if it never said anything.
    pub(super) fn info(&self) -> Result<TokenInfo> {
        match self.token.info() {
            Ok(info) => {
                *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.clone());
                Ok(info)
            }
            Err(e) => self.told().ok_or(e),
        }
    }

    /// What it said last.
    pub(super) fn told(&self) -> Option<TokenInfo> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// As the log names it.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.pool.place.fmt(f)
    }
}
