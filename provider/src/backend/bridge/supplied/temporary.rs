//! CKM_RSA_AES_KEY_WRAP out of RSA and AES key wrap. The key that leaves or comes stays inside the
//! inner token; the AES key around it is made here for this one time, or comes out of OAEP here.

use std::sync::Arc;

use crate::attribute::{AttributeType, Attributes, KeyType, ObjectClass, Value};
use crate::backend::bridge::inner::Inner;
use crate::backend::{Key, ObjectId, Operation};
use crate::engine::{Lease, Material, random, rsa_crypt};
use crate::error::{Code, Error, Result};
use crate::ffi::inner::{Call, InnerSession};
use crate::mechanism::params::hybrid::RsaAesWrap;
use crate::mechanism::{Function, Mechanism, MechanismType, Params, set};
use crate::secret::Secret;

/// Wraps a key of the inner token under the public half of an RSA pair, which may be anybody's.
///
/// # Errors
/// KeySizeRange for an RSA key too short for the hash; what the inner token answers.
pub(in crate::backend::bridge) fn wrap(
    inner: &Inner,
    base: MechanismType,
    params: &RsaAesWrap<'_>,
    with: &Attributes,
    what: ObjectId,
) -> Result<Vec<u8>> {
    let rsa = Lease::new(Arc::new(Material::import(with)?));
    let aes = random::secret(params.size)?;
    let mut wrapped = rsa_crypt::wrap(&rsa, &params.oaep(), aes.expose())?;
    let template = one_time(aes, AttributeType::WRAP);
    let rest = inner.pool.again(|session| {
        let what = inner.objects.handle(session, what)?;
        with_temporary(session, &template, |aes| session.wrap(&call(base), aes, what))
    })?;
    wrapped.extend(rest);
    Ok(wrapped)
}

/// What is wrapped, between the two steps of unwrapping it.
pub(in crate::backend::bridge) struct Opened<'a> {
    base: MechanismType,
    template: Attributes,
    rest: &'a [u8],
}

/// The first step: the AES key, by a decryption with the private half.
///
/// # Errors
/// WrappedKeyLenRange, WrappedKeyInvalid; KeyFunctionNotPermitted for a key that may not decrypt.
pub(in crate::backend::bridge) fn open<'a>(
    base: MechanismType,
    params: &RsaAesWrap<'_>,
    with: &dyn Key,
    modulus: usize,
    wrapped: &'a [u8],
) -> Result<Opened<'a>> {
    let Some((front, rest)) = wrapped.split_at_checked(modulus) else {
        return Err(Code::WrappedKeyLenRange
            .because(format!("{} bytes are nothing wrapped", wrapped.len())));
    };
    let oaep = set::look_up(MechanismType::RSA_PKCS_OAEP)?;
    let mechanism = Mechanism { spec: oaep, params: params.oaep(), keys: Vec::new() };
    let Operation::Transform(mut decryption) = with.start(Function::Decrypt, &mechanism)? else {
        return Err(Code::GeneralError.because("a decryption without output"));
    };
    let mut len = 0;
    let room = Secret::try_with(decryption.output_size(front.len(), true)?, |out| {
        len = decryption.finish(front, out).map_err(of_wrapping)?;
        Ok(())
    })?;
    if len != params.size {
        return Err(Code::WrappedKeyInvalid.because("the temporary key has another length"));
    }
    let aes = Secret::copy_of(&room.expose()[..len]);
    Ok(Opened { base, template: one_time(aes, AttributeType::UNWRAP), rest })
}

impl Opened<'_> {
    /// The second step: the key, whose handle is returned.
    ///
    /// # Errors
    /// What the inner token answers.
    pub(in crate::backend::bridge) fn unwrap(
        &self,
        session: &InnerSession,
        attributes: &Attributes,
    ) -> Result<u64> {
        with_temporary(session, &self.template, |aes| {
            session.unwrap(&call(self.base), aes, self.rest, attributes)
        })
    }
}

fn call(id: MechanismType) -> Call<'static> {
    Call { id, params: &Params::None, keys: &[] }
}

/// A secret key that does one thing, as long as a session.
fn one_time(aes: Secret, purpose: AttributeType) -> Attributes {
    let mut attributes: Attributes = [
        (AttributeType::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
        (AttributeType::KEY_TYPE, Value::Number(KeyType::AES.0)),
        (AttributeType::TOKEN, Value::Bool(false)),
        (AttributeType::PRIVATE, Value::Bool(true)),
        (AttributeType::SENSITIVE, Value::Bool(true)),
        (AttributeType::EXTRACTABLE, Value::Bool(false)),
        (AttributeType::VALUE, Value::secret(aes)),
    ]
    .into_iter()
    .collect();
    for other in
        [AttributeType::ENCRYPT, AttributeType::DECRYPT, AttributeType::WRAP, AttributeType::UNWRAP]
    {
        attributes.set(other, Value::Bool(other == purpose));
    }
    attributes
}

fn with_temporary<T>(
    session: &InnerSession,
    template: &Attributes,
    work: impl FnOnce(u64) -> Result<T>,
) -> Result<T> {
    let key = session.create(template)?;
    let answer = work(key);
    if let Err(e) = session.destroy(key) {
        log::warn!("the temporary key of a wrapping stays until its session ends: {e}");
    }
    answer
}

/// A decryption's errors under the names that unwrapping has for them.
fn of_wrapping(error: Error) -> Error {
    match error.code() {
        Code::EncryptedDataInvalid => error.with_code(Code::WrappedKeyInvalid),
        Code::EncryptedDataLenRange => error.with_code(Code::WrappedKeyLenRange),
        _ => error,
    }
}
