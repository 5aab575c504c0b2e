//! Login, logout and PINs, and what login means for keys.

mod harness;

use std::sync::atomic::{AtomicUsize, Ordering};

use harness::abi::Arg;
use harness::attribute::merged;
use harness::place::{SO_PIN, USER_PIN};
use harness::session::{RW_PUBLIC, RW_USER};
use harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Mechanism, MechanismType, Room,
    Session, Target, Who, keys, on_ours, on_token, on_user,
};
use serial_test::serial;

const USER_PIN_COUNT_LOW: u64 = 0x1_0000;
const USER_PIN_FINAL_TRY: u64 = 0x2_0000;
const USER_PIN_LOCKED: u64 = 0x4_0000;

fn counters(target: &Target) -> u64 {
    let all = USER_PIN_COUNT_LOW | USER_PIN_FINAL_TRY | USER_PIN_LOCKED;
    target.token_info(target.slot()).expect("C_GetTokenInfo").flags & all
}

/// Before the PIN is looked at.
#[test]
#[serial]
fn a_second_login_is_refused_before_its_pin_is_looked_at() {
    on_user(|session| {
        let target = session.target;
        let again = |pin| session.login(Who::User, pin);
        target.same("the same", again(USER_PIN), Err(Code::UserAlreadyLoggedIn));
        target.same("a wrong PIN", again("wrong!"), Err(Code::UserAlreadyLoggedIn));
        let answer = session.login(Who::SecurityOfficer, "wrong!");
        target.same("the SO", answer, Err(Code::UserAnotherAlreadyLoggedIn));
        target.same("neither counts as an attempt", counters(target), 0);
    });
}

#[test]
#[serial]
fn logging_out_needs_a_login() {
    on_token(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        target.same("before", session.logout(), Err(Code::UserNotLoggedIn));
        session.login(Who::User, USER_PIN).expect("C_Login");
        target.same("logged in", session.logout(), Ok(()));
        target.same("after", session.logout(), Err(Code::UserNotLoggedIn));
    });
}

#[test]
#[serial]
fn a_pin_that_is_missing_empty_or_wrong_is_told_apart() {
    on_token(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        let missing =
            |len| session.call("C_Login", vec![Arg::Number(1), Arg::Null, Arg::Number(len)]);
        target.same("NULL with a length", missing(6), Err(Code::ArgumentsBad));
        target.same("NULL without", missing(0), Err(Code::ArgumentsBad));
        target.same("empty", session.login(Who::User, ""), Err(Code::PinIncorrect));
        target.same("wrong", session.login(Who::User, "nonsense"), Err(Code::PinIncorrect));
        let long = "1".repeat(10_000);
        target.same("very long", session.login(Who::User, &long), Err(Code::PinIncorrect));
        for user in [3, 4, u64::MAX] {
            let answer = session.login(Who::Raw(user), USER_PIN);
            target.same("an unknown user type", answer, Err(Code::UserTypeInvalid));
        }
    });
}

#[test]
#[serial]
fn a_wrong_pin_is_remembered_until_the_right_one_comes() {
    on_token(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        target.same("flags before", counters(target), 0);
        target.same("wrong", session.login(Who::User, "nonsense"), Err(Code::PinIncorrect));
        target.same("flags then", counters(target), USER_PIN_COUNT_LOW);
        target.same("right", session.login(Who::User, USER_PIN), Ok(()));
        target.same("flags at the end", counters(target), 0);
    });
}

/// Ten tries, the last one announced; then only the SO helps.
#[test]
#[serial]
fn ten_wrong_pins_lock_the_user_out_until_the_security_officer_sets_a_new_one() {
    on_token(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        for n in 1..=9 {
            let answer = session.login(Who::User, "nonsense");
            target.same(&format!("try {n}"), answer, Err(Code::PinIncorrect));
        }
        let final_try = USER_PIN_COUNT_LOW | USER_PIN_FINAL_TRY;
        target.same("flags before the last", counters(target), final_try);
        let last = session.login(Who::User, "nonsense");
        target.holds(
            "the last try is refused",
            matches!(last, Err(Code::PinIncorrect | Code::PinLocked)),
        );
        target.same("flags", counters(target) & USER_PIN_LOCKED, USER_PIN_LOCKED);
        let answer = session.login(Who::User, USER_PIN);
        target.same("the right PIN", answer, Err(Code::PinLocked));
        // SoftHSM2 is logged in by now.
        let _ = session.logout();
        session.login(Who::SecurityOfficer, SO_PIN).expect("the SO logs in");
        target.same("C_InitPIN", session.init_pin("654321"), Ok(()));
        session.logout().expect("C_Logout");
        target.same("the new PIN", session.login(Who::User, "654321"), Ok(()));
        target.same("flags at the end", counters(target), 0);
    });
}

/// "C_InitPIN".
#[test]
#[serial]
fn only_the_security_officer_initialises_the_users_pin() {
    on_token(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        target.same("nobody", session.init_pin("654321"), Err(Code::UserNotLoggedIn));
        session.login(Who::User, USER_PIN).expect("C_Login");
        target.same("the user", session.init_pin("654321"), Err(Code::UserNotLoggedIn));
        session.logout().expect("C_Logout");
        session.login(Who::SecurityOfficer, SO_PIN).expect("C_Login");
        for pin in ["", "123", &"1".repeat(256)] {
            let answer = session.init_pin(pin);
            target.same(&format!("{} bytes", pin.len()), answer, Err(Code::PinLenRange));
        }
        let answer = session.call("C_InitPIN", vec![Arg::Null, Arg::Number(6)]);
        target.same("NULL", answer, Err(Code::ArgumentsBad));
        target.same("a good one", session.init_pin("654321"), Ok(()));
        session.logout().expect("C_Logout");
        target.same("the old PIN", session.login(Who::User, USER_PIN), Err(Code::PinIncorrect));
        target.same("the new PIN", session.login(Who::User, "654321"), Ok(()));
    });
}

/// "C_InitPIN" by the SO keeps the user's objects (design, "The embedded token").
#[test]
#[serial]
fn a_pin_set_by_the_security_officer_keeps_private_objects() {
    on_user(|session| {
        let target = session.target;
        let more = [Attribute::flag(A::TOKEN, true), Attribute::text(A::LABEL, "kept")];
        session.aes_with(&more).expect("a token key");
        session.logout().expect("C_Logout");
        session.login(Who::SecurityOfficer, SO_PIN).expect("C_Login");
        let label = [Attribute::text(A::LABEL, "kept")];
        target.same("what the SO sees", session.find(&label), Ok(vec![]));
        session.init_pin("654321").expect("C_InitPIN");
        session.logout().expect("C_Logout");
        session.login(Who::User, "654321").expect("C_Login");
        let found = session.find(&label).expect("C_FindObjects");
        target.same("what the user sees", found.len(), 1);
    });
}

/// "C_SetPIN".
#[test]
#[serial]
fn a_pin_is_changed_with_the_old_one() {
    on_user(|session| {
        let target = session.target;
        let wrong = session.set_pin("nonsense", "654321");
        target.same("a wrong old PIN", wrong, Err(Code::PinIncorrect));
        for pin in ["", "123", &"1".repeat(256)] {
            let answer = session.set_pin(USER_PIN, pin);
            target.same(&format!("{} bytes", pin.len()), answer, Err(Code::PinLenRange));
        }
        let args = vec![Arg::Null, Arg::Number(6), Arg::Bytes(b"654321"), Arg::Number(6)];
        target.same("NULL", session.call("C_SetPIN", args), Err(Code::ArgumentsBad));
        target.same("C_SetPIN", session.set_pin(USER_PIN, "654321"), Ok(()));
        session.logout().expect("C_Logout");
        target.same("the old PIN", session.login(Who::User, USER_PIN), Err(Code::PinIncorrect));
        target.same("the new PIN", session.login(Who::User, "654321"), Ok(()));
    });
}

/// "C_SetPIN": in the public state it changes the user's PIN, in the SO's state the SO's; a
/// read-only session changes none.
#[test]
#[serial]
fn who_is_logged_in_decides_whose_pin_changes() {
    on_token(|target| {
        let read_only = target.open(Flags::ReadOnly).expect("a session");
        let answer = read_only.set_pin(USER_PIN, "654321");
        target.same("a read-only session", answer, Err(Code::SessionReadOnly));
        read_only.close().expect("C_CloseSession");
        let session = target.open(Flags::ReadWrite).expect("a session");
        target.same("nobody", session.set_pin(USER_PIN, "654321"), Ok(()));
        session.login(Who::SecurityOfficer, SO_PIN).expect("C_Login");
        target.same("the SO", session.set_pin(SO_PIN, "87654321"), Ok(()));
        session.logout().expect("C_Logout");
        target.same("the user", session.login(Who::User, "654321"), Ok(()));
        session.logout().expect("C_Logout");
        target.same("the SO", session.login(Who::SecurityOfficer, "87654321"), Ok(()));
    });
}

#[test]
#[serial]
fn a_hundred_threads_open_log_in_and_out_and_close() {
    on_ours(|target| {
        let slot = target.slot();
        let strange = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| {
                    let Ok(session) = target.open_on(slot, Flags::ReadWrite) else {
                        strange.fetch_add(1, Ordering::Relaxed);
                        return;
                    };
                    let login = session.login(Who::User, USER_PIN);
                    let logout = session.logout();
                    let fine = matches!(login, Ok(()) | Err(Code::UserAlreadyLoggedIn))
                        && matches!(logout, Ok(()) | Err(Code::UserNotLoggedIn))
                        && session.close().is_ok();
                    strange.fetch_add(usize::from(!fine), Ordering::Relaxed);
                });
            }
        });
        target.holds("no other answers", strange.load(Ordering::Relaxed) == 0);
        let session = target.open_on(slot, Flags::ReadWrite).expect("a session");
        target.same("nobody is logged in", session.info().expect("info").state, RW_PUBLIC);
        session.login(Who::User, USER_PIN).expect("C_Login");
        target.same("somebody is", session.info().expect("info").state, RW_USER);
    });
}

/// SoftHSM2 issue 900.
#[test]
#[serial]
fn an_operation_on_a_private_key_does_not_outlive_the_login() {
    on_user(|session| {
        let target = session.target;
        let (_, private) = session.ec(keys::P256);
        let ecdsa = Mechanism::plain(MechanismType::ECDSA);
        session.init(Function::Sign, &ecdsa, private).expect("C_SignInit");
        session.logout().expect("C_Logout");
        let answer = session.whole(Function::Sign, &[7; 32], Room::Bytes(64)).sized();
        target.holds(
            "C_Sign after C_Logout is refused",
            matches!(answer, Err(Code::OperationNotInitialized | Code::UserNotLoggedIn)),
        );
        session.login(Who::User, USER_PIN).expect("C_Login");
        let answer = session.whole(Function::Sign, &[7; 32], Room::Bytes(64)).sized();
        target.same("after the next login", answer, Err(Code::OperationNotInitialized));
    });
}

/// As above for the families whose functions do not list CKR_USER_NOT_LOGGED_IN.
#[test]
#[serial]
fn encryption_and_verification_with_a_private_key_end_with_the_login_too() {
    on_user(|session| {
        let target = session.target;
        let aes = session.aes();
        let ecb = Mechanism::plain(MechanismType::AES_ECB);
        let code = Mechanism::plain(MechanismType::SHA256_HMAC);
        session.init(Function::Encrypt, &ecb, aes).expect("C_EncryptInit");
        session.logout().expect("C_Logout");
        let answer = session.whole(Function::Encrypt, &[0; 16], Room::Bytes(16)).sized();
        target.same("C_Encrypt", answer, Err(Code::OperationNotInitialized));
        session.login(Who::User, USER_PIN).expect("C_Login");
        let hmac = session.hmac();
        session.init(Function::Verify, &code, hmac).expect("C_VerifyInit");
        session.logout().expect("C_Logout");
        let answer = session.verify(b"data", &[0; 32]);
        target.same("C_Verify", answer, Err(Code::OperationNotInitialized));
    });
}

/// "C_Logout": handles to private objects become invalid and never come back.
#[test]
#[serial]
fn handles_of_private_objects_end_with_the_login() {
    on_user(|session| {
        let target = session.target;
        let on_token = [Attribute::flag(A::TOKEN, true), Attribute::text(A::LABEL, "key")];
        let key = session.aes_with(&on_token).expect("a token key");
        let passing = session.aes_with(&[]).expect("a session key");
        session.logout().expect("C_Logout");
        session.login(Who::User, USER_PIN).expect("C_Login");
        for (what, handle) in [("the token key", key), ("the session key", passing)] {
            let answer = session.attribute(handle, A::LABEL);
            target.same(what, answer, Err(Code::ObjectHandleInvalid));
        }
        let found = session.find(&on_token[1..]).expect("C_FindObjects");
        target.same("found again", found.len(), 1);
    });
}

/// A key that asks for the PIN before each use.
fn careful_key(session: Session<'_>) -> u64 {
    let always = [Attribute::flag(A::ALWAYS_AUTHENTICATE, true)];
    session.ec_with(keys::P256, &[], &always).expect("a careful key").1
}

/// "C_Login", CKU_CONTEXT_SPECIFIC.
#[test]
#[serial]
fn a_careful_key_wants_the_pin_before_each_use() {
    on_user(|session| {
        let target = session.target;
        let key = careful_key(session);
        let ecdsa = Mechanism::plain(MechanismType::ECDSA);
        for _ in 0..2 {
            session.init(Function::Sign, &ecdsa, key).expect("C_SignInit");
            target.same("C_Login", session.login(Who::Context, USER_PIN), Ok(()));
            let answer = session.whole(Function::Sign, &[7; 32], Room::Bytes(64)).sized();
            target.same("C_Sign", answer, Ok(64));
        }
    });
}

#[test]
#[serial]
fn a_careful_key_without_the_pin_ends_the_operation() {
    on_user(|session| {
        let target = session.target;
        let key = careful_key(session);
        let ecdsa = Mechanism::plain(MechanismType::ECDSA);
        session.init(Function::Sign, &ecdsa, key).expect("C_SignInit");
        let sign = || session.whole(Function::Sign, &[7; 32], Room::Bytes(64)).sized();
        target.same("C_Sign", sign(), Err(Code::UserNotLoggedIn));
        target.same("C_Sign again", sign(), Err(Code::OperationNotInitialized));
    });
}

#[test]
#[serial]
fn a_wrong_pin_for_a_careful_key_keeps_the_operation() {
    on_user(|session| {
        let target = session.target;
        let key = careful_key(session);
        let ecdsa = Mechanism::plain(MechanismType::ECDSA);
        session.init(Function::Sign, &ecdsa, key).expect("C_SignInit");
        let wrong = session.login(Who::Context, "nonsense");
        target.same("a wrong PIN", wrong, Err(Code::PinIncorrect));
        target.same("the right PIN", session.login(Who::Context, USER_PIN), Ok(()));
        let answer = session.whole(Function::Sign, &[7; 32], Room::Bytes(64)).sized();
        target.same("C_Sign", answer, Ok(64));
    });
}

#[test]
#[serial]
fn a_context_login_needs_an_operation() {
    on_user(|session| {
        let answer = session.login(Who::Context, USER_PIN);
        session.target.same("C_Login", answer, Err(Code::OperationNotInitialized));
    });
}

/// "Sessions": without a login, private objects can be neither made nor used.
#[test]
#[serial]
fn without_a_login_there_are_no_private_objects() {
    on_token(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        let private = [Attribute::flag(A::PRIVATE, true)];
        let template = merged(&[&keys::secret(KeyType::AES, &[1; 16]), &private]);
        let answer = session.create(&template).map(|_| ());
        target.same("C_CreateObject", answer, Err(Code::UserNotLoggedIn));
        let value_len = [Attribute::number(A::VALUE_LEN, 16)];
        let template = merged(&[&value_len, &private]);
        let generate = Mechanism::plain(MechanismType::AES_KEY_GEN);
        let answer = session.generate(&generate, &template).map(|_| ());
        target.same("C_GenerateKey", answer, Err(Code::UserNotLoggedIn));
    });
}

/// "Public token objects may be made without login in a read-write session."
#[test]
#[serial]
fn without_a_login_public_token_objects_are_made() {
    on_token(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        let template = merged(&[&keys::data("public", b"x"), &keys::flags(&[A::TOKEN], true)]);
        target.same("C_CreateObject", session.create(&template).map(|_| ()), Ok(()));
    });
}

/// What browsers need: a public secret key works without a PIN.
#[test]
#[serial]
fn without_a_login_public_session_keys_work() {
    on_token(|target| {
        let session = target.open(Flags::ReadOnly).expect("a session");
        let key = session.aes_with(&[Attribute::flag(A::PRIVATE, false)]).expect("a public key");
        let ecb = Mechanism::plain(MechanismType::AES_ECB);
        let out = session.run(Function::Encrypt, &ecb, key, &[0; 16]).map(|out| out.len());
        target.same("C_Encrypt", out, Ok(16));
    });
}
