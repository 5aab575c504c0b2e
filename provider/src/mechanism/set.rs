//! The mechanisms this module implements, found by their type.

use once_cell::sync::Lazy;

use crate::error::{Code, Result};
use crate::mechanism::{MechanismSpec, MechanismType, table};
use crate::policy::Policy;

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

/// The rows under each configuration: without and with legacy, and of each without and with
/// malleable wrapping.
static OFFERED: Lazy<[[Vec<MechanismSpec>; 2]; 2]> = Lazy::new(|| {
    [Legacy::Refused, Legacy::Allowed].map(|legacy| [false, true].map(|wraps| rows(legacy, wraps)))
});

static REFERENCES: Lazy<[[Vec<&'static MechanismSpec>; 2]; 2]> =
    Lazy::new(|| OFFERED.each_ref().map(|half| half.each_ref().map(|rows| rows.iter().collect())));

/// What is left of the tables.
fn rows(legacy: Legacy, malleable: bool) -> Vec<MechanismSpec> {
    let of_legacy = |row: &MechanismSpec| match legacy {
        Legacy::Refused => *row,
        Legacy::Allowed => MechanismSpec { legacy_below: 0, ..*row },
    };
    let of_policy = |row: MechanismSpec| match row.malleable && !malleable {
        true => MechanismSpec { wrap: None, unwrap: None, ..row },
        false => row,
    };
    let there = all().iter().filter(|row| legacy == Legacy::Allowed || !row.legacy);
    there.map(|row| of_policy(of_legacy(row))).collect()
}

/// Every row of the tables, in ascending order of type.
pub fn all() -> &'static [&'static MechanismSpec] {
    &ALL
}

/// The rows that there are under a configuration, in ascending order of type.
pub fn offered(legacy: Legacy, policy: Policy) -> &'static [&'static MechanismSpec] {
    let legacy = usize::from(legacy == Legacy::Allowed);
    &REFERENCES[legacy][usize::from(policy.wraps_malleably())]
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
    use pkcs11_sys as ck;

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
        let of = |legacy| offered(legacy, Policy::Standard);
        let (sound, legacy) = (of(Legacy::Refused), of(Legacy::Allowed));
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

    #[test]
    fn only_compatible_wraps_malleably_and_nothing_else_depends_on_the_policy() {
        const WRAPPING: ck::CK_FLAGS = ck::CKF_WRAP | ck::CKF_UNWRAP;
        for legacy in [Legacy::Refused, Legacy::Allowed] {
            let whole = offered(legacy, Policy::Compatible);
            for policy in [Policy::Standard, Policy::Strict] {
                let rows = offered(legacy, policy);
                assert_eq!(rows.len(), whole.len());
                for (row, all) in rows.iter().zip(whole) {
                    let lost = all.flags() & !row.flags();
                    let expected = if row.malleable { WRAPPING } else { 0 };
                    assert_eq!((row.id, lost), (all.id, expected), "{}", row.name());
                }
            }
        }
        assert!(all().iter().filter(|row| row.malleable).count() >= 9);
    }
}
