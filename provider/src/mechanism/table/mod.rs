//! The rows, one file a family.

mod digest;

use crate::mechanism::MechanismSpec;

pub static FAMILIES: &[&[MechanismSpec]] = &[digest::ROWS];
