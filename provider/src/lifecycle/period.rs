//! The days between which a key protects: CKA_START_DATE and CKA_END_DATE, both included, in UTC.

use std::fmt;

use der::DateTime;

use super::state::State;
use crate::attribute::{AttributeType, Attributes, Value};
use crate::ffi::clock;

const DAY: u64 = 24 * 60 * 60;

/// From when and until when, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first second.
    from: u64,
    /// The first second after it.
    until: u64,
}

impl Period {
    /// No date is no limit. A date that does not exist, which no template can have set, leaves no
    /// day at all.
    pub fn of(attributes: &Attributes) -> Self {
        let date = |id| attributes.bytes(id).filter(|date| !date.is_empty());
        let from =
            date(AttributeType::START_DATE).map_or(0, |date| seconds(date).unwrap_or(u64::MAX));
        let until = date(AttributeType::END_DATE)
            .map_or(u64::MAX, |date| seconds(date).map_or(0, |start| start + DAY));
        Self { from, until }
    }

    pub fn is_unlimited(&self) -> bool {
        (self.from, self.until) == (0, u64::MAX)
    }

    /// The state that the dates alone put a key into today.
    pub fn now(&self) -> State {
        match self.is_unlimited() {
            true => State::Active,
            false => self.at(clock::seconds()),
        }
    }

    fn at(&self, seconds: u64) -> State {
        match seconds {
            now if now >= self.until => State::Deactivated,
            now if now < self.from => State::PreActive,
            _ => State::Active,
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from {
            0 => write!(f, "until ")?,
            from => write!(f, "from {} until ", day(from))?,
        }
        match self.until {
            u64::MAX => f.write_str("for ever"),
            until => write!(f, "{}", day(until.saturating_sub(DAY))),
        }
    }
}

/// The day of the machine's clock, as `2026-01-31`.
pub fn today() -> String {
    day(clock::seconds())
}

/// The day that holds a second.
fn day(seconds: u64) -> String {
    DateTime::from_unix_duration(std::time::Duration::from_secs(seconds)).map_or_else(
        |_| "?".to_owned(),
        |date| format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
    )
}

/// Whether changing a date of a key from `before` to `value` leaves out days and adds none: a start
/// moves later, an end earlier, and neither goes away.
pub fn shortens(id: AttributeType, before: &[u8], value: &Value) -> bool {
    let after = value.as_bytes().unwrap_or_default();
    match (before.is_empty(), after.is_empty()) {
        (true, _) => true,
        (false, true) => false,
        // Digits of one length compare as the days do.
        (false, false) if id == AttributeType::START_DATE => after >= before,
        (false, false) => after <= before,
    }
}

/// The first second of a `CK_DATE`; a day before 1970 counts as its first.
fn seconds(date: &[u8]) -> Option<u64> {
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u16>().ok();
    let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..8)?);
    let (year, month, day) = (number(year)?, number(month)?, number(day)?);
    if year < 1970 {
        return Some(0);
    }
    let date = DateTime::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?, 0, 0, 0);
    Some(date.ok()?.unix_duration().as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(start: &[u8], end: &[u8]) -> Period {
        let dates =
            [(AttributeType::START_DATE, start), (AttributeType::END_DATE, end)].into_iter();
        Period::of(&dates.map(|(id, date)| (id, Value::bytes(date))).collect())
    }

    #[test]
    fn both_days_belong_to_the_period() {
        // 2026-01-02 00:00:00 UTC and the end of 2026-01-03.
        let (first, after) = (1_767_312_000, 1_767_484_800);
        let period = period(b"20260102", b"20260103");
        assert_eq!(period.at(first - 1), State::PreActive);
        assert_eq!(period.at(first), State::Active);
        assert_eq!(period.at(after - 1), State::Active);
        assert_eq!(period.at(after), State::Deactivated);
        assert_eq!(period.to_string(), "from 2026-01-02 until 2026-01-03");
    }

    #[test]
    fn no_date_is_no_limit_and_an_impossible_one_leaves_no_day() {
        assert!(period(b"", b"").is_unlimited());
        assert!(Period::of(&Attributes::new()).is_unlimited());
        assert_eq!(period(b"", b"20261399").at(0), State::Deactivated);
        assert_eq!(period(b"20261399", b"").at(4_000_000_000), State::PreActive);
        assert_eq!(period(b"19691231", b"").at(0), State::Active);
        assert_eq!(period(b"", b"19691231").at(DAY), State::Deactivated);
    }

    #[test]
    fn dates_move_so_that_the_period_shrinks() {
        use AttributeType as A;
        let moves = |id, before: &[u8], after: &[u8]| shortens(id, before, &Value::bytes(after));
        for id in [A::START_DATE, A::END_DATE] {
            assert!(moves(id, b"", b"20260101"));
            assert!(moves(id, b"20260101", b"20260101"));
            assert!(!moves(id, b"20260101", b""));
        }
        assert!(moves(A::START_DATE, b"20260101", b"20260102"));
        assert!(!moves(A::START_DATE, b"20260102", b"20260101"));
        assert!(moves(A::END_DATE, b"20260102", b"20260101"));
        assert!(!moves(A::END_DATE, b"20260101", b"20260102"));
    }
}
