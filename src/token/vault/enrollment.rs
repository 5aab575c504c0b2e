//! Pairs that sign one request and only unwrap from then on.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};

use super::TokenVault;
use super::generate::{EXPONENT, ulong};
use super::template::guarded;
use crate::domain::key::{KeyId, Material};
use crate::error::{Error, Kind, Result};
use crate::port::{Enrollment, KeySpec, Vault};
use crate::token::open::OpenToken;

impl Enrollment for TokenVault<'_> {
    fn generate_for_request(&self, spec: &KeySpec) -> Result<()> {
        let Material::Rsa { bits } = spec.algorithm.material() else {
            return Err(Kind::Usage
                .because(format!("{} keys do not unwrap", spec.algorithm))
                .advise("recipients have RSA keys: rsa-2048, rsa-3072 or rsa-4096"));
        };
        let mut public = named(spec);
        public.extend([
            Attribute::Private(false),
            Attribute::Verify(true),
            Attribute::Encrypt(false),
            Attribute::Wrap(true),
            Attribute::ModulusBits(ulong(bits)?),
            Attribute::PublicExponent(EXPONENT.to_vec()),
        ]);
        let mut private = named(spec);
        private.extend(guarded());
        private.extend([
            Attribute::Sign(true),
            Attribute::Decrypt(false),
            Attribute::Unwrap(true),
            Attribute::Derive(false),
        ]);
        let what = format!("cannot generate key {} ({})", spec.name, spec.algorithm);
        self.token
            .session()
            .generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private)
            .map_err(|error| self.token.failed(&what, error))?;
        Ok(())
    }

    fn keep_for_unwrapping(&self, id: KeyId) -> Result<()> {
        let kept = keep(self.token, id, ObjectClass::PRIVATE_KEY, Attribute::Sign(false))
            .and_then(|()| keep(self.token, id, ObjectClass::PUBLIC_KEY, Attribute::Verify(false)));
        kept.or_else(|error| {
            self.destroy(id)?;
            Err(error)
        })
    }
}

/// A session object under the key's name.
fn named(spec: &KeySpec) -> Vec<Attribute> {
    vec![
        Attribute::Token(false),
        Attribute::Label(spec.name.as_str().as_bytes().to_vec()),
        Attribute::Id(spec.id.as_bytes().to_vec()),
    ]
}

/// Puts a copy without a right into the token, and destroys the original.
fn keep(token: &OpenToken, id: KeyId, class: ObjectClass, without: Attribute) -> Result<()> {
    let original = token.only_key(&[class], id)?;
    let template = [Attribute::Token(true), without.clone()];
    let copy = token
        .session()
        .copy_object(original, &template)
        .map_err(|error| refused().caused_by(error))?;
    token.destroy(original)?;
    match has(token, copy, &without)? {
        true => Ok(()),
        false => Err(refused()),
    }
}

fn has(token: &OpenToken, object: ObjectHandle, wanted: &Attribute) -> Result<bool> {
    let kinds: [AttributeType; 1] = [wanted.attribute_type()];
    Ok(token.attributes(object, &kinds)?.contains(wanted))
}

fn refused() -> Error {
    Kind::Unsupported
        .because("this token does not take the right to sign from a key of the session")
        .advise(
            "nothing was kept. Let the authority certify the public part of a key that only \
             unwraps: keyway key create NAME --algorithm rsa-3072 --use wrap",
        )
}
