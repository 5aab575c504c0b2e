//! Attributes of private keys (section "Private key objects" and those of the key types).

use crate::attribute::AttributeType as A;
use crate::attribute::rule::{Default, Kind, Rule, row};

/// `CKA_PUBLIC_CRC64_VALUE` is left out, as for public keys.
pub const PRIVATE_KEY: &[Rule] = &[
    row(A::SUBJECT, Kind::Bytes, &[8], Default::Empty),
    row(A::SENSITIVE, Kind::Bool, &[8, 9, 11], Default::Policy),
    row(A::DECRYPT, Kind::Bool, &[8, 9], Default::Policy),
    row(A::UNWRAP, Kind::Bool, &[8, 9], Default::Policy),
    row(A::SIGN, Kind::Bool, &[8, 9], Default::Policy),
    row(A::SIGN_RECOVER, Kind::Bool, &[8, 9], Default::Policy),
    row(A::PUBLIC_KEY_INFO, Kind::Bytes, &[8], Default::Token),
    row(A::EXTRACTABLE, Kind::Bool, &[8, 9, 12], Default::Policy),
    row(A::NEVER_EXTRACTABLE, Kind::Bool, &[2, 4, 6], Default::False),
    row(A::ALWAYS_SENSITIVE, Kind::Bool, &[2, 4, 6], Default::False),
    row(A::ALWAYS_AUTHENTICATE, Kind::Bool, &[], Default::False),
    row(A::WRAP_WITH_TRUSTED, Kind::Bool, &[11], Default::False),
    row(A::DECAPSULATE_TEMPLATE, Kind::Template, &[], Default::Empty),
    row(A::DECAPSULATE, Kind::Bool, &[8, 9], Default::Policy),
    row(A::UNWRAP_TEMPLATE, Kind::Template, &[], Default::Empty),
    row(A::DERIVE_TEMPLATE, Kind::Template, &[], Default::Empty),
];

pub const RSA: &[Rule] = &[
    row(A::MODULUS, Kind::Bytes, &[1, 4, 6], Default::Absent),
    row(A::PUBLIC_EXPONENT, Kind::Bytes, &[1, 4, 6], Default::Absent),
    row(A::PRIVATE_EXPONENT, Kind::Secret, &[1, 4, 6, 7], Default::Absent),
    row(A::PRIME_1, Kind::Secret, &[4, 6, 7], Default::Absent),
    row(A::PRIME_2, Kind::Secret, &[4, 6, 7], Default::Absent),
    row(A::EXPONENT_1, Kind::Secret, &[4, 6, 7], Default::Absent),
    row(A::EXPONENT_2, Kind::Secret, &[4, 6, 7], Default::Absent),
    row(A::COEFFICIENT, Kind::Secret, &[4, 6, 7], Default::Absent),
];

/// Short Weierstrass, Edwards and Montgomery curves alike.
pub const EC: &[Rule] = &[
    row(A::VALUE, Kind::Secret, &[1, 4, 6, 7], Default::Absent),
    row(A::EC_PARAMS, Kind::Bytes, &[1, 4, 6], Default::Absent),
];

pub const DH: &[Rule] = &[
    row(A::VALUE, Kind::Secret, &[1, 4, 6, 7], Default::Absent),
    row(A::PRIME, Kind::Bytes, &[1, 4, 6], Default::Absent),
    row(A::BASE, Kind::Bytes, &[1, 4, 6], Default::Absent),
    row(A::VALUE_BITS, Kind::Number, &[2], Default::Token),
];

pub const DSA: &[Rule] = &[
    row(A::VALUE, Kind::Secret, &[1, 4, 6, 7], Default::Absent),
    row(A::PRIME, Kind::Bytes, &[1, 4, 6], Default::Absent),
    row(A::SUBPRIME, Kind::Bytes, &[1, 4, 6], Default::Absent),
    row(A::BASE, Kind::Bytes, &[1, 4, 6], Default::Absent),
];
