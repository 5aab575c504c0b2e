//! Encrypting with a key's primary version.

use std::io::{Read, Write};

use zeroize::Zeroizing;

use super::flow::{fill, unread, written};
use super::messages::Nonces;
use super::pieces::{PIECE, Pieces, Place};
use super::{Kms, MESSAGE_MAX, require_length};
use crate::domain::envelope::{Context, Header, Scheme, WrappedDataKey};
use crate::domain::key::{KeyId, KeyName, Material, Usage};
use crate::domain::record::{KeyRecord, Version};
use crate::error::{Kind, Result};
use crate::port::Cipher;

/// Bytes that PKCS#1 v1.5 adds at least (RFC 8017, 7.2.1).
const PKCS1_OVERHEAD: usize = 11;

/// How to encrypt.
#[derive(Clone, Debug)]
pub struct Encryption {
    /// With which key.
    pub key: KeyName,
    /// With which scheme; the key's default if none is named.
    pub scheme: Option<Scheme>,
    /// What the ciphertext is bound to.
    pub context: Context,
}

/// What encrypts a body: the key's version itself, or a data key.
struct Chosen {
    header: Header,
    key: KeyId,
    is_data_key: bool,
}

impl Kms<'_> {
    /// Encrypts data: header, then body.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the key is for something else or no version is active.
    pub fn encrypt(&self, name: &KeyName, scheme: Option<Scheme>, data: &[u8]) -> Result<Vec<u8>> {
        require_length(data.len())?;
        let how = Encryption { key: name.clone(), scheme, context: Context::default() };
        self.with_key(&how, |record, version, scheme| {
            self.encrypt_at_once(record, version, scheme, &how.context, data)
        })
    }

    /// Encrypts everything that is read. What is longer than a piece (1 MiB) is encrypted in pieces, each
    /// inside the token, if the scheme is authenticated; else at once.
    ///
    /// # Errors
    /// As [`Kms::encrypt`], and [`Kind::Usage`] for a context that the scheme cannot bind.
    pub fn encrypt_from(
        &self,
        how: &Encryption,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<()> {
        self.with_key(how, |record, version, scheme| {
            let mut data = Zeroizing::new(vec![0; PIECE + 1]);
            let mut length = fill(input, &mut data).map_err(unread)?;
            if length > PIECE && scheme.is_authenticated() {
                let chosen = self.choose(record, version, scheme, &how.context, Some(PIECE))?;
                let done = self.encrypt_pieces(&chosen, &how.context, data, input, output);
                return self.forget(&chosen, done);
            }
            if length > PIECE {
                data.resize(MESSAGE_MAX + 1, 0);
                length += fill(input, &mut data[length..]).map_err(unread)?;
                require_length(length)?;
            }
            let data = &data[..length];
            let message = self.encrypt_at_once(record, version, scheme, &how.context, data)?;
            output.write_all(&message).map_err(written)
        })
    }

    fn with_key<T>(
        &self,
        how: &Encryption,
        run: impl FnOnce(&KeyRecord, &Version, Scheme) -> Result<T>,
    ) -> Result<T> {
        let stored = self.load(&how.key)?;
        let record = stored.record();
        record.require(Usage::Encrypt)?;
        let scheme = Scheme::for_key(record.algorithm(), how.scheme)?;
        if !scheme.is_authenticated() && !how.context.is_empty() {
            return Err(Kind::Usage
                .because(format!("{scheme} cannot bind a context: it authenticates nothing"))
                .advise("leave out --scheme, or --context"));
        }
        let version = record.primary()?;
        run(record, version, scheme).map_err(|error| {
            error.while_doing(format!("key {} version {}", how.key, version.number))
        })
    }

    fn encrypt_at_once(
        &self,
        record: &KeyRecord,
        version: &Version,
        scheme: Scheme,
        context: &Context,
        data: &[u8],
    ) -> Result<Vec<u8>> {
        require_fit(record, scheme, data.len(), None)?;
        let mut chosen = self.choose(record, version, scheme, context, None)?;
        let mut nonces = self.nonces(&chosen);
        let sealed = (|| {
            if scheme.is_authenticated() {
                chosen.header.nonce = nonces.draw()?;
            }
            let mut message = chosen.header.to_bytes()?;
            let associated = [message.as_slice(), &context.to_der()?].concat();
            let body = self.vault.encrypt(chosen.key, cipher(&chosen.header, &associated), data)?;
            message.extend(body);
            Ok(message)
        })();
        let message = self.forget(&chosen, sealed)?;
        nonces.finish(record.name())?;
        Ok(message)
    }

    /// `data` holds the first piece and one byte of the next.
    fn encrypt_pieces(
        &self,
        chosen: &Chosen,
        context: &Context,
        mut data: Zeroizing<Vec<u8>>,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<()> {
        let header = chosen.header.to_bytes()?;
        output.write_all(&header).map_err(written)?;
        let message = [header.as_slice(), &context.to_der()?].concat();
        let mut pieces = Pieces::new(self.vault, chosen.key, message);
        let mut nonces = self.nonces(chosen);
        let mut length = data.len();
        while length > PIECE {
            let piece = pieces.encrypt(&mut nonces, &data[..PIECE], Place::Inner)?;
            output.write_all(&piece).map_err(written)?;
            data.copy_within(PIECE.., 0);
            length = 1 + fill(input, &mut data[1..]).map_err(unread)?;
        }
        let last = pieces.encrypt(&mut nonces, &data[..length], Place::Last)?;
        output.write_all(&last).map_err(written)?;
        nonces.finish(&chosen.header.key)
    }

    fn nonces(&self, chosen: &Chosen) -> Nonces<'_> {
        match chosen.is_data_key {
            true => Nonces::of_data_key(*self),
            false => Nonces::of_version(*self, chosen.key),
        }
    }

    fn choose(
        &self,
        record: &KeyRecord,
        version: &Version,
        scheme: Scheme,
        context: &Context,
        piece: Option<usize>,
    ) -> Result<Chosen> {
        // The nonce of a message that is counted is drawn with its sample.
        let length = match scheme.is_authenticated() && piece.is_none() {
            true => 0,
            false => scheme.nonce_len(),
        };
        let nonce = if length == 0 { Vec::new() } else { self.vault.random(length)? };
        let piece = piece
            .map(u32::try_from)
            .transpose()
            .map_err(|_| Kind::Internal.because("the size of a piece does not fit the header"))?;
        let (data_key, key) = match scheme {
            Scheme::RsaOaep => {
                let (key, hash, wrapped) = self.vault.new_data_key(version.id)?;
                (Some(WrappedDataKey { hash, wrapped }), key)
            }
            Scheme::AesGcm | Scheme::AesCbc | Scheme::RsaPkcs1 => (None, version.id),
        };
        let is_data_key = data_key.is_some();
        let header = Header {
            scheme,
            key: record.name().clone(),
            version: version.number,
            id: version.id,
            nonce,
            data_key,
            context: context.names(),
            piece,
        };
        Ok(Chosen { header, key, is_data_key })
    }

    /// Forgets the data key, whatever became of what it was for.
    fn forget<T>(&self, chosen: &Chosen, done: Result<T>) -> Result<T> {
        if chosen.is_data_key {
            self.vault.forget_data_key(chosen.key)?;
        }
        done
    }
}

/// The cipher of a message's body.
pub(super) fn cipher<'a>(header: &'a Header, associated: &'a [u8]) -> Cipher<'a> {
    match header.scheme {
        Scheme::AesGcm | Scheme::RsaOaep => Cipher::AesGcm { nonce: &header.nonce, associated },
        Scheme::AesCbc => Cipher::AesCbcPad { iv: &header.nonce },
        Scheme::RsaPkcs1 => Cipher::RsaPkcs1,
    }
}

/// Refuses data that RSA cannot take itself. `oaep` is what OAEP adds where it takes the data and
/// not a data key.
pub(super) fn require_fit(
    record: &KeyRecord,
    scheme: Scheme,
    length: usize,
    oaep: Option<usize>,
) -> Result<()> {
    let Material::Rsa { bits } = record.algorithm().material() else { return Ok(()) };
    let overhead = match scheme {
        Scheme::RsaPkcs1 => PKCS1_OVERHEAD,
        Scheme::RsaOaep => oaep.unwrap_or(0),
        Scheme::AesGcm | Scheme::AesCbc => 0,
    };
    let limit = bits / 8 - overhead;
    if overhead > 0 && length > limit {
        return Err(Kind::Malformed
            .because(format!(
                "the input has {length} bytes; {scheme} with {} takes at most {limit}",
                record.algorithm()
            ))
            .advise(
                "use --scheme rsa-oaep without --raw, which has no limit and is authenticated",
            ));
    }
    Ok(())
}
