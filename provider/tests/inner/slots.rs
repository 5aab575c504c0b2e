//! What a module says of itself, its tokens, and who may use them.

use serial_test::serial;

use crate::harness::place::{Place, SO_PIN, USER_PIN};
use crate::harness::session::{RO_PUBLIC, RW_PUBLIC, RW_SO, RW_USER};
use crate::harness::{Code, Kind, MechanismType as M, Target};
use crate::{BOTH, Bench};
use keyway_pkcs11::backend::User;
use keyway_pkcs11::ffi::inner::{Library, Settings};

const RNG: u64 = 0x1;
const TOKEN_INITIALIZED: u64 = 0x400;
const SIGN: u64 = 0x800;

#[test]
#[serial]
fn what_a_module_says_of_itself_is_what_it_says() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        let info = bench.library.info().unwrap();
        let manufacturer = match kind {
            Kind::SoftHsm => "SoftHSM",
            _ => "Keyway",
        };
        assert!(info.cryptoki >= (2, 40), "{info:?}");
        assert_eq!(info.manufacturer, manufacturer, "{info:?}");
        assert!(!info.description.is_empty() && !info.description.ends_with(' '), "{info:?}");
    }
}

#[test]
#[serial]
fn a_token_is_what_the_module_says_without_padding() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        assert_eq!(bench.library.slots().unwrap(), bench.target.slots());
        let slot = bench.target.slot();
        let (token, direct) = (bench.library.token(slot).unwrap(), bench.target.token_info(slot));
        let direct = direct.unwrap();
        let texts = [&token.label, &token.manufacturer, &token.model, &token.serial];
        for (text, padded) in texts.into_iter().zip(&direct.texts) {
            assert_eq!(text.as_bytes(), padded.trim_ascii_end());
        }
        assert_eq!(token.label, "keyway-test");
        assert_eq!(token.serial.len(), 16);
        assert_eq!(token.flags, direct.flags);
        assert_eq!(token.flags & (RNG | TOKEN_INITIALIZED), RNG | TOKEN_INITIALIZED);
        let numbers =
            [token.max_sessions, token.sessions, token.max_rw_sessions, token.rw_sessions];
        assert_eq!(numbers, direct.numbers[..4]);
        assert_eq!(token.pin_length, (4, 255));
        let bad = bench.library.token(0x7fff_ffff).unwrap_err();
        assert_eq!(bad.code(), Code::SlotIdInvalid);
        let module = bench.library.path().display().to_string();
        for part in [&module, "C_GetTokenInfo", "CKR_SLOT_ID_INVALID (0x3)"] {
            assert!(bad.context().contains(part), "{bad}");
        }
    }
}

#[test]
#[serial]
fn mechanisms_come_sorted_with_what_they_do() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        let slot = bench.target.slot();
        let mechanisms = bench.library.mechanisms(slot).unwrap();
        let mut ids = bench.target.mechanisms(slot);
        ids.sort_unstable();
        assert_eq!(mechanisms.iter().map(|row| row.id.0).collect::<Vec<_>>(), ids);
        for row in &mechanisms {
            let [least, most, flags] = bench.target.mechanism_info(slot, row.id.0).unwrap();
            assert_eq!((row.sizes, row.flags), ((least, most), flags), "{row:?}");
        }
        let pss = mechanisms.iter().find(|row| row.id == M::SHA256_RSA_PKCS_PSS).unwrap();
        assert!(pss.flags & SIGN != 0 && pss.sizes.1 >= 4096, "{pss:?}");
    }
}

#[test]
#[serial]
fn a_token_is_made_and_its_pins_are_set_and_used() {
    for kind in BOTH {
        let target = Target::over(kind, Place::new(kind, false));
        target.initialize().unwrap();
        let library = Library::open(&target.place.module(), &Settings::default()).unwrap();
        library.init_token(target.slot(), SO_PIN.as_bytes(), "made by inner").unwrap();
        let slots = library.slots().unwrap();
        let labelled = |slot: &&u64| library.token(**slot).unwrap().label == "made by inner";
        let slot = *slots.iter().find(labelled).unwrap();
        let session = library.open_session(slot, true).unwrap();
        assert_eq!((session.slot(), session.state().unwrap()), (slot, RW_PUBLIC));
        assert_eq!(session.library().path(), library.path());
        session.login(User::SecurityOfficer, SO_PIN.as_bytes()).unwrap();
        assert_eq!(session.state().unwrap(), RW_SO);
        session.init_pin(USER_PIN.as_bytes()).unwrap();
        session.logout().unwrap();
        session.set_pin(USER_PIN.as_bytes(), b"another one").unwrap();
        let wrong = session.login(User::User, USER_PIN.as_bytes()).unwrap_err();
        assert_eq!(wrong.code(), Code::PinIncorrect);
        session.login(User::User, b"another one").unwrap();
        assert_eq!(session.state().unwrap(), RW_USER);
        let again = session.login(User::User, b"another one").unwrap_err();
        assert_eq!(again.code(), Code::UserAlreadyLoggedIn);
        session.logout().unwrap();
        let reading = library.open_session(slot, false).unwrap();
        assert_eq!(reading.state().unwrap(), RO_PUBLIC);
    }
}

/// A handle is closed when its session is dropped: the token counts none any more.
#[test]
#[serial]
fn a_dropped_session_is_closed() {
    let bench = Bench::new(Kind::Keyway);
    let slot = bench.target.slot();
    let sessions: Vec<_> =
        (0..10).map(|_| bench.library.open_session(slot, true).unwrap()).collect();
    assert_eq!(bench.library.token(slot).unwrap().sessions, 10);
    drop(sessions);
    assert_eq!(bench.library.token(slot).unwrap().sessions, 0);
}

#[test]
#[serial]
fn random_bytes_are_as_many_as_are_asked_for_and_others_each_time() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        let session = bench.session();
        session.seed(b"something").unwrap();
        let (mut one, mut two) = ([0; 64], [0; 64]);
        session.random(&mut one).unwrap();
        session.random(&mut two[..32]).unwrap();
        assert!(one != [0; 64] && two[..32] != one[..32] && two[32..] == [0; 32]);
    }
}
