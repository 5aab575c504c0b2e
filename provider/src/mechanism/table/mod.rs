//! The rows, one file a family.

use crate::mechanism::MechanismSpec;

pub static FAMILIES: &[&[MechanismSpec]] = &[];
