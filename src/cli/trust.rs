//! Whom a command believes: roots, revocation lists, a name.

use std::path::{Path, PathBuf};

use clap::Args;

use super::file;
use crate::domain::pki::{Certificate, Crl, Trust};
use crate::error::Result;
use crate::service::Expected;

/// Whom we believe.
#[derive(Args, Debug)]
pub(super) struct RootArguments {
    /// File with root certificates that are believed; may be given several times
    #[arg(long, value_name = "FILE", required = true)]
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
            let bytes = file::read(Some(path))?;
            crls.extend(Crl::read_all(&bytes).map_err(|error| error.while_doing(path.display()))?);
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
    pub(super) fn expected(&self) -> Expected<'_> {
        let trust = Trust { roots: &self.roots, crls: &self.crls };
        Expected { trust, name: self.peer }
    }
}

/// The certificates of a file.
pub(super) fn certificates(path: &Path) -> Result<Vec<Certificate>> {
    let bytes = file::read(Some(path))?;
    Certificate::read_all(&bytes).map_err(|error| error.while_doing(path.display()))
}
