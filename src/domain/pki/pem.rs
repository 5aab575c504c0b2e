//! PEM files with several blocks (RFC 7468), as OpenSSL writes them: text between blocks is
//! skipped.

use der::Document;

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
