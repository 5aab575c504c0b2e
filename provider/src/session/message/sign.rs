//! Signing and verifying messages: each as if Init came before it.

use crate::backend::{Key, Operation};
use crate::error::{Code, Result};
use crate::ffi::transfer::{Output, Written};
use crate::mechanism::Mechanism;
use crate::session::Session;
use crate::session::active::Class;
use crate::session::message::{Kind, Process, Running, not_running};

impl Session {
    /// `C_SignMessage`.
    ///
    /// # Errors
    /// OperationNotInitialized, OperationActive in the middle of a message, UserNotLoggedIn, and
    /// what the operation answers.
    pub fn sign_message(&mut self, (data, output): (&[u8], Output<'_>)) -> Result<Written> {
        let (process, key) = self.next_message(Class::Sign)?;
        let written = process.signing(Class::Sign, &*key)?.sign(data, output);
        if !matches!(written, Ok(Written::Needed(_) | Written::TooSmall(_))) {
            process.used();
        }
        written
    }

    /// `C_VerifyMessage`.
    ///
    /// # Errors
    /// As [`sign_message`](Self::sign_message), SignatureInvalid and SignatureLenRange.
    pub fn verify_message(&mut self, data: &[u8], signature: &[u8]) -> Result<()> {
        let (process, key) = self.next_message(Class::Verify)?;
        let mut running = process.signing(Class::Verify, &*key)?;
        process.used();
        running.verify(data, signature)
    }

    /// `C_SignMessageBegin`, `C_VerifyMessageBegin`.
    ///
    /// # Errors
    /// As [`sign_message`](Self::sign_message).
    pub fn sign_message_begin(&mut self, class: Class) -> Result<()> {
        let (process, key) = self.next_message(class)?;
        process.require_parts()?;
        let running = process.signing(class, &*key)?;
        process.used();
        process.running = Some(running);
        Ok(())
    }

    /// `C_SignMessageNext`, `C_VerifyMessageNext` with more to follow. An error ends the message.
    ///
    /// # Errors
    /// As [`sign_message`](Self::sign_message).
    pub fn sign_message_next(&mut self, class: Class, part: &[u8]) -> Result<()> {
        let mut running = self.take_message(class)?;
        match &mut running.operation {
            Operation::Transform(transform) => transform.update(part, &mut []).map(drop)?,
            Operation::Check(check) => check.update(part)?,
        }
        self.process(class)?.running = Some(running);
        Ok(())
    }

    /// `C_SignMessageNext` with the last part.
    ///
    /// # Errors
    /// As [`sign_message`](Self::sign_message).
    pub fn sign_message_last(&mut self, part: &[u8], output: Output<'_>) -> Result<Written> {
        let mut running = self.take_message(Class::Sign)?;
        let written = running.sign(part, output);
        self.keep_message(Class::Sign, running, written)
    }

    /// `C_VerifyMessageNext` with the last part, which ends the message whatever the verdict.
    ///
    /// # Errors
    /// As [`verify_message`](Self::verify_message).
    pub fn verify_message_last(&mut self, part: &[u8], signature: &[u8]) -> Result<()> {
        self.take_message(Class::Verify)?.verify(part, signature)
    }
}

impl Process {
    /// Starts the operation of one message.
    fn signing(&self, class: Class, key: &dyn Key) -> Result<Running> {
        let Kind::Signing(kept) = &self.kind else { return Err(not_running(class)) };
        let mechanism = Mechanism { spec: self.spec, params: kept.params(), keys: Vec::new() };
        Ok(Running { operation: key.start(class.function(), &mechanism)?, tag: 0 })
    }
}

impl Running {
    fn sign(&mut self, data: &[u8], output: Output<'_>) -> Result<Written> {
        let transform = self.transform()?;
        let size = transform.output_size(data.len(), true)?;
        match output.room(size) {
            Ok(buffer) => Ok(Written::Done(transform.finish(data, buffer)?)),
            Err(short) => Ok(short),
        }
    }

    fn verify(&mut self, data: &[u8], signature: &[u8]) -> Result<()> {
        match &mut self.operation {
            Operation::Check(check) => check.finish(data, signature),
            Operation::Transform(_) => Err(Code::GeneralError.because("a check with output")),
        }
    }
}
