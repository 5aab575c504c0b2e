//! Attribute types of PKCS#11 by name.

use std::fmt;

/// A `CK_ATTRIBUTE_TYPE`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u64);

impl AttributeType {
    /// Ours: what a secret key was used for ([`Roles`](crate::policy::Roles)).
    pub const KEYWAY_ROLES: Self = Self(0x80004b01);
    /// Ours: the state of a key ([`State`](crate::lifecycle::state::State)).
    pub const KEYWAY_STATE: Self = Self(0x80004b02);
    pub const CLASS: Self = Self(0x0);
    pub const TOKEN: Self = Self(0x1);
    pub const PRIVATE: Self = Self(0x2);
    pub const LABEL: Self = Self(0x3);
    pub const UNIQUE_ID: Self = Self(0x4);
    pub const APPLICATION: Self = Self(0x10);
    pub const VALUE: Self = Self(0x11);
    pub const OBJECT_ID: Self = Self(0x12);
    pub const CERTIFICATE_TYPE: Self = Self(0x80);
    pub const ISSUER: Self = Self(0x81);
    pub const SERIAL_NUMBER: Self = Self(0x82);
    pub const AC_ISSUER: Self = Self(0x83);
    pub const OWNER: Self = Self(0x84);
    pub const ATTR_TYPES: Self = Self(0x85);
    pub const TRUSTED: Self = Self(0x86);
    pub const CERTIFICATE_CATEGORY: Self = Self(0x87);
    pub const JAVA_MIDP_SECURITY_DOMAIN: Self = Self(0x88);
    pub const URL: Self = Self(0x89);
    pub const HASH_OF_SUBJECT_PUBLIC_KEY: Self = Self(0x8a);
    pub const HASH_OF_ISSUER_PUBLIC_KEY: Self = Self(0x8b);
    pub const NAME_HASH_ALGORITHM: Self = Self(0x8c);
    pub const CHECK_VALUE: Self = Self(0x90);
    pub const KEY_TYPE: Self = Self(0x100);
    pub const SUBJECT: Self = Self(0x101);
    pub const ID: Self = Self(0x102);
    pub const SENSITIVE: Self = Self(0x103);
    pub const ENCRYPT: Self = Self(0x104);
    pub const DECRYPT: Self = Self(0x105);
    pub const WRAP: Self = Self(0x106);
    pub const UNWRAP: Self = Self(0x107);
    pub const SIGN: Self = Self(0x108);
    pub const SIGN_RECOVER: Self = Self(0x109);
    pub const VERIFY: Self = Self(0x10a);
    pub const VERIFY_RECOVER: Self = Self(0x10b);
    pub const DERIVE: Self = Self(0x10c);
    pub const START_DATE: Self = Self(0x110);
    pub const END_DATE: Self = Self(0x111);
    pub const MODULUS: Self = Self(0x120);
    pub const MODULUS_BITS: Self = Self(0x121);
    pub const PUBLIC_EXPONENT: Self = Self(0x122);
    pub const PRIVATE_EXPONENT: Self = Self(0x123);
    pub const PRIME_1: Self = Self(0x124);
    pub const PRIME_2: Self = Self(0x125);
    pub const EXPONENT_1: Self = Self(0x126);
    pub const EXPONENT_2: Self = Self(0x127);
    pub const COEFFICIENT: Self = Self(0x128);
    pub const PUBLIC_KEY_INFO: Self = Self(0x129);
    pub const PRIME: Self = Self(0x130);
    pub const SUBPRIME: Self = Self(0x131);
    pub const BASE: Self = Self(0x132);
    pub const PRIME_BITS: Self = Self(0x133);
    pub const SUB_PRIME_BITS: Self = Self(0x134);
    pub const VALUE_BITS: Self = Self(0x160);
    pub const VALUE_LEN: Self = Self(0x161);
    pub const EXTRACTABLE: Self = Self(0x162);
    pub const LOCAL: Self = Self(0x163);
    pub const NEVER_EXTRACTABLE: Self = Self(0x164);
    pub const ALWAYS_SENSITIVE: Self = Self(0x165);
    pub const KEY_GEN_MECHANISM: Self = Self(0x166);
    pub const MODIFIABLE: Self = Self(0x170);
    pub const COPYABLE: Self = Self(0x171);
    pub const DESTROYABLE: Self = Self(0x172);
    pub const EC_PARAMS: Self = Self(0x180);
    pub const EC_POINT: Self = Self(0x181);
    pub const ALWAYS_AUTHENTICATE: Self = Self(0x202);
    pub const WRAP_WITH_TRUSTED: Self = Self(0x210);
    pub const OTP_FORMAT: Self = Self(0x220);
    pub const OTP_LENGTH: Self = Self(0x221);
    pub const OTP_TIME_INTERVAL: Self = Self(0x222);
    pub const OTP_USER_FRIENDLY_MODE: Self = Self(0x223);
    pub const OTP_CHALLENGE_REQUIREMENT: Self = Self(0x224);
    pub const OTP_TIME_REQUIREMENT: Self = Self(0x225);
    pub const OTP_COUNTER_REQUIREMENT: Self = Self(0x226);
    pub const OTP_PIN_REQUIREMENT: Self = Self(0x227);
    pub const OTP_USER_IDENTIFIER: Self = Self(0x22a);
    pub const OTP_SERVICE_IDENTIFIER: Self = Self(0x22b);
    pub const OTP_SERVICE_LOGO: Self = Self(0x22c);
    pub const OTP_SERVICE_LOGO_TYPE: Self = Self(0x22d);
    pub const OTP_COUNTER: Self = Self(0x22e);
    pub const OTP_TIME: Self = Self(0x22f);
    pub const GOSTR3410_PARAMS: Self = Self(0x250);
    pub const GOSTR3411_PARAMS: Self = Self(0x251);
    pub const GOST28147_PARAMS: Self = Self(0x252);
    pub const HW_FEATURE_TYPE: Self = Self(0x300);
    pub const RESET_ON_INIT: Self = Self(0x301);
    pub const HAS_RESET: Self = Self(0x302);
    pub const PIXEL_X: Self = Self(0x400);
    pub const PIXEL_Y: Self = Self(0x401);
    pub const RESOLUTION: Self = Self(0x402);
    pub const CHAR_ROWS: Self = Self(0x403);
    pub const CHAR_COLUMNS: Self = Self(0x404);
    pub const COLOR: Self = Self(0x405);
    pub const BITS_PER_PIXEL: Self = Self(0x406);
    pub const CHAR_SETS: Self = Self(0x480);
    pub const ENCODING_METHODS: Self = Self(0x481);
    pub const MIME_TYPES: Self = Self(0x482);
    pub const MECHANISM_TYPE: Self = Self(0x500);
    pub const REQUIRED_CMS_ATTRIBUTES: Self = Self(0x501);
    pub const DEFAULT_CMS_ATTRIBUTES: Self = Self(0x502);
    pub const SUPPORTED_CMS_ATTRIBUTES: Self = Self(0x503);
    pub const PROFILE_ID: Self = Self(0x601);
    pub const X2RATCHET_BAG: Self = Self(0x602);
    pub const X2RATCHET_BAGSIZE: Self = Self(0x603);
    pub const X2RATCHET_BOBS1STMSG: Self = Self(0x604);
    pub const X2RATCHET_CKR: Self = Self(0x605);
    pub const X2RATCHET_CKS: Self = Self(0x606);
    pub const X2RATCHET_DHP: Self = Self(0x607);
    pub const X2RATCHET_DHR: Self = Self(0x608);
    pub const X2RATCHET_DHS: Self = Self(0x609);
    pub const X2RATCHET_HKR: Self = Self(0x60a);
    pub const X2RATCHET_HKS: Self = Self(0x60b);
    pub const X2RATCHET_ISALICE: Self = Self(0x60c);
    pub const X2RATCHET_NHKR: Self = Self(0x60d);
    pub const X2RATCHET_NHKS: Self = Self(0x60e);
    pub const X2RATCHET_NR: Self = Self(0x60f);
    pub const X2RATCHET_NS: Self = Self(0x610);
    pub const X2RATCHET_PNS: Self = Self(0x611);
    pub const X2RATCHET_RK: Self = Self(0x612);
    pub const HSS_LEVELS: Self = Self(0x617);
    pub const HSS_LMS_TYPE: Self = Self(0x618);
    pub const HSS_LMOTS_TYPE: Self = Self(0x619);
    pub const HSS_LMS_TYPES: Self = Self(0x61a);
    pub const HSS_LMOTS_TYPES: Self = Self(0x61b);
    pub const HSS_KEYS_REMAINING: Self = Self(0x61c);
    pub const PARAMETER_SET: Self = Self(0x61d);
    pub const OBJECT_VALIDATION_FLAGS: Self = Self(0x61e);
    pub const VALIDATION_TYPE: Self = Self(0x61f);
    pub const VALIDATION_VERSION: Self = Self(0x620);
    pub const VALIDATION_LEVEL: Self = Self(0x621);
    pub const VALIDATION_MODULE_ID: Self = Self(0x622);
    pub const VALIDATION_FLAG: Self = Self(0x623);
    pub const VALIDATION_AUTHORITY_TYPE: Self = Self(0x624);
    pub const VALIDATION_COUNTRY: Self = Self(0x625);
    pub const VALIDATION_CERTIFICATE_IDENTIFIER: Self = Self(0x626);
    pub const VALIDATION_CERTIFICATE_URI: Self = Self(0x627);
    pub const VALIDATION_VENDOR_URI: Self = Self(0x628);
    pub const VALIDATION_PROFILE: Self = Self(0x629);
    pub const ENCAPSULATE_TEMPLATE: Self = Self(0x62a);
    pub const DECAPSULATE_TEMPLATE: Self = Self(0x62b);
    pub const TRUST_SERVER_AUTH: Self = Self(0x62c);
    pub const TRUST_CLIENT_AUTH: Self = Self(0x62d);
    pub const TRUST_CODE_SIGNING: Self = Self(0x62e);
    pub const TRUST_EMAIL_PROTECTION: Self = Self(0x62f);
    pub const TRUST_IPSEC_IKE: Self = Self(0x630);
    pub const TRUST_TIME_STAMPING: Self = Self(0x631);
    pub const TRUST_OCSP_SIGNING: Self = Self(0x632);
    pub const ENCAPSULATE: Self = Self(0x633);
    pub const DECAPSULATE: Self = Self(0x634);
    pub const HASH_OF_CERTIFICATE: Self = Self(0x635);
    pub const PUBLIC_CRC64_VALUE: Self = Self(0x636);
    pub const SEED: Self = Self(0x637);
    pub const WRAP_TEMPLATE: Self = Self(0x40000211);
    pub const UNWRAP_TEMPLATE: Self = Self(0x40000212);
    pub const DERIVE_TEMPLATE: Self = Self(0x40000213);
    pub const ALLOWED_MECHANISMS: Self = Self(0x40000600);

    /// The name in the specification, if it has one.
    pub fn name(self) -> Option<&'static str> {
        NAMES.binary_search_by_key(&self, |row| row.0).ok().map(|row| NAMES[row].1)
    }
}

impl fmt::Debug for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "CKA_{:#x}", self.0),
        }
    }
}

/// Every name, in ascending order of value; of two names for one value, the one to print.
pub static NAMES: &[(AttributeType, &str)] = &[
    (AttributeType::CLASS, "CKA_CLASS"),
    (AttributeType::TOKEN, "CKA_TOKEN"),
    (AttributeType::PRIVATE, "CKA_PRIVATE"),
    (AttributeType::LABEL, "CKA_LABEL"),
    (AttributeType::UNIQUE_ID, "CKA_UNIQUE_ID"),
    (AttributeType::APPLICATION, "CKA_APPLICATION"),
    (AttributeType::VALUE, "CKA_VALUE"),
    (AttributeType::OBJECT_ID, "CKA_OBJECT_ID"),
    (AttributeType::CERTIFICATE_TYPE, "CKA_CERTIFICATE_TYPE"),
    (AttributeType::ISSUER, "CKA_ISSUER"),
    (AttributeType::SERIAL_NUMBER, "CKA_SERIAL_NUMBER"),
    (AttributeType::AC_ISSUER, "CKA_AC_ISSUER"),
    (AttributeType::OWNER, "CKA_OWNER"),
    (AttributeType::ATTR_TYPES, "CKA_ATTR_TYPES"),
    (AttributeType::TRUSTED, "CKA_TRUSTED"),
    (AttributeType::CERTIFICATE_CATEGORY, "CKA_CERTIFICATE_CATEGORY"),
    (AttributeType::JAVA_MIDP_SECURITY_DOMAIN, "CKA_JAVA_MIDP_SECURITY_DOMAIN"),
    (AttributeType::URL, "CKA_URL"),
    (AttributeType::HASH_OF_SUBJECT_PUBLIC_KEY, "CKA_HASH_OF_SUBJECT_PUBLIC_KEY"),
    (AttributeType::HASH_OF_ISSUER_PUBLIC_KEY, "CKA_HASH_OF_ISSUER_PUBLIC_KEY"),
    (AttributeType::NAME_HASH_ALGORITHM, "CKA_NAME_HASH_ALGORITHM"),
    (AttributeType::CHECK_VALUE, "CKA_CHECK_VALUE"),
    (AttributeType::KEY_TYPE, "CKA_KEY_TYPE"),
    (AttributeType::SUBJECT, "CKA_SUBJECT"),
    (AttributeType::ID, "CKA_ID"),
    (AttributeType::SENSITIVE, "CKA_SENSITIVE"),
    (AttributeType::ENCRYPT, "CKA_ENCRYPT"),
    (AttributeType::DECRYPT, "CKA_DECRYPT"),
    (AttributeType::WRAP, "CKA_WRAP"),
    (AttributeType::UNWRAP, "CKA_UNWRAP"),
    (AttributeType::SIGN, "CKA_SIGN"),
    (AttributeType::SIGN_RECOVER, "CKA_SIGN_RECOVER"),
    (AttributeType::VERIFY, "CKA_VERIFY"),
    (AttributeType::VERIFY_RECOVER, "CKA_VERIFY_RECOVER"),
    (AttributeType::DERIVE, "CKA_DERIVE"),
    (AttributeType::START_DATE, "CKA_START_DATE"),
    (AttributeType::END_DATE, "CKA_END_DATE"),
    (AttributeType::MODULUS, "CKA_MODULUS"),
    (AttributeType::MODULUS_BITS, "CKA_MODULUS_BITS"),
    (AttributeType::PUBLIC_EXPONENT, "CKA_PUBLIC_EXPONENT"),
    (AttributeType::PRIVATE_EXPONENT, "CKA_PRIVATE_EXPONENT"),
    (AttributeType::PRIME_1, "CKA_PRIME_1"),
    (AttributeType::PRIME_2, "CKA_PRIME_2"),
    (AttributeType::EXPONENT_1, "CKA_EXPONENT_1"),
    (AttributeType::EXPONENT_2, "CKA_EXPONENT_2"),
    (AttributeType::COEFFICIENT, "CKA_COEFFICIENT"),
    (AttributeType::PUBLIC_KEY_INFO, "CKA_PUBLIC_KEY_INFO"),
    (AttributeType::PRIME, "CKA_PRIME"),
    (AttributeType::SUBPRIME, "CKA_SUBPRIME"),
    (AttributeType::BASE, "CKA_BASE"),
    (AttributeType::PRIME_BITS, "CKA_PRIME_BITS"),
    (AttributeType::SUB_PRIME_BITS, "CKA_SUB_PRIME_BITS"),
    (AttributeType::VALUE_BITS, "CKA_VALUE_BITS"),
    (AttributeType::VALUE_LEN, "CKA_VALUE_LEN"),
    (AttributeType::EXTRACTABLE, "CKA_EXTRACTABLE"),
    (AttributeType::LOCAL, "CKA_LOCAL"),
    (AttributeType::NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE"),
    (AttributeType::ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE"),
    (AttributeType::KEY_GEN_MECHANISM, "CKA_KEY_GEN_MECHANISM"),
    (AttributeType::MODIFIABLE, "CKA_MODIFIABLE"),
    (AttributeType::COPYABLE, "CKA_COPYABLE"),
    (AttributeType::DESTROYABLE, "CKA_DESTROYABLE"),
    (AttributeType::EC_PARAMS, "CKA_EC_PARAMS"),
    (AttributeType::EC_POINT, "CKA_EC_POINT"),
    (AttributeType::ALWAYS_AUTHENTICATE, "CKA_ALWAYS_AUTHENTICATE"),
    (AttributeType::WRAP_WITH_TRUSTED, "CKA_WRAP_WITH_TRUSTED"),
    (AttributeType::OTP_FORMAT, "CKA_OTP_FORMAT"),
    (AttributeType::OTP_LENGTH, "CKA_OTP_LENGTH"),
    (AttributeType::OTP_TIME_INTERVAL, "CKA_OTP_TIME_INTERVAL"),
    (AttributeType::OTP_USER_FRIENDLY_MODE, "CKA_OTP_USER_FRIENDLY_MODE"),
    (AttributeType::OTP_CHALLENGE_REQUIREMENT, "CKA_OTP_CHALLENGE_REQUIREMENT"),
    (AttributeType::OTP_TIME_REQUIREMENT, "CKA_OTP_TIME_REQUIREMENT"),
    (AttributeType::OTP_COUNTER_REQUIREMENT, "CKA_OTP_COUNTER_REQUIREMENT"),
    (AttributeType::OTP_PIN_REQUIREMENT, "CKA_OTP_PIN_REQUIREMENT"),
    (AttributeType::OTP_USER_IDENTIFIER, "CKA_OTP_USER_IDENTIFIER"),
    (AttributeType::OTP_SERVICE_IDENTIFIER, "CKA_OTP_SERVICE_IDENTIFIER"),
    (AttributeType::OTP_SERVICE_LOGO, "CKA_OTP_SERVICE_LOGO"),
    (AttributeType::OTP_SERVICE_LOGO_TYPE, "CKA_OTP_SERVICE_LOGO_TYPE"),
    (AttributeType::OTP_COUNTER, "CKA_OTP_COUNTER"),
    (AttributeType::OTP_TIME, "CKA_OTP_TIME"),
    (AttributeType::GOSTR3410_PARAMS, "CKA_GOSTR3410_PARAMS"),
    (AttributeType::GOSTR3411_PARAMS, "CKA_GOSTR3411_PARAMS"),
    (AttributeType::GOST28147_PARAMS, "CKA_GOST28147_PARAMS"),
    (AttributeType::HW_FEATURE_TYPE, "CKA_HW_FEATURE_TYPE"),
    (AttributeType::RESET_ON_INIT, "CKA_RESET_ON_INIT"),
    (AttributeType::HAS_RESET, "CKA_HAS_RESET"),
    (AttributeType::PIXEL_X, "CKA_PIXEL_X"),
    (AttributeType::PIXEL_Y, "CKA_PIXEL_Y"),
    (AttributeType::RESOLUTION, "CKA_RESOLUTION"),
    (AttributeType::CHAR_ROWS, "CKA_CHAR_ROWS"),
    (AttributeType::CHAR_COLUMNS, "CKA_CHAR_COLUMNS"),
    (AttributeType::COLOR, "CKA_COLOR"),
    (AttributeType::BITS_PER_PIXEL, "CKA_BITS_PER_PIXEL"),
    (AttributeType::CHAR_SETS, "CKA_CHAR_SETS"),
    (AttributeType::ENCODING_METHODS, "CKA_ENCODING_METHODS"),
    (AttributeType::MIME_TYPES, "CKA_MIME_TYPES"),
    (AttributeType::MECHANISM_TYPE, "CKA_MECHANISM_TYPE"),
    (AttributeType::REQUIRED_CMS_ATTRIBUTES, "CKA_REQUIRED_CMS_ATTRIBUTES"),
    (AttributeType::DEFAULT_CMS_ATTRIBUTES, "CKA_DEFAULT_CMS_ATTRIBUTES"),
    (AttributeType::SUPPORTED_CMS_ATTRIBUTES, "CKA_SUPPORTED_CMS_ATTRIBUTES"),
    (AttributeType::PROFILE_ID, "CKA_PROFILE_ID"),
    (AttributeType::X2RATCHET_BAG, "CKA_X2RATCHET_BAG"),
    (AttributeType::X2RATCHET_BAGSIZE, "CKA_X2RATCHET_BAGSIZE"),
    (AttributeType::X2RATCHET_BOBS1STMSG, "CKA_X2RATCHET_BOBS1STMSG"),
    (AttributeType::X2RATCHET_CKR, "CKA_X2RATCHET_CKR"),
    (AttributeType::X2RATCHET_CKS, "CKA_X2RATCHET_CKS"),
    (AttributeType::X2RATCHET_DHP, "CKA_X2RATCHET_DHP"),
    (AttributeType::X2RATCHET_DHR, "CKA_X2RATCHET_DHR"),
    (AttributeType::X2RATCHET_DHS, "CKA_X2RATCHET_DHS"),
    (AttributeType::X2RATCHET_HKR, "CKA_X2RATCHET_HKR"),
    (AttributeType::X2RATCHET_HKS, "CKA_X2RATCHET_HKS"),
    (AttributeType::X2RATCHET_ISALICE, "CKA_X2RATCHET_ISALICE"),
    (AttributeType::X2RATCHET_NHKR, "CKA_X2RATCHET_NHKR"),
    (AttributeType::X2RATCHET_NHKS, "CKA_X2RATCHET_NHKS"),
    (AttributeType::X2RATCHET_NR, "CKA_X2RATCHET_NR"),
    (AttributeType::X2RATCHET_NS, "CKA_X2RATCHET_NS"),
    (AttributeType::X2RATCHET_PNS, "CKA_X2RATCHET_PNS"),
    (AttributeType::X2RATCHET_RK, "CKA_X2RATCHET_RK"),
    (AttributeType::HSS_LEVELS, "CKA_HSS_LEVELS"),
    (AttributeType::HSS_LMS_TYPE, "CKA_HSS_LMS_TYPE"),
    (AttributeType::HSS_LMOTS_TYPE, "CKA_HSS_LMOTS_TYPE"),
    (AttributeType::HSS_LMS_TYPES, "CKA_HSS_LMS_TYPES"),
    (AttributeType::HSS_LMOTS_TYPES, "CKA_HSS_LMOTS_TYPES"),
    (AttributeType::HSS_KEYS_REMAINING, "CKA_HSS_KEYS_REMAINING"),
    (AttributeType::PARAMETER_SET, "CKA_PARAMETER_SET"),
    (AttributeType::OBJECT_VALIDATION_FLAGS, "CKA_OBJECT_VALIDATION_FLAGS"),
    (AttributeType::VALIDATION_TYPE, "CKA_VALIDATION_TYPE"),
    (AttributeType::VALIDATION_VERSION, "CKA_VALIDATION_VERSION"),
    (AttributeType::VALIDATION_LEVEL, "CKA_VALIDATION_LEVEL"),
    (AttributeType::VALIDATION_MODULE_ID, "CKA_VALIDATION_MODULE_ID"),
    (AttributeType::VALIDATION_FLAG, "CKA_VALIDATION_FLAG"),
    (AttributeType::VALIDATION_AUTHORITY_TYPE, "CKA_VALIDATION_AUTHORITY_TYPE"),
    (AttributeType::VALIDATION_COUNTRY, "CKA_VALIDATION_COUNTRY"),
    (AttributeType::VALIDATION_CERTIFICATE_IDENTIFIER, "CKA_VALIDATION_CERTIFICATE_IDENTIFIER"),
    (AttributeType::VALIDATION_CERTIFICATE_URI, "CKA_VALIDATION_CERTIFICATE_URI"),
    (AttributeType::VALIDATION_VENDOR_URI, "CKA_VALIDATION_VENDOR_URI"),
    (AttributeType::VALIDATION_PROFILE, "CKA_VALIDATION_PROFILE"),
    (AttributeType::ENCAPSULATE_TEMPLATE, "CKA_ENCAPSULATE_TEMPLATE"),
    (AttributeType::DECAPSULATE_TEMPLATE, "CKA_DECAPSULATE_TEMPLATE"),
    (AttributeType::TRUST_SERVER_AUTH, "CKA_TRUST_SERVER_AUTH"),
    (AttributeType::TRUST_CLIENT_AUTH, "CKA_TRUST_CLIENT_AUTH"),
    (AttributeType::TRUST_CODE_SIGNING, "CKA_TRUST_CODE_SIGNING"),
    (AttributeType::TRUST_EMAIL_PROTECTION, "CKA_TRUST_EMAIL_PROTECTION"),
    (AttributeType::TRUST_IPSEC_IKE, "CKA_TRUST_IPSEC_IKE"),
    (AttributeType::TRUST_TIME_STAMPING, "CKA_TRUST_TIME_STAMPING"),
    (AttributeType::TRUST_OCSP_SIGNING, "CKA_TRUST_OCSP_SIGNING"),
    (AttributeType::ENCAPSULATE, "CKA_ENCAPSULATE"),
    (AttributeType::DECAPSULATE, "CKA_DECAPSULATE"),
    (AttributeType::HASH_OF_CERTIFICATE, "CKA_HASH_OF_CERTIFICATE"),
    (AttributeType::PUBLIC_CRC64_VALUE, "CKA_PUBLIC_CRC64_VALUE"),
    (AttributeType::SEED, "CKA_SEED"),
    (AttributeType::WRAP_TEMPLATE, "CKA_WRAP_TEMPLATE"),
    (AttributeType::UNWRAP_TEMPLATE, "CKA_UNWRAP_TEMPLATE"),
    (AttributeType::DERIVE_TEMPLATE, "CKA_DERIVE_TEMPLATE"),
    (AttributeType::ALLOWED_MECHANISMS, "CKA_ALLOWED_MECHANISMS"),
    (AttributeType::KEYWAY_ROLES, "CKA_KEYWAY_ROLES"),
    (AttributeType::KEYWAY_STATE, "CKA_KEYWAY_STATE"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_value() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
