//! AES key wrap (RFC 3394) and key wrap with padding (RFC 5649).

use crate::backend::{Operation, Transform};
use crate::engine::Lease;
use crate::engine::secret::SecretKey;
use crate::error::{Code, Error, Result};
use crate::ffi::awslc::cipher::{Direction, Schedule};
use crate::ffi::awslc::key_wrap;
pub(super) use crate::ffi::awslc::key_wrap::SEMIBLOCK;
use crate::mechanism::Params;
use crate::secret::Secret;

/// The two forms.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// RFC 3394: at least two whole semiblocks.
    Kw,
    /// RFC 5649: any length but zero.
    Kwp,
}

/// Starts `C_EncryptInit`.
///
/// # Errors
/// KeyTypeInconsistent or KeySizeRange for a key that is no AES key, MechanismParamInvalid for
/// another initial value than the form's own; so the other functions here.
pub fn encrypt(form: Form, key: &Lease, params: &Params<'_>) -> Result<Operation> {
    check(form, key, params)?;
    Ok(Operation::Transform(Box::new(Seal { form, key: key.clone() })))
}

/// Starts `C_DecryptInit`.
pub fn decrypt(form: Form, key: &Lease, params: &Params<'_>) -> Result<Operation> {
    check(form, key, params)?;
    Ok(Operation::Transform(Box::new(Open { form, key: key.clone() })))
}

/// `C_WrapKey`.
///
/// # Errors
/// Beside those above: KeySizeRange for an encoding of a length that the form does not take.
pub fn wrap(form: Form, key: &Lease, params: &Params<'_>, encoding: &[u8]) -> Result<Vec<u8>> {
    let key = check(form, key, params)?;
    let size = form.sealed(encoding.len(), Code::KeySizeRange)?;
    let mut wrapped = vec![0; size];
    run(form, Direction::Encrypt, key, encoding, &mut wrapped)
        .ok_or_else(|| Code::FunctionFailed.because("wrap a key"))?;
    Ok(wrapped)
}

/// `C_UnwrapKey`.
///
/// # Errors
/// Beside those above: WrappedKeyLenRange for a length that the form does not make,
/// WrappedKeyInvalid for a wrapped key that was changed or wrapped with another key.
pub fn unwrap(form: Form, key: &Lease, params: &Params<'_>, wrapped: &[u8]) -> Result<Secret> {
    let key = check(form, key, params)?;
    let size = form.opened(wrapped.len(), Code::WrappedKeyLenRange)?;
    let mut len = 0;
    let padded = Secret::try_with(size, |out| {
        len = run(form, Direction::Decrypt, key, wrapped, out)
            .ok_or_else(|| Code::WrappedKeyInvalid.because("unwrap a key"))?;
        Ok(())
    })?;
    match len == size {
        true => Ok(padded),
        false => Ok(Secret::copy_of(&padded.expose()[..len])),
    }
}

/// The AES key, if the parameter asks for the standard's initial value: the engine has no other
/// for padding.
fn check<'a>(form: Form, key: &'a Lease, params: &Params<'_>) -> Result<&'a SecretKey> {
    match params {
        Params::None => {}
        Params::WrapIv(iv) if *iv == form.initial_value() => {}
        _ => {
            return Err(Code::MechanismParamInvalid
                .because("only the initial value of the standard is supported"));
        }
    }
    let key = SecretKey::of(key)?;
    match key.value().len() {
        16 | 24 | 32 => Ok(key),
        other => Err(Code::KeySizeRange.because(format!("an AES key of {other} bytes"))),
    }
}

impl Form {
    fn initial_value(self) -> &'static [u8] {
        match self {
            Self::Kw => &[0xa6; 8],
            Self::Kwp => &[0xa6, 0x59, 0x59, 0xa6],
        }
    }

    /// The length of the wrapped form, or `code` if there is none.
    fn sealed(self, len: usize, code: Code) -> Result<usize> {
        match self {
            Self::Kw if len >= 2 * SEMIBLOCK && len.is_multiple_of(SEMIBLOCK) => {
                Ok(len + SEMIBLOCK)
            }
            Self::Kwp if len > 0 && u32::try_from(len).is_ok() => {
                Ok(len.next_multiple_of(SEMIBLOCK) + SEMIBLOCK)
            }
            _ => Err(code.because(format!("{len} bytes cannot be wrapped"))),
        }
    }

    /// The length of what was wrapped, padding included, or `code` if it cannot be.
    fn opened(self, len: usize, code: Code) -> Result<usize> {
        let least = match self {
            Self::Kw => 3 * SEMIBLOCK,
            Self::Kwp => 2 * SEMIBLOCK,
        };
        match len >= least && len.is_multiple_of(SEMIBLOCK) && u32::try_from(len).is_ok() {
            true => Ok(len - SEMIBLOCK),
            false => Err(code.because(format!("{len} bytes are nothing wrapped"))),
        }
    }
}

/// Wraps or unwraps into `output`, which is as long as [`Form`] says; returns the bytes written,
/// without padding. `None` if the integrity check fails.
fn run(
    form: Form,
    direction: Direction,
    key: &SecretKey,
    input: &[u8],
    output: &mut [u8],
) -> Option<usize> {
    let schedule: &Schedule = key.schedule(direction).ok()?;
    match (form, direction) {
        (Form::Kw, Direction::Encrypt) => key_wrap::wrap(schedule, input, output),
        (Form::Kw, Direction::Decrypt) => key_wrap::unwrap(schedule, input, output),
        (Form::Kwp, Direction::Encrypt) => key_wrap::wrap_padded(schedule, input, output),
        (Form::Kwp, Direction::Decrypt) => key_wrap::unwrap_padded(schedule, input, output),
    }
}

/// Encryption in one part.
struct Seal {
    form: Form,
    key: Lease,
}

impl Transform for Seal {
    fn output_size(&self, input: usize, _last: bool) -> Result<usize> {
        self.form.sealed(input, Code::DataLenRange)
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize> {
        Err(only_one_part())
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let size = self.form.sealed(input.len(), Code::DataLenRange)?;
        let key = SecretKey::of(&self.key)?;
        run(self.form, Direction::Encrypt, key, input, &mut output[..size])
            .ok_or_else(|| Code::FunctionFailed.because("encrypt with AES key wrap"))
    }
}

/// Decryption in one part.
struct Open {
    form: Form,
    key: Lease,
}

impl Transform for Open {
    fn output_size(&self, input: usize, _last: bool) -> Result<usize> {
        self.form.opened(input, Code::EncryptedDataLenRange)
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize> {
        Err(only_one_part())
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let size = self.form.opened(input.len(), Code::EncryptedDataLenRange)?;
        let key = SecretKey::of(&self.key)?;
        run(self.form, Direction::Decrypt, key, input, &mut output[..size])
            .ok_or_else(|| Code::EncryptedDataInvalid.because("decrypt with AES key wrap"))
    }
}

fn only_one_part() -> Error {
    Code::FunctionFailed.because("AES key wrap works in one part only")
}

/// The names that `C_UnwrapKey` has for what is wrong with encrypted data.
pub(super) fn as_wrapped(error: Error) -> Error {
    let code = match error.code() {
        Code::EncryptedDataInvalid => Code::WrappedKeyInvalid,
        Code::EncryptedDataLenRange => Code::WrappedKeyLenRange,
        other => other,
    };
    error.with_code(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::testing::*;
    use crate::mechanism::Function;
    use crate::mechanism::MechanismType as M;

    /// Sections 4.1, 4.2, 4.3 and 4.6 of RFC 3394, section 6 of RFC 5649.
    const VECTORS: [(Form, &str, &str, &str); 6] = [
        (
            Form::Kw,
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
        ),
        (
            Form::Kw,
            "000102030405060708090a0b0c0d0e0f1011121314151617",
            "00112233445566778899aabbccddeeff",
            "96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d",
        ),
        (
            Form::Kw,
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "00112233445566778899aabbccddeeff",
            "64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7",
        ),
        (
            Form::Kw,
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f",
            "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21",
        ),
        (
            Form::Kwp,
            "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
            "c37b7e6492584340bed12207808941155068f738",
            "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
        ),
        (
            Form::Kwp,
            "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8",
            "466f7250617369",
            "afbeb0f07dfbf5419200f2ccb50bb24f",
        ),
    ];

    fn rows(form: Form) -> &'static [M] {
        match form {
            Form::Kw => &[M::AES_KEY_WRAP],
            Form::Kwp => &[M::AES_KEY_WRAP_PAD, M::AES_KEY_WRAP_KWP],
        }
    }

    #[test]
    fn both_forms_give_the_vectors_of_the_rfcs_for_keys_and_for_data() {
        for (form, secret, plain, wrapped) in VECTORS {
            let (key, plain, wrapped) = (key(&unhex(secret)), unhex(plain), unhex(wrapped));
            for id in rows(form) {
                for params in [Params::None, Params::WrapIv(form.initial_value())] {
                    let row = crate::mechanism::set::look_up(*id).unwrap();
                    assert_eq!(row.wrap.unwrap()(&key, &params, &plain).unwrap(), wrapped);
                    let back = row.unwrap.unwrap()(&key, &params, &wrapped).unwrap();
                    assert_eq!(back.expose(), plain);
                    let begin = |function| start(*id, function, &key, &params).unwrap();
                    assert_eq!(once(begin(Function::Encrypt), &plain).unwrap(), wrapped);
                    assert_eq!(once(begin(Function::Decrypt), &wrapped).unwrap(), plain);
                }
            }
        }
    }

    #[test]
    fn padded_keys_of_every_length_come_back() {
        let key = key(&pattern(32));
        for len in 1..=300 {
            let wrapped = wrap(Form::Kwp, &key, &Params::None, &pattern(len)).unwrap();
            assert_eq!(wrapped.len(), len.div_ceil(8) * 8 + 8);
            let back = unwrap(Form::Kwp, &key, &Params::None, &wrapped).unwrap();
            assert_eq!(back.expose(), pattern(len));
        }
    }

    #[test]
    fn a_change_of_any_byte_is_found() {
        let key = key(&pattern(16));
        for form in [Form::Kw, Form::Kwp] {
            let mut wrapped = wrap(form, &key, &Params::None, &pattern(24)).unwrap();
            for at in 0..wrapped.len() {
                wrapped[at] ^= 1;
                let answer = unwrap(form, &key, &Params::None, &wrapped);
                assert_eq!(code(answer), Code::WrappedKeyInvalid);
                let open = decrypt(form, &key, &Params::None).unwrap();
                assert_eq!(code(once(open, &wrapped)), Code::EncryptedDataInvalid);
                wrapped[at] ^= 1;
            }
        }
    }

    #[test]
    fn lengths_that_a_form_does_not_take_are_refused_by_the_name_of_the_function() {
        let key = key(&pattern(16));
        for (form, plain, wrapped) in
            [(Form::Kw, &[0, 7, 8, 20][..], &[0, 8, 16, 25][..]), (Form::Kwp, &[0], &[0, 8, 17])]
        {
            for len in plain {
                let answer = wrap(form, &key, &Params::None, &pattern(*len));
                assert_eq!(code(answer), Code::KeySizeRange, "{len}");
                let seal = encrypt(form, &key, &Params::None).unwrap();
                assert_eq!(code(once(seal, &pattern(*len))), Code::DataLenRange, "{len}");
            }
            for len in wrapped {
                let answer = unwrap(form, &key, &Params::None, &pattern(*len));
                assert_eq!(code(answer), Code::WrappedKeyLenRange, "{len}");
                let open = decrypt(form, &key, &Params::None).unwrap();
                assert_eq!(code(once(open, &pattern(*len))), Code::EncryptedDataLenRange, "{len}");
            }
        }
    }

    #[test]
    fn another_initial_value_is_refused() {
        let key = key(&pattern(16));
        for form in [Form::Kw, Form::Kwp] {
            let answer = wrap(form, &key, &Params::WrapIv(&[1; 8]), &pattern(16));
            assert_eq!(code(answer), Code::MechanismParamInvalid);
        }
    }
}
