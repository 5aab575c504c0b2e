//! Whoever can write the file but has no PIN: what is changed in it is noticed.

use keyway_pkcs11::attribute::{AttributeType, Value};
use keyway_pkcs11::backend::{ObjectId, User, View};
use keyway_pkcs11::error::Code;
use rusqlite::params;

use crate::harness::*;

/// Reads an object as a process that starts now would.
fn read(directory: &std::path::Path, id: ObjectId) -> keyway_pkcs11::error::Result<()> {
    let token = open(directory);
    token.login(User::User, USER)?;
    token.object(id, View::All).map(drop)
}

#[test]
fn bits_flipped_in_the_file_are_noticed_and_the_story_names_the_object() {
    let (directory, token) = logged_in();
    for (private, n) in [(true, 1_u8), (false, 2)] {
        let id = token.create(aes_key(&[n], private)).unwrap().id;
        let database = behind(directory.path());
        let mut body: Vec<u8> = database
            .query_row("SELECT body FROM object WHERE id = ?1", params![id.0], |row| row.get(0))
            .unwrap();
        body[20] ^= 1;
        let flip = "UPDATE object SET body = ?2 WHERE id = ?1";
        assert_eq!(database.execute(flip, params![id.0, body]).unwrap(), 1);
        let story = read(directory.path(), id).unwrap_err();
        assert_eq!(story.code(), Code::DeviceError);
        assert!(story.to_string().contains(&format!("{id:?}")), "{story}");
    }
}

#[test]
fn two_swapped_rows_are_noticed() {
    let (directory, token) = logged_in();
    let ids = [b"1", b"2"].map(|id| token.create(aes_key(id, true)).unwrap().id);
    let database = behind(directory.path());
    let parked = [0xff_u8; 16];
    for (from, to) in [(ids[0].0, parked), (ids[1].0, ids[0].0), (parked, ids[1].0)] {
        let moved = database.execute("UPDATE object SET id = ?2 WHERE id = ?1", params![from, to]);
        assert_eq!(moved.unwrap(), 1);
    }
    for id in ids {
        assert_code(read(directory.path(), id), Code::DeviceError);
    }
}

#[test]
fn a_row_of_another_token_is_noticed() {
    let (here, token) = logged_in();
    let (there, other) = logged_in();
    token.create(aes_key(b"1", true)).unwrap();
    let id = other.create(aes_key(b"1", true)).unwrap().id;
    let database = behind(here.path());
    let path = there.path().join("token-1.db");
    database.execute("ATTACH ?1 AS there", params![path.to_str()]).unwrap();
    database.execute("INSERT INTO object SELECT * FROM there.object", []).unwrap();
    assert_code(read(here.path(), id), Code::DeviceError);
}

#[test]
fn an_older_version_under_the_newer_number_is_noticed() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"1", true)).unwrap();
    let database = behind(directory.path());
    let old: Vec<u8> = database.query_row("SELECT body FROM object", [], |row| row.get(0)).unwrap();
    let mut changed = key.snapshot().attributes.clone();
    changed.set(AttributeType::ENCRYPT, Value::Bool(false));
    token.update(&key, &key.snapshot(), changed).unwrap();
    database.execute("UPDATE object SET body = ?1", params![old]).unwrap();
    assert_code(read(directory.path(), key.id), Code::DeviceError);
}

#[test]
fn a_public_object_changed_without_a_pin_is_noticed_by_those_who_have_one() {
    let (directory, token) = logged_in();
    let id = token.create(data("genuine")).unwrap().id;
    let before: Vec<u8> = behind(directory.path())
        .query_row("SELECT body FROM object", [], |row| row.get(0))
        .unwrap();
    let at = before.windows(7).position(|window| window == b"genuine").unwrap();
    let mut forged = before.clone();
    forged[at..at + 7].copy_from_slice(b"trickyy");
    behind(directory.path()).execute("UPDATE object SET body = ?1", params![forged]).unwrap();
    let other = open(directory.path());
    let seen = other.object(id, View::Public).unwrap().expect("readable before login");
    other.login(User::User, USER).unwrap();
    assert!(seen.is_destroyed(), "what was read before the login is taken back");
    assert_code(other.object(id, View::All), Code::DeviceError);
}

#[test]
fn a_forged_index_row_leads_nowhere() {
    let (directory, token) = logged_in();
    token.create(aes_key(b"wanted", true)).unwrap();
    let other = token.create(aes_key(b"other", true)).unwrap();
    let database = behind(directory.path());
    let rows = database.execute(
        "UPDATE tag SET object = ?1 WHERE object <> ?1 AND tag NOT IN \
         (SELECT tag FROM tag WHERE object = ?1)",
        params![other.id.0],
    );
    assert_eq!(rows.unwrap(), 1);
    assert!(found(&*token, &by_id(b"wanted"), View::All).is_empty());
    assert_code(open(directory.path()).login(User::User, USER), Code::DeviceError);
}

#[test]
fn a_forged_label_or_clear_key_is_noticed_at_login() {
    let (directory, _token) = fresh();
    let database = behind(directory.path());
    let clear: Vec<u8> =
        database.query_row("SELECT clear FROM token", [], |row| row.get(0)).unwrap();
    for at in 5..clear.len() {
        let mut forged = clear.clone();
        forged[at] ^= 1;
        database.execute("UPDATE token SET clear = ?1", params![forged]).unwrap();
        let token = open(directory.path());
        assert_code(token.login(User::User, USER), Code::DeviceError);
    }
    database.execute("UPDATE token SET clear = ?1", params![clear]).unwrap();
    open(directory.path()).login(User::User, USER).unwrap();
}

#[test]
fn an_account_in_the_place_of_another_opens_nothing() {
    let (directory, _token) = fresh();
    let database = behind(directory.path());
    let swap = "UPDATE account SET (salt, wrapped) = \
                (SELECT salt, wrapped FROM account WHERE role = 1) WHERE role = 2";
    database.execute(swap, []).unwrap();
    // Damage: the row does not fit its checksum. Whoever forges rows forges that as well.
    let token = open(directory.path());
    assert_code(token.login(User::User, SO), Code::DeviceError);
    sum_accounts(&database);
    assert_code(token.login(User::User, SO), Code::PinIncorrect);
    // The officer's own PIN opens the seal over the set, which the swap does not fit.
    assert_code(token.login(User::SecurityOfficer, SO), Code::DeviceError);
}

#[test]
fn no_attribute_and_no_secret_of_a_private_object_lies_in_the_files() {
    let (directory, token) = logged_in();
    let mut key = aes_key(b"recognisable-id", true);
    key.set(AttributeType::LABEL, Value::bytes(*b"recognisable-label"));
    token.create(key).unwrap();
    let files = std::fs::read_dir(directory.path()).unwrap();
    let all: Vec<u8> =
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    for needle in [&b"recognisable"[..], &[0x42; 16], USER.0, SO.0] {
        assert!(!all.windows(needle.len()).any(|window| window == needle), "{needle:?}");
    }
}

#[test]
fn a_destroyed_key_leaves_no_ciphertext_after_logout() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"1", true)).unwrap();
    let body: Vec<u8> = behind(directory.path())
        .query_row("SELECT body FROM object", [], |row| row.get(0))
        .unwrap();
    token.destroy(&key).unwrap();
    token.logout().unwrap();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(32).any(|window| window == &body[..32]), "{}", path.display());
    }
}

#[test]
fn a_damaged_object_can_be_found_and_destroyed() {
    let (directory, token) = logged_in();
    let key = token.create(aes_key(b"1", true)).unwrap();
    behind(directory.path()).execute("UPDATE object SET body = x'00'", []).unwrap();
    let other = open(directory.path());
    other.login(User::User, USER).unwrap();
    assert_eq!(found(&*other, &by_id(b"1"), View::All), [key.id]);
    assert_code(other.object(key.id, View::All), Code::DeviceError);
    assert!(
        found(&*other, &query([(AttributeType::ENCRYPT, Value::Bool(true))]), View::All).is_empty()
    );
    token.destroy(&key).unwrap();
    assert!(found(&*other, &query([]), View::All).is_empty());
}
