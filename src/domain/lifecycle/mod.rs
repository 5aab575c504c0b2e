//! The life of a key version: states, transitions, and why a key was revoked
//! (NIST SP 800-57 part 1 revision 5, section 7).

mod reason;
mod state;
mod transition;

pub use reason::Reason;
pub use state::{Duty, State};
pub use transition::{Transition, allowed};
