//! Eight processes of four threads on one token: they create, find, use, change and destroy the same
//! keys, some of them are killed and replaced, and a checker replays what each was told.
//!
//! ```text
//! cargo test -p keyway-pkcs11 --test parallel -- --nocapture
//! KEYWAY_TEST_LONG=1 cargo test -p keyway-pkcs11 --test parallel -- --nocapture
//! ```
//!
//! The first goes on for five seconds, the second for three minutes.

#[path = "../harness/mod.rs"]
mod harness;

mod checker;
mod history;
mod planted;
mod worker;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use history::{Answer, Record, now};

const PROCESSES: usize = 8;
/// How long a process lives at least before another one is killed.
const BETWEEN: Duration = Duration::from_millis(600);

/// However slow the machine is, so many bytes of histories are written.
const LEAST: u64 = 200_000;

/// A worker process, killed with the value.
struct Worker {
    name: String,
    child: Child,
}

impl Worker {
    fn start(directory: &Path, name: String) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--ignored", "--exact", "worker::work", "--nocapture", "--test-threads=1"]);
        command.env(worker::NAME, &name).env(worker::DIRECTORY, directory);
        command.env("TMPDIR", directory).stdin(Stdio::null()).stdout(Stdio::null());
        Self { name, child: command.spawn().expect("a worker starts") }
    }

    /// Kills it; when it was dead.
    fn kill(mut self) -> (String, u64) {
        self.child.kill().expect("ours");
        self.child.wait().expect("ours");
        (self.name.clone(), now())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_thirty_two_threads_were_told_fits_together() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    for name in ["tokens", "histories"] {
        fs::create_dir(directory.join(name)).expect("a directory");
    }
    worker::make_token(directory);
    let long = std::env::var_os("KEYWAY_TEST_LONG").is_some();
    let end = Instant::now() + Duration::from_secs(if long { 180 } else { 5 });
    let start = |place: usize, life: usize| Worker::start(directory, format!("{place}.{life}"));
    let mut workers: Vec<_> = (0..PROCESSES).map(|place| start(place, 0)).collect();
    let mut deaths = Vec::new();
    while Instant::now() < end || written(&directory.join("histories")) < LEAST {
        std::thread::sleep(BETWEEN);
        let life = deaths.len() + 1;
        let place = (life * 3) % PROCESSES;
        let new = start(place, life);
        deaths.push(std::mem::replace(&mut workers[place], new).kill());
    }
    fs::write(directory.join("stop"), "").expect("written");
    for mut worker in workers {
        let status = worker.child.wait().expect("ours");
        assert!(status.success(), "worker {}: {status}", worker.name);
    }
    let mut records = history::read_all(&directory.join("histories"), &deaths);
    records.extend(worker::judge(directory));
    let tally = checker::check(&records).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    println!(
        "{} calls in {} histories, {} processes killed: {tally:?}",
        records.len(),
        fs::read_dir(directory.join("histories")).expect("a directory").count(),
        deaths.len()
    );
    assert!(tally.made > 20 && tally.destroyed > 10 && tally.reads > 20 && tally.macs > 20);
    assert!(tally.foreign > 20, "hardly a key was another process's: {tally:?}");
    worker::check_token(directory);
}

/// How long all histories are.
fn written(histories: &Path) -> u64 {
    let files = fs::read_dir(histories).expect("a directory").flatten();
    files.filter_map(|file| file.metadata().ok()).map(|facts| facts.len()).sum()
}

/// What a history says, for the checks of the checker.
fn record(who: &str, times: (u64, u64), act: history::Act, key: &str, answer: Answer) -> Record {
    Record { who: who.to_owned(), begin: times.0, end: times.1, act, key: key.to_owned(), answer }
}
