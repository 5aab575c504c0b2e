//! What a thread called and was told, in a file of its own that survives a kill.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

pub use crate::harness::child::monotonic as now;

/// A call, on a key or on all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// With a label.
    Create(String),
    /// Of every key.
    FindAll,
    /// By CKA_ID.
    Find,
    /// By CKA_LABEL.
    FindLabel(String),
    ReadLabel,
    SetLabel(String),
    /// An HMAC of this text.
    Sign(String),
    Destroy,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The process was killed before it knew.
    Unknown,
    Done,
    /// There is no such object.
    Gone,
    /// The ids of what was found, of which those are left out that were gone before they could be
    /// read; and how many those are.
    Found(Vec<String>, usize),
    /// A label, or a code in hexadecimal.
    Value(String),
    /// What nobody expected.
    Failed(String),
}

/// A call with its answer.
#[derive(Clone, Debug)]
pub struct Record {
    /// Process, life and thread.
    pub who: String,
    /// Nanoseconds of the monotonic clock. A call without an answer ended with its process.
    pub begin: u64,
    pub end: u64,
    pub act: Act,
    /// The CKA_ID of the key; empty for searches of several.
    pub key: String,
    pub answer: Answer,
}

/// The history of one thread.
pub struct Log {
    file: File,
}

impl Log {
    pub fn new(directory: &Path, who: &str) -> Self {
        Self { file: File::create_new(directory.join("histories").join(who)).expect("a new file") }
    }

    /// Makes a call: a line before it and a line behind it, each written in one piece.
    pub fn call(&mut self, act: &Act, key: &str, body: impl FnOnce() -> Answer) -> Answer {
        let key = if key.is_empty() { "-" } else { key };
        let (name, text) = act.words();
        self.line(&format!("begin {} {name} {key} {text}", now()));
        let answer = body();
        let (name, text) = answer.words();
        self.line(&format!("end {} {name} {text}", now()));
        answer
    }

    fn line(&mut self, line: &str) {
        self.file.write_all(format!("{line}\n").as_bytes()).expect("written");
    }
}

impl Act {
    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Create(label) => ("create", label),
            Self::FindAll => ("all", ""),
            Self::Find => ("find", ""),
            Self::FindLabel(label) => ("label", label),
            Self::ReadLabel => ("read", ""),
            Self::SetLabel(label) => ("set", label),
            Self::Sign(text) => ("sign", text),
            Self::Destroy => ("destroy", ""),
        }
    }

    fn of(name: &str, text: &str) -> Self {
        let text = text.to_owned();
        match name {
            "create" => Self::Create(text),
            "all" => Self::FindAll,
            "find" => Self::Find,
            "label" => Self::FindLabel(text),
            "read" => Self::ReadLabel,
            "set" => Self::SetLabel(text),
            "sign" => Self::Sign(text),
            "destroy" => Self::Destroy,
            other => panic!("no act {other}"),
        }
    }
}

impl Answer {
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Unknown => unreachable!("nobody writes what he does not know"),
            Self::Done => ("done", String::new()),
            Self::Gone => ("gone", String::new()),
            Self::Found(ids, unread) => ("found", format!("{unread} {}", ids.join(","))),
            Self::Value(text) => ("value", text.clone()),
            Self::Failed(why) => ("failed", why.replace('\n', " ")),
        }
    }

    fn of(name: &str, text: &str) -> Self {
        match name {
            "done" => Self::Done,
            "gone" => Self::Gone,
            "found" => {
                let (unread, ids) = text.split_once(' ').expect("two words");
                let ids = ids.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
                Self::Found(ids, unread.parse().expect("a number"))
            }
            "value" => Self::Value(text.to_owned()),
            "failed" => Self::Failed(text.to_owned()),
            other => panic!("no answer {other}"),
        }
    }
}

/// Every history of a directory. `deaths` says when processes were dead that were killed.
pub fn read_all(directory: &Path, deaths: &[(String, u64)]) -> Vec<Record> {
    let mut records = Vec::new();
    for entry in fs::read_dir(directory).expect("the histories") {
        let path = entry.expect("a history").path();
        let who = path.file_name().expect("a name").to_string_lossy().into_owned();
        let death = deaths.iter().find(|death| who.starts_with(&format!("{}.", death.0)));
        let text = fs::read_to_string(&path).expect("a history");
        records.extend(read(&who, &text, death.map(|death| death.1)));
    }
    records
}

/// A history as text; its last line may be cut off, its last call without an answer.
pub fn read(who: &str, text: &str, death: Option<u64>) -> Vec<Record> {
    let whole = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    let mut records: Vec<Record> = Vec::new();
    for line in whole {
        let words: Vec<&str> = line.splitn(5, ' ').collect();
        let time: u64 = words[1].parse().expect("a time");
        match words[0] {
            "begin" => records.push(Record {
                who: who.to_owned(),
                begin: time,
                end: death.unwrap_or(u64::MAX),
                act: Act::of(words[2], words[4]),
                key: words[3].trim_start_matches('-').to_owned(),
                answer: Answer::Unknown,
            }),
            _ => {
                let last = records.last_mut().expect("a call before its answer");
                let text = line.splitn(4, ' ').nth(3).expect("four words");
                (last.end, last.answer) = (time, Answer::of(words[2], text));
            }
        }
    }
    records
}
