//! What a token must be when it is opened after a stop or a power cut.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::admin::backup::restore;
use keyway_pkcs11::attribute::{AttributeType as A, Attributes, ObjectClass, Value};
use keyway_pkcs11::backend::{Pin, Token, User, View};
use keyway_pkcs11::error::Code;
use keyway_pkcs11::secret::Secret;
use keyway_pkcs11::store::sqlite::SqliteStore;
use keyway_pkcs11::store::{EventKind, EventRecord, Role, Store};

use crate::ground::{config, open};
use crate::operations::{Operation, PASSPHRASE, SO, USER};

/// What is so of a token: every object by label and class, the PINs, what else an operation moves.
pub type World = BTreeMap<String, String>;

pub const TOKEN: &str = "token";
pub const USER_PIN: &str = "user PIN";
pub const OFFICER_PIN: &str = "officer's PIN";
pub const USES: &str = "uses of keys";
pub const FAILURES: &str = "wrong PINs";
pub const BACKUP: &str = "objects in the backup";

/// What may be found.
pub struct Expected {
    /// The token is one of these.
    pub worlds: Vec<World>,
    /// How many steps of the operation returned before.
    pub acknowledged: usize,
    /// With these the chain of events begins.
    pub events: Vec<EventRecord>,
    /// The epoch is at least this.
    pub epoch: u64,
}

/// The epoch that lies in the file; 0 if there is none.
pub fn epoch(directory: &Path) -> u64 {
    let bytes = fs::read(directory.join("tokens/token-1.epoch")).unwrap_or_default();
    bytes.first_chunk().map_or(0, |first| u64::from_ne_bytes(*first))
}

/// Opens the token, compares it with what may be there, and changes it once more.
///
/// # Errors
/// What is wrong with it.
pub fn check(directory: &Path, expected: &Expected, operation: &Operation) -> Result<(), String> {
    let epoch = epoch(directory);
    if epoch < expected.epoch {
        return Err(format!("the epoch went back from {} to {epoch}", expected.epoch));
    }
    let (mut world, events) = look(directory, &expected.worlds, operation)?;
    if !expected.worlds.iter().any(|world| world.contains_key(USES)) {
        world.remove(USES);
    }
    if !expected.worlds.contains(&world) {
        return Err(differences(&world, expected));
    }
    if events.len() < expected.events.len() || !events.starts_with(&expected.events) {
        return Err("events that were there before are gone or changed".to_owned());
    }
    go_on(directory, &world)
}

fn differences(world: &World, expected: &Expected) -> String {
    let mut story = format!("after {} acknowledged steps:", expected.acknowledged);
    for possible in &expected.worlds {
        let lost = possible.iter().filter(|fact| world.get(fact.0) != Some(fact.1));
        let found = world.iter().filter(|fact| possible.get(fact.0) != Some(fact.1));
        let (lost, found): (World, World) = (
            lost.map(|(key, value)| (key.clone(), value.clone())).collect(),
            found.map(|(key, value)| (key.clone(), value.clone())).collect(),
        );
        story += &format!("\n  lost {lost:?}, found {found:?}");
    }
    story
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// What is there, after everything in it was verified; and the events.
///
/// # Errors
/// What is damaged or half there.
pub fn look(
    directory: &Path,
    worlds: &[World],
    operation: &Operation,
) -> Result<(World, Vec<EventRecord>), String> {
    let mut world = World::new();
    let backup = directory.join("token.backup");
    if backup.exists() {
        let there = tempfile::tempdir_in(directory).map_err(text)?;
        let restored = restore(&config(there.path()), &backup, PASSPHRASE, false).map_err(text)?;
        world.insert(BACKUP.to_owned(), restored.manifest.objects.to_string());
    }
    let token = open(directory)?;
    let info = token.info().map_err(text)?;
    if !info.initialized {
        return Ok((world, Vec::new()));
    }
    world.insert(TOKEN.to_owned(), info.label);
    let store = SqliteStore::new(&directory.join("tokens/token-1.db"));
    let account = store.account(Role::User).map_err(text)?;
    if let Some(account) = account.as_ref().filter(|_| operation.counts) {
        world.insert(FAILURES.to_owned(), account.failures.to_string());
    }
    // Before a login vouches for what it finds.
    let events = store.events(1, 100_000).map_err(text)?;
    if operation.uses {
        let uses = events.iter().filter(|event| event.kind == EventKind::Used as u8).count();
        world.insert(USES.to_owned(), uses.to_string());
    }
    let users = candidates(worlds, USER_PIN, USER);
    let user = match account {
        Some(_) => Some(only_pin(&users, |pin| verified(directory, Some(pin)))?),
        None => verified(directory, None).map(|_| None)?,
    };
    let officers = candidates(worlds, OFFICER_PIN, SO);
    let officer = only_pin(&officers, |pin| right(token.login(User::SecurityOfficer, pin)))?;
    world.insert(OFFICER_PIN.to_owned(), officer);
    token.logout().map_err(text)?;
    if let Some(user) = user {
        token.login(User::User, Pin(user.as_bytes())).map_err(text)?;
        objects(&*token, &mut world)?;
        token.logout().map_err(text)?;
        world.insert(USER_PIN.to_owned(), user);
    }
    Ok((world, events))
}

fn candidates<'a>(worlds: &'a [World], whose: &str, usual: &'a str) -> BTreeSet<&'a str> {
    let pins: BTreeSet<&str> = worlds.iter().filter_map(|w| w.get(whose).map(|p| &p[..])).collect();
    if pins.is_empty() { BTreeSet::from([usual]) } else { pins }
}

/// The one PIN that is right.
fn only_pin(
    pins: &BTreeSet<&str>,
    mut is_right: impl FnMut(Pin<'_>) -> Result<bool, String>,
) -> Result<String, String> {
    let mut right = Vec::new();
    for pin in pins {
        if is_right(Pin(pin.as_bytes()))? {
            right.push((*pin).to_owned());
        }
    }
    match right.len() {
        1 => Ok(right.remove(0)),
        _ => Err(format!("of the PINs {pins:?} these are right: {right:?}")),
    }
}

fn right<T>(answer: keyway_pkcs11::error::Result<T>) -> Result<bool, String> {
    match answer {
        Ok(_) => Ok(true),
        Err(e) if e.code() == Code::PinIncorrect => Ok(false),
        Err(e) => Err(text(e)),
    }
}

/// `keyway token check`, clean; `false` if the PIN is wrong.
fn verified(directory: &Path, pin: Option<Pin<'_>>) -> Result<bool, String> {
    let admin = Admin::among(&config(&directory.join("tokens")), None).map_err(text)?;
    let report = match admin.check(pin) {
        Ok(report) => report,
        Err(e) => return right::<()>(Err(e)),
    };
    match report.findings.first() {
        None => Ok(true),
        Some(_) => Err(format!("token check: {:?}", report.findings)),
    }
}

/// Every object, whose record opens, and whose key is one.
fn objects(token: &dyn Token, world: &mut World) -> Result<(), String> {
    for found in token.find(&Attributes::new(), View::All).map_err(text)? {
        let object = token.object(found.id, View::All).map_err(text)?;
        let snapshot = object.ok_or("found and not there")?.snapshot();
        let attributes = &snapshot.attributes;
        let class = attributes.class().ok_or("no class")?;
        if class.is_key() {
            token.key(attributes).map_err(text)?;
        }
        let bytes =
            |id| String::from_utf8_lossy(attributes.bytes(id).unwrap_or_default()).into_owned();
        let mut value = format!("id {}", bytes(A::ID));
        match attributes.number(A::KEYWAY_STATE) {
            Some(state) if state > 2 => value += &format!(", state {state}"),
            _ => {}
        }
        if attributes.number(A::KEYWAY_ROLES).is_some_and(|roles| roles != 0) {
            value += ", latched";
        }
        let mut name = name(&bytes(A::LABEL), class);
        while world.contains_key(&name) {
            name.push('\'');
        }
        world.insert(name, value);
    }
    Ok(())
}

/// How an object is called in a world; a second one of this name has a mark behind it.
pub fn name(label: &str, class: ObjectClass) -> String {
    format!("{label}/{}", class.0)
}

/// A process that had the token open all the time sees one of the worlds and goes on.
///
/// # Errors
/// What it sees otherwise.
pub fn survive(token: &dyn Token, expected: &mut Expected) -> Result<(), String> {
    let mut seen = World::new();
    objects(token, &mut seen).map_err(|why| format!("the survivor: {why}"))?;
    let matches = |world: &World| {
        let is_object = |name: &str| name.contains('/');
        world.iter().filter(|fact| is_object(fact.0)).eq(seen.iter())
    };
    expected.worlds.retain(matches);
    if expected.worlds.is_empty() {
        return Err(format!("the survivor sees {seen:?}"));
    }
    token.create(key("survivor")).map_err(|e| format!("the survivor cannot go on: {e}"))?;
    let mine = name("survivor", ObjectClass::SECRET_KEY);
    expected.worlds.iter_mut().for_each(|world| {
        world.insert(mine.clone(), "id ".to_owned());
    });
    Ok(())
}

/// One more change, by a new process, which the next one sees.
fn go_on(directory: &Path, world: &World) -> Result<(), String> {
    let token = open(directory)?;
    let Some(pin) = world.get(USER_PIN) else {
        return match world.get(OFFICER_PIN) {
            None => token.initialize(Pin(SO.as_bytes()), "after").map_err(text),
            Some(pin) => {
                token.login(User::SecurityOfficer, Pin(pin.as_bytes())).map_err(text)?;
                token.init_pin(Pin(USER.as_bytes())).map_err(text)
            }
        };
    };
    let pin = Pin(pin.as_bytes());
    token.login(User::User, pin).map_err(text)?;
    let made = token.create(key("after")).map_err(text)?;
    token.logout().map_err(text)?;
    let next = open(directory)?;
    next.login(User::User, pin).map_err(text)?;
    let there = next.object(made.id, View::All).map_err(text)?;
    there.map(drop).ok_or_else(|| "what was made afterwards is not there".to_owned())
}

/// A complete AES key.
fn key(label: &str) -> Attributes {
    Attributes::from_iter([
        (A::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
        (A::KEY_TYPE, Value::Number(keyway_pkcs11::attribute::KeyType::AES.0)),
        (A::TOKEN, Value::Bool(true)),
        (A::PRIVATE, Value::Bool(true)),
        (A::LABEL, Value::bytes(label.as_bytes())),
        (A::VALUE, Value::secret(Secret::copy_of(&[0x42; 32]))),
    ])
}
