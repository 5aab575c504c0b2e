//! What an event says beside its kind and subject: who caused it, and what it was exactly.

use super::fields::{fields, put};
use crate::backend::ObjectId;

/// Who caused an event, by what the operating system says of the process that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The real user id, as the process's own user namespace has it.
    pub user: u32,
    pub process: u32,
    /// The file name of the program; empty where the system does not tell.
    pub program: String,
}

/// The longest name of a program that is kept, in bytes.
const PROGRAM_LENGTH: usize = 64;

/// What happened, for kinds of events that can say more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// What a key is used for.
    pub used: Option<Used>,
    /// The state of a key before and after (`CKA_KEYWAY_STATE`), if it moved.
    pub states: Option<(u8, u8)>,
    /// The types of the attributes that changed, in ascending order; never their values.
    pub changed: Vec<u64>,
    /// The token key under which a key left the token.
    pub under: Option<ObjectId>,
    /// What a destroyed object was called.
    pub name: Option<Name>,
}

/// The label of an object that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    Clear(Vec<u8>),
    /// As the token sealed that of a private object.
    Sealed(Vec<u8>),
}

/// A function that a key is used for, and the mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// The number of [`Function`](crate::mechanism::Function).
    pub function: u8,
    /// The `CK_MECHANISM_TYPE`.
    pub mechanism: u64,
}

const USER: u8 = 1;
const PROCESS: u8 = 2;
const PROGRAM: u8 = 3;
const USED: u8 = 4;
const STATES: u8 = 5;
const CHANGED: u8 = 6;
const UNDER: u8 = 7;
const NAME: u8 = 8;
const SEALED_NAME: u8 = 9;

impl Who {
    /// This process as it is now: never remembered, for it may have been forked since.
    pub fn now() -> Self {
        Self {
            user: rustix::process::getuid().as_raw(),
            process: std::process::id(),
            program: program().unwrap_or_default(),
        }
    }
}

/// The file name of the running program, else the name that its thread goes by.
fn program() -> Option<String> {
    let path = std::fs::read_link("/proc/self/exe").ok();
    match path.as_deref().and_then(std::path::Path::file_name) {
        Some(name) => {
            let name = name.to_string_lossy();
            // What the kernel adds to the path of a program that was replaced since it started.
            Some(printable(name.strip_suffix(" (deleted)").unwrap_or(&name)))
        }
        None => std::fs::read_to_string("/proc/self/comm").ok().map(|name| printable(name.trim())),
    }
}

/// A name without what a terminal would obey, cut to the length that is kept.
fn printable(name: &str) -> String {
    let mut name: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    name.truncate(name.floor_char_boundary(PROGRAM_LENGTH));
    name
}

/// The bytes of `event.detail` (`docs/store-format.md`); never empty.
pub fn encode(who: &Who, facts: &Facts) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    put(&mut out, USER, &who.user.to_be_bytes());
    put(&mut out, PROCESS, &who.process.to_be_bytes());
    put(&mut out, PROGRAM, who.program.as_bytes());
    if let Some(Used { function, mechanism }) = facts.used {
        put(&mut out, USED, &[&[function][..], &mechanism.to_be_bytes()].concat());
    }
    if let Some((before, after)) = facts.states {
        put(&mut out, STATES, &[before, after]);
    }
    if !facts.changed.is_empty() {
        let types: Vec<u8> = facts.changed.iter().flat_map(|id| id.to_be_bytes()).collect();
        put(&mut out, CHANGED, &types);
    }
    if let Some(under) = facts.under {
        put(&mut out, UNDER, &under.0);
    }
    match &facts.name {
        Some(Name::Clear(name)) => put(&mut out, NAME, name),
        Some(Name::Sealed(name)) => put(&mut out, SEALED_NAME, name),
        None => {}
    }
    out
}

/// Undoes [`encode`], as far as the bytes can be read: what a newer version wrote is left out.
pub fn decode(bytes: &[u8]) -> (Option<Who>, Facts) {
    let (mut user, mut process, mut program) = (None, None, String::new());
    let mut facts = Facts::default();
    for (field, value) in fields(bytes).unwrap_or_default() {
        match field {
            USER => user = value.try_into().ok().map(u32::from_be_bytes),
            PROCESS => process = value.try_into().ok().map(u32::from_be_bytes),
            PROGRAM => program = printable(&String::from_utf8_lossy(value)),
            USED => facts.used = used(value),
            STATES => {
                facts.states = value.try_into().ok().map(|[before, after]: [u8; 2]| (before, after))
            }
            CHANGED => {
                let types = value.as_chunks::<8>().0.iter();
                facts.changed = types.map(|id| u64::from_be_bytes(*id)).collect();
            }
            UNDER => facts.under = value.try_into().ok().map(ObjectId),
            NAME => facts.name = Some(Name::Clear(value.to_vec())),
            SEALED_NAME => facts.name = Some(Name::Sealed(value.to_vec())),
            _ => {}
        }
    }
    let who = user.zip(process).map(|(user, process)| Who { user, process, program });
    (who, facts)
}

fn used(value: &[u8]) -> Option<Used> {
    let (&[function], mechanism) = value.split_first_chunk()?;
    Some(Used { function, mechanism: u64::from_be_bytes(mechanism.try_into().ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_and_cut_bytes_say_nothing() {
        let who = Who { user: 33, process: 4711, program: "nginx".to_owned() };
        let facts = Facts {
            used: Some(Used { function: 3, mechanism: 0x1041 }),
            states: Some((2, 5)),
            changed: vec![3, 0x110],
            under: Some(ObjectId([7; 16])),
            name: Some(Name::Sealed(vec![1; 40])),
        };
        let bytes = encode(&who, &facts);
        assert_eq!(decode(&bytes), (Some(who), facts));
        assert_eq!(decode(&bytes[..bytes.len() - 1]), (None, Facts::default()));
    }

    #[test]
    fn this_process_is_named_by_its_program() {
        let who = Who::now();
        assert_eq!(
            (who.user, who.process),
            (rustix::process::getuid().as_raw(), std::process::id())
        );
        let program = std::env::current_exe().unwrap();
        assert_eq!(program.file_name().unwrap().to_str(), Some(&*who.program));
    }

    #[test]
    fn a_name_that_would_steer_a_terminal_is_made_harmless_and_a_long_one_is_cut() {
        assert_eq!(printable("a\x1b[2Jb\n"), "a?[2Jb?");
        assert_eq!(printable(&"ä".repeat(40)).len(), PROGRAM_LENGTH);
    }
}
