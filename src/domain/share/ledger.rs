//! What is written down of shares: by the distributor who got which version, by the recipient from
//! whom he has it. Every entry is written once. `docs/key-records.md` draws them.

use der::asn1::{GeneralizedTime, OctetString};
use der::{Decode, Encode, Sequence};

use super::Share;
use crate::domain::entry::{Entry, Sort};
use crate::domain::key::{KeyId, KeyName};
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};

/// The version of the format that is written.
const FORMAT: u8 = 1;
/// What errors call such an entry.
const SORT: Sort = Sort("an entry about a share");

/// A version of a key of this token that was wrapped for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The key.
    pub name: KeyName,
    /// The version's number.
    pub version: u32,
    /// The version's identifier.
    pub key: KeyId,
    /// SHA-256 of the recipient's SubjectPublicKeyInfo.
    pub recipient: [u8; 32],
    /// The subject of his certificate.
    pub subject: String,
    /// When it was shared with him for the first time.
    pub at: Timestamp,
}

/// A version of a key that came to this token in a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The key's name here.
    pub name: KeyName,
    /// The distributor's number of the version.
    pub version: u32,
    /// The version's identifier.
    pub key: KeyId,
    /// The subject of the distributor's certificate.
    pub distributor: String,
    /// When it was received.
    pub at: Timestamp,
}

#[derive(Sequence)]
struct GivenDer {
    format: u8,
    name: String,
    version: u32,
    key: OctetString,
    recipient: OctetString,
    subject: String,
    at: GeneralizedTime,
}

#[derive(Sequence)]
struct TakenDer {
    format: u8,
    name: String,
    version: u32,
    key: OctetString,
    distributor: String,
    at: GeneralizedTime,
}

impl Share {
    /// Who gets this, for the distributor's ledger.
    pub fn given(&self) -> Vec<Given> {
        let given = |wrapped: &super::Wrapped| Given {
            name: self.name.clone(),
            version: self.version,
            key: self.key,
            recipient: wrapped.recipient,
            subject: wrapped.subject.clone(),
            at: self.made,
        };
        self.recipients.iter().map(given).collect()
    }
}

impl Taken {
    /// Refuses a share as the next version of the key that this is the newest received version of.
    ///
    /// # Errors
    /// [`Kind::Refused`] for another distributor and for a version that is not newer.
    pub fn require_next(&self, share: &Share, distributor: &str) -> Result<()> {
        if self.distributor != distributor {
            return Err(Kind::Refused
                .because(format!(
                    "key {} came from {}, and this share from {distributor}",
                    self.name, self.distributor
                ))
                .advise("take it under another name: --name"));
        }
        if share.version <= self.version {
            return Err(Kind::Refused
                .because(format!(
                    "the share has version {}, and version {} of key {} is here already",
                    share.version, self.version, self.name
                ))
                .advise("ask the distributor for a share of the newest version"));
        }
        Ok(())
    }

    /// The name of the entry for a version.
    pub fn entry_name(key: KeyId) -> KeyName {
        key.to_string().parse().expect("32 hexadecimal digits are a name")
    }
}

impl Entry for Given {
    fn name(&self) -> KeyName {
        let recipient: String =
            self.recipient[..15].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{recipient}", self.key).parse().expect("63 digits and a hyphen are a name")
    }

    fn to_der(&self) -> Result<Vec<u8>> {
        GivenDer {
            format: FORMAT,
            name: self.name.to_string(),
            version: self.version,
            key: SORT.octets(self.key.as_bytes())?,
            recipient: SORT.octets(&self.recipient)?,
            subject: self.subject.clone(),
            at: GeneralizedTime::from_date_time(self.at.date_time()),
        }
        .to_der()
        .map_err(|error| SORT.unencodable(error))
    }

    fn from_der(bytes: &[u8]) -> Result<Self> {
        let entry = GivenDer::from_der(bytes).map_err(|error| SORT.malformed(error))?;
        SORT.require_format(entry.format, FORMAT)?;
        let recipient = entry.recipient.as_bytes().try_into();
        Ok(Self {
            name: entry.name.parse()?,
            version: entry.version,
            key: KeyId::try_from(entry.key.as_bytes())?,
            recipient: recipient.map_err(|_| Kind::Malformed.because("a hash of wrong length"))?,
            subject: entry.subject,
            at: entry.at.to_date_time().into(),
        })
    }
}

impl Entry for Taken {
    fn name(&self) -> KeyName {
        Self::entry_name(self.key)
    }

    fn to_der(&self) -> Result<Vec<u8>> {
        TakenDer {
            format: FORMAT,
            name: self.name.to_string(),
            version: self.version,
            key: SORT.octets(self.key.as_bytes())?,
            distributor: self.distributor.clone(),
            at: GeneralizedTime::from_date_time(self.at.date_time()),
        }
        .to_der()
        .map_err(|error| SORT.unencodable(error))
    }

    fn from_der(bytes: &[u8]) -> Result<Self> {
        let entry = TakenDer::from_der(bytes).map_err(|error| SORT.malformed(error))?;
        SORT.require_format(entry.format, FORMAT)?;
        Ok(Self {
            name: entry.name.parse()?,
            version: entry.version,
            key: KeyId::try_from(entry.key.as_bytes())?,
            distributor: entry.distributor,
            at: entry.at.to_date_time().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::share;
    use super::*;

    fn taken() -> Taken {
        let (name, key) = ("backup".parse().expect("a name"), KeyId::new([7; 16]));
        let at = Timestamp::from_unix(1_800_000_000);
        Taken { name, version: 2, key, distributor: "CN=admin".to_owned(), at }
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
        read_back(&taken());
        share().given().iter().for_each(read_back);
    }

    #[test]
    fn every_recipient_of_every_version_has_an_entry_of_his_own() {
        let other = Share { key: KeyId::new([8; 16]), ..share() };
        let names: std::collections::HashSet<_> =
            share().given().iter().chain(&other.given()).map(Entry::name).collect();
        assert_eq!(names.len(), 4);
    }

    #[test]
    fn only_a_newer_version_of_the_same_distributor_follows() {
        taken().require_next(&share(), "CN=admin").expect("version 3 follows");
        for (share, distributor) in
            [(share(), "CN=mallory"), (Share { version: 2, ..share() }, "CN=admin")]
        {
            let error = taken().require_next(&share, distributor).expect_err("refused");
            assert_eq!(error.kind(), Kind::Refused);
        }
    }
}
