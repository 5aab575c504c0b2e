//! Certificates on a token, where other programs look for them.

use crate::domain::key::{KeyId, KeyName};
use crate::error::Result;

/// A certificate on the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCertificate {
    /// CKA_LABEL.
    pub label: String,
    /// CKA_ID: that of its key, if the key is on the token.
    pub id: Vec<u8>,
    /// Its DER. Anybody may have put it there: it is trusted after it was validated.
    pub der: Vec<u8>,
}

/// The certificates of a token.
pub trait Certificates {
    /// Puts a certificate beside its key. One that is there already is left alone.
    ///
    /// # Errors
    /// The token refuses.
    fn add_certificate(&self, label: &KeyName, id: KeyId, der: &[u8]) -> Result<()>;

    /// Every certificate on the token, whoever put it there.
    ///
    /// # Errors
    /// The token failed.
    fn stored_certificates(&self) -> Result<Vec<StoredCertificate>>;

    /// The DER of those that the security officer marked as trusted (CKA_TRUSTED).
    ///
    /// # Errors
    /// The token failed.
    fn trusted_certificates(&self) -> Result<Vec<Vec<u8>>>;
}
