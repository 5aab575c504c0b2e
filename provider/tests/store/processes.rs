//! Many processes on one token, some of which are killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use keyway_pkcs11::backend::{PinState, User, View};

use crate::children::{self, Child};
use crate::harness::*;

#[test]
fn sixty_four_processes_with_the_right_pin_all_get_in() {
    let (directory, token) = fresh();
    let children: Vec<_> =
        (0..64).map(|_| children::spawn(directory.path(), Child::LogIn)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(token.info().unwrap().user_pin, PinState::Fine);
}

#[test]
fn wrong_pins_from_many_processes_are_all_counted() {
    let (directory, token) = fresh();
    let children: Vec<_> =
        (0..9).map(|_| children::spawn(directory.path(), Child::LogInWrong)).collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(token.info().unwrap().user_pin, PinState::FinalTry);
}

#[test]
fn processes_that_initialise_one_slot_at_once_leave_one_good_token() {
    for _ in 0..5 {
        let directory = tempfile::tempdir().unwrap();
        let children: Vec<_> =
            (0..8).map(|_| children::spawn(directory.path(), Child::Initialize)).collect();
        let mut made = 0;
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            made += String::from_utf8_lossy(&output.stdout).matches("initialized").count();
        }
        assert!(made > 0);
        let token = open(directory.path());
        token.login(User::SecurityOfficer, SO).unwrap();
        token.init_pin(USER).unwrap();
        token.login(User::User, USER).unwrap();
        token.create(aes_key(b"1", true)).unwrap();
    }
}

#[test]
fn two_processes_see_what_the_other_makes_and_destroys() {
    let (directory, token) = logged_in();
    let doomed = token.create(aes_key(b"doomed", true)).unwrap();
    assert!(found(&*token, &by_id(b"theirs"), View::All).is_empty());
    let output = children::run(directory.path(), Child::MakeAndDestroy);
    assert!(output.contains("made and destroyed"), "{output}");
    only(&*token, &by_id(b"theirs"));
    token.refresh(&doomed).unwrap();
    assert!(doomed.is_destroyed());
}

/// Kills a writer at 200 random moments. Whatever it reported as made is there and whole; whatever
/// is there opens.
#[test]
fn nothing_that_a_killed_process_acknowledged_is_lost_and_nothing_is_half_there() {
    let (directory, token) = logged_in();
    let mut acknowledged = BTreeSet::new();
    let mut random = std::fs::File::open("/dev/urandom").unwrap();
    for _ in 0..200 {
        let mut child = children::spawn(directory.path(), Child::CreateForEver);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 0 && !line.contains("begin") {
            line.clear();
        }
        let mut microseconds = [0; 2];
        random.read_exact(&mut microseconds).unwrap();
        std::thread::sleep(Duration::from_micros(u16::from_ne_bytes(microseconds).into()) / 4);
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        let whole = rest.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        acknowledged
            .extend(whole.filter_map(|line| Some(line.trim().strip_prefix("made ")?.to_owned())));
    }
    let token_now = open(directory.path());
    token_now.login(User::User, USER).unwrap();
    let mut there = BTreeSet::new();
    for id in found(&*token_now, &query([]), View::All) {
        let object = token_now.object(id, View::All).unwrap().expect("just found");
        let id = object
            .snapshot()
            .attributes
            .bytes(keyway_pkcs11::attribute::AttributeType::ID)
            .unwrap()
            .to_vec();
        there.insert(String::from_utf8(id).unwrap());
    }
    assert!(acknowledged.len() > 20, "only {} were made", acknowledged.len());
    let lost: Vec<_> = acknowledged.difference(&there).collect();
    assert!(lost.is_empty(), "{lost:?}");
    for id in &acknowledged {
        only(&*token_now, &by_id(id.as_bytes()));
    }
    // At most one a thread and kill was committed but not acknowledged any more.
    assert!(there.len() - acknowledged.len() <= 200 * children::WRITERS);
    // The token's other users are not disturbed.
    token.create(aes_key(b"after", true)).unwrap();
}
