//! The file of a backup: a header, then chunks that are encrypted and authenticated each for its
//! place, so that none can be changed, moved, left out or cut off (`docs/backup.md`).
//!
//! Not the `age` format: its passphrases go through scrypt, and it would bring a second generation
//! of ciphers into the command. The framing is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online
//! Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015) over AES-256-GCM.

use std::io::{ErrorKind, Read, Write};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::backend::embedded::stretch;
use crate::engine::random;
use crate::error::{Code, Context, Error, Result};
use crate::ffi::awslc::sealing::{self, KEY, NONCE, TAG};
use crate::secret::Secret;
use crate::store::Cost;

/// Begins every backup; the byte after it is the version.
const MAGIC: &[u8; 4] = b"KWYB";
const VERSION: u8 = 1;
const SALT: usize = 16;
/// Magic, version, three numbers of the cost, salt.
const CLEAR: usize = 4 + 1 + 3 * 4 + SALT;
/// And a MAC over all that: it tells a wrong passphrase, and binds the key to the header.
const HEADER: usize = CLEAR + KEY;
/// Plaintext bytes of a chunk; the last one is filled up with zeros.
const CHUNK: usize = 64 * 1024;

/// What is derived from the passphrase for one file.
struct Keys {
    mac: [u8; KEY],
    seal: Secret,
}

impl Keys {
    fn of(passphrase: &[u8], cost: Cost, clear: &[u8; CLEAR]) -> Result<Self> {
        let salt = clear.last_chunk().expect("the salt ends the header");
        let stretched = stretch(passphrase, salt, cost)?;
        let derive = |purpose: &[u8]| {
            Secret::try_with(KEY, |out| {
                sealing::hkdf_sha256(stretched.expose(), clear, purpose, out)
            })
        };
        let mac = sealing::hmac_sha256(&derive(b"keyway backup header")?, &[clear])?;
        Ok(Self { mac, seal: derive(b"keyway backup chunks")? })
    }
}

/// The nonce of a chunk: its number, and whether it is the last. The key belongs to this file alone.
fn nonce(number: u64, last: bool) -> [u8; NONCE] {
    let mut nonce = [0; NONCE];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    nonce
}

/// Encrypts what is written to it.
pub(super) struct Sealer<W> {
    out: W,
    seal: Secret,
    number: u64,
    chunk: Zeroizing<Vec<u8>>,
}

impl<W: Write> Sealer<W> {
    /// # Errors
    /// FunctionFailed if the file cannot be written; so the next.
    pub(super) fn new(mut out: W, passphrase: &[u8], cost: Cost) -> Result<Self> {
        let mut clear = [0; CLEAR];
        clear[..4].copy_from_slice(MAGIC);
        clear[4] = VERSION;
        for (at, number) in [(5, cost.kibibytes), (9, cost.passes), (13, cost.lanes)] {
            clear[at..at + 4].copy_from_slice(&number.to_be_bytes());
        }
        random::fill(&mut clear[CLEAR - SALT..])?;
        let Keys { mac, seal } = Keys::of(passphrase, cost, &clear)?;
        out.write_all(&clear).and_then(|()| out.write_all(&mac)).or_code(WRITE.0, WRITE.1)?;
        Ok(Self { out, seal, number: 0, chunk: Zeroizing::new(Vec::with_capacity(CHUNK)) })
    }

    pub(super) fn put(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            if self.chunk.len() == CHUNK {
                self.flush(false)?;
            }
            let room = CHUNK - self.chunk.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Ends the file; what it was written to.
    pub(super) fn finish(mut self) -> Result<W> {
        self.chunk.resize(CHUNK, 0);
        self.flush(true)?;
        Ok(self.out)
    }

    fn flush(&mut self, last: bool) -> Result<()> {
        let mut sealed = Vec::with_capacity(CHUNK + TAG);
        let nonce = nonce(self.number, last);
        sealing::gcm_seal(&self.seal, &nonce, &[], &self.chunk, &mut sealed)?;
        self.out.write_all(&sealed).or_code(WRITE.0, WRITE.1)?;
        self.number += 1;
        self.chunk.clear();
        Ok(())
    }
}

/// Decrypts what a [`Sealer`] wrote. Nothing that it gives was changed; that nothing is missing is
/// known at the [`end`](Self::end).
pub(super) struct Opener<R> {
    input: R,
    seal: Secret,
    number: u64,
    chunks: u64,
    chunk: Option<Secret>,
    /// How much of the chunk was given out.
    at: usize,
}

impl<R: Read> Opener<R> {
    /// Reads the header of a file of `length` bytes.
    ///
    /// # Errors
    /// PinIncorrect for a wrong passphrase, DataInvalid for what is no backup or a newer one,
    /// EncryptedDataLenRange for one that was cut off.
    pub(super) fn new(mut input: R, length: u64, passphrase: &[u8]) -> Result<Self> {
        let mut header = [0; HEADER];
        if let Err(e) = input.read_exact(&mut header) {
            return match e.kind() {
                ErrorKind::UnexpectedEof => Err(no_backup()),
                _ => Err(e).or_code(READ.0, READ.1),
            };
        }
        let (clear, mac) = header.split_first_chunk::<CLEAR>().ok_or_else(no_backup)?;
        if !clear.starts_with(MAGIC) {
            return Err(no_backup());
        }
        if clear[4] != VERSION {
            return Err(Code::DataInvalid.because(format!(
                "the backup has format {}; this Keyway reads {VERSION}: update it",
                clear[4]
            )));
        }
        let number = |at: usize| clear[at..].first_chunk().map_or(0, |n| u32::from_be_bytes(*n));
        let cost = Cost { kibibytes: number(5), passes: number(9), lanes: number(13) };
        let damaged = |e: Error| match e.code() {
            Code::DeviceError => e.with_code(Code::EncryptedDataInvalid),
            _ => e,
        };
        let keys = Keys::of(passphrase, cost, clear).map_err(damaged)?;
        if !bool::from(keys.mac.ct_eq(mac)) {
            return Err(Code::PinIncorrect
                .because("the passphrase is wrong, or the first bytes of the backup are damaged"));
        }
        let (body, sealed) = (length.saturating_sub(HEADER as u64), (CHUNK + TAG) as u64);
        if body == 0 || !body.is_multiple_of(sealed) {
            return Err(Code::EncryptedDataLenRange
                .because("the backup was cut off, or something was added to it"));
        }
        Ok(Self { input, seal: keys.seal, number: 0, chunks: body / sealed, chunk: None, at: 0 })
    }

    /// The next bytes, at least one and at most `most`.
    fn some(&mut self, most: usize) -> Result<&[u8]> {
        if self.chunk.as_ref().is_none_or(|chunk| self.at == chunk.len()) {
            self.chunk = Some(self.next_chunk()?);
            self.at = 0;
        }
        let rest = self.chunk.as_ref().map_or(&[][..], |chunk| &chunk.expose()[self.at..]);
        let now = &rest[..most.min(rest.len())];
        self.at += now.len();
        Ok(now)
    }

    fn next_chunk(&mut self) -> Result<Secret> {
        if self.number == self.chunks {
            return Err(Code::EncryptedDataInvalid.because("the backup holds less than it says"));
        }
        let mut sealed = vec![0; CHUNK + TAG];
        self.input.read_exact(&mut sealed).or_code(READ.0, READ.1)?;
        let nonce = nonce(self.number, self.number + 1 == self.chunks);
        self.number += 1;
        sealing::gcm_open(&self.seal, &nonce, &[], &sealed)?.ok_or_else(|| {
            let story = format!("chunk {} of {} is damaged", self.number, self.chunks);
            Code::EncryptedDataInvalid.because(story)
        })
    }

    /// The next bytes, exactly as many as there is room for.
    pub(super) fn fill(&mut self, mut room: &mut [u8]) -> Result<()> {
        while !room.is_empty() {
            let now = self.some(room.len())?;
            let (filled, rest) = room.split_at_mut(now.len());
            filled.copy_from_slice(now);
            room = rest;
        }
        Ok(())
    }

    /// Writes the next `length` bytes to `out`.
    pub(super) fn copy(&mut self, mut length: u64, out: &mut impl Write) -> Result<()> {
        while length > 0 {
            let now = self.some(usize::try_from(length).unwrap_or(CHUNK))?;
            length -= now.len() as u64;
            out.write_all(now).or_code(WRITE.0, WRITE.1)?;
        }
        Ok(())
    }

    /// # Errors
    /// EncryptedDataInvalid unless everything was read and only the filling is left.
    pub(super) fn end(self) -> Result<()> {
        let filling = self.chunk.as_ref().map_or(&[][..], |chunk| &chunk.expose()[self.at..]);
        match self.number == self.chunks && filling.iter().all(|byte| *byte == 0) {
            true => Ok(()),
            false => Err(Code::EncryptedDataInvalid.because("the backup holds more than it says")),
        }
    }
}

const WRITE: (Code, &str) = (Code::FunctionFailed, "write");
const READ: (Code, &str) = (Code::FunctionFailed, "read");

fn no_backup() -> Error {
    Code::DataInvalid.because("this is no backup of a token")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let mut sealer = Sealer::new(Vec::new(), b"a passphrase", Cost::CHEAP).unwrap();
        plain.chunks(1000).for_each(|part| sealer.put(part).unwrap());
        sealer.finish().unwrap()
    }

    fn opened(file: &[u8], length: usize) -> Result<Vec<u8>> {
        let mut opener = Opener::new(file, file.len() as u64, b"a passphrase")?;
        let mut plain = Vec::new();
        opener.copy(length as u64, &mut plain)?;
        opener.end().map(|()| plain)
    }

    #[test]
    fn every_length_comes_back_and_only_chunks_show() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let plain: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
            let file = sealed(&plain);
            let chunks = length.div_ceil(CHUNK).max(1);
            assert_eq!(file.len(), HEADER + chunks * (CHUNK + TAG), "{length}");
            if length > 0 {
                assert!(opened(&file, length).unwrap() == plain, "{length}");
            }
        }
    }

    #[test]
    fn no_chunk_can_be_moved_left_out_repeated_or_cut_off() {
        let plain = vec![7; 4 * CHUNK];
        let file = sealed(&plain);
        let (header, body) = file.split_at(HEADER);
        let chunks: Vec<&[u8]> = body.chunks(CHUNK + TAG).collect();
        for order in [&[1, 0, 2, 3][..], &[0, 2, 3], &[0, 1, 2], &[0, 1, 1, 2, 3], &[0, 1, 2, 3, 3]]
        {
            let parts: Vec<&[u8]> = order.iter().map(|n| chunks[*n]).collect();
            let other = [header, &parts.concat()].concat();
            let answer = opened(&other, plain.len()).unwrap_err();
            assert_eq!(answer.code(), Code::EncryptedDataInvalid, "{order:?}");
        }
    }

    #[test]
    fn every_flipped_bit_of_the_header_is_noticed() {
        let file = sealed(b"plain");
        // A cost of up to a gibibyte is computed, which would only take long.
        for bit in (0..8 * HEADER).filter(|bit| bit / 8 != 6) {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let code = opened(&flipped, 5).unwrap_err().code();
            let expected = [Code::PinIncorrect, Code::DataInvalid, Code::EncryptedDataInvalid];
            assert!(expected.contains(&code), "bit {bit}: {code:?}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let file = sealed(&vec![1; CHUNK + 5]);
        for end in
            [0, 4, CLEAR, HEADER - 1, HEADER, HEADER + 1, HEADER + CHUNK + TAG, file.len() - 1]
        {
            assert!(opened(&file[..end], CHUNK + 5).is_err(), "{end}");
        }
    }

    #[test]
    fn another_passphrase_does_not_open_it() {
        let file = sealed(b"plain");
        let other = Opener::new(&*file, file.len() as u64, b"another one");
        assert_eq!(other.err().map(|e| e.code()), Some(Code::PinIncorrect));
    }
}
