//! What a second thread on a second core adds, each with a session of its own on the same key.

use std::time::Instant;

use pkcs11_sys as ck;

use crate::contender::{Contender, ED25519, P256, P384, Threads, mechanism};
use crate::timing::median;

const ROUNDS: usize = 7;
/// Wall seconds of one round.
const ROUND: f64 = 0.25;

/// Prints operations a second of one thread and of two.
pub fn table(module: &mut Contender) {
    module.close();
    module.open(Threads::Many);
    println!("\n| operations a second, wall time | one thread | two threads | ratio |");
    println!("|---|---|---|---|");
    let digest = [5; 32];
    for (what, id, how, curve) in [
        ("ECDSA P-256 sign", ck::CKM_EC_KEY_PAIR_GEN, ck::CKM_ECDSA, P256),
        ("ECDSA P-384 sign", ck::CKM_EC_KEY_PAIR_GEN, ck::CKM_ECDSA, P384),
        ("Ed25519 sign", ck::CKM_EC_EDWARDS_KEY_PAIR_GEN, ck::CKM_EDDSA, ED25519),
    ] {
        let key = module.curve(id, curve, b"two");
        row(module, what, |own| own.sign(mechanism(how), key, &digest));
    }
    let key = module.rsa();
    row(module, "RSA-2048 sign", |own| own.sign(mechanism(ck::CKM_RSA_PKCS), key, &[5; 51]));
    let key = module.secret(ck::CKM_AES_KEY_GEN);
    for (what, size) in [("AES-256-GCM 64 B", 64), ("AES-256-GCM 16 KiB", 16384)] {
        let data = vec![3; size];
        row(module, what, |own| own.gcm(key, &data, &mut [0; 16400][..size + 16]));
    }
    let key = module.secret(ck::CKM_GENERIC_SECRET_KEY_GEN);
    let hmac = |own: &Contender| own.sign(mechanism(ck::CKM_SHA256_HMAC), key, &[3; 64]);
    row(module, "HMAC-SHA-256 64 B", hmac);
}

fn row(module: &Contender, what: &str, work: impl Fn(&Contender) + Sync) {
    let mut rates = [const { Vec::new() }; 2];
    for _ in 0..ROUNDS {
        for (rates, threads) in rates.iter_mut().zip([1, 2]) {
            rates.push(rate(module, threads, &work));
        }
    }
    let [one, two] = rates.each_mut().map(|rates| median(rates));
    println!("| {what} | {one:.0} | {two:.0} | {:.2} × |", two / one);
}

fn rate(module: &Contender, threads: usize, work: &(impl Fn(&Contender) + Sync)) -> f64 {
    let count = || {
        let own = module.beside();
        // The first use of a session looks the key up.
        work(&own);
        let (start, mut done) = (Instant::now(), 0u32);
        while start.elapsed().as_secs_f64() < ROUND {
            (0..16).for_each(|_| work(&own));
            done += 16;
        }
        let rate = f64::from(done) / start.elapsed().as_secs_f64();
        own.end();
        rate
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(count)).collect();
        all.into_iter().map(|one| one.join().unwrap()).sum()
    })
}
