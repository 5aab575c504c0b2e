//! Loading, initialising, initialising again, forking.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serial_test::serial;
use tempfile::TempDir;

use crate::harness::abi::Arg;
use crate::harness::place::{Place, USER_PIN};
use crate::harness::{AttributeType as A, Code, KeyType, Kind, MechanismType as M, Target, child};
use crate::operations::run;
use crate::params::F;
use crate::{BOTH, attributes, plain, secret};
use keyway_pkcs11::backend::User;
use keyway_pkcs11::error::Error;
use keyway_pkcs11::ffi::inner::{InnerSession, Library, Settings};

/// A module under a name of its own, which nobody has loaded, and a token for it.
struct Own {
    place: Place,
    _directory: TempDir,
    path: PathBuf,
}

impl Own {
    fn new(kind: Kind) -> Self {
        let place = Place::new(kind, true);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("libanother.so");
        fs::copy(place.module(), &path).unwrap();
        Self { place, _directory: directory, path }
    }

    fn open(&self) -> Arc<Library> {
        Library::open(&self.path, &Settings::default()).unwrap()
    }
}

/// A session on the token of the suite, with the user logged in by whoever came first.
fn logged_in(library: &Arc<Library>) -> InnerSession {
    let labelled =
        |slot: &u64| library.token(*slot).is_ok_and(|token| token.label == "keyway-test");
    let slot = library.slots().unwrap().into_iter().find(labelled).expect("the token");
    let session = library.open_session(slot, true).unwrap();
    match session.login(User::User, USER_PIN.as_bytes()) {
        Err(error) if error.code() != Code::UserAlreadyLoggedIn => panic!("{error}"),
        _ => session,
    }
}

/// Whether the session does what sessions are for.
fn works(session: &InnerSession) -> bool {
    let key = session.create(&secret(KeyType::GENERIC_SECRET, &[1; 32], &[A::SIGN])).unwrap();
    run(session, F::Sign, &plain(M::SHA256_HMAC), key, b"data").len() == 32
}

fn refused(path: &Path) -> Error {
    Library::open(path, &Settings::default()).unwrap_err()
}

#[test]
#[serial]
fn a_module_is_loaded_once_whatever_it_is_called() {
    let own = Own::new(Kind::SoftHsm);
    let (one, two) = (own.open(), own.open());
    assert!(Arc::ptr_eq(&one, &two));
    let link = own.path.with_file_name("link.so");
    symlink(&own.path, &link).unwrap();
    assert!(Arc::ptr_eq(&one, &Library::open(&link, &Settings::default()).unwrap()));
    // The loader knows a file by its number, not by its name.
    let second_name = own.path.with_file_name("second.so");
    fs::hard_link(&own.path, &second_name).unwrap();
    assert!(Arc::ptr_eq(&one, &Library::open(&second_name, &Settings::default()).unwrap()));
    assert_eq!(one.path(), fs::canonicalize(&own.path).unwrap());

    let other =
        Settings { arguments: Some("other".to_owned()), os_locking: true, ..Settings::default() };
    let error = Library::open(&own.path, &other).unwrap_err();
    assert_eq!(error.code(), Code::FunctionFailed);
    assert!(error.context().contains("restart of the program"), "{error}");
}

#[test]
#[serial]
fn what_is_no_module_is_refused_with_what_to_do() {
    let missing = refused(Path::new("/nowhere/libnothing.so"));
    assert_eq!(missing.code(), Code::LibraryLoadFailed);
    for part in ["/nowhere/libnothing.so", "full path", "install it"] {
        assert!(missing.to_string().contains(part), "{missing}");
    }
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text.so");
    fs::write(&text, "no library").unwrap();
    let error = refused(&text);
    assert_eq!(error.code(), Code::LibraryLoadFailed);
    assert!(error.context().contains("text.so cannot be used as a PKCS#11 module"), "{error}");
}

/// A slot of our module that names our module: it has no token, and the log says why.
#[test]
#[serial]
fn our_own_module_is_no_inner_module() {
    let place = Place::new(Kind::Keyway, true);
    let (_, configuration) = place.environment();
    let text = fs::read_to_string(&configuration).unwrap();
    let module = place.module();
    let slot = format!("[[slot]]\nid = 77\nbackend = \"bridge\"\nmodule = {module:?}\n");
    fs::write(&configuration, format!("{text}\n{slot}token = \"keyway-test\"\n")).unwrap();
    let target = Target::over(Kind::Keyway, place);
    target.initialize().unwrap();
    // CKR_FUNCTION_FAILED, which the harness lets no other test see.
    let mut info = [0; 26];
    let mut arguments = [Arg::Number(77), Arg::WordsMut(&mut info)];
    assert_ne!(target.library.call("C_GetTokenInfo", &mut arguments), Some(0));
    let log = target.place.log();
    assert!(log.contains("is this very module, which cannot stand in front of itself"), "{log}");
}

#[test]
#[serial]
fn the_first_call_initialises_and_a_second_life_ends_the_sessions_of_the_first() {
    for kind in BOTH {
        let own = Own::new(kind);
        let library = own.open();
        let session = logged_in(&library);
        assert!(works(&session));
        let life = library.life().unwrap();
        library.reinitialize(life).unwrap();
        let next = library.life().unwrap();
        assert_ne!(next, life);
        let over = session.state().unwrap_err();
        assert_eq!(over.code(), Code::SessionHandleInvalid);
        let session = logged_in(&library);
        assert!(works(&session));
        // Somebody else saw the same trouble, and comes too late to do harm.
        library.reinitialize(life).unwrap();
        assert_eq!(library.life().unwrap(), next);
        assert!(works(&session));
        drop(own.place);
    }
}

/// CKR_CRYPTOKI_ALREADY_INITIALIZED: the module belongs to another part of the program.
#[test]
#[serial]
fn a_module_that_somebody_else_initialised_is_used_and_never_finalised() {
    for kind in BOTH {
        let target = Target::new(kind, true);
        let library = Library::open(&target.place.module(), &Settings::default()).unwrap();
        let session = logged_in(&library);
        let direct = target.open(crate::harness::Flags::ReadOnly).unwrap();
        let error = library.reinitialize(library.life().unwrap()).unwrap_err();
        assert_eq!(error.code(), Code::FunctionFailed);
        assert!(error.context().contains("restart the program"), "{error}");
        assert!(works(&session));
        assert!(direct.info().is_ok());
    }
}

/// What another part of the program does behind our back costs one error, not the rest of the
/// process's life.
#[test]
#[serial]
fn a_module_that_is_finalised_behind_our_back_is_initialised_again() {
    for kind in BOTH {
        let own = Own::new(kind);
        let library = own.open();
        let session = logged_in(&library);
        let raw = crate::harness::library::Library::open(&own.path);
        assert_eq!(raw.call("C_Finalize", &mut [Arg::Null]), Some(0));
        let error = session.state().unwrap_err();
        assert_eq!(error.code(), Code::CryptokiNotInitialized);
        assert_eq!(session.state().unwrap_err().code(), Code::SessionHandleInvalid);
        assert!(works(&logged_in(&library)));
    }
}

/// "Initialisation, fork": the child begins anew; what it inherited reaches the module no more.
#[test]
#[serial]
fn a_child_of_a_fork_initialises_again_and_leaves_its_parents_sessions_alone() {
    for kind in BOTH {
        let own = Own::new(kind);
        let library = own.open();
        let session = logged_in(&library);
        assert!(works(&session));
        let life = library.life().unwrap();
        let child = || {
            let inherited = session.state().unwrap_err();
            assert_eq!(inherited.code(), Code::SessionHandleInvalid);
            let inherited = library.life().unwrap();
            assert_ne!(inherited, life);
            // By name as well: the table of libraries is whole on this side.
            assert!(Arc::ptr_eq(&library, &own.open()));
            let session = logged_in(&library);
            assert!(works(&session));
            assert!(child::forked(|| assert!(works(&logged_in(&library)))));
            assert!(works(&session));
            // It may also begin once more: nobody else's is what it has.
            library.reinitialize(inherited).unwrap();
            assert!(works(&logged_in(&library)));
        };
        assert!(child::forked(child), "{kind:?}");
        assert_eq!(library.life().unwrap(), life);
        assert!(works(&session));
    }
}

/// Threads open, use and drop sessions while the module is initialised again and again: every call
/// answers, with what it should or with the code of a session that is over.
#[test]
#[serial]
fn threads_go_on_while_the_module_is_initialised_again() {
    const LIVES: usize = 6;
    const SIGNATURES_A_LIFE: usize = 8;
    for kind in BOTH {
        let own = Own::new(kind);
        let library = own.open();
        let (done, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let sign = || {
            while !stop.load(Ordering::Relaxed) {
                match sign_once(&library) {
                    Ok(()) => drop(done.fetch_add(1, Ordering::Relaxed)),
                    Err(Code::SessionHandleInvalid | Code::UserNotLoggedIn) => {}
                    // The login ends with the last session of all, in SoftHSM2 also for a session
                    // that opens at that moment, and takes the keys along that it made.
                    Err(Code::ObjectHandleInvalid) if kind == Kind::SoftHsm => {}
                    Err(code) => panic!("{kind:?}: {code:?}"),
                }
            }
        };
        std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(sign));
            for life in 1..=LIVES {
                while done.load(Ordering::Relaxed) < life * SIGNATURES_A_LIFE
                    && !threads.iter().any(|thread| thread.is_finished())
                {
                    std::thread::sleep(Duration::from_millis(1));
                }
                library.reinitialize(library.life().unwrap()).unwrap();
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert!(done.into_inner() >= LIVES * SIGNATURES_A_LIFE);
    }
}

fn sign_once(library: &Arc<Library>) -> Result<(), Code> {
    let slot = library.slots().map_err(|e| e.code())?[0];
    let steps = || {
        let session = library.open_session(slot, true)?;
        match session.login(User::User, USER_PIN.as_bytes()) {
            Err(error) if error.code() != Code::UserAlreadyLoggedIn => return Err(error),
            _ => {}
        }
        let key = session.create(&secret(KeyType::GENERIC_SECRET, &[1; 32], &[A::SIGN]))?;
        session.start(F::Sign, &plain(M::SHA256_HMAC), key)?;
        session.whole(F::Sign, b"data", &mut [0; 32])?;
        session.find(&attributes(&[])).map(drop)
    };
    steps().map_err(|error: Error| error.code())
}

/// What is left to the exit handlers of a program, which may run after the module's destructors.
static LEFT: Mutex<Vec<InnerSession>> = Mutex::new(Vec::new());

extern "C" fn at_exit() {
    for session in LEFT.lock().expect("nobody panics with it").drain(..) {
        let error = session.state().expect_err("the process is ending");
        assert_eq!(error.code(), Code::CryptokiNotInitialized);
        let library = session.library().clone();
        assert!(library.reinitialize(1).is_err() && library.slots().is_err());
        drop(session);
    }
    println!("the handler came to its end");
}

/// Not a test: a child process that leaves sessions to its exit handlers, registered before the
/// modules were loaded.
#[test]
#[serial]
#[ignore = "runs in a child process only"]
fn leave_sessions_to_the_exit_handlers() {
    child::at_exit(at_exit);
    for kind in BOTH {
        let own = Own::new(kind);
        let library = own.open();
        let session = logged_in(&library);
        assert!(works(&session));
        LEFT.lock().unwrap().push(session);
    }
}

/// SoftHSM2 crashes when it is called after its destructors; programs close their sessions there.
#[test]
#[serial]
fn a_process_ends_cleanly_with_sessions_open() {
    let mut child = child::Child::test("inner::lives::leave_sessions_to_the_exit_handlers");
    child.command.arg("--ignored");
    let (status, output) = child.finish();
    assert!(status.is_some_and(|status| status.success()), "{status:?}: {output}");
    assert!(output.contains("the handler came to its end"), "{output}");
}
