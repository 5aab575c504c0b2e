//! Decryption with RSA: the private operation by the inner token, the padding taken off here, in
//! constant time and, for PKCS#1 v1.5, with implicit rejection.

use std::sync::Arc;

use crate::backend::bridge::key::Shared;
use crate::backend::bridge::task::{Running, Task};
use crate::backend::{Operation, Transform};
use crate::engine::rsa_outline::{Opening, rejection};
use crate::error::{Code, Result};
use crate::mechanism::{Function, MechanismType, Params};

/// Starts a decryption; the parameters say which padding. The inner token's Init comes now: if it
/// does not take the key, there may be another way.
///
/// # Errors
/// What it answers; TemplateIncomplete where the inner token does not show the modulus, KeySizeRange for a key too
/// short for the padding.
pub(super) fn start(
    key: &Arc<Shared>,
    base: MechanismType,
    params: &Params<'_>,
) -> Result<Operation> {
    let task = Task::new(key, Function::Decrypt, base, &Params::None)?;
    let opening = match *params {
        Params::Oaep { hash, mgf, label } => Opening::Oaep { hash, mgf, label: label.into() },
        _ => Opening::Pkcs1,
    };
    let room = key.outline()?.room(&opening)?;
    let running = Running::begin(task)?;
    Ok(Operation::Transform(Box::new(Composed { running, opening, room })))
}

struct Composed {
    running: Running,
    opening: Opening,
    room: usize,
}

impl Composed {
    /// The key's secret behind synthetic messages: asked for once.
    fn ask_rejection(&self) -> Result<()> {
        let task = self.running.task();
        task.key.rejection.get_or_try_init(|| {
            let outline = task.key.outline()?;
            task.number(&outline.question()?, outline.size()).map(|answer| rejection(&answer))
        })?;
        Ok(())
    }
}

impl Transform for Composed {
    fn output_size(&self, input: usize, last: bool) -> Result<usize> {
        if !last {
            return Ok(0);
        }
        self.running.task().key.outline()?.admits_ciphertext(input)?;
        Ok(self.room)
    }

    fn update(&mut self, _input: &[u8], _output: &mut [u8]) -> Result<usize> {
        Err(Code::GeneralError.because("a part for a single-part mechanism"))
    }

    fn finish(&mut self, input: &[u8], output: &mut [u8]) -> Result<usize> {
        let key = self.running.task().key.clone();
        let outline = key.outline()?;
        outline.admit(input)?;
        if let Opening::Pkcs1 = self.opening {
            self.ask_rejection()?;
        }
        let block = self.running.number(input, outline.size())?;
        let message = outline.open(&self.opening, key.rejection.get(), input, &block)?;
        output[..message.len()].copy_from_slice(message.expose());
        Ok(message.len())
    }
}
