//! `keyway ca list` and `keyway ca show`: the register, for people.

use std::path::Path;

use super::pem;
use crate::cli::arguments::Options;
use crate::cli::file::{self, Readers};
use crate::cli::open::with_kms;
use crate::cli::print::say;
use crate::clock::SystemClock;
use crate::domain::key::KeyName;
use crate::error::Result;
use crate::port::Clock;
use crate::service::AuthorityListing;

pub(super) fn authorities(options: &Options) -> Result<()> {
    let listings = with_kms(options, |kms| kms.list_authorities())?;
    say(format_args!(
        "{:<20} {:<20} {:>6} {:>7} {:<20} SUBJECT",
        "NAME", "PARENT", "ISSUED", "REVOKED", "VALID UNTIL"
    ))?;
    for AuthorityListing { authority, issued, revoked } in &listings {
        say(format_args!(
            "{:<20} {:<20} {:>6} {:>7} {} {}",
            authority.name.as_str(),
            authority.parent.as_ref().map_or("-", |parent| parent.as_str()),
            issued.len(),
            revoked.len(),
            authority.certificate.not_after(),
            authority.certificate.subject()
        ))?;
    }
    Ok(())
}

pub(super) fn certificates_of(options: &Options, name: &KeyName) -> Result<()> {
    let (listing, _) = with_kms(options, |kms| kms.show_authority(name))?;
    certificates(&listing)
}

fn certificates(listing: &AuthorityListing) -> Result<()> {
    say(format_args!("{:<40} {:<12} {:<20} STATE, SUBJECT", "SERIAL", "PROFILE", "VALID UNTIL"))?;
    let now = SystemClock.now();
    for issued in &listing.issued {
        let revoked = listing.revoked.iter().find(|one| one.listed.serial == issued.serial);
        let state = match revoked {
            Some(one) => format!("revoked {} ({})", one.listed.at, one.listed.reason),
            None if issued.validity.1 < now => "expired".to_owned(),
            None => "valid".to_owned(),
        };
        say(format_args!(
            "{} {:<12} {} {state}, {}",
            issued.serial,
            issued.profile.name(),
            issued.validity.1,
            issued.subject
        ))?;
    }
    Ok(())
}

pub(super) fn show(options: &Options, name: &KeyName, out: Option<&Path>) -> Result<()> {
    let (listing, chain) = with_kms(options, |kms| kms.show_authority(name))?;
    if let Some(out) = out {
        file::write(Some(out), pem(&chain)?.as_bytes(), Readers::Anybody)?;
    }
    let authority = &listing.authority;
    let parent = authority.parent.as_ref().map_or("none: a root", |parent| parent.as_str());
    say(format_args!("authority     {name}"))?;
    say(format_args!("subject       {}", authority.certificate.subject()))?;
    say(format_args!("parent        {parent}"))?;
    say(format_args!("valid until   {}", authority.certificate.not_after()))?;
    say(format_args!("created       {}", authority.created))?;
    for (what, uri) in [
        ("crl", &authority.points.list),
        ("delta crl", &authority.points.delta),
        ("ocsp", &authority.points.responder),
    ] {
        if let Some(uri) = uri {
            say(format_args!("{what:<13} {uri}"))?;
        }
    }
    say("")?;
    certificates(&listing)
}
