//! The DER of a record, and the invariants that a decoded record has to meet.

use der::asn1::{GeneralizedTime, OctetString};
use der::{Decode, Encode, Sequence};

use super::{KeyRecord, Origin, Version};
use crate::domain::key::{Algorithm, KeyId, Usage};
use crate::domain::lifecycle::{Reason, State};
use crate::domain::time::Timestamp;
use crate::error::{Error, Kind, Result};

/// The version of the format that is written.
const FORMAT: u8 = 1;

/// What is authenticated: a record and its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Counts from 1; the highest authentic one is the truth.
    pub revision: u32,
    /// SHA-256 of the sealed predecessor; `None` for the first.
    pub previous: Option<[u8; 32]>,
    /// The key.
    pub record: KeyRecord,
}

#[derive(Sequence)]
struct BodyDer {
    format: u8,
    revision: u32,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    previous: Option<OctetString>,
    name: String,
    algorithm: Algorithm,
    usage: Usage,
    origin: Origin,
    created: GeneralizedTime,
    versions: Vec<VersionDer>,
}

#[derive(Sequence)]
struct VersionDer {
    number: u32,
    id: OctetString,
    state: State,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    reason: Option<Reason>,
    created: GeneralizedTime,
    changed: GeneralizedTime,
    blocked: bool,
}

impl Body {
    /// The DER of the body.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it, which the types rule out.
    pub fn to_der(&self) -> Result<Vec<u8>> {
        let previous = self.previous.map(OctetString::new).transpose().map_err(encoding)?;
        let record = &self.record;
        BodyDer {
            format: FORMAT,
            revision: self.revision,
            previous,
            name: record.name.as_str().to_owned(),
            algorithm: record.algorithm,
            usage: record.usage,
            origin: record.origin,
            created: time(record.created),
            versions: record.versions.iter().map(VersionDer::try_from).collect::<Result<_>>()?,
        }
        .to_der()
        .map_err(encoding)
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is not DER of this format or breaks an invariant.
    pub fn from_der(bytes: &[u8]) -> Result<Self> {
        let body = BodyDer::from_der(bytes)
            .map_err(|error| Kind::Malformed.because("not a key record").caused_by(error))?;
        if body.format != FORMAT {
            return Err(Kind::Malformed
                .because(format!("a key record of format {}", body.format))
                .advise("a newer keyway wrote it: update this one"));
        }
        let previous = body.previous.as_ref().map(|hash| hash.as_bytes().try_into());
        let record = KeyRecord {
            name: body.name.parse()?,
            algorithm: body.algorithm,
            usage: body.usage,
            origin: body.origin,
            created: body.created.to_date_time().into(),
            versions: body.versions.iter().map(Version::try_from).collect::<Result<_>>()?,
        };
        record.check()?;
        let previous =
            previous.transpose().map_err(|_| Kind::Malformed.because("a hash of wrong length"))?;
        if previous.is_none() != (body.revision == 1) {
            return Err(Kind::Malformed.because("a record without its predecessor's hash"));
        }
        Ok(Self { revision: body.revision, previous, record })
    }
}

impl KeyRecord {
    /// Checks the invariants.
    pub(super) fn check(&self) -> Result<()> {
        let broken = |what| Err(Kind::Malformed.because(format!("key {}: {what}", self.name)));
        if self.versions.is_empty() {
            return broken("no version");
        }
        if !self.versions.iter().zip(1..).all(|(version, number)| version.number == number) {
            return broken("versions are not numbered from 1");
        }
        if self.versions.iter().filter(|version| version.state == State::Active).count() > 1 {
            return broken("two active versions");
        }
        let mut ids: Vec<_> = self.versions.iter().map(|version| version.id).collect();
        ids.sort();
        if ids.windows(2).any(|pair| pair[0] == pair[1]) {
            return broken("two versions share an identifier");
        }
        if self
            .versions
            .iter()
            .any(|version| version.blocked && version.state != State::Compromised)
        {
            return broken("a version is blocked but not compromised");
        }
        if !self.algorithm.allows(self.usage) {
            return broken("its algorithm does not fit its use");
        }
        Ok(())
    }
}

impl TryFrom<&Version> for VersionDer {
    type Error = Error;

    fn try_from(version: &Version) -> Result<Self> {
        Ok(Self {
            number: version.number,
            id: OctetString::new(version.id.as_bytes()).map_err(encoding)?,
            state: version.state,
            reason: version.reason,
            created: time(version.created),
            changed: time(version.changed),
            blocked: version.blocked,
        })
    }
}

impl TryFrom<&VersionDer> for Version {
    type Error = Error;

    fn try_from(version: &VersionDer) -> Result<Self> {
        Ok(Self {
            number: version.number,
            id: KeyId::try_from(version.id.as_bytes())?,
            state: version.state,
            reason: version.reason,
            created: version.created.to_date_time().into(),
            changed: version.changed.to_date_time().into(),
            blocked: version.blocked,
        })
    }
}

fn time(moment: Timestamp) -> GeneralizedTime {
    GeneralizedTime::from_date_time(moment.date_time())
}

fn encoding(error: der::Error) -> Error {
    Kind::Internal.because("cannot encode a key record").caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Body {
        let now = Timestamp::from_unix(1_800_000_000);
        let record = KeyRecord::new(
            "backup".parse().expect("a name"),
            Algorithm::Rsa2048,
            Usage::Sign,
            Origin::Generated,
            KeyId::new([7; 16]),
            now,
        )
        .and_then(|record| record.rotated(KeyId::new([8; 16]), now))
        .expect("a record");
        let record = record.revoked(Reason::Compromise, now).expect("changed").blocked(1);
        Body { revision: 3, previous: Some([9; 32]), record }
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let body = body();
        assert_eq!(Body::from_der(&body.to_der().expect("DER")).expect("read"), body);
    }

    #[test]
    fn no_changed_or_shortened_byte_makes_a_panic() {
        let der = body().to_der().expect("DER");
        for at in 0..der.len() {
            let _ = Body::from_der(&der[..at]);
            for bit in 0..8 {
                let mut changed = der.clone();
                changed[at] ^= 1 << bit;
                if let Ok(body) = Body::from_der(&changed) {
                    body.record.check().expect("what is read meets the invariants");
                }
            }
        }
    }

    #[test]
    fn two_active_versions_are_refused() {
        let mut body = body();
        for version in &mut body.record.versions {
            version.state = State::Active;
            version.blocked = false;
        }
        assert!(Body::from_der(&body.to_der().expect("DER")).is_err());
    }

    #[test]
    fn a_first_record_names_no_predecessor() {
        let body = Body { revision: 1, ..body() };
        assert!(Body::from_der(&body.to_der().expect("DER")).is_err());
    }
}
