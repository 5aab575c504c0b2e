//! Attributes of public keys (section "Public key objects" and those of the key types).

use crate::attribute::AttributeType as A;
use crate::attribute::rule::{Default, Kind, Rule, row};

/// `CKA_PUBLIC_CRC64_VALUE` is left out: its footnote 1 would refuse every import that does not
/// know version 3.2.
pub const PUBLIC_KEY: &[Rule] = &[
    row(A::TRUSTED, Kind::Bool, &[10], Default::False),
    row(A::SUBJECT, Kind::Bytes, &[8], Default::Empty),
    row(A::ENCRYPT, Kind::Bool, &[8, 9], Default::Policy),
    row(A::WRAP, Kind::Bool, &[8, 9], Default::Policy),
    row(A::VERIFY, Kind::Bool, &[8, 9], Default::Policy),
    row(A::VERIFY_RECOVER, Kind::Bool, &[8, 9], Default::Policy),
    row(A::PUBLIC_KEY_INFO, Kind::Bytes, &[], Default::Token),
    row(A::ENCAPSULATE_TEMPLATE, Kind::Template, &[], Default::Empty),
    row(A::ENCAPSULATE, Kind::Bool, &[8, 9], Default::Policy),
    row(A::WRAP_TEMPLATE, Kind::Template, &[], Default::Empty),
];

pub const RSA: &[Rule] = &[
    row(A::MODULUS, Kind::Bytes, &[1, 4], Default::Absent),
    row(A::MODULUS_BITS, Kind::Number, &[2, 3], Default::Token),
    row(A::PUBLIC_EXPONENT, Kind::Bytes, &[1], Default::Absent),
];

/// Short Weierstrass, Edwards and Montgomery curves alike.
pub const EC: &[Rule] = &[
    row(A::EC_PARAMS, Kind::Bytes, &[1, 3], Default::Absent),
    row(A::EC_POINT, Kind::Bytes, &[1, 4], Default::Absent),
];

pub const DH: &[Rule] = &[
    row(A::VALUE, Kind::Bytes, &[1, 4], Default::Absent),
    row(A::PRIME, Kind::Bytes, &[1, 3], Default::Absent),
    row(A::BASE, Kind::Bytes, &[1, 3], Default::Absent),
];

pub const DSA: &[Rule] = &[
    row(A::VALUE, Kind::Bytes, &[1, 4], Default::Absent),
    row(A::PRIME, Kind::Bytes, &[1, 3], Default::Absent),
    row(A::SUBPRIME, Kind::Bytes, &[1, 3], Default::Absent),
    row(A::BASE, Kind::Bytes, &[1, 3], Default::Absent),
];
