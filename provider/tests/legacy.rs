//! `legacy` of the configuration: what is no longer sound is there only where somebody asks for it.

mod harness;

use rsa::Pkcs1v15Sign;
use serial_test::serial;
use sha2::{Digest, Sha256};

use harness::abi::Arg;
use harness::place::Place;
use harness::{
    Attribute, AttributeType as A, Code, Flags, Function, Hash, KeyType, Kind, Mechanism,
    MechanismType as M, ObjectClass, Session, Target, Who, keys,
};
use keyway_pkcs11::mechanism::set;

/// Runs a test in a session of the user of our module, with lines in the configuration.
fn with(lines: &str, body: impl Fn(Session<'_>)) {
    let place = Place::new(Kind::Keyway, true);
    place.configure(lines);
    let target = Target::over(Kind::Keyway, place);
    target.initialize().expect("C_Initialize");
    let session = target.open(Flags::ReadWrite).expect("a session opens");
    session.login(Who::User, target.user_pin()).expect("the user logs in");
    body(session);
}

fn generate(session: Session<'_>, bits: u64) -> Result<(), Code> {
    let size = [Attribute::number(A::MODULUS_BITS, bits)];
    let mechanism = Mechanism::plain(M::RSA_PKCS_KEY_PAIR_GEN);
    session.generate_pair(&mechanism, &size, &[]).map(|_| ())
}

/// What was signed and encrypted with a short key long ago is verified and decrypted for ever.
#[test]
#[serial]
fn a_short_rsa_key_verifies_decrypts_and_unwraps_but_does_not_sign() {
    with("", |session| {
        let target = session.target;
        let (public, private) = session.rsa(1024);
        let pkcs1 = Mechanism::plain(M::SHA256_RSA_PKCS);
        let digest = Sha256::digest(b"data");
        let old = keys::rsa(1024).sign(Pkcs1v15Sign::new::<Sha256>(), &digest).expect("signed");
        target.same("C_Verify", session.check(&pkcs1, public, b"data", &old), Ok(()));
        let encryption = Mechanism::plain(M::RSA_PKCS);
        let text = session.run(Function::Encrypt, &encryption, public, b"text");
        let text = session.run(Function::Decrypt, &encryption, private, &text.expect("C_Encrypt"));
        target.same("C_Decrypt", text, Ok(b"text".to_vec()));
        let wrapped = session.wrap(&encryption, public, session.aes()).expect("C_WrapKey");
        let template =
            [Attribute::class(ObjectClass::SECRET_KEY), Attribute::key_type(KeyType::AES)];
        let key = session.unwrap(&encryption, private, &wrapped, &template).map(|_| ());
        target.same("C_UnwrapKey", key, Ok(()));
        let rows = set::all().iter().filter(|row| row.keys == [KeyType::RSA]);
        for row in rows.filter(|row| row.sign.is_some() && !row.legacy) {
            let mechanism = match row.name().contains("PSS") {
                true => Mechanism::pss(row.id, Hash::Sha256, Hash::Sha256, 0),
                false => Mechanism::plain(row.id),
            };
            let answer = session.try_init(Function::Sign, &mechanism, private);
            target.same(row.name(), answer, Err(Code::KeySizeRange));
        }
        let private = [keys::rsa_private(1024), keys::flags(&[A::SIGN_RECOVER], true)].concat();
        let private = session.create(&private).expect("a private key");
        let answer = session
            .call("C_SignRecoverInit", vec![Arg::Words(encryption.words()), Arg::Number(private)]);
        target.same("C_SignRecoverInit", answer, Err(Code::KeySizeRange));
        target.same("C_GenerateKeyPair", generate(session, 1024), Err(Code::AttributeValueInvalid));
    });
}

#[test]
#[serial]
fn a_short_rsa_key_is_made_and_signs_as_legacy() {
    with("legacy = true", |session| {
        let target = session.target;
        let (public, private) = session.rsa(1024);
        let pkcs1 = Mechanism::plain(M::SHA256_RSA_PKCS);
        let signature = session.run(Function::Sign, &pkcs1, private, b"data").expect("C_Sign");
        target.same("C_Verify", session.check(&pkcs1, public, b"data", &signature), Ok(()));
        target.same("1024 bits", generate(session, 1024), Ok(()));
        target.same("896 bits", generate(session, 896), Err(Code::AttributeValueInvalid));
    });
}

/// `CK_MECHANISM_INFO`: "the minimum size of the key for the mechanism".
#[test]
#[serial]
fn announced_sizes_are_those_of_the_configuration() {
    for (lines, made) in [("", 2048), ("legacy = true", 1024)] {
        with(lines, |session| {
            let target = session.target;
            let sizes = |id: M| {
                let [least, most, _] = target.mechanism_info(target.slot(), id.0)?;
                Ok((least, most))
            };
            target.same("generation", sizes(M::RSA_PKCS_KEY_PAIR_GEN), Ok((made, 8192)));
            // It verifies and decrypts with shorter keys than it signs with.
            target.same("use", sizes(M::RSA_PKCS), Ok((1024, 8192)));
        });
    }
}

/// Sizes beyond the range, and numbers of such sizes, are no keys here.
#[test]
#[serial]
fn rsa_keys_outside_the_range_are_not_imported() {
    with("legacy = true", |session| {
        for bits in [512, 1016, 8200, 16_384] {
            let mut modulus = vec![0xff; bits / 8];
            modulus[0] = 0x80;
            let key = [
                Attribute::class(ObjectClass::PUBLIC_KEY),
                Attribute::key_type(KeyType::RSA),
                Attribute::bytes(A::MODULUS, &modulus),
                Attribute::bytes(A::PUBLIC_EXPONENT, &[1, 0, 1]),
            ];
            let answer = session.create(&key).map(|_| ());
            let what = format!("{bits} bits");
            session.target.same(&what, answer, Err(Code::AttributeValueInvalid));
        }
    });
}

/// CKR_MECHANISM_INVALID: "An invalid mechanism was specified", as of a mechanism that there is not.
#[test]
#[serial]
fn without_legacy_no_legacy_mechanism_is_announced_or_accepted() {
    with("", |session| {
        let target = session.target;
        let invalid = Err(Code::MechanismInvalid);
        let announced = target.mechanisms(target.slot());
        let legacy = set::all().iter().filter(|row| row.legacy);
        let mut seen = 0;
        for row in legacy {
            seen += 1;
            target.holds(row.name(), !announced.contains(&row.id.0));
            let info = target.mechanism_info(target.slot(), row.id.0).map(|_| ());
            target.same(row.name(), info, invalid);
            let mechanism = Mechanism::bytes(row.id, &[0; 8]);
            for function in Function::ALL {
                let answer = session.try_init(function, &mechanism, session.aes());
                target.same(row.name(), answer, invalid);
            }
            let length = [Attribute::number(A::VALUE_LEN, 16)];
            target.same(row.name(), session.generate(&mechanism, &length).map(|_| ()), invalid);
            let pair = session.generate_pair(&mechanism, &[], &[]).map(|_| ());
            target.same(row.name(), pair, invalid);
        }
        assert!(seen > 20, "{seen} legacy rows");
    });
}

/// A key that was made while it was allowed is still an object: it can be read and destroyed.
#[test]
#[serial]
fn without_legacy_a_legacy_key_is_an_object_and_nothing_more() {
    with("", |session| {
        let target = session.target;
        let uses = keys::flags(&[A::ENCRYPT, A::EXTRACTABLE], true);
        let des3 = [keys::secret(KeyType::DES3, &[1; 24]), uses].concat();
        let key = session.create(&des3).expect("a key");
        target.same("type", session.number(key, A::KEY_TYPE), Ok(KeyType::DES3.0));
        let ecb = Mechanism::plain(M::AES_ECB);
        let answer = session.try_init(Function::Encrypt, &ecb, key);
        target.same("AES", answer, Err(Code::KeyTypeInconsistent));
        target.same("C_DestroyObject", session.destroy(key), Ok(()));
    });
}
