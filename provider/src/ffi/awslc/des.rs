//! DES and triple DES of AWS-LC. One DES is three with the same key each time, so one path serves
//! keys of 8, 16 (K3 = K1) and 24 bytes.

use std::ffi::c_int;
use std::mem::size_of;

use aws_lc_sys::{self as aws, DES_cblock, DES_key_schedule};

use super::cipher::Direction;
use crate::error::{Code, Result};
use crate::secret::Secret;

/// The DES block in bytes.
pub(crate) const BLOCK: usize = 8;

/// Three expanded keys, for both directions, in a place of their own: they are never moved.
pub(crate) struct Schedule([DES_key_schedule; 3]);

impl Schedule {
    /// # Errors
    /// KeySizeRange for a key that is not 8, 16 or 24 bytes long.
    pub(crate) fn new(key: &[u8]) -> Result<Box<Self>> {
        let order = match key.len() {
            8 => [0, 0, 0],
            16 => [0, 1, 0],
            24 => [0, 1, 2],
            other => {
                return Err(Code::KeySizeRange.because(format!("a DES key of {other} bytes")));
            }
        };
        let empty = DES_key_schedule { subkeys: [[0; 2]; 16] };
        let mut schedule = Box::new(Self([empty; 3]));
        for (schedule, place) in schedule.0.iter_mut().zip(order) {
            let key = key[place * BLOCK..][..BLOCK].as_ptr().cast::<DES_cblock>();
            // SAFETY: the key is eight bytes, which need no alignment; the schedule is writable.
            unsafe { aws::DES_set_key_unchecked(key, schedule) };
        }
        Ok(schedule)
    }

    /// One block.
    pub(crate) fn block(&self, direction: Direction, block: &[u8; BLOCK]) -> [u8; BLOCK] {
        let mut out = [0; BLOCK];
        let [one, two, three] = &self.0;
        // SAFETY: input and output are a block each.
        unsafe {
            aws::DES_ecb3_encrypt(
                block.as_ptr().cast(),
                out.as_mut_ptr().cast(),
                one,
                two,
                three,
                encrypt(direction),
            );
        }
        out
    }

    /// CBC over whole blocks; `iv` becomes the IV of what follows.
    pub(crate) fn cbc(
        &self,
        direction: Direction,
        iv: &mut [u8; BLOCK],
        input: &[u8],
        output: &mut [u8],
    ) {
        assert!(input.len().is_multiple_of(BLOCK) && input.len() == output.len());
        let [one, two, three] = &self.0;
        let (from, to) = (input.as_ptr(), output.as_mut_ptr());
        // SAFETY: as many whole blocks in as out, in slices that do not overlap; `iv` is a block.
        unsafe {
            aws::DES_ede3_cbc_encrypt(
                from,
                to,
                input.len(),
                one,
                two,
                three,
                iv.as_mut_ptr().cast(),
                encrypt(direction),
            );
        }
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        // SAFETY: the schedules are structures of integers and not used afterwards.
        unsafe {
            aws::OPENSSL_cleanse((&raw mut self.0).cast(), size_of::<[DES_key_schedule; 3]>());
        }
    }
}

fn encrypt(direction: Direction) -> c_int {
    c_int::from(direction == Direction::Encrypt)
}

/// The key with the last bit of each byte set so that the number of its ones is odd (FIPS 46-3);
/// whole blocks.
pub(crate) fn with_parity(key: &[u8]) -> Secret {
    Secret::with(key.len(), |out| {
        out.copy_from_slice(key);
        for key in out.as_chunks_mut::<BLOCK>().0 {
            // SAFETY: eight writable bytes, which need no alignment.
            unsafe { aws::DES_set_odd_parity(key.as_mut_ptr().cast()) };
        }
    })
}
