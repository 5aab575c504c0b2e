//! Attributes of secret keys (section "Secret key objects" and those of the key types).

use crate::attribute::AttributeType as A;
use crate::attribute::rule::{Default, Kind, Rule, row};

/// The specification lets `CKA_SENSITIVE` default to false here; ours follows `CKA_EXTRACTABLE`
/// (`docs/defaults.md`).
pub const SECRET_KEY: &[Rule] = &[
    row(A::TRUSTED, Kind::Bool, &[10], Default::False),
    row(A::CHECK_VALUE, Kind::Bytes, &[], Default::Token),
    row(A::SENSITIVE, Kind::Bool, &[8, 11], Default::Policy),
    row(A::ENCRYPT, Kind::Bool, &[8, 9], Default::Policy),
    row(A::DECRYPT, Kind::Bool, &[8, 9], Default::Policy),
    row(A::WRAP, Kind::Bool, &[8, 9], Default::Policy),
    row(A::UNWRAP, Kind::Bool, &[8, 9], Default::Policy),
    row(A::SIGN, Kind::Bool, &[8, 9], Default::Policy),
    row(A::VERIFY, Kind::Bool, &[8, 9], Default::Policy),
    row(A::EXTRACTABLE, Kind::Bool, &[8, 9, 12], Default::Policy),
    row(A::NEVER_EXTRACTABLE, Kind::Bool, &[2, 4, 6], Default::False),
    row(A::ALWAYS_SENSITIVE, Kind::Bool, &[2, 4, 6], Default::False),
    row(A::WRAP_WITH_TRUSTED, Kind::Bool, &[11], Default::False),
    row(A::WRAP_TEMPLATE, Kind::Template, &[], Default::Empty),
    row(A::UNWRAP_TEMPLATE, Kind::Template, &[], Default::Empty),
    row(A::DERIVE_TEMPLATE, Kind::Template, &[], Default::Empty),
];

/// AES, generic secret, HMAC and HKDF keys alike.
pub const VALUE: &[Rule] = &[
    row(A::VALUE, Kind::Secret, &[1, 4, 6, 7], Default::Absent),
    row(A::VALUE_LEN, Kind::Number, &[2, 3], Default::Token),
];

/// DES keys: the type says how long they are.
pub const FIXED_VALUE: &[Rule] = &[row(A::VALUE, Kind::Secret, &[1, 4, 6, 7], Default::Absent)];
