//! The ledger: entries that are written once, sealed like the records of keys.

use std::thread::sleep;

use super::chain::Records;
use super::sealed::{open_bytes, seal_bytes};
use super::store::{COMPLETING, Collection, RawRecord, RecordStore};
use crate::domain::key::KeyName;
use crate::error::{Kind, Result};
use crate::port::{Book, Ledger, Page, Problem};

/// What stands before an entry in what is authenticated: its book and its name, so that it means
/// nothing elsewhere.
fn context(book: Book, name: &str) -> Vec<u8> {
    let book = match book {
        Book::Authorities => "authority",
        Book::Issued => "issued certificate",
        Book::Revoked => "revoked certificate",
        Book::Lists => "revocation list",
        Book::Messages => "count of messages",
        Book::Given => "shared key",
        Book::Taken => "received key",
        Book::Outlaws => "key without an authentic record",
    };
    format!("keyway {book} v1\0{name}\0").into_bytes()
}

impl<S: RecordStore> Records<S> {
    fn book(&self, book: Book) -> S {
        self.store.collection(Collection::Book(book))
    }

    fn read_once(&self, book: Book, name: Option<&KeyName>) -> Result<Page> {
        let mut page = Page::default();
        for RawRecord { name, value } in self.book(book).read(name)? {
            let opened = open_bytes(&self.store, &context(book, &name), &value);
            match (opened, name.parse::<KeyName>()) {
                (Ok((entry, _)), Ok(name)) => page.entries.push((name, entry)),
                (Err(error), _) | (_, Err(error))
                    if matches!(
                        error.kind(),
                        Kind::NotAuthentic | Kind::Malformed | Kind::Usage
                    ) =>
                {
                    let what = format!("{book:?} entry {name:?}: {error}");
                    page.problems.push(Problem { name, what });
                }
                (Err(error), _) | (_, Err(error)) => return Err(error),
            }
        }
        page.entries.sort();
        // Two processes that were both interrupted while they added the same one.
        page.entries.dedup();
        for pair in page.entries.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let name = pair[0].0.to_string();
            let what = format!("{book:?} entry {name}: there are two");
            page.problems.push(Problem { name, what });
        }
        Ok(page)
    }
}

impl<S: RecordStore> Ledger for Records<S> {
    fn read(&self, book: Book, name: Option<&KeyName>) -> Result<Page> {
        let (times, pause) = COMPLETING;
        for _ in 1..times {
            let page = self.read_once(book, name)?;
            if page.problems.is_empty() {
                return Ok(page);
            }
            sleep(pause);
        }
        self.read_once(book, name)
    }

    /// Whoever sees another's entry beside his own takes his back, so that nobody who was told of
    /// success loses it.
    fn add(&self, book: Book, name: &KeyName, entry: &[u8]) -> Result<()> {
        let store = self.book(book);
        if !store.read(Some(name))?.is_empty() {
            return Err(Kind::Exists.because(format!("{book:?}: there is an entry {name}")));
        }
        let sealed = seal_bytes(&self.store, &context(book, name.as_str()), entry.to_vec())?;
        store.write(name, &sealed)?;
        if store.read(Some(name))?.iter().any(|record| record.value != sealed) {
            store.remove(name, &sealed)?;
            return Err(Kind::Conflict
                .because(format!("{book:?}: another process adds {name} at the same moment"))
                .advise("try again"));
        }
        Ok(())
    }

    fn remove(&self, book: Book, name: &KeyName) -> Result<()> {
        let store = self.book(book);
        for record in store.read(Some(name))? {
            store.remove(name, &record.value)?;
        }
        Ok(())
    }
}
