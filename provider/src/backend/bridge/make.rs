//! Objects made at an inner token.

use std::sync::Arc;

use super::inner::Inner;
use super::record::Kept;
use super::records::Announced;
use crate::attribute::{AttributeType, Attributes};
use crate::backend::Object;
use crate::error::{Code, Result};
use crate::ffi::inner::InnerSession;

impl Inner {
    /// Makes objects at the inner token: session objects in the session that lives as long as the
    /// connection. What is kept of keys above the bridge is there before they are.
    ///
    /// # Errors
    /// What the inner token answers; as [`announce`](Self::announce); DeviceError for a token that
    /// makes another key than it was asked for, which is then destroyed.
    pub(super) fn make<const N: usize>(
        &self,
        objects: [&Attributes; N],
        work: impl FnOnce(&InnerSession) -> Result<[u64; N]>,
    ) -> Result<[Arc<Object>; N]> {
        let announced = self.announce(objects)?;
        let kept = std::array::from_fn(|at| &announced[at].kept);
        let durable = objects.iter().all(|object| object.is_true(AttributeType::TOKEN));
        let made = match durable {
            true => self.make_durable(kept, work),
            false => self.make_beside(kept, work),
        };
        let made = made.inspect_err(|e| self.withdraw(&announced, e))?;
        let bound = |(announced, made): (&Announced, &Arc<Object>)| self.is_bound(announced, made);
        if announced.iter().zip(&made).all(bound) {
            return Ok(made);
        }
        for object in &made {
            if let Err(e) = self.destroy(object) {
                log::error!("{}: a key without its state stays there: {e}", self.pool.place);
            }
        }
        Err(Code::DeviceError.because(format!(
            "{}: the key that was made is not called what it was to be called, so that the record of \
             its state does not bind it: give it a CKA_ID in its template",
            self.pool.place
        )))
    }

    fn make_durable<const N: usize>(
        &self,
        kept: [&Kept; N],
        work: impl FnOnce(&InnerSession) -> Result<[u64; N]>,
    ) -> Result<[Arc<Object>; N]> {
        let (handles, made) =
            self.pool.once(|session| Ok((work(session)?, session.generation())))?;
        // Reading may be done again, as long as the handles stand for the same.
        let read =
            self.pool.again(|session| match session.generation() == made {
                true => self.adopt(session, made, handles, kept),
                false => Err(Code::DeviceError
                    .because("the connection was lost since, and the handles with it")),
            });
        read.inspect_err(|e| {
            let place = &self.pool.place;
            log::error!("{place}: an object was made and cannot be read, look for it: {e}");
        })
    }

    fn make_beside<const N: usize>(
        &self,
        kept: [&Kept; N],
        work: impl FnOnce(&InnerSession) -> Result<[u64; N]>,
    ) -> Result<[Arc<Object>; N]> {
        self.sweep();
        self.pool.anchored(|session, generation| {
            let handles = work(session)?;
            self.adopt(session, generation, handles, kept)
        })
    }

    fn adopt<const N: usize>(
        &self,
        session: &InnerSession,
        generation: u64,
        handles: [u64; N],
        kept: [&Kept; N],
    ) -> Result<[Arc<Object>; N]> {
        let adopted: Result<Vec<_>> = handles
            .into_iter()
            .zip(kept)
            .map(|(handle, kept)| self.objects.adopt(session, generation, handle, kept))
            .collect();
        adopted.map(|made| made.try_into().unwrap_or_else(|_| unreachable!("as many as handles")))
    }

    /// Takes away the session objects that ended here.
    fn sweep(&self) {
        let (handles, generation) = self.objects.unused();
        for handle in handles {
            // After a restart the handle may stand for something else.
            let gone = self.pool.once(|session| match session.generation() == generation {
                true => session.destroy(handle),
                false => Ok(()),
            });
            if let Err(e) = gone {
                log::debug!("a session object that ended: {e}");
            }
        }
    }
}
