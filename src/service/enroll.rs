//! Making a recipient: a pair that unwraps, and the request for its certificate.

use super::Kms;
use crate::domain::key::{Algorithm, KeyName, Usage};
use crate::domain::pki::{AlternativeName, Subject};
use crate::domain::record::{KeyRecord, Origin};
use crate::error::{Kind, Result};
use crate::port::KeySpec;

/// Who wants to have keys shared with him.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// The name of his key.
    pub name: KeyName,
    /// What it is made of: RSA.
    pub algorithm: Algorithm,
    /// The name to be certified.
    pub subject: Subject,
    /// The alternative names to be certified.
    pub names: Vec<AlternativeName>,
}

impl Kms<'_> {
    /// Makes a pair and a request (PKCS#10) for its certificate, in DER, which `deliver` takes.
    /// Afterwards the key may unwrap and nothing else: the pair signs the request as an object of
    /// the session and comes into the token without that right.
    ///
    /// The record comes last: after an interruption there is no key of this name and the command
    /// can be given again. A request that was delivered by then is for a key that nobody has.
    ///
    /// # Errors
    /// [`Kind::Exists`] for a name that is taken; [`Kind::Unsupported`] when the token does not let
    /// go of the right to sign; what `deliver` answers.
    pub fn enroll_client(
        &self,
        client: &NewClient,
        deliver: impl FnOnce(&[u8]) -> Result<()>,
    ) -> Result<KeyRecord> {
        let (name, algorithm, usage) = (client.name.clone(), client.algorithm, Usage::Wrap);
        if algorithm.material().is_secret_key() {
            return Err(Kind::Usage
                .because(format!("{algorithm} is no pair that could be certified"))
                .advise("recipients have RSA keys: rsa-2048, rsa-3072 or rsa-4096"));
        }
        self.require_free(&name)?;
        let (id, now) = (self.new_id()?, self.clock.now());
        let record = KeyRecord::new(name, algorithm, usage, Origin::Generated, id, now)?;
        self.vault.generate_for_request(&KeySpec::of(&record, record.latest()))?;
        let recorded = self
            .request_for(id, &record, &client.subject, &client.names)
            .and_then(|request| self.vault.keep_for_unwrapping(id).map(|()| request))
            .and_then(|request| deliver(&request))
            .and_then(|()| self.registry.save(None, &record));
        if let Err(error) = recorded {
            self.discard(&client.name, id)?;
            return Err(error);
        }
        Ok(record)
    }
}
