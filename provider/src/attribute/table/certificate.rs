//! Attributes of certificates (section "Certificate objects").

use crate::attribute::AttributeType as A;
use crate::attribute::rule::{Default, Kind, Rule, row};
use crate::mechanism::MechanismType;

/// `CKC_X_509` as `CKA_CERTIFICATE_TYPE` holds it.
pub const X_509_TYPE: u64 = 0;
/// `CKC_X_509_ATTR_CERT`.
pub const X_509_ATTRIBUTE_TYPE: u64 = 1;
/// `CKC_WTLS`.
pub const WTLS_TYPE: u64 = 2;

pub const CERTIFICATE: &[Rule] = &[
    row(A::CERTIFICATE_TYPE, Kind::Number, &[1], Default::Absent),
    row(A::TRUSTED, Kind::Bool, &[10], Default::False),
    row(A::CERTIFICATE_CATEGORY, Kind::Number, &[], Default::Number(0)),
    row(A::CHECK_VALUE, Kind::Bytes, &[], Default::Token),
    row(A::START_DATE, Kind::Date, &[], Default::Empty),
    row(A::END_DATE, Kind::Date, &[], Default::Empty),
    row(A::PUBLIC_KEY_INFO, Kind::Bytes, &[], Default::Empty),
];

/// `CKA_SUBJECT` and `CKA_VALUE` must be specified; "only the CKA_ID, CKA_ISSUER, and
/// CKA_SERIAL_NUMBER attributes may be modified". What ties `CKA_VALUE`, `CKA_URL` and the two
/// hashes together is in `object::consistent`.
pub const X_509: &[Rule] = &[
    row(A::VALUE, Kind::Bytes, &[1], Default::Absent),
    row(A::ISSUER, Kind::Bytes, &[8], Default::Empty),
    row(A::SERIAL_NUMBER, Kind::Bytes, &[8], Default::Empty),
    row(A::JAVA_MIDP_SECURITY_DOMAIN, Kind::Number, &[], Default::Number(0)),
    row(A::URL, Kind::Bytes, &[], Default::Empty),
    row(A::HASH_OF_SUBJECT_PUBLIC_KEY, Kind::Bytes, &[], Default::Empty),
    row(A::HASH_OF_ISSUER_PUBLIC_KEY, Kind::Bytes, &[], Default::Empty),
    row(A::NAME_HASH_ALGORITHM, Kind::Number, &[], Default::Number(MechanismType::SHA_1.0)),
    row(A::SUBJECT, Kind::Bytes, &[1], Default::Absent),
    row(A::ID, Kind::Bytes, &[8], Default::Empty),
];

/// "Only the CKA_AC_ISSUER, CKA_SERIAL_NUMBER and CKA_ATTR_TYPES attributes may be modified".
pub const X_509_ATTRIBUTE: &[Rule] = &[
    row(A::VALUE, Kind::Bytes, &[1], Default::Absent),
    row(A::SERIAL_NUMBER, Kind::Bytes, &[8], Default::Empty),
    row(A::AC_ISSUER, Kind::Bytes, &[8], Default::Empty),
    row(A::OWNER, Kind::Bytes, &[1], Default::Absent),
    row(A::ATTR_TYPES, Kind::Bytes, &[8], Default::Empty),
];

/// "Only the CKA_ISSUER attribute may be modified after the object has been created."
pub const WTLS: &[Rule] = &[
    row(A::VALUE, Kind::Bytes, &[1], Default::Absent),
    row(A::ISSUER, Kind::Bytes, &[8], Default::Empty),
    row(A::URL, Kind::Bytes, &[], Default::Empty),
    row(A::HASH_OF_SUBJECT_PUBLIC_KEY, Kind::Bytes, &[], Default::Empty),
    row(A::HASH_OF_ISSUER_PUBLIC_KEY, Kind::Bytes, &[], Default::Empty),
    row(A::NAME_HASH_ALGORITHM, Kind::Number, &[], Default::Number(MechanismType::SHA_1.0)),
    row(A::SUBJECT, Kind::Bytes, &[1], Default::Absent),
];
