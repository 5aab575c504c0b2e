//! `keyway ca ocsp`: the answer to an OCSP request.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{certificate, from_now};
use crate::cli::arguments::Options;
use crate::cli::file::{self, Readers};
use crate::cli::open::with_kms;
use crate::cli::print::tell_saved;
use crate::domain::key::KeyName;
use crate::domain::time::Period;
use crate::error::Result;
use crate::service::Responder;

pub(super) const EXAMPLES: &str = "Examples:
  openssl ocsp -issuer web.pem -cert www.pem -reqout www.req
  keyway ca ocsp --ca web --request www.req --out www.resp
  openssl ocsp -respin www.resp -issuer web.pem -cert www.pem -CAfile root.pem -verify_other web.pem";

#[derive(Args, Debug)]
pub(in crate::cli) struct OcspArguments {
    /// The authority
    #[arg(long, value_name = "NAME")]
    ca: KeyName,
    /// The request, in DER
    #[arg(long, value_name = "FILE")]
    request: PathBuf,
    /// A key that answers for the authority; the authority's own if none is named
    #[arg(long, value_name = "KEY", requires = "responder_cert")]
    responder: Option<KeyName>,
    /// That key's certificate, of the profile ocsp
    #[arg(long, value_name = "FILE", requires = "responder")]
    responder_cert: Option<PathBuf>,
    /// How long the answer may be used: 1d, 12h
    #[arg(long, value_name = "PERIOD", default_value = "1d")]
    valid_for: Period,
    /// Where to, in DER; standard output if not named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(options: &Options, arguments: &OcspArguments) -> Result<()> {
    let request = file::read(Some(&arguments.request))?;
    let responder = match (&arguments.responder, &arguments.responder_cert) {
        (Some(key), Some(path)) => {
            Some(Responder { key: key.clone(), certificate: certificate(path)? })
        }
        _ => None,
    };
    let next = from_now(arguments.valid_for);
    let answer = with_kms(options, |kms| {
        kms.answer_ocsp(&arguments.ca, &request, responder.as_ref(), next)
    })?;
    file::write(arguments.out.as_deref(), &answer, Readers::Anybody)?;
    let what = json!({ "authority": arguments.ca.as_str(), "next_update": next.to_string() });
    tell_saved(options, arguments.out.as_deref(), &what)
}
