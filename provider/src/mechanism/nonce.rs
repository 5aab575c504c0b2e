//! The nonces that the token makes for messages (`CKG_*`).

use crate::error::{Code, Result};

/// `CK_GENERATOR_FUNCTION`: who makes what the fixed bits leave of a nonce, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generator {
    /// The application.
    None,
    /// We as we like: it counts from a random start, so that no two messages of a process have one
    /// nonce and those of two processes hardly ever.
    Any,
    /// It counts from zero.
    Counter,
    /// The engine's random generator.
    Random,
    /// What the application gave, XORed with what counts from zero.
    CounterXor,
}

impl Generator {
    /// # Errors
    /// MechanismParamInvalid for a number that names none.
    fn of(number: u64) -> Result<Self> {
        match number {
            0 => Ok(Self::None),
            1 => Ok(Self::Any),
            2 => Ok(Self::Counter),
            3 => Ok(Self::Random),
            4 => Ok(Self::CounterXor),
            _ => Err(Code::MechanismParamInvalid.because(format!("generator function {number}"))),
        }
    }

    /// How many nonces it has where `free` bits are not fixed. Random ones end where the chance
    /// that two are equal reaches 2^-32 (the bound of NIST SP 800-38D section 8).
    fn most(self, free: usize) -> u128 {
        let bits = if self == Self::Random { free.saturating_sub(32) / 2 } else { free };
        1 << bits.min(100)
    }
}

/// The fewest bits that [`Generator::Any`] fills beside fixed ones: with fewer, two processes under
/// one key would meet soon.
const LEAST: usize = 32;

/// The nonces of one message-based encryption process.
#[derive(Default)]
pub struct Nonces {
    settled: Option<Settled>,
    /// Whether the application gave a nonce of its own.
    given: bool,
    /// How many were made.
    count: u64,
}

/// What the first nonce that was made decides for those after it: a change could make two equal.
struct Settled {
    generator: Generator,
    len: usize,
    fixed_bits: usize,
    /// What is counted on from; for [`Generator::CounterXor`] the application's, without fixed bits.
    base: Vec<u8>,
}

impl Nonces {
    /// The nonce of the next message, which starts with the first `fixed_bits` of what the
    /// application gave. `random` fills what it is given.
    ///
    /// # Errors
    /// MechanismParamInvalid for a generator that does not exist or is another than before, too
    /// many fixed bits, and when no nonce is left; what `random` answers.
    pub fn next(
        &mut self,
        generator: u64,
        fixed_bits: u64,
        given: &[u8],
        random: impl Fn(&mut [u8]) -> Result<()>,
    ) -> Result<Vec<u8>> {
        let generator = Generator::of(generator)?;
        let counts = |generator| matches!(generator, Generator::Counter | Generator::CounterXor);
        let settled = self.settled.as_ref().map(|settled| settled.generator);
        if generator == Generator::None {
            if settled.is_some_and(counts) {
                return Err(Code::MechanismParamInvalid
                    .because("a nonce of the application's may be one that the counter makes"));
            }
            self.given = true;
            return Ok(given.to_vec());
        }
        if self.given && counts(generator) {
            return Err(Code::MechanismParamInvalid
                .because("the counter may make a nonce that the application gave before"));
        }
        let (fixed_bits, free) = split(8 * given.len(), fixed_bits, generator)?;
        self.settle(generator, fixed_bits, given, &random)?;
        if u128::from(self.count) >= generator.most(free) {
            return Err(Code::MechanismParamInvalid.because(format!(
                "{generator:?} with {free} bits has no nonce left after {}: start anew with \
                 another key or other fixed bits",
                self.count
            )));
        }
        let mut made = vec![0; given.len()];
        let base = self.settled.as_ref().map_or(&[][..], |settled| &settled.base);
        match generator {
            Generator::Random | Generator::None => random(&mut made)?,
            Generator::Any => {
                made.copy_from_slice(base);
                add(&mut made, self.count);
            }
            Generator::Counter | Generator::CounterXor => {
                made.copy_from_slice(base);
                xor(&mut made, self.count);
            }
        }
        self.count += 1;
        keep_front(&mut made, given, fixed_bits);
        Ok(made)
    }

    fn settle(
        &mut self,
        generator: Generator,
        fixed_bits: usize,
        given: &[u8],
        random: impl Fn(&mut [u8]) -> Result<()>,
    ) -> Result<()> {
        let len = given.len();
        let mut base = vec![0; len];
        if generator == Generator::CounterXor {
            base.copy_from_slice(given);
            keep_front(&mut base, &vec![0; len], fixed_bits);
        }
        let Some(before) = &self.settled else {
            if generator == Generator::Any {
                random(&mut base)?;
            }
            self.settled = Some(Settled { generator, len, fixed_bits, base });
            return Ok(());
        };
        let same = (before.generator, before.len, before.fixed_bits)
            == (generator, len, fixed_bits)
            && (generator != Generator::CounterXor || before.base == base);
        match same {
            true => Ok(()),
            false => Err(Code::MechanismParamInvalid.because(format!(
                "the process makes its nonces with {:?}, {} bytes, {} bits of them fixed, and \
                 what is counted on from must not change",
                before.generator, before.len, before.fixed_bits
            ))),
        }
    }
}

/// How many of the bits of a nonce are fixed and how many are not.
fn split(bits: usize, fixed_bits: u64, generator: Generator) -> Result<(usize, usize)> {
    let fixed = usize::try_from(fixed_bits).ok().filter(|fixed| *fixed < bits);
    let too_few = |fixed| generator == Generator::Any && fixed != 0 && bits - fixed < LEAST;
    match fixed {
        Some(fixed) if !too_few(fixed) => Ok((fixed, bits - fixed)),
        _ => Err(Code::MechanismParamInvalid
            .because(format!("{fixed_bits} fixed bits of {bits} leave too little to generate"))),
    }
}

/// Puts the first `bits` bits of `from` at the front of `number`, which is as long.
fn keep_front(number: &mut [u8], from: &[u8], bits: usize) {
    for (at, (byte, given)) in number.iter_mut().zip(from).enumerate() {
        let fixed = bits.saturating_sub(8 * at).min(8) as u32;
        let mask = !u8::MAX.checked_shr(fixed).unwrap_or(0);
        *byte = *given & mask | *byte & !mask;
    }
}

fn xor(number: &mut [u8], count: u64) {
    for (byte, other) in number.iter_mut().rev().zip(count.to_le_bytes()) {
        *byte ^= other;
    }
}

/// Big-endian, without what carries out of the front.
fn add(number: &mut [u8], mut count: u64) {
    for byte in number.iter_mut().rev() {
        let (sum, carry) = byte.overflowing_add(count as u8);
        *byte = sum;
        count = (count >> 8) + u64::from(carry);
    }
}
