//! Key management inside a test's own process, with a clock that the test moves.

use std::cell::Cell;

use cryptoki::session::{Session, UserType};
use keyway::clock::SystemClock;
use keyway::domain::time::Timestamp;
use keyway::port::Clock;
use keyway::registry::Records;
use keyway::service::Kms;
use keyway::token::{OpenToken, TokenRecords, TokenVault};

const DAY: u64 = 86_400;

/// A clock that is so many days ahead of this machine's.
#[derive(Default)]
pub struct Days(pub Cell<u64>);

impl Days {
    /// So many days go by.
    pub fn pass(&self, days: u64) {
        self.0.set(self.0.get() + days);
    }
}

impl Clock for Days {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(SystemClock.now().unix() + self.0.get() * DAY)
    }
}

/// Runs a test with key management on an open token.
pub fn with_kms<T>(token: &OpenToken, clock: &dyn Clock, test: impl FnOnce(Kms<'_>) -> T) -> T {
    let (vault, registry) = (TokenVault::new(token), Records::new(TokenRecords::new(token)));
    test(Kms::new(&vault, &registry, clock))
}

/// As [`with_kms`], at the time that it is.
pub fn with_kms_now<T>(token: &OpenToken, test: impl FnOnce(Kms<'_>) -> T) -> T {
    with_kms(token, &SystemClock, test)
}

/// What any other program has that knows the PIN: a session of its own on the token of
/// [`super::inside_every_token`].
pub fn other_program() -> Session {
    let module = std::env::var_os(super::INSIDE).expect("inside");
    let context = cryptoki::context::Pkcs11::new(module).expect("module");
    let slots = context.get_slots_with_initialized_token().expect("slots");
    let session = context.open_rw_session(slots[0]).expect("session");
    let pin = cryptoki::types::AuthPin::new(super::USER_PIN.into());
    // Login is per token, and this process is logged in already.
    let _ = session.login(UserType::User, Some(&pin));
    session
}
