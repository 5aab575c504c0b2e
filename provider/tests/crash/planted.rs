//! The checker is checked: each of its claims is refuted by a fault that was planted.

use std::fs;
use std::os::unix::fs::FileExt;

use crate::ground::Ground;
use crate::operations::OPERATIONS;
use crate::replay::{self, Disk, Loss};
use crate::server::{Ended, LIE, SWALLOW, Server};

const NAME: &str = "C_CreateObject, private and public";

fn ground(server: &mut Server) -> Ground {
    of(server, NAME)
}

fn of(server: &mut Server, name: &str) -> Ground {
    let operation = OPERATIONS.iter().find(|operation| operation.name == name);
    Ground::new(server, operation.expect("in the table"))
}

/// Without flushes a power cut takes what was acknowledged.
#[test]
fn flushes_that_do_nothing_are_found() {
    let mut server = Server::start();
    let mut ground = ground(&mut server);
    for (mode, lost) in [(0, false), (LIE, true)] {
        assert_eq!(ground.run(&mut server, 0, mode, false), Ended::Whole);
        let (journal, disk) = (ground.journal(), Disk::before(&ground));
        ground.put(&disk.image(&journal, Loss::of(0)));
        let answer = ground.check_image(&replay::notes(&journal));
        assert_eq!(answer.is_err(), lost, "{answer:?}");
        if let Err(why) = answer {
            assert!(why.contains("after 2 acknowledged steps") && why.contains("new/4"), "{why}");
        }
    }
}

/// The name of a new token directory is in the directory above, which has to be flushed as well; for
/// long it was not.
#[test]
fn a_token_directory_whose_name_is_not_flushed_is_found() {
    let mut server = Server::start();
    for name in ["C_InitToken in a new directory, C_InitPIN", "token restore in a new directory"] {
        let mut ground = of(&mut server, name);
        assert_eq!(ground.run(&mut server, 0, 0, false), Ended::Whole);
        let (mut journal, disk) = (ground.journal(), Disk::before(&ground));
        let flushes = journal.len();
        journal.retain(|entry| !entry.flushes_directory(""));
        assert!(journal.len() < flushes, "{name}");
        ground.put(&disk.image(&journal, Loss::of(0)));
        let why = ground.check_image(&replay::notes(&journal)).expect_err("the token is gone");
        assert!(why.contains("lost"), "{why}");
    }
}

/// A write that is not done although the system says so takes a change that was acknowledged.
#[test]
fn a_write_that_is_swallowed_is_found() {
    let mut server = Server::start();
    let mut ground = ground(&mut server);
    assert_eq!(ground.run(&mut server, 0, 0, false), Ended::Whole);
    let points = replay::points(&ground.journal());
    let mut found = Vec::new();
    for stop in 1..=points {
        if ground.run(&mut server, stop, SWALLOW, false) == Ended::Whole {
            found.extend(ground.check().err());
        }
        if found.iter().any(|why| why.contains("acknowledged")) {
            return;
        }
    }
    panic!("{points} points: {found:?}");
}

#[test]
fn an_epoch_that_went_back_is_found() {
    let mut server = Server::start();
    let mut ground = ground(&mut server);
    assert_eq!(ground.run(&mut server, 0, 0, false), Ended::Whole);
    let file = fs::File::options().write(true).open(ground.work().join("tokens/token-1.epoch"));
    file.expect("the epoch").write_all_at(&2_u64.to_ne_bytes(), 0).expect("written");
    let why = ground.check().expect_err("it went back");
    assert!(why.contains("went back"), "{why}");
}

/// Each way in which an object can be there by half, or an event be gone.
#[test]
fn what_is_half_there_is_found() {
    let mut server = Server::start();
    let mut ground = ground(&mut server);
    for sql in [
        "DELETE FROM tag WHERE object = (SELECT id FROM object WHERE form = 1)",
        "DELETE FROM object WHERE form = 1",
        "UPDATE seal SET body = (SELECT randomblob(129))",
        "DELETE FROM event WHERE sequence = (SELECT max(sequence) FROM event)",
        "UPDATE account SET failures = failures + 1",
    ] {
        assert_eq!(ground.run(&mut server, 0, 0, false), Ended::Whole);
        let file = ground.work().join("tokens/token-1.db");
        let database = rusqlite::Connection::open(file).expect("a database");
        assert!(database.execute(sql, []).expect(sql) > 0, "{sql}");
        drop(database);
        assert!(ground.check().is_err(), "{sql}");
    }
}
