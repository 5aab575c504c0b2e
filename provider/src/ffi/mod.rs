//! Everything unsafe: the C interface, calls into AWS-LC and into other modules, locked memory, the
//! mapped epoch.

pub mod awslc;
pub mod calls;
pub(crate) mod clock;
pub mod current;
pub(crate) mod entry;
pub(crate) mod environment;
pub(crate) mod epoch;
pub(crate) mod exit;
pub mod fork;
pub mod inner;
pub(crate) mod interface;
pub(crate) mod lists;
pub(crate) mod lock;
pub(crate) mod mechanism;
pub(crate) mod memory;
pub mod message;
pub mod params;
pub mod place;
pub(crate) mod template;
pub(crate) mod text;
pub mod transfer;
pub(crate) mod turn;
pub mod v3_2;
