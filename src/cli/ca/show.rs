//! `keyway ca show`: one authority, its certificate with those above it, and what it issued.

use std::path::Path;

use serde::Serialize;

use super::pem;
use super::view::{AuthorityView, IssuedView};
use crate::cli::arguments::Options;
use crate::cli::file::{self, Readers};
use crate::cli::open::with_kms;
use crate::cli::page::Page;
use crate::cli::print::{Answer, tell};
use crate::domain::key::KeyName;
use crate::error::Result;

/// An authority and what it issued.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    authority: AuthorityView,
    certificates: Vec<IssuedView>,
}

pub(super) fn run(options: &Options, name: &KeyName, out: Option<&Path>) -> Result<()> {
    let (listing, chain) = with_kms(options, |kms| kms.show_authority(name))?;
    if let Some(out) = out {
        file::write(Some(out), pem(&chain)?.as_bytes(), Readers::Anybody)?;
    }
    let authority = AuthorityView::from(&listing.authority);
    tell(options, &Shown { authority, certificates: IssuedView::all(&listing) })
}

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let authority = &self.authority;
        let parent = authority.parent.as_ref().map_or("none: a root", KeyName::as_str);
        page.field("authority", &authority.name);
        page.field("subject", &authority.subject);
        page.field("parent", parent);
        page.field("valid until", authority.valid_until);
        page.field("created", authority.created);
        page.field_if("crl", authority.crl_uri.as_ref());
        page.field_if("delta crl", authority.delta_crl_uri.as_ref());
        page.field_if("ocsp", authority.ocsp_uri.as_ref());
        page.line("");
        IssuedView::table(&self.certificates, page);
    }
}
