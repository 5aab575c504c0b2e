//! The disk: full, and read-only.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serial_test::serial;

use crate::alone::{medium, on_medium};
use crate::harness::place::{Place, SO_PIN, USER_PIN};
use crate::harness::{
    Code, Flags, Function, Kind, Mechanism, MechanismType as M, Session, Target, Who, keys,
};
use crate::{again, assert_told, assert_whole, find, make, told, user};

/// The file that takes up room.
const BALLAST: &str = "ballast";

/// Our module, initialised, with its token directory on the medium.
fn on_this_medium() -> Target {
    let place = Place::new(Kind::Keyway, false);
    let (_, configuration) = place.environment();
    let tokens = configuration.with_file_name("tokens");
    fs::remove_dir(&tokens).expect("an empty folder");
    symlink(medium(), &tokens).expect("a link");
    let target = Target::over(Kind::Keyway, place);
    target.initialize().expect("C_Initialize");
    target
}

/// A token with both PINs.
fn make_token(target: &Target) -> Result<(), Code> {
    target.init_token(target.slot(), SO_PIN, "small")?;
    let session = target.open(Flags::ReadWrite)?;
    session.login(Who::SecurityOfficer, SO_PIN)?;
    session.init_pin(USER_PIN)?;
    session.close()
}

/// Fills the medium but for so many bytes.
fn fill(left: u64) {
    let free = rustix::fs::statvfs(medium()).expect("its size");
    let free = free.f_bavail * free.f_frsize;
    let ballast = vec![0; usize::try_from(free.saturating_sub(left)).expect("a small medium")];
    fs::write(medium().join(BALLAST), ballast).expect("room for the ballast");
}

fn empty() {
    fs::remove_file(medium().join(BALLAST)).expect("the ballast");
}

fn full(log: &str, function: &str) {
    assert_told(log, &[function, "token-1.", "full"]);
}

/// From no byte to as many as are needed.
#[test]
#[serial]
fn a_token_is_made_whole_or_not_at_all_on_a_disk_that_gets_full() {
    on_medium(1024, || {
        let target = on_this_medium();
        let (mut made, mut refused) = (0, 0);
        for pages in (0..72).step_by(6) {
            fill(pages * 4096);
            let (answer, log) = told(&target, || make_token(&target));
            empty();
            match answer {
                Ok(()) => made += 1,
                Err(code) => {
                    refused += 1;
                    assert_eq!(code, Code::DeviceMemory, "{pages} pages: {log}");
                    full(&log, "C_");
                }
            }
            // Whatever is there now can be made whole, or begun again.
            let _ = target.close_all(target.slot());
            again(&target);
            make_token(&target).unwrap_or_else(|code| panic!("{pages} pages: {code:?}"));
            target.finalize().expect("C_Finalize");
            for file in fs::read_dir(medium()).expect("the medium").flatten() {
                fs::remove_file(file.path()).expect("a file");
            }
            target.initialize().expect("C_Initialize");
        }
        println!("counted: a full disk: {refused} tokens were refused, {made} made");
        assert!(refused > 3 && made > 3, "{refused} refused, {made} made");
    });
}

/// What a call answered that may have found room for its few pages: if not, with the reason.
fn refused(function: &str, (answer, log): &(Result<(), Code>, String)) -> Result<(), Code> {
    if let Err(code) = answer {
        assert_eq!(*code, Code::DeviceMemory, "{function}: {log}");
        full(log, function);
    }
    *answer
}

const OTHER_PIN: &str = "654321";

/// Makes keys until there is no room; those that were acknowledged.
fn until_full(session: Session<'_>, made: &mut Vec<String>) -> Code {
    for n in 0..10_000 {
        let id = format!("key {n}");
        match make(session, &id) {
            Ok(_) => made.push(id),
            Err(code) => return code,
        }
    }
    panic!("the medium is never full");
}

#[test]
#[serial]
fn on_a_full_disk_everything_that_writes_is_refused_and_the_rest_goes_on() {
    on_medium(1024, || {
        let target = on_this_medium();
        make_token(&target).expect("a token");
        let session = user(&target);
        let mut made = Vec::new();
        fill(96 << 10);
        let (code, log) = told(&target, || until_full(session, &mut made));
        assert_eq!(code, Code::DeviceMemory, "{log}");
        full(&log, "C_CreateObject");
        assert!(made.len() > 2, "{} keys", made.len());
        // What is there is found; what would write says so, each by itself.
        let [key] = find(session, &made[0])[..] else { panic!("{} is there", made[0]) };
        let destroyed = told(&target, || session.destroy(key));
        if refused("C_DestroyObject", &destroyed).is_ok() {
            made.remove(0);
        }
        let mut pin = USER_PIN;
        let changed = told(&target, || session.set_pin(USER_PIN, OTHER_PIN));
        if refused("C_SetPIN", &changed).is_ok() {
            pin = OTHER_PIN;
        }
        session.logout().expect("nothing has to be written");
        // A try that cannot be counted is no try.
        let entered = told(&target, || session.login(Who::User, pin));
        let entered = refused("C_Login", &entered);
        println!(
            "counted: a full disk: {} keys were made, C_Login answered {entered:?}",
            made.len()
        );
        empty();
        again(&target);
        let session = target.open(Flags::ReadWrite).expect("a session");
        session.login(Who::User, pin).expect("the PIN is what it was");
        if pin != USER_PIN {
            session.set_pin(pin, USER_PIN).expect("back to the first");
        }
        let large = keys::data("large", &[1; 4096]);
        session.create(&large).and_then(|object| session.destroy(object)).expect("room again");
        again(&target);
        assert_whole(&target, &made);
    });
}

/// Mounts the medium anew; nobody has a file of it open for writing.
fn remount(access: &str) {
    let option = format!("remount,{access}");
    let output = Command::new("mount").args(["-o", &option]).arg(medium()).output();
    let output = output.expect("mount starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[serial]
fn on_a_read_only_file_system_keys_are_used_and_nothing_is_written() {
    on_medium(4096, || {
        let target = on_this_medium();
        make_token(&target).expect("a token");
        make(user(&target), "first").expect("a key");
        target.finalize().expect("C_Finalize");
        remount("ro");
        target.initialize().expect("C_Initialize");
        const CKF_WRITE_PROTECTED: u64 = 2;
        let info = target.token_info(target.slot()).expect("token info");
        assert_eq!(info.flags & CKF_WRITE_PROTECTED, CKF_WRITE_PROTECTED);
        let (answer, log) = told(&target, || target.open(Flags::ReadWrite).map(drop));
        assert_eq!(answer, Err(Code::TokenWriteProtected));
        assert_told(&log, &["C_OpenSession", "cannot be written by this user"]);
        let session = target.open(Flags::ReadOnly).expect("a session");
        session.login(Who::User, USER_PIN).expect("the user logs in");
        let [key] = find(session, "first")[..] else { panic!("one key") };
        let mac = Mechanism::plain(M::SHA256_HMAC);
        session.run(Function::Sign, &mac, key, b"text").expect("a MAC");
        let (answer, log) = told(&target, || session.set_pin(USER_PIN, "654321"));
        assert!(matches!(answer, Err(Code::SessionReadOnly | Code::TokenWriteProtected)), "{log}");
        target.finalize().expect("C_Finalize");

        // A token that is not there cannot be made there.
        let empty = medium().join("empty");
        remount("rw");
        fs::create_dir(&empty).expect("a folder");
        remount("ro");
        let place = Place::new(Kind::Keyway, false);
        let (_, configuration) = place.environment();
        let tokens = configuration.with_file_name("tokens");
        fs::remove_dir(&tokens).expect("an empty folder");
        symlink(&empty, &tokens).expect("a link");
        let other = Target::over(Kind::Keyway, place);
        other.initialize().expect("C_Initialize");
        let (answer, log) = told(&other, || other.init_token(other.slot(), SO_PIN, "none"));
        assert_eq!(answer, Err(Code::TokenWriteProtected), "{log}");
        assert_told(&log, &["C_InitToken", "cannot make", "permissions"]);
        other.finalize().expect("C_Finalize");

        remount("rw");
        target.place.enter();
        target.initialize().expect("C_Initialize");
        assert_whole(&target, &["first".to_owned()]);
    });
}
