//! Digests: MD5, SHA-1, SHA-2 and SHA-3 in one part and in many.

use serial_test::serial;

use super::{DIGEST, Pair, offered, oracle};
use crate::harness::{Function, Hash, Mechanism, MechanismType, on_legacy_user};

pub fn pairs() -> Vec<Pair> {
    rows().map(|row| (row.1, DIGEST)).collect()
}

fn rows() -> impl Iterator<Item = (Hash, MechanismType)> {
    Hash::ALL.into_iter().map(|row| (row.0, row.1)).chain([(Hash::Md5, MechanismType::MD5)])
}

/// "Digests".
#[test]
#[serial]
fn a_digest_in_one_part_or_many_is_the_oracles() {
    on_legacy_user(|session| {
        for (hash, id) in rows() {
            if !offered(session, (id, DIGEST)) {
                continue;
            }
            let mechanism = Mechanism::plain(id);
            for len in [1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 10_000] {
                let data: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
                let expected = oracle::digest(hash, &data);
                let what = format!("{id:?} of {len} bytes");
                let whole = session.run(Function::Digest, &mechanism, 0, &data);
                session.target.same(&what, whole, Ok(expected.clone()));
                let (a, b) = data.split_at(len / 3);
                let parts = session.run_parts(Function::Digest, &mechanism, 0, &[a, b]);
                session.target.same(&format!("{what}, parts"), parts, Ok(expected));
            }
            let nothing = session.run_parts(Function::Digest, &mechanism, 0, &[]);
            session.target.same(
                &format!("{id:?} of nothing"),
                nothing,
                Ok(oracle::digest(hash, b"")),
            );
        }
    });
}
