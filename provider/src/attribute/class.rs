//! Object classes of PKCS#11 by name.

use crate::named::named;

named! {
    /// A `CK_OBJECT_CLASS`.
    pub struct ObjectClass("CKO_") {
        DATA = 0x0,
        CERTIFICATE = 0x1,
        PUBLIC_KEY = 0x2,
        PRIVATE_KEY = 0x3,
        SECRET_KEY = 0x4,
        HW_FEATURE = 0x5,
        DOMAIN_PARAMETERS = 0x6,
        MECHANISM = 0x7,
        OTP_KEY = 0x8,
        PROFILE = 0x9,
        VALIDATION = 0xa,
        TRUST = 0xb,
    }
}

impl ObjectClass {
    /// Whether its objects are keys.
    pub fn is_key(self) -> bool {
        matches!(self, Self::PUBLIC_KEY | Self::PRIVATE_KEY | Self::SECRET_KEY)
    }
}
