//! Keys from outside, made objects of the token.

use cryptoki_sys::{
    CK_ATTRIBUTE_TYPE, CKA_DECRYPT, CKA_DERIVE, CKA_ENCRYPT, CKA_EXTRACTABLE, CKA_ID, CKA_KEY_TYPE,
    CKA_LABEL, CKA_PRIVATE, CKA_SENSITIVE, CKA_SIGN, CKA_UNWRAP, CKA_VALUE, CKA_VERIFY, CKA_WRAP,
    CKK_AES, CKK_GENERIC_SECRET, CKO_SECRET_KEY,
};

use super::TokenVault;
use super::passage::unwrap_into;
use crate::domain::key::{Material as Shape, Usage};
use crate::error::{Kind, Result};
use crate::foreign::{ForeignObject, private_key, public_key};
use crate::port::{Entry, KeySpec, Material};
use crate::token::error::raw_error;
use crate::token::open::OpenToken;

/// What each class of object of a key may do, by the key's use.
const SECRET: &[(CK_ATTRIBUTE_TYPE, &[Usage])] = &[
    (CKA_ENCRYPT, &[Usage::Encrypt]),
    (CKA_DECRYPT, &[Usage::Encrypt]),
    (CKA_WRAP, &[Usage::Wrap]),
    (CKA_UNWRAP, &[Usage::Wrap]),
    (CKA_SIGN, &[Usage::Mac]),
    (CKA_VERIFY, &[Usage::Mac]),
    (CKA_DERIVE, &[]),
];
const PRIVATE: &[(CK_ATTRIBUTE_TYPE, &[Usage])] = &[
    (CKA_SIGN, &[Usage::Sign]),
    (CKA_DECRYPT, &[Usage::Encrypt]),
    (CKA_UNWRAP, &[Usage::Encrypt, Usage::Wrap]),
    (CKA_DERIVE, &[Usage::Agree]),
];
const PUBLIC: &[(CK_ATTRIBUTE_TYPE, &[Usage])] = &[
    (CKA_VERIFY, &[Usage::Sign]),
    (CKA_ENCRYPT, &[Usage::Encrypt]),
    (CKA_WRAP, &[Usage::Encrypt, Usage::Wrap]),
];

pub(super) fn import(
    vault: &TokenVault<'_>,
    spec: &KeySpec,
    material: Material<'_>,
) -> Result<Entry> {
    let (guarded, plain) = match material {
        Material::Secret(value) => (secret(value, spec), value),
        Material::Private(pkcs8) => {
            let (public, private) = pair(pkcs8, spec)?;
            create(vault.token, spec, &public)?;
            (private, pkcs8)
        }
    };
    match unwrap_into(vault, &guarded, plain) {
        Ok(()) => Ok(Entry::Wrapped),
        // Only what the token cannot is a reason to show the key to a call.
        Err(error) if error.is_session_lost() || error.kind() == Kind::Internal => Err(error),
        Err(error) => {
            create(vault.token, spec, &guarded)?;
            Ok(Entry::Clear(error.to_string()))
        }
    }
}

fn create(token: &OpenToken, spec: &KeySpec, object: &ForeignObject) -> Result<()> {
    let template: Vec<_> = object.attributes().collect();
    let created = token.module().raw().create(token.session(), &template);
    let what = || format!("cannot import key {} ({})", spec.name, spec.algorithm);
    created.map(|_| ()).map_err(|code| raw_error(&what(), code))
}

fn secret(value: &[u8], spec: &KeySpec) -> ForeignObject {
    let mut object = ForeignObject::new(CKO_SECRET_KEY);
    let key_type = match spec.algorithm.material() {
        Shape::Hmac { .. } => CKK_GENERIC_SECRET,
        _ => CKK_AES,
    };
    object.number(CKA_KEY_TYPE, key_type);
    object.bytes(CKA_VALUE, value);
    object.flag(CKA_PRIVATE, true);
    object.flag(CKA_SENSITIVE, true);
    object.flag(CKA_EXTRACTABLE, false);
    named(object, spec, SECRET)
}

/// The public half first: should the private one be refused, nothing secret is left behind.
fn pair(pkcs8: &[u8], spec: &KeySpec) -> Result<(ForeignObject, ForeignObject)> {
    let (private, public) = private_key(pkcs8)?;
    let public = public.map(|key| public_key(&key)).transpose().map_err(|error| {
        Kind::Malformed.because("the public half is malformed").caused_by(error)
    })?;
    let public = public.flatten().ok_or_else(|| {
        Kind::Malformed
            .because("the file has no public half of the key")
            .advise("write it anew with one: openssl pkey -in FILE -out NEW")
    })?;
    Ok((named(public, spec, PUBLIC), named(private, spec, PRIVATE)))
}

fn named(
    mut object: ForeignObject,
    spec: &KeySpec,
    uses: &[(CK_ATTRIBUTE_TYPE, &[Usage])],
) -> ForeignObject {
    object.bytes(CKA_LABEL, spec.name.as_str().as_bytes());
    object.bytes(CKA_ID, spec.id.as_bytes());
    for (flag, usages) in uses {
        object.flag(*flag, usages.contains(&spec.usage));
    }
    object
}
