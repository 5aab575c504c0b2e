//! What the configuration says of an inner token's sessions.

use std::time::Duration;

/// How many sessions, how long to wait, when to leave the token alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at once, with the one that holds the login; at least 2.
    pub sessions: usize,
    /// How long a call waits for a session that somebody else uses.
    pub wait: Duration,
    /// A session that lay idle for longer is not used again, for tokens that close such sessions.
    pub idle: Option<Duration>,
    /// How long what was read of the token's objects is taken for true.
    pub refresh: Duration,
    /// Failures in a row after which the token is left alone for a while.
    pub failures: u32,
    /// The longest that it is left alone.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 32,
            wait: Duration::from_secs(10),
            idle: None,
            refresh: Duration::from_secs(1),
            failures: 3,
            pause: Duration::from_secs(30),
        }
    }
}
