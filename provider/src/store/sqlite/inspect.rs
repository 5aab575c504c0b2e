//! A look at the database itself: its pages, and whether its tables are those of this module.

use rusqlite::Connection;

use super::schema::MIGRATIONS;

type Result<T> = rusqlite::Result<T>;

/// What SQLite finds wrong with the pages and the rows.
pub(super) fn integrity(sqlite: &Connection) -> Result<Vec<String>> {
    let mut check = sqlite.prepare("PRAGMA integrity_check")?;
    let found = check.query_map([], |row| row.get::<_, String>(0))?;
    let found = found.collect::<Result<Vec<_>>>()?;
    Ok(found
        .into_iter()
        .filter(|line| line != "ok")
        .map(|line| format!("SQLite: {line}"))
        .collect())
}

/// Tables and indexes that are not what this module makes.
pub(super) fn schema(sqlite: &Connection) -> Result<Vec<String>> {
    let made = Connection::open_in_memory()?;
    for migration in &MIGRATIONS {
        made.execute_batch(migration.tables)?;
    }
    let (here, expected) = (objects(sqlite)?, objects(&made)?);
    let strange = here.iter().filter(|row| !expected.contains(row));
    let missing = expected.iter().filter(|row| !here.contains(row));
    let strange = strange.map(|(name, _)| format!("the definition of {name:?} was changed"));
    let missing = missing.map(|(name, _)| format!("the definition of {name:?} is not there"));
    Ok(strange.chain(missing).collect())
}

/// The name and the definition of everything in the schema.
fn objects(sqlite: &Connection) -> Result<Vec<(String, String)>> {
    let sql =
        "SELECT name, type || ' ' || tbl_name || ': ' || coalesce(sql, '') FROM sqlite_schema";
    let mut select = sqlite.prepare(sql)?;
    select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
