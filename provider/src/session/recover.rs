//! Verification that gives back what was signed.

use crate::error::Result;
use crate::ffi::transfer::{Output, Written};
use crate::session::Session;
use crate::session::active::{Class, Part};

impl Session {
    /// `C_VerifyRecover`. The signature is checked before the room for the data, also where only
    /// the size is asked for: CKR_SIGNATURE_INVALID and CKR_SIGNATURE_LEN_RANGE have a higher
    /// priority than CKR_BUFFER_TOO_SMALL.
    ///
    /// # Errors
    /// As [`transform`](Self::transform), SignatureInvalid and SignatureLenRange.
    pub fn recover(&mut self, arguments: Result<(&[u8], Output<'_>)>) -> Result<Written> {
        let mut active = self.take(Class::VerifyRecover, Part::Whole)?;
        let (signature, output) = arguments?;
        let transform = active.transform()?;
        let mut data = vec![0; transform.output_size(signature.len(), true)?];
        let len = transform.finish(signature, &mut data)?;
        let written = match output.room(len) {
            Err(short) => short,
            Ok(buffer) => {
                buffer[..len].copy_from_slice(&data[..len]);
                Written::Done(len)
            }
        };
        if !matches!(written, Written::Done(_)) {
            self.resume(Class::VerifyRecover, active);
        }
        Ok(written)
    }
}
