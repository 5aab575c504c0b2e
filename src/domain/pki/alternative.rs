//! Names as people write them: subjects, alternative names, name constraints.

use std::fmt;
use std::str::FromStr;

use core::net::IpAddr;
use der::asn1::{Ia5String, OctetString};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;

use crate::error::{Error, Kind, Result};

/// `dns:www.example.com`, `ip:192.0.2.1`, `email:a@example.com` or `uri:https://example.com/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlternativeName(pub GeneralName);

/// A subtree of names: as [`AlternativeName`], but `ip:192.0.2.0/24`, and `dn:O=Example` as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtree(pub GeneralName);

/// A distinguished name as RFC 4514 writes it: `CN=www,O=Example,C=SE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject(pub Name);

impl FromStr for Subject {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Kind::Usage
                .because(format!("{text:?} is no distinguished name"))
                .advise("write it like CN=www.example.com,O=Example,C=SE")
        };
        let name: Name = text.parse().map_err(|error| wrong().caused_by(error))?;
        match text.is_empty() || name.is_empty() {
            true => Err(wrong()),
            false => Ok(Self(name)),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AlternativeName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Kind::Usage.because(format!("{text:?} is no alternative name: {why}")).advise(
                "write it like dns:www.example.com, ip:192.0.2.1, email:a@example.com or \
                 uri:https://example.com/",
            )
        };
        let (kind, value) = text.split_once(':').ok_or_else(|| wrong("what kind of name?"))?;
        let ascii = || Ia5String::new(value).map_err(|_| wrong("it is not ASCII"));
        match kind {
            _ if value.is_empty() => Err(wrong("it is empty")),
            "dns" if !is_domain(value.strip_prefix("*.").unwrap_or(value)) => {
                Err(wrong("no domain name"))
            }
            "dns" => Ok(Self(GeneralName::DnsName(ascii()?))),
            "email" if !value.contains('@') => Err(wrong("no mailbox")),
            "email" => Ok(Self(GeneralName::Rfc822Name(ascii()?))),
            "uri" if !value.contains(':') => Err(wrong("no scheme")),
            "uri" => Ok(Self(GeneralName::UniformResourceIdentifier(ascii()?))),
            "ip" => {
                let address: IpAddr = value.parse().map_err(|_| wrong("no address"))?;
                Ok(Self(address.into()))
            }
            _ => Err(wrong("of an unknown kind")),
        }
    }
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            GeneralName::DnsName(text) => write!(f, "dns:{text}"),
            GeneralName::Rfc822Name(text) => write!(f, "email:{text}"),
            GeneralName::UniformResourceIdentifier(text) => write!(f, "uri:{text}"),
            GeneralName::IpAddress(bytes) => {
                write!(f, "ip:{}", super::show_address(bytes.as_bytes()))
            }
            GeneralName::DirectoryName(name) => write!(f, "dn:{name}"),
            _ => f.write_str("a name of another form"),
        }
    }
}

impl FromStr for Subtree {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Kind::Usage.because(format!("{text:?} is no subtree of names: {why}")).advise(
                "write it like dns:example.com, ip:192.0.2.0/24, email:example.com, \
                 uri:.example.com or dn:O=Example",
            )
        };
        let (kind, value) = text.split_once(':').ok_or_else(|| wrong("what kind of name?"))?;
        let ascii = || Ia5String::new(value).map_err(|_| wrong("it is not ASCII"));
        match kind {
            "dns" => Ok(Self(GeneralName::DnsName(ascii()?))),
            "email" => Ok(Self(GeneralName::Rfc822Name(ascii()?))),
            "uri" => Ok(Self(GeneralName::UniformResourceIdentifier(ascii()?))),
            "dn" => Ok(Self(GeneralName::DirectoryName(value.parse::<Subject>()?.0))),
            "ip" => {
                let bytes = network(value).ok_or_else(|| wrong("no address/prefix length"))?;
                let bytes = OctetString::new(bytes).map_err(|_| wrong("too long"))?;
                Ok(Self(GeneralName::IpAddress(bytes)))
            }
            _ => Err(wrong("of an unknown kind")),
        }
    }
}

/// Letters, digits, hyphens and underscores between dots (RFC 1034, 3.5).
fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// Address and mask of `address/prefix length`.
fn network(text: &str) -> Option<Vec<u8>> {
    let (address, length) = text.split_once('/')?;
    let address = match address.parse().ok()? {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let length: usize = length.parse().ok().filter(|length| *length <= 8 * address.len())?;
    let ones = |at: usize| length.saturating_sub(8 * at).min(8);
    let mask: Vec<u8> = (0..address.len())
        .map(|at| u8::MAX.checked_shl(8 - ones(at) as u32).unwrap_or(0))
        .collect();
    let network = address.iter().zip(&mask).map(|(a, m)| a & m);
    Some(network.chain(mask.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternative_names_are_read_and_shown_alike() {
        for text in [
            "dns:www.example.com",
            "dns:*.example.com",
            "ip:192.0.2.1",
            "ip:2001:db8::1",
            "email:a@example.com",
            "uri:https://example.com/",
        ] {
            assert_eq!(text.parse::<AlternativeName>().expect(text).to_string(), text);
        }
        for wrong in
            ["www", "dns:", "dns:a b", "dns:-a", "ip:x", "email:a", "uri:x", "x:y", "dns:ä.de"]
        {
            let error = wrong.parse::<AlternativeName>().expect_err(wrong);
            assert_eq!(error.kind(), Kind::Usage, "{wrong}");
        }
    }

    #[test]
    fn a_network_is_an_address_and_a_mask() {
        assert_eq!(network("10.1.2.3/8").expect("read"), [10, 0, 0, 0, 255, 0, 0, 0]);
        assert_eq!(network("10.1.2.3/12").expect("read"), [10, 0, 0, 0, 255, 240, 0, 0]);
        assert_eq!(network("10.1.2.3/32").expect("read"), [10, 1, 2, 3, 255, 255, 255, 255]);
        assert_eq!(network("0.0.0.0/0").expect("read"), [0; 8]);
        assert_eq!(network("2001:db8::/32").expect("read").len(), 32);
        for wrong in ["10.0.0.0", "10.0.0.0/33", "x/8", "10.0.0.0/-1"] {
            assert_eq!(network(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_subject_is_read_and_shown_alike() {
        let text = "CN=www.example.com,O=Example,C=SE";
        assert_eq!(text.parse::<Subject>().expect("read").to_string(), text);
        for wrong in ["", "www", "XX=1", "CN"] {
            assert_eq!(wrong.parse::<Subject>().expect_err(wrong).kind(), Kind::Usage);
        }
    }
}
