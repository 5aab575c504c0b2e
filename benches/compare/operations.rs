//! The table of operations: one row each, printed with the ratios.

use pkcs11_sys as ck;

use crate::bare::Bare;
use crate::contender::{Contender, ED25519, P256, P384, mechanism};
use crate::timing::{Work, medians};

/// Signatures, encryption and MACs by all three.
pub fn table(ours: &Contender, theirs: &Contender) {
    println!("| CPU µs of one | keyway | SoftHSM2 | AWS-LC | of SoftHSM2's speed | of AWS-LC's |");
    println!("|---|---|---|---|---|---|");
    let bare = Bare::new();
    elliptic(ours, theirs, &bare);
    rsa(ours, theirs, &bare);
    secret(ours, theirs, &bare);
}

fn elliptic(ours: &Contender, theirs: &Contender, bare: &Bare) {
    let digest = [5u8; 32];
    let ecdsa = || mechanism(ck::CKM_ECDSA);
    for (what, curve, key) in
        [("ECDSA P-256 sign", P256, bare.p256), ("ECDSA P-384 sign", P384, bare.p384)]
    {
        let pair = |module: &Contender| module.curve(ck::CKM_EC_KEY_PAIR_GEN, curve, b"ec");
        let (a, b) = (pair(ours), pair(theirs));
        compare(
            what,
            &mut [
                ("keyway", Box::new(|| ours.sign(ecdsa(), a, &digest))),
                ("softhsm2", Box::new(|| theirs.sign(ecdsa(), b, &digest))),
                ("aws-lc", Box::new(|| bare.ecdsa(key, &digest))),
            ],
        );
    }

    let eddsa = || mechanism(ck::CKM_EDDSA);
    let pair = |module: &Contender| module.curve(ck::CKM_EC_EDWARDS_KEY_PAIR_GEN, ED25519, b"ed");
    let (a, b) = (pair(ours), pair(theirs));
    compare(
        "Ed25519 sign",
        &mut [
            ("keyway", Box::new(|| ours.sign(eddsa(), a, &digest))),
            ("softhsm2", Box::new(|| theirs.sign(eddsa(), b, &digest))),
            ("aws-lc", Box::new(|| bare.ed25519(&digest))),
        ],
    );
}

fn rsa(ours: &Contender, theirs: &Contender, bare: &Bare) {
    let digest = [5u8; 32];
    // The DigestInfo of SHA-256, so that all three do the same exponentiation over the same bytes.
    let mut info =
        b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20".to_vec();
    info.extend(digest);
    let pkcs = || mechanism(ck::CKM_RSA_PKCS);
    let (a, b) = (ours.rsa(), theirs.rsa());
    compare(
        "RSA-2048 sign",
        &mut [
            ("keyway", Box::new(|| ours.sign(pkcs(), a, &info))),
            ("softhsm2", Box::new(|| theirs.sign(pkcs(), b, &info))),
            ("aws-lc", Box::new(|| bare.rsa(&digest))),
        ],
    );
}

fn secret(ours: &Contender, theirs: &Contender, bare: &Bare) {
    let (a, b) = (ours.secret(ck::CKM_AES_KEY_GEN), theirs.secret(ck::CKM_AES_KEY_GEN));
    for (what, size) in [("AES-256-GCM 64 B", 64), ("AES-256-GCM 16 KiB", 16384)] {
        let data = vec![3u8; size];
        let mut out = [vec![0u8; size + 16], vec![0u8; size + 16], vec![0u8; size + 16]];
        let [out_a, out_b, out_c] = &mut out;
        compare(
            what,
            &mut [
                ("keyway", Box::new(|| ours.gcm(a, &data, out_a))),
                ("softhsm2", Box::new(|| theirs.gcm(b, &data, out_b))),
                ("aws-lc", Box::new(|| bare.gcm(&data, out_c))),
            ],
        );
    }

    let data = [3u8; 64];
    let hmac = || mechanism(ck::CKM_SHA256_HMAC);
    let generic = ck::CKM_GENERIC_SECRET_KEY_GEN;
    let (a, b) = (ours.secret(generic), theirs.secret(generic));
    compare(
        "HMAC-SHA-256 64 B",
        &mut [
            ("keyway", Box::new(|| ours.sign(hmac(), a, &data))),
            ("softhsm2", Box::new(|| theirs.sign(hmac(), b, &data))),
            ("aws-lc", Box::new(|| Bare::hmac(&data))),
        ],
    );
}

/// Runs the contenders and prints a row: microseconds, and ours against each other one.
fn compare(what: &str, work: &mut [Work<'_>]) {
    let medians = medians(work);
    print!("| {what} ");
    for column in ["keyway", "softhsm2", "aws-lc"] {
        match work.iter().position(|(name, _)| *name == column) {
            Some(i) => print!("| {:.2} ", medians[i] * 1e6),
            None => print!("| - "),
        }
    }
    let ours = medians[0];
    for (column, inverse) in [("softhsm2", false), ("aws-lc", true)] {
        match work.iter().position(|(name, _)| *name == column) {
            Some(i) if inverse => print!("| {:.1} % ", medians[i] / ours * 100.0),
            Some(i) => print!("| {:.1} × ", medians[i] / ours),
            None => print!("| - "),
        }
    }
    println!("|");
}
