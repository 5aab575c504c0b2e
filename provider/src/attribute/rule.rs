//! What the specification says of an attribute of a class: kind, footnotes, default.

use crate::attribute::{AttributeType, ObjectClass};
use crate::error::{Code, Result};

/// The type of an attribute's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `CK_BBOOL`.
    Bool,
    /// `CK_ULONG` and what is built on it.
    Number,
    /// Byte array, big integer or RFC 2279 string.
    Bytes,
    /// As `Bytes`, for key material: only a sealed record may hold it.
    Secret,
    /// `CK_DATE`: nothing or eight digits.
    Date,
    /// An array of `CK_MECHANISM_TYPE`.
    Mechanisms,
    /// An array of `CK_ATTRIBUTE`.
    Template,
}

/// The numbers of the "Common footnotes for object attribute tables", number `n` as bit `n - 1`.
///
/// | | |
/// |---|---|
/// | 1 | must be specified with `C_CreateObject` |
/// | 2 | must not be specified with `C_CreateObject` |
/// | 3 | must be specified with `C_GenerateKey` or `C_GenerateKeyPair` |
/// | 4 | must not be specified with `C_GenerateKey` or `C_GenerateKeyPair` |
/// | 5 | must be specified with `C_UnwrapKey` |
/// | 6 | must not be specified with `C_UnwrapKey` |
/// | 7 | cannot be revealed if `CKA_SENSITIVE` is true or `CKA_EXTRACTABLE` is false |
/// | 8 | may be modified with `C_SetAttributeValue` and while copying |
/// | 9 | default is token-specific and may depend on other attributes |
/// | 10 | can only be set to true by the security officer |
/// | 11 | cannot be changed once true |
/// | 12 | cannot be changed once false |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes(u16);

impl Notes {
    pub const LAST: u8 = 12;

    /// # Panics
    /// For a number that is no footnote: at compile time, the tables being constants.
    pub const fn of(numbers: &[u8]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < numbers.len() {
            assert!(numbers[i] >= 1 && numbers[i] <= Self::LAST);
            bits |= 1 << (numbers[i] - 1);
            i += 1;
        }
        Self(bits)
    }

    pub const fn has(self, number: u8) -> bool {
        self.0 & 1 << (number - 1) != 0
    }

    /// The numbers in ascending order.
    pub fn numbers(self) -> impl Iterator<Item = u8> {
        (1..=Self::LAST).filter(move |number| self.has(*number))
    }
}

/// The value of an attribute that no template names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// None: a template or a mechanism has to give it, or the object goes without.
    Absent,
    False,
    True,
    /// A value of length 0.
    Empty,
    Number(u64),
    /// True or false by what the key is for and where it comes from: `object::draft`.
    Policy,
    /// What the token computes from the material or assigns: `CKA_CHECK_VALUE`, `CKA_UNIQUE_ID`.
    Token,
}

/// What a template is for; every rule is checked against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Create,
    Generate,
    Unwrap,
    Derive,
}

/// One row: an attribute of a class.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub id: AttributeType,
    pub kind: Kind,
    pub notes: Notes,
    pub default: Default,
}

/// A row of a table.
pub(super) const fn row(id: AttributeType, kind: Kind, notes: &[u8], default: Default) -> Rule {
    Rule { id, kind, notes: Notes::of(notes), default }
}

impl Rule {
    /// Whether a template for `act` may name the attribute.
    ///
    /// The footnotes do not speak of `C_DeriveKey`; a derived key, as an unwrapped one, gets its
    /// value and its history from the token, so footnote 6 serves for both.
    ///
    /// # Errors
    /// AttributeReadOnly if it may not.
    pub fn admits(&self, act: Act) -> Result<()> {
        let refused = match act {
            Act::Create => self.notes.has(2),
            Act::Generate => self.notes.has(4),
            Act::Unwrap | Act::Derive => self.notes.has(6),
        };
        match refused {
            true => Err(Code::AttributeReadOnly
                .because(format!("{:?} is the token's to set ({act:?})", self.id))),
            false => Ok(()),
        }
    }

    /// Whether a template for `act` must name the attribute.
    pub fn required(&self, act: Act) -> bool {
        match act {
            Act::Create => self.notes.has(1),
            Act::Generate => self.notes.has(3),
            Act::Unwrap => self.notes.has(5),
            Act::Derive => false,
        }
    }

    /// Whether the attribute can change at all after its object was made. Footnotes 10 to 12 say
    /// how an attribute may still change, so they say that it may.
    pub fn changeable(&self) -> bool {
        [8, 10, 11, 12].iter().any(|number| self.notes.has(*number))
    }

    /// Whether only the token ever sets it: `CKA_LOCAL`, `CKA_ALWAYS_SENSITIVE`, `CKA_UNIQUE_ID`.
    pub fn computed(&self) -> bool {
        [2, 4, 6].iter().all(|number| self.notes.has(*number))
    }
}

/// A kind of object: its class with its key type or certificate type.
#[derive(Debug)]
pub struct Class {
    /// In words: "RSA private key".
    pub name: &'static str,
    pub class: ObjectClass,
    /// The value of `CKA_KEY_TYPE` or `CKA_CERTIFICATE_TYPE`.
    pub subtype: Option<u64>,
    pub layers: Layers,
    /// What a key may do whose template sets no usage attribute to true.
    pub bare: &'static [AttributeType],
    /// What a generated key may do unless its template says false.
    pub generated: &'static [AttributeType],
}

impl Class {
    pub fn rule(&self, id: AttributeType) -> Option<&'static Rule> {
        let sorted = self.layers.sorted;
        sorted.binary_search_by_key(&id, |rule| rule.id).ok().map(|row| &sorted[row])
    }

    /// In ascending order of type.
    pub fn rules(&self) -> impl Iterator<Item = &'static Rule> {
        self.layers.sorted.iter()
    }
}

/// The rules of a class: [`layers!`].
#[derive(Clone, Copy, Debug)]
pub struct Layers {
    /// From what all objects share to what is the subtype's own; no attribute twice.
    pub each: &'static [&'static [Rule]],
    /// All of them, in ascending order of type.
    pub sorted: &'static [Rule],
}

/// Puts layers together when they are compiled.
macro_rules! layers {
    ($($layer:expr),+ $(,)?) => {{
        use $crate::attribute::rule::{Layers, Rule, count, sort};
        const EACH: &[&[Rule]] = &[$($layer),+];
        const SORTED: [Rule; count(EACH)] = sort(EACH);
        Layers { each: EACH, sorted: &SORTED }
    }};
}
pub(super) use layers;

pub(super) const fn count(layers: &[&[Rule]]) -> usize {
    let (mut i, mut count) = (0, 0);
    while i < layers.len() {
        count += layers[i].len();
        i += 1;
    }
    count
}

pub(super) const fn sort<const N: usize>(layers: &[&[Rule]]) -> [Rule; N] {
    let mut sorted = [layers[0][0]; N];
    let (mut i, mut filled) = (0, 0);
    while i < layers.len() {
        let mut j = 0;
        while j < layers[i].len() {
            let rule = layers[i][j];
            let mut at = filled;
            while at > 0 && sorted[at - 1].id.0 > rule.id.0 {
                sorted[at] = sorted[at - 1];
                at -= 1;
            }
            sorted[at] = rule;
            filled += 1;
            j += 1;
        }
        i += 1;
    }
    sorted
}
