//! Decrypting with the version that the ciphertext names.

use std::io::{self, Cursor, Read, Write};

use zeroize::Zeroizing;

use super::encrypt::cipher;
use super::flow::{copy, fill, unread, written};
use super::pieces::{OVERHEAD, PIECE_MAX, Pieces, Place};
use super::{Kms, MESSAGE_MAX, require_length};
use crate::domain::envelope::{Context, Header, Message, Scheme, is_armored, unarmor};
use crate::domain::key::{KeyId, KeyName, Usage};
use crate::domain::lifecycle::Duty;
use crate::domain::record::{KeyRecord, Version};
use crate::error::{Error, Kind, Result};
use crate::port::Vault;

/// Bytes in which every header ends.
const HEAD: usize = 64 << 10;
/// Longest armoured input.
const ARMOR_MAX: usize = MESSAGE_MAX / 2 * 3 + HEAD;

impl<'a> Kms<'a> {
    /// Decrypts what [`Kms::encrypt`] made. No key is tried: the header names it, by its name and
    /// by the identifier of its version. A key may be named that has the same version under
    /// another name, as a peer's agreed key may.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the version's state forbids it, [`Kind::NotAuthentic`] when the
    /// ciphertext was changed.
    pub fn decrypt(&self, named: Option<&KeyName>, message: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let mut data = Zeroizing::new(Vec::with_capacity(message.len()));
        self.decrypt_to(named, &Context::default(), &mut &message[..], &mut *data)?;
        Ok(data)
    }

    /// Decrypts everything that is read, also armoured. The pieces of a long message are written as
    /// they are authenticated; only after `Ok` is the output whole.
    ///
    /// # Errors
    /// As [`Kms::decrypt`]; [`Kind::NotAuthentic`] for another context than that of encryption.
    pub fn decrypt_to(
        &self,
        named: Option<&KeyName>,
        context: &Context,
        input: &mut dyn Read,
        output: &mut dyn Write,
    ) -> Result<()> {
        let mut data = self.decrypting(named, context, input)?;
        copy(&mut data, output, unread)?;
        output.flush().map_err(written)
    }

    /// The data, as it is read.
    pub(super) fn decrypting<'r>(
        &self,
        named: Option<&KeyName>,
        context: &Context,
        input: &'r mut dyn Read,
    ) -> Result<Decrypting<'r>>
    where
        'a: 'r,
    {
        let mut head = vec![0; HEAD];
        let length = fill(input, &mut head).map_err(unread)?;
        head.truncate(length);
        if is_armored(&head) {
            head = read_all(head, input, ARMOR_MAX)?;
            head = unarmor(&head)?.unwrap_or(head);
        }
        let message = Message::parse(&head)?;
        let Message { header, associated, .. } = message;
        context.require(&header.context)?;
        let stored = self.load(named.unwrap_or(&header.key))?;
        let (key, what) = self.opening_key(stored.record(), &header)?;
        let (header_len, context_der) = (associated.len(), context.to_der()?);
        let bound = [associated, &context_der].concat();
        let vault = self.vault;
        let guard = DataKey { vault, key: header.data_key.is_some().then_some(key) };
        let mut opened = Decrypting {
            plain: Zeroizing::default(),
            read: 0,
            pieces: None,
            key: stored.record().name().clone(),
            what,
            has_context: !context.is_empty(),
            _data_key: guard,
        };
        match header.piece {
            None => {
                let message = read_all(head, input, MESSAGE_MAX + HEAD)?;
                require_length(message.len() - header_len)?;
                let body = &message[header_len..];
                let plain = vault.decrypt(key, cipher(&header, &bound), body);
                opened.plain = plain.map_err(|error| opened.told(error))?;
            }
            Some(size) => {
                let size = usize::try_from(size).ok().filter(|size| (1..=PIECE_MAX).contains(size));
                let size = size.ok_or_else(|| {
                    Kind::Malformed.because("a ciphertext with pieces of an impossible size")
                })?;
                let body = Cursor::new(head.split_off(header_len)).chain(input);
                opened.pieces = Some(Body {
                    pieces: Pieces::new(vault, key, bound),
                    input: Box::new(body),
                    buffer: vec![0; size + OVERHEAD + 1],
                    held: 0,
                });
            }
        }
        Ok(opened)
    }

    /// The key that opens the body, and what it is called in errors.
    fn opening_key(&self, record: &KeyRecord, header: &Header) -> Result<(KeyId, String)> {
        record.require(Usage::Encrypt)?;
        Scheme::for_key(record.algorithm(), Some(header.scheme))?;
        let version = version_of(record, header)?;
        record.require_duty(version, Duty::Process)?;
        let what = format!("key {} version {}", record.name(), version.number);
        let key = match &header.data_key {
            None => version.id,
            Some(data_key) => self
                .vault
                .open_data_key(version.id, data_key.hash, &data_key.wrapped)
                .map_err(|error| error.while_doing(&what))?,
        };
        Ok((key, what))
    }
}

/// A message that is being decrypted.
pub(super) struct Decrypting<'r> {
    /// What was decrypted and not read yet.
    plain: Zeroizing<Vec<u8>>,
    /// How much of it was read.
    read: usize,
    /// The pieces that are still to come.
    pieces: Option<Body<'r>>,
    /// The key that decrypts it.
    pub key: KeyName,
    what: String,
    has_context: bool,
    _data_key: DataKey<'r>,
}

struct Body<'r> {
    pieces: Pieces<'r>,
    input: Box<dyn Read + 'r>,
    /// Room for a piece and the first byte of the next, which tells that there is one.
    buffer: Vec<u8>,
    held: usize,
}

/// Forgets the data key in the end; the session would, too.
struct DataKey<'r> {
    vault: &'r dyn Vault,
    key: Option<KeyId>,
}

impl Drop for DataKey<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            // It lives in the session only, so that it goes in any case.
            let _ = self.vault.forget_data_key(key);
        }
    }
}

impl Decrypting<'_> {
    fn told(&self, error: Error) -> Error {
        let error = match self.has_context && error.kind() == Kind::NotAuthentic {
            true => error
                .advise("give the context that it was encrypted with, or get an undamaged copy"),
            false => error,
        };
        error.while_doing(&self.what)
    }

    /// Decrypts the next piece, if there is one.
    fn advance(&mut self) -> Result<()> {
        let Some(body) = &mut self.pieces else { return Ok(()) };
        body.held += fill(&mut body.input, &mut body.buffer[body.held..]).map_err(unread)?;
        let full = body.buffer.len() - 1;
        let plain = if body.held > full {
            let plain = body.pieces.decrypt(&body.buffer[..full], Place::Inner);
            body.buffer.copy_within(full.., 0);
            body.held = 1;
            plain
        } else {
            let plain = body.pieces.decrypt(&body.buffer[..body.held], Place::Last);
            self.pieces = None;
            plain
        };
        self.plain = plain.map_err(|error| self.told(error))?;
        self.read = 0;
        Ok(())
    }
}

impl Read for Decrypting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = (&self.plain[self.read..]).read(buffer)?;
            self.read += count;
            if count > 0 || buffer.is_empty() || self.pieces.is_none() {
                return Ok(count);
            }
            self.advance().map_err(io::Error::other)?;
        }
    }
}

/// The rest of the input behind what was read of it.
fn read_all(mut head: Vec<u8>, input: &mut dyn Read, limit: usize) -> Result<Vec<u8>> {
    let more = limit.saturating_sub(head.len()) as u64 + 1;
    input.take(more).read_to_end(&mut head).map_err(unread)?;
    if head.len() > limit {
        return Err(Kind::Malformed
            .because(format!("the input has more than {} MiB", limit >> 20))
            .advise("only aes-gcm and rsa-oaep without armour take input of any length"));
    }
    Ok(head)
}

/// The version that the header names by its identifier.
fn version_of<'r>(record: &'r KeyRecord, header: &Header) -> Result<&'r Version> {
    record.versions().iter().find(|version| version.id == header.id).ok_or_else(|| {
        Kind::NotFound
            .because(format!(
                "the ciphertext is for version {} of a key {} (id {}), which key {} of this token \
                 does not have",
                header.version,
                header.key,
                header.id,
                record.name()
            ))
            .advise("look for the token that it was made on, or name the right key with --key")
    })
}
