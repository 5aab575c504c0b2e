//! Everything unsafe: the C interface, calls into AWS-LC, locked memory, the mapped epoch.

pub mod awslc;
pub mod params;
