//! Reading and writing the rows of each table.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::backend::ObjectId;
use crate::store::{
    Account, Change, Cost, EventRecord, Form, Head, Instance, Record, Role, Tag, TokenRecord,
};

type Result<T> = rusqlite::Result<T>;

pub(super) fn token(sqlite: &Connection) -> Result<Option<TokenRecord>> {
    let sql = "SELECT version, instance, clear, sealed FROM token";
    sqlite
        .prepare_cached(sql)?
        .query_row([], |row| {
            Ok(TokenRecord {
                version: row.get(0)?,
                instance: Instance(row.get(1)?),
                clear: row.get(2)?,
                sealed: row.get(3)?,
            })
        })
        .optional()
}

pub(super) fn instance(sqlite: &Connection) -> Result<Option<Instance>> {
    let mut select = sqlite.prepare_cached("SELECT instance FROM token")?;
    select.query_row([], |row| Ok(Instance(row.get(0)?))).optional()
}

pub(super) fn account(sqlite: &Connection, role: Role) -> Result<Option<Account>> {
    let sql = "SELECT version, kibibytes, passes, lanes, salt, wrapped, failures, checksum \
               FROM account WHERE role = ?1";
    sqlite
        .prepare_cached(sql)?
        .query_row([role as u8], |row| {
            let account = account_in(row, role)?;
            match row.get::<_, [u8; 16]>(7)? == account.checksum() {
                true => Ok(account),
                false => Err(damaged(7, "an account that does not fit its checksum")),
            }
        })
        .optional()
}

/// An account in the first columns, without a look at its checksum.
pub(super) fn account_in(row: &Row<'_>, role: Role) -> Result<Account> {
    Ok(Account {
        role,
        version: row.get(0)?,
        cost: Cost { kibibytes: row.get(1)?, passes: row.get(2)?, lanes: row.get(3)? },
        salt: row.get(4)?,
        wrapped: row.get(5)?,
        failures: row.get(6)?,
    })
}

pub(super) fn get(sqlite: &Connection, id: ObjectId) -> Result<Option<Record>> {
    let sql = "SELECT id, version, form, tags, body FROM object WHERE id = ?1";
    sqlite.prepare_cached(sql)?.query_row([id.0], record).optional()
}

pub(super) fn version(sqlite: &Connection, id: ObjectId) -> Result<Option<u64>> {
    let mut select = sqlite.prepare_cached("SELECT version FROM object WHERE id = ?1")?;
    select.query_row([id.0], |row| row.get(0)).optional()
}

/// The objects that have all of these tags: walks the rows of the rarest and looks the others up,
/// each a point in the primary key.
pub(super) fn find(sqlite: &Connection, tags: &[Tag]) -> Result<Vec<ObjectId>> {
    if let Some(few) = find_few(sqlite, tags)? {
        return Ok(few);
    }
    let Some(rarest) = rarest(sqlite, tags)? else { return Ok(Vec::new()) };
    let others = tags.iter().filter(|tag| **tag != rarest);
    let mut sql = "SELECT object FROM tag AS t WHERE tag = ?1".to_owned();
    let mut values = vec![rarest.0];
    for tag in others {
        values.push(tag.0);
        let n = values.len();
        sql += &format!(
            " AND EXISTS (SELECT 1 FROM tag AS o WHERE o.tag = ?{n} AND o.object = t.object)"
        );
    }
    let mut select = sqlite.prepare_cached(&sql)?;
    let rows = select.query_map(rusqlite::params_from_iter(values), id)?;
    rows.collect()
}

/// As [`find`], where one of the tags is on a few objects only, as an identifier is.
fn find_few(sqlite: &Connection, tags: &[Tag]) -> Result<Option<Vec<ObjectId>>> {
    let mut select = sqlite.prepare_cached("SELECT object FROM tag WHERE tag = ?1 LIMIT 16")?;
    let mut has = sqlite.prepare_cached("SELECT 1 FROM tag WHERE tag = ?1 AND object = ?2")?;
    for tag in tags {
        let mut found: Vec<ObjectId> = select.query_map([tag.0], id)?.collect::<Result<_>>()?;
        if found.len() == 16 {
            continue;
        }
        for other in tags.iter().filter(|other| *other != tag) {
            let mut kept = Vec::with_capacity(found.len());
            for object in found {
                if has.exists([other.0, object.0])? {
                    kept.push(object);
                }
            }
            found = kept;
        }
        return Ok(Some(found));
    }
    Ok(None)
}

/// The records after `last` in ascending order of id, at most `limit`.
pub(super) fn page(sqlite: &Connection, last: Option<ObjectId>, limit: u32) -> Result<Vec<Record>> {
    let sql = "SELECT id, version, form, tags, body FROM object WHERE id > ?1 ORDER BY id LIMIT ?2";
    let after: &[u8] = last.as_ref().map_or(&[], |last| &last.0);
    sqlite.prepare_cached(sql)?.query_map(params![after, limit], record)?.collect()
}

pub(super) fn events(sqlite: &Connection, first: u64, limit: usize) -> Result<Vec<EventRecord>> {
    let sql = "SELECT sequence, at, kind, subject, detail, chain, mac FROM event \
               WHERE sequence >= ?1 ORDER BY sequence LIMIT ?2";
    let mut select = sqlite.prepare_cached(sql)?;
    let rows = select.query_map(params![first, limit as u64], |row| {
        Ok(EventRecord {
            sequence: row.get(0)?,
            at: row.get(1)?,
            kind: row.get(2)?,
            subject: row.get(3)?,
            detail: row.get(4)?,
            chain: row.get(5)?,
            mac: row.get(6)?,
        })
    })?;
    rows.collect()
}

/// The newest event.
pub(super) fn head(sqlite: &Connection) -> Result<Head> {
    let sql = "SELECT sequence, chain FROM event ORDER BY sequence DESC LIMIT 1";
    let mut select = sqlite.prepare_cached(sql)?;
    let head = select.query_row([], |row| Ok(Head { sequence: row.get(0)?, chain: row.get(1)? }));
    Ok(head.optional()?.unwrap_or_default())
}

pub(super) fn append(sqlite: &Connection, event: &EventRecord) -> Result<()> {
    let sql = "INSERT INTO event (sequence, at, kind, subject, detail, chain, mac) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let EventRecord { sequence, at, kind, subject, detail, chain, mac } = event;
    let values = params![sequence, at, kind, subject, detail, chain, mac];
    sqlite.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Makes a change if the stored version is the expected one; whether it was.
pub(super) fn apply(sqlite: &Connection, change: &Change) -> Result<bool> {
    match change {
        Change::Put { record, expected } => put(sqlite, record, *expected),
        Change::Remove { id, expected } => remove(sqlite, *id, *expected),
        Change::PutAccount { account, expected } => put_account(sqlite, account, *expected),
        Change::PutToken { token, expected } => put_token(sqlite, token, *expected),
        Change::Clear => {
            sqlite.execute_batch("DELETE FROM tag; DELETE FROM object; DELETE FROM account;")?;
            Ok(true)
        }
        Change::Adopt => make_index(sqlite).map(|()| true),
        Change::Settle { .. } => Ok(true),
    }
}

/// Makes the index over the tags from the objects.
fn make_index(sqlite: &Connection) -> Result<()> {
    sqlite.execute_batch("DELETE FROM tag")?;
    let mut select = sqlite.prepare_cached("SELECT id, tags FROM object")?;
    let mut objects = select.query([])?;
    while let Some(row) = objects.next()? {
        let tags: Vec<u8> = row.get(1)?;
        index(sqlite, ObjectId(row.get(0)?), &self::tags(&tags))?;
    }
    Ok(())
}

fn index(sqlite: &Connection, id: ObjectId, tags: &[Tag]) -> Result<()> {
    let mut insert =
        sqlite.prepare_cached("INSERT OR IGNORE INTO tag (tag, object) VALUES (?1, ?2)")?;
    for tag in tags {
        insert.execute(params![tag.0, id.0])?;
    }
    Ok(())
}

fn put(sqlite: &Connection, record: &Record, expected: u64) -> Result<bool> {
    if expected != 0 && !remove(sqlite, record.id, expected)? {
        return Ok(false);
    }
    let tags: Vec<u8> = record.tags.iter().flat_map(|tag| tag.0).collect();
    let sql = "INSERT OR IGNORE INTO object (id, version, form, tags, body) \
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![record.id.0, record.version, record.form as u8, tags, record.body];
    if sqlite.prepare_cached(sql)?.execute(values)? == 0 {
        return Ok(false);
    }
    index(sqlite, record.id, &record.tags)?;
    Ok(true)
}

fn remove(sqlite: &Connection, id: ObjectId, expected: u64) -> Result<bool> {
    let mut select =
        sqlite.prepare_cached("SELECT tags FROM object WHERE id = ?1 AND version = ?2")?;
    let tags: Option<Vec<u8>> =
        select.query_row(params![id.0, expected], |row| row.get(0)).optional()?;
    let Some(tags) = tags else { return Ok(false) };
    let mut delete = sqlite.prepare_cached("DELETE FROM tag WHERE tag = ?1 AND object = ?2")?;
    for tag in tags.chunks_exact(16) {
        delete.execute(params![tag, id.0])?;
    }
    sqlite.prepare_cached("DELETE FROM object WHERE id = ?1")?.execute([id.0])?;
    Ok(true)
}

fn put_account(sqlite: &Connection, account: &Account, expected: u64) -> Result<bool> {
    let sql = "SELECT coalesce((SELECT version FROM account WHERE role = ?1), 0) = ?2";
    let role = account.role as u8;
    if !sqlite.prepare_cached(sql)?.query_row(params![role, expected], |row| row.get(0))? {
        return Ok(false);
    }
    let sql = "INSERT OR REPLACE INTO account \
               (role, version, kibibytes, passes, lanes, salt, wrapped, failures, checksum) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let Account { version, cost, salt, wrapped, failures, .. } = account;
    let Cost { kibibytes, passes, lanes } = cost;
    let checksum = account.checksum();
    let values =
        params![role, version, kibibytes, passes, lanes, salt, wrapped, failures, checksum];
    sqlite.prepare_cached(sql)?.execute(values)?;
    Ok(true)
}

fn put_token(sqlite: &Connection, token: &TokenRecord, expected: u64) -> Result<bool> {
    let sql = "SELECT coalesce((SELECT version FROM token), 0) = ?1";
    if !sqlite.prepare_cached(sql)?.query_row([expected], |row| row.get(0))? {
        return Ok(false);
    }
    let sql = "INSERT OR REPLACE INTO token (one, version, instance, clear, sealed) \
               VALUES (1, ?1, ?2, ?3, ?4)";
    let values = params![token.version, token.instance.0, token.clear, token.sealed];
    sqlite.prepare_cached(sql)?.execute(values)?;
    Ok(true)
}

/// The tag with the fewest rows, by counting all of them up to limits that grow: the work follows
/// the rarest, however common the others are.
fn rarest(sqlite: &Connection, tags: &[Tag]) -> Result<Option<Tag>> {
    let (Some(first), true) = (tags.first(), tags.len() > 1) else {
        return Ok(tags.first().copied());
    };
    let sql = "SELECT count(*) FROM (SELECT 1 FROM tag WHERE tag = ?1 LIMIT ?2)";
    let mut count = sqlite.prepare_cached(sql)?;
    for limit in [512_u32, 16_384] {
        for tag in tags {
            let rows: u32 = count.query_row(params![tag.0, limit], |row| row.get(0))?;
            if rows < limit {
                return Ok(Some(*tag));
            }
        }
    }
    Ok(Some(*first))
}

fn id(row: &Row<'_>) -> Result<ObjectId> {
    Ok(ObjectId(row.get(0)?))
}

fn record(row: &Row<'_>) -> Result<Record> {
    let form = Form::from_raw(row.get(2)?).ok_or_else(|| unknown_form(2))?;
    let tags: Vec<u8> = row.get(3)?;
    let tags = self::tags(&tags);
    Ok(Record { id: ObjectId(row.get(0)?), version: row.get(1)?, form, tags, body: row.get(4)? })
}

pub(super) fn tags(bytes: &[u8]) -> Vec<Tag> {
    bytes.chunks_exact(16).filter_map(|tag| tag.try_into().ok()).map(Tag).collect()
}

pub(super) fn unknown_form(column: usize) -> rusqlite::Error {
    damaged(column, "a form that this version does not know")
}

fn damaged(column: usize, story: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, story.into())
}
