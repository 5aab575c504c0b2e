//! Deriving secret keys: HKDF (RFC 5869), digests, the encryption of data.

use zeroize::Zeroizing;

use crate::attribute::AttributeType;
use crate::engine::secret::SecretKey;
use crate::engine::{Lease, aes, digest};
use crate::error::{Code, Result};
use crate::ffi::awslc::kdf;
use crate::mechanism::params::kdf::{Hkdf, Salt};
use crate::mechanism::{Hash, Mechanism, Params};
use crate::secret::Secret;

/// `CKM_HKDF_DERIVE`: extract, expand or both.
///
/// # Errors
/// TemplateIncomplete if nothing tells the length of an expanded key, KeySizeRange for a length of
/// zero or beyond 255 hashes and for a base key shorter than the hash that is only expanded,
/// TemplateInconsistent for another length than the hash's where the key is only extracted,
/// KeyTypeInconsistent for a salt key without a value.
pub fn hkdf(key: &Lease, mechanism: &Mechanism<'_>, length: Option<usize>) -> Result<Secret> {
    let Params::Hkdf(params) = &mechanism.params else {
        return Err(Code::MechanismParamInvalid.because("HKDF needs CK_HKDF_PARAMS"));
    };
    let base = SecretKey::of(key)?.value();
    match (params.extract, params.expand) {
        (true, false) => {
            let length = length.unwrap_or(params.hash.size());
            if length != params.hash.size() {
                return Err(Code::TemplateInconsistent.because(format!(
                    "HKDF extracts {} bytes, {length} are asked for",
                    params.hash.size()
                )));
            }
            extract(params, mechanism, base)
        }
        (false, _) if base.len() < params.hash.size() => {
            Err(Code::KeySizeRange.because("HKDF expands a key at least as long as the hash"))
        }
        (false, _) => expand(params, base, length),
        (true, true) => expand(params, extract(params, mechanism, base)?.expose(), length),
    }
}

fn extract(params: &Hkdf<'_>, mechanism: &Mechanism<'_>, base: &[u8]) -> Result<Secret> {
    let from = |salt: &[u8]| {
        let size = params.hash.size();
        Secret::try_with(size, |out| kdf::extract(params.hash, salt, base, out))
    };
    match params.salt {
        Salt::None => from(&[]),
        Salt::Data(salt) => from(salt),
        Salt::Key(_) => {
            let salt = mechanism.keys.first().map(|key| key.snapshot());
            let salt = salt.as_ref().and_then(|key| key.attributes.bytes(AttributeType::VALUE));
            from(salt.ok_or_else(|| {
                Code::KeyTypeInconsistent.because("the salt key of HKDF has no value")
            })?)
        }
    }
}

fn expand(params: &Hkdf<'_>, key: &[u8], length: Option<usize>) -> Result<Secret> {
    let length = length.ok_or_else(|| {
        Code::TemplateIncomplete.because("CKA_VALUE_LEN is needed to expand with HKDF")
    })?;
    if length == 0 || length > 255 * params.hash.size() {
        return Err(Code::KeySizeRange.because(format!("HKDF cannot make {length} bytes")));
    }
    Secret::try_with(length, |out| kdf::expand(params.hash, key, params.info, out))
}

/// `CKM_SHA*_KEY_DERIVATION`: the first bytes of the digest of the key, all of them if no length is
/// asked for.
///
/// # Errors
/// KeySizeRange for a key of no bytes or of more than the digest.
pub fn digest(hash: Hash, key: &Lease, length: Option<usize>) -> Result<Secret> {
    let digest = Zeroizing::new(digest::digest(hash, SecretKey::of(key)?.value()));
    match length.unwrap_or(hash.size()) {
        length if (1..=hash.size()).contains(&length) => Ok(Secret::copy_of(&digest[..length])),
        length => Err(Code::KeySizeRange.because(format!("{length} bytes of a digest"))),
    }
}

/// `CKM_AES_ECB_ENCRYPT_DATA` and `CKM_AES_CBC_ENCRYPT_DATA`: the first bytes of the ciphertext, all
/// of them if no length is asked for.
///
/// # Errors
/// DataLenRange if the data is too short for the key (section "Key derivation by data encryption"),
/// KeyTypeInconsistent or KeySizeRange for a base key that is no AES key.
pub fn encrypt_data(
    key: &Lease,
    mechanism: &Mechanism<'_>,
    length: Option<usize>,
) -> Result<Secret> {
    let (iv, data) = match mechanism.params {
        Params::EncryptData(data) => (None, data),
        Params::CbcEncryptData { iv, data } => (Some(iv), data),
        _ => return Err(Code::MechanismParamInvalid.because("data to encrypt is needed")),
    };
    let key = SecretKey::of(key)?;
    let all = Secret::try_with(data.len(), |out| aes::encrypt_blocks(key, iv, data, out))?;
    match length.unwrap_or(data.len()) {
        0 => Err(Code::KeySizeRange.because("a key of no bytes")),
        len if len == data.len() => Ok(all),
        len => match all.expose().get(..len) {
            Some(first) => Ok(Secret::copy_of(first)),
            None => Err(Code::DataLenRange
                .because(format!("{} bytes of data for a key of {len}", data.len()))),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::attribute::{Attributes, Value};
    use crate::backend::{Object, ObjectId};
    use crate::engine::testing::*;
    use crate::handle::Handle;
    use crate::mechanism::{MechanismType as M, set};

    fn mechanism<'a>(id: M, params: Params<'a>, keys: Vec<Arc<Object>>) -> Mechanism<'a> {
        Mechanism { spec: set::look_up(id).unwrap(), params, keys }
    }

    fn hkdf_with(
        (extract, expand): (bool, bool),
        hash: Hash,
        salt: Salt<'_>,
        info: &[u8],
        key: &Lease,
        length: Option<usize>,
    ) -> Result<Secret> {
        let salt_key = [(AttributeType::VALUE, Value::secret(Secret::copy_of(&unhex(SALT))))];
        let salt_key = Object::new(ObjectId([0; 16]), Attributes::from_iter(salt_key), 0, 0);
        let params = Params::Hkdf(Hkdf { extract, expand, hash, salt, info });
        hkdf(key, &mechanism(M::HKDF_DERIVE, params, vec![Arc::new(salt_key)]), length)
    }

    const SALT: &str = "000102030405060708090a0b0c";
    const BOTH: (bool, bool) = (true, true);
    const EXTRACT: (bool, bool) = (true, false);
    const EXPAND: (bool, bool) = (false, true);

    /// Test cases 1, 3 and 4 of RFC 5869, appendix A.
    #[test]
    fn hkdf_gives_the_vectors_of_rfc_5869_in_one_step_and_in_two() {
        let (salt, info) = (unhex(SALT), unhex("f0f1f2f3f4f5f6f7f8f9"));
        for (hash, ikm, salt, info, prk, okm) in [
            (
                Hash::Sha256,
                vec![0x0b; 22],
                Some(&salt),
                &info[..],
                "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b88718\
                 5865",
            ),
            (
                Hash::Sha256,
                vec![0x0b; 22],
                None,
                &[],
                "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a\
                 96c8",
            ),
            (
                Hash::Sha1,
                vec![0x0b; 11],
                Some(&salt),
                &info[..],
                "9b6c18c432a7bf8f0e71c8eb88f4b30baa2ba243",
                "085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3\
                 f896",
            ),
        ] {
            let (ikm, prk, okm) = (key(&ikm), unhex(prk), unhex(okm));
            let salts = match salt {
                Some(salt) => vec![Salt::Data(salt), Salt::Key(Handle::from_raw(1))],
                None => vec![Salt::None, Salt::Data(&[])],
            };
            for salt in salts {
                let both = hkdf_with(BOTH, hash, salt.clone(), info, &ikm, Some(42)).unwrap();
                assert_eq!(both.expose(), okm);
                let extracted = hkdf_with(EXTRACT, hash, salt, info, &ikm, None).unwrap();
                assert_eq!(extracted.expose(), prk);
            }
            let expanded = hkdf_with(EXPAND, hash, Salt::None, info, &key(&prk), Some(42)).unwrap();
            assert_eq!(expanded.expose(), okm);
        }
    }

    #[test]
    fn hkdf_refuses_lengths_that_it_cannot_make() {
        let base = key(&pattern(32));
        let derive =
            |steps, length| code(hkdf_with(steps, Hash::Sha256, Salt::None, b"", &base, length));
        assert_eq!(derive(EXPAND, None), Code::TemplateIncomplete);
        assert_eq!(derive(EXPAND, Some(0)), Code::KeySizeRange);
        assert_eq!(derive(BOTH, Some(255 * 32)), Code::Ok);
        assert_eq!(derive(BOTH, Some(255 * 32 + 1)), Code::KeySizeRange);
        assert_eq!(derive(EXTRACT, Some(32)), Code::Ok);
        assert_eq!(derive(EXTRACT, Some(16)), Code::TemplateInconsistent);
        let short = hkdf_with(EXPAND, Hash::Sha256, Salt::None, b"", &key(&[1; 31]), Some(32));
        assert_eq!(code(short), Code::KeySizeRange);
    }

    /// The first block of NIST SP 800-38A, F.1.5 and F.2.5.
    #[test]
    fn encrypting_data_gives_the_ciphertext_or_its_front() {
        let base = key(&unhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"));
        let data = unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        let iv = std::array::from_fn(|i| i as u8);
        for (id, params, cipher) in [
            (
                M::AES_ECB_ENCRYPT_DATA,
                Params::EncryptData(&data),
                "f3eed1bdb5d2a03c064b5a7e3db181f8591ccb10d410ed26dc5ba74a31362870",
            ),
            (
                M::AES_CBC_ENCRYPT_DATA,
                Params::CbcEncryptData { iv, data: &data },
                "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d",
            ),
        ] {
            let cipher = unhex(cipher);
            let derive = |length| {
                let mechanism = mechanism(id, params.clone(), vec![]);
                mechanism.spec.derive.unwrap()(&base, &mechanism, length)
            };
            assert_eq!(derive(None).unwrap().expose(), cipher);
            assert_eq!(derive(Some(32)).unwrap().expose(), cipher);
            assert_eq!(derive(Some(24)).unwrap().expose(), &cipher[..24]);
            assert_eq!(code(derive(Some(33))), Code::DataLenRange);
            assert_eq!(code(derive(Some(0))), Code::KeySizeRange);
        }
    }
}
