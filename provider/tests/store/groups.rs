//! Tokens that a group shares: the mode of their directory decides.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::sync::Arc;

use keyway_pkcs11::backend::{Token, User, View};
use tempfile::TempDir;

use crate::children::{self, Child};
use crate::harness::*;

/// The group of [`children::nobody`].
const GROUP: u32 = 65534;

/// A token made in a directory of this mode, which is that group's if this user may say so.
fn token_under(mode: u32) -> (TempDir, Arc<dyn Token>) {
    let directory = tempfile::tempdir().unwrap();
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        chown(directory.path(), None, Some(GROUP)).unwrap();
    }
    fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
    let token = open(directory.path());
    token.initialize(SO, "shared").unwrap();
    token.login(User::SecurityOfficer, SO).unwrap();
    token.init_pin(USER).unwrap();
    token.logout().unwrap();
    token.login(User::User, USER).unwrap();
    for id in [b"1".as_slice(), b"doomed"] {
        token.create(aes_key(id, true)).unwrap();
    }
    token.create(data("public")).unwrap();
    (directory, token)
}

/// The modes of all files in a directory, which all have one, and their group.
fn files(directory: &Path) -> (u32, u32) {
    let files: Vec<_> = fs::read_dir(directory).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 5, "{files:?}");
    let all: Vec<_> = files.iter().map(|file| file.metadata().unwrap()).collect();
    let (mode, group) = (all[0].mode() & 0o7777, all[0].gid());
    for (file, metadata) in files.iter().zip(&all) {
        assert_eq!((metadata.mode() & 0o7777, metadata.gid()), (mode, group), "{file:?}");
    }
    (mode, group)
}

#[test]
fn a_group_that_may_write_the_directory_may_write_its_tokens() {
    let (directory, token) = token_under(0o2770);
    let group = fs::metadata(directory.path()).unwrap().gid();
    assert_eq!(files(directory.path()), (0o660, group));
    let output = children::as_nobody(directory.path(), Child::MakeAndDestroy);
    assert!(output.contains("made and destroyed"), "{output}");
    only(&*token, &by_id(b"theirs"));
    assert!(found(&*token, &by_id(b"doomed"), View::All).is_empty());
    assert_eq!(files(directory.path()), (0o660, group));
}

#[test]
fn a_group_that_may_read_the_directory_may_read_its_tokens() {
    let (directory, _token) = token_under(0o2750);
    assert_eq!(files(directory.path()).0, 0o640);
    // Only root can play another user.
    if let Some((_copy, mut command)) = children::nobody(directory.path(), Child::ReadOnly) {
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains("read-only done"), "{output:?}");
    }
}

#[test]
fn without_the_set_group_id_bit_a_token_is_its_owner_s_alone() {
    let (directory, _token) = token_under(0o770);
    assert_eq!(files(directory.path()).0, 0o600);
}

#[test]
fn others_are_never_given_anything() {
    let (directory, _token) = token_under(0o2777);
    assert_eq!(files(directory.path()).0, 0o660);
}

/// A umask that takes rights from the group does not take them from a shared token.
#[test]
fn the_umask_of_who_makes_a_token_does_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o2770)).unwrap();
    children::shell(directory.path(), "umask 077; exec \"$@\"", Child::Initialize);
    let database = fs::metadata(directory.path().join("token-1.db")).unwrap();
    assert_eq!(database.mode() & 0o7777, 0o660);
    let others = ["token-1.db-wal", "token-1.db-shm", "token-1.lock", "token-1.epoch"];
    for name in others {
        let file = fs::metadata(directory.path().join(name)).unwrap();
        assert_eq!(file.mode() & 0o7777, 0o660, "{name}");
    }
}
