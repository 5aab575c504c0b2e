//! Every class of objects through the C interface: made, read, copied, searched for and kept on the
//! token, with every attribute that the tables give it.

mod harness;

use keyway_pkcs11::attribute::rule::{Class, Default, Rule};
use keyway_pkcs11::attribute::table::CLASSES;
use serial_test::serial;

use harness::attribute::merged;
use harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Mechanism, MechanismType as M,
    ObjectClass, Session, Who, dsa, keys, on_ours, on_token, on_user,
};

/// A certificate for a key on P-256, and the key as OpenSSL takes it out of the certificate.
const CERTIFICATE: &str = "308201783082011da00302010202142018066e20184208bf7a2660c3345ae36f943dc0300a06082a8648ce3d\
    0403023010310e300c06035504030c055461626c653020170d3236313132323032343032335a180f32313236\
    313032393032343032335a3010310e300c06035504030c055461626c653059301306072a8648ce3d02010608\
    2a8648ce3d030107034200044bd102df8d6a83e33f41c0a5b7695cd4ba6c4c9b9f6ea4c6f9d9e9a3d4090162\
    b5646614f6035874ebf92d043930964446efb9f3b3cd2f244bbdca88394e7a41a3533051301d0603551d0e04\
    160414c5bed1cd9e99488968feb3d2b9e1e26339e5f278301f0603551d23041830168014c5bed1cd9e994889\
    68feb3d2b9e1e26339e5f278300f0603551d130101ff040530030101ff300a06082a8648ce3d040302034900\
    30460221008a9ab08edd48202a730e2082df705648a4fbdaf1bef3d0fb1477a9fd4f89332d02210087d1c7ba\
    3e31c87688babe0c74fa43f431ba544c1c24fe5ae65b0ad20deed17c";
const CERTIFIED_KEY: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200044bd102df8d6a83e33f41c0a5b7695cd4ba\
    6c4c9b9f6ea4c6f9d9e9a3d4090162b5646614f6035874ebf92d043930964446efb9f3b3cd2f244bbdca8839\
    4e7a41";

/// What makes a valid object of the class, but for the attributes that say what it is.
fn material(session: Session<'_>, class: &Class) -> Vec<Attribute> {
    let bytes = Attribute::bytes;
    match (class.class, class.subtype.map(KeyType)) {
        (ObjectClass::DATA, _) => vec![],
        (ObjectClass::CERTIFICATE, Some(KeyType(1))) => {
            vec![bytes(A::OWNER, b"owner"), bytes(A::VALUE, b"value")]
        }
        (ObjectClass::CERTIFICATE, _) => {
            vec![bytes(A::SUBJECT, b"subject"), bytes(A::VALUE, b"value")]
        }
        (ObjectClass::PUBLIC_KEY, Some(KeyType::RSA)) => keys::rsa_public(2048).split_off(2),
        (ObjectClass::PRIVATE_KEY, Some(KeyType::RSA)) => keys::rsa_private(2048).split_off(2),
        (ObjectClass::DOMAIN_PARAMETERS, Some(KeyType::DSA)) => dsa::parameters(2),
        (ObjectClass::DOMAIN_PARAMETERS, _) => group(),
        (ObjectClass::SECRET_KEY, Some(key_type)) => vec![bytes(A::VALUE, &value(key_type))],
        (_, Some(key_type)) => half(session, class.class, key_type),
        other => panic!("no material for {other:?}"),
    }
}

/// Odd parity, and no two halves alike.
fn value(key_type: KeyType) -> Vec<u8> {
    let len = match key_type {
        KeyType::DES => 8,
        KeyType::DES2 => 16,
        KeyType::DES3 => 24,
        KeyType::AES_XTS => 64,
        _ => 32,
    };
    (0_u8..=255).filter(|byte| byte.count_ones() % 2 == 1).take(len).collect()
}

/// The domain parameters of Diffie-Hellman.
fn group() -> Vec<Attribute> {
    let prime = hex::decode(keys::FFDHE2048).expect("hex");
    vec![Attribute::bytes(A::PRIME, &prime), Attribute::bytes(A::BASE, &[2])]
}

/// The numbers of a half of a pair that is generated for them.
fn half(session: Session<'_>, class: ObjectClass, key_type: KeyType) -> Vec<Attribute> {
    let curve = |oid| vec![Attribute::bytes(A::EC_PARAMS, oid)];
    let (mechanism, parameters) = match key_type {
        KeyType::EC => (M::EC_KEY_PAIR_GEN, curve(keys::P256)),
        KeyType::EC_EDWARDS => (M::EC_EDWARDS_KEY_PAIR_GEN, curve(keys::ED25519)),
        KeyType::EC_MONTGOMERY => (M::EC_MONTGOMERY_KEY_PAIR_GEN, curve(keys::X25519)),
        KeyType::DH => (M::DH_PKCS_KEY_PAIR_GEN, group()),
        KeyType::DSA => (M::DSA_KEY_PAIR_GEN, dsa::parameters(2)),
        other => panic!("no pair of {other:?}"),
    };
    let open = [Attribute::flag(A::SENSITIVE, false), Attribute::flag(A::EXTRACTABLE, true)];
    let (public, private) = session
        .generate_pair(&Mechanism::plain(mechanism), &parameters, &open)
        .expect("C_GenerateKeyPair");
    let (key, numbers): (u64, &[A]) = match (class, key_type) {
        (ObjectClass::PUBLIC_KEY, KeyType::DH | KeyType::DSA) => (public, &[A::VALUE]),
        (ObjectClass::PUBLIC_KEY, _) => (public, &[A::EC_POINT]),
        _ => (private, &[A::VALUE]),
    };
    let numbers = numbers.iter().map(|id| {
        Attribute::bytes(*id, &session.attribute(key, *id).expect("a number of the key"))
    });
    parameters.into_iter().chain(numbers).collect()
}

/// A token object of the class.
fn make(session: Session<'_>, class: &Class) -> u64 {
    let mut template = vec![Attribute::class(class.class), Attribute::flag(A::TOKEN, true)];
    if let Some(subtype) = class.subtype {
        let id = match class.class {
            ObjectClass::CERTIFICATE => A::CERTIFICATE_TYPE,
            _ => A::KEY_TYPE,
        };
        template.push(Attribute::number(id, subtype));
    }
    template.push(Attribute::text(A::LABEL, class.name));
    template.extend(material(session, class));
    session.create(&template).unwrap_or_else(|code| panic!("{}: {code:?}", class.name))
}

/// The attribute, or what C_GetAttributeValue answers.
type Read = (A, Result<Vec<u8>, Code>);

fn read_all(session: Session<'_>, class: &Class, object: u64) -> Vec<Read> {
    class.rules().map(|rule| (rule.id, session.attribute(object, rule.id))).collect()
}

/// Whether reading must answer so: what is secret of a key is hidden, what the application may leave
/// out and the token does not compute may be missing, all else is there.
fn is_fit(class: &Class, rule: &Rule, answer: &Result<Vec<u8>, Code>) -> bool {
    let hidden = rule.notes.has(7);
    match answer {
        Ok(_) => !hidden,
        Err(Code::AttributeSensitive) => hidden,
        // A digest of what is not there: a certificate that is no DER has no public key.
        Err(Code::AttributeTypeInvalid) => {
            matches!(rule.default, Default::Absent | Default::Token)
                && !rule.notes.has(1)
                && class.class != ObjectClass::SECRET_KEY
        }
        Err(_) => false,
    }
}

#[test]
#[serial]
fn every_attribute_of_every_class_is_read_copied_and_kept() {
    harness::on_ours_with_legacy(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        session.login(Who::User, target.user_pin()).expect("C_Login");
        let mut objects = Vec::new();
        for class in CLASSES {
            let object = make(session, class);
            let read = read_all(session, class, object);
            for (rule, (_, answer)) in class.rules().zip(&read) {
                let what = format!("{} {:?}: {answer:?}", class.name, rule.id);
                target.holds(&what, is_fit(class, rule, answer));
            }
            let copy = session.copy(object, &[]).expect("C_CopyObject");
            for (one, two) in read.iter().zip(read_all(session, class, copy)) {
                let what = format!("{} {:?} of the copy", class.name, one.0);
                match one.0 {
                    A::UNIQUE_ID => target.holds(&what, one.1 != two.1),
                    _ => target.same(&what, two.1, one.1.clone()),
                }
            }
            session.destroy(copy).expect("C_DestroyObject");
            objects.push((class, read));
        }
        target.finalize().expect("C_Finalize");
        target.initialize().expect("C_Initialize");
        let session = target.open(Flags::ReadWrite).expect("a session");
        session.login(Who::User, target.user_pin()).expect("C_Login");
        for (class, before) in objects {
            let label = [Attribute::text(A::LABEL, class.name), Attribute::class(class.class)];
            let found = session.find(&label).expect("C_FindObjects");
            target.same(class.name, found.len(), 1);
            for (id, answer) in before {
                let what = format!("{} {id:?} kept", class.name);
                target.same(&what, session.attribute(found[0], id), answer);
            }
        }
    });
}

/// "Certificate objects": CKA_PUBLIC_KEY_INFO is the key in the certificate.
#[test]
#[serial]
fn the_key_of_a_certificate_is_taken_out_of_it() {
    on_user(|session| {
        let certificate = hex::decode(CERTIFICATE).expect("hex");
        let template = [
            Attribute::class(ObjectClass::CERTIFICATE),
            Attribute::number(A::CERTIFICATE_TYPE, 0),
            Attribute::bytes(A::SUBJECT, b"subject"),
            Attribute::bytes(A::VALUE, &certificate),
        ];
        let info = |more: &[Attribute]| {
            let object = session.create(&merged(&[&template, more])).expect("a certificate");
            session.attribute(object, A::PUBLIC_KEY_INFO)
        };
        let target = session.target;
        target.same("computed", info(&[]), Ok(hex::decode(CERTIFIED_KEY).expect("hex")));
        let mine = Attribute::bytes(A::PUBLIC_KEY_INFO, b"mine");
        target.same("given", info(&[mine]), Ok(b"mine".to_vec()));
        let damaged = Attribute::bytes(A::VALUE, &certificate[1..]);
        target.same("no certificate", info(&[damaged]), Ok(vec![]));
    });
}

/// "Storage objects", CKA_PRIVATE: "a user may not access the object until the user has been
/// authenticated"; certificates and public keys are not private unless somebody says so.
#[test]
#[serial]
fn certificates_and_public_keys_are_there_without_a_login() {
    on_token(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        session.login(Who::User, target.user_pin()).expect("C_Login");
        let kept = [Attribute::flag(A::TOKEN, true), Attribute::text(A::LABEL, "mine")];
        session.create(&merged(&[&keys::rsa_private(2048), &kept])).expect("a private key");
        session.create(&merged(&[&keys::rsa_public(2048), &kept])).expect("a public key");
        let certificate = [
            Attribute::class(ObjectClass::CERTIFICATE),
            Attribute::number(A::CERTIFICATE_TYPE, 0),
            Attribute::bytes(A::SUBJECT, b"subject"),
            Attribute::bytes(A::VALUE, b"value"),
        ];
        session.create(&merged(&[&certificate, &kept])).expect("a certificate");
        session.logout().expect("C_Logout");
        let found = session.find(&kept[1..]).expect("C_FindObjects");
        let mut classes: Vec<_> = found
            .iter()
            .map(|object| session.number(*object, A::CLASS).expect("a class"))
            .collect();
        classes.sort_unstable();
        let public = vec![ObjectClass::CERTIFICATE.0, ObjectClass::PUBLIC_KEY.0];
        target.holds("both and nothing else", classes == public);
    });
}

/// What browsers want that know no PIN; the log says what it costs.
#[test]
#[serial]
fn a_private_key_that_no_pin_guards_signs_without_a_login_and_is_warned_of() {
    on_ours(|target| {
        let session = target.open(Flags::ReadWrite).expect("a session");
        session.login(Who::User, target.user_pin()).expect("C_Login");
        let open = [
            Attribute::flag(A::TOKEN, true),
            Attribute::flag(A::PRIVATE, false),
            Attribute::flag(A::SIGN, true),
            Attribute::text(A::LABEL, "browser"),
        ];
        let before = target.place.log().matches("CKA_PRIVATE false").count();
        session.create(&merged(&[&keys::rsa_private(2048), &open])).expect("a private key");
        let after = target.place.log().matches("CKA_PRIVATE false").count();
        target.same("warnings", after, before + 1);
        target.finalize().expect("C_Finalize");
        target.initialize().expect("C_Initialize");
        let session = target.open(Flags::ReadOnly).expect("a session");
        let found = session.find(&open[3..]).expect("C_FindObjects");
        target.same("found", found.len(), 1);
        let pkcs1 = Mechanism::plain(M::SHA256_RSA_PKCS);
        let signature = session.run(Function::Sign, &pkcs1, found[0], b"data");
        let public = session.create(&keys::rsa_public(2048)).expect("a public key");
        let check =
            signature.and_then(|signature| session.check(&pkcs1, public, b"data", &signature));
        target.same("C_Verify", check, Ok(()));
        let value = session.attribute(found[0], A::PRIVATE_EXPONENT);
        target.same("the exponent", value, Err(Code::AttributeSensitive));
    });
}
