//! What became of the keys of a token that keeps no events of its own: a chained file a token,
//! beside the user's configuration. `docs/lifecycle.md` describes it.

mod entry;
mod file;
mod journaled;

pub use entry::Entry;
pub use file::{FileJournal, Story};
pub use journaled::Journaled;
