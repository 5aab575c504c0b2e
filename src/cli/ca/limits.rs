//! What the certificate of an authority forbids it, on the command line.

use clap::Args;

use crate::domain::pki::Subtree;
use crate::domain::pki::issue::AuthorityLimits;

/// What an authority may not exceed.
#[derive(Args, Debug)]
pub(in crate::cli) struct LimitArguments {
    /// How many authorities may follow below it
    #[arg(long, value_name = "N")]
    path_len: Option<u8>,
    /// Names that it may certify, only these of their kind: dns:example.com, ip:192.0.2.0/24,
    /// email:example.com, uri:.example.com, dn:O=Example
    #[arg(long, value_name = "NAMES")]
    permit: Vec<Subtree>,
    /// Names that it may not certify
    #[arg(long, value_name = "NAMES")]
    exclude: Vec<Subtree>,
}

impl From<LimitArguments> for AuthorityLimits {
    fn from(arguments: LimitArguments) -> Self {
        Self {
            path_length: arguments.path_len,
            permitted: arguments.permit,
            excluded: arguments.exclude,
        }
    }
}
