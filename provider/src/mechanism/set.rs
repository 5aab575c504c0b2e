//! The mechanisms this module implements, found by their type.

use once_cell::sync::Lazy;

use crate::error::{Code, Result};
use crate::mechanism::{MechanismSpec, MechanismType, table};

static SET: Lazy<Vec<&'static MechanismSpec>> = Lazy::new(|| {
    let mut rows: Vec<_> = table::FAMILIES.iter().flat_map(|family| family.iter()).collect();
    rows.sort_by_key(|row| row.id);
    rows
});

/// Every row, in ascending order of type.
pub fn all() -> &'static [&'static MechanismSpec] {
    &SET
}

/// # Errors
/// MechanismInvalid for a mechanism without a row.
pub fn look_up(id: MechanismType) -> Result<&'static MechanismSpec> {
    match SET.binary_search_by_key(&id, |row| row.id) {
        Ok(row) => Ok(SET[row]),
        Err(_) => Err(Code::MechanismInvalid.because(format!("{id:?} is not implemented here"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mechanism_has_two_rows() {
        assert!(all().is_sorted_by(|a, b| a.id < b.id));
    }

    #[test]
    fn every_row_has_a_name_a_function_and_sensible_sizes() {
        for row in all() {
            assert!(row.id.name().is_some(), "{:?}", row.id);
            assert_ne!(row.flags() & !row.extra_flags, 0, "{} does nothing", row.name());
            assert!(row.sizes.0 <= row.sizes.1, "{}", row.name());
        }
    }
}
