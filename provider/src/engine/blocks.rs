//! Block modes over a cipher with blocks of `N` bytes, in one part or many, with and without the
//! padding of PKCS #7.

use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroize;

use crate::backend::{Operation, Transform};
use crate::engine::wrap::as_wrapped;
use crate::error::{Code, Result};
use crate::ffi::awslc::cipher::Direction;
use crate::secret::Secret;

/// A keyed cipher in a mode whose state goes on from call to call.
pub(super) trait Cipher<const N: usize>: Send + 'static {
    /// Whole blocks, as many out as in.
    fn run(&mut self, direction: Direction, input: &[u8], output: &mut [u8]) -> Result<()>;
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    None,
    Pkcs7,
}

/// `C_EncryptInit` or `C_DecryptInit`.
pub(super) fn operation<const N: usize>(
    cipher: impl Cipher<N>,
    direction: Direction,
    padding: Padding,
) -> Operation {
    Operation::Transform(Box::new(Blocks::new(cipher, direction, padding)))
}

/// `C_WrapKey`: without the padding of PKCS #7, "padded on the trailing end with up to block size
/// minus one null bytes so that the resulting length is a multiple of the block size" (section
/// "AES-ECB").
pub(super) fn wrap<const N: usize>(
    cipher: impl Cipher<N>,
    padding: Padding,
    encoding: &[u8],
) -> Result<Vec<u8>> {
    let mut blocks = Blocks::new(cipher, Direction::Encrypt, padding);
    let len = match padding {
        Padding::None => encoding.len().next_multiple_of(N),
        Padding::Pkcs7 => encoding.len(),
    };
    let padded = Secret::try_with(len, |bytes| {
        bytes[..encoding.len()].copy_from_slice(encoding);
        Ok(())
    })?;
    let mut wrapped = vec![0; blocks.output_size(len, true)?];
    let written = blocks.finish(padded.expose(), &mut wrapped)?;
    wrapped.truncate(written);
    Ok(wrapped)
}

/// Undoes [`wrap`]; zero bytes behind the key are left there.
///
/// # Errors
/// WrappedKeyLenRange for what is not whole blocks, WrappedKeyInvalid for a wrong padding.
pub(super) fn unwrap<const N: usize>(
    cipher: impl Cipher<N>,
    padding: Padding,
    wrapped: &[u8],
) -> Result<Secret> {
    if wrapped.is_empty() {
        return Err(Code::WrappedKeyLenRange.because("nothing is wrapped"));
    }
    let mut blocks = Blocks::new(cipher, Direction::Decrypt, padding);
    let size = blocks.output_size(wrapped.len(), true).map_err(as_wrapped)?;
    let mut len = 0;
    let room = Secret::try_with(size, |out| {
        len = blocks.finish(wrapped, out).map_err(as_wrapped)?;
        Ok(())
    })?;
    Ok(Secret::copy_of(&room.expose()[..len]))
}

/// Blocks under way: a block that is not full, or that may carry the padding, is held back.
struct Blocks<C, const N: usize> {
    cipher: C,
    direction: Direction,
    padding: Padding,
    held: [u8; N],
    count: usize,
}

impl<C: Cipher<N>, const N: usize> Blocks<C, N> {
    fn new(cipher: C, direction: Direction, padding: Padding) -> Self {
        Self { cipher, direction, padding, held: [0; N], count: 0 }
    }

    /// How many bytes come out when `input` more go in: all full blocks, but the last one where it
    /// may carry the padding.
    fn ready(&self, input: usize) -> usize {
        let total = self.count + input;
        match (self.padding, self.direction) {
            (Padding::Pkcs7, Direction::Decrypt) => total.saturating_sub(1) / N * N,
            _ => total / N * N,
        }
    }

    fn run(&mut self, input: &[u8], output: &mut [u8]) -> Result<()> {
        self.cipher.run(self.direction, input, output)
    }

    /// Pads what is held back and encrypts it.
    fn pad(&mut self, output: &mut [u8]) -> Result<()> {
        let mut block = self.held;
        block[self.count..].fill((N - self.count) as u8);
        let done = self.run(&block, output);
        block.zeroize();
        done
    }

    /// Decrypts the last block and takes its padding off; returns how much is left.
    fn unpad(&mut self, output: &mut [u8]) -> Result<usize> {
        let (last, mut block) = (self.held, [0; N]);
        self.run(&last, &mut block)?;
        let kept = unpadded(&block);
        if let Some(kept) = kept {
            output[..kept].copy_from_slice(&block[..kept]);
        }
        block.zeroize();
        kept.ok_or_else(|| {
            Code::EncryptedDataInvalid.because("decrypt with the padding of PKCS #7")
        })
    }

    /// Whether so much input can be all of it: whole blocks, and at least one of them to take a
    /// padding off.
    ///
    /// # Errors
    /// DataLenRange, EncryptedDataLenRange.
    fn check_total(&self, total: usize) -> Result<()> {
        let code = match (self.padding, self.direction) {
            (Padding::Pkcs7, Direction::Encrypt) => return Ok(()),
            (Padding::None, Direction::Encrypt) => Code::DataLenRange,
            (_, Direction::Decrypt) => Code::EncryptedDataLenRange,
        };
        if !total.is_multiple_of(N) {
            return Err(code.because(format!("{total} bytes are not whole blocks")));
        }
        match (self.padding, total) {
            (Padding::Pkcs7, 0) => Err(code.because("a padded ciphertext has one block at least")),
            _ => Ok(()),
        }
    }
}

impl<C: Cipher<N>, const N: usize> Transform for Blocks<C, N> {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        let total = self.count + input;
        if !last {
            return Ok(self.ready(input));
        }
        self.check_total(total)?;
        Ok(match (self.padding, self.direction) {
            (Padding::Pkcs7, Direction::Encrypt) => total / N * N + N,
            // At least one byte of padding.
            (Padding::Pkcs7, Direction::Decrypt) => total - 1,
            (Padding::None, _) => total,
        })
    }

    fn update(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let ready = self.ready(input.len());
        if ready == 0 {
            self.held[self.count..self.count + input.len()].copy_from_slice(input);
            self.count += input.len();
            return Ok(0);
        }
        let (mut rest, mut written) = (input, 0);
        if self.count > 0 {
            let (head, tail) = input.split_at(N - self.count);
            self.held[self.count..].copy_from_slice(head);
            let block = self.held;
            self.run(&block, &mut output[..N])?;
            (rest, written) = (tail, N);
        }
        let (body, tail) = rest.split_at(ready - written);
        self.run(body, &mut output[written..ready])?;
        self.held[..tail.len()].copy_from_slice(tail);
        self.count = tail.len();
        Ok(ready)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.check_total(self.count + input.len())?;
        let written = self.update(input, output)?;
        match (self.padding, self.direction) {
            (Padding::None, _) => Ok(written),
            (Padding::Pkcs7, Direction::Encrypt) => {
                self.pad(&mut output[written..written + N])?;
                Ok(written + N)
            }
            (Padding::Pkcs7, Direction::Decrypt) => {
                let (done, rest) = output.split_at_mut(written);
                self.unpad(rest).map(|kept| written + kept).inspect_err(|_| done.fill(0))
            }
        }
    }
}

/// What is held back may be plaintext.
impl<C, const N: usize> Drop for Blocks<C, N> {
    fn drop(&mut self) {
        self.held.zeroize();
    }
}

/// How many bytes of the last block are data: `None` if its padding is not that of PKCS #7. Takes
/// the same time for every block.
fn unpadded<const N: usize>(block: &[u8; N]) -> Option<usize> {
    let pad = block[N - 1];
    let mut good = pad.ct_gt(&0) & !pad.ct_gt(&(N as u8));
    for (i, byte) in block.iter().enumerate() {
        let is_padding: Choice = pad.ct_gt(&((N - 1 - i) as u8));
        good &= !is_padding | byte.ct_eq(&pad);
    }
    bool::from(good).then(|| N - usize::from(pad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpadding_agrees_with_its_definition() {
        for pad in 0..=255_u8 {
            for at in 0..16 {
                let mut block = [pad; 16];
                block[at] ^= 1;
                let pad = block[15];
                let good = (1..=16).contains(&pad)
                    && block[16 - usize::from(pad)..].iter().all(|byte| *byte == pad);
                assert_eq!(unpadded(&block), good.then(|| 16 - usize::from(pad)), "{block:?}");
            }
        }
    }
}
