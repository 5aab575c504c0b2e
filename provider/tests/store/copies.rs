//! Two copies of the module in one process, as when a browser library and OpenSSL each load their
//! own: neither knows of the other, and SQLite in one takes the locks of the other for its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use keyway_pkcs11::backend::{User, View};

use crate::children::{self, Child};
use crate::harness::*;

/// Without exclusive locks around opening a connection, the copy that opens last truncates the
/// shared memory that the other one is reading. No other process has the token open meanwhile:
/// SQLite would see that one's locks, and do the right thing for the wrong reason.
#[test]
fn two_copies_of_the_module_in_one_process_lose_nothing() {
    let (directory, token) = logged_in();
    drop(token);
    let configuration = format!("token_dir = {:?}\n", directory.path());
    std::fs::write(directory.path().join("keyway.toml"), configuration).unwrap();
    let output = children::run(directory.path(), Child::TwoCopies);
    let made = output.lines().filter_map(|line| line.strip_prefix("made "));
    let expected: BTreeSet<_> = made.map(str::to_owned).collect();
    assert!(expected.iter().any(|label| label.starts_with("staying")));
    assert!(expected.iter().any(|label| label.starts_with("coming-and-going")));
    let token = open(directory.path());
    token.login(User::User, USER).unwrap();
    for label in &expected {
        only(&*token, &by_label(label));
    }
    assert_eq!(found(&*token, &query([]), View::All).len(), expected.len());
    let check: String =
        behind(directory.path()).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

/// In the child: one copy stays and works in two threads, the other comes and goes.
pub fn two_copies(directory: &Path) {
    let (staying, moving) = (copy(directory, "staying.so"), copy(directory, "moving.so"));
    let module = load(&staying);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let session = log_in(&module);
            scope.spawn(move || {
                (0..150).for_each(|n| make(&session, &format!("staying-{thread}-{n}")));
            });
        }
        for round in 0..15 {
            let module = load(&moving);
            let session = log_in(&module);
            (0..5).for_each(|n| make(&session, &format!("coming-and-going-{round}-{n}")));
            drop(session);
            module.finalize().unwrap();
        }
    });
}

/// The module beside this test, under a name of its own: the loader takes it for another one.
fn copy(directory: &Path, name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let build = tests.parent().expect("the test lies in a directory");
    let target = directory.join(name);
    std::fs::copy(build.join("libkeyway_pkcs11.so"), &target).unwrap();
    target
}

fn load(path: &Path) -> Pkcs11 {
    let module = Pkcs11::new(path).unwrap();
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
    module
}

fn log_in(module: &Pkcs11) -> Session {
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    let session = module.open_rw_session(slot).unwrap();
    let pin = AuthPin::new(String::from_utf8(USER.0.to_vec()).unwrap().into());
    match session.login(UserType::User, Some(&pin)) {
        Ok(()) => {}
        // The other thread's session has logged in for this one, too.
        Err(e) => assert!(e.to_string().to_lowercase().contains("already"), "{e}"),
    }
    session
}

fn make(session: &Session, label: &str) {
    let template = [
        Attribute::Class(ObjectClass::DATA),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Label(label.into()),
        Attribute::Value(b"value".to_vec()),
    ];
    session.create_object(&template).unwrap();
    let found = session.find_objects(&[Attribute::Label(label.into())]).unwrap();
    assert_eq!(found.len(), 1);
    children::print_line(&format!("made {label}"));
}
