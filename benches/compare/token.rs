//! The tables of what writes and reads the token: wall time, as the disk counts.

use std::time::Instant;

use pkcs11_sys as ck;

use crate::contender::{Contender, Threads, mechanism};
use crate::timing::median;

/// Making keys that survive a power cut, as far as the disk below does: by one session and by eight
/// at once.
pub fn generation(contenders: &mut [Contender], place: &str) {
    println!("\n| made on a token {place}, each second | sessions | keyway | SoftHSM2 | ratio |");
    println!("|---|---|---|---|---|");
    for contender in contenders.iter_mut() {
        contender.close();
        contender.open(Threads::Many);
    }
    rates(contenders, "AES-256 keys", |own| {
        own.secret(ck::CKM_AES_KEY_GEN);
    });
    rates(contenders, "P-256 pairs", |own| {
        own.p256(b"p256");
    });
    for contender in contenders {
        contender.close();
        contender.open(Threads::One);
    }
}

fn rates(contenders: &[Contender], what: &str, make: impl Fn(&Contender) + Sync) {
    for sessions in [1, 8] {
        let mut rates = [const { Vec::new() }; 2];
        for _ in 0..5 {
            for (rates, contender) in rates.iter_mut().zip(contenders) {
                rates.push(contender.rate(sessions, &make));
            }
        }
        let [ours, theirs] = rates.each_mut().map(|rates| median(rates));
        println!("| {what} | {sessions} | {ours:.0} | {theirs:.0} | {:.1} × |", ours / theirs);
    }
}

/// Finding one key among many, and opening the token that holds them.
pub fn full(contenders: &mut [Contender], keys: usize) {
    println!("\n| {keys} P-256 pairs in the token, wall time | keyway | SoftHSM2 |");
    println!("|---|---|---|");
    let mut rows = [const { Vec::<String>::new() }; 3];
    for contender in contenders.iter_mut() {
        let start = Instant::now();
        for i in 0..keys {
            contender.p256(&(i as u32).to_be_bytes());
        }
        rows[0].push(format!("{:.2} ms", start.elapsed().as_secs_f64() * 1e3 / keys as f64));
        let start = Instant::now();
        let searches = if contender.name == "keyway" { 2000 } else { 5 };
        for i in 0..searches {
            let id = (i * 7919 % keys) as u32;
            assert_eq!(contender.find(&id.to_be_bytes(), &mut [0; 8]), 1);
        }
        let each = start.elapsed().as_secs_f64() * 1e6 / searches as f64;
        rows[1].push(format!("{each:.1} µs"));
        contender.close();
        let start = Instant::now();
        contender.open(Threads::One);
        let mut key = [0];
        contender.find(&1u32.to_be_bytes(), &mut key);
        contender.sign(mechanism(ck::CKM_ECDSA), key[0], &[5; 32]);
        rows[2].push(format!("{:.1} ms", start.elapsed().as_secs_f64() * 1e3));
    }
    let names =
        ["durable creation of a pair", "find by CKA_ID", "C_Initialize + login + find + sign"];
    for (name, row) in names.iter().zip(rows) {
        println!("| {name} | {} |", row.join(" | "));
    }
}
