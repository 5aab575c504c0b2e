//! Everything unsafe: the C interface, calls into AWS-LC, locked memory, the mapped epoch.

pub mod awslc;
pub(crate) mod epoch;
pub mod fork;
pub(crate) mod lock;
pub(crate) mod memory;
pub mod params;
