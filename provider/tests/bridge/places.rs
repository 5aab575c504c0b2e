//! Inner tokens that are not there, or not one: what the log tells a person.

use std::path::Path;

use serial_test::serial;

use crate::apart::alone;
use crate::harness::place::{Place, module};
use crate::harness::{Code, Flags, Kind, Target};

/// Our module with lines for a bridged slot; SoftHSM2 has a token.
fn target(inner: softhsm::Token, lines: &str) -> Target {
    let (name, value) = inner.environment();
    crate::harness::place::set_variable(name, value.as_os_str());
    let place = Place::new(Kind::Keyway, false);
    place.append(&format!("[[slot]]\nid = 1\nbackend = \"bridge\"\n{lines}"));
    std::mem::forget(inner);
    let target = Target::over(Kind::Keyway, place);
    target.initialize().expect("C_Initialize");
    target
}

/// The slot is there without a token; the log names the causes.
#[track_caller]
fn is_absent(target: &Target, causes: &[&str]) {
    let (mut list, mut count) = ([0; 4], [4]);
    for (present, slots) in [(0, 1), (1, 0)] {
        count[0] = 4;
        let mut arguments = [
            crate::harness::abi::Arg::Number(present),
            crate::harness::abi::Arg::WordsMut(&mut list),
            crate::harness::abi::Arg::WordsMut(&mut count),
        ];
        target.call("C_GetSlotList", &mut arguments).expect("C_GetSlotList");
        assert_eq!(count[0], slots, "slots with a token present: {present}");
    }
    let opened = target.open_on(1, Flags::ReadOnly).map(|_| ());
    assert!(matches!(opened, Err(Code::TokenNotPresent | Code::DeviceRemoved)), "{opened:?}");
    let log = target.place.log();
    for cause in causes {
        assert!(log.contains(cause), "{cause:?} is not in the log:\n{log}");
    }
}

fn lines(module: &Path, token: &str) -> String {
    format!("module = {:?}\ntoken = {token:?}\nfailures = 1000\n", module.display())
}

#[test]
#[serial]
fn a_module_that_is_missing_is_named() {
    alone(|| {
        let target = target(softhsm::Token::new(), &lines(Path::new("/nowhere/hsm.so"), "x"));
        is_absent(&target, &["there is no PKCS#11 module /nowhere/hsm.so", "install it"]);
    });
}

#[test]
#[serial]
fn a_file_that_is_no_module_is_named() {
    alone(|| {
        let target = target(softhsm::Token::new(), &lines(Path::new("/etc/passwd"), "x"));
        is_absent(&target, &["/etc/passwd cannot be used as a PKCS#11 module"]);
    });
}

#[test]
#[serial]
fn a_token_that_is_missing_is_named_beside_those_that_are_there() {
    alone(|| {
        let token = softhsm::Token::labelled("another");
        let module = token.module().to_owned();
        let target = target(token, &lines(&module, "wanted"));
        is_absent(
            &target,
            &["token 'wanted' of ", "no token is that; there are ", "'another' (serial "],
        );
    });
}

#[test]
#[serial]
fn two_tokens_of_one_label_are_refused_until_the_serial_number_tells_them_apart() {
    alone(|| {
        let token = softhsm::Token::labelled("twin");
        let module = token.module().to_owned();
        let again = std::process::Command::new("softhsm2-util")
            .env("SOFTHSM2_CONF", token.configuration())
            .args(["--init-token", "--free", "--label", "twin"])
            .args(["--so-pin", softhsm::SO_PIN, "--pin", softhsm::USER_PIN])
            .output()
            .expect("softhsm2-util runs");
        assert!(again.status.success());
        let target = target(token, &lines(&module, "twin"));
        is_absent(&target, &["more than one token is that; there are ", "'twin' (serial "]);
        let log = target.place.log();
        let serial = log.split("'twin' (serial ").nth(1).expect("a serial number");
        let serial = serial.split(')').next().expect("its end").to_owned();
        target.finalize().expect("C_Finalize");
        let (_, configuration) = target.place.environment();
        let text = std::fs::read_to_string(&configuration).expect("the configuration");
        let text = text.replace("token = \"twin\"", &format!("serial = {serial:?}"));
        std::fs::write(&configuration, text).expect("the configuration");
        target.initialize().expect("C_Initialize");
        let session = target.open(Flags::ReadOnly).expect("a session");
        session.login(crate::harness::Who::User, softhsm::USER_PIN).expect("the user logs in");
    });
}

#[test]
#[serial]
fn our_own_module_is_refused_behind_itself() {
    alone(|| {
        let target = target(softhsm::Token::new(), &lines(&module(), "x"));
        is_absent(&target, &["this very module, which cannot stand in front of itself"]);
    });
}
