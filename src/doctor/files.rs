//! Owners and modes of files, for every section that looks at some.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::{Finding, bad, quoted};
use crate::users::Users;

const ROOT: u32 = 0;
/// Write permission for the group and for others.
const OTHERS_WRITE: u32 = 0o022;

/// What lets others replace a file that programs trust.
pub(super) fn writable_by_others(path: &Path, metadata: &Metadata) -> Option<Finding> {
    let mode = metadata.permissions().mode();
    if mode & OTHERS_WRITE != 0 {
        return Some(
            bad(format!(
                "{} can be changed by others (mode {:04o})",
                path.display(),
                mode & 0o7777
            ))
            .command(format!("chmod go-w {}", quoted(path))),
        );
    }
    let owner = metadata.uid();
    if owner != ROOT && owner != own_uid() {
        return Some(
            bad(format!("{} belongs to {}, who can change it", path.display(), user_name(owner)))
                .command(format!("sudo chown root {}", quoted(path))),
        );
    }
    None
}

/// The user that this process acts as.
pub(super) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The name of a user, or the number of one that has none.
pub(super) fn user_name(uid: u32) -> String {
    let users = Users::of_this_machine();
    users.find(uid).map_or_else(|| format!("user {uid}"), str::to_owned)
}
