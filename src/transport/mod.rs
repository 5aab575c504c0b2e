//! Ways to a peer.

mod tcp;

pub use tcp::{Listener, Place, TcpChannel};
