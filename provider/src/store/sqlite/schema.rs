//! The tables, and how a database becomes the newest version of them.

use rusqlite::{Connection, OptionalExtension, params};

use super::rows;
use crate::store::Role;

/// `KWYT`: what tells a token from any other SQLite database.
pub(super) const APPLICATION_ID: i32 = 0x4b57_5954;

/// The schema version that this module writes (`PRAGMA user_version`).
pub(super) const VERSION: i32 = MIGRATIONS.len() as i32;

/// What brings a database of version `n` to version `n + 1`; 0 is an empty one.
pub(super) const MIGRATIONS: [Migration; 4] = [
    Migration { tables: FIRST, then: |_| Ok(()) },
    Migration { tables: SET, then: sum_accounts },
    Migration { tables: DETAIL, then: |_| Ok(()) },
    // The token record may name a root now. Versions before would take every PIN for a wrong one.
    Migration { tables: "", then: |_| Ok(()) },
];

pub(super) struct Migration {
    pub(super) tables: &'static str,
    /// What SQL cannot do.
    pub(super) then: fn(&Connection) -> rusqlite::Result<()>,
}

const FIRST: &str = "
CREATE TABLE token (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    version   INTEGER NOT NULL,
    instance  BLOB NOT NULL CHECK (length(instance) = 16),
    clear     BLOB NOT NULL,
    sealed    BLOB NOT NULL
) STRICT;
CREATE TABLE account (
    role      INTEGER PRIMARY KEY,
    version   INTEGER NOT NULL,
    kibibytes INTEGER NOT NULL,
    passes    INTEGER NOT NULL,
    lanes     INTEGER NOT NULL,
    salt      BLOB NOT NULL CHECK (length(salt) = 16),
    wrapped   BLOB NOT NULL,
    failures  INTEGER NOT NULL
) STRICT;
CREATE TABLE object (
    id        BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version   INTEGER NOT NULL,
    form      INTEGER NOT NULL,
    tags      BLOB NOT NULL CHECK (length(tags) % 16 = 0),
    body      BLOB NOT NULL
) STRICT;
CREATE INDEX unattested ON object (id) WHERE form = 4;
CREATE TABLE tag (
    tag       BLOB NOT NULL CHECK (length(tag) = 16),
    object    BLOB NOT NULL CHECK (length(object) = 16),
    PRIMARY KEY (tag, object)
) STRICT, WITHOUT ROWID;
CREATE TABLE event (
    sequence  INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    kind      INTEGER NOT NULL,
    subject   BLOB NOT NULL CHECK (length(subject) = 16),
    chain     BLOB NOT NULL CHECK (length(chain) = 32),
    mac       BLOB CHECK (length(mac) = 32)
) STRICT;
";

/// What vouches for the set of rows; the checksum of accounts.
const SET: &str = "
CREATE TABLE seal (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    body      BLOB NOT NULL
) STRICT;
CREATE TABLE loose (
    id        BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    version   INTEGER NOT NULL,
    form      INTEGER NOT NULL,
    checksum  BLOB NOT NULL CHECK (length(checksum) = 16)
) STRICT, WITHOUT ROWID;
DROP INDEX unattested;
ALTER TABLE account ADD COLUMN checksum BLOB NOT NULL DEFAULT x'';
";

/// Who caused an event, and what it was exactly; events from before say nothing.
const DETAIL: &str = "ALTER TABLE event ADD COLUMN detail BLOB;";

fn sum_accounts(sqlite: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT version, kibibytes, passes, lanes, salt, wrapped, failures \
               FROM account WHERE role = ?1";
    for role in [Role::SecurityOfficer, Role::User] {
        let account = sqlite.query_row(sql, [role as u8], |row| rows::account_in(row, role));
        if let Some(account) = account.optional()? {
            let values = params![role as u8, account.checksum()];
            sqlite.execute("UPDATE account SET checksum = ?2 WHERE role = ?1", values)?;
        }
    }
    Ok(())
}
