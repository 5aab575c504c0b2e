//! Generic secret keys (specification section "Generic secret key").

use crate::attribute::KeyType;
use crate::engine::secret::{self, GENERATED_MAX};
use crate::mechanism::{MechanismSpec, MechanismType};

pub static ROWS: &[MechanismSpec] = &[MechanismSpec {
    id: MechanismType::GENERIC_SECRET_KEY_GEN,
    keys: &[KeyType::GENERIC_SECRET],
    // "The supported range of key sizes, in bits."
    sizes: (8, GENERATED_MAX * 8),
    generate: Some(secret::generate),
    ..MechanismSpec::DEFAULT
}];
