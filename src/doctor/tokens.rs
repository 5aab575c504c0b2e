//! The token directory, its files, and the tokens in it.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statfs, statvfs};

use super::files::{own_uid, user_name};
use super::{Finding, bad, good, noted, quoted};
use crate::local::{Installation, LocalState};

/// File systems where locks or shared memory do not hold between machines, by their numbers in
/// statfs(2).
const REMOTE: [(i64, &str); 5] = [
    (0x6969, "NFS"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x0102_1997, "9p"),
    (0x00C3_6400, "Ceph"),
];
const TMPFS: i64 = 0x0102_1994;
/// Free bytes below which a token may soon be unable to write.
const SPACE_MIN: u64 = 16 << 20;
/// What SQLite and we put beside a token's database.
const BESIDE: [&str; 4] = ["db-wal", "db-shm", "lock", "epoch"];

pub(super) fn examine(installation: &Installation) -> Vec<Finding> {
    let directory = installation.token_dir();
    let metadata = match std::fs::metadata(directory) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return vec![not_made_yet(directory)];
        }
        Err(error) => {
            return vec![
                bad(format!("{}: {error}", directory.display()))
                    .advice("somebody who may enter it has to let this user in (docs/install.md)"),
            ];
        }
    };
    let mut findings = vec![enterable(directory, &metadata)];
    findings.extend(file_system(directory));
    match installation.tokens() {
        Ok(tokens) => {
            for token in &tokens {
                findings.extend(token_files(&token.file, &metadata));
                findings.push(state(token));
            }
        }
        Err(error) => findings.push(bad(error.to_string())),
    }
    findings
}

fn not_made_yet(directory: &Path) -> Finding {
    let there = directory.ancestors().find(|ancestor| ancestor.exists());
    let parent = there.unwrap_or(Path::new("/"));
    match access(parent, Access::WRITE_OK) {
        Ok(()) => good(format!("{} is made with the first token", directory.display())),
        Err(_) => {
            bad(format!("{} does not exist, and this user may not make it", directory.display()))
                .command(format!(
                    "sudo install -d -m 0700 -o {} {}",
                    user_name(own_uid()),
                    quoted(directory)
                ))
        }
    }
}

fn enterable(directory: &Path, metadata: &Metadata) -> Finding {
    let mode = metadata.permissions().mode() & 0o7777;
    let shown = directory.display();
    if mode & 0o007 != 0 {
        return bad(format!("{shown} is open to everybody (mode {mode:04o})"))
            .command(format!("chmod o-rwx {}", quoted(directory)));
    }
    if access(directory, Access::READ_OK | Access::EXEC_OK).is_err() {
        return bad(format!("{shown} is closed to this user")).advice(
            "join the group that it belongs to, if its mode lets the group in (docs/install.md)",
        );
    }
    if access(directory, Access::WRITE_OK).is_err() {
        return noted(format!("{shown} is read-only for this user: keys can be used, not made"));
    }
    good(format!("{shown} belongs to {} (mode {mode:04o})", user_name(metadata.uid())))
}

fn file_system(directory: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Ok(status) = statfs(directory) {
        let number = status.f_type;
        if let Some((_, name)) = REMOTE.iter().find(|(known, _)| *known == number) {
            findings.push(
                bad(format!(
                    "{} lies on {name}: machines would not see each other's changes",
                    directory.display()
                ))
                .advice("set token_dir to a local file system"),
            );
        }
        if number == TMPFS {
            findings.push(
                noted(format!(
                    "{} lies in memory: its keys end with the machine",
                    directory.display()
                ))
                .advice("set token_dir to a disk, unless that is what you want"),
            );
        }
    }
    if let Ok(status) = statvfs(directory) {
        let free = status.f_bavail.saturating_mul(status.f_frsize);
        if free < SPACE_MIN {
            findings.push(
                bad(format!("only {} KiB are free on {}", free >> 10, directory.display()))
                    .advice("make room: what cannot be written is refused, nothing is lost"),
            );
        }
    }
    findings
}

/// The files of one token: closed to others, of one owner.
fn token_files(database: &Path, directory: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Ok(metadata) = std::fs::metadata(database) else { return findings };
    let beside = BESIDE.iter().map(|extension| database.with_extension(extension));
    let mut strangers: Vec<PathBuf> = Vec::new();
    for path in std::iter::once(database.to_owned()).chain(beside) {
        let Ok(file) = std::fs::metadata(&path) else { continue };
        let mode = file.permissions().mode() & 0o7777;
        if mode & 0o007 != 0 {
            findings.push(
                bad(format!("{} is open to everybody (mode {mode:04o})", path.display()))
                    .command(format!("chmod o-rwx {}", quoted(&path))),
            );
        }
        if file.uid() != metadata.uid() || file.gid() != metadata.gid() {
            strangers.push(path);
        }
    }
    if !strangers.is_empty() {
        let names: Vec<_> = strangers.iter().map(|path| quoted(path)).collect();
        findings.push(
            bad(format!(
                "{} has another owner than {}: a program ran as somebody else",
                names.join(", "),
                database.display()
            ))
            .command(format!(
                "sudo chown --reference={} {}",
                quoted(database),
                names.join(" ")
            )),
        );
    }
    let is_roots = metadata.uid() == 0 && directory.uid() != 0;
    if is_roots {
        findings.push(
            bad(format!(
                "{} belongs to root, its directory to {}",
                database.display(),
                user_name(directory.uid())
            ))
            .command(format!(
                "sudo chown --reference={} {}*",
                quoted(database.parent().unwrap_or(database)),
                quoted(&database.with_extension(""))
            )),
        );
    }
    findings
}

/// What the token says of itself, and who uses it.
fn state(token: &LocalState) -> Finding {
    let info = match &token.described {
        Ok(info) => info,
        Err(error) => return bad(format!("{}: {error}", token.file.display())),
    };
    let label = &info.label;
    if info.user_pin_locked {
        return bad(format!("token {label}: the user PIN is locked"))
            .command(format!("keyway --token '{label}' token unlock"));
    }
    if info.so_pin_locked {
        return bad(format!("token {label}: the security officer's PIN is locked"))
            .advice("back the token up while the user PIN works: keyway token backup");
    }
    if !info.has_user_pin {
        return noted(format!("token {label} has no user PIN yet"))
            .command(format!("keyway --token '{label}' token unlock"));
    }
    if let Some(trouble) = &info.root.trouble {
        return bad(format!("token {label}: no PIN opens it: {trouble}")).advice(
            "connect the HSM, mend the root in keyway.toml, or move the token to another root: \
             keyway token rewrap --help (docs/bridge.md)",
        );
    }
    let users = users_of(&token.file);
    let used = match users.as_slice() {
        [] => String::new(),
        users => format!("; in use by {}", users.join(", ")),
    };
    let serial = &info.serial;
    match &info.root.key {
        Some(key) => good(format!(
            "token {label} (serial {serial}) opens with a PIN and {key}, which is there{used}"
        )),
        None => good(format!("token {label} (serial {serial}) can be read{used}")),
    }
}

/// The programs that have a file open, as far as this user may see them, but for this one.
fn users_of(file: &Path) -> Vec<String> {
    let Ok(file) = file.canonicalize() else { return Vec::new() };
    let mut users = Vec::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(pid) = process.file_name().to_string_lossy().parse::<u32>() else { continue };
        if pid == std::process::id() {
            continue;
        }
        let open = std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        let mut targets = open.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        if targets.any(|target| target == file) {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            users.push(format!("{} ({pid})", name.trim_end()));
        }
    }
    users
}
