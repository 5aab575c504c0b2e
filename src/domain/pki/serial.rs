//! Serial numbers of certificates.

use std::fmt;
use std::str::FromStr;

use crate::domain::key::KeyName;
use crate::error::{Error, Kind, Result};

/// A serial number that we give: 20 random bytes, positive in DER, so that no two certificates of
/// any authority share it and nobody can foretell it (RFC 5280, 4.1.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial([u8; Serial::LEN]);

impl Serial {
    /// Bytes in a serial number.
    pub const LEN: usize = 20;

    /// A serial number from random bytes. Two bits are fixed: positive, and never shorter.
    ///
    /// # Errors
    /// [`Kind::Internal`] when it is another number of bytes.
    pub fn from_random(bytes: &[u8]) -> Result<Self> {
        let mut serial: [u8; Self::LEN] = bytes
            .try_into()
            .map_err(|_| Kind::Internal.because("a serial number takes 20 random bytes"))?;
        serial[0] = serial[0] & 0x3F | 0x40;
        Ok(Self(serial))
    }

    /// The number, big-endian.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name under which the register keeps it.
    pub fn entry_name(&self) -> KeyName {
        self.to_string().parse().expect("40 hexadecimal digits are a name")
    }
}

impl TryFrom<&[u8]> for Serial {
    type Error = Error;

    fn try_from(bytes: &[u8]) -> Result<Self> {
        bytes.try_into().map(Self).map_err(|_| {
            Kind::NotFound
                .because(format!("a serial number of {} bytes", bytes.len()))
                .advise("an authority of keyway gives numbers of 20 bytes")
        })
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Serial {
    type Err = Error;

    /// 40 hexadecimal digits, as keyway and OpenSSL print them; colons may stand between.
    fn from_str(text: &str) -> Result<Self> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let wrong = || {
            Kind::Usage
                .because(format!("{text:?} is no serial number"))
                .advise("40 hexadecimal digits, as keyway ca list prints them")
        };
        let value = |digit: u8| char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let bytes: Option<Vec<u8>> = digits
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(value(*high)? << 4 | value(*low)?),
                _ => None,
            })
            .collect();
        bytes.ok_or_else(wrong)?.as_slice().try_into().map(Self).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_random_number_becomes_positive_and_20_bytes_long() {
        for byte in 0..=u8::MAX {
            let serial = Serial::from_random(&[byte; 20]).expect("20 bytes");
            assert!((0x40..0x80).contains(&serial.as_bytes()[0]));
        }
        assert!(Serial::from_random(&[1; 19]).is_err());
    }

    #[test]
    fn it_is_read_back_as_printed_and_with_colons() {
        let serial = Serial::from_random(&[0xA5; 20]).expect("20 bytes");
        let text = serial.to_string();
        assert_eq!(text.parse::<Serial>().expect("read"), serial);
        let pairs: Vec<_> = (0..20).map(|at| &text[2 * at..2 * at + 2]).collect();
        assert_eq!(pairs.join(":").to_uppercase().parse::<Serial>().expect("read"), serial);
        for wrong in ["", "12", &text[1..], &text.replace('5', "x")] {
            assert_eq!(wrong.parse::<Serial>().expect_err("no number").kind(), Kind::Usage);
        }
    }
}
