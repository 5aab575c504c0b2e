//! Secret keys: their value, what the engine expands from it once, and the attributes that follow.

use std::sync::Arc;

use once_cell::sync::OnceCell;

use crate::attribute::{AttributeType, Attributes, KeyType, Value};
use crate::engine::{Lease, Material, des, digest, random};
use crate::error::{Code, Result};
use crate::ffi::awslc::aead::Aead;
use crate::ffi::awslc::cipher::{BLOCK, Direction, Schedule};
use crate::ffi::awslc::hmac::Hmac;
use crate::ffi::awslc::kdf;
use crate::ffi::memory::Guarded;
use crate::mechanism::params::kdf::Pbkdf2;
use crate::mechanism::{Hash, Params};
use crate::secret::Secret;

/// The largest generic secret that is generated, in bytes. Imported ones may be longer.
pub const GENERATED_MAX: u64 = 512;

/// A secret key in the engine. What is expanded from its value is built at first use and shared by
/// every operation from then on.
pub struct SecretKey {
    value: Arc<Secret>,
    /// Whether `CKA_KEY_TYPE` of its object is AES.
    aes: bool,
    sensitive: bool,
    encrypt: OnceCell<Box<Schedule>>,
    decrypt: OnceCell<Box<Schedule>>,
    gcm: OnceCell<Aead>,
    chacha: OnceCell<Aead>,
    xchacha: OnceCell<Aead>,
    /// In the order of [`Hash`]'s variants.
    hmac: [OnceCell<Guarded<Hmac>>; Hash::COUNT],
}

impl SecretKey {
    /// # Errors
    /// AttributeValueInvalid for a value whose length the key type does not have.
    pub fn import(attributes: &Attributes) -> Result<Self> {
        let value = match attributes.find(AttributeType::VALUE) {
            Some(Value::Secret(value)) => value.clone(),
            Some(value) => Arc::new(Secret::copy_of(value.as_bytes().unwrap_or_default())),
            None => return Err(Code::AttributeValueInvalid.because("a secret key has no value")),
        };
        check_length(attributes.key_type(), value.len() as u64)?;
        let sensitive = attributes.is_true(AttributeType::SENSITIVE);
        let aes = attributes.key_type() == Some(KeyType::AES);
        Ok(Self { sensitive, aes, ..Self::new(value) })
    }

    pub fn new(value: Arc<Secret>) -> Self {
        Self {
            value,
            aes: false,
            sensitive: false,
            encrypt: OnceCell::new(),
            decrypt: OnceCell::new(),
            gcm: OnceCell::new(),
            chacha: OnceCell::new(),
            xchacha: OnceCell::new(),
            hmac: Default::default(),
        }
    }

    /// The secret key behind a lease.
    ///
    /// # Errors
    /// KeyTypeInconsistent for a key of another kind.
    pub fn of(lease: &Lease) -> Result<&Self> {
        match &**lease {
            Material::Secret(key) => Ok(key),
            #[allow(unreachable_patterns)] // as long as there is one family only
            _ => Err(Code::KeyTypeInconsistent.because("a secret key is needed")),
        }
    }

    /// Whether `CKA_SENSITIVE` of its object is true.
    pub(super) fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// # Errors
    /// KeyTypeInconsistent for a key of another type, where a mechanism takes several.
    pub(super) fn must_be_aes(&self) -> Result<()> {
        match self.aes {
            true => Ok(()),
            false => Err(Code::KeyTypeInconsistent.because("an AES key is needed")),
        }
    }

    pub fn value(&self) -> &[u8] {
        self.value.expose()
    }

    /// # Errors
    /// KeySizeRange for a value that is no AES key; so the next two.
    pub(crate) fn schedule(&self, direction: Direction) -> Result<&Schedule> {
        let cell = match direction {
            Direction::Encrypt => &self.encrypt,
            Direction::Decrypt => &self.decrypt,
        };
        let made = cell.get_or_try_init(|| Schedule::new(direction, self.value()).map(Box::new));
        made.map(|boxed| &**boxed)
    }

    pub(crate) fn gcm(&self) -> Result<&Aead> {
        self.gcm.get_or_try_init(|| Aead::gcm(self.value()))
    }

    /// # Errors
    /// KeySizeRange for a value that is no ChaCha20 key; so the next.
    pub(crate) fn chacha20_poly1305(&self) -> Result<&Aead> {
        self.chacha.get_or_try_init(|| Aead::chacha20_poly1305(self.value()))
    }

    pub(crate) fn xchacha20_poly1305(&self) -> Result<&Aead> {
        self.xchacha.get_or_try_init(|| Aead::xchacha20_poly1305(self.value()))
    }

    pub(crate) fn hmac(&self, hash: Hash) -> Result<&Hmac> {
        let cell = &self.hmac[hash as usize];
        cell.get_or_try_init(|| Hmac::keyed(hash, self.value())).map(|keyed| &**keyed)
    }
}

/// `CKM_*_KEY_GEN` of secret keys: a random value of `CKA_VALUE_LEN` bytes, and its check value.
///
/// # Errors
/// TemplateIncomplete without `CKA_VALUE_LEN`; AttributeValueInvalid for a length that the key type
/// does not have (`C_GenerateKey` does not list KeySizeRange) and for a `CKA_CHECK_VALUE`, which
/// nobody can know beforehand.
pub fn generate(_: &Params<'_>, wanted: &Attributes) -> Result<Attributes> {
    made(wanted, random::secret(wanted_length(wanted)?)?)
}

/// CKM_PKCS5_PBKD2: as [`generate`], but from a password.
///
/// # Errors
/// As [`generate`].
pub fn from_password(params: &Params<'_>, wanted: &Attributes) -> Result<Attributes> {
    let Params::Pbkdf2(params) = params else {
        return Err(Code::MechanismParamInvalid.because("PBKDF2 needs CK_PKCS5_PBKD2_PARAMS2"));
    };
    let Pbkdf2 { hash, salt, iterations, password } = *params;
    let secret = Secret::try_with(wanted_length(wanted)?, |out| {
        kdf::pbkdf2(hash, password, salt, iterations, out)
    })?;
    made(wanted, secret)
}

fn wanted_length(wanted: &Attributes) -> Result<usize> {
    let len = wanted.number(AttributeType::VALUE_LEN).ok_or_else(|| {
        Code::TemplateIncomplete.because("CKA_VALUE_LEN is needed to generate a secret key")
    })?;
    if len > GENERATED_MAX {
        return Err(Code::AttributeValueInvalid.because(format!("a secret key of {len} bytes")));
    }
    check_length(wanted.key_type(), len)?;
    Ok(len as usize)
}

/// The attributes of a new key.
pub(super) fn made(wanted: &Attributes, secret: Secret) -> Result<Attributes> {
    let mut made = Attributes::new();
    if let Some(check) = check_value(wanted, secret.expose())? {
        made.set(AttributeType::CHECK_VALUE, check);
    }
    made.set(AttributeType::VALUE, Value::secret(secret));
    Ok(made)
}

/// Checks the value of a secret key that an application brings, and adds `CKA_VALUE_LEN` and
/// `CKA_CHECK_VALUE`. Key types that this engine does not use pass unchanged.
///
/// # Errors
/// TemplateIncomplete without a value, AttributeValueInvalid for a length that the key type does
/// not have or a check value that is not the value's, TemplateInconsistent for another
/// `CKA_VALUE_LEN` than the value's.
pub fn complete(attributes: &mut Attributes) -> Result<()> {
    if !attributes.key_type().is_some_and(is_known) {
        return Ok(());
    }
    let value = attributes
        .bytes(AttributeType::VALUE)
        .ok_or_else(|| Code::TemplateIncomplete.because("a secret key needs its CKA_VALUE"))?;
    let len = value.len() as u64;
    check_length(attributes.key_type(), len)?;
    if attributes.number(AttributeType::VALUE_LEN).is_some_and(|given| given != len) {
        return Err(Code::TemplateInconsistent
            .because(format!("CKA_VALUE_LEN is not the length of the value, {len}")));
    }
    let check = check_value(attributes, value)?;
    if des::key_len(attributes.key_type()).is_none() {
        attributes.set(AttributeType::VALUE_LEN, Value::Number(len));
    } else if !des::has_parity(value) {
        return Err(Code::AttributeValueInvalid.because("a DES key with wrong parity bits"));
    }
    if let Some(check) = check {
        attributes.set(AttributeType::CHECK_VALUE, check);
    }
    Ok(())
}

/// `CKA_CHECK_VALUE` (sections "Secret key objects", "AES", "DES3 secret key objects" and "Generic
/// secret key"): the first three bytes of a zero block under AES or DES, of the SHA-1 of the value
/// for other types. `None` where
/// the application asked for none with an empty value.
fn check_value(attributes: &Attributes, value: &[u8]) -> Result<Option<Value>> {
    let given = attributes.bytes(AttributeType::CHECK_VALUE);
    if given.is_some_and(<[u8]>::is_empty) {
        return Ok(None);
    }
    let mut check = [0; 3];
    match attributes.key_type() {
        Some(KeyType::AES) => {
            let schedule = Schedule::new(Direction::Encrypt, value)?;
            check.copy_from_slice(&schedule.block(&[0; BLOCK])[..3]);
        }
        key_type if des::key_len(key_type).is_some() => check = des::check_value(value)?,
        _ => check.copy_from_slice(&digest::digest(Hash::Sha1, value)[..3]),
    }
    match given {
        Some(given) if given != check => Err(Code::AttributeValueInvalid
            .because("CKA_CHECK_VALUE is not the check value of this key")),
        _ => Ok(Some(Value::bytes(check))),
    }
}

/// The types of secret keys that mechanisms of this engine use.
fn is_known(key_type: KeyType) -> bool {
    matches!(
        key_type,
        KeyType::AES
            | KeyType::AES_XTS
            | KeyType::CHACHA20
            | KeyType::GENERIC_SECRET
            | KeyType::HKDF
            | KeyType::DES
            | KeyType::DES2
            | KeyType::DES3
            | KeyType::MD5_HMAC
            | KeyType::SHA_1_HMAC
            | KeyType::SHA224_HMAC
            | KeyType::SHA256_HMAC
            | KeyType::SHA384_HMAC
            | KeyType::SHA512_HMAC
            | KeyType::SHA512_224_HMAC
            | KeyType::SHA512_256_HMAC
            | KeyType::SHA3_224_HMAC
            | KeyType::SHA3_256_HMAC
            | KeyType::SHA3_384_HMAC
            | KeyType::SHA3_512_HMAC
    )
}

fn check_length(key_type: Option<KeyType>, len: u64) -> Result<()> {
    let fits = match key_type {
        Some(KeyType::AES) => matches!(len, 16 | 24 | 32),
        Some(KeyType::AES_XTS) => len == 64,
        Some(KeyType::CHACHA20) => len == 32,
        _ => des::key_len(key_type).map_or(len > 0, |wanted| len == wanted as u64),
    };
    match fits {
        true => Ok(()),
        false => Err(Code::AttributeValueInvalid
            .because(format!("{len} bytes are no key of type {key_type:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::ObjectClass;
    use crate::engine::testing::{self, code, pattern};
    use crate::mechanism::{Function, MechanismType as M, set};

    fn attributes(key_type: KeyType, rest: &[(AttributeType, Value)]) -> Attributes {
        let mut attributes: Attributes = rest.iter().cloned().collect();
        attributes.set(AttributeType::CLASS, Value::Number(ObjectClass::SECRET_KEY.0));
        attributes.set(AttributeType::KEY_TYPE, Value::Number(key_type.0));
        attributes
    }

    fn valued(key_type: KeyType, value: &[u8]) -> Attributes {
        attributes(key_type, &[(AttributeType::VALUE, Value::secret(Secret::copy_of(value)))])
    }

    /// AES of a zero block under a zero key: NIST's AESAVS, appendix B to D; SHA-1 of "abc":
    /// FIPS 180-1, appendix A.
    #[test]
    fn length_and_check_value_follow_from_the_value() {
        for (key_type, value, check) in [
            (KeyType::AES, &[0; 16][..], [0x66, 0xe9, 0x4b]),
            (KeyType::AES, &[0; 24], [0xaa, 0xe0, 0x69]),
            (KeyType::AES, &[0; 32], [0xdc, 0x95, 0xc0]),
            (KeyType::GENERIC_SECRET, b"abc", [0xa9, 0x99, 0x3e]),
            (KeyType::SHA256_HMAC, b"abc", [0xa9, 0x99, 0x3e]),
        ] {
            let mut key = valued(key_type, value);
            complete(&mut key).unwrap();
            assert_eq!(key.number(AttributeType::VALUE_LEN), Some(value.len() as u64));
            assert_eq!(key.bytes(AttributeType::CHECK_VALUE), Some(&check[..]));
            // What was computed is accepted when it comes back.
            complete(&mut key).unwrap();
            key.set(AttributeType::CHECK_VALUE, Value::bytes([1, 2, 3]));
            assert_eq!(code(complete(&mut key)), Code::AttributeValueInvalid);
            key.set(AttributeType::CHECK_VALUE, Value::bytes([]));
            complete(&mut key).unwrap();
            assert_eq!(key.bytes(AttributeType::CHECK_VALUE), Some(&[][..]), "none was wanted");
        }
    }

    #[test]
    fn material_that_is_no_key_of_its_type_is_refused() {
        for (key_type, len) in [
            (KeyType::AES, 15),
            (KeyType::AES, 0),
            (KeyType::GENERIC_SECRET, 0),
            (KeyType::CHACHA20, 16),
        ] {
            let mut key = valued(key_type, &pattern(len));
            assert_eq!(code(complete(&mut key)), Code::AttributeValueInvalid);
            assert_eq!(code(SecretKey::import(&key)), Code::AttributeValueInvalid);
        }
        let mut key = attributes(KeyType::AES, &[]);
        assert_eq!(code(complete(&mut key)), Code::TemplateIncomplete);
        let mut key = valued(KeyType::AES, &pattern(16));
        key.set(AttributeType::VALUE_LEN, Value::Number(32));
        assert_eq!(code(complete(&mut key)), Code::TemplateInconsistent);
    }

    #[test]
    fn a_generated_key_is_random_secret_and_as_long_as_wanted() {
        for (id, key_type, good, bad) in [
            (M::AES_KEY_GEN, KeyType::AES, &[16, 24, 32][..], &[0, 8, 17, 64][..]),
            (M::AES_XTS_KEY_GEN, KeyType::AES_XTS, &[64], &[0, 32, 63]),
            (M::CHACHA20_KEY_GEN, KeyType::CHACHA20, &[32], &[0, 16, 31, 33]),
            (M::GENERIC_SECRET_KEY_GEN, KeyType::GENERIC_SECRET, &[1, 33, 512], &[0, 513]),
            (M::SHA256_KEY_GEN, KeyType::SHA256_HMAC, &[1, 32, 512], &[0, u64::MAX]),
            (M::HKDF_KEY_GEN, KeyType::HKDF, &[32], &[0]),
        ] {
            let row = set::look_up(id).unwrap();
            assert_eq!(row.keys, [key_type]);
            let make = |len| {
                let wanted = [(AttributeType::VALUE_LEN, Value::Number(len))];
                row.generate.unwrap()(&Params::None, &attributes(key_type, &wanted))
            };
            for len in good {
                let (made, other) = (make(*len).unwrap(), make(*len).unwrap());
                assert!(matches!(made.find(AttributeType::VALUE), Some(Value::Secret(_))));
                let value = made.bytes(AttributeType::VALUE).unwrap();
                assert_eq!(value.len() as u64, *len);
                assert!(*len < 8 || made != other);
                let mut imported = valued(key_type, value);
                complete(&mut imported).unwrap();
                let check = AttributeType::CHECK_VALUE;
                assert_eq!(made.bytes(check), imported.bytes(check));
            }
            for len in bad {
                assert_eq!(code(make(*len)), Code::AttributeValueInvalid, "{id:?} {len}");
            }
            let unsaid = row.generate.unwrap()(&Params::None, &attributes(key_type, &[]));
            assert_eq!(code(unsaid), Code::TemplateIncomplete);
        }
    }

    /// RFC 6070 for SHA-1; RFC 7914 section 11 for SHA-256.
    #[test]
    fn pbkdf2_gives_the_vectors_of_the_rfcs() {
        let row = set::look_up(M::PKCS5_PBKD2).unwrap();
        let cases = [
            (Hash::Sha1, "password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
            (Hash::Sha1, "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
            (
                Hash::Sha1,
                "passwordPASSWORDpassword",
                "saltSALTsaltSALTsaltSALTsaltSALTsalt",
                4096,
                "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
            ),
            (
                Hash::Sha256,
                "passwd",
                "salt",
                1,
                "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc\
                 49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783",
            ),
        ];
        for (hash, password, salt, iterations, expected) in cases {
            let (password, salt) = (password.as_bytes(), salt.as_bytes());
            let params = Params::Pbkdf2(Pbkdf2 { hash, salt, iterations, password });
            let len = (AttributeType::VALUE_LEN, Value::Number(expected.len() as u64 / 2));
            let wanted = attributes(KeyType::GENERIC_SECRET, &[len]);
            let made = row.generate.unwrap()(&params, &wanted).unwrap();
            let value = made.bytes(AttributeType::VALUE).unwrap();
            assert_eq!(hex::encode(value), expected);
        }
    }

    #[test]
    fn threads_that_start_with_one_fresh_key_share_what_one_of_them_expands() {
        let lease = testing::key(&pattern(32));
        let seal = || {
            let params = Params::Gcm { iv: &[1; 12], aad: b"aad", tag_bits: 128 };
            let gcm = testing::start(M::AES_GCM, Function::Encrypt, &lease, &params).unwrap();
            let hmac = testing::start(M::SHA256_HMAC, Function::Sign, &lease, &Params::None);
            let text = pattern(100);
            (testing::once(gcm, &text).unwrap(), testing::once(hmac.unwrap(), &text).unwrap())
        };
        let expected = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let first = seal();
                        (0..200).for_each(|_| assert_eq!(seal(), first));
                        first
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(expected.iter().all(|sealed| *sealed == expected[0]));
    }

    #[test]
    fn an_imported_key_shares_the_value_of_its_object() {
        let attributes = valued(KeyType::GENERIC_SECRET, b"shared");
        let key = SecretKey::import(&attributes).unwrap();
        let value = attributes.bytes(AttributeType::VALUE).unwrap();
        assert_eq!(key.value().as_ptr(), value.as_ptr());
    }
}
