//! The exported functions, one file a chapter of the standard.

mod cipher;
mod digest;
mod drive;
mod dual;
mod find;
mod general;
mod key;
mod login;
mod message;
mod object;
mod random;
mod recover;
mod session;
mod signature;
mod slot;
mod state;
mod unsupported;

pub use cipher::*;
pub use digest::*;
pub use dual::*;
pub use find::*;
pub use general::*;
pub use key::*;
pub use login::*;
pub use message::*;
pub use object::*;
pub use random::*;
pub use recover::*;
pub use session::*;
pub use signature::*;
pub use slot::*;
pub use state::*;
pub use unsupported::*;
