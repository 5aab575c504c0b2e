//! Attributes of all objects, of storage objects and of all keys (sections "Common attributes",
//! "Storage Objects", "Key objects").

use crate::attribute::AttributeType as A;
use crate::attribute::abi::UNAVAILABLE;
use crate::attribute::rule::{Default, Kind, Rule, row};
use crate::lifecycle::state::State;

pub const ALL: &[Rule] = &[
    row(A::CLASS, Kind::Number, &[1], Default::Absent),
    row(A::UNIQUE_ID, Kind::Bytes, &[2, 4, 6], Default::Token),
];

/// `CKA_COPYABLE` "can't be set to TRUE once it is set to FALSE": footnote 12 in words.
/// `CKA_LABEL` is the one that "can be modified after the object is created": footnote 8 in words.
pub const STORAGE: &[Rule] = &[
    row(A::TOKEN, Kind::Bool, &[], Default::False),
    row(A::LABEL, Kind::Bytes, &[8], Default::Empty),
    row(A::MODIFIABLE, Kind::Bool, &[], Default::True),
    row(A::COPYABLE, Kind::Bool, &[12], Default::True),
    row(A::DESTROYABLE, Kind::Bool, &[], Default::True),
];

/// For data, private keys and secret keys.
pub const PRIVATE: &[Rule] = &[row(A::PRIVATE, Kind::Bool, &[9], Default::True)];

/// For certificates, public keys and domain parameters.
pub const PUBLIC: &[Rule] = &[row(A::PRIVATE, Kind::Bool, &[9], Default::False)];

/// `State::Active` as the value of `CKA_KEYWAY_STATE`.
const ACTIVE: u64 = State::Active as u64;

/// `CKA_OBJECT_VALIDATION_FLAGS` is left out: this token has no validation objects.
pub const KEY: &[Rule] = &[
    row(A::KEY_TYPE, Kind::Number, &[1, 5], Default::Absent),
    row(A::ID, Kind::Bytes, &[8], Default::Empty),
    row(A::DERIVE, Kind::Bool, &[8], Default::Policy),
    row(A::START_DATE, Kind::Date, &[8], Default::Empty),
    row(A::END_DATE, Kind::Date, &[8], Default::Empty),
    row(A::LOCAL, Kind::Bool, &[2, 4, 6], Default::False),
    row(A::KEY_GEN_MECHANISM, Kind::Number, &[2, 4, 6], Default::Number(UNAVAILABLE)),
    row(A::ALLOWED_MECHANISMS, Kind::Mechanisms, &[], Default::Empty),
    row(A::KEYWAY_STATE, Kind::Number, &[8], Default::Number(ACTIVE)),
];
