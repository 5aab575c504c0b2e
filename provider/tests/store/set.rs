//! The set of rows: whoever writes the file cannot delete, add, double or put back one unnoticed,
//! and what happens without a login is vouched for at the next one.

use std::path::Path;
use std::sync::Arc;

use keyway_pkcs11::attribute::{AttributeType, Value};
use keyway_pkcs11::backend::{Object, Token, User, View};
use keyway_pkcs11::error::Code;
use keyway_pkcs11::store::sqlite::SqliteStore;
use keyway_pkcs11::store::{EventKind, Store};
use rusqlite::params;

use crate::harness::*;

/// A row of `object` with its rows of `tag`, to be put back later.
struct Row {
    id: [u8; 16],
    values: (u64, u8, Vec<u8>, Vec<u8>),
}

fn take(directory: &Path, object: &Object) -> Row {
    let sql = "SELECT version, form, tags, body FROM object WHERE id = ?1";
    let values = behind(directory).query_row(sql, params![object.id.0], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    Row { id: object.id.0, values: values.unwrap() }
}

fn delete(directory: &Path, id: [u8; 16]) {
    let database = behind(directory);
    database.execute("DELETE FROM tag WHERE object = ?1", params![id]).unwrap();
    assert_eq!(database.execute("DELETE FROM object WHERE id = ?1", params![id]).unwrap(), 1);
}

fn put(directory: &Path, row: &Row) {
    let database = behind(directory);
    let (version, form, tags, body) = &row.values;
    let sql =
        "INSERT OR REPLACE INTO object (id, version, form, tags, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    database.execute(sql, params![row.id, version, form, tags, body]).unwrap();
    database.execute("DELETE FROM tag WHERE object = ?1", params![row.id]).unwrap();
    for tag in tags.chunks(16) {
        let sql = "INSERT INTO tag (tag, object) VALUES (?1, ?2)";
        database.execute(sql, params![tag, row.id]).unwrap();
    }
}

/// Both logins notice, each by the seal.
#[track_caller]
fn assert_noticed(directory: &Path) {
    for (user, pin) in [(User::User, USER), (User::SecurityOfficer, SO)] {
        let story = open(directory).login(user, pin).unwrap_err();
        assert_eq!(story.code(), Code::DeviceError, "{story}");
        assert!(story.to_string().contains("keyway token check"), "{story}");
    }
}

#[track_caller]
fn assert_fine(directory: &Path) {
    open(directory).login(User::SecurityOfficer, SO).unwrap();
    open(directory).login(User::User, USER).unwrap();
}

/// One object of each kind: private, open, public.
fn one_of_each(token: &dyn Token) -> [Arc<Object>; 3] {
    [aes_key(b"private", true), aes_key(b"open", false), data("public")]
        .map(|attributes| token.create(attributes).unwrap())
}

fn relabelled(object: &Object) -> keyway_pkcs11::attribute::Attributes {
    let mut attributes = object.snapshot().attributes.clone();
    attributes.set(AttributeType::LABEL, Value::bytes(*b"another label"));
    attributes
}

fn count(directory: &Path, table: &str) -> u32 {
    let sql = format!("SELECT count(*) FROM {table}");
    behind(directory).query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// A note that fits its checksum.
fn forge_note(
    database: &rusqlite::Connection,
    id: [u8; 16],
    (version, form): (u64, u8),
    now: Option<&Row>,
) {
    use sha2::{Digest, Sha256};
    let mut sum = Sha256::new().chain_update(b"KWYL\x01").chain_update(id);
    sum.update(version.to_be_bytes());
    sum.update([form]);
    let (tags, body) = match now {
        Some(Row { values: (version, form, tags, body), .. }) => {
            sum.update(version.to_be_bytes());
            sum.update([*form]);
            (&tags[..], &body[..])
        }
        None => (&[][..], &[][..]),
    };
    sum.update((tags.len() as u64).to_be_bytes());
    sum.update(tags);
    sum.update(body);
    let checksum = sum.finalize()[..16].to_vec();
    let sql = "REPLACE INTO loose (id, version, form, checksum) VALUES (?1, ?2, ?3, ?4)";
    database.execute(sql, params![id, version, form, checksum]).unwrap();
}

#[test]
fn a_deleted_row_is_noticed_and_fine_again_when_put_back() {
    let (directory, token) = logged_in();
    for object in one_of_each(&*token) {
        let row = take(directory.path(), &object);
        delete(directory.path(), row.id);
        assert_noticed(directory.path());
        put(directory.path(), &row);
        assert_fine(directory.path());
    }
}

#[test]
fn a_destroyed_object_put_back_is_noticed() {
    let (directory, token) = logged_in();
    for object in one_of_each(&*token) {
        let row = take(directory.path(), &object);
        token.destroy(&object).unwrap();
        assert_fine(directory.path());
        put(directory.path(), &row);
        assert_noticed(directory.path());
        delete(directory.path(), row.id);
        assert_fine(directory.path());
    }
}

#[test]
fn an_older_version_put_back_is_noticed() {
    let (directory, token) = logged_in();
    for object in one_of_each(&*token) {
        let old = take(directory.path(), &object);
        token.update(&object, &object.snapshot(), relabelled(&object)).unwrap();
        let new = take(directory.path(), &object);
        put(directory.path(), &old);
        assert_noticed(directory.path());
        put(directory.path(), &new);
        assert_fine(directory.path());
    }
}

#[test]
fn a_doubled_row_is_noticed() {
    let (directory, token) = logged_in();
    for object in one_of_each(&*token) {
        let mut row = take(directory.path(), &object);
        row.id[0] ^= 1;
        put(directory.path(), &row);
        assert_noticed(directory.path());
        delete(directory.path(), row.id);
    }
    assert_fine(directory.path());
}

#[test]
fn a_row_taken_out_of_the_index_is_noticed() {
    let (directory, token) = logged_in();
    one_of_each(&*token);
    let database = behind(directory.path());
    let first: Vec<u8> =
        database.query_row("SELECT tag FROM tag LIMIT 1", [], |row| row.get(0)).unwrap();
    database.execute("DELETE FROM tag WHERE tag = ?1", params![first]).unwrap();
    assert_noticed(directory.path());
}

#[test]
fn an_account_put_back_to_an_older_pin_is_noticed() {
    const NEW: keyway_pkcs11::backend::Pin<'static> = keyway_pkcs11::backend::Pin(b"new-pin");
    let (directory, token) = fresh();
    let database = behind(directory.path());
    let sql = "CREATE TEMP TABLE old AS SELECT * FROM account WHERE role = 2";
    database.execute_batch(sql).unwrap();
    token.set_pin(User::User, USER, NEW).unwrap();
    open(directory.path()).login(User::User, NEW).unwrap();
    database.execute_batch("REPLACE INTO account SELECT * FROM old").unwrap();
    assert_noticed(directory.path());
}

#[test]
fn a_seal_that_is_missing_or_put_back_is_noticed() {
    let (directory, token) = logged_in();
    let old: Vec<u8> =
        behind(directory.path()).query_row("SELECT body FROM seal", [], |row| row.get(0)).unwrap();
    let key = token.create(aes_key(b"1", true)).unwrap();
    behind(directory.path()).execute("UPDATE seal SET body = ?1", params![old]).unwrap();
    assert_noticed(directory.path());
    token.destroy(&key).unwrap();
    behind(directory.path()).execute("DELETE FROM seal", []).unwrap();
    assert_noticed(directory.path());
    // Whoever is logged in does not paper over it.
    assert_code(token.create(aes_key(b"2", true)), Code::DeviceError);
}

#[test]
fn no_forged_note_explains_a_private_object_away() {
    let (directory, token) = logged_in();
    let [private, ..] = one_of_each(&*token);
    delete(directory.path(), private.id.0);
    let database = behind(directory.path());
    for form in [1, 2, 3, 4] {
        forge_note(&database, private.id.0, (1, form), None);
        assert_noticed(directory.path());
    }
}

#[test]
fn no_forged_note_explains_an_older_public_object() {
    let (directory, token) = logged_in();
    let [.., public] = one_of_each(&*token);
    let old = take(directory.path(), &public);
    token.update(&public, &public.snapshot(), relabelled(&public)).unwrap();
    put(directory.path(), &old);
    forge_note(&behind(directory.path()), public.id.0, (2, 3), Some(&old));
    assert_noticed(directory.path());
}

#[test]
fn damage_to_an_object_that_nobody_vouched_for_is_noticed() {
    let (directory, token) = fresh();
    let early = token.create(data("early")).unwrap();
    let mut row = take(directory.path(), &early);
    let at = row.values.3.windows(5).position(|window| window == b"early").unwrap();
    row.values.3[at] = b'E';
    put(directory.path(), &row);
    assert_noticed(directory.path());
}

#[test]
fn what_happens_without_a_login_is_vouched_for_at_the_next() {
    let (directory, token) = logged_in();
    let [_, open_key, public] = one_of_each(&*token);
    let doomed = token.create(data("doomed")).unwrap();
    token.logout().unwrap();
    token.create(data("early")).unwrap();
    let brief = token.create(data("brief")).unwrap();
    token.update(&public, &public.snapshot(), relabelled(&public)).unwrap();
    token.update(&open_key, &open_key.snapshot(), relabelled(&open_key)).unwrap();
    token.destroy(&doomed).unwrap();
    token.destroy(&brief).unwrap();
    assert_eq!(count(directory.path(), "loose"), 4);
    // The officer's login looks, and leaves it to the user.
    open(directory.path()).login(User::SecurityOfficer, SO).unwrap();
    assert_eq!(count(directory.path(), "loose"), 4);
    token.login(User::User, USER).unwrap();
    assert_eq!(count(directory.path(), "loose"), 0);
    assert_eq!(count(directory.path(), "object WHERE form = 4"), 0);
    let store = SqliteStore::new(&directory.path().join("token-1.db"));
    let attested = EventKind::Attested as u8;
    let events = store.events(1, 100).unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == attested).count(), 4);
    assert_fine(directory.path());
    assert_eq!(found(&*token, &by_label("another label"), View::All).len(), 2);
}

#[test]
fn whoever_is_logged_in_vouches_for_what_he_changes() {
    let (directory, token) = logged_in();
    let public = token.create(data("public")).unwrap();
    let nobody = open(directory.path());
    let theirs = nobody.object(public.id, View::Public).unwrap().unwrap();
    nobody.update(&theirs, &theirs.snapshot(), relabelled(&theirs)).unwrap();
    assert_eq!(count(directory.path(), "loose"), 1);
    token.refresh(&public).unwrap();
    token.destroy(&public).unwrap();
    assert_eq!(count(directory.path(), "loose"), 0);
    assert_fine(directory.path());
}

#[test]
fn a_trusted_object_is_not_destroyed_without_a_login() {
    let (directory, token) = fresh();
    let mut trusted = data("anchor");
    trusted.set(AttributeType::TRUSTED, Value::Bool(true));
    token.login(User::SecurityOfficer, SO).unwrap();
    let anchor = token.create(trusted).unwrap();
    token.logout().unwrap();
    assert_code(token.destroy(&anchor), Code::UserNotLoggedIn);
    let nobody = open(directory.path());
    let same = nobody.object(anchor.id, View::Public).unwrap().unwrap();
    assert_code(nobody.destroy(&same), Code::UserNotLoggedIn);
    assert_fine(directory.path());
}

#[test]
fn threads_and_processes_with_and_without_a_login_keep_the_seal_true() {
    let (directory, token) = logged_in();
    let nobody = open(directory.path());
    let other = open(directory.path());
    other.login(User::User, USER).unwrap();
    std::thread::scope(|scope| {
        for (n, token) in [&token, &nobody, &other, &token, &nobody].into_iter().enumerate() {
            scope.spawn(move || {
                for m in 0..15 {
                    let object = token.create(data(&format!("{n}-{m}"))).unwrap();
                    match m % 3 {
                        0 => token.destroy(&object).unwrap(),
                        1 => {
                            let new = relabelled(&object);
                            token.update(&object, &object.snapshot(), new).unwrap();
                        }
                        _ => {}
                    }
                }
            });
        }
    });
    assert_fine(directory.path());
    assert_eq!(count(directory.path(), "object WHERE form = 3"), 50);
    assert_eq!(count(directory.path(), "loose"), 0);
}

#[test]
fn initialising_again_starts_a_new_set() {
    let (directory, token) = logged_in();
    one_of_each(&*token);
    token.logout().unwrap();
    open(directory.path()).create(data("early")).unwrap();
    token.initialize(SO, "again").unwrap();
    assert_eq!(count(directory.path(), "loose"), 0);
    open(directory.path()).login(User::SecurityOfficer, SO).unwrap();
}

/// `token-v1.db` was made before sets had a seal: by the harness's PINs, with a trusted object, a
/// private key in version 2, an open key, a public object, and one written without a login.
#[test]
fn a_token_of_the_first_format_gets_its_seal_at_its_first_login() {
    for first in [(User::User, USER), (User::SecurityOfficer, SO)] {
        let directory = first_format();
        assert_eq!(open(directory.path()).info().unwrap().label, "test");
        let token = open(directory.path());
        assert_code(token.login(User::User, WRONG), Code::PinIncorrect);
        token.login(first.0, first.1).unwrap();
        assert_fine(directory.path());
        let user = open(directory.path());
        user.login(User::User, USER).unwrap();
        assert_eq!(only(&*user, &by_id(b"private")).snapshot().stored_version, 2);
        for label in ["anchor", "public", "early"] {
            only(&*user, &by_label(label));
        }
        assert_eq!(count(directory.path(), "object WHERE form = 4"), 0);
        let store = SqliteStore::new(&directory.path().join("token-1.db"));
        let events = store.events(1, 100).unwrap();
        let adopted = events.iter().filter(|event| event.kind == EventKind::Adopted as u8);
        assert_eq!(adopted.count(), 1);
        delete(directory.path(), only(&*user, &by_id(b"private")).id.0);
        assert_noticed(directory.path());
    }
}

#[test]
fn a_pin_changed_first_seals_a_token_of_the_first_format_too() {
    let directory = first_format();
    open(directory.path()).set_pin(User::User, USER, WRONG).unwrap();
    open(directory.path()).login(User::User, WRONG).unwrap();
    assert_eq!(count(directory.path(), "seal"), 1);
}

fn first_format() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token-1.db");
    std::fs::write(file, include_bytes!("token-v1.db")).unwrap();
    directory
}
