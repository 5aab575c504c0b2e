//! Tokens that open with a PIN and a key in another token, here SoftHSM2's.

#[path = "../store/harness.rs"]
#[allow(dead_code, reason = "shared with the tests of the store")]
mod harness;
mod hsm;

use std::path::Path;
use std::sync::Arc;

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::admin::backup::{Backup, restore};
use keyway_pkcs11::admin::root::Meant;
use keyway_pkcs11::backend::bridge::{Profile, RootKey};
use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig};
use keyway_pkcs11::backend::{Token, User};
use keyway_pkcs11::error::Code;
use keyway_pkcs11::store::{Cost, EventKind, Store};

use harness::*;
use hsm::{Hsm, inside};

/// The configuration of a directory whose slot 1 has this root.
fn rooted(directory: &Path, root: Option<&str>) -> EmbeddedConfig {
    let generic = Profile::load("generic").unwrap();
    let key = root.map(|uri| RootKey::of_uri(uri, None, Arc::new(generic)).unwrap());
    let roots = key.map(|key| (1, Arc::new(key))).into_iter().collect();
    EmbeddedConfig { roots, slots: vec![1], ..config(directory) }
}

fn open_with(directory: &Path, root: Option<&str>) -> Arc<dyn Token> {
    token_in(&EmbeddedBackend::new(rooted(directory, root)), 1)
}

fn admin(directory: &Path, root: Option<&str>) -> Admin {
    Admin::among(&rooted(directory, root), None).unwrap()
}

/// A token with both PINs and this root, and a private key.
fn made(root: Option<&str>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let token = open_with(directory.path(), root);
    token.initialize(SO, "test").unwrap();
    token.login(User::SecurityOfficer, SO).unwrap();
    token.init_pin(USER).unwrap();
    token.logout().unwrap();
    token.login(User::User, USER).unwrap();
    token.create(aes_key(b"1", true)).unwrap();
    token.logout().unwrap();
    directory
}

/// Both PINs open the token under this root, and its key is there.
#[track_caller]
fn assert_opens(directory: &Path, root: Option<&str>) {
    let token = open_with(directory, root);
    token.login(User::SecurityOfficer, SO).unwrap();
    token.logout().unwrap();
    token.login(User::User, USER).unwrap();
    only(&*token, &by_id(b"1"));
}

/// The right PIN does not open the token, nothing is counted, and these words say why.
#[track_caller]
fn assert_shut(directory: &Path, root: Option<&str>, words: &[&str]) {
    let before = tries(directory);
    let token = open_with(directory, root);
    for (user, pin) in [(User::User, USER), (User::SecurityOfficer, SO), (User::User, WRONG)] {
        let error = token.login(user, pin).unwrap_err();
        assert_eq!(error.code(), Code::DeviceError, "{error}");
        for word in words {
            assert!(error.context().contains(word), "{word}: {error}");
        }
    }
    assert_code(token.set_pin(User::User, USER, WRONG), Code::DeviceError);
    assert_eq!(tries(directory), before);
}

/// How often a wrong PIN was tried, by role.
fn tries(directory: &Path) -> Vec<u32> {
    let database = behind(directory);
    let mut select = database.prepare("SELECT failures FROM account ORDER BY role").unwrap();
    select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_pin_and_an_aes_or_rsa_key_of_an_hsm_open_a_token() {
    inside("a_pin_and_an_aes_or_rsa_key_of_an_hsm_open_a_token", || {
        let hsm = Hsm::of_this_process();
        for uri in [hsm.aes("hsm", "root", "01"), hsm.rsa("hsm", "pair", "02")] {
            let root = Some(uri.as_str());
            let directory = made(root);
            assert_opens(directory.path(), root);
            let token = open_with(directory.path(), root);
            assert_code(token.login(User::User, WRONG), Code::PinIncorrect);
            assert_eq!(tries(directory.path()), [0, 1]);
            token.set_pin(User::User, USER, WRONG).unwrap();
            assert_code(token.login(User::User, USER), Code::PinIncorrect);
            token.login(User::User, WRONG).unwrap();
            token.login(User::ContextSpecific, WRONG).unwrap();
            token.logout().unwrap();
            token.login(User::SecurityOfficer, SO).unwrap();
            token.init_pin(USER).unwrap();
            token.logout().unwrap();
            assert_opens(directory.path(), root);
            token.initialize(SO, "again").unwrap();
            let shut = open_with(directory.path(), None).login(User::SecurityOfficer, SO);
            assert_code(shut, Code::DeviceError);
            open_with(directory.path(), root).login(User::SecurityOfficer, SO).unwrap();
        }
    });
}

#[test]
fn without_its_root_no_pin_opens_a_token_and_none_is_counted() {
    inside("without_its_root_no_pin_opens_a_token_and_none_is_counted", || {
        let hsm = Hsm::of_this_process();
        let right = hsm.aes("hsm", "root", "01");
        let directory = made(Some(&right));
        let path = directory.path();
        let serial = Hsm::serial("hsm");
        let named = ["AES key 'root'", "token 'hsm'", &serial];
        let shut =
            |root: Option<&str>, word| assert_shut(path, root, &[&named[..], &[word]].concat());
        shut(None, "add: root = \"pkcs11:token=hsm;serial=");
        let other = hsm.aes("other", "root", "01");
        shut(Some(&other), "token 'other'");
        shut(Some(&hsm.rsa("hsm", "pair", "02")), "another type");
        shut(Some(&right.replace("object=root", "object=roots")), "no such AES key");
        shut(Some(&right.replace("token=hsm", "token=gone")), "no token is that");
        shut(Some(&right.replace("libsofthsm2", "libnothing")), "libnothing");
        shut(Some(right.split_once("&pin-source").unwrap().0), "pin-source");
        shut(Some(&right.replace("hsm-pin", "no-pin")), "read the PIN");
        assert_opens(path, Some(&right));
    });
}

#[test]
fn the_same_key_in_another_hsm_is_the_same_root() {
    inside("the_same_key_in_another_hsm_is_the_same_root", || {
        let [one, other] = Hsm::of_this_process().same_aes(["hsm", "copy"], "root", "01");
        let directory = made(Some(&one));
        assert_opens(directory.path(), Some(&other));
        assert_opens(directory.path(), Some(&one));
    });
}

#[test]
fn a_pin_that_the_hsm_refused_is_not_tried_again_until_it_changes() {
    inside("a_pin_that_the_hsm_refused_is_not_tried_again_until_it_changes", || {
        let right = Hsm::of_this_process().aes("hsm", "root", "01");
        let directory = made(Some(&right));
        let pin = directory.path().join("pin");
        std::fs::write(&pin, "999999\n").unwrap();
        let module = right.split_once('&').unwrap().0;
        let uri = format!("{module}&pin-source={}", pin.display());
        for word in ["C_Login answered CKR_PIN_INCORRECT", "refused before", "refused before"] {
            // Also not by a module that was initialised anew.
            let token = open_with(directory.path(), Some(&uri));
            let error = token.login(User::User, USER).unwrap_err();
            assert_eq!(error.code(), Code::DeviceError);
            assert!(error.context().contains(word), "{word}: {error}");
        }
        std::fs::write(&pin, format!("{}\n", softhsm::USER_PIN)).unwrap();
        open_with(directory.path(), Some(&uri)).login(User::User, USER).unwrap();
        assert_eq!(tries(directory.path()), [0, 0]);
    });
}

#[test]
fn a_slot_with_a_root_takes_no_token_without_one() {
    inside("a_slot_with_a_root_takes_no_token_without_one", || {
        let uri = Hsm::of_this_process().aes("hsm", "root", "01");
        let directory = made(None);
        let path = directory.path();
        assert_shut(path, Some(&uri), &["a PIN alone", "keyway token rewrap"]);
        assert_opens(path, None);
        let token = open_with(path, Some(&uri));
        assert_code(token.initialize(WRONG, "again"), Code::PinIncorrect);
        token.initialize(SO, "again").unwrap();
        token.login(User::SecurityOfficer, SO).unwrap();
        assert_code(open_with(path, None).login(User::SecurityOfficer, SO), Code::DeviceError);
    });
}

#[test]
fn a_token_moves_from_root_to_root_and_programs_go_on() {
    inside("a_token_moves_from_root_to_root_and_programs_go_on", || {
        let hsm = Hsm::of_this_process();
        let (a, b) = (hsm.aes("hsm", "root", "01"), hsm.rsa("other", "pair", "02"));
        let directory = made(None);
        let path = directory.path();
        let user = open_with(path, None);
        user.login(User::User, USER).unwrap();
        let rewrap = |configured, from, to, so_pin, pin| {
            admin(path, configured).rewrap(from, to, so_pin, pin)
        };
        let (configured, nothing) = (Meant::Configured, Meant::Nothing);
        // Without a PIN, or with a wrong one, nothing changes.
        assert_code(rewrap(None, configured, Meant::Uri(&a), SO, None), Code::ArgumentsBad);
        assert_code(rewrap(None, configured, Meant::Uri(&a), SO, Some(WRONG)), Code::PinIncorrect);
        assert_code(
            rewrap(None, configured, Meant::Uri(&a), WRONG, Some(USER)),
            Code::PinIncorrect,
        );
        assert_code(rewrap(None, configured, Meant::Uri("pkcs11:"), SO, None), Code::ArgumentsBad);
        let gone = a.replace("object=root", "object=gone");
        let answer = rewrap(None, configured, Meant::Uri(&gone), SO, Some(USER));
        assert_code(answer, Code::TokenNotPresent);
        assert_opens(path, None);
        // From none to the one that is configured, to another, to the same again, to none.
        rewrap(Some(&a), configured, configured, SO, Some(USER)).unwrap();
        assert_opens(path, Some(&a));
        assert_shut(path, None, &["AES key 'root'"]);
        user.create(aes_key(b"2", true)).unwrap();
        rewrap(Some(&b), Meant::Uri(&a), configured, SO, Some(USER)).unwrap();
        assert_opens(path, Some(&b));
        assert_shut(path, Some(&a), &["RSA key 'pair'", "another type"]);
        assert_code(rewrap(Some(&a), configured, nothing, SO, Some(USER)), Code::TokenNotPresent);
        let before = root_of(path);
        rewrap(Some(&b), configured, configured, SO, Some(USER)).unwrap();
        assert_ne!(root_of(path), before, "a new root secret");
        assert_opens(path, Some(&b));
        rewrap(Some(&b), configured, nothing, SO, Some(USER)).unwrap();
        assert_opens(path, None);
        // The program that was logged in all the time.
        user.create(aes_key(b"3", true)).unwrap();
        user.set_pin(User::User, USER, WRONG).unwrap();
        open_with(path, None).login(User::User, WRONG).unwrap();
        let store = keyway_pkcs11::store::sqlite::SqliteStore::new(&path.join("token-1.db"));
        let events = store.events(1, 100).unwrap();
        let kind = EventKind::Rewrapped as u8;
        assert_eq!(events.iter().filter(|event| event.kind == kind).count(), 4);
        let report = admin(path, None).check(Some(WRONG)).unwrap();
        assert_eq!(report.findings, []);
    });
}

/// What the token record holds in clear.
fn root_of(directory: &Path) -> Vec<u8> {
    behind(directory).query_row("SELECT clear FROM token", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_token_without_a_user_pin_moves_with_the_officers_alone() {
    inside("a_token_without_a_user_pin_moves_with_the_officers_alone", || {
        let uri = Hsm::of_this_process().aes("hsm", "root", "01");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        open_with(path, None).initialize(SO, "test").unwrap();
        let answer = admin(path, None).rewrap(Meant::Configured, Meant::Uri(&uri), SO, None);
        answer.unwrap();
        let token = open_with(path, Some(&uri));
        token.login(User::SecurityOfficer, SO).unwrap();
        token.init_pin(USER).unwrap();
        token.logout().unwrap();
        token.login(User::User, USER).unwrap();
    });
}

/// `token-v3.db` was made before tokens had roots: by the harness's PINs, with a key that the
/// `keyway` command made.
#[test]
fn a_token_of_the_third_format_goes_on_and_can_be_given_a_root() {
    inside("a_token_of_the_third_format_goes_on_and_can_be_given_a_root", || {
        let uri = Hsm::of_this_process().aes("hsm", "root", "01");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let old = include_bytes!("../store/token-v3.db");
        std::fs::write(path.join("token-1.db"), old).unwrap();
        let token = open_with(path, None);
        token.login(User::User, USER).unwrap();
        only(&*token, &by_label("k"));
        token.create(aes_key(b"1", true)).unwrap();
        let version = |path| -> i32 {
            behind(path).query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
        };
        assert_eq!(version(path), 4);
        assert_opens(path, None);
        let state = admin(path, None).root().unwrap();
        assert!(state.wanted.is_none() && state.trouble.is_none());
        let answer = admin(path, None).rewrap(Meant::Configured, Meant::Uri(&uri), SO, Some(USER));
        answer.unwrap();
        assert_opens(path, Some(&uri));
        assert_shut(path, None, &["AES key 'root'"]);
    });
}

#[test]
fn a_backup_needs_the_root_wherever_it_is_restored() {
    inside("a_backup_needs_the_root_wherever_it_is_restored", || {
        let uri = Hsm::of_this_process().aes("hsm", "root", "01");
        let here = made(Some(&uri));
        let out = here.path().join("token.backup");
        let passphrase = b"correct horse battery staple";
        let cost = Cost { kibibytes: 8, passes: 1, lanes: 1 };
        let backup = |pin| Backup { out: &out, passphrase, pin, cost };
        let missing = admin(here.path(), None).back_up(&backup(Some(USER)));
        assert_code(missing, Code::TokenNotPresent);
        assert!(!out.exists());
        admin(here.path(), Some(&uri)).back_up(&backup(Some(USER))).unwrap();
        let there = tempfile::tempdir().unwrap();
        restore(&config(there.path()), &out, passphrase, false).unwrap();
        assert_shut(there.path(), None, &["AES key 'root'", "no root is configured"]);
        assert_opens(there.path(), Some(&uri));
    });
}

#[test]
fn a_check_looks_at_what_it_can_and_names_the_root_that_is_missing() {
    inside("a_check_looks_at_what_it_can_and_names_the_root_that_is_missing", || {
        let uri = Hsm::of_this_process().aes("hsm", "root", "01");
        let directory = made(Some(&uri));
        let path = directory.path();
        let report = admin(path, Some(&uri)).check(Some(USER)).unwrap();
        assert!(report.unlocked && report.findings.is_empty(), "{report:?}");
        assert_eq!(admin(path, None).check(None).unwrap().findings, []);
        let refused = admin(path, None).check(Some(USER)).unwrap_err();
        assert_eq!(refused.code(), Code::TokenNotPresent);
        assert!(refused.context().contains("AES key 'root'"), "{refused}");
        let state = admin(path, Some(&uri)).root().unwrap();
        assert!(state.trouble.is_none() && state.wanted.unwrap().contains("'root'"));
        let state = admin(path, None).root().unwrap();
        assert!(state.trouble.unwrap().context().contains("no root is configured"));
    });
}

#[test]
fn a_changed_root_in_the_file_opens_nothing() {
    inside("a_changed_root_in_the_file_opens_nothing", || {
        let uri = Hsm::of_this_process().aes("hsm", "root", "01");
        let directory = made(Some(&uri));
        let path = directory.path();
        let right = root_of(path);
        let put = |clear: &[u8]| {
            behind(path).execute("UPDATE token SET clear = ?1", [clear]).unwrap();
        };
        let refused = |changed: &[u8], what: &str| {
            put(changed);
            let code = open_with(path, Some(&uri)).login(User::User, USER).unwrap_err().code();
            assert_eq!((code, tries(path)), (Code::DeviceError, vec![0, 0]), "{what}");
        };
        let root = right.windows(4).position(|bytes| bytes == b"root").unwrap();
        for at in root..right.len() {
            let mut changed = right.clone();
            changed[at] ^= 1;
            refused(&changed, &format!("byte {at} of {}", right.len()));
        }
        // The root is the last field: number, length, value.
        let field = right.windows(5).rposition(|field| {
            let length = u32::from_be_bytes(field[1..].try_into().unwrap()) as usize;
            field[0] == 6 && (100..1000).contains(&length)
        });
        refused(&right[..field.unwrap()], "without the root");
        put(&right);
        assert_opens(path, Some(&uri));
    });
}
