//! Attributes of domain parameters (section "Domain parameter objects" and that of
//! Diffie-Hellman).

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
