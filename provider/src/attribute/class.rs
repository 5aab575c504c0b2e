//! Object classes of PKCS#11 by name.

use std::fmt;

/// A `CK_OBJECT_CLASS`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectClass(pub u64);

impl ObjectClass {
    pub const DATA: Self = Self(0x0);
    pub const CERTIFICATE: Self = Self(0x1);
    pub const PUBLIC_KEY: Self = Self(0x2);
    pub const PRIVATE_KEY: Self = Self(0x3);
    pub const SECRET_KEY: Self = Self(0x4);
    pub const HW_FEATURE: Self = Self(0x5);
    pub const DOMAIN_PARAMETERS: Self = Self(0x6);
    pub const MECHANISM: Self = Self(0x7);
    pub const OTP_KEY: Self = Self(0x8);
    pub const PROFILE: Self = Self(0x9);
    pub const VALIDATION: Self = Self(0xa);
    pub const TRUST: Self = Self(0xb);

    /// Whether its objects are keys.
    pub fn is_key(self) -> bool {
        matches!(self, Self::PUBLIC_KEY | Self::PRIVATE_KEY | Self::SECRET_KEY)
    }

    /// The name in the specification, if it has one.
    pub fn name(self) -> Option<&'static str> {
        NAMES.binary_search_by_key(&self, |row| row.0).ok().map(|row| NAMES[row].1)
    }
}

impl fmt::Debug for ObjectClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "CKO_{:#x}", self.0),
        }
    }
}

/// Every name, in ascending order of value; of two names for one value, the one to print.
pub static NAMES: &[(ObjectClass, &str)] = &[
    (ObjectClass::DATA, "CKO_DATA"),
    (ObjectClass::CERTIFICATE, "CKO_CERTIFICATE"),
    (ObjectClass::PUBLIC_KEY, "CKO_PUBLIC_KEY"),
    (ObjectClass::PRIVATE_KEY, "CKO_PRIVATE_KEY"),
    (ObjectClass::SECRET_KEY, "CKO_SECRET_KEY"),
    (ObjectClass::HW_FEATURE, "CKO_HW_FEATURE"),
    (ObjectClass::DOMAIN_PARAMETERS, "CKO_DOMAIN_PARAMETERS"),
    (ObjectClass::MECHANISM, "CKO_MECHANISM"),
    (ObjectClass::OTP_KEY, "CKO_OTP_KEY"),
    (ObjectClass::PROFILE, "CKO_PROFILE"),
    (ObjectClass::VALIDATION, "CKO_VALIDATION"),
    (ObjectClass::TRUST, "CKO_TRUST"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_value() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
