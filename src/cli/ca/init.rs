//! `keyway ca init`: an authority, its key in the token and its certificate.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::from_now;
use super::limits::LimitArguments;
use super::view::AuthorityView;
use crate::cli::arguments::Options;
use crate::cli::file::{self, Readers};
use crate::cli::open::with_kms_in_turn;
use crate::cli::page::Page;
use crate::cli::print::{Answer, tell};
use crate::domain::key::{Algorithm, KeyName};
use crate::domain::pki::Subject;
use crate::domain::pki::issue::Points;
use crate::domain::time::Period;
use crate::error::Result;
use crate::service::NewAuthority;

pub(super) const EXAMPLES: &str = "Examples:
  keyway ca init root --subject 'CN=Example Root,O=Example' --path-len 1
  keyway ca init web --parent root --path-len 0 --permit dns:example.com --valid-for 5y";

#[derive(Args, Debug)]
pub(in crate::cli) struct InitArguments {
    /// Its name, and that of its key
    name: KeyName,
    /// Its distinguished name; CN= and its name if none is given
    #[arg(long, value_name = "DN")]
    subject: Option<Subject>,
    /// rsa-2048, rsa-3072, rsa-4096, ec-p256, ec-p384 or ed25519
    #[arg(long, value_name = "ALGORITHM", default_value = "ec-p384")]
    key_algorithm: Algorithm,
    /// The authority of this token that certifies it; a root if none is named
    #[arg(long, value_name = "NAME")]
    parent: Option<KeyName>,
    /// How long it lasts: 5y, 90d, 12h; ten years, or what its parent has left, if not named
    #[arg(long, value_name = "PERIOD")]
    valid_for: Option<Period>,
    #[command(flatten)]
    limits: LimitArguments,
    /// Where its certificates say its revocation list is
    #[arg(long, value_name = "URI")]
    crl_uri: Option<String>,
    /// Where its full revocation lists say its delta lists are
    #[arg(long, value_name = "URI")]
    delta_crl_uri: Option<String>,
    /// Where its certificates say its OCSP responder is
    #[arg(long, value_name = "URI")]
    ocsp_uri: Option<String>,
    /// Where to write its certificate, as PEM
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(options: &Options, arguments: InitArguments) -> Result<()> {
    let new = NewAuthority {
        name: arguments.name,
        subject: arguments.subject,
        algorithm: arguments.key_algorithm,
        parent: arguments.parent,
        until: arguments.valid_for.map(from_now),
        limits: arguments.limits.into(),
        points: Points {
            list: arguments.crl_uri,
            delta: arguments.delta_crl_uri,
            responder: arguments.ocsp_uri,
        },
    };
    let authority = with_kms_in_turn(options, |kms| kms.init_authority(&new))?;
    let certificate = &authority.certificate;
    if let Some(out) = &arguments.out {
        file::write(Some(out), certificate.to_pem()?.as_bytes(), Readers::Anybody)?;
    }
    tell(options, &Made(AuthorityView::from(&authority)))
}

/// An authority that is new.
#[derive(Debug, Serialize)]
struct Made(AuthorityView);

impl Answer for Made {
    fn text(&self, page: &mut Page) {
        let AuthorityView { name, subject, valid_until, .. } = &self.0;
        page.line(format_args!("authority {name}: {subject}, valid until {valid_until}"));
    }
}
