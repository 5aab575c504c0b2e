//! Sealing an object into a record, and opening it again (`docs/store-format.md`).

use subtle::ConstantTimeEq;

use super::identity::Identity;
use super::keys::Keys;
use super::{encoding, tags};
use crate::attribute::{AttributeType, Attributes, ObjectClass, Value};
use crate::backend::ObjectId;
use crate::engine::random;
use crate::error::{Code, Error, Result};
use crate::ffi::awslc::sealing::{self, KEY, NONCE};
use crate::secret::Secret;
use crate::store::{Form, Record};

/// Begins what every record authenticates.
const DOMAIN: &[u8] = b"KWYO\x01";
const MAC: usize = 32;

/// An opened record.
pub(super) struct Opened {
    pub(super) attributes: Attributes,
    /// Whether nobody but a holder of the master key can have written it.
    pub(super) verified: bool,
}

/// The record of an object.
///
/// # Errors
/// UserNotLoggedIn for a private object without the user's keys, or one with `CKA_TRUSTED` without
/// anybody's.
pub(super) fn seal(
    identity: &Identity,
    keys: Option<&Keys>,
    id: ObjectId,
    version: u64,
    attributes: &Attributes,
) -> Result<Record> {
    let form = form_of(attributes, keys)?;
    let private = keys.and_then(|keys| keys.private.as_ref());
    let tag_key = match (form, private) {
        (Form::Private, Some(private)) => &private.tags,
        _ => &identity.tags,
    };
    let tags = tags::of(tag_key, attributes)?;
    let mut record = Record { id, version, form, tags, body: Vec::new() };
    let plain = encoding::encode(attributes);
    match (form, keys) {
        (Form::Private | Form::Open, _) => {
            let mut nonce = [0; NONCE];
            random::fill(&mut nonce)?;
            let key = object_key(identity, keys, &record)?;
            let mut body = nonce.to_vec();
            sealing::gcm_seal(&key, &nonce, &aad(identity, &record), plain.expose(), &mut body)?;
            record.body = body;
        }
        (Form::Public, Some(keys)) => {
            let mac = mac(identity, keys, &record, plain.expose())?;
            record.body = [plain.expose(), &mac].concat();
        }
        (Form::Public | Form::Unattested, _) => record.body = plain.expose().to_vec(),
    }
    Ok(record)
}

/// Undoes [`seal`]. A MAC can only be checked by whoever is logged in.
///
/// # Errors
/// DeviceError, which names the object, for a record that was changed, swapped or moved here;
/// UserNotLoggedIn for a private one without the user's keys.
pub(super) fn open(identity: &Identity, keys: Option<&Keys>, record: &Record) -> Result<Opened> {
    let id = record.id;
    let (attributes, verified) = match record.form {
        Form::Private | Form::Open => {
            let (nonce, sealed) =
                record.body.split_first_chunk::<NONCE>().ok_or_else(|| changed(id))?;
            let key = object_key(identity, keys, record)?;
            let plain = sealing::gcm_open(&key, nonce, &aad(identity, record), sealed)?;
            let plain = plain.ok_or_else(|| changed(id))?;
            (encoding::decode(plain.expose())?, true)
        }
        Form::Public => {
            let (plain, stored) =
                record.body.split_last_chunk::<MAC>().ok_or_else(|| changed(id))?;
            if let Some(keys) = keys {
                let right = mac(identity, keys, record, plain)?.ct_eq(stored);
                if !bool::from(right) {
                    return Err(changed(id));
                }
            }
            (encoding::decode(plain)?, keys.is_some())
        }
        Form::Unattested => (encoding::decode(&record.body)?, false),
    };
    check(record, &attributes)?;
    Ok(Opened { attributes, verified })
}

/// What must agree with the form, whoever wrote the record.
fn check(record: &Record, attributes: &Attributes) -> Result<()> {
    let private = attributes.is_true(AttributeType::PRIVATE) == (record.form == Form::Private);
    let trusted = record.form == Form::Unattested && attributes.is_true(AttributeType::TRUSTED);
    let clear = matches!(record.form, Form::Public | Form::Unattested) && is_secret(attributes);
    match private && !trusted && !clear {
        true => Ok(()),
        false => Err(changed(record.id)),
    }
}

fn form_of(attributes: &Attributes, keys: Option<&Keys>) -> Result<Form> {
    let private = attributes.is_true(AttributeType::PRIVATE);
    let may_seal = keys.is_some_and(|keys| keys.private.is_some());
    match (private, is_secret(attributes), keys.is_some()) {
        (true, _, _) if may_seal => Ok(Form::Private),
        (true, _, _) => {
            Err(Code::UserNotLoggedIn.because("a private object needs the user's login"))
        }
        (false, true, _) => Ok(Form::Open),
        (false, false, true) => Ok(Form::Public),
        (false, false, false) if attributes.is_true(AttributeType::TRUSTED) => {
            Err(Code::UserNotLoggedIn.because("a trusted object needs a login: call C_Login"))
        }
        (false, false, false) => Ok(Form::Unattested),
    }
}

/// Whether an object may never lie in clear.
fn is_secret(attributes: &Attributes) -> bool {
    let class = attributes.class();
    let secret = [ObjectClass::PRIVATE_KEY, ObjectClass::SECRET_KEY, ObjectClass::OTP_KEY];
    class.is_some_and(|class| secret.contains(&class))
        || attributes.iter().any(|(_, value)| matches!(value, Value::Secret(_)))
}

/// A key for this object alone: random 96-bit nonces then never come near their limit.
fn object_key(identity: &Identity, keys: Option<&Keys>, record: &Record) -> Result<Secret> {
    let key = match (record.form, keys.and_then(|keys| keys.private.as_ref())) {
        (Form::Private, Some(private)) => &private.seal,
        (Form::Private, None) => {
            return Err(Code::UserNotLoggedIn.because(format!("object {:?} is private", record.id)));
        }
        _ => &identity.open,
    };
    Secret::wiped_on_fork(KEY, |out| {
        sealing::hkdf_sha256(key.expose(), b"keyway object", &record.id.0, out)
    })
}

fn mac(identity: &Identity, keys: &Keys, record: &Record, plain: &[u8]) -> Result<[u8; MAC]> {
    sealing::hmac_sha256(&keys.mac, &[&aad(identity, record), plain])
}

/// Everything about a record that is not its body.
fn aad(identity: &Identity, record: &Record) -> Vec<u8> {
    let mut aad = Vec::with_capacity(64 + 16 * record.tags.len());
    aad.extend(DOMAIN);
    aad.extend(identity.instance.0);
    aad.extend(record.id.0);
    aad.extend(record.version.to_be_bytes());
    aad.push(record.form as u8);
    aad.extend((identity.serial.len() as u8).to_be_bytes());
    aad.extend(identity.serial.as_bytes());
    for tag in &record.tags {
        aad.extend(tag.0);
    }
    aad
}

fn changed(id: ObjectId) -> Error {
    Code::DeviceError.because(format!(
        "object {id:?} is damaged: its record was changed, swapped or taken from another token; \
         restore a backup of the token, or destroy the object"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::embedded::keys::new_master;
    use crate::store::Role;

    fn identity() -> Identity {
        Identity::generate("label", "0123456789abcdef").unwrap()
    }

    fn keys(identity: &Identity) -> Keys {
        Keys::of(Role::User, new_master().unwrap(), identity.instance).unwrap()
    }

    fn object(private: bool, class: ObjectClass) -> Attributes {
        Attributes::from_iter([
            (AttributeType::CLASS, Value::Number(class.0)),
            (AttributeType::TOKEN, Value::Bool(true)),
            (AttributeType::PRIVATE, Value::Bool(private)),
            (AttributeType::ID, Value::bytes(*b"id")),
            (AttributeType::VALUE, Value::bytes([5; 40])),
        ])
    }

    const ID: ObjectId = ObjectId([8; 16]);

    #[test]
    fn each_object_gets_its_form() {
        let identity = identity();
        let keys = keys(&identity);
        let form = |private, class, keys| {
            seal(&identity, keys, ID, 1, &object(private, class)).unwrap().form
        };
        assert_eq!(form(true, ObjectClass::SECRET_KEY, Some(&keys)), Form::Private);
        assert_eq!(form(true, ObjectClass::DATA, Some(&keys)), Form::Private);
        assert_eq!(form(false, ObjectClass::PRIVATE_KEY, Some(&keys)), Form::Open);
        assert_eq!(form(false, ObjectClass::SECRET_KEY, None), Form::Open);
        assert_eq!(form(false, ObjectClass::DATA, Some(&keys)), Form::Public);
        assert_eq!(form(false, ObjectClass::DATA, None), Form::Unattested);
        let private = seal(&identity, None, ID, 1, &object(true, ObjectClass::DATA));
        assert_eq!(private.unwrap_err().code(), Code::UserNotLoggedIn);
    }

    #[test]
    fn what_was_sealed_opens_to_the_same() {
        let identity = identity();
        let keys = keys(&identity);
        for (private, class) in [
            (true, ObjectClass::SECRET_KEY),
            (false, ObjectClass::SECRET_KEY),
            (false, ObjectClass::DATA),
        ] {
            let object = object(private, class);
            let record = seal(&identity, Some(&keys), ID, 3, &object).unwrap();
            let opened = open(&identity, Some(&keys), &record).unwrap();
            assert!(opened.verified && opened.attributes == object);
        }
    }

    #[test]
    fn every_flipped_bit_of_a_record_is_noticed() {
        let identity = identity();
        let keys = keys(&identity);
        for (private, class) in [
            (true, ObjectClass::SECRET_KEY),
            (false, ObjectClass::SECRET_KEY),
            (false, ObjectClass::DATA),
        ] {
            let record = seal(&identity, Some(&keys), ID, 3, &object(private, class)).unwrap();
            for bit in 0..8 * record.body.len() {
                let mut flipped = record.clone();
                flipped.body[bit / 8] ^= 1 << (bit % 8);
                assert_damaged(&identity, &keys, &flipped);
            }
            for bit in 0..8 * 16 * record.tags.len() {
                let mut flipped = record.clone();
                flipped.tags[bit / 128].0[bit / 8 % 16] ^= 1 << (bit % 8);
                assert_damaged(&identity, &keys, &flipped);
            }
            for bit in 0..64 {
                assert_damaged(
                    &identity,
                    &keys,
                    &Record { version: 3 ^ 1 << bit, ..record.clone() },
                );
            }
            for bit in 0..128 {
                let mut id = record.id;
                id.0[bit / 8] ^= 1 << (bit % 8);
                assert_damaged(&identity, &keys, &Record { id, ..record.clone() });
            }
            for form in [Form::Private, Form::Open, Form::Public] {
                if form != record.form {
                    assert_damaged(&identity, &keys, &Record { form, ..record.clone() });
                }
            }
        }
    }

    #[test]
    fn a_record_without_its_mac_passes_for_one_written_without_login_but_is_never_trusted() {
        let identity = identity();
        let keys = keys(&identity);
        let mut trusted = object(false, ObjectClass::CERTIFICATE);
        trusted.set(AttributeType::TRUSTED, Value::Bool(true));
        let record = seal(&identity, Some(&keys), ID, 1, &trusted).unwrap();
        let body = record.body[..record.body.len() - MAC].to_vec();
        assert_damaged(&identity, &keys, &Record { form: Form::Unattested, body, ..record });
    }

    #[test]
    fn a_record_of_another_token_is_refused() {
        let (here, there) = (identity(), identity());
        let keys = keys(&here);
        for (private, class) in [
            (true, ObjectClass::SECRET_KEY),
            (false, ObjectClass::SECRET_KEY),
            (false, ObjectClass::DATA),
        ] {
            let record = seal(&there, Some(&keys), ID, 1, &object(private, class)).unwrap();
            assert_damaged(&here, &keys, &record);
        }
    }

    fn assert_damaged(identity: &Identity, keys: &Keys, record: &Record) {
        let story = match open(identity, Some(keys), record) {
            Ok(_) => panic!("a changed record opened"),
            Err(story) => story,
        };
        assert_eq!(story.code(), Code::DeviceError);
    }
}
