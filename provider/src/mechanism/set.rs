//! The mechanisms this module implements, found by their type.

use once_cell::sync::Lazy;

use crate::error::{Code, Result};
use crate::mechanism::{MechanismSpec, MechanismType, table};

/// Whether mechanisms and key sizes that are no longer sound are there: `legacy` of the
/// configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Legacy {
    #[default]
    Refused,
    Allowed,
}

static ALL: Lazy<Vec<&'static MechanismSpec>> = Lazy::new(|| {
    let mut rows: Vec<_> = table::FAMILIES.iter().flat_map(|family| family.iter()).collect();
    rows.sort_by_key(|row| row.id);
    rows
});

static SOUND: Lazy<Vec<&'static MechanismSpec>> =
    Lazy::new(|| all().iter().filter(|row| !row.legacy).copied().collect());

/// Every row without its bound on small keys.
static UNBOUND: Lazy<Vec<MechanismSpec>> =
    Lazy::new(|| all().iter().map(|row| MechanismSpec { legacy_below: 0, ..**row }).collect());

static WITH_LEGACY: Lazy<Vec<&'static MechanismSpec>> = Lazy::new(|| UNBOUND.iter().collect());

/// Every row of the tables, in ascending order of type.
pub fn all() -> &'static [&'static MechanismSpec] {
    &ALL
}

/// The rows that there are under a configuration, in ascending order of type.
pub fn offered(legacy: Legacy) -> &'static [&'static MechanismSpec] {
    match legacy {
        Legacy::Refused => &SOUND,
        Legacy::Allowed => &WITH_LEGACY,
    }
}

/// The row of a mechanism among `rows`, which are in ascending order of type.
///
/// # Errors
/// MechanismInvalid for a mechanism without a row.
pub fn find(rows: &[&'static MechanismSpec], id: MechanismType) -> Result<&'static MechanismSpec> {
    match rows.binary_search_by_key(&id, |row| row.id) {
        Ok(row) => Ok(rows[row]),
        Err(_) => Err(Code::MechanismInvalid.because(format!("{id:?} is not there"))),
    }
}

/// As [`find`], among all rows: for tests of what the rows do.
///
/// # Errors
/// MechanismInvalid for a mechanism without a row.
pub fn look_up(id: MechanismType) -> Result<&'static MechanismSpec> {
    find(all(), id)
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
            let (least, most) = row.announced_sizes();
            assert!(row.sizes.0 <= least && least <= most, "{}", row.name());
        }
    }

    #[test]
    fn legacy_adds_mechanisms_and_sizes_and_takes_none_away() {
        let (sound, legacy) = (offered(Legacy::Refused), offered(Legacy::Allowed));
        assert_eq!(legacy.len(), all().len());
        for row in sound {
            let same = find(legacy, row.id).unwrap();
            assert_eq!(row.flags(), same.flags(), "{}", row.name());
            assert!(same.announced_sizes().0 <= row.announced_sizes().0);
        }
        for row in all().iter().filter(|row| row.legacy) {
            assert_eq!(find(sound, row.id).err().unwrap().code(), Code::MechanismInvalid);
        }
        let pair = MechanismType::RSA_PKCS_KEY_PAIR_GEN;
        assert_eq!(find(sound, pair).unwrap().announced_sizes(), (2048, 8192));
        assert_eq!(find(legacy, pair).unwrap().announced_sizes(), (1024, 8192));
    }
}
