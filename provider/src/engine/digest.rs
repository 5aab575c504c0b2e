//! Digests: SHA-1, SHA-2 and SHA-3 in one or many parts.

use crate::backend::{Operation, Transform};
use crate::error::{Code, Result};
use crate::ffi::awslc::digest::Digest;
use crate::ffi::memory::Guarded;
use crate::mechanism::Hash;

/// Starts `C_DigestInit`.
///
/// # Errors
/// None; the signature is that of a mechanism row.
pub fn start(hash: Hash) -> Result<Operation> {
    Ok(Operation::Transform(Box::new(Running(Guarded::new(Digest::new(hash))))))
}

/// The digest of `input`: the first [`Hash::size`] bytes.
pub fn digest(hash: Hash, input: &[u8]) -> [u8; 64] {
    let mut digest = Digest::new(hash);
    digest.update(input);
    digest.finish()
}

/// What is digested may be a key.
struct Running(Guarded<Digest>);

impl Transform for Running {
    fn output_size(&self, _input: usize, last: bool) -> Result<usize> {
        Ok(if last { self.0.hash().size() } else { 0 })
    }

    fn update(&mut self, input: &[u8], _output: &mut [u8]) -> Result<usize> {
        self.0.update(input);
        Ok(0)
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        self.0.update(input);
        let size = self.0.hash().size();
        output[..size].copy_from_slice(&self.0.finish()[..size]);
        Ok(size)
    }

    fn save(&self) -> Option<Vec<u8>> {
        self.0.save()
    }

    fn load(&mut self, state: &[u8]) -> Result<()> {
        let restored = Digest::restore(self.0.hash(), state);
        *self.0 = restored.ok_or_else(|| {
            Code::SavedStateInvalid.because(format!("no state of {:?}", self.0.hash()))
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sha1::Sha1;
    use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
    use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

    use super::*;
    use crate::mechanism::set;

    /// The same digest by RustCrypto.
    fn oracle(hash: Hash, input: &[u8]) -> Vec<u8> {
        match hash {
            Hash::Md5 => md5::Md5::digest(input).to_vec(),
            Hash::Sha1 => Sha1::digest(input).to_vec(),
            Hash::Sha224 => Sha224::digest(input).to_vec(),
            Hash::Sha256 => Sha256::digest(input).to_vec(),
            Hash::Sha384 => Sha384::digest(input).to_vec(),
            Hash::Sha512 => Sha512::digest(input).to_vec(),
            Hash::Sha512_224 => Sha512_224::digest(input).to_vec(),
            Hash::Sha512_256 => Sha512_256::digest(input).to_vec(),
            Hash::Sha3_224 => Sha3_224::digest(input).to_vec(),
            Hash::Sha3_256 => Sha3_256::digest(input).to_vec(),
            Hash::Sha3_384 => Sha3_384::digest(input).to_vec(),
            Hash::Sha3_512 => Sha3_512::digest(input).to_vec(),
        }
    }

    fn transform(hash: Hash) -> Box<dyn Transform> {
        let id = Hash::ALL.iter().find(|row| row.0 == hash).unwrap().1;
        match set::look_up(id).unwrap().digest.unwrap()().unwrap() {
            Operation::Transform(transform) => transform,
            Operation::Check(_) => panic!("a digest transforms"),
        }
    }

    #[test]
    fn every_hash_agrees_with_rustcrypto_in_one_part() {
        for (hash, _, _) in Hash::ALL {
            for len in [0, 1, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 143, 144, 145, 1000] {
                let input: Vec<u8> = (0..len).map(|i| i as u8).collect();
                let mut operation = transform(hash);
                let mut out = vec![0; operation.output_size(len, true).unwrap()];
                assert_eq!(operation.finish(&input, &mut out).unwrap(), hash.size());
                assert_eq!(out, oracle(hash, &input), "{hash:?} of {len} bytes");
                assert_eq!(out, digest(hash, &input)[..hash.size()]);
            }
        }
    }

    #[test]
    fn parts_give_the_digest_of_the_whole() {
        let input: Vec<u8> = (0..500).map(|i| (i * 7) as u8).collect();
        for (hash, _, _) in Hash::ALL {
            for part in [1, 3, 63, 64, 65, 128, 499] {
                let mut operation = transform(hash);
                for chunk in input.chunks(part) {
                    assert_eq!(operation.output_size(chunk.len(), false).unwrap(), 0);
                    assert_eq!(operation.update(chunk, &mut []).unwrap(), 0);
                }
                let mut out = vec![0; hash.size()];
                operation.finish(&[], &mut out).unwrap();
                assert_eq!(out, oracle(hash, &input), "{hash:?} in parts of {part}");
            }
        }
    }
}
