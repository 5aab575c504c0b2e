//! Message-based functions.

mod cipher;
mod drive;
mod signature;

pub use cipher::*;
pub use signature::*;
