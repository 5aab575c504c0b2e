//! Processes that are stopped, and machines that lose their power, in the middle of changing a
//! token.
//!
//! `shim.c` is preloaded into a process that calls the C functions (`server`, `operations`). It
//! stops the process at each write, flush, truncation, change of a directory and change of a mapped
//! page, one after another; and it writes a journal, out of which `replay` makes what a power cut
//! could leave on the disk. `check` opens each and looks for what was acknowledged, for what is half
//! there, and for counters that went back.
//!
//! ```text
//! cargo test -p keyway-pkcs11 --test crash -- --nocapture
//! KEYWAY_TEST_LONG=1 cargo test -p keyway-pkcs11 --test crash -- --nocapture
//! ```
//!
//! The first takes some points and images of each operation, always the same ones; the second all
//! points, and eight images for each entry of the journal.

#[path = "../harness/mod.rs"]
mod harness;

mod check;
mod ground;
mod operations;
mod planted;
mod replay;
mod server;

use ground::Ground;
use operations::{OPERATIONS, Operation};
use replay::{Disk, Kind, Loss};
use server::{Ended, HALF, Server};

/// Points tried of each operation, and images made of its journal, unless all are.
const POINTS: usize = 4;
const IMAGES: usize = 7;
/// Images for each entry of a journal, when all are tried.
const EACH: u64 = 8;

fn long() -> bool {
    std::env::var_os("KEYWAY_TEST_LONG").is_some()
}

/// Some of `all` in even steps, the last one among them, or all.
fn some(all: usize, wanted: usize) -> Vec<usize> {
    if long() || all <= wanted {
        return (1..=all).collect();
    }
    (1..=wanted).map(|n| n * all / wanted).collect()
}

#[test]
fn a_process_stopped_at_any_point_leaves_a_whole_token() {
    let mut server = Server::start();
    let (mut tried, mut wrong) = (0, Vec::new());
    for operation in OPERATIONS {
        let (points, stopped) = stop(&mut server, operation, &mut wrong);
        println!("{}: {points} points, stopped {stopped} times", operation.name);
        tried += stopped;
    }
    println!("{} operations, stopped {tried} times", OPERATIONS.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How many points an operation has, and how often it was stopped.
fn stop(
    server: &mut Server,
    operation: &'static Operation,
    wrong: &mut Vec<String>,
) -> (usize, usize) {
    let mut ground = Ground::new(server, operation);
    let (mut points, mut stopped) = (0, 0);
    // Who comes first makes the index of the log; who comes later does not.
    for with_survivor in [false, true].into_iter().take(1 + usize::from(operation.others)) {
        let ended = ground.run(server, 0, 0, with_survivor);
        assert_eq!(ended, Ended::Whole, "{}", operation.name);
        let all = replay::points(&ground.journal());
        ground.check().unwrap_or_else(|why| panic!("{}: {why}", operation.name));
        for (n, stop) in some(all, POINTS).into_iter().enumerate() {
            for mode in if long() { vec![0, HALF] } else { vec![HALF * (n as u32 % 2)] } {
                let ended = ground.run(server, stop, mode, with_survivor);
                let checked = match ended {
                    Ended::Failed => Err("a call failed".to_owned()),
                    Ended::Whole | Ended::Stopped => ground.check(),
                };
                let told =
                    |why| format!("{}: stopped at {stop} of {all}, {mode}: {why}", operation.name);
                wrong.extend(checked.err().map(told));
                // Where several threads run the points are not the same each time.
                stopped += usize::from(ended == Ended::Stopped);
            }
        }
        points += all;
    }
    (points, stopped)
}

#[test]
fn a_power_cut_at_any_point_leaves_a_whole_token() {
    let mut server = Server::start();
    let (mut tried, mut wrong) = (0, Vec::new());
    for operation in OPERATIONS {
        let (entries, images) = cut(&mut server, operation, &mut wrong);
        println!("{}: a journal of {entries} entries, {images} images", operation.name);
        tried += images;
    }
    println!("{} operations, {tried} images", OPERATIONS.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How long the journal of an operation is, and how many images were made of it.
fn cut(
    server: &mut Server,
    operation: &'static Operation,
    wrong: &mut Vec<String>,
) -> (usize, usize) {
    let mut ground = Ground::new(server, operation);
    assert_eq!(ground.run(server, 0, 0, false), Ended::Whole, "{}", operation.name);
    let (journal, disk) = (ground.journal(), Disk::before(&ground));
    // Nothing was written past the shim.
    let unseen = replay::same(&disk.whole(&journal), &ground.files());
    wrong.extend(unseen.err().map(|why| format!("{}: unseen: {why}", operation.name)));
    let images = images(&journal);
    for &(entries, seed) in &images {
        let before = &journal[..entries];
        ground.put(&disk.image(before, Loss::of(seed)));
        let checked = ground.check_image(&replay::notes(before));
        let told = |why| format!("{}: cut behind {entries}, {seed}: {why}", operation.name);
        wrong.extend(checked.err().map(told));
    }
    (journal.len(), images.len())
}

/// After how many entries the power goes, and the seed of what is lost. Seed 0 loses all that may
/// be lost: it comes after each acknowledgement.
fn images(journal: &[replay::Entry]) -> Vec<(usize, u64)> {
    let all = 1..=journal.len();
    let acknowledged = all.clone().filter(|n| journal[n - 1].is_acknowledgement());
    let mut images: Vec<_> = acknowledged.map(|n| (n, 0)).collect();
    // Mapped pages matter only beside what is written between them.
    let cuts: Vec<_> = all.filter(|n| journal[n - 1].kind != Kind::Mapped).collect();
    for (n, cut) in some(cuts.len(), IMAGES).into_iter().enumerate() {
        let seeds = if long() { EACH } else { 1 };
        images.extend((0..seeds).map(|seed| (cuts[cut - 1], n as u64 * seeds + seed)));
    }
    images
}
