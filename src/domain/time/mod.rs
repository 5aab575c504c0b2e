//! Moments and periods, as people write them.

mod period;
mod timestamp;

pub use period::{Period, Unit};
pub use timestamp::Timestamp;
