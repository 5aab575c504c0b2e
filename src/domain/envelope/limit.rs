//! How many messages a version of a key encrypts with AES-GCM, counted by sampling.

use crate::error::{Kind, Result};

/// Bits of a sample.
const SAMPLE_BITS: u32 = 16;

/// How messages are counted, and after how many of them the next version takes over.
///
/// With random nonces of 96 bits a key encrypts at most 2^32 messages (NIST SP 800-38D, 8.3). A
/// record on the token for each of them would cost more than the encryption. So a message is
/// counted with a probability of 2^-16 and then counts as 2^16, before it is made. The default
/// ends a version when 2^31 are counted, which is 2^15 times. That fewer than 2^15 of 2^32 messages
/// were counted has a probability below e^-8192 (Chernoff: e^(-d²m/2) with m = 2^16, d = 1/2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageLimit {
    /// Every 2^sampling-th message is counted.
    sampling: u32,
    most: u64,
}

impl Default for MessageLimit {
    fn default() -> Self {
        Self { sampling: SAMPLE_BITS, most: 1 << 31 }
    }
}

impl MessageLimit {
    /// Bytes of a sample.
    pub const SAMPLE: usize = 2;

    /// A lower limit than the default: every 2^sampling-th message is counted, and a version ends at
    /// `most` counted ones.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a limit that allows more than the default, or counts more coarsely.
    pub fn lower(sampling: u32, most: u64) -> Result<Self> {
        let default = Self::default();
        if sampling > default.sampling || most > default.most || most == 0 {
            return Err(Kind::Usage.because(format!(
                "{most} messages counted by 2^{sampling} is no lower limit than {} by 2^{}",
                default.most, default.sampling
            )));
        }
        Ok(Self { sampling, most })
    }

    /// Whether the message with this random sample is counted.
    pub fn counts(self, sample: [u8; Self::SAMPLE]) -> bool {
        u32::from(u16::from_be_bytes(sample)) & ((1 << self.sampling) - 1) == 0
    }

    /// What is counted after one more message that counts.
    pub fn after(self, counted: u64) -> u64 {
        counted.saturating_add(1 << self.sampling)
    }

    /// Whether the next version is to take over.
    pub fn is_reached(self, counted: u64) -> bool {
        counted >= self.most
    }

    /// How many messages end a version.
    pub fn most(self) -> u64 {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sample_of_each_share_counts() {
        for sampling in 0..=SAMPLE_BITS {
            let limit = MessageLimit::lower(sampling, 1).expect("lower");
            let counted = (0..=u16::MAX).filter(|sample| limit.counts(sample.to_be_bytes()));
            assert_eq!(counted.count(), 1 << (SAMPLE_BITS - sampling));
            assert_eq!(limit.after(5), 5 + (1 << sampling));
        }
    }

    #[test]
    fn the_default_ends_a_version_well_below_the_bound() {
        let limit = MessageLimit::default();
        let mut counted = 0;
        let mut times = 0;
        while !limit.is_reached(counted) {
            counted = limit.after(counted);
            times += 1;
        }
        assert_eq!((counted, times), (1 << 31, 1 << 15));
    }

    #[test]
    fn no_limit_is_higher_than_the_default() {
        assert!(MessageLimit::lower(17, 1).is_err());
        assert!(MessageLimit::lower(0, (1 << 31) + 1).is_err());
        assert!(MessageLimit::lower(0, 0).is_err());
    }
}
