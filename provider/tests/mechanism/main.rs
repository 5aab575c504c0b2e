//! Every mechanism that the module announces, at every key size, against independent oracles.
//!
//! Each chapter is a table; the tests run its rows, and the last test holds the rows of all tables
//! against what C_GetMechanismList and C_GetMechanismInfo announce.

#[path = "../harness/mod.rs"]
mod harness;

mod aead;
mod cipher;
mod combine;
mod derive;
mod des;
mod digest;
mod dsa;
mod generate;
mod hash_derive;
mod hmac;
mod hybrid;
mod mac;
mod malleable;
mod message;
mod oracle;
mod password;
mod rsa_crypt;
mod rules;
mod sign_ec;
mod sign_rsa;
mod sp800_108;
mod stealing;
mod tls;
mod wrap;

use harness::{Hash, Kind, MechanismType, Session, on_ours_with_everything};
use serial_test::serial;

/// Flags of `CK_MECHANISM_INFO` that stand for functions.
pub const MESSAGE_ENCRYPT: u64 = 0x2;
pub const MESSAGE_DECRYPT: u64 = 0x4;
pub const MESSAGE_SIGN: u64 = 0x8;
pub const MESSAGE_VERIFY: u64 = 0x10;
pub const MULTI_MESSAGE: u64 = 0x20;
pub const ENCRYPT: u64 = 0x100;
pub const DECRYPT: u64 = 0x200;
pub const DIGEST: u64 = 0x400;
pub const SIGN: u64 = 0x800;
pub const VERIFY: u64 = 0x2000;
pub const SIGN_RECOVER: u64 = 0x1000;
pub const VERIFY_RECOVER: u64 = 0x4000;
pub const GENERATE: u64 = 0x8000;
pub const GENERATE_PAIR: u64 = 0x1_0000;
pub const WRAP: u64 = 0x2_0000;
pub const UNWRAP: u64 = 0x4_0000;
pub const DERIVE: u64 = 0x8_0000;

const FUNCTIONS: u64 = 0xf_ff3e;

/// What a row exercises: a mechanism and the flags of the functions.
pub type Pair = (MechanismType, u64);

/// The hashes that have a mask generation function (`CKG_MGF1_*`).
pub fn masks() -> impl Iterator<Item = Hash> {
    Hash::ALL.into_iter().filter(|row| row.2.is_some()).map(|row| row.0)
}

/// Whether the module announces a row. Ours must announce all; SoftHSM2 has fewer.
pub fn offered(session: Session<'_>, (id, flags): Pair) -> bool {
    let slot = session.info().expect("C_GetSessionInfo").slot;
    let info = session.target.mechanism_info(slot, id.0);
    let offered = info.is_ok_and(|[_, _, have]| have & flags == flags);
    assert!(offered || session.target.kind != Kind::Keyway, "{id:?} lacks {flags:#x}");
    offered
}

/// A new row of the mechanism table cannot be forgotten here.
#[test]
#[serial]
fn every_announced_function_of_every_mechanism_is_exercised() {
    let tables = [
        digest::pairs(),
        des::pairs(),
        dsa::pairs(),
        hmac::pairs(),
        sign_rsa::pairs(),
        sign_ec::pairs(),
        mac::pairs(),
        malleable::pairs(),
        message::pairs(),
        cipher::pairs(),
        aead::pairs(),
        rsa_crypt::pairs(),
        wrap::pairs(),
        derive::pairs(),
        generate::pairs(),
        combine::pairs(),
        stealing::pairs(),
        password::pairs(),
        sp800_108::pairs(),
        tls::pairs(),
        hash_derive::pairs(),
    ];
    let rows: Vec<Pair> = tables.into_iter().flatten().collect();
    on_ours_with_everything(|target| {
        let slot = target.slot();
        for mechanism in target.mechanisms(slot) {
            let [_, _, flags] = target.mechanism_info(slot, mechanism).expect("an announced one");
            let exercised =
                rows.iter().filter(|row| row.0.0 == mechanism).fold(0, |flags, row| flags | row.1);
            let id = MechanismType(mechanism);
            target.same(&format!("{id:?}: flags exercised"), exercised, flags & FUNCTIONS);
        }
    });
}
