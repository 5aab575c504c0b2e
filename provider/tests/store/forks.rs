//! Fork: no connection crosses it, no lock is left behind in the child, no commit is lost.

use std::sync::atomic::{AtomicBool, Ordering};

use keyway_pkcs11::backend::{User, View};
use keyway_pkcs11::ffi::fork;

use crate::children::{self, Child};
use crate::harness::*;

/// Design decision 9 tells what happened without the handlers: the child inherited SQLite's belief
/// that it holds locks, the parent's close removed the write-ahead log, and a commit that the child
/// had been told was safe was gone.
#[test]
fn fork_while_threads_write_then_parent_closes_and_child_commits_and_all_rows_are_there() {
    let (directory, _token) = fresh();
    let output = children::run(directory.path(), Child::ForkWhileWriting);
    let made: Vec<&str> = output.lines().filter_map(|line| line.strip_prefix("made ")).collect();
    assert!(output.contains("parent done"), "{output}");
    assert!(made.iter().any(|id| id.starts_with("child")), "{output}");
    let token = open(directory.path());
    token.login(User::User, USER).unwrap();
    for id in &made {
        only(&*token, &by_id(id.as_bytes()));
    }
    assert_eq!(found(&*token, &query([]), View::All).len(), made.len());
}

/// Runs in a process of its own: what is forked here has no other tests beside it.
pub fn fork_while_writing(directory: &std::path::Path) {
    const THREADS: usize = 8;
    let token = open(directory);
    token.login(User::User, USER).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (token, stop) = (&token, &stop);
            scope.spawn(move || {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let id = format!("parent-{thread}-{n}");
                    token.create(aes_key(id.as_bytes(), true)).unwrap();
                    println!("made {id}");
                }
            });
        }
        let mut children = Vec::new();
        for n in 0..10 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            match crate::children::fork_process() {
                0 => child(directory, n),
                pid => children.push(pid),
            }
        }
        stop.store(true, Ordering::Relaxed);
        for pid in children {
            assert_eq!(fork::wait_for_tests(pid), Some(0), "a child hung or failed");
        }
    });
    drop(token);
    println!("parent done");
}

/// A forked child starts over: a new backend, a new login, commits of its own.
fn child(directory: &std::path::Path, n: usize) -> ! {
    let made = std::panic::catch_unwind(|| {
        let token = open(directory);
        token.login(User::User, USER).unwrap();
        for k in 0..3 {
            let id = format!("child-{n}-{k}");
            token.create(aes_key(id.as_bytes(), true)).unwrap();
            // One write, not through the standard output's lock, which another thread may hold.
            crate::children::print_line(&format!("made {id}"));
        }
    });
    fork::exit_for_tests(i32::from(made.is_err()));
}
