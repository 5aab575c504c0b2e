//! A moment, as seconds since 1970-01-01T00:00:00Z, and how people read it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use der::DateTime;

use crate::error::{Error, Kind};

/// Seconds since the Unix epoch. Whoever has a clock hands it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Last second of the year 9999, the last that ASN.1 GeneralizedTime can name.
    const LAST: u64 = 253_402_300_799;

    /// A moment; later than the year 9999 becomes its last second.
    pub fn from_unix(seconds: u64) -> Self {
        Self(seconds.min(Self::LAST))
    }

    /// Seconds since the Unix epoch.
    pub fn unix(self) -> u64 {
        self.0
    }

    /// The same moment as ASN.1 sees it.
    pub fn date_time(self) -> DateTime {
        DateTime::from_unix_duration(Duration::from_secs(self.0))
            .expect("from_unix keeps the moment within the years 1970 to 9999")
    }
}

impl From<DateTime> for Timestamp {
    fn from(moment: DateTime) -> Self {
        Self::from_unix(moment.unix_duration().as_secs())
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// `2026-11-22`, its first second, or `2026-11-22T08:00:00Z`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let whole = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
        whole.parse::<DateTime>().map(Self::from).map_err(|_| {
            Kind::Usage
                .because(format!("{text:?} is no moment"))
                .advise("write it as 2026-11-22 or 2026-11-22T08:00:00Z")
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.date_time())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_the_way_through_asn1() {
        for seconds in [0, 1, 1_700_000_000, Timestamp::LAST] {
            let moment = Timestamp::from_unix(seconds);
            assert_eq!(Timestamp::from(moment.date_time()), moment);
        }
    }

    #[test]
    fn a_day_and_a_second_are_read() {
        let moment = |text: &str| text.parse::<Timestamp>().map(|moment| moment.to_string());
        assert_eq!(moment("2026-11-22").expect("a day"), "2026-11-22T00:00:00Z");
        assert_eq!(moment("2026-11-22T08:09:10Z").expect("a second"), "2026-11-22T08:09:10Z");
        for wrong in ["", "yesterday", "2026-13-01", "2026-11-22T08:00"] {
            assert_eq!(moment(wrong).expect_err("no moment").kind(), Kind::Usage, "{wrong}");
        }
    }

    #[test]
    fn a_moment_beyond_the_year_9999_is_its_last_second() {
        assert_eq!(Timestamp::from_unix(u64::MAX).to_string(), "9999-12-31T23:59:59Z");
    }
}
