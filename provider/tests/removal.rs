//! A token that another process initialises again while this one is logged in.

mod harness;

use harness::child::Child;
use harness::place::{SO_PIN, USER_PIN};
use harness::session::{RW_PUBLIC, RW_USER};
use harness::{Attribute, AttributeType, Code, Flags, Function, Mechanism, MechanismType};
use harness::{Session, Who, on_ours};
use keyway_pkcs11::backend::embedded::EmbeddedBackend;
use keyway_pkcs11::backend::{Backend, Pin};
use keyway_pkcs11::config::Config;
use serial_test::serial;

/// Not a test: the other process.
#[test]
#[ignore = "runs in a child process only"]
fn initialises_the_token_again() {
    let backend = EmbeddedBackend::new(Config::load().expect("the configuration").embedded());
    let (_, token) = backend.tokens().expect("the tokens").remove(0);
    token.initialize(Pin(SO_PIN.as_bytes()), "another").expect("C_InitToken");
}

fn initialise_elsewhere() {
    let mut child = Child::test("removal::initialises_the_token_again");
    child.command.arg("--ignored");
    let (status, output) = child.finish();
    assert!(status.is_some_and(|status| status.success()), "{output}");
    assert!(output.contains("1 passed"), "{output}");
}

/// Whatever an application does next with the token that is gone, it is told once; then its
/// sessions are gone too, and new ones see the token as it is.
fn told_once(first_call: impl Fn(Session<'_>, u64) -> Result<(), Code>) {
    on_ours(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        let other = target.open(Flags::ReadOnly).expect("a session");
        session.login(Who::User, USER_PIN).expect("C_Login");
        target.same("state", session.info().expect("info").state, RW_USER);
        let on_token = Attribute::flag(AttributeType::TOKEN, true);
        let key = session.aes_with(&[on_token]).expect("a key");
        initialise_elsewhere();
        target.same("the first call", first_call(session, key), Err(Code::DeviceRemoved));
        for session in [session, other] {
            let info = session.info().map(|_| ());
            target.same("its sessions", info, Err(Code::SessionHandleInvalid));
        }
        let again = target.open(Flags::ReadWrite).expect("a new session");
        target.same("the new state", again.info().expect("info").state, RW_PUBLIC);
        let user = again.login(Who::User, USER_PIN);
        target.same("the user", user, Err(Code::UserPinNotInitialized));
        again.login(Who::SecurityOfficer, SO_PIN).expect("C_Login of the SO");
        again.init_pin(USER_PIN).expect("C_InitPIN");
        again.logout().expect("C_Logout");
        again.login(Who::User, USER_PIN).expect("C_Login");
    });
}

#[test]
#[serial]
fn a_search_is_told_once_that_the_token_is_gone() {
    told_once(|session, _| session.find(&[]).map(drop));
}

#[test]
#[serial]
fn making_a_key_is_told_once_that_the_token_is_gone() {
    let on_token = Attribute::flag(AttributeType::TOKEN, true);
    told_once(|session, _| session.aes_with(std::slice::from_ref(&on_token)).map(drop));
}

#[test]
#[serial]
fn using_a_key_is_told_once_that_the_token_is_gone() {
    let ecb = Mechanism::plain(MechanismType::AES_ECB);
    told_once(|session, key| session.init(Function::Encrypt, &ecb, key));
}
