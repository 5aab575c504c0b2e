//! Attributes of data objects (section "Data objects").

use crate::attribute::AttributeType as A;
use crate::attribute::rule::{Default, Kind, Rule, row};

/// The specification gives these rows no footnotes. Applications keep state in data objects, and
/// change it in place or while copying: all three can change.
pub const DATA: &[Rule] = &[
    row(A::APPLICATION, Kind::Bytes, &[8], Default::Empty),
    row(A::VALUE, Kind::Bytes, &[8], Default::Empty),
    row(A::OBJECT_ID, Kind::Bytes, &[8], Default::Empty),
];
