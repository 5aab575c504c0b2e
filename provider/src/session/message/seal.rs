//! Encrypting and decrypting messages: nonce and tag travel beside the data.

use crate::backend::{Key, Operation, Transform};
use crate::error::{Code, Error, Result};
use crate::ffi::params::RawParams;
use crate::ffi::transfer::{Output, Written};
use crate::mechanism::Mechanism;
use crate::mechanism::message::{MessageParams, Scheme};
use crate::session::Session;
use crate::session::active::Class;
use crate::session::message::{Kind, Process, Running, not_running};

/// What goes in and comes out beside the data of a message.
pub struct Message<'a> {
    pub scheme: Scheme,
    pub fixed_bits: u64,
    pub generator: u64,
    /// In decryption the nonce; in encryption what the application gave, then the nonce.
    pub nonce: Vec<u8>,
    /// In decryption the tag; in encryption it comes out here.
    pub tag: Vec<u8>,
    pub aad: &'a [u8],
}

impl Session {
    /// Reads the parameter of a message as the process's mechanism has it.
    ///
    /// # Errors
    /// OperationNotInitialized, MechanismParamInvalid.
    pub fn message_params<'a>(
        &mut self,
        class: Class,
        params: RawParams<'a>,
    ) -> Result<MessageParams<'a>> {
        match &self.process(class)?.kind {
            Kind::Sealing(read, _) => read(params),
            Kind::Signing(_) => Err(not_running(class)),
        }
    }

    /// `C_EncryptMessage`, `C_DecryptMessage`. A nonce is made only when there is room for the text.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive in the middle of a message, UserNotLoggedIn,
    /// MechanismParamInvalid, AeadDecryptFailed, and what the operation answers.
    pub fn message(
        &mut self,
        class: Class,
        message: &mut Message<'_>,
        (input, output): (&[u8], Output<'_>),
    ) -> Result<Written> {
        let token = self.slot().token.clone();
        let (process, key) = self.next_message(class)?;
        let buffer = match output.room(input.len()) {
            Ok(buffer) => buffer,
            Err(short) => return Ok(short),
        };
        let mut running = process.seal(class, &*key, message, |nonce| token.random(nonce))?;
        running.end(class, &mut message.tag, (input, Output::Buffer(buffer)))
    }

    /// `C_EncryptMessageBegin`, `C_DecryptMessageBegin`.
    ///
    /// # Errors
    /// As [`message`](Self::message).
    pub fn message_begin(&mut self, class: Class, message: &mut Message<'_>) -> Result<()> {
        let token = self.slot().token.clone();
        let (process, key) = self.next_message(class)?;
        process.require_parts()?;
        let running = process.seal(class, &*key, message, |nonce| token.random(nonce))?;
        process.running = Some(running);
        Ok(())
    }

    /// `C_EncryptMessageNext`, `C_DecryptMessageNext` without `CKF_END_OF_MESSAGE`. An error ends the
    /// message.
    ///
    /// # Errors
    /// As [`message`](Self::message).
    pub fn message_next(
        &mut self,
        class: Class,
        input: &[u8],
        output: Output<'_>,
    ) -> Result<Written> {
        let mut running = self.take_message(class)?;
        let written = running.part(input, output);
        self.keep_message(class, running, written)
    }

    /// `C_EncryptMessageNext`, `C_DecryptMessageNext` with `CKF_END_OF_MESSAGE`: the tag comes out of
    /// encryption and goes into decryption.
    ///
    /// # Errors
    /// As [`message`](Self::message).
    pub fn message_last(
        &mut self,
        class: Class,
        tag: &mut [u8],
        input: &[u8],
        output: Output<'_>,
    ) -> Result<Written> {
        let mut running = self.take_message(class)?;
        let written = running.end(class, tag, (input, output));
        self.keep_message(class, running, written)
    }
}

impl Process {
    /// Starts the operation of one message; `random` fills what it is given.
    fn seal(
        &mut self,
        class: Class,
        key: &dyn Key,
        message: &mut Message<'_>,
        random: impl Fn(&mut [u8]) -> Result<()>,
    ) -> Result<Running> {
        let Kind::Sealing(_, nonces) = &mut self.kind else { return Err(not_running(class)) };
        if class == Class::Encrypt {
            let (generator, fixed_bits) = (message.generator, message.fixed_bits);
            message.nonce = nonces.next(generator, fixed_bits, &message.nonce, random)?;
        }
        let params = message.scheme.params(&message.nonce, message.aad);
        let mechanism = Mechanism { spec: self.spec, params, keys: Vec::new() };
        let operation = key.start(class.function(), &mechanism)?;
        self.used();
        Ok(Running { operation, tag: message.scheme.tag() })
    }
}

impl Running {
    pub(super) fn transform(&mut self) -> Result<&mut dyn Transform> {
        match &mut self.operation {
            Operation::Transform(transform) => Ok(transform.as_mut()),
            Operation::Check(_) => Err(Code::GeneralError.because("a message that has no output")),
        }
    }

    fn part(&mut self, input: &[u8], output: Output<'_>) -> Result<Written> {
        let transform = self.transform()?;
        let needed = transform.output_size(input.len(), false)?;
        match output.room(needed) {
            Ok(buffer) => Ok(Written::Part(transform.update(input, buffer)?)),
            Err(short) => Ok(short),
        }
    }

    /// The last part, or the only one. The engine has text and tag in one piece.
    fn end(
        &mut self,
        class: Class,
        tag: &mut [u8],
        (input, output): (&[u8], Output<'_>),
    ) -> Result<Written> {
        if tag.len() != self.tag {
            return Err(Code::MechanismParamInvalid.because(format!(
                "a tag of {} bytes, then of {}",
                self.tag,
                tag.len()
            )));
        }
        let (encrypts, len) = (class == Class::Encrypt, self.tag);
        let transform = self.transform()?;
        let size = match encrypts {
            true => transform.output_size(input.len(), true)? - len,
            false => transform.output_size(input.len() + len, true)?,
        };
        let buffer = match output.room(size) {
            Ok(buffer) => buffer,
            Err(short) => return Ok(short),
        };
        let written = if encrypts {
            let mut sealed = vec![0; size + len];
            transform.finish(input, &mut sealed)?;
            buffer[..size].copy_from_slice(&sealed[..size]);
            tag.copy_from_slice(&sealed[size..]);
            size
        } else {
            let sealed = [input, tag].concat();
            transform.finish(&sealed, &mut buffer[..size]).map_err(as_aead)?
        };
        Ok(Written::Done(written))
    }
}

/// The name that messages have for a wrong tag.
fn as_aead(error: Error) -> Error {
    match error.code() {
        Code::EncryptedDataInvalid => error.with_code(Code::AeadDecryptFailed),
        _ => error,
    }
}
