//! A record with its authentication tag.

use der::asn1::OctetString;
use der::{Decode, Encode, Sequence};

use super::store::{Mac, RecordStore};
use crate::domain::key::KeyId;
use crate::domain::record::Body;
use crate::error::{Error, Kind, Result};

/// Stands before the body of a key's record in what is authenticated, so that the sealing key's
/// tags mean nothing else.
const CONTEXT: &[u8] = b"keyway key record v1\0";

#[derive(Sequence)]
struct SealedDer {
    key: OctetString,
    body: OctetString,
    tag: OctetString,
}

/// Seals a body.
pub(super) fn seal(store: &dyn RecordStore, body: &Body) -> Result<Vec<u8>> {
    seal_bytes(store, CONTEXT, body.to_der()?)
}

/// Seals bytes that mean something in a context only.
pub(super) fn seal_bytes(
    store: &dyn RecordStore,
    context: &[u8],
    body: Vec<u8>,
) -> Result<Vec<u8>> {
    let mac = store.authenticate(&[context, &body].concat())?;
    let sealed = || {
        SealedDer {
            key: OctetString::new(mac.key.as_bytes())?,
            body: OctetString::new(body)?,
            tag: OctetString::new(mac.tag)?,
        }
        .to_der()
    };
    sealed().map_err(|error| Kind::Internal.because("cannot encode a record").caused_by(error))
}

/// Opens a sealed record and answers its body and its tag.
///
/// # Errors
/// [`Kind::NotAuthentic`] when the tag is not that of the body, [`Kind::Malformed`] when it is no
/// sealed record.
pub(super) fn open(store: &dyn RecordStore, sealed: &[u8]) -> Result<(Body, Vec<u8>)> {
    let (body, tag) = open_bytes(store, CONTEXT, sealed)?;
    Ok((Body::from_der(&body)?, tag))
}

/// As [`open`], for bytes sealed in this context.
pub(super) fn open_bytes(
    store: &dyn RecordStore,
    context: &[u8],
    sealed: &[u8],
) -> Result<(Vec<u8>, Vec<u8>)> {
    let malformed =
        |error: der::Error| -> Error { Kind::Malformed.because("not a record").caused_by(error) };
    let parts = SealedDer::from_der(sealed).map_err(malformed)?;
    let mac =
        Mac { key: KeyId::try_from(parts.key.as_bytes())?, tag: parts.tag.as_bytes().to_vec() };
    if !store.is_authentic(&mac, &[context, parts.body.as_bytes()].concat())? {
        return Err(Kind::NotAuthentic.because("the record's authentication tag is wrong"));
    }
    Ok((parts.body.as_bytes().to_vec(), mac.tag))
}
