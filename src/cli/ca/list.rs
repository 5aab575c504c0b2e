//! `keyway ca list`: the authorities of the token, and what one of them issued.

use serde::Serialize;

use super::view::{AuthorityView, IssuedView};
use crate::cli::arguments::Options;
use crate::cli::open::with_kms;
use crate::cli::page::{Cell, Page, Table};
use crate::cli::print::{Answer, tell};
use crate::domain::key::KeyName;
use crate::error::Result;
use crate::service::AuthorityListing;

/// The authorities of a token.
#[derive(Debug, Serialize)]
struct Authorities {
    authorities: Vec<Listed>,
}

/// An authority, and how much it did.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    authority: AuthorityView,
    issued: usize,
    revoked: usize,
}

/// What an authority issued.
#[derive(Debug, Serialize)]
struct Certificates {
    authority: String,
    certificates: Vec<IssuedView>,
}

pub(super) fn authorities(options: &Options) -> Result<()> {
    let listings = with_kms(options, |kms| kms.list_authorities())?;
    let listed = |listing: &AuthorityListing| Listed {
        authority: AuthorityView::from(&listing.authority),
        issued: listing.issued.len(),
        revoked: listing.revoked.len(),
    };
    tell(options, &Authorities { authorities: listings.iter().map(listed).collect() })
}

pub(super) fn certificates(options: &Options, name: &KeyName) -> Result<()> {
    let (listing, _) = with_kms(options, |kms| kms.show_authority(name))?;
    let certificates = IssuedView::all(&listing);
    tell(options, &Certificates { authority: name.to_string(), certificates })
}

impl Answer for Authorities {
    fn text(&self, page: &mut Page) {
        let header = ["NAME", "PARENT", "ISSUED", "REVOKED", "VALID UNTIL", "SUBJECT"];
        let mut table = Table::new(&header);
        for Listed { authority, issued, revoked } in &self.authorities {
            table.row([
                Cell::new(&authority.name),
                Cell::or_dash(authority.parent.as_ref()),
                Cell::new(issued),
                Cell::new(revoked),
                Cell::new(authority.valid_until),
                Cell::new(&authority.subject),
            ]);
        }
        page.table(&table);
    }
}

impl Answer for Certificates {
    fn text(&self, page: &mut Page) {
        IssuedView::table(&self.certificates, page);
    }
}
