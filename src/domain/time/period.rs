//! A length of time: `90d`, `1y`, `12h`.

use std::fmt;
use std::str::FromStr;

use der::{DateTime, Enumerated};

use super::Timestamp;
use crate::error::{Error, Kind, Result};

/// What a period counts. The numbers stand in records and stay for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumerated)]
#[repr(u8)]
pub enum Unit {
    /// Seconds.
    Seconds = 1,
    /// Minutes.
    Minutes = 2,
    /// Hours.
    Hours = 3,
    /// Days of 24 hours.
    Days = 4,
    /// Seven days.
    Weeks = 5,
    /// Months of the calendar: the same day of a later month, or its last.
    Months = 6,
    /// Years of the calendar: the same day of a later year, or February 28th for the 29th.
    Years = 7,
}

impl Unit {
    /// Every unit with the letters that people type.
    const ALL: [(Unit, &'static str); 7] = [
        (Unit::Seconds, "s"),
        (Unit::Minutes, "min"),
        (Unit::Hours, "h"),
        (Unit::Days, "d"),
        (Unit::Weeks, "w"),
        (Unit::Months, "mo"),
        (Unit::Years, "y"),
    ];
}

/// So many of a unit; never none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    count: u32,
    unit: Unit,
}

impl Period {
    /// A period.
    ///
    /// # Errors
    /// [`Kind::Malformed`] for none of the unit.
    pub fn new(count: u32, unit: Unit) -> Result<Self> {
        match count {
            0 => Err(Kind::Malformed.because("a period of no length")),
            _ => Ok(Self { count, unit }),
        }
    }

    /// How many of the unit.
    pub fn count(self) -> u32 {
        self.count
    }

    /// What is counted.
    pub fn unit(self) -> Unit {
        self.unit
    }

    /// The moment that comes so long after another one; later than the year 9999 becomes its last
    /// second.
    pub fn after(self, start: Timestamp) -> Timestamp {
        let count = u64::from(self.count);
        let seconds = match self.unit {
            Unit::Seconds => count,
            Unit::Minutes => count * 60,
            Unit::Hours => count * 3_600,
            Unit::Days => count * 86_400,
            Unit::Weeks => count * 604_800,
            Unit::Months => return months_after(start, count),
            Unit::Years => return months_after(start, count * 12),
        };
        Timestamp::from_unix(start.unix().saturating_add(seconds))
    }
}

fn months_after(start: Timestamp, count: u64) -> Timestamp {
    let from = start.date_time();
    let months = u64::from(from.year()) * 12 + u64::from(from.month()) - 1 + count;
    let month = u8::try_from(months % 12 + 1).expect("a remainder of twelve");
    // The day may be missing in that month: the last one that is there counts.
    let moment = u16::try_from(months / 12).ok().and_then(|year| {
        let (hour, minute, second) = (from.hour(), from.minutes(), from.seconds());
        (28..=from.day().max(28))
            .rev()
            .map(|last| from.day().min(last))
            .find_map(|day| DateTime::new(year, month, day, hour, minute, second).ok())
    });
    moment.map_or(Timestamp::from_unix(u64::MAX), Timestamp::from)
}

impl FromStr for Period {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (count, unit) = text.split_at(digits);
        let count = count.parse().ok().filter(|count| *count > 0);
        let unit = Unit::ALL.iter().find(|(_, letters)| *letters == unit);
        match (count, unit) {
            (Some(count), Some((unit, _))) => Ok(Self { count, unit: *unit }),
            _ => Err(Kind::Usage
                .because(format!("{text:?} is no period"))
                .advise("write it as 90d, 1y, 6mo, 2w, 12h, 30min or 45s")),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = Unit::ALL.iter().find(|(unit, _)| *unit == self.unit);
        write!(f, "{}{}", self.count, letters.map_or("", |(_, letters)| letters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(period: &str, start: &str) -> String {
        let period = period.parse::<Period>().expect("a period");
        period.after(start.parse().expect("a moment")).to_string()
    }

    #[test]
    fn periods_follow_the_calendar() {
        for (period, start, end) in [
            ("90d", "2026-01-01", "2026-04-01T00:00:00Z"),
            ("1y", "2027-03-01", "2028-03-01T00:00:00Z"),
            ("1y", "2028-02-29", "2029-02-28T00:00:00Z"),
            ("4y", "2028-02-29", "2032-02-29T00:00:00Z"),
            ("1mo", "2026-01-31", "2026-02-28T00:00:00Z"),
            ("14mo", "2026-11-30T08:09:10Z", "2028-01-30T08:09:10Z"),
            ("2w", "2026-12-25", "2027-01-08T00:00:00Z"),
            ("12h", "2026-11-22T23:00:00Z", "2026-11-23T11:00:00Z"),
            ("30min", "2026-11-22", "2026-11-22T00:30:00Z"),
            ("45s", "2026-11-22", "2026-11-22T00:00:45Z"),
            ("9000y", "2026-11-22", "9999-12-31T23:59:59Z"),
            ("4294967295y", "2026-11-22", "9999-12-31T23:59:59Z"),
            ("4294967295w", "2026-11-22", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(after(period, start), end, "{period} after {start}");
        }
    }

    #[test]
    fn a_period_is_read_back_as_it_is_written() {
        for text in ["1s", "2min", "3h", "4d", "5w", "6mo", "7y"] {
            assert_eq!(text.parse::<Period>().expect("a period").to_string(), text);
        }
        for wrong in ["", "d", "0d", "-1d", "1", "1 d", "1day", "4294967296d", "1m", "١d"] {
            assert_eq!(wrong.parse::<Period>().expect_err("none").kind(), Kind::Usage, "{wrong}");
        }
    }
}
