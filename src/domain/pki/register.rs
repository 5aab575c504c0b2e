//! What an authority writes down: itself, what it issued, what it revoked, which lists it made.
//! Every entry is written once and never changed. `docs/pki.md` draws them.

use der::asn1::{GeneralizedTime, OctetString};
use der::{Decode, Encode, Sequence};
use x509_cert::name::Name;

use super::issue::{ListedRevocation, Points, Profile};
use super::{Certificate, Serial};
use crate::domain::entry::{Entry, Sort};
use crate::domain::hash::sha256;
use crate::domain::key::{KeyId, KeyName};
use crate::domain::lifecycle::Reason;
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};

/// The version of the format that is written.
const FORMAT: u8 = 1;
/// What errors call such an entry.
const SORT: Sort = Sort("an entry of an authority's register");

/// An authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// Its name, and that of its key.
    pub name: KeyName,
    /// The version of the key that it signs with.
    pub key: KeyId,
    /// The authority that issued its certificate, if it is on this token too.
    pub parent: Option<KeyName>,
    /// Its certificate.
    pub certificate: Certificate,
    /// What its certificates say of where revocation is told.
    pub points: Points,
    /// When it was made.
    pub created: Timestamp,
}

/// A certificate that an authority issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Its number.
    pub serial: Serial,
    /// Who issued it.
    pub authority: KeyName,
    /// Whom it is for.
    pub subject: Name,
    /// Its sort.
    pub profile: Profile,
    /// First and last moment.
    pub validity: (Timestamp, Timestamp),
    /// SHA-256 of the DER of its key.
    pub key: [u8; 32],
}

/// The revocation of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Who issued and revoked it.
    pub authority: KeyName,
    /// Which, when and why.
    pub listed: ListedRevocation,
}

/// A revocation list that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Whose.
    pub authority: KeyName,
    /// Its number.
    pub number: u64,
    /// For a delta: the full list that it completes.
    pub base: Option<u64>,
    /// When it was made and when the next one is due.
    pub updates: (Timestamp, Timestamp),
    /// How many certificates were issued and revoked then. Fewer later means that entries were
    /// removed.
    pub counts: (u32, u32),
}

#[derive(Sequence)]
struct AuthorityDer {
    format: u8,
    name: String,
    key: OctetString,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    parent: Option<String>,
    certificate: OctetString,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    list: Option<String>,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    responder: Option<String>,
    #[asn1(context_specific = "3", tag_mode = "IMPLICIT", optional = "true")]
    delta: Option<String>,
    created: GeneralizedTime,
}

#[derive(Sequence)]
struct IssuedDer {
    format: u8,
    serial: OctetString,
    authority: String,
    subject: Name,
    profile: Profile,
    not_before: GeneralizedTime,
    not_after: GeneralizedTime,
    key: OctetString,
}

#[derive(Sequence)]
struct RevocationDer {
    format: u8,
    serial: OctetString,
    authority: String,
    at: GeneralizedTime,
    reason: Reason,
}

#[derive(Sequence)]
struct ListDer {
    format: u8,
    authority: String,
    number: u64,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    base: Option<u64>,
    this_update: GeneralizedTime,
    next_update: GeneralizedTime,
    issued: u32,
    revoked: u32,
}

impl Entry for Authority {
    fn name(&self) -> KeyName {
        self.name.clone()
    }

    fn to_der(&self) -> Result<Vec<u8>> {
        AuthorityDer {
            format: FORMAT,
            name: self.name.to_string(),
            key: SORT.octets(self.key.as_bytes())?,
            parent: self.parent.as_ref().map(KeyName::to_string),
            certificate: SORT.octets(self.certificate.der())?,
            list: self.points.list.clone(),
            responder: self.points.responder.clone(),
            delta: self.points.delta.clone(),
            created: time(self.created),
        }
        .to_der()
        .map_err(|error| SORT.unencodable(error))
    }

    fn from_der(bytes: &[u8]) -> Result<Self> {
        let entry = AuthorityDer::from_der(bytes).map_err(|error| SORT.malformed(error))?;
        SORT.require_format(entry.format, FORMAT)?;
        Ok(Self {
            name: entry.name.parse()?,
            key: KeyId::try_from(entry.key.as_bytes())?,
            parent: entry.parent.as_deref().map(str::parse).transpose()?,
            certificate: Certificate::from_der(entry.certificate.as_bytes())?,
            points: Points { list: entry.list, delta: entry.delta, responder: entry.responder },
            created: entry.created.to_date_time().into(),
        })
    }
}

impl Entry for Issued {
    fn name(&self) -> KeyName {
        self.serial.entry_name()
    }

    fn to_der(&self) -> Result<Vec<u8>> {
        IssuedDer {
            format: FORMAT,
            serial: SORT.octets(self.serial.as_bytes())?,
            authority: self.authority.to_string(),
            subject: self.subject.clone(),
            profile: self.profile,
            not_before: time(self.validity.0),
            not_after: time(self.validity.1),
            key: SORT.octets(&self.key)?,
        }
        .to_der()
        .map_err(|error| SORT.unencodable(error))
    }

    fn from_der(bytes: &[u8]) -> Result<Self> {
        let entry = IssuedDer::from_der(bytes).map_err(|error| SORT.malformed(error))?;
        SORT.require_format(entry.format, FORMAT)?;
        let key = entry.key.as_bytes().try_into();
        Ok(Self {
            serial: Serial::try_from(entry.serial.as_bytes())?,
            authority: entry.authority.parse()?,
            subject: entry.subject,
            profile: entry.profile,
            validity: (
                entry.not_before.to_date_time().into(),
                entry.not_after.to_date_time().into(),
            ),
            key: key.map_err(|_| Kind::Malformed.because("a hash of wrong length"))?,
        })
    }
}

impl Entry for Revocation {
    fn name(&self) -> KeyName {
        self.listed.serial.entry_name()
    }

    fn to_der(&self) -> Result<Vec<u8>> {
        RevocationDer {
            format: FORMAT,
            serial: SORT.octets(self.listed.serial.as_bytes())?,
            authority: self.authority.to_string(),
            at: time(self.listed.at),
            reason: self.listed.reason,
        }
        .to_der()
        .map_err(|error| SORT.unencodable(error))
    }

    fn from_der(bytes: &[u8]) -> Result<Self> {
        let entry = RevocationDer::from_der(bytes).map_err(|error| SORT.malformed(error))?;
        SORT.require_format(entry.format, FORMAT)?;
        let listed = ListedRevocation {
            serial: Serial::try_from(entry.serial.as_bytes())?,
            at: entry.at.to_date_time().into(),
            reason: entry.reason,
        };
        Ok(Self { authority: entry.authority.parse()?, listed })
    }
}

impl List {
    /// The name of the entry of an authority's list with this number.
    pub fn entry_name(authority: &KeyName, number: u64) -> KeyName {
        let hash = sha256(&[authority.as_str().as_bytes(), b"\0", &number.to_be_bytes()]);
        let digits: String = hash[..20].iter().map(|byte| format!("{byte:02x}")).collect();
        digits.parse().expect("40 hexadecimal digits are a name")
    }
}

impl Entry for List {
    fn name(&self) -> KeyName {
        Self::entry_name(&self.authority, self.number)
    }

    fn to_der(&self) -> Result<Vec<u8>> {
        ListDer {
            format: FORMAT,
            authority: self.authority.to_string(),
            number: self.number,
            base: self.base,
            this_update: time(self.updates.0),
            next_update: time(self.updates.1),
            issued: self.counts.0,
            revoked: self.counts.1,
        }
        .to_der()
        .map_err(|error| SORT.unencodable(error))
    }

    fn from_der(bytes: &[u8]) -> Result<Self> {
        let entry = ListDer::from_der(bytes).map_err(|error| SORT.malformed(error))?;
        SORT.require_format(entry.format, FORMAT)?;
        let (this, next) = (entry.this_update.to_date_time(), entry.next_update.to_date_time());
        Ok(Self {
            authority: entry.authority.parse()?,
            number: entry.number,
            base: entry.base,
            updates: (this.into(), next.into()),
            counts: (entry.issued, entry.revoked),
        })
    }
}

fn time(moment: Timestamp) -> GeneralizedTime {
    GeneralizedTime::from_date_time(moment.date_time())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: fn() -> Timestamp = || Timestamp::from_unix(1_800_000_000);

    fn serial() -> Serial {
        Serial::from_random(&[7; 20]).expect("20 bytes")
    }

    fn read_back<T: Entry + PartialEq + std::fmt::Debug>(entry: &T) {
        let der = entry.to_der().expect("DER");
        assert_eq!(&T::from_der(&der).expect("read"), entry);
        for at in 0..der.len() {
            assert!(T::from_der(&der[..at]).is_err());
            for bit in 0..8 {
                let mut changed = der.clone();
                changed[at] ^= 1 << bit;
                let _ = T::from_der(&changed);
            }
        }
    }

    #[test]
    fn entries_are_read_back_and_no_changed_byte_makes_a_panic() {
        let authority: KeyName = "root".parse().expect("a name");
        let subject: Name = "CN=www,O=Keyway".parse().expect("a name");
        read_back(&Issued {
            serial: serial(),
            authority: authority.clone(),
            subject,
            profile: Profile::TlsServer,
            validity: (NOW(), NOW()),
            key: [3; 32],
        });
        let listed = ListedRevocation { serial: serial(), at: NOW(), reason: Reason::Compromise };
        read_back(&Revocation { authority: authority.clone(), listed });
        for base in [None, Some(u64::MAX)] {
            let (updates, counts) = ((NOW(), NOW()), (9, 3));
            read_back(&List { authority: authority.clone(), number: 7, base, updates, counts });
        }
    }

    #[test]
    fn lists_of_different_numbers_and_authorities_have_different_names() {
        let name =
            |authority: &str, number| List::entry_name(&authority.parse().expect("a name"), number);
        assert_ne!(name("a", 1), name("a", 2));
        assert_ne!(name("a", 1), name("b", 1));
    }
}
