//! Encryption and decryption in the token.

use cryptoki::error::{Rv, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::ObjectClass;
use cryptoki_sys::CK_ULONG;
use zeroize::Zeroizing;

use super::data_key::{lacks_hash, oaep};
use super::template::PROTECTED_CLASSES;
use crate::domain::envelope::OaepHash;
use crate::domain::key::KeyId;
use crate::error::{Error, Kind, Result};
use crate::port::Cipher;
use crate::token::error::{code, raw_error};
use crate::token::open::OpenToken;

/// Bits of the GCM tag.
const TAG_BITS: CK_ULONG = 128;

pub(super) fn encrypt(
    token: &OpenToken,
    id: KeyId,
    cipher: Cipher<'_>,
    data: &[u8],
) -> Result<Vec<u8>> {
    let key = match cipher {
        Cipher::RsaPkcs1 | Cipher::RsaOaep { .. } => {
            token.only_key(&[ObjectClass::PUBLIC_KEY], id)?
        }
        Cipher::AesGcm { .. } | Cipher::AesCbcPad { .. } | Cipher::ChaCha20Poly1305 { .. } => {
            token.only_key(&[ObjectClass::SECRET_KEY], id)?
        }
    };
    with_mechanism(cipher, |mechanism| {
        token.session().encrypt(mechanism, key, data).map_err(|error| {
            unsupported(cipher, &error).unwrap_or_else(|| token.failed("cannot encrypt", error))
        })
    })
}

pub(super) fn decrypt(
    token: &OpenToken,
    id: KeyId,
    cipher: Cipher<'_>,
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let key = token.only_key(&PROTECTED_CLASSES, id)?;
    if let Cipher::ChaCha20Poly1305 { nonce, associated } = cipher {
        let raw = token.module().raw();
        return raw
            .open_chacha20_poly1305(token.session(), key, nonce, associated, data)
            .map(Zeroizing::new)
            .map_err(|code| match Rv::from(code) {
                Rv::Error(error) if refuses_ciphertext(&error) => damaged(),
                _ => raw_error("cannot decrypt", code),
            });
    }
    with_mechanism(cipher, |mechanism| match token.session().decrypt(mechanism, key, data) {
        Ok(plain) => Ok(Zeroizing::new(plain)),
        Err(error) if is_refused_ciphertext(&error) => Err(damaged()),
        Err(error) => {
            Err(unsupported(cipher, &error)
                .unwrap_or_else(|| token.failed("cannot decrypt", error)))
        }
    })
}

/// OAEP with parameters that the token lacks: SoftHSM2 knows SHA-1 without a label only.
fn unsupported(cipher: Cipher<'_>, error: &cryptoki::error::Error) -> Option<Error> {
    let Cipher::RsaOaep { hash, label } = cipher else { return None };
    let plain = hash == OaepHash::Sha1 && label.is_empty();
    (!plain && lacks_hash(error)).then(|| {
        Kind::Unsupported
            .because("the token does not do RSA-OAEP with this hash or with a label")
            .advise("every token does it with SHA-1 and without a label: --oaep-hash sha1")
    })
}

/// What tokens answer to a ciphertext that is not right. SoftHSM2 says GENERAL_ERROR for a wrong
/// GCM tag. One message for all, so that the padding says nothing.
pub(super) fn is_refused_ciphertext(error: &cryptoki::error::Error) -> bool {
    let decrypts = matches!(
        error,
        cryptoki::error::Error::Pkcs11(
            _,
            cryptoki::context::Function::Decrypt | cryptoki::context::Function::UnwrapKey
        )
    );
    decrypts && code(error).is_some_and(refuses_ciphertext)
}

fn refuses_ciphertext(code: &RvError) -> bool {
    matches!(
        code,
        RvError::EncryptedDataInvalid
            | RvError::EncryptedDataLenRange
            | RvError::WrappedKeyInvalid
            | RvError::WrappedKeyLenRange
            | RvError::GeneralError
            | RvError::FunctionFailed
            | RvError::DataInvalid
    )
}

pub(super) fn damaged() -> Error {
    Kind::NotAuthentic
        .because("the ciphertext does not decrypt with this key: it is damaged or was changed")
        .advise("get an undamaged copy of it")
}

fn with_mechanism<T>(
    cipher: Cipher<'_>,
    run: impl FnOnce(&Mechanism<'_>) -> Result<T>,
) -> Result<T> {
    let wrong = |error| Kind::Internal.because(format!("cipher parameters: {error}"));
    match cipher {
        Cipher::AesGcm { nonce, associated } => {
            let mut nonce = nonce.to_vec();
            let parameters = GcmParams::new(&mut nonce, associated, TAG_BITS.into())
                .map_err(|error| wrong(error.to_string()))?;
            run(&Mechanism::AesGcm(parameters))
        }
        Cipher::ChaCha20Poly1305 { .. } => Err(Kind::Unsupported.because(
            "keyway opens what others seal with ChaCha20-Poly1305 and seals with AES-GCM",
        )),
        Cipher::AesCbcPad { iv } => {
            let iv = iv.try_into().map_err(|_| wrong("the IV is not 16 bytes".to_owned()))?;
            run(&Mechanism::AesCbcPad(iv))
        }
        Cipher::RsaOaep { hash, label } => run(&oaep(hash, label)),
        Cipher::RsaPkcs1 => run(&Mechanism::RsaPkcs),
    }
}
