//! An authority that is interrupted, at any step: no number is given twice, nothing goes out that
//! the register does not know, and the same command goes on.

use std::cell::Cell;
use std::collections::BTreeSet;

use keyway::clock::SystemClock;
use keyway::domain::key::{Algorithm, KeyName, Usage};
use keyway::domain::lifecycle::{Reason, State};
use keyway::domain::pki::issue::{AuthorityLimits, Points, Profile, Request};
use keyway::domain::pki::{Certificate, Crl, Serial};
use keyway::domain::time::Timestamp;
use keyway::error::{Kind, Result};
use keyway::port::{Certificates, Clock};
use keyway::registry::{RecordStore, Records};
use keyway::service::{AuthorityListing, CertificateOrder, Kms, ListKind, NewAuthority, NewKey};
use keyway::token::{OpenToken, TokenRecords, TokenVault};

use crate::harness::inside_every_token;
use crate::harness::kms::with_kms_now as with_kms;
use crate::stopping::{Fuse, Stop, Stopping};

/// Runs a use case until the fuse blows. `None` when it did; an interrupted command gives nothing
/// out.
fn until_blown<T>(
    token: &OpenToken,
    fuse: &Fuse,
    run: impl FnOnce(Kms<'_>) -> Result<T>,
) -> Option<T> {
    let (vault, registry) = (TokenVault::new(token), Records::new(TokenRecords::new(token)));
    let vault = Stopping { inner: &vault, fuse };
    let registry = Stopping { inner: &registry, fuse };
    let outcome = run(Kms::new(&vault, &registry, &SystemClock));
    assert_eq!(outcome.is_err(), fuse.is_blown(), "{:?}", outcome.err());
    outcome.ok()
}

/// Stops a command at every step, after it took effect, which is before the next one; `test` says
/// whether it was stopped.
fn at_every_step(mut test: impl FnMut(&str, &Fuse) -> bool) {
    let ended = (0..200)
        .find(|steps| !test(&format!("step-{steps}"), &Fuse::new(*steps, Stop::After)))
        .expect("the command ends");
    assert!(ended > 1, "too few steps to mean anything");
}

fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

fn authority(name: &str) -> NewAuthority {
    NewAuthority {
        name: self::name(name),
        subject: None,
        algorithm: Algorithm::EcP256,
        parent: None,
        until: None,
        limits: AuthorityLimits::default(),
        points: Points::default(),
    }
}

fn listing(token: &OpenToken, authority: &str) -> AuthorityListing {
    with_kms(token, |kms| kms.show_authority(&name(authority))).expect("an authentic register").0
}

fn order(token: &OpenToken, authority: &str) -> CertificateOrder {
    let key = name("subject");
    let made = NewKey { name: key.clone(), algorithm: Algorithm::EcP256, usage: Some(Usage::Sign) };
    with_kms(token, |kms| kms.create_key(&made)).expect("created");
    let subject = "CN=subject".parse().expect("a name");
    let request = with_kms(token, |kms| kms.request_certificate(&key, &subject, &[]));
    CertificateOrder {
        authority: name(authority),
        request: Request::read(&request.expect("requested")).expect("read"),
        profile: Profile::Identity,
        subject: None,
        names: Vec::new(),
        until: None,
        limits: AuthorityLimits::default(),
    }
}

fn serial(certificate: &Certificate) -> Serial {
    Serial::try_from(certificate.serial()).expect("one of ours")
}

fn next_week() -> Timestamp {
    Timestamp::from_unix(SystemClock.now().unix() + 7 * 86_400)
}

#[test]
fn an_interrupted_authority_is_made_by_the_same_command() {
    let test = "interrupted::an_interrupted_authority_is_made_by_the_same_command";
    inside_every_token(test, |token| {
        at_every_step(|text, fuse| {
            let new = authority(text);
            let stopped = until_blown(token, fuse, |kms| kms.init_authority(&new)).is_none();
            // Again; when the register had it already the command says so.
            match with_kms(token, |kms| kms.init_authority(&new)) {
                Ok(_) => assert!(stopped, "made twice"),
                Err(error) => assert_eq!(error.kind(), Kind::Exists, "{error}"),
            }
            let listing = listing(token, text);
            let certificate = &listing.authority.certificate;
            let known = |issued: &&keyway::domain::pki::register::Issued| {
                issued.serial == serial(certificate)
            };
            assert_eq!(listing.issued.iter().filter(known).count(), 1);
            // One certificate lies beside the key.
            let stored = TokenVault::new(token).stored_certificates().expect("read");
            let mine: Vec<_> = stored.iter().filter(|stored| stored.label == text).collect();
            assert!(mine.len() == 1 && mine[0].der == certificate.der(), "{mine:?}");
            // One key is the authority's. What the interruption left is named, and removed.
            let strays = with_kms(token, |kms| kms.destroy_strays(&new.name));
            assert!(strays.is_ok() || strays.is_err_and(|error| error.kind() == Kind::NotFound));
            let inventory = with_kms(token, |kms| kms.show_key(&new.name)).expect("shown");
            assert!(inventory.problems.is_empty(), "{:?}", inventory.problems);
            assert_eq!(inventory.records[0].versions().len(), 1);
            assert_eq!(inventory.records[0].latest().id, listing.authority.key);
            with_kms(token, |kms| kms.make_list(&new.name, ListKind::Full, next_week()))
                .expect("it signs");
            stopped
        });
    });
}

#[test]
fn an_interrupted_issue_gives_nothing_out_and_takes_no_number_twice() {
    let test = "interrupted::an_interrupted_issue_gives_nothing_out_and_takes_no_number_twice";
    inside_every_token(test, |token| {
        with_kms(token, |kms| kms.init_authority(&authority("ca"))).expect("made");
        let order = order(token, "ca");
        let given = Cell::new(0);
        at_every_step(|_, fuse| {
            let before = listing(token, "ca").issued.len();
            let issued = until_blown(token, fuse, |kms| kms.issue_certificate(&order));
            let after = listing(token, "ca").issued;
            // An interruption may leave an entry without a certificate, never the other way round.
            assert!((before..=before + 1).contains(&after.len()));
            if let Some(chain) = &issued {
                given.set(given.get() + 1);
                assert!(after.iter().any(|one| one.serial == serial(&chain[0])));
            }
            let numbers: BTreeSet<_> = after.iter().map(|one| one.serial).collect();
            assert_eq!(numbers.len(), after.len());
            issued.is_none()
        });
        assert_eq!(given.get(), 1, "the last round ends with a certificate");
    });
}

#[test]
fn an_interrupted_revocation_of_a_certificate_is_finished_by_the_next() {
    let test = "interrupted::an_interrupted_revocation_of_a_certificate_is_finished_by_the_next";
    inside_every_token(test, |token| {
        with_kms(token, |kms| kms.init_authority(&authority("ca"))).expect("made");
        let order = order(token, "ca");
        at_every_step(|_, fuse| {
            let chain = with_kms(token, |kms| kms.issue_certificate(&order)).expect("issued");
            let serial = serial(&chain[0]);
            let revoke = |kms: Kms<'_>| kms.revoke_certificate(serial, Reason::Compromise);
            let stopped = until_blown(token, fuse, revoke).is_none();
            let again = with_kms(token, revoke);
            assert!(again.is_ok() || again.is_err_and(|error| error.kind() == Kind::Refused));
            let revoked = listing(token, "ca").revoked;
            assert_eq!(revoked.iter().filter(|one| one.listed.serial == serial).count(), 1);
            stopped
        });
        let list = with_kms(token, |kms| kms.make_list(&name("ca"), ListKind::Full, next_week()));
        Crl::from_der(&list.expect("made")).expect("a list");
    });
}

/// A number is written down before the list is signed, so that it is lost rather than given twice,
/// and a delta list completes a full one that went out.
#[test]
fn the_numbers_of_lists_rise_whatever_is_interrupted() {
    let test = "interrupted::the_numbers_of_lists_rise_whatever_is_interrupted";
    inside_every_token(test, |token| {
        with_kms(token, |kms| kms.init_authority(&authority("ca"))).expect("made");
        let make = |kms: Kms<'_>, kind| kms.make_list(&name("ca"), kind, next_week());
        let number = |der: &[u8]| Crl::from_der(der).expect("a list").number().expect("a number");
        let first = with_kms(token, |kms| make(kms, ListKind::Full)).expect("made");
        let (mut last, mut last_full) = (number(&first), number(&first));
        at_every_step(|_, fuse| {
            let stopped = until_blown(token, fuse, |kms| make(kms, ListKind::Full));
            if let Some(der) = &stopped {
                assert!(number(der) > last, "a number that was given");
                (last, last_full) = (number(der), number(der));
            }
            let delta = with_kms(token, |kms| make(kms, ListKind::Delta)).expect("made");
            assert!(number(&delta) > last, "a number that was given");
            last = number(&delta);
            let base = Crl::from_der(&delta).expect("a list").base().expect("a number");
            assert!(base <= last_full, "a delta to a list that nobody has");
            stopped.is_none()
        });
    });
}

/// The maintenance that finishes a revocation, which a suspicion of an old version began, leaves
/// the version alone that is clean.
#[test]
fn an_interrupted_revocation_by_suspicion_spares_the_clean_version() {
    let test = "interrupted::an_interrupted_revocation_by_suspicion_spares_the_clean_version";
    inside_every_token(test, |token| {
        at_every_step(|text, fuse| {
            let key = name(text);
            let made = NewKey { name: key.clone(), algorithm: Algorithm::Aes256, usage: None };
            with_kms(token, |kms| kms.create_key(&made)).expect("created");
            with_kms(token, |kms| kms.suspect_key(&key, "in a dump")).expect("suspected");
            with_kms(token, |kms| kms.rotate_key(&key)).expect("rotated");
            let maintain = |kms: Kms<'_>| {
                let done = kms.maintain()?;
                let failed = done.actions.into_iter().filter_map(|action| action.failure);
                failed
                    .chain(done.failures.into_iter().map(|(_, error)| error))
                    .next()
                    .map_or(Ok(()), Err)
            };
            let stopped = until_blown(token, fuse, maintain).is_none();
            with_kms(token, maintain).expect("maintained");
            let record =
                with_kms(token, |kms| kms.show_key(&key)).expect("shown").records.remove(0);
            let states: Vec<_> = record.versions().iter().map(|version| version.state).collect();
            assert_eq!(states, [State::Compromised, State::Active], "{record:?}");
            assert!(record.versions()[0].blocked);
            // The next round is about one key again.
            with_kms(token, |kms| kms.destroy_key(&key)).expect("destroyed");
            let records = TokenRecords::new(token);
            for record in records.read(Some(&key)).expect("read") {
                records.remove(&key, &record.value).expect("removed");
            }
            stopped
        });
    });
}
