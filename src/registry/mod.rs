//! The registry: one chain of sealed records a key, on any store of records.
//! `docs/key-records.md` describes it.

mod chain;
mod ledger;
mod sealed;
mod store;

pub use chain::Records;
pub use store::{COMPLETING, Collection, Mac, RawRecord, RecordStore};
