//! Wrapping keys for other tokens, and unwrapping theirs.

use cryptoki::error::RvError;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};

use super::TokenVault;
use super::cipher::{damaged, is_refused_ciphertext};
use super::data_key::{lacks_hash, oaep, wrap};
use super::template::secret_key;
use crate::domain::envelope::OaepHash;
use crate::domain::key::{KeyId, Material};
use crate::error::{Kind, Result};
use crate::port::{KeySpec, Sharing};
use crate::token::error::code;
use crate::token::open::OpenToken;

impl Sharing for TokenVault<'_> {
    fn wrap_for(
        &self,
        key: KeyId,
        recipient: KeyId,
        hash: Option<OaepHash>,
    ) -> Result<(OaepHash, Vec<u8>)> {
        let token = self.token;
        let key = token.only_key(&[ObjectClass::SECRET_KEY], key)?;
        let wrapping = trusted(token, recipient)?;
        let wrapped = match hash {
            None => wrap(token, wrapping, key),
            Some(hash) => token
                .session()
                .wrap_key(&oaep(hash, &[]), wrapping, key)
                .map(|wrapped| (hash, wrapped)),
        };
        wrapped.map_err(|error| match code(&error) {
            Some(RvError::KeyUnextractable) => Kind::Refused
                .because("the key was not created for sharing")
                .advise("create one that is: keyway key create NAME --shareable"),
            _ => token.failed("cannot wrap the key", error),
        })
    }

    fn receive(
        &self,
        unwrap_with: KeyId,
        hash: OaepHash,
        wrapped: &[u8],
        spec: &KeySpec,
    ) -> Result<()> {
        let token = self.token;
        let (kind, bytes) = shape(spec)?;
        let unwrapping = token.only_key(&[ObjectClass::PRIVATE_KEY], unwrap_with)?;
        let mut template = secret_key(spec);
        template.push(Attribute::KeyType(kind));
        let key = match token.session().unwrap_key(&oaep(hash, &[]), unwrapping, wrapped, &template)
        {
            Ok(key) => key,
            Err(error) if is_refused_ciphertext(&error) => return Err(damaged()),
            Err(error) if hash == OaepHash::Sha256 && lacks_hash(&error) => {
                return Err(Kind::Unsupported
                    .because("this token does not unwrap with OAEP and SHA-256")
                    .advise("ask the distributor for a share made with --oaep sha1"));
            }
            Err(error) => return Err(token.failed("cannot unwrap the key", error)),
        };
        if length(token, key)?.is_some_and(|length| length != bytes) {
            token.destroy(key)?;
            return Err(Kind::NotAuthentic
                .because(format!("what was shared is not a key of {}", spec.algorithm))
                .advise("ask the distributor for a new share"));
        }
        Ok(())
    }
}

/// The one public key with this identifier, if the security officer vouches for it.
fn trusted(token: &OpenToken, id: KeyId) -> Result<ObjectHandle> {
    let refused = || {
        Kind::Refused
            .because("the recipient's key is no trusted wrapping key of this token")
            .advise("its security officer can make it one: keyway client trust CERT")
    };
    let template = [
        Attribute::Class(ObjectClass::PUBLIC_KEY),
        Attribute::Id(id.as_bytes().to_vec()),
        Attribute::Trusted(true),
    ];
    match token.find(&template)?.as_slice() {
        [object] => Ok(*object),
        [] => Err(refused()),
        _ => Err(Kind::NotAuthentic.because("the recipient's key is on this token several times")),
    }
}

/// CKA_KEY_TYPE and length of the secret keys that are shared.
fn shape(spec: &KeySpec) -> Result<(KeyType, usize)> {
    match spec.algorithm.material() {
        Material::Aes { bytes } => Ok((KeyType::AES, bytes)),
        Material::Hmac { bytes } => Ok((KeyType::GENERIC_SECRET, bytes)),
        _ => Err(Kind::Refused
            .because(format!("{} keys are not shared", spec.algorithm))
            .advise("only secret keys are: private keys stay where they are")),
    }
}

/// Bytes of an unwrapped key. SoftHSM2 does not tell: it gives 0.
fn length(token: &OpenToken, key: ObjectHandle) -> Result<Option<usize>> {
    let attributes = token.attributes(key, &[AttributeType::ValueLen])?;
    Ok(attributes.into_iter().find_map(|attribute| match attribute {
        Attribute::ValueLen(length) => usize::try_from(*length).ok().filter(|bytes| *bytes > 0),
        _ => None,
    }))
}
