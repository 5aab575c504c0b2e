//! Digest states as bytes: chaining value, bits so far, the block under way, all big-endian.

use aws_lc_sys::{SHA_CTX, SHA256_CTX, SHA512_CTX};

use super::{Digest, State};
use crate::mechanism::Hash;

impl Digest {
    /// The state as it is now; `None` for MD5 and SHA-3, whose state is not ours to see.
    pub(crate) fn save(&self) -> Option<Vec<u8>> {
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect();
        Some(match &self.state {
            State::Sha1(state) => {
                let words: Vec<u8> = words(&[&state.h[..], &[state.Nh, state.Nl]].concat());
                [&words, &state.data[..state.num as usize]].concat()
            }
            State::Sha256(state) => {
                let words: Vec<u8> = words(&[&state.h[..], &[state.Nh, state.Nl]].concat());
                [&words, &state.data[..state.num as usize]].concat()
            }
            State::Sha512(state) => {
                let words = [&state.h[..], &[state.Nh, state.Nl]].concat();
                let words: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
                [&words, &state.p[..state.num as usize]].concat()
            }
            State::Context(_) => return None,
        })
    }

    /// A digest that goes on from a saved state; `None` if the bytes are no state of this hash.
    pub(crate) fn restore(hash: Hash, bytes: &[u8]) -> Option<Self> {
        let mut digest = Self::new(hash);
        match &mut digest.state {
            State::Sha1(state) => restore_sha1(state, bytes)?,
            State::Sha256(state) => restore_sha256(state, bytes)?,
            State::Sha512(state) => restore_sha512(state, bytes)?,
            State::Context(_) => return None,
        }
        Some(digest)
    }
}

fn restore_sha1(state: &mut SHA_CTX, bytes: &[u8]) -> Option<()> {
    let Parts { chaining, bits, block } = Parts::<4>::read(bytes, state.h.len(), state.data.len())?;
    for (word, bytes) in state.h.iter_mut().zip(chaining) {
        *word = u32::from_be_bytes(*bytes);
    }
    [state.Nh, state.Nl] = bits.map(u32::from_be_bytes);
    state.data[..block.len()].copy_from_slice(block);
    state.num = block.len() as _;
    Some(())
}

fn restore_sha256(state: &mut SHA256_CTX, bytes: &[u8]) -> Option<()> {
    let Parts { chaining, bits, block } = Parts::<4>::read(bytes, state.h.len(), state.data.len())?;
    for (word, bytes) in state.h.iter_mut().zip(chaining) {
        *word = u32::from_be_bytes(*bytes);
    }
    [state.Nh, state.Nl] = bits.map(u32::from_be_bytes);
    state.data[..block.len()].copy_from_slice(block);
    state.num = block.len() as _;
    Some(())
}

fn restore_sha512(state: &mut SHA512_CTX, bytes: &[u8]) -> Option<()> {
    let Parts { chaining, bits, block } = Parts::<8>::read(bytes, state.h.len(), state.p.len())?;
    for (word, bytes) in state.h.iter_mut().zip(chaining) {
        *word = u64::from_be_bytes(*bytes);
    }
    [state.Nh, state.Nl] = bits.map(u64::from_be_bytes);
    state.p[..block.len()].copy_from_slice(block);
    state.num = block.len() as _;
    Some(())
}

/// A saved state of words of `N` bytes.
struct Parts<'a, const N: usize> {
    chaining: &'a [[u8; N]],
    /// Length so far, high and low word.
    bits: [[u8; N]; 2],
    block: &'a [u8],
}

impl<'a, const N: usize> Parts<'a, N> {
    /// The state of a hash with so many chaining words and blocks of `size` bytes, if the block
    /// under way is as long as the length says: the engine trusts it as an index.
    fn read(bytes: &'a [u8], words: usize, size: usize) -> Option<Self> {
        let (front, block) = bytes.split_at_checked((words + 2) * N)?;
        let (front, _) = front.as_chunks::<N>();
        let (chaining, bits) = front.split_at(words);
        let bits: [[u8; N]; 2] = bits.try_into().ok()?;
        let low = &bits[1][N - 2..]; // a block has 2^9 or 2^10 bits
        let under_way = u16::from_be_bytes([low[0], low[1]]) as usize % (8 * size);
        (under_way == 8 * block.len()).then_some(Self { chaining, bits, block })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_state_goes_on_as_the_saved_one_does() {
        let input: Vec<u8> = (0..400).map(|i| (i * 7) as u8).collect();
        for (hash, _, _) in Hash::ALL {
            for at in [0, 1, 55, 63, 64, 65, 127, 128, 129, 300] {
                let mut digest = Digest::new(hash);
                digest.update(&input[..at]);
                let Some(saved) = digest.save() else { continue };
                let mut restored = Digest::restore(hash, &saved).expect("a state");
                for digest in [&mut digest, &mut restored] {
                    digest.update(&input[at..]);
                }
                assert_eq!(digest.finish(), restored.finish(), "{hash:?} at {at}");
            }
        }
    }

    #[test]
    fn a_state_of_the_wrong_length_is_refused() {
        for (hash, _, _) in Hash::ALL {
            let mut digest = Digest::new(hash);
            digest.update(&[1; 200]);
            let Some(saved) = digest.save() else { continue };
            for len in 0..saved.len() {
                assert!(Digest::restore(hash, &saved[..len]).is_none(), "{hash:?}, {len} bytes");
            }
            for more in [1, 64, 128] {
                let longer = [&saved[..], &vec![0; more]].concat();
                assert!(Digest::restore(hash, &longer).is_none(), "{hash:?}, {more} more");
            }
        }
    }
}
