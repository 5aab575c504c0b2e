//! C_Login with wrong PINs, over a token whose derivation costs next to nothing: what is left is what
//! the module does with the PIN and with what becomes of it.

use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig};
use keyway_pkcs11::backend::{Backend, Pin, User};
use keyway_pkcs11::code::Code;
use keyway_pkcs11::store::Cost;

use crate::harness::abi::Arg;
use crate::harness::place::{SO_PIN, USER_PIN};
use crate::harness::{Flags, Kind, Target};
use crate::{Case, place, raw, timed};

/// Wrong PINs between two right ones; ten in a row lock the account.
const WRONG_IN_A_ROW: u32 = 6;

/// Makes the case for as long as `body` runs.
pub fn with_case(body: impl FnOnce(Case<'_>) -> bool) -> bool {
    let place = place();
    let (_, configuration) = place.environment();
    let cheap = EmbeddedConfig {
        pin_cost: Cost { kibibytes: 8, passes: 1, lanes: 1 },
        ..EmbeddedConfig::new(configuration.with_file_name("tokens"))
    };
    let backend = EmbeddedBackend::new(cheap);
    let (_, token) = backend.tokens().expect("slots").pop().expect("a free slot");
    let (so, user) = (Pin(SO_PIN.as_bytes()), Pin(USER_PIN.as_bytes()));
    token.initialize(so, "timing").expect("a token");
    token.login(User::SecurityOfficer, so).expect("the officer logs in");
    token.init_pin(user).expect("a PIN");
    token.logout().expect("logout");

    let target = Target::over(Kind::Keyway, place);
    target.initialize().expect("C_Initialize");
    let session = target.open(Flags::ReadWrite).expect("a session");
    // The right PIN comes past the module, which would make its derivation dearer.
    let mut wrong = 0;
    let call = move |pin: &[u8]| {
        wrong += 1;
        if wrong % WRONG_IN_A_ROW == 0 {
            token.login(User::User, user).expect("the right PIN");
            token.logout().expect("logout");
        }
        let arguments = vec![Arg::Number(1), Arg::Bytes(pin), Arg::Number(pin.len() as u64)];
        let (time, answer) = timed(|| raw(session, "C_Login", arguments));
        assert_eq!(answer, Code::PinIncorrect.raw(), "C_Login");
        time
    };
    let with = |at: usize| {
        let mut pin = USER_PIN.as_bytes().to_vec();
        pin[at] ^= 1;
        vec![pin]
    };
    body(Case {
        name: "C_Login",
        classes: "first byte wrong / last byte wrong",
        is_planted: false,
        samples: 20_000,
        inputs: [with(0), with(USER_PIN.len() - 1)],
        call: Box::new(call),
    })
}
