//! Whom a command believes: roots, revocation lists, a name.

use std::path::{Path, PathBuf};

use clap::Args;

use super::file;
use crate::domain::pki::{Certificate, Crl, Trust};
use crate::error::Result;
use crate::service::{Expected, Kms};

/// Whom we believe.
#[derive(Args, Debug)]
pub(super) struct RootArguments {
    /// File with root certificates that are believed; may be given several times. Without it: the
    /// roots of the token's own authorities, and authorities that it holds with CKA_TRUSTED
    #[arg(long, value_name = "FILE")]
    trust: Vec<PathBuf>,
    /// File with revocation lists; then every certificate needs one of its issuer
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
}

/// Whom we believe, and whom we expect.
#[derive(Args, Debug)]
pub(super) struct TrustArguments {
    #[command(flatten)]
    roots: RootArguments,
    /// Who the peer has to be: the subject, common name or an alternative name of his certificate
    #[arg(long, value_name = "NAME")]
    peer: Option<String>,
}

/// What was read.
#[derive(Debug)]
pub(super) struct TrustFiles<'a> {
    roots: Vec<Certificate>,
    crls: Vec<Crl>,
    peer: Option<&'a str>,
}

impl RootArguments {
    pub(super) fn read(&self) -> Result<TrustFiles<'_>> {
        let (mut roots, mut crls) = (Vec::new(), Vec::new());
        for path in &self.trust {
            roots.extend(certificates(path)?);
        }
        for path in &self.crl {
            crls.extend(lists(path)?);
        }
        Ok(TrustFiles { roots, crls, peer: None })
    }
}

impl TrustArguments {
    pub(super) fn read(&self) -> Result<TrustFiles<'_>> {
        Ok(TrustFiles { peer: self.peer.as_deref(), ..self.roots.read()? })
    }
}

impl TrustFiles<'_> {
    /// Those that were named, if any were.
    pub(super) fn named(&self) -> Option<Expected<'_>> {
        let trust = Trust { roots: &self.roots, crls: &self.crls };
        (!self.roots.is_empty()).then_some(Expected { trust, name: self.peer })
    }

    /// Whom we believe: those that were named, else those that the token believes.
    pub(super) fn expected(&mut self, kms: &Kms<'_>) -> Result<Expected<'_>> {
        if self.roots.is_empty() {
            self.roots = kms.believed_roots()?;
        }
        let trust = Trust { roots: &self.roots, crls: &self.crls };
        Ok(Expected { trust, name: self.peer })
    }
}

/// The revocation lists of a file.
pub(super) fn lists(path: &Path) -> Result<Vec<Crl>> {
    let bytes = file::read(Some(path))?;
    Crl::read_all(&bytes).map_err(|error| error.while_doing(path.display()))
}

/// The certificates of a file; there is at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<Certificate>> {
    let bytes = file::read(Some(path))?;
    Certificate::read_all(&bytes).map_err(|error| error.while_doing(path.display()))
}
