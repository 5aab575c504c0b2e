//! Every kind of object, its layers of rules and what its keys may do by default.

pub mod certificate;
pub mod common;
pub mod data;
pub mod domain;
pub mod private_key;
pub mod public_key;
pub mod secret_key;

use once_cell::sync::Lazy;

use crate::attribute::rule::{Class, Kind, Layers, layers};
use crate::attribute::{AttributeType as A, KeyType, ObjectClass};
use crate::error::{Code, Result};

use common::{ALL, KEY, STORAGE};

/// The kind of object that has this class and this `CKA_KEY_TYPE` or `CKA_CERTIFICATE_TYPE`.
///
/// # Errors
/// TemplateIncomplete for a class that needs a subtype, without one; TemplateInconsistent
/// for a class or subtype that the specification knows and this token does not keep;
/// AttributeValueInvalid for any other.
pub fn class_of(class: ObjectClass, subtype: Option<u64>) -> Result<&'static Class> {
    let found = CLASSES
        .iter()
        .find(|row| row.class == class && (row.subtype.is_none() || row.subtype == subtype));
    if let Some(class) = found {
        return Ok(class);
    }
    let named = subtype_attribute(class);
    if let (None, Some(attribute)) = (subtype, named) {
        return Err(Code::TemplateIncomplete.because(format!("{class:?} without {attribute:?}")));
    }
    let known = match (named, subtype) {
        (None, _) => class.name().is_some(),
        (Some(A::KEY_TYPE), Some(key_type)) => KeyType(key_type).name().is_some(),
        // Every type of certificate that there is has a row.
        (Some(_), _) => false,
    };
    let code = if known { Code::TemplateInconsistent } else { Code::AttributeValueInvalid };
    Err(code.because(format!("no {class:?} of {named:?} {subtype:x?} is kept here")))
}

/// The attribute that holds the subtype of a class, if the class has subtypes.
pub fn subtype_attribute(class: ObjectClass) -> Option<A> {
    match class {
        ObjectClass::CERTIFICATE => Some(A::CERTIFICATE_TYPE),
        ObjectClass::PUBLIC_KEY
        | ObjectClass::PRIVATE_KEY
        | ObjectClass::SECRET_KEY
        | ObjectClass::DOMAIN_PARAMETERS => Some(A::KEY_TYPE),
        _ => None,
    }
}

/// The kind of an attribute wherever it is; `Secret` if it is one in some class. `None` for an
/// attribute of no class.
pub fn kind_of(id: A) -> Option<Kind> {
    KINDS.binary_search_by_key(&id, |row| row.0).ok().map(|row| KINDS[row].1)
}

static KINDS: Lazy<Vec<(A, Kind)>> = Lazy::new(|| {
    let mut kinds: Vec<(A, Kind)> = Vec::new();
    for rule in CLASSES.iter().flat_map(Class::rules) {
        match kinds.binary_search_by_key(&rule.id, |row| row.0) {
            Ok(row) if rule.kind == Kind::Secret => kinds[row].1 = Kind::Secret,
            Ok(_) => (),
            Err(row) => kinds.insert(row, (rule.id, rule.kind)),
        }
    }
    kinds
});

/// Every kind of object.
pub static CLASSES: &[Class] = &[
    DATA,
    X_509,
    Class {
        name: "X.509 attribute certificate",
        subtype: Some(certificate::X_509_ATTRIBUTE_TYPE),
        layers: layers![
            ALL,
            STORAGE,
            common::PUBLIC,
            certificate::CERTIFICATE,
            certificate::X_509_ATTRIBUTE,
        ],
        ..X_509
    },
    Class {
        name: "WTLS certificate",
        subtype: Some(certificate::WTLS_TYPE),
        layers: layers![ALL, STORAGE, common::PUBLIC, certificate::CERTIFICATE, certificate::WTLS],
        ..X_509
    },
    public_key("RSA public key", KeyType::RSA, PUBLIC_RSA, &[A::ENCRYPT, A::VERIFY, A::WRAP]),
    agreement(public_key("EC public key", KeyType::EC, PUBLIC_EC, &[A::VERIFY])),
    public_key("Edwards EC public key", KeyType::EC_EDWARDS, PUBLIC_EC, &[A::VERIFY]),
    agreement(public_key("Montgomery EC public key", KeyType::EC_MONTGOMERY, PUBLIC_EC, &[])),
    agreement(public_key("DH public key", KeyType::DH, PUBLIC_DH, &[])),
    public_key("DSA public key", KeyType::DSA, PUBLIC_DSA, &[A::VERIFY]),
    private_key("RSA private key", KeyType::RSA, PRIVATE_RSA, &[A::DECRYPT, A::SIGN, A::UNWRAP]),
    agreement(private_key("EC private key", KeyType::EC, PRIVATE_EC, &[A::SIGN])),
    private_key("Edwards EC private key", KeyType::EC_EDWARDS, PRIVATE_EC, &[A::SIGN]),
    agreement(private_key("Montgomery EC private key", KeyType::EC_MONTGOMERY, PRIVATE_EC, &[])),
    agreement(private_key("DH private key", KeyType::DH, PRIVATE_DH, &[])),
    private_key("DSA private key", KeyType::DSA, PRIVATE_DSA, &[A::SIGN]),
    secret_key("AES key", KeyType::AES, CIPHER),
    secret_key("AES-XTS key", KeyType::AES_XTS, &[A::ENCRYPT, A::DECRYPT]),
    secret_key("ChaCha20 key", KeyType::CHACHA20, &[A::ENCRYPT, A::DECRYPT]),
    Class { layers: FIXED, ..secret_key("DES key", KeyType::DES, CIPHER) },
    Class { layers: FIXED, ..secret_key("double-length DES key", KeyType::DES2, CIPHER) },
    Class { layers: FIXED, ..secret_key("triple-length DES key", KeyType::DES3, CIPHER) },
    secret_key("generic secret", KeyType::GENERIC_SECRET, MAC),
    secret_key("MD5 HMAC key", KeyType::MD5_HMAC, MAC),
    secret_key("SHA-1 HMAC key", KeyType::SHA_1_HMAC, MAC),
    secret_key("SHA-224 HMAC key", KeyType::SHA224_HMAC, MAC),
    secret_key("SHA-256 HMAC key", KeyType::SHA256_HMAC, MAC),
    secret_key("SHA-384 HMAC key", KeyType::SHA384_HMAC, MAC),
    secret_key("SHA-512 HMAC key", KeyType::SHA512_HMAC, MAC),
    secret_key("SHA-512/224 HMAC key", KeyType::SHA512_224_HMAC, MAC),
    secret_key("SHA-512/256 HMAC key", KeyType::SHA512_256_HMAC, MAC),
    secret_key("SHA3-224 HMAC key", KeyType::SHA3_224_HMAC, MAC),
    secret_key("SHA3-256 HMAC key", KeyType::SHA3_256_HMAC, MAC),
    secret_key("SHA3-384 HMAC key", KeyType::SHA3_384_HMAC, MAC),
    secret_key("SHA3-512 HMAC key", KeyType::SHA3_512_HMAC, MAC),
    agreement(secret_key("HKDF key", KeyType::HKDF, &[])),
    DH_DOMAIN,
    Class {
        name: "DSA domain parameters",
        subtype: Some(KeyType::DSA.0),
        layers: layers![ALL, STORAGE, common::PUBLIC, domain::DOMAIN, domain::DSA],
        ..DH_DOMAIN
    },
];

const DATA: Class = Class {
    name: "data",
    class: ObjectClass::DATA,
    subtype: None,
    layers: layers![ALL, STORAGE, common::PRIVATE, data::DATA],
    bare: &[],
    generated: &[],
};

const X_509: Class = Class {
    name: "X.509 certificate",
    class: ObjectClass::CERTIFICATE,
    subtype: Some(certificate::X_509_TYPE),
    layers: layers![ALL, STORAGE, common::PUBLIC, certificate::CERTIFICATE, certificate::X_509],
    bare: &[],
    generated: &[],
};

const DH_DOMAIN: Class = Class {
    name: "DH domain parameters",
    class: ObjectClass::DOMAIN_PARAMETERS,
    subtype: Some(KeyType::DH.0),
    layers: layers![ALL, STORAGE, common::PUBLIC, domain::DOMAIN, domain::DH],
    bare: &[],
    generated: &[],
};

/// The layers of a key: visible as `$side` says, of its class, of its own type.
macro_rules! key_layers {
    ($side:ident, $of_class:expr, $own:expr) => {
        layers![ALL, STORAGE, common::$side, KEY, $of_class, $own]
    };
}
const PUBLIC_RSA: Layers = key_layers!(PUBLIC, public_key::PUBLIC_KEY, public_key::RSA);
const PUBLIC_EC: Layers = key_layers!(PUBLIC, public_key::PUBLIC_KEY, public_key::EC);
const PUBLIC_DH: Layers = key_layers!(PUBLIC, public_key::PUBLIC_KEY, public_key::DH);
const PUBLIC_DSA: Layers = key_layers!(PUBLIC, public_key::PUBLIC_KEY, public_key::DSA);
const PRIVATE_RSA: Layers = key_layers!(PRIVATE, private_key::PRIVATE_KEY, private_key::RSA);
const PRIVATE_EC: Layers = key_layers!(PRIVATE, private_key::PRIVATE_KEY, private_key::EC);
const PRIVATE_DH: Layers = key_layers!(PRIVATE, private_key::PRIVATE_KEY, private_key::DH);
const PRIVATE_DSA: Layers = key_layers!(PRIVATE, private_key::PRIVATE_KEY, private_key::DSA);
const SECRET: Layers = key_layers!(PRIVATE, secret_key::SECRET_KEY, secret_key::VALUE);

/// Secret keys whose type has one length.
const FIXED: Layers = key_layers!(PRIVATE, secret_key::SECRET_KEY, secret_key::FIXED_VALUE);

const CIPHER: &[A] = &[A::ENCRYPT, A::DECRYPT, A::SIGN, A::VERIFY, A::WRAP, A::UNWRAP];
const MAC: &[A] = &[A::SIGN, A::VERIFY];

const fn key(
    name: &'static str,
    class: ObjectClass,
    key_type: KeyType,
    layers: Layers,
    bare: &'static [A],
) -> Class {
    Class { name, class, subtype: Some(key_type.0), layers, bare, generated: &[] }
}

const fn public_key(
    name: &'static str,
    key_type: KeyType,
    layers: Layers,
    bare: &'static [A],
) -> Class {
    key(name, ObjectClass::PUBLIC_KEY, key_type, layers, bare)
}

const fn private_key(
    name: &'static str,
    key_type: KeyType,
    layers: Layers,
    bare: &'static [A],
) -> Class {
    key(name, ObjectClass::PRIVATE_KEY, key_type, layers, bare)
}

const fn secret_key(name: &'static str, key_type: KeyType, bare: &'static [A]) -> Class {
    key(name, ObjectClass::SECRET_KEY, key_type, SECRET, bare)
}

/// A key whose generation is asked for by programs that agree on keys and set no flag.
const fn agreement(class: Class) -> Class {
    Class { generated: &[A::DERIVE], ..class }
}
