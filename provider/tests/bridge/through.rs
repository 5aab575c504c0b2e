//! What an application does with a token, through the bridge.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use p256::elliptic_curve::sec1::ToSec1Point;
use serial_test::serial;

use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Flags, Function, Hash, KeyType, Mechanism,
    MechanismType as M, ObjectClass, Room, keys,
};
use crate::setting::{self, PATIENT, by_label, of_class, on_user};

const DIGEST: [u8; 32] = [0x5a; 32];

#[test]
#[serial]
fn a_generated_pair_signs_and_shows_what_the_inner_token_says_of_it() {
    on_user(PATIENT, |_, session| {
        let (public, private) = setting::pair(session, "pair").expect("generated");
        let signature = setting::sign(session, private, &DIGEST).expect("signed");
        let verifier = setting::verifier(session, public);
        assert!(setting::is_signature(&verifier, &DIGEST, &signature));
        session.check(&Mechanism::plain(M::ECDSA), public, &DIGEST, &signature).expect("verified");
        let other = verifier.verify_prehash(&[0; 32], &parsed(&signature));
        assert!(other.is_err(), "a signature over anything");
        for (kind, value) in [
            (A::TOKEN, true),
            (A::PRIVATE, true),
            (A::SENSITIVE, true),
            (A::EXTRACTABLE, false),
            (A::LOCAL, true),
            (A::ALWAYS_SENSITIVE, true),
            (A::NEVER_EXTRACTABLE, true),
            (A::SIGN, true),
        ] {
            assert_eq!(session.flag(private, kind), Ok(value), "{kind:?}");
        }
        assert_eq!(session.number(private, A::KEY_TYPE), Ok(KeyType::EC.0));
        assert_eq!(session.number(private, A::KEY_GEN_MECHANISM), Ok(M::EC_KEY_PAIR_GEN.0));
        assert_eq!(session.attribute(private, A::VALUE), Err(Code::AttributeSensitive));
    });
}

fn parsed(signature: &[u8]) -> p256::ecdsa::Signature {
    p256::ecdsa::Signature::from_slice(signature).expect("two numbers")
}

/// SoftHSM2 2.6.1 has OAEP with SHA-1 only, and no SHA-3.
#[test]
#[serial]
fn what_the_inner_token_lacks_is_supplied() {
    on_user(PATIENT, |_, session| {
        let (public, private) = setting::rsa(session, "rsa");
        let oaep = Mechanism::oaep(Hash::Sha256, Hash::Sha256, b"label");
        let hidden = session.run(Function::Encrypt, &oaep, public, b"secret").expect("encrypted");
        assert_eq!(
            session.run(Function::Decrypt, &oaep, private, &hidden).as_deref(),
            Ok(&b"secret"[..])
        );
        let sha3 = Mechanism::plain(M::SHA3_256_RSA_PKCS);
        let signature = session.run(Function::Sign, &sha3, private, b"data").expect("signed");
        session.check(&sha3, public, b"data", &signature).expect("verified");
        let answer = session.check(&sha3, public, b"date", &signature);
        assert_eq!(answer, Err(Code::SignatureInvalid));
    });
}

#[test]
#[serial]
fn an_aes_key_encrypts_whole_and_in_parts() {
    on_user(PATIENT, |_, session| {
        let key = setting::aes(session, "aes").expect("generated");
        let cbc = Mechanism::bytes(M::AES_CBC_PAD, &[3; 16]);
        let plain: Vec<u8> = (0..50_000_u32).map(|n| (n % 251) as u8).collect();
        let whole = session.run(Function::Encrypt, &cbc, key, &plain).expect("encrypted");
        let parts: Vec<&[u8]> = plain.chunks(7000).collect();
        let parted = session.run_parts(Function::Encrypt, &cbc, key, &parts).expect("in parts");
        assert!(whole == parted && whole.len() == 50_000 / 16 * 16 + 16);
        let parts: Vec<&[u8]> = whole.chunks(9001).collect();
        assert!(session.run_parts(Function::Decrypt, &cbc, key, &parts).expect("back") == plain);
        assert!(session.run(Function::Decrypt, &cbc, key, &whole).expect("back") == plain);
        let gcm = Mechanism::gcm(&[9; 12], b"aad", 128);
        let mut sealed = session.run(Function::Encrypt, &gcm, key, &plain).expect("sealed");
        assert!(session.run(Function::Decrypt, &gcm, key, &sealed).expect("opened") == plain);
        sealed[7] ^= 1;
        let answer = session.run(Function::Decrypt, &gcm, key, &sealed);
        // SoftHSM2 answers CKR_GENERAL_ERROR.
        assert!(answer.is_err(), "damaged data came out");
        // The session goes on.
        assert_eq!(session.run(Function::Encrypt, &cbc, key, &plain).as_deref(), Ok(&whole[..]));
    });
}

#[test]
#[serial]
fn objects_are_created_found_changed_copied_and_destroyed() {
    on_user(PATIENT, |_, session| {
        let value: Vec<u8> = (0..32).collect();
        let key = session.create(&setting::known_secret("first", &value)).expect("created");
        assert_eq!(session.attribute(key, A::VALUE).as_deref(), Ok(&value[..]));
        assert_eq!(session.find(&by_label("first")), Ok(vec![key]));
        session.set(key, &[Attribute::text(A::LABEL, "second")]).expect("changed");
        assert_eq!(session.find(&by_label("first")), Ok(vec![]));
        assert_eq!(session.find(&by_label("second")), Ok(vec![key]));
        assert_eq!(session.attribute(key, A::LABEL).as_deref(), Ok(&b"second"[..]));
        let copy = session.copy(key, &[Attribute::text(A::LABEL, "third")]).expect("copied");
        assert_eq!(session.attribute(copy, A::VALUE).as_deref(), Ok(&value[..]));
        assert_ne!(copy, key);
        session.destroy(key).expect("destroyed");
        assert_eq!(session.attribute(key, A::LABEL), Err(Code::ObjectHandleInvalid));
        assert_eq!(session.find(&by_label("second")), Ok(vec![]));
        assert_eq!(session.find(&by_label("third")), Ok(vec![copy]));
        let mut found = session.find(&[Attribute::class(ObjectClass::SECRET_KEY)]).expect("found");
        found.sort_unstable();
        assert_eq!(found, [copy]);
    });
}

#[test]
#[serial]
fn a_session_object_ends_with_its_session() {
    on_user(PATIENT, |_, session| {
        let other = session.another(Flags::ReadWrite).expect("a session");
        let named = [Attribute::text(A::LABEL, "lent")];
        let (_, private) = other.ec_with(keys::P256, &named, &named).expect("generated");
        setting::sign(session, private, &DIGEST).expect("signed from another session");
        assert_eq!(session.find(&by_label("lent")).map(|found| found.len()), Ok(2));
        other.close().expect("closed");
        assert_eq!(session.find(&by_label("lent")), Ok(vec![]));
        assert_eq!(setting::sign(session, private, &DIGEST), Err(Code::KeyHandleInvalid));
        // The inner token is rid of it as well once another session object is made.
        session.ec_with(keys::P256, &[], &[]).expect("generated");
    });
}

#[test]
#[serial]
fn keys_are_wrapped_and_unwrapped_and_derived() {
    on_user(PATIENT, |_, session| {
        let value: Vec<u8> = (32..64).collect();
        let wrapping = setting::aes(session, "wrapping").expect("generated");
        let key = session.create(&setting::known_secret("key", &value)).expect("created");
        let mechanism = Mechanism::plain(M::AES_KEY_WRAP);
        let wrapped = session.wrap(&mechanism, wrapping, key).expect("wrapped");
        let template = setting::known_secret("back", b"");
        let template: Vec<_> = merged(&[
            &[Attribute::class(ObjectClass::SECRET_KEY), Attribute::key_type(KeyType::AES)],
            &template[3..],
        ]);
        let back = session.unwrap(&mechanism, wrapping, &wrapped, &template).expect("unwrapped");
        assert_eq!(session.attribute(back, A::VALUE).as_deref(), Ok(&value[..]));
        let broken = session.unwrap(&mechanism, wrapping, &wrapped[8..], &template);
        assert!(broken.is_err(), "a damaged key came back");

        let (ours, private) = session.ec(keys::P256);
        let peer = p256::SecretKey::from_slice(&[7; 32]).expect("a key");
        let point = peer.public_key();
        let ecdh = Mechanism::ecdh(point.to_sec1_point(false).as_bytes());
        let secret = merged(&[
            &[Attribute::class(ObjectClass::SECRET_KEY)],
            &[Attribute::key_type(KeyType::GENERIC_SECRET), Attribute::number(A::VALUE_LEN, 32)],
            &keys::flags(&[A::SENSITIVE], false),
            &keys::flags(&[A::EXTRACTABLE], true),
        ]);
        let agreed = session.derive(&ecdh, private, &secret).expect("derived");
        let theirs = session.attribute(ours, A::EC_POINT).expect("a point");
        let theirs = p256::PublicKey::from_sec1_bytes(&theirs[2..]).expect("a point");
        let shared = p256::ecdh::diffie_hellman(peer.to_nonzero_scalar(), theirs.as_affine());
        let value = session.attribute(agreed, A::VALUE);
        assert_eq!(value.as_deref(), Ok(shared.raw_secret_bytes().as_slice()));
    });
}

#[test]
#[serial]
fn a_short_buffer_keeps_the_operation() {
    on_user(PATIENT, |_, session| {
        let (public, private) = setting::pair(session, "pair").expect("generated");
        let mechanism = Mechanism::plain(M::ECDSA);
        session.init(Function::Sign, &mechanism, private).expect("C_SignInit");
        let asked = session.whole(Function::Sign, &DIGEST, Room::Query);
        assert_eq!(asked.sized(), Ok(64));
        let short = session.whole(Function::Sign, &DIGEST, Room::Bytes(10));
        assert_eq!((short.answer, short.len), (Err(Code::BufferTooSmall), 64));
        let signature = session.whole(Function::Sign, &DIGEST, Room::Bytes(64)).done();
        let verifier = setting::verifier(session, public);
        assert!(setting::is_signature(&verifier, &DIGEST, &signature.expect("signed")));
        // Given up: the next operation begins anew.
        session.init(Function::Sign, &mechanism, private).expect("C_SignInit");
        let over = session.whole(Function::Sign, &[], Room::NoLength);
        assert_eq!(over.answer, Err(Code::ArgumentsBad));
        setting::sign(session, private, &DIGEST).expect("signed");
    });
}

/// Sessions of the application cost the inner token nothing.
#[test]
#[serial]
fn a_hundred_sessions_of_the_application_share_few_of_the_inner_token() {
    on_user(&format!("{PATIENT}sessions = 4\n"), |setting, session| {
        let (_, private) = setting::pair(session, "pair").expect("generated");
        for _ in 0..100 {
            let other = session.another(Flags::ReadOnly).expect("a session");
            setting::sign(other, private, &DIGEST).expect("signed");
        }
        let (_, most) = setting.faulty().sessions();
        assert!(most <= 4, "{most} inner sessions");
        assert_eq!(setting.faulty().of("C_Login").calls(), 1);
        assert_eq!(session.find(&of_class(ObjectClass::PRIVATE_KEY, "pair")), Ok(vec![private]));
    });
}
