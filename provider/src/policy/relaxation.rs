//! What `compatible` lets pass; the log says so once for each.

use std::sync::atomic::{AtomicU8, Ordering};

/// Something that the other policies refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relaxation {
    DualRoles,
    DatesIgnored,
    HiddenDigest,
    ShortDerivation,
    ShownInput,
    MalleableWrapping,
}

/// Those that were logged since C_Initialize, a bit each.
static LOGGED: AtomicU8 = AtomicU8::new(0);

impl Relaxation {
    /// What happened, for the log.
    fn story(self) -> &'static str {
        match self {
            Self::DualRoles => {
                "a secret key that may wrap and decrypt, or unwrap and encrypt, keeps both roles"
            }
            Self::DatesIgnored => "a key is used before its start or after its end",
            Self::HiddenDigest => "the digest of a key that nobody may read helps to guess it",
            Self::ShortDerivation => "a key under 112 bits is derived from a sensitive one",
            Self::ShownInput => "a derived key shows what a sensitive input hides",
            Self::MalleableWrapping => {
                "keys are wrapped without authentication: a changed one is another key"
            }
        }
    }

    /// Logs it, if that was not done before.
    pub(super) fn log(self) {
        let bit = 1 << self as u8;
        let known = LOGGED.load(Ordering::Relaxed) & bit != 0;
        if !known && LOGGED.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
            log::warn!("policy = \"compatible\": {}", self.story());
        }
    }
}

/// Begins anew: a module that is initialised again may have another configuration and log.
pub fn forget() {
    LOGGED.store(0, Ordering::Relaxed);
}
