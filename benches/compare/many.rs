//! A token full of keys: how long finding one and opening the token take, and what memory they hold.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use pkcs11_sys as ck;

use crate::contender::{Contender, Threads};
use crate::timing::{cpu_seconds, median};

const SEARCHES: u32 = 2000;

/// Fills the token up to so many AES keys, by eight sessions.
pub fn fill(path: &str, keys: u32) {
    let mut module = Contender::dlopen("keyway", path, None);
    module.open(Threads::Many);
    let made = AtomicU32::new(count_of(&module));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let own = module.beside();
                loop {
                    let id = made.fetch_add(1, Ordering::Relaxed);
                    if id >= keys {
                        return;
                    }
                    own.secret_key(ck::CKM_AES_KEY_GEN, ck::CK_TRUE, &id.to_be_bytes());
                }
            });
        }
    });
}

/// How many keys [`fill`] made before.
fn count_of(module: &Contender) -> u32 {
    let there = |id: u32| module.find_secret(&id.to_be_bytes()).is_some();
    let (mut low, mut high) = (0, 1 << 24);
    while low < high {
        let middle = low + (high - low) / 2;
        match there(middle) {
            true => low = middle + 1,
            false => high = middle,
        }
    }
    low
}

/// What a program that starts does: loading, C_Initialize, C_Login, search, encryption; then searches.
pub fn row(path: &str, keys: u32) {
    let start = Instant::now();
    let mut module = Contender::dlopen("keyway", path, None);
    module.initialize(Threads::One);
    module.find_token();
    let opened = start.elapsed();
    let start = Instant::now();
    module.log_in();
    let login = start.elapsed();
    let start = Instant::now();
    let key = module.find_secret(&(keys / 2).to_be_bytes()).expect("the key is there");
    module.gcm(key, &[1; 64], &mut [0; 80]);
    let used = start.elapsed();
    let first = searches(&module, keys);
    let again = searches(&module, keys);
    let [opened, login, used] = [opened, login, used].map(|time| time.as_secs_f64() * 1e3);
    let memory = resident();
    println!("{keys} {opened:.2} {login:.2} {used:.2} {first:.1} {again:.1} {memory:.1}");
}

/// Microseconds of CPU time for one of many searches, each for another key.
fn searches(module: &Contender, keys: u32) -> f64 {
    let mut times: Vec<f64> = (1..=SEARCHES)
        .map(|i| {
            let id = i.wrapping_mul(2_654_435_761) % keys;
            let start = cpu_seconds();
            assert!(module.find_secret(&id.to_be_bytes()).is_some());
            cpu_seconds() - start
        })
        .collect();
    median(&mut times) * 1e6
}

/// Mebibytes of this process that lie in memory.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kibibytes / 1024.0
}
