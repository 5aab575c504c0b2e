//! Which token is meant.

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::backend::embedded::{EmbeddedConfig, FreeSlot};
use keyway_pkcs11::backend::{Backend, User};
use keyway_pkcs11::config::Config;
use keyway_pkcs11::error::Code;

use crate::harness::*;

#[test]
fn the_only_token_needs_no_name_and_one_of_several_does() {
    let (directory, first) = fresh();
    let serial = first.info().unwrap().serial;
    let config = EmbeddedConfig { free_slot: FreeSlot::Always, ..config(directory.path()) };
    assert_eq!(Admin::among(&config, None).unwrap().slot(), 1);
    let backend = keyway_pkcs11::backend::embedded::EmbeddedBackend::new(config.clone());
    let (slot, free) = backend.tokens().unwrap().pop().unwrap();
    free.initialize(SO, "second").unwrap();
    assert_code(Admin::among(&config, None), Code::ArgumentsBad);
    let second = Admin::among(&config, Some("second")).unwrap();
    assert_eq!((second.slot(), second.file()), (slot, &*directory.path().join("token-2.db")));
    assert_eq!(Admin::among(&config, Some(&serial)).unwrap().slot(), 1);
    let Err(unknown) = Admin::among(&config, Some("third")) else { panic!("there is no third") };
    assert_eq!(unknown.code(), Code::TokenNotPresent);
    assert!(unknown.to_string().contains("there are: test, second"), "{unknown}");
}

#[test]
fn a_token_that_cannot_be_read_is_named_and_hides_no_other() {
    let (directory, _token) = fresh();
    let broken = directory.path().join("token-2.db");
    std::fs::write(&broken, [0x55; 8192]).unwrap();
    let config = config(directory.path());
    assert_eq!(Admin::among(&config, Some("test")).unwrap().slot(), 1);
    let Err(error) = Admin::among(&config, Some("lost")) else { panic!("it cannot be read") };
    assert!(error.to_string().contains("token-2.db"), "{error}");
    let all = Admin::all(&config).unwrap();
    assert_eq!(all.iter().map(Admin::slot).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn it_finds_what_the_module_would_through_the_same_configuration() {
    let (directory, _token) = fresh();
    let text = format!("token_dir = {:?}\n", directory.path().display().to_string());
    let file = directory.path().join("keyway.toml");
    std::fs::write(&file, text).unwrap();
    let admin = Admin::open(&Config::read(&file).unwrap(), Some("test")).unwrap();
    assert_code(admin.log_in(User::User, WRONG), Code::PinIncorrect);
    admin.log_in(User::User, USER).unwrap();
    admin.log_in(User::SecurityOfficer, SO).unwrap();
}
