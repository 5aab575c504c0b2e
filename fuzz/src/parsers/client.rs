//! Readers of the client: names of tokens and keys, key records, and files that somebody sent.

use keyway::Result;
use keyway::domain::entry::Entry;
use keyway::domain::envelope::{self, SealedTo};
use keyway::domain::exchange::{self, Handshake, Identity, PublicValue};
use keyway::domain::key::{Algorithm, KeyAddress, KeyId, KeyName, Usage};
use keyway::domain::pki::issue::Request;
use keyway::domain::pki::ocsp::Query;
use keyway::domain::pki::register::{Authority, Issued, List, Revocation};
use keyway::domain::pki::{Certificate, Crl, Purpose, Trust, validate};
use keyway::domain::record::Body;
use keyway::domain::report::Report;
use keyway::domain::share::{Given, SignedShare, Taken};
use keyway::domain::signature::{ecdsa_from_der, ecdsa_to_der};
use keyway::domain::time::{Period, Timestamp};
use keyway::domain::uri::{TokenName, Uri};
use keyway::foreign::{key_file, pkcs12};
use zeroize::Zeroizing;

use super::{chosen, text};

/// Names: URIs (RFC 7512), keys, periods, moments.
pub fn uris(bytes: &[u8]) {
    let Some((reader, rest)) = chosen(bytes, 8) else { return };
    let Some(text) = text(rest) else { return };
    match reader {
        0..=2 => {
            let _ = text.parse::<Uri>();
        }
        3 => {
            let _ = TokenName::of(text);
        }
        4 => again(text.parse::<KeyName>().ok().map(|name| name.to_string())),
        5 => {
            let _ = (text.parse::<Algorithm>(), text.parse::<Usage>(), text.parse::<KeyId>());
        }
        6 => {
            if let Ok(period) = text.parse::<Period>() {
                let _ = period.after(Timestamp::from_unix(1 << 30));
            }
        }
        _ => {
            let _ = text.parse::<Timestamp>().map(Timestamp::date_time);
        }
    }
}

/// A name is read as what it is written.
fn again(name: Option<String>) {
    if let Some(name) = name {
        assert!(name.parse::<KeyName>().is_ok_and(|again| again.as_str() == name), "{name}");
    }
}

/// What was read is written and read again as the same bytes.
fn same<T>(bytes: &[u8], read: impl Fn(&[u8]) -> Result<T>, write: impl Fn(&T) -> Result<Vec<u8>>) {
    let Ok(value) = read(bytes) else { return };
    let written = write(&value).expect("what was read can be written");
    let value = read(&written).expect("what was written can be read");
    let twice = write(&value).expect("what was read can be written");
    assert!(written == twice, "written twice, and not the same");
}

/// Records of keys and the other books of a token.
pub fn key_records(bytes: &[u8]) {
    let Some((reader, rest)) = chosen(bytes, 10) else { return };
    match reader {
        0..=2 => same(rest, Body::from_der, Body::to_der),
        3 => same(rest, Authority::from_der, Authority::to_der),
        4 => same(rest, Issued::from_der, Issued::to_der),
        5 => same(rest, Revocation::from_der, Revocation::to_der),
        6 => same(rest, List::from_der, List::to_der),
        7 => same(rest, Given::from_der, Given::to_der),
        8 => same(rest, Taken::from_der, Taken::to_der),
        _ => same(rest, KeyAddress::from_der, KeyAddress::to_der),
    }
}

/// Files and messages from others.
pub fn received(bytes: &[u8]) {
    let Some((reader, rest)) = chosen(bytes, 16) else { return };
    match reader {
        0 => share(rest),
        1 => {
            if let Ok(message) = envelope::Message::parse(rest) {
                let written = message.header.to_bytes();
                assert!(written.is_ok(), "a header that was read is written");
            }
        }
        2 => {
            let _ = envelope::unarmor(rest);
        }
        3 => {
            let _ = SealedTo::read(rest);
        }
        4 => same(rest, exchange::Message::from_der, exchange::Message::to_der),
        5 => {
            let (offer, reply) = rest.split_at(rest.len() / 2);
            let _ = Handshake::replied(offer, reply);
            let _ = Identity::from_der(rest);
        }
        6 => {
            let _ = PublicValue::from_pem(rest);
        }
        7 => certificates(rest),
        8 => {
            if let Ok(crls) = Crl::read_all(rest) {
                for crl in crls {
                    let _ = (crl.number(), crl.base(), crl.next_update());
                }
            }
        }
        9 => {
            let _ = Request::read(rest);
        }
        10 => {
            let _ = Query::read(rest);
        }
        11 => {
            let _ = Report::open(rest);
        }
        12 | 13 => {
            let _ = key_file::read(rest, || Ok(Zeroizing::new("fuzz".to_owned())));
        }
        14 => {
            if let Ok(raw) = ecdsa_from_der(rest, 32) {
                let written = ecdsa_to_der(&raw).expect("what was read can be written");
                assert!(ecdsa_from_der(&written, 32).is_ok_and(|again| again == raw));
            }
        }
        _ => {
            if !asks_for_much(rest) {
                let _ = pkcs12::read(rest, "fuzz", Some("label"));
            }
        }
    }
}

fn share(bytes: &[u8]) {
    same(bytes, SignedShare::from_der, SignedShare::to_der);
    if let Ok(signed) = SignedShare::from_der(bytes) {
        let _ = (signed.chain(), signed.share());
    }
}

fn certificates(bytes: &[u8]) {
    let Ok(certificates) = Certificate::read_all(bytes) else { return };
    for certificate in &certificates {
        let _ = (certificate.common_name(), certificate.not_after(), certificate.to_pem());
        let _ = (certificate.alternative_names(), certificate.key_usage());
        let _ = (certificate.extended_key_usage(), certificate.key_identifier());
    }
    let trust = Trust { roots: &certificates, crls: &[] };
    let _ =
        validate(&certificates, &trust, Timestamp::from_unix(1_800_000_000), Purpose::TlsServer);
}

/// Whether a number of three bytes or more stands in it, which might be a count of rounds: that
/// takes long because the file says so.
fn asks_for_much(der: &[u8]) -> bool {
    der.windows(2).any(|pair| pair[0] == 2 && (3..=8).contains(&pair[1]))
}
