//! The DER of a record, and the invariants that a decoded record has to meet.

use der::asn1::{GeneralizedTime, OctetString};
use der::{Decode, Encode, Sequence};

use super::{Authority, KeyRecord, Origin, Owner, Recovery, Suspicion, Terms, Version};
use crate::domain::key::{Algorithm, KeyId, Usage};
use crate::domain::lifecycle::{Reason, State};
use crate::domain::time::{Period, Timestamp, Unit};
use crate::error::{Error, Kind, Result};

/// The format of a record without terms, dates and suspicion.
const PLAIN: u8 = 1;
/// The format of a record with any of them.
const WITH_TERMS: u8 = 2;

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
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    terms: Option<TermsDer>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    suspicion: Option<SuspicionDer>,
}

#[derive(Sequence)]
struct TermsDer {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    owner: Option<String>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    shareable: Option<bool>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    expire_after: Option<PeriodDer>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    expire_at: Option<GeneralizedTime>,
    #[asn1(context_specific = "4", tag_mode = "EXPLICIT", optional = "true")]
    rotate_every: Option<PeriodDer>,
    #[asn1(context_specific = "5", tag_mode = "EXPLICIT", optional = "true")]
    destroy_at: Option<GeneralizedTime>,
    #[asn1(context_specific = "6", tag_mode = "EXPLICIT", optional = "true")]
    reporter: Option<OctetString>,
}

#[derive(Clone, Copy, Sequence)]
struct PeriodDer {
    count: u32,
    unit: Unit,
}

#[derive(Sequence)]
struct SuspicionDer {
    since: GeneralizedTime,
    up_to: u32,
    evidence: String,
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
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    activates: Option<GeneralizedTime>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    expires: Option<GeneralizedTime>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    recoverable: Option<bool>,
    #[asn1(context_specific = "4", tag_mode = "EXPLICIT", optional = "true")]
    recovery: Option<RecoveryDer>,
}

#[derive(Clone, Sequence)]
struct RecoveryDer {
    at: GeneralizedTime,
    by: Authority,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    why: Option<String>,
}

impl BodyDer {
    fn format(
        terms: &Option<TermsDer>,
        suspicion: &Option<SuspicionDer>,
        versions: &[VersionDer],
    ) -> u8 {
        let extended = |v: &VersionDer| {
            v.activates.is_some()
                || v.expires.is_some()
                || v.recoverable.is_some()
                || v.recovery.is_some()
        };
        match terms.is_some() || suspicion.is_some() || versions.iter().any(extended) {
            true => WITH_TERMS,
            false => PLAIN,
        }
    }
}

impl Body {
    /// The DER of the body.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it, which the types rule out.
    pub fn to_der(&self) -> Result<Vec<u8>> {
        let previous = self.previous.map(OctetString::new).transpose().map_err(encoding)?;
        let record = &self.record;
        let versions: Vec<_> =
            record.versions.iter().map(VersionDer::try_from).collect::<Result<_>>()?;
        let terms = terms_der(&record.terms)?;
        let suspicion = record.suspicion.as_ref().map(SuspicionDer::from);
        BodyDer {
            format: BodyDer::format(&terms, &suspicion, &versions),
            revision: self.revision,
            previous,
            name: record.name.as_str().to_owned(),
            algorithm: record.algorithm,
            usage: record.usage,
            origin: record.origin,
            created: time(record.created),
            versions,
            terms,
            suspicion,
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
        if body.format != BodyDer::format(&body.terms, &body.suspicion, &body.versions) {
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
            terms: body.terms.as_ref().map(Terms::try_from).transpose()?.unwrap_or_default(),
            suspicion: body.suspicion.map(Suspicion::from),
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
        let came_back = |v: &Version| v.recovery.is_some();
        let at_rest = [State::Deactivated, State::Compromised, State::Destroyed];
        if self.versions.iter().any(|v| came_back(v) && !at_rest.contains(&v.state)) {
            return broken("a recovered version protects again");
        }
        let newest = self.versions.len();
        let waits = |v: &Version| v.state == State::PreActive;
        if self.versions.iter().take(newest - 1).any(waits) {
            return broken("a version that is not the newest waits to become active");
        }
        if self.versions.iter().any(|v| waits(v) && v.activates.is_none()) {
            return broken("a version waits for no moment to become active");
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
            activates: version.activates.map(time),
            expires: version.expires.map(time),
            recoverable: version.recoverable.then_some(true),
            recovery: version.recovery.as_ref().map(RecoveryDer::from),
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
            activates: version.activates.map(moment),
            expires: version.expires.map(moment),
            recoverable: version.recoverable == Some(true),
            recovery: version.recovery.as_ref().map(Recovery::try_from).transpose()?,
        })
    }
}

/// `None` for terms that say nothing.
fn terms_der(terms: &Terms) -> Result<Option<TermsDer>> {
    if *terms == Terms::default() {
        return Ok(None);
    }
    Ok(Some(TermsDer {
        owner: terms.owner.as_ref().map(|owner| owner.as_str().to_owned()),
        shareable: terms.shareable.then_some(true),
        expire_after: terms.expire_after.map(PeriodDer::from),
        expire_at: terms.expire_at.map(time),
        rotate_every: terms.rotate_every.map(PeriodDer::from),
        destroy_at: terms.destroy_at.map(time),
        reporter: terms.reporter.map(OctetString::new).transpose().map_err(encoding)?,
    }))
}

impl TryFrom<&TermsDer> for Terms {
    type Error = Error;

    fn try_from(terms: &TermsDer) -> Result<Self> {
        let period = |period: PeriodDer| Period::new(period.count, period.unit);
        let hash = |hash: &OctetString| {
            let wrong = |_| Kind::Malformed.because("a reporter's hash of wrong length");
            hash.as_bytes().try_into().map_err(wrong)
        };
        Ok(Self {
            owner: terms.owner.as_deref().map(str::parse::<Owner>).transpose()?,
            shareable: terms.shareable == Some(true),
            expire_after: terms.expire_after.map(period).transpose()?,
            expire_at: terms.expire_at.map(moment),
            rotate_every: terms.rotate_every.map(period).transpose()?,
            destroy_at: terms.destroy_at.map(moment),
            reporter: terms.reporter.as_ref().map(hash).transpose()?,
        })
    }
}

impl From<&Recovery> for RecoveryDer {
    fn from(recovery: &Recovery) -> Self {
        Self { at: time(recovery.at), by: recovery.by, why: recovery.why.clone() }
    }
}

impl TryFrom<&RecoveryDer> for Recovery {
    type Error = Error;

    fn try_from(recovery: &RecoveryDer) -> Result<Self> {
        Recovery::new(moment(recovery.at), recovery.by, recovery.why.as_deref())
    }
}

impl From<Period> for PeriodDer {
    fn from(period: Period) -> Self {
        Self { count: period.count(), unit: period.unit() }
    }
}

impl From<&Suspicion> for SuspicionDer {
    fn from(suspicion: &Suspicion) -> Self {
        let Suspicion { since, up_to, evidence } = suspicion;
        Self { since: time(*since), up_to: *up_to, evidence: evidence.clone() }
    }
}

impl From<SuspicionDer> for Suspicion {
    fn from(suspicion: SuspicionDer) -> Self {
        let SuspicionDer { since, up_to, evidence } = suspicion;
        Self { since: moment(since), up_to, evidence }
    }
}

fn moment(time: GeneralizedTime) -> Timestamp {
    time.to_date_time().into()
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
        let record = record.revoked(Reason::Compromise, now).expect("changed").blocked(&[1]);
        Body { revision: 3, previous: Some([9; 32]), record }
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let body = body();
        assert_eq!(Body::from_der(&body.to_der().expect("DER")).expect("read"), body);
    }

    /// A record under terms, with dates and a suspicion.
    fn extended() -> Body {
        let body = body();
        let mut record = body.record.clone();
        record.terms = Terms {
            owner: Some("Zoë".parse().expect("an owner")),
            shareable: true,
            expire_after: Some("1y".parse().expect("a period")),
            expire_at: Some(Timestamp::from_unix(2_000_000_000)),
            rotate_every: Some("90d".parse().expect("a period")),
            destroy_at: Some(Timestamp::from_unix(2_100_000_000)),
            reporter: Some([5; 32]),
        };
        let now = Timestamp::from_unix(1_800_000_001);
        let recovery = Recovery::new(now, Authority::SecurityOfficer, Some("a false alarm"));
        let recovery = recovery.expect("a recovery");
        let by = |version: &Version| (version.number == 1).then(|| recovery.clone());
        record = record.recovered(by).expect("recovered");
        record = record.rotated(KeyId::new([9; 16]), now).expect("rotated");
        record = record.suspected(3, "seen elsewhere", now).expect("suspected");
        Body { record, ..body }
    }

    #[test]
    fn a_record_with_terms_is_read_back_as_it_was_written() {
        let body = extended();
        let der = body.to_der().expect("DER");
        assert_eq!(Body::from_der(&der).expect("read"), body);
        for at in 0..der.len() {
            let mut changed = der.clone();
            changed[at] ^= 1;
            let _ = Body::from_der(&changed);
        }
    }

    /// Format 1, byte by byte: what the first release wrote has to be read for ever.
    #[test]
    fn a_record_of_the_first_format_is_read() {
        let body = body();
        let der = body.to_der().expect("DER");
        assert_eq!(der, hex(FIRST_FORMAT));
        assert_eq!(Body::from_der(&der).expect("read"), body);
    }

    const FIRST_FORMAT: &str = "3081d1020101020103802009090909090909090909090909090909090909090909090909090909090909090c\
        066261636b75700a01030a01020a0101180f32303237303131353038303030305a3081843040020101041007\
        0707070707070707070707070707070a0105800101180f32303237303131353038303030305a180f32303237\
        303131353038303030305a0101ff30400201020410080808080808080808080808080808080a010580010118\
        0f32303237303131353038303030305a180f32303237303131353038303030305a010100";

    fn hex(text: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
        (0..text.len()).step_by(2).map(byte).collect()
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
