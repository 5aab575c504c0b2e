//! Slots and tokens: what they say of themselves, lists, C_InitToken.

mod harness;

use harness::abi::Arg;
use harness::place::{SO_PIN, USER_PIN};
use harness::{Code, Flags, MechanismType, Target, Who, keys, on_module, on_token};
use serial_test::serial;

const TOKEN_PRESENT: u64 = 1;
const TOKEN_INITIALIZED: u64 = 0x400;
const USER_PIN_INITIALIZED: u64 = 8;
const LOGIN_REQUIRED: u64 = 4;
const RNG: u64 = 1;
const CLOCK_ON_TOKEN: u64 = 0x40;

fn printable(text: &[u8]) -> bool {
    text.iter().all(|c| (b' '..=b'~').contains(c))
}

/// Calls a list function with a count of places and a buffer to match, or NULL for `None`.
fn list(
    target: &Target,
    function: &'static str,
    first: u64,
    places: Option<usize>,
) -> (Result<(), Code>, u64, Vec<u64>) {
    let (mut values, mut count) = (vec![u64::MAX; places.unwrap_or(0)], [77]);
    if let Some(places) = places {
        count = [places as u64];
    }
    let mut arguments = [
        Arg::Number(first),
        places.map_or(Arg::Null, |_| Arg::WordsMut(&mut values)),
        Arg::WordsMut(&mut count),
    ];
    let answer = target.call(function, &mut arguments);
    (answer, count[0], values)
}

/// "C_GetTokenInfo": padded with blanks, no terminating NUL.
#[test]
#[serial]
fn the_texts_of_a_token_are_printable_and_padded() {
    on_token(|target| {
        let info = target.token_info(target.slot()).expect("C_GetTokenInfo");
        let label = format!("{:32}", softhsm::LABEL);
        target.holds("the label is padded", info.texts[0] == label.as_bytes());
        target.holds("texts are printable", info.texts.iter().all(|text| printable(text)));
        target.holds("there is a serial number", info.texts[3].iter().any(|c| *c != b' '));
    });
}

#[test]
#[serial]
fn an_uninitialised_token_has_a_blank_label_and_says_so() {
    on_module(|target| {
        target.initialize().expect("C_Initialize");
        let info = target.token_info(target.slot()).expect("C_GetTokenInfo");
        target.holds("the label is blank", info.texts[0] == [b' '; 32]);
        target.holds("texts are printable", info.texts.iter().all(|text| printable(text)));
        let initialised = info.flags & (TOKEN_INITIALIZED | USER_PIN_INITIALIZED);
        target.same("flags of initialisation", initialised, 0);
    });
}

/// UtcTime has a meaning only with CKF_CLOCK_ON_TOKEN.
#[test]
#[serial]
fn a_token_without_a_clock_shows_no_time() {
    on_token(|target| {
        let info = target.token_info(target.slot()).expect("C_GetTokenInfo");
        let time = info.utc_time.iter().any(u8::is_ascii_digit);
        let clock = info.flags & CLOCK_ON_TOKEN != 0;
        target.holds("a time is there if and only if a clock is", time == clock);
    });
}

#[test]
#[serial]
fn a_token_tells_its_limits_in_numbers() {
    on_token(|target| {
        let slot = target.slot();
        let _sessions = [Flags::ReadOnly, Flags::ReadWrite, Flags::ReadWrite]
            .map(|flags| target.open(flags).expect("a session"));
        let numbers = target.token_info(slot).expect("C_GetTokenInfo").numbers;
        target.same("most sessions, of which open", (numbers[0], numbers[1]), (0, 3));
        target.same("most read-write, of which open", (numbers[2], numbers[3]), (0, 2));
        target.same("longest and shortest PIN", (numbers[4], numbers[5]), (255, 4));
    });
}

/// "C_GetTokenInfo", token information flags.
#[test]
#[serial]
fn the_flags_of_a_token_say_what_is_initialised() {
    on_token(|target| {
        let flags = target.token_info(target.slot()).expect("C_GetTokenInfo").flags;
        let expected = TOKEN_INITIALIZED | USER_PIN_INITIALIZED | LOGIN_REQUIRED | RNG;
        target.same("flags", flags & expected, expected);
        let counters = flags & 0x00ff_0000;
        target.same("flags of wrong PINs", counters, 0);
    });
}

#[test]
#[serial]
fn a_slot_is_described_and_has_its_token_present() {
    on_token(|target| {
        // 64 and 32 characters, flags, two versions.
        let mut info = [0xff; 112];
        let mut arguments = [Arg::Number(target.slot()), Arg::BytesMut(&mut info)];
        target.call("C_GetSlotInfo", &mut arguments).expect("C_GetSlotInfo");
        target.holds("texts are printable", printable(&info[..96]));
        let flags = u64::from_ne_bytes(info[96..104].try_into().expect("eight bytes"));
        target.same("flags", flags, TOKEN_PRESENT);
    });
}

/// Java takes slot ids as int, and users script them.
#[test]
#[serial]
fn slot_ids_are_small_and_stay() {
    on_token(|target| {
        let slots = target.slots();
        target.holds("ids are below 2^31", slots.iter().all(|slot| *slot < 1 << 31));
        target.finalize().expect("C_Finalize");
        target.initialize().expect("C_Initialize");
        target.holds("ids stay", target.slots() == slots);
    });
}

/// A token takes the number of the slot in which it was initialised.
#[test]
#[serial]
fn a_slot_keeps_its_id_when_its_token_is_initialised() {
    on_module(|target| {
        target.initialize().expect("C_Initialize");
        let slot = target.slot();
        target.init_token(slot, SO_PIN, "fresh").expect("C_InitToken");
        let label = |slot| target.token_info(slot).map(|info| info.texts[0][..5].to_vec());
        target.same("the label", label(slot), Ok(b"fresh".to_vec()));
        target.finalize().expect("C_Finalize");
        target.initialize().expect("C_Initialize");
        target.same("the label next time", label(slot), Ok(b"fresh".to_vec()));
    });
}

/// "Conventions for functions returning output in a variable-length buffer".
#[test]
#[serial]
fn lists_tell_their_length_and_never_write_past_it() {
    on_token(|target| {
        let slot = target.slot();
        for (function, first) in [("C_GetSlotList", 1), ("C_GetMechanismList", slot)] {
            let (answer, count, _) = list(target, function, first, None);
            answer.expect(function);
            let count = count as usize;
            let (answer, told, values) = list(target, function, first, Some(count - 1));
            let expected = (Err(Code::BufferTooSmall), count as u64);
            target.same(&format!("{function}, one too few"), (answer, told), expected);
            target.holds("nothing is written", values.iter().all(|value| *value == u64::MAX));
            let (answer, told, values) = list(target, function, first, Some(count + 3));
            let expected = (Ok(()), count as u64);
            target.same(&format!("{function}, three too many"), (answer, told), expected);
            target.holds("the rest stays", values[count..] == [u64::MAX; 3]);
            let mut arguments = [Arg::Number(first), Arg::Null, Arg::Null];
            let answer = target.call(function, &mut arguments);
            target.same(&format!("{function}, no count"), answer, Err(Code::ArgumentsBad));
        }
    });
}

/// Before a NULL pointer or anything else is looked at.
#[test]
#[serial]
fn a_slot_that_does_not_exist_is_refused_before_anything_else() {
    on_token(|target| {
        for slot in [target.slot() + 1000, u64::MAX, 1 << 31, 1 << 32] {
            let calls: [(&str, &mut [Arg<'_>]); 7] = [
                ("C_GetSlotInfo", &mut [Arg::Number(slot), Arg::Null]),
                ("C_GetTokenInfo", &mut [Arg::Number(slot), Arg::Null]),
                ("C_GetMechanismList", &mut [Arg::Number(slot), Arg::Null, Arg::Null]),
                ("C_GetMechanismInfo", &mut [Arg::Number(slot), Arg::Number(1), Arg::Null]),
                ("C_InitToken", &mut [Arg::Number(slot), Arg::Null, Arg::Number(0), Arg::Null]),
                (
                    "C_OpenSession",
                    &mut [Arg::Number(slot), Arg::Number(0), Arg::Null, Arg::Null, Arg::Null],
                ),
                ("C_CloseAllSessions", &mut [Arg::Number(slot)]),
            ];
            for (function, arguments) in calls {
                let answer = target.call(function, arguments);
                target.same(function, answer, Err(Code::SlotIdInvalid));
            }
        }
    });
}

/// "Slot and token management functions": pointers that must be there.
#[test]
#[serial]
fn a_missing_pointer_is_a_bad_argument() {
    on_token(|target| {
        let slot = target.slot();
        let sha256 = MechanismType::SHA256.0;
        let calls: [(&str, &mut [Arg<'_>]); 6] = [
            ("C_GetSlotInfo", &mut [Arg::Number(slot), Arg::Null]),
            ("C_GetTokenInfo", &mut [Arg::Number(slot), Arg::Null]),
            ("C_GetMechanismInfo", &mut [Arg::Number(slot), Arg::Number(sha256), Arg::Null]),
            (
                "C_OpenSession",
                &mut [Arg::Number(slot), Arg::Number(4), Arg::Null, Arg::Null, Arg::Null],
            ),
            (
                "C_InitToken",
                &mut [Arg::Number(slot), Arg::Null, Arg::Number(8), Arg::Bytes(&[b' '; 32])],
            ),
            (
                "C_InitToken",
                &mut [Arg::Number(slot), Arg::Bytes(b"12345678"), Arg::Number(8), Arg::Null],
            ),
        ];
        for (function, arguments) in calls {
            let answer = target.call(function, arguments);
            target.same(function, answer, Err(Code::ArgumentsBad));
        }
    });
}

#[test]
#[serial]
fn every_mechanism_of_the_list_is_described() {
    on_token(|target| {
        let slot = target.slot();
        let mechanisms = target.mechanisms(slot);
        for mechanism in &mechanisms {
            let [smallest, largest, flags] =
                target.mechanism_info(slot, *mechanism).expect("C_GetMechanismInfo");
            let name = format!("{:?}", MechanismType(*mechanism));
            target.holds(&format!("{name}: smallest <= largest"), smallest <= largest);
            target.holds(&format!("{name} does something"), flags & 0x000f_ff00 != 0);
        }
        let mut unique = mechanisms.clone();
        unique.sort_unstable();
        unique.dedup();
        target.same("each is listed once", unique.len(), mechanisms.len());
        let unknown = target.mechanism_info(slot, 0x4fff_ffff).map(|_| ());
        target.same("an unknown mechanism", unknown, Err(Code::MechanismInvalid));
    });
}

/// "EC mechanisms", table of flags.
#[test]
#[serial]
fn generation_on_curves_is_by_their_names() {
    const NAMED_CURVE: u64 = 0x0080_0000;
    on_token(|target| {
        let mechanism = MechanismType::EC_KEY_PAIR_GEN.0;
        let info = target.mechanism_info(target.slot(), mechanism).expect("C_GetMechanismInfo");
        target.same("CKF_EC_NAMEDCURVE", info[2] & NAMED_CURVE, NAMED_CURVE);
    });
}

#[test]
#[serial]
fn no_slot_event_ever_comes() {
    on_token(|target| {
        let wait = |flags| {
            let mut slot = [0];
            let mut arguments = [Arg::Number(flags), Arg::WordsMut(&mut slot), Arg::Null];
            target.call("C_WaitForSlotEvent", &mut arguments)
        };
        target.same("without blocking", wait(1), Err(Code::NoEvent));
        target.same("blocking", wait(0), Err(Code::FunctionNotSupported));
    });
}

#[test]
#[serial]
fn an_uninitialised_token_opens_no_session() {
    on_module(|target| {
        target.initialize().expect("C_Initialize");
        let slot = target.slot();
        let opened = target.open_on(slot, Flags::ReadOnly).map(|_| ());
        target.same("C_OpenSession", opened, Err(Code::TokenNotRecognized));
        target.same("C_CloseAllSessions", target.close_all(slot), Ok(()));
        target.holds("mechanisms are listed", !target.mechanisms(slot).is_empty());
    });
}

/// "C_InitToken".
#[test]
#[serial]
fn a_token_is_not_initialised_while_a_session_is_open() {
    on_token(|target| {
        let slot = target.slot();
        let session = target.open(Flags::ReadOnly).expect("a session");
        let answer = target.init_token(slot, SO_PIN, "other");
        target.same("C_InitToken", answer, Err(Code::SessionExists));
        session.close().expect("C_CloseSession");
        let answer = target.init_token(slot, SO_PIN, "other");
        target.same("when it is closed", answer, Ok(()));
    });
}

/// "C_InitToken": "all objects that can be destroyed are destroyed".
#[test]
#[serial]
fn initialising_again_clears_the_token_and_keeps_its_serial_number() {
    on_token(|target| {
        let slot = target.slot();
        let session = target.open(Flags::ReadWrite).expect("a session");
        let on_token = harness::Attribute::flag(harness::AttributeType::TOKEN, true);
        let template = [keys::data("stays?", b"x"), vec![on_token]].concat();
        session.create(&template).expect("a public object");
        session.close().expect("C_CloseSession");
        let before = target.token_info(slot).expect("C_GetTokenInfo");
        target.init_token(slot, SO_PIN, "second life").expect("C_InitToken");
        let after = target.token_info(slot).expect("C_GetTokenInfo");
        target.holds("the label is new", after.texts[0].starts_with(b"second life "));
        target.holds("the serial number stays", before.texts[3] == after.texts[3]);
        target.same("CKF_USER_PIN_INITIALIZED", after.flags & USER_PIN_INITIALIZED, 0);
        let session = target.open(Flags::ReadWrite).expect("a session");
        let left = session.find(&[]).expect("C_FindObjects").len();
        target.same("objects left", left, 0);
        let login = session.login(Who::User, USER_PIN);
        target.same("C_Login", login, Err(Code::UserPinNotInitialized));
        if target.kind == harness::Kind::Keyway {
            // C_SetPIN does not list CKR_USER_PIN_NOT_INITIALIZED.
            let changed = session.set_pin(USER_PIN, "654321");
            target.same("C_SetPIN", changed, Err(Code::PinIncorrect));
        }
    });
}

/// The SO's PIN is asked for when there is one.
#[test]
#[serial]
fn initialising_again_needs_the_pin_of_the_security_officer() {
    on_token(|target| {
        let slot = target.slot();
        let answer = target.init_token(slot, "87654321", "stolen");
        target.same("a wrong PIN", answer, Err(Code::PinIncorrect));
        let info = target.token_info(slot).expect("C_GetTokenInfo");
        target.holds("nothing changed", info.texts[0].starts_with(softhsm::LABEL.as_bytes()));
        const SO_PIN_COUNT_LOW: u64 = 0x0010_0000;
        target.same("CKF_SO_PIN_COUNT_LOW", info.flags & SO_PIN_COUNT_LOW, SO_PIN_COUNT_LOW);
        target.same("the right PIN", target.init_token(slot, SO_PIN, "mine"), Ok(()));
    });
}

/// "C_InitToken": the lengths of C_GetTokenInfo hold for the SO's PIN as well.
#[test]
#[serial]
fn a_new_pin_of_the_security_officer_has_a_length_in_range() {
    on_module(|target| {
        target.initialize().expect("C_Initialize");
        let slot = target.slot();
        let long = "1".repeat(256);
        for pin in ["", "123", &long] {
            let answer = target.init_token(slot, pin, "label");
            target.same(&format!("{} bytes", pin.len()), answer, Err(Code::PinIncorrect));
        }
        let longest = "1".repeat(255);
        target.same("255 bytes", target.init_token(slot, &longest, "label"), Ok(()));
    });
}
