//! The asymmetric engine against independent implementations (RustCrypto) and published vectors.

mod curve25519;
mod damage;
mod dh;
mod ec;
mod rsa_crypt;
mod rsa_key;
mod rsa_outline;
mod rsa_sign;
mod shared;

use std::sync::{Arc, LazyLock};

use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use crate::backend::{Check, Operation, Transform};
use crate::engine::{Lease, Material, complete};
use crate::error::{Code, Result};
use crate::mechanism::{MechanismType, Params, set};
use crate::secret::Secret;

/// Both halves of a key pair as objects.
pub struct Pair {
    pub public: Attributes,
    pub private: Attributes,
}

impl Pair {
    /// Generates with the row of `mechanism` and puts the halves together as a token would.
    pub fn generate(
        mechanism: MechanismType,
        key_type: KeyType,
        public: &[(AttributeType, Value)],
        private: &[(AttributeType, Value)],
    ) -> Result<Self> {
        let mut public = object(ObjectClass::PUBLIC_KEY, key_type, public);
        let mut private = object(ObjectClass::PRIVATE_KEY, key_type, private);
        let generate = set::look_up(mechanism)?.generate_pair.unwrap();
        let (of_public, of_private) = generate(&Params::None, &public, &private)?;
        for (id, value) in of_public.iter() {
            public.set(id, value.clone());
        }
        for (id, value) in of_private.iter() {
            private.set(id, value.clone());
        }
        Ok(Self { public, private })
    }

    pub fn public_key(&self) -> Lease {
        lease(&self.public).unwrap()
    }

    pub fn private_key(&self) -> Lease {
        lease(&self.private).unwrap()
    }

    /// `CKA_PUBLIC_KEY_INFO`.
    pub fn info(&self) -> &[u8] {
        self.public.bytes(AttributeType::PUBLIC_KEY_INFO).unwrap()
    }

    /// The private half as PKCS#8.
    pub fn pkcs8(&self) -> Secret {
        super::encoding::of(&self.private).unwrap()
    }
}

/// RSA keys of every size that the tests use, generated once.
pub static RSA: LazyLock<Vec<Pair>> = LazyLock::new(|| {
    let generate = |bits| {
        let bits = [(AttributeType::MODULUS_BITS, Value::Number(bits))];
        let mechanism = MechanismType::RSA_PKCS_KEY_PAIR_GEN;
        Pair::generate(mechanism, KeyType::RSA, &bits, &[]).unwrap()
    };
    [2048, 3072, 4096].map(generate).into()
});

pub fn object(
    class: ObjectClass,
    key_type: KeyType,
    rows: &[(AttributeType, Value)],
) -> Attributes {
    let kind = [
        (AttributeType::CLASS, Value::Number(class.0)),
        (AttributeType::KEY_TYPE, Value::Number(key_type.0)),
    ];
    kind.into_iter().chain(rows.iter().cloned()).collect()
}

pub fn lease(attributes: &Attributes) -> Result<Lease> {
    Ok(Lease::new(Arc::new(Material::import(attributes)?)))
}

/// What an application gets that brings these attributes.
pub fn completed(mut attributes: Attributes) -> Result<Attributes> {
    complete(&mut attributes).map(|()| attributes)
}

pub fn transform(operation: Result<Operation>) -> Box<dyn Transform> {
    match operation.unwrap() {
        Operation::Transform(transform) => transform,
        Operation::Check(_) => panic!("not a transform"),
    }
}

pub fn check(operation: Result<Operation>) -> Box<dyn Check> {
    match operation.unwrap() {
        Operation::Check(check) => check,
        Operation::Transform(_) => panic!("not a check"),
    }
}

/// Runs a transform in one part, with a buffer of exactly the size that it asks for.
pub fn run(operation: Result<Operation>, input: &[u8]) -> Result<Vec<u8>> {
    let mut transform = transform(operation);
    let mut output = vec![0; transform.output_size(input.len(), true)?];
    let len = transform.finish(input, &mut output)?;
    output.truncate(len);
    Ok(output)
}

pub fn sign(
    mechanism: MechanismType,
    key: &Lease,
    params: &Params<'_>,
    data: &[u8],
) -> Result<Vec<u8>> {
    run(set::look_up(mechanism)?.sign.unwrap()(key, params), data)
}

pub fn verify(
    mechanism: MechanismType,
    key: &Lease,
    params: &Params<'_>,
    data: &[u8],
    signature: &[u8],
) -> Result<()> {
    check(set::look_up(mechanism)?.verify.unwrap()(key, params)).finish(data, signature)
}

/// Signs in parts and checks the signature in other parts.
pub fn signs_in_parts(mechanism: MechanismType, pair: &Pair, params: &Params<'_>, data: &[u8]) {
    let row = set::look_up(mechanism).unwrap();
    let mut signer = transform(row.sign.unwrap()(&pair.private_key(), params));
    for part in data.chunks(7) {
        assert_eq!(signer.output_size(part.len(), false).unwrap(), 0);
        assert_eq!(signer.update(part, &mut []).unwrap(), 0);
    }
    let mut signature = vec![0; signer.output_size(0, true).unwrap()];
    assert_eq!(signer.finish(&[], &mut signature).unwrap(), signature.len());
    verify(mechanism, &pair.public_key(), params, data, &signature).unwrap();
    let mut checker = check(row.verify.unwrap()(&pair.public_key(), params));
    data.chunks(11).for_each(|part| checker.update(part).unwrap());
    checker.finish(&[], &signature).unwrap();
}

/// Every way in which a good signature is refused.
pub fn refuses_damage(
    mechanism: MechanismType,
    pair: &Pair,
    params: &Params<'_>,
    data: &[u8],
    signature: &[u8],
) {
    let refuses = |signature: &[u8], code| {
        let answer = verify(mechanism, &pair.public_key(), params, data, signature);
        assert_eq!(answer.unwrap_err().code(), code, "{mechanism:?}");
    };
    for at in [0, signature.len() / 2, signature.len() - 1] {
        let mut damaged = signature.to_vec();
        damaged[at] ^= 1;
        refuses(&damaged, Code::SignatureInvalid);
    }
    refuses(&signature[..signature.len() - 1], Code::SignatureLenRange);
    refuses(&signature[..signature.len() - 2], Code::SignatureLenRange);
    refuses(&[signature, &[0]].concat(), Code::SignatureLenRange);
    refuses(&[], Code::SignatureLenRange);
    let other = [data, b"x"].concat();
    let other = &other[other.len() - data.len()..];
    if other != data {
        let answer = verify(mechanism, &pair.public_key(), params, other, signature);
        assert_eq!(answer.unwrap_err().code(), Code::SignatureInvalid, "{mechanism:?}");
    }
}
