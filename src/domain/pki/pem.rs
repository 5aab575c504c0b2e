//! PEM files with several blocks (RFC 7468), as OpenSSL writes them: text between blocks is
//! skipped.

use der::Document;
use der::pem::LineEnding;

use crate::error::{Kind, Result};

/// The DER of every block with this label, in the order of the file.
///
/// # Errors
/// [`Kind::Malformed`] when a block cannot be read.
pub(super) fn blocks(bytes: &[u8], label: &str) -> Result<Vec<Vec<u8>>> {
    let malformed = || Kind::Malformed.because(format!("a PEM block {label} is damaged"));
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Kind::Malformed.because(format!("not a {label}, in PEM or DER")))?;
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(&begin) {
        let length = rest[start..].find(&end).ok_or_else(malformed)? + end.len();
        let block = &rest[start..start + length];
        let (_, document) =
            Document::from_pem(block).map_err(|error| malformed().caused_by(error))?;
        found.push(document.as_bytes().to_vec());
        rest = &rest[start + length..];
    }
    Ok(found)
}

/// What a PEM block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// A revocation list.
    List,
    /// A request.
    Request,
}

/// One block.
///
/// # Errors
/// [`Kind::Internal`] when it is not DER.
pub fn to_pem(label: Label, der: &[u8]) -> Result<String> {
    let label = match label {
        Label::List => "X509 CRL",
        Label::Request => "CERTIFICATE REQUEST",
    };
    Document::try_from(der)
        .and_then(|document| document.to_pem(label, LineEnding::LF))
        .map_err(|error| Kind::Internal.because("cannot encode as PEM").caused_by(error))
}
