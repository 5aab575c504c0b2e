//! Limits of the process: descriptors, address space, locked memory.

use std::fs;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serial_test::serial;

use crate::alone::alone;
use crate::harness::abi::Arg;
use crate::harness::place::Place;
use crate::harness::{
    Code, Flags, Function, Kind, Mechanism, MechanismType as M, Target, Who, keys,
};
use crate::{again, assert_told, assert_whole, find, make, told, user};

/// Runs `body` under a limit, and puts the old one back.
fn under<T>(resource: Resource, limit: u64, body: impl FnOnce() -> T) -> T {
    let before = getrlimit(resource);
    set(resource, Rlimit { current: Some(limit), ..before });
    let answer = body();
    set(resource, before);
    answer
}

fn set(resource: Resource, limit: Rlimit) {
    setrlimit(resource, limit).expect("a limit below the highest");
}

/// The number below which every descriptor is taken or free by accident.
fn descriptors() -> u64 {
    let open = fs::read_dir("/proc/self/fd").expect("descriptors").flatten();
    let numbers = open.filter_map(|entry| entry.file_name().to_str()?.parse::<u64>().ok());
    // But for the one that this reads with.
    numbers.count() as u64 - 1
}

/// A number of `/proc/self/status`, in bytes.
fn status(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("the status");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
    let number = line.trim_start_matches(':').trim().trim_end_matches(" kB");
    number.parse::<u64>().expect("a number") << 10
}

/// What a program does: initialise, open, log in, sign with a key, make another. The first function
/// that fails, and how.
fn day(target: &Target, id: &str) -> Result<(), (&'static str, Code)> {
    let at = |function: &'static str| move |code| (function, code);
    let raw = target.library.call("C_Initialize", &mut [Arg::Null]).expect("it is there");
    match Code::from_raw(raw).expect("a code") {
        Code::Ok => {}
        code => return Err(("C_Initialize", code)),
    }
    let (mut list, mut count) = ([0; 4], [4]);
    let mut arguments = [Arg::Number(1), Arg::WordsMut(&mut list), Arg::WordsMut(&mut count)];
    let raw = target.library.call("C_GetSlotList", &mut arguments).expect("it is there");
    match Code::from_raw(raw).expect("a code") {
        Code::Ok => {}
        code => return Err(("C_GetSlotList", code)),
    }
    let session = target.open_on(list[0], Flags::ReadWrite).map_err(at("C_OpenSession"))?;
    session.login(Who::User, target.user_pin()).map_err(at("C_Login"))?;
    session.find_init(&[]).map_err(at("C_FindObjectsInit"))?;
    let found = session.find_next(1).map_err(at("C_FindObjects"))?;
    session.find_final().map_err(at("C_FindObjectsFinal"))?;
    let mac = Mechanism::plain(M::SHA256_HMAC);
    session.run(Function::Sign, &mac, found[0], b"text").map_err(at("C_Sign"))?;
    make(session, id).map_err(at("C_CreateObject"))?;
    session.logout().map_err(at("C_Logout"))
}

/// Descriptors below the highest one that may be free.
const HOLES: u64 = 3;

/// From no descriptor to as many as are needed: each number of them is tried.
#[test]
#[serial]
fn without_descriptors_calls_fail_with_the_reason_and_lose_nothing() {
    alone(|| {
        let target = Target::new(Kind::Keyway, true);
        let mut made = vec!["first".to_owned()];
        make(user(&target), "first").expect("a key");
        target.finalize().expect("C_Finalize");
        let mut failed = Vec::new();
        let mut worked = 0;
        for left in 0..16 {
            let id = format!("with {left}");
            let limit = descriptors() - HOLES + left;
            let (answer, log) =
                told(&target, || under(Resource::Nofile, limit, || day(&target, &id)));
            let _ = target.finalize();
            match answer {
                Ok(()) => {
                    made.push(id);
                    worked += 1;
                }
                Err((function, code)) => {
                    let allowed = match function {
                        "C_Initialize" | "C_GetSlotList" => Code::FunctionFailed,
                        _ => Code::DeviceError,
                    };
                    assert_eq!(code, allowed, "{function} with {left}: {log}");
                    assert_told(&log, &[function, "too many files open", "ulimit -n"]);
                    failed.push(function);
                }
            }
        }
        failed.dedup();
        println!("counted: descriptors: {failed:?} failed, {worked} numbers of them were enough");
        assert!(worked > 3 && failed.len() > 2, "{worked}, {failed:?}");
        target.initialize().expect("C_Initialize");
        assert_whole(&target, &made);
    });
}

/// Runs `body` where eight megabytes are left of the heap, whatever it had reserved.
fn without_memory<T>(body: impl FnOnce() -> T) -> T {
    under(Resource::As, status("VmSize"), || {
        let mut hoard = Vec::with_capacity(1 << 12);
        loop {
            let mut megabyte = Vec::<u8>::new();
            if megabyte.try_reserve_exact(1 << 20).is_err() {
                break;
            }
            hoard.push(megabyte);
        }
        hoard.truncate(hoard.len().saturating_sub(8));
        let answer = body();
        drop(hoard);
        answer
    })
}

/// Tries of a PIN are counted before they are answered; what cannot be tried is not.
#[test]
#[serial]
fn without_memory_for_a_derivation_the_login_says_so_and_counts_nothing() {
    alone(|| {
        let target = Target::new(Kind::Keyway, true);
        let session = target.open(Flags::ReadWrite).expect("a session");
        for _ in 0..12 {
            let log_in = || session.login(Who::User, target.user_pin());
            let (answer, log) = told(&target, || without_memory(log_in));
            assert_eq!(answer, Err(Code::HostMemory), "{log}");
            assert_told(&log, &["C_Login", "memory to stretch a PIN", "ulimit -v"]);
        }
        make(user(&target), "first").expect("a key");
        again(&target);
        assert_whole(&target, &["first".to_owned()]);
    });
}

#[test]
#[serial]
fn a_large_object_without_memory_for_it_is_refused_and_the_process_goes_on() {
    alone(|| {
        let target = Target::new(Kind::Keyway, true);
        let session = user(&target);
        make(session, "first").expect("a key");
        let large = keys::data("large", &vec![1; 16 << 20]);
        let limit = status("VmSize") + (32 << 20);
        let (answer, log) = told(&target, || under(Resource::As, limit, || session.create(&large)));
        assert_eq!(answer, Err(Code::HostMemory), "{log}");
        assert_told(&log, &["C_CreateObject", "no memory for an object of 16 MiB"]);
        session.create(&large).and_then(|object| session.destroy(object)).expect("with memory");
        again(&target);
        assert_whole(&target, &["first".to_owned()]);
    });
}

/// The arenas are 320 MiB of address space, of which next to nothing is used.
#[test]
#[serial]
fn without_address_space_for_locked_memory_everything_works_and_the_log_says_so() {
    alone(|| {
        let place = Place::new(Kind::Keyway, true);
        let target = Target::over(Kind::Keyway, place);
        let limit = status("VmSize") + (30 << 20);
        let ((), log) = told(&target, || {
            under(Resource::As, limit, || {
                target.initialize().expect("C_Initialize");
                let session = user(&target);
                make(session, "first").expect("a key");
                let (public, private) = session.rsa(2048);
                let pkcs1 = Mechanism::plain(M::SHA256_RSA_PKCS);
                let signature = session.run(Function::Sign, &pkcs1, private, b"text");
                session
                    .check(&pkcs1, public, b"text", &signature.expect("a signature"))
                    .expect("the signature is right");
            });
        });
        assert_eq!(log.matches("no address space").count(), 1, "{log}");
        assert_told(&log, &["secrets lie on the heap", "ulimit -v", "LimitAS="]);
        again(&target);
        assert_whole(&target, &["first".to_owned()]);
    });
}

#[test]
#[serial]
fn without_memory_that_can_be_locked_everything_works_and_the_log_says_so_once() {
    alone(|| {
        let place = Place::new(Kind::Keyway, true);
        under(Resource::Memlock, 0, || {
            let target = Target::over(Kind::Keyway, place);
            target.initialize().expect("C_Initialize");
            let session = user(&target);
            make(session, "first").expect("a key");
            let [key] = find(session, "first")[..] else { panic!("one key") };
            let mac = Mechanism::plain(M::SHA256_HMAC);
            session.run(Function::Sign, &mac, key, b"text").expect("a MAC");
            let (_, private) = session.rsa(2048);
            let pss = Mechanism::plain(M::RSA_PKCS);
            session.run(Function::Sign, &pss, private, b"text").expect("a signature");
            assert_eq!(status("VmLck"), 0, "the limit does not hold");
            let log = target.place.log();
            assert_eq!(log.matches("RLIMIT_MEMLOCK").count(), 1, "{log}");
            assert_told(&log, &["can be swapped out", "ulimit -l", "LimitMEMLOCK="]);
            again(&target);
            assert_whole(&target, &["first".to_owned()]);
        });
    });
}

/// The proof that the search for the warning finds something only when there is reason to.
#[test]
#[serial]
fn with_everything_there_is_the_log_warns_of_nothing() {
    alone(|| {
        let target = Target::new(Kind::Keyway, true);
        make(user(&target), "first").expect("a key");
        again(&target);
        assert_whole(&target, &["first".to_owned()]);
        let log = target.place.log();
        for word in ["warn:", "error:", "ulimit"] {
            assert!(!log.contains(word), "{log}");
        }
    });
}
