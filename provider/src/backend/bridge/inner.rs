//! Everything of one inner token: its sessions, its objects, what it can do.

use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::objects::Objects;
use super::pool::Pool;
use crate::error::Result;
use crate::ffi::inner::InnerMechanism;
use crate::mechanism::MechanismType;

/// One inner token, shared by its keys and their operations.
pub(super) struct Inner {
    pub(super) pool: Arc<Pool>,
    pub(super) objects: Objects,
    mechanisms: OnceCell<Vec<InnerMechanism>>,
}

impl Inner {
    pub(super) fn new(pool: Arc<Pool>, objects: Objects) -> Arc<Self> {
        Arc::new(Self { pool, objects, mechanisms: OnceCell::new() })
    }

    /// What the inner token announces, asked once.
    ///
    /// # Errors
    /// What it answers; the next call asks again.
    pub(super) fn mechanisms(&self) -> Result<&[InnerMechanism]> {
        let announced = self
            .mechanisms
            .get_or_try_init(|| self.pool.ask(|link| link.library.mechanisms(link.slot)));
        announced.map(Vec::as_slice)
    }

    /// Whether it was asked, so that [`mechanisms`](Self::mechanisms) waits for nobody.
    pub(super) fn is_known(&self) -> bool {
        self.mechanisms.get().is_some()
    }

    /// What it announces of one mechanism.
    pub(super) fn mechanism(&self, id: MechanismType) -> Option<&InnerMechanism> {
        let announced = self.mechanisms().ok()?;
        let row = announced.binary_search_by_key(&id, |row| row.id).ok()?;
        Some(&announced[row])
    }
}
