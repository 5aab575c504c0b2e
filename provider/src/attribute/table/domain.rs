//! Attributes of domain parameters (section "Domain parameter objects" and those of
//! Diffie-Hellman and DSA).

use crate::attribute::AttributeType as A;
use crate::attribute::rule::{Default, Kind, Rule, row};

pub const DOMAIN: &[Rule] = &[
    row(A::KEY_TYPE, Kind::Number, &[1], Default::Absent),
    row(A::LOCAL, Kind::Bool, &[2, 4], Default::False),
];

pub const DH: &[Rule] = &[
    row(A::PRIME, Kind::Bytes, &[1, 4], Default::Absent),
    row(A::BASE, Kind::Bytes, &[1, 4], Default::Absent),
    row(A::PRIME_BITS, Kind::Number, &[2, 3], Default::Token),
];

/// `CKA_SUBPRIME_BITS` is in the text of the section and not in its table.
pub const DSA: &[Rule] = &[
    row(A::PRIME, Kind::Bytes, &[1, 4], Default::Absent),
    row(A::SUBPRIME, Kind::Bytes, &[1, 4], Default::Absent),
    row(A::BASE, Kind::Bytes, &[1, 4], Default::Absent),
    row(A::PRIME_BITS, Kind::Number, &[2, 3], Default::Token),
    row(A::SUB_PRIME_BITS, Kind::Number, &[2], Default::Token),
];
