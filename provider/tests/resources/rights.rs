//! Owners and modes of the token directory and of the files in it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::Uid;
use rustix::process::geteuid;
use serial_test::serial;

use crate::alone::alone;
use crate::harness::abi::Arg;
use crate::harness::{Code, Flags, Kind, Target, Who};
use crate::{again, assert_told, assert_whole, make, told, user};

fn tokens(target: &Target) -> PathBuf {
    let (_, configuration) = target.place.environment();
    configuration.with_file_name("tokens")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// Nobody's in particular.
const SOMEBODY: u32 = 65_534;

fn give_to(path: &Path, user: u32) {
    rustix::fs::chown(path, Some(Uid::from_raw(user)), None).expect("root gives files away");
}

/// A token with a key, and nobody there.
fn closed() -> Target {
    let target = Target::new(Kind::Keyway, true);
    make(user(&target), "first").expect("a key");
    target.finalize().expect("C_Finalize");
    target
}

/// What the first call says that cannot be answered: the list of slots, or the token's own.
fn first_failure(target: &Target) -> (Result<(), Code>, String) {
    told(target, || {
        target.initialize().expect("C_Initialize");
        let (mut list, mut count) = ([0; 4], [4]);
        let mut arguments = [Arg::Number(1), Arg::WordsMut(&mut list), Arg::WordsMut(&mut count)];
        target.call("C_GetSlotList", &mut arguments)?;
        let session = target.open_on(list[0], Flags::ReadWrite)?;
        session.login(Who::User, target.user_pin())
    })
}

#[test]
#[serial]
fn a_token_directory_that_is_closed_or_somebody_elses_says_so() {
    alone(|| {
        let target = closed();
        let directory = tokens(&target);
        let mode = |mode| set_mode(&directory, mode);
        for closed in [0o000, 0o300] {
            mode(closed);
            let (answer, log) = closed_list(&target);
            assert_eq!(answer, Err(Code::FunctionFailed), "{closed:o}: {log}");
            assert_told(&log, &["C_GetSlotList", "tokens", "owner", "ermission denied"]);
            mode(0o700);
            again(&target);
            assert_whole(&target, &["first".to_owned()]);
            target.finalize().expect("C_Finalize");
        }
        if geteuid().is_root() {
            give_to(&directory, SOMEBODY);
            let (answer, log) = closed_list(&target);
            assert_eq!(answer, Err(Code::FunctionFailed), "{log}");
            assert_told(&log, &["C_GetSlotList", "tokens", "owner"]);
            give_to(&directory, 0);
            again(&target);
            assert_whole(&target, &["first".to_owned()]);
        }
    });
}

/// CKR_FUNCTION_FAILED is no answer that the harness lets pass elsewhere.
fn closed_list(target: &Target) -> (Result<(), Code>, String) {
    told(target, || {
        target.initialize().expect("C_Initialize");
        let mut count = [0];
        let mut arguments = [Arg::Number(1), Arg::Null, Arg::WordsMut(&mut count)];
        let raw = target.library.call("C_GetSlotList", &mut arguments).expect("it is there");
        target.finalize().expect("C_Finalize");
        match Code::from_raw(raw).expect("a code") {
            Code::Ok => Ok(()),
            code => Err(code),
        }
    })
}

#[test]
#[serial]
fn a_file_that_is_closed_or_somebody_elses_says_so() {
    alone(|| {
        let target = closed();
        let directory = tokens(&target);
        for name in ["token-1.db", "token-1.db-wal", "token-1.db-shm"] {
            let file = directory.join(name);
            set_mode(&file, 0o000);
            let (answer, log) = first_failure(&target);
            assert_eq!(answer, Err(Code::DeviceError), "{name}: {log}");
            assert_told(&log, &["token-1.db", "cannot be opened", "owner and the permissions"]);
            set_mode(&file, 0o600);
            if geteuid().is_root() {
                give_to(&file, SOMEBODY);
                let _ = target.finalize();
                let (answer, log) = first_failure(&target);
                assert_eq!(answer, Err(Code::DeviceError), "{name}: {log}");
                assert_told(&log, &["token-1.db", "owner and the permissions"]);
                give_to(&file, 0);
            }
            again(&target);
            assert_whole(&target, &["first".to_owned()]);
            target.finalize().expect("C_Finalize");
        }
        // Without these, which are not data, the token can be read and not written.
        for name in ["token-1.lock", "token-1.epoch"] {
            let file = directory.join(name);
            set_mode(&file, 0o000);
            let (answer, log) = first_failure(&target);
            assert_eq!(answer, Err(Code::TokenWriteProtected), "{name}: {log}");
            assert_told(&log, &["cannot be written by this user"]);
            set_mode(&file, 0o600);
            again(&target);
            assert_whole(&target, &["first".to_owned()]);
            target.finalize().expect("C_Finalize");
        }
    });
}

/// Whoever may write there can put another token into the place of this one.
#[test]
#[serial]
fn a_token_directory_that_anybody_may_change_is_told_once() {
    alone(|| {
        let target = closed();
        let directory = tokens(&target);
        for (mode, times) in [(0o777, 1), (0o703, 1), (0o770, 0), (0o755, 0)] {
            set_mode(&directory, mode);
            let (answer, log) = first_failure(&target);
            assert_eq!(answer, Ok(()), "{log}");
            target.slots();
            assert_eq!(log.matches("anybody may change").count(), times, "{mode:o}: {log}");
            if times > 0 {
                assert_told(&log, &[&format!("(mode {mode:04o})"), "chmod o-rwx", "keyway doctor"]);
            }
            target.finalize().expect("C_Finalize");
        }
        set_mode(&directory, 0o700);
        target.initialize().expect("C_Initialize");
        assert_whole(&target, &["first".to_owned()]);
    });
}
