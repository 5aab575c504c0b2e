//! A SoftHSM2 token through the bridge and directly, in one process: what the bridge costs, and
//! what it saves.

use std::time::Instant;

use pkcs11_sys as ck;

use crate::contender::{Contender, P256, mechanism};
use crate::timing::medians;

/// Signatures by CPU time, and searching among so many keys by wall time. `direct` is another copy
/// of the module that `bridged` has behind it, over the same token.
pub fn table(bridged: &Contender, direct: &Contender, keys: usize) {
    println!("| CPU µs of one | through the bridge | SoftHSM2 | of SoftHSM2's speed |");
    println!("|---|---|---|---|");
    let ec = direct.curve(ck::CKM_EC_KEY_PAIR_GEN, P256, b"ec-bench");
    signing("ECDSA P-256 sign", bridged, direct, ck::CKM_ECDSA, (b"ec-bench", ec), &[5; 32]);
    let rsa = direct.rsa();
    signing("RSA-2048 sign", bridged, direct, ck::CKM_RSA_PKCS, (b"rsa", rsa), &[5; 51]);
    if keys > 0 {
        searching(bridged, direct, keys);
    }
}

fn signing(
    what: &str,
    bridged: &Contender,
    direct: &Contender,
    id: ck::CK_MECHANISM_TYPE,
    (name, theirs): (&[u8], ck::CK_OBJECT_HANDLE),
    data: &[u8],
) {
    let mut ours = [0];
    assert_eq!(bridged.find(name, &mut ours), 1, "{what}: the bridge finds the key");
    let times = medians(&mut [
        Some(Box::new(|| bridged.sign(mechanism(id), ours[0], data))),
        Some(Box::new(|| direct.sign(mechanism(id), theirs, data))),
    ]);
    let [ours, theirs] = [0, 1].map(|i| times[i].expect("both ran") * 1e6);
    println!("| {what} | {ours:.2} | {theirs:.2} | {:.1} % |", 100.0 * theirs / ours);
}

/// Another key each time, so that nothing answers but an index.
fn searching(bridged: &Contender, direct: &Contender, keys: usize) {
    println!("\n| {keys} P-256 pairs in the token, wall time | through the bridge | SoftHSM2 |");
    println!("|---|---|---|");
    for i in 0..keys {
        direct.p256(&(i as u32).to_be_bytes());
    }
    for (what, searches) in [("find by CKA_ID, the first", 1), ("find by CKA_ID, 200 of them", 200)]
    {
        let each = [bridged, direct].map(|module| {
            let start = Instant::now();
            for i in 0..searches {
                let id = ((i + 1) * 7919 % keys) as u32;
                assert_eq!(module.find(&id.to_be_bytes(), &mut [0; 8]), 1);
            }
            start.elapsed().as_secs_f64() * 1e6 / f64::from(searches as u32)
        });
        println!("| {what} | {:.0} µs | {:.0} µs |", each[0], each[1]);
    }
}
