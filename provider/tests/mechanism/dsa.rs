//! DSA: every size of parameters, raw and with each hash, against the oracle. Legacy.

use dsa::pkcs8::EncodePublicKey;
use dsa::signature::hazmat::PrehashVerifier;
use dsa::{BoxedUint, Components, Signature, VerifyingKey};
use serial_test::serial;

use super::{GENERATE, GENERATE_PAIR, Pair, SIGN, VERIFY, offered, oracle};
use crate::harness::attribute::merged;
use crate::harness::dsa::{PARAMETERS, parameters};
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, Hash, KeyType, Mechanism, MechanismType as M,
    ObjectClass, Session, keys, on_legacy_user,
};

pub const SIGNATURES: [(M, Option<Hash>); 10] = [
    (M::DSA, None),
    (M::DSA_SHA1, Some(Hash::Sha1)),
    (M::DSA_SHA224, Some(Hash::Sha224)),
    (M::DSA_SHA256, Some(Hash::Sha256)),
    (M::DSA_SHA384, Some(Hash::Sha384)),
    (M::DSA_SHA512, Some(Hash::Sha512)),
    (M::DSA_SHA3_224, Some(Hash::Sha3_224)),
    (M::DSA_SHA3_256, Some(Hash::Sha3_256)),
    (M::DSA_SHA3_384, Some(Hash::Sha3_384)),
    (M::DSA_SHA3_512, Some(Hash::Sha3_512)),
];

pub fn pairs() -> Vec<Pair> {
    let made = [(M::DSA_KEY_PAIR_GEN, GENERATE_PAIR), (M::DSA_PARAMETER_GEN, GENERATE)];
    SIGNATURES.iter().map(|row| (row.0, SIGN | VERIFY)).chain(made).collect()
}

pub fn generate(session: Session<'_>, row: usize, private: &[Attribute]) -> (u64, u64) {
    let public = merged(&[&parameters(row), &[Attribute::flag(A::VERIFY, true)]]);
    let private = merged(&[&[Attribute::flag(A::SIGN, true)], private]);
    let mechanism = Mechanism::plain(M::DSA_KEY_PAIR_GEN);
    session.generate_pair(&mechanism, &public, &private).expect("a pair")
}

/// The public key as the oracle has it.
fn verifying(session: Session<'_>, public: u64) -> VerifyingKey {
    let number = |id| {
        let bytes = session.attribute(public, id).expect("a number of the key");
        BoxedUint::from_be_slice_vartime(&bytes)
    };
    let components =
        Components::from_components(number(A::PRIME), number(A::SUBPRIME), number(A::BASE));
    VerifyingKey::from_components(components.expect("components"), number(A::VALUE)).expect("a key")
}

fn verified(key: &VerifyingKey, digest: &[u8], signature: &[u8]) -> bool {
    let (r, s) = signature.split_at(signature.len() / 2);
    let number = BoxedUint::from_be_slice_vartime;
    let signature = Signature::from_components(number(r), number(s));
    signature.is_some_and(|signature| key.verify_prehash(digest, &signature).is_ok())
}

/// "DSA without hashing", "DSA with hashing".
#[test]
#[serial]
fn signatures_are_verified_by_the_oracle() {
    on_legacy_user(|session| {
        for (row, (bits, subprime, ..)) in PARAMETERS.iter().enumerate() {
            let (public, private) = generate(session, row, &[]);
            let key = verifying(session, public);
            for (id, hash) in SIGNATURES {
                if !offered(session, (id, SIGN | VERIFY)) {
                    continue;
                }
                let mechanism = Mechanism::plain(id);
                let data = b"twenty bytes to sign";
                let digest = hash.map_or(data.to_vec(), |hash| oracle::digest(hash, data));
                let what = format!("{id:?}, {bits} and {subprime} bits");
                let signature = session.run(Function::Sign, &mechanism, private, data);
                let signature = signature.expect("C_Sign");
                session.target.same(&what, signature.len() as u64, subprime / 4);
                let good = verified(&key, &digest, &signature);
                session.target.holds(&format!("{what}: the oracle verifies"), good);
                session.target.same(
                    &what,
                    session.check(&mechanism, public, data, &signature),
                    Ok(()),
                );
                let mut damaged = signature.clone();
                damaged[30] ^= 1;
                let check = session.check(&mechanism, public, data, &damaged);
                session.target.same("damaged", check, Err(Code::SignatureInvalid));
                let check = session.check(&mechanism, public, data, &signature[1..]);
                session.target.same("short", check, Err(Code::SignatureLenRange));
                if hash.is_none() {
                    continue;
                }
                let (a, b) = data.split_at(9);
                let parts = session.run_parts(Function::Sign, &mechanism, private, &[a, b]);
                let good = verified(&key, &digest, &parts.expect("in parts"));
                session.target.holds(&format!("{what}: the oracle verifies parts"), good);
                let check = session.check_parts(&mechanism, public, &[a, b], &signature);
                session.target.same(&format!("{what}, parts"), check, Ok(()));
            }
        }
    });
}

/// "DSA without hashing": "20, 28, 32, 48, or 64 bytes".
#[test]
#[serial]
fn the_raw_mechanism_takes_digests_only() {
    on_legacy_user(|session| {
        let (_, private) = generate(session, 2, &[]);
        let mechanism = Mechanism::plain(M::DSA);
        for len in [0, 19, 21, 65] {
            let answer = session.run(Function::Sign, &mechanism, private, &vec![1; len]);
            session.target.same(&format!("{len} bytes"), answer, Err(Code::DataLenRange));
        }
    });
}

/// A key that was generated here goes out wrapped and comes back; its halves are as the oracle
/// encodes them.
#[test]
#[serial]
fn a_private_key_comes_back_and_signs() {
    on_legacy_user(|session| {
        let (public, private) = generate(session, 2, &keys::flags(&[A::EXTRACTABLE], true));
        let info = session.attribute(public, A::PUBLIC_KEY_INFO);
        let theirs = verifying(session, public).to_public_key_der().expect("an encoding");
        session.target.same("CKA_PUBLIC_KEY_INFO", info, Ok(theirs.as_bytes().to_vec()));
        let kwp = Mechanism::plain(M::AES_KEY_WRAP_PAD);
        let wrapped = session.wrap(&kwp, session.aes(), private).expect("C_WrapKey");
        let template = [
            Attribute::class(ObjectClass::PRIVATE_KEY),
            Attribute::key_type(KeyType::DSA),
            Attribute::flag(A::SIGN, true),
        ];
        let back = session.unwrap(&kwp, session.aes(), &wrapped, &template).expect("C_UnwrapKey");
        let mechanism = Mechanism::plain(M::DSA_SHA1);
        let signature = session.run(Function::Sign, &mechanism, back, b"data").expect("C_Sign");
        let check = session.check(&mechanism, public, b"data", &signature);
        session.target.same("C_Verify", check, Ok(()));
    });
}

/// "DSA domain parameter generation": an object of parameters, from which pairs are made.
#[test]
#[serial]
fn parameters_are_generated_and_make_keys() {
    on_legacy_user(|session| {
        assert!(offered(session, (M::DSA_PARAMETER_GEN, GENERATE)));
        let mechanism = Mechanism::plain(M::DSA_PARAMETER_GEN);
        let size = [Attribute::number(A::PRIME_BITS, 1024)];
        let made = session.generate(&mechanism, &size).expect("C_GenerateKey");
        let class = session.number(made, A::CLASS);
        session.target.same("class", class, Ok(ObjectClass::DOMAIN_PARAMETERS.0));
        session.target.same("local", session.flag(made, A::LOCAL), Ok(true));
        session.target.same("bits", session.number(made, A::PRIME_BITS), Ok(1024));
        let copied = [A::PRIME, A::SUBPRIME, A::BASE]
            .map(|id| Attribute::bytes(id, &session.attribute(made, id).expect("a number")));
        let subprime = session.attribute(made, A::SUBPRIME).map(|bytes| bytes.len());
        session.target.same("the subprime", subprime, Ok(20));
        let public = merged(&[&copied, &[Attribute::flag(A::VERIFY, true)]]);
        let pair = Mechanism::plain(M::DSA_KEY_PAIR_GEN);
        let (public, private) = session
            .generate_pair(&pair, &public, &[Attribute::flag(A::SIGN, true)])
            .expect("C_GenerateKeyPair");
        let sha1 = Mechanism::plain(M::DSA_SHA1);
        let signature = session.run(Function::Sign, &sha1, private, b"data").expect("C_Sign");
        let key = verifying(session, public);
        let good = verified(&key, &oracle::digest(Hash::Sha1, b"data"), &signature);
        session.target.holds("the oracle verifies", good);
        let none = session.generate(&mechanism, &[]).map(|_| ());
        session.target.same("no size", none, Err(Code::TemplateIncomplete));
    });
}

/// FIPS 186-4 section 4.2, and numbers that are no group.
#[test]
#[serial]
fn parameters_that_do_not_go_together_are_refused() {
    on_legacy_user(|session| {
        let refused = |parameters: [&Attribute; 3], what: &str| {
            let public: Vec<Attribute> = parameters.into_iter().cloned().collect();
            let mechanism = Mechanism::plain(M::DSA_KEY_PAIR_GEN);
            let answer = session.generate_pair(&mechanism, &public, &[]).map(|_| ());
            let refused =
                matches!(answer, Err(Code::DomainParamsInvalid | Code::AttributeValueInvalid));
            session.target.holds(&format!("{what} are refused"), refused);
        };
        let (short, long) = (parameters(0), parameters(2));
        refused([&long[0], &short[1], &long[2]], "sizes that are no pair");
        refused([&short[0], &long[1], &short[2]], "sizes that are no pair");
        let one = Attribute::bytes(A::BASE, &[1]);
        refused([&long[0], &long[1], &one], "a base of one");
        let two = Attribute::bytes(A::BASE, &[2]);
        refused([&long[0], &long[1], &two], "a base of another order");
    });
}
