//! What odd modules do: functions that are missing, codes that nobody knows, counts that are wrong.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serial_test::serial;
use tempfile::TempDir;

use crate::harness::place::compile;
use crate::harness::{AttributeType as A, Code, KeyType, MechanismType as M, ObjectClass};
use crate::params::F;
use crate::{attributes, plain};
use keyway_pkcs11::attribute::Value;
use keyway_pkcs11::backend::User;
use keyway_pkcs11::error::Result;
use keyway_pkcs11::ffi::inner::{InnerSession, Library, Settings};

/// `programs/odd.c`, compiled for one test.
struct Odd {
    _directory: TempDir,
    path: PathBuf,
}

impl Odd {
    fn new(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("libodd.so");
        let arguments = [&["-shared", "-fPIC"], arguments].concat();
        compile("odd.c", include_str!("../programs/odd.c"), &arguments, &path);
        Self { _directory: directory, path }
    }

    fn open(&self) -> Arc<Library> {
        Library::open(&self.path, &Settings::default()).unwrap()
    }

    fn session(&self) -> InnerSession {
        self.open().open_session(7, true).unwrap()
    }
}

#[track_caller]
fn not_there<T: std::fmt::Debug>(answer: Result<T>, function: &str) {
    let error = answer.unwrap_err();
    assert_eq!(error.code(), Code::FunctionNotSupported, "{error}");
    let (place, says) = ("libodd.so has no function ", error.context());
    assert!(says.ends_with(&format!("{place}{function}")), "{says}");
}

#[test]
#[serial]
fn a_function_that_is_missing_is_not_called() {
    let odd = Odd::new(&[]);
    let (library, session) = (odd.open(), odd.session());
    let (none, call) = (attributes(&[]), plain(M::AES_CBC));
    not_there(library.token(7), "C_GetTokenInfo");
    not_there(library.mechanisms(7), "C_GetMechanismList");
    not_there(library.init_token(7, b"12345678", "odd"), "C_InitToken");
    not_there(session.login(User::User, b"1234"), "C_Login");
    not_there(session.logout(), "C_Logout");
    not_there(session.init_pin(b"1234"), "C_InitPIN");
    not_there(session.set_pin(b"1234", b"4321"), "C_SetPIN");
    not_there(session.create(&none), "C_CreateObject");
    not_there(session.copy(1, &none), "C_CopyObject");
    not_there(session.change(1, &none), "C_SetAttributeValue");
    not_there(session.destroy(1), "C_DestroyObject");
    not_there(session.generate(&call, &none), "C_GenerateKey");
    not_there(session.generate_pair(&call, &none, &none), "C_GenerateKeyPair");
    not_there(session.wrap(&call, 1, 2), "C_WrapKey");
    not_there(session.unwrap(&call, 1, b"wrapped", &none), "C_UnwrapKey");
    not_there(session.derive(&call, 1, &none), "C_DeriveKey");
    not_there(session.verify(b"", b""), "C_Verify");
    not_there(session.verify_part(b""), "C_VerifyUpdate");
    not_there(session.verify_end(b""), "C_VerifyFinal");
    for (function, names) in [
        (F::Encrypt, ["C_EncryptInit", "C_Encrypt", "C_EncryptUpdate", "C_EncryptFinal"]),
        (F::Decrypt, ["C_DecryptInit", "C_Decrypt", "C_DecryptUpdate", "C_DecryptFinal"]),
        (F::Digest, ["C_DigestInit", "C_Digest", "C_DigestUpdate", "C_DigestFinal"]),
    ] {
        let [init, whole, update, end] = names;
        not_there(session.start(function, &call, 1), init);
        not_there(session.size(function, b"data"), whole);
        not_there(session.whole(function, b"data", &mut [0; 16]), whole);
        not_there(session.part(function, b"data", &mut [0; 16]), update);
        not_there(session.end(function, &mut [0; 16]), end);
    }
    not_there(session.start(F::Verify, &call, 1), "C_VerifyInit");
    not_there(session.start(F::SignRecover, &call, 1), "C_SignRecoverInit");
    not_there(session.start(F::VerifyRecover, &call, 1), "C_VerifyRecoverInit");
    not_there(session.part(F::Sign, b"data", &mut []), "C_SignUpdate");
    not_there(session.end(F::Sign, &mut []), "C_SignFinal");
}

#[test]
#[serial]
fn what_is_compiled_as_something_else_is_refused() {
    let other = Odd::new(&["-DNAME=no_list_of_functions"]);
    let error = Library::open(&other.path, &Settings::default()).unwrap_err();
    assert_eq!(error.code(), Code::LibraryLoadFailed);
    assert!(error.context().contains("no function C_GetFunctionList"), "{error}");
    let old = Odd::new(&["-DVERSION=1"]);
    let error = Library::open(&old.path, &Settings::default()).unwrap_err();
    assert_eq!(error.code(), Code::LibraryLoadFailed);
    assert!(error.context().contains("Cryptoki 1.40"), "{error}");
}

/// The arguments come back as the module's description, the flags as its version.
#[test]
#[serial]
fn a_module_gets_its_arguments_and_flags() {
    let plain = Odd::new(&[]).open().info().unwrap();
    assert_eq!((plain.description.as_str(), plain.version), ("no arguments", (0, 2)));
    assert_eq!((plain.cryptoki, plain.manufacturer.as_str()), ((2, 40), "odd \u{fffd}"));
    let odd = Odd::new(&[]);
    let arguments = Some("configdir='/somewhere'".to_owned());
    let settings = Settings { arguments, os_locking: false, ..Settings::default() };
    let info = Library::open(&odd.path, &settings).unwrap().info().unwrap();
    assert_eq!((info.description.as_str(), info.version), ("configdir='/somewhere'", (0, 0)));
    let odd = Odd::new(&[]);
    let settings =
        Settings { arguments: Some("a\0b".to_owned()), os_locking: true, ..Settings::default() };
    let error = Library::open(&odd.path, &settings).unwrap().info().unwrap_err();
    assert_eq!(error.code(), Code::FunctionFailed);
}

/// A module that was told that one thread uses it sees one at a time.
#[test]
#[serial]
fn without_locking_calls_run_one_after_another() {
    let odd = Odd::new(&[]);
    let settings = Settings { os_locking: false, ..Settings::default() };
    let library = Library::open(&odd.path, &settings).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let session = library.open_session(7, true).unwrap();
                for _ in 0..50 {
                    session.random(&mut [0; 8]).unwrap();
                }
            });
        }
    });
}

/// C_Finalize waits for the call that runs: this module answers an error if it does not.
#[test]
#[serial]
fn a_module_is_not_finalised_under_a_call() {
    let odd = Odd::new(&[]);
    let library = odd.open();
    let life = library.life().unwrap();
    std::thread::scope(|scope| {
        let session = library.open_session(7, true).unwrap();
        let (begun, begin) = std::sync::mpsc::channel();
        let seeding = scope.spawn(move || {
            begun.send(()).unwrap();
            session.seed(b"slowly").unwrap();
        });
        begin.recv().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        library.reinitialize(life).unwrap();
        // If it had not waited, the call would still run.
        let session = library.open_session(7, true).unwrap();
        session.random(&mut [0; 8]).unwrap();
        seeding.join().unwrap();
    });
}

#[test]
#[serial]
fn a_list_that_grows_is_asked_for_again() {
    let odd = Odd::new(&[]);
    assert_eq!(odd.open().slots().unwrap(), [7, 8]);
}

#[test]
#[serial]
fn a_code_of_a_vendor_is_told_with_its_number() {
    let odd = Odd::new(&[]);
    let session = odd.session();
    session.start(F::Sign, &plain(M::RSA_PKCS), 1).unwrap();
    let error = session.whole(F::Sign, &[0], &mut [0; 8]).unwrap_err();
    assert_eq!(error.code(), Code::DeviceError);
    for part in ["libodd.so", "C_Sign", "0x80000042", "vendor"] {
        assert!(error.context().contains(part), "{error}");
    }
}

#[test]
#[serial]
fn a_module_that_counts_more_than_there_is_room_for_is_not_believed() {
    let odd = Odd::new(&[]);
    let session = odd.session();
    session.start(F::Sign, &plain(M::RSA_PKCS), 1).unwrap();
    let error = session.whole(F::Sign, &[1], &mut [0; 8]).unwrap_err();
    assert_eq!(error.code(), Code::DeviceError);
    assert!(error.context().contains("9 bytes into 8"), "{error}");
    let error = session.find(&attributes(&[])).unwrap_err();
    assert_eq!(error.code(), Code::DeviceError);
    assert!(error.context().contains("counts 520 objects of 512"), "{error}");
}

#[test]
#[serial]
fn sessions_are_closed_and_those_of_an_ended_life_are_not() {
    let odd = Odd::new(&[]);
    let library = odd.open();
    let (one, two) = (odd.session(), odd.session());
    assert_eq!(one.state().unwrap(), 2);
    drop(two);
    assert_eq!(one.state().unwrap(), 1);
    library.reinitialize(library.life().unwrap()).unwrap();
    drop(one);
    // The module counts on from what it had: the session of the first life was left to it.
    assert_eq!(odd.session().state().unwrap(), 2);
}

#[test]
#[serial]
fn attributes_are_read_one_by_one_where_a_module_refuses_the_lot() {
    const WANTED: [A; 5] = [A::MODULUS, A::LABEL, A::VALUE, A::CLASS, A::SENSITIVE];
    let odd = Odd::new(&[]);
    let session = odd.session();
    let expected = attributes(&[
        (A::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
        (A::LABEL, Value::bytes(*b"odd")),
        // Written as 0xff.
        (A::SENSITIVE, Value::Bool(true)),
    ]);
    for (object, how) in [(1, "refuses the lot"), (2, "gives up half-way"), (5, "behaves")] {
        assert_eq!(session.read(object, &WANTED).unwrap(), expected, "it {how}");
    }
    let error = session.read(3, &WANTED).unwrap_err();
    assert_eq!(error.code(), Code::GeneralError);
    assert_eq!(session.read(4, &WANTED).unwrap_err().code(), Code::DeviceRemoved);
    // Half a CK_ULONG, and a date that is none.
    let read = session.read(5, &[A::KEY_TYPE, A::START_DATE, A::CLASS]).unwrap();
    assert_eq!(read.iter().map(|row| row.0).collect::<Vec<_>>(), [A::CLASS]);
    assert_eq!(read.key_type(), None::<KeyType>);
}

/// The file may go once it is loaded, as it does when a package is upgraded.
#[test]
#[serial]
fn a_module_stays_loaded_when_its_file_goes() {
    let odd = Odd::new(&[]);
    let library = odd.open();
    fs::remove_file(&odd.path).unwrap();
    assert_eq!(library.info().unwrap().cryptoki, (2, 40));
}
