//! What keys do with data.

use std::io::{Read, Write};

use zeroize::Zeroizing;

use super::Kms;
use crate::domain::envelope::{Context, Scheme};
use crate::domain::key::KeyName;
use crate::domain::signature::SignatureScheme;
use crate::error::Result;
use crate::service::{DataKey, Encryption, Recipient, Reencryption, Verified};

/// Each is the use case of the same name of [`service::Kms`](crate::service::Kms), where its errors
/// are told; those of the session are told at [`Kms::read`] and [`Kms::once`].
impl Kms {
    /// Encrypts data with a key's newest version: header, then body.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) when the key is for something else or no version is
    /// active.
    pub fn encrypt(&self, name: &KeyName, scheme: Option<Scheme>, data: &[u8]) -> Result<Vec<u8>> {
        self.read(|kms| kms.encrypt(name, scheme, data))
    }

    /// As [`Kms::encrypt`], bound to a context, which decrypting has to name again.
    ///
    /// # Errors
    /// As [`Kms::encrypt`], and [`Kind::Usage`](crate::Kind::Usage) for a scheme that binds nothing.
    pub fn encrypt_bound(&self, how: &Encryption, data: &[u8]) -> Result<Vec<u8>> {
        self.read(|kms| {
            let mut message = Vec::new();
            kms.encrypt_from(how, &mut &data[..], &mut message)?;
            Ok(message)
        })
    }

    /// Decrypts what [`Kms::encrypt`] made, with the version that it names.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) when the version's state forbids it,
    /// [`Kind::NotAuthentic`](crate::Kind::NotAuthentic) when the message was changed.
    pub fn decrypt(&self, named: Option<&KeyName>, message: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.read(|kms| kms.decrypt(named, message))
    }

    /// As [`Kms::decrypt`], for what is bound to a context.
    ///
    /// # Errors
    /// As [`Kms::decrypt`]; [`Kind::NotAuthentic`](crate::Kind::NotAuthentic) for another context.
    pub fn decrypt_bound(&self, context: &Context, message: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        self.read(|kms| {
            let mut data = Zeroizing::new(Vec::with_capacity(message.len()));
            kms.decrypt_to(None, context, &mut &message[..], &mut *data)?;
            Ok(data)
        })
    }

    /// Encrypts everything that is read, piece by piece, with constant memory.
    ///
    /// # Errors
    /// As [`Kms::encrypt`]; [`Kind::File`](crate::Kind::File) when reading or writing fails.
    pub fn encrypt_from(
        &self,
        how: &Encryption,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<()> {
        self.once(|kms| kms.encrypt_from(how, input, output))
    }

    /// Decrypts everything that is read. Only after `Ok` is the output whole.
    ///
    /// # Errors
    /// As [`Kms::decrypt`]; [`Kind::File`](crate::Kind::File) when reading or writing fails.
    pub fn decrypt_to(
        &self,
        named: Option<&KeyName>,
        context: &Context,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<()> {
        self.once(|kms| kms.decrypt_to(named, context, input, output))
    }

    /// Moves a ciphertext to a key's newest version.
    ///
    /// # Errors
    /// As [`Kms::decrypt_to`] and [`Kms::encrypt_from`].
    pub fn reencrypt(
        &self,
        how: &Reencryption,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<()> {
        self.once(|kms| kms.reencrypt(how, input, output))
    }

    /// Seals everything that is read in the age format. Answers how many bytes that was.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) when a key is for something else or no version is
    /// active; [`Kind::File`](crate::Kind::File) when reading or writing fails.
    pub fn seal(
        &self,
        to: &[Recipient],
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<u64> {
        self.once(|kms| kms.seal(to, input, output))
    }

    /// Opens what [`Kms::seal`] made. Only after `Ok` is the output whole.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::Kind::NotFound) when no key of the token opens it,
    /// [`Kind::NotAuthentic`](crate::Kind::NotAuthentic) when it was changed.
    pub fn open(
        &self,
        named: Option<&KeyName>,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<u64> {
        self.once(|kms| kms.open(named, input, output))
    }

    /// Makes a data key: plain, and encrypted with a key of the token.
    ///
    /// # Errors
    /// As [`Kms::encrypt`].
    pub fn data_key(&self, key: &KeyName, context: &Context) -> Result<DataKey> {
        self.read(|kms| kms.data_key(key, context.clone()))
    }

    /// Signs a message with a key's newest version. ECDSA signatures are DER.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::Kind::Refused) when the key is for something else or no version is
    /// active.
    pub fn sign(
        &self,
        name: &KeyName,
        scheme: Option<SignatureScheme>,
        message: &[u8],
    ) -> Result<Vec<u8>> {
        self.read(|kms| kms.sign(name, scheme, message))
    }

    /// Finds the version whose signature of the message this is.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`](crate::Kind::NotAuthentic) when it is the signature of none.
    pub fn verify(
        &self,
        name: &KeyName,
        scheme: Option<SignatureScheme>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<Verified> {
        self.read(|kms| kms.verify(name, scheme, message, signature))
    }
}
