//! A check of a whole token: clean when nothing is wrong, and each kind of damage has its finding.

use std::path::Path;

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::admin::check::{Remedy, Report};
use keyway_pkcs11::attribute::AttributeType;
use keyway_pkcs11::backend::{User, View};
use keyway_pkcs11::error::Code;
use tempfile::TempDir;

use crate::harness::*;

pub fn admin(directory: &Path) -> Admin {
    Admin::all(&config(directory)).unwrap().remove(0)
}

pub fn check(directory: &Path) -> Report {
    admin(directory).check(Some(USER)).unwrap()
}

/// A token with an object of each kind, closed.
fn token() -> TempDir {
    let (directory, token) = logged_in();
    for attributes in [aes_key(b"private", true), aes_key(b"open", false), data("public")] {
        token.create(attributes).unwrap();
    }
    token.logout().unwrap();
    directory
}

#[track_caller]
fn assert_found(directory: &Path, remedy: Remedy, what: &str) {
    let findings = check(directory).findings;
    let fits = |finding: &keyway_pkcs11::admin::check::Finding| {
        finding.remedy == remedy && finding.what.contains(what)
    };
    assert!(findings.iter().any(fits), "no {what:?} in {findings:#?}");
}

fn change(directory: &Path, sql: &str) {
    assert!(behind(directory).execute(sql, []).unwrap() > 0, "{sql}");
}

#[test]
fn a_token_that_nothing_happened_to_is_clean_with_and_without_the_pin() {
    let directory = token();
    let report = check(directory.path());
    assert_eq!(report.findings, []);
    assert!(report.unlocked);
    assert_eq!((report.label.as_str(), report.objects, report.unattested), ("test", 3, 0));
    assert_eq!(report.events, 5);
    let report = admin(directory.path()).check(None).unwrap();
    assert_eq!(report.findings, []);
    assert!(!report.unlocked && report.objects == 3);
}

#[test]
fn a_wrong_pin_is_an_error_and_no_finding() {
    let directory = token();
    let answer = admin(directory.path()).check(Some(WRONG));
    assert_eq!(answer.unwrap_err().code(), Code::PinIncorrect);
}

#[test]
fn a_check_changes_nothing_and_counts_what_nobody_vouched_for() {
    let directory = token();
    open(directory.path()).create(data("early")).unwrap();
    for _ in 0..2 {
        let report = check(directory.path());
        assert_eq!((report.findings.len(), report.objects, report.unattested), (0, 4, 1));
    }
}

#[test]
fn a_damaged_record_is_found_by_its_name_and_the_others_are_fine() {
    let directory = token();
    for form in [1, 2, 3] {
        let id: Vec<u8> = behind(directory.path())
            .query_row("SELECT id FROM object WHERE form = ?1", [form], |row| row.get(0))
            .unwrap();
        let id = hex::encode(id);
        change(
            directory.path(),
            &format!(
                "UPDATE object SET body = CAST(substr(body, 1, 20) || x'5a' || substr(body, 22) \
                 AS BLOB) WHERE form = {form}"
            ),
        );
        assert_found(directory.path(), Remedy::RestoreOrDestroy, &id);
        assert_eq!(check(directory.path()).findings.len(), form);
    }
}

#[test]
fn a_deleted_object_is_found_and_may_be_accepted() {
    let directory = token();
    change(directory.path(), "DELETE FROM object WHERE form = 1");
    assert_found(directory.path(), Remedy::RestoreOrAccept, "4 are there");
    assert_found(directory.path(), Remedy::RestoreOrAccept, "lead nowhere");
    assert_code(open(directory.path()).login(User::User, USER), Code::DeviceError);
    admin(directory.path()).accept(USER).unwrap();
    let report = check(directory.path());
    assert_eq!((report.findings, report.objects), (vec![], 2));
    let token = open(directory.path());
    token.login(User::User, USER).unwrap();
    assert_eq!(found(&*token, &query([]), View::All).len(), 2);
}

#[test]
fn an_object_that_searches_do_not_find_is_found_and_its_index_made_anew() {
    let directory = token();
    change(
        directory.path(),
        "DELETE FROM tag WHERE object IN (SELECT id FROM object WHERE form = 1)",
    );
    let without = admin(directory.path()).check(None).unwrap().findings;
    assert!(without[0].what.contains("searches do not find it"), "{without:?}");
    admin(directory.path()).accept(USER).unwrap();
    assert_eq!(check(directory.path()).findings, []);
    let token = open(directory.path());
    token.login(User::User, USER).unwrap();
    only(&*token, &by_id(b"private"));
}

#[test]
fn an_event_that_was_changed_or_cut_off_is_found() {
    let directory = token();
    change(directory.path(), "UPDATE event SET kind = 6 WHERE sequence = 3");
    assert_found(directory.path(), Remedy::RestoreOrAccept, "event 3 does not follow");
    let directory = token();
    change(directory.path(), "UPDATE event SET mac = randomblob(32) WHERE sequence = 3");
    assert_found(directory.path(), Remedy::RestoreOrAccept, "event 3 was not written by Keyway");
    let directory = token();
    change(directory.path(), "DELETE FROM event WHERE sequence > 3");
    assert_found(directory.path(), Remedy::RestoreOrAccept, "the newest 2 events are gone");
}

#[test]
fn damage_to_accounts_schema_and_pages_is_found() {
    let directory = token();
    change(directory.path(), "UPDATE account SET failures = 3 WHERE role = 1");
    assert_found(directory.path(), Remedy::Restore, "the SecurityOfficer account");
    let directory = token();
    change(directory.path(), "DELETE FROM account WHERE role = 1");
    assert_found(directory.path(), Remedy::Restore, "account is gone");
    let directory = token();
    behind(directory.path()).execute_batch("CREATE TABLE theirs (n)").unwrap();
    assert_found(directory.path(), Remedy::Restore, "\"theirs\" was changed");
    let directory = token();
    change(directory.path(), "UPDATE token SET clear = substr(clear, 1, 40)");
    assert_found(directory.path(), Remedy::Restore, "token record is damaged");
}

#[test]
fn a_renamed_object_is_found_although_its_record_opens() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"open", false)).unwrap();
    let mut renamed = key.snapshot().attributes.clone();
    renamed.set(
        AttributeType::UNIQUE_ID,
        keyway_pkcs11::attribute::Value::bytes(*b"00000000000000000000000000000000"),
    );
    token.update(&key, &key.snapshot(), renamed).unwrap();
    assert_found(directory.path(), Remedy::RestoreOrDestroy, "CKA_UNIQUE_ID");
}
