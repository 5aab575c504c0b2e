//! `keyway ca`: a certificate authority whose key lies in the token.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::arguments::Options;
use super::confirm::confirm;
use super::file::{self, Readers};
use super::open::{with_kms, with_kms_in_turn};
use super::print::say;
use crate::clock::SystemClock;
use crate::domain::key::{Algorithm, KeyName};
use crate::domain::lifecycle::Reason;
use crate::domain::pki::issue::{AuthorityLimits, Points, Profile, Request};
use crate::domain::pki::{
    AlternativeName, Certificate, Crl, Label, Purpose, Serial, Subject, Subtree, Trust, to_pem,
    validate,
};
use crate::domain::time::Timestamp;
use crate::error::{Kind, Result};
use crate::port::Clock;
use crate::service::{AuthorityListing, CertificateOrder, ListKind, NewAuthority, Responder};

const DAY: u64 = 86_400;

#[derive(Debug, Subcommand)]
pub(super) enum CaCommand {
    /// Make an authority: its key in the token, its certificate
    #[command(after_help = INIT_EXAMPLES)]
    Init(InitArguments),
    /// Issue a certificate for a request
    #[command(after_help = ISSUE_EXAMPLES)]
    Issue(IssueArguments),
    /// List the authorities of the token, or the certificates that one issued
    List {
        /// The authority
        #[arg(long, value_name = "NAME")]
        ca: Option<KeyName>,
    },
    /// Show an authority, and write its certificate with those above it
    Show {
        /// The authority
        name: KeyName,
        /// Write the certificates here, as PEM
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Revoke a certificate
    Revoke(RevokeArguments),
    /// Make a revocation list
    Crl(CrlArguments),
    /// Answer an OCSP request (RFC 6960)
    #[command(after_help = OCSP_EXAMPLES)]
    Ocsp(OcspArguments),
    /// Check a certificate as its users do (RFC 5280): path, names, uses, revocation
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArguments),
}

const INIT_EXAMPLES: &str = "Examples:
  keyway ca init root --subject 'CN=Example Root,O=Example' --path-len 1
  keyway ca init web --parent root --path-len 0 --permit dns:example.com --days 1825";

const ISSUE_EXAMPLES: &str = "Examples:
  keyway ca issue --ca web --csr www.csr --profile tls-server --san dns:www.example.com --out www.pem
  keyway ca issue --ca web --csr responder.csr --profile ocsp --days 30 --out responder.pem

The signature of the request is checked: whoever sent it has the private key. The names that a
request asks for are certified only if --san or --san-from-request says so.";

const OCSP_EXAMPLES: &str = "Examples:
  openssl ocsp -issuer web.pem -cert www.pem -reqout www.req
  keyway ca ocsp --ca web --request www.req --out www.resp
  openssl ocsp -respin www.resp -issuer web.pem -cert www.pem -CAfile root.pem -verify_other web.pem";

const VERIFY_EXAMPLES: &str = "Examples:
  keyway ca verify www.pem --root root.pem --purpose tls-server
  keyway ca verify www.pem --root root.pem --intermediate web.pem --crl web.crl --crl root.crl

With a revocation list, every certificate below the root needs one of its issuer.";

#[derive(Args, Debug)]
pub(super) struct InitArguments {
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
    /// How many days it lasts; ten years, or what its parent has left
    #[arg(long, value_name = "N")]
    days: Option<u32>,
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

/// What an authority may not exceed.
#[derive(Args, Debug)]
pub(super) struct LimitArguments {
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

#[derive(Args, Debug)]
pub(super) struct IssueArguments {
    /// The authority
    #[arg(long, value_name = "NAME")]
    ca: KeyName,
    /// The request
    #[arg(long, value_name = "FILE")]
    csr: PathBuf,
    /// tls-server, tls-client, code-signing, ocsp, identity, recipient or ca
    #[arg(long)]
    profile: Profile,
    /// The name to certify; the one of the request if none is given
    #[arg(long, value_name = "DN")]
    subject: Option<Subject>,
    /// Alternative names: dns:www.example.com,ip:192.0.2.1,email:a@example.com,uri:https://...
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    san: Vec<AlternativeName>,
    /// Certify the alternative names that the request asks for
    #[arg(long, conflicts_with = "san")]
    san_from_request: bool,
    /// How many days it lasts; 90, or what its authority has left
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    #[command(flatten)]
    limits: LimitArguments,
    /// Write those above it, too
    #[arg(long)]
    chain: bool,
    /// Where to, as PEM; standard output if not named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[group(id = "which", required = true, multiple = false)]
pub(super) struct Which {
    /// Its serial number, as ca list and OpenSSL print it
    #[arg(long)]
    serial: Option<Serial>,
    /// The certificate
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct RevokeArguments {
    #[command(flatten)]
    which: Which,
    /// compromise, superseded, cessation, affiliation or unspecified
    #[arg(long)]
    reason: Reason,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Args, Debug)]
pub(super) struct CrlArguments {
    /// The authority
    #[arg(long, value_name = "NAME")]
    ca: KeyName,
    /// Only what was revoked since the last full list
    #[arg(long)]
    delta: bool,
    /// In how many days the next one is due at the latest
    #[arg(long, value_name = "N", default_value_t = 7)]
    days: u32,
    /// Write DER instead of PEM
    #[arg(long)]
    der: bool,
    /// Where to; standard output if not named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct OcspArguments {
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
    /// How many days the answer may be used
    #[arg(long, value_name = "N", default_value_t = 1)]
    days: u32,
    /// Where to, in DER; standard output if not named
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct VerifyArguments {
    /// The certificate; further ones in the file count as intermediate
    certificate: PathBuf,
    /// Roots that are trusted
    #[arg(long, value_name = "FILE", required = true)]
    root: Vec<PathBuf>,
    /// Certificates between it and a root
    #[arg(long, value_name = "FILE")]
    intermediate: Vec<PathBuf>,
    /// Revocation lists, full and delta
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// At this moment instead of now: 2026-11-22 or 2026-11-22T08:00:00Z
    #[arg(long, value_name = "MOMENT")]
    at: Option<Timestamp>,
    /// any, tls-server, tls-client, code-signing, ocsp, ca, identity or recipient
    #[arg(long, default_value = "any")]
    purpose: Purpose,
}

pub(super) fn run(options: &Options, command: CaCommand) -> Result<()> {
    match command {
        CaCommand::Init(arguments) => init(options, arguments),
        CaCommand::Issue(arguments) => issue(options, arguments),
        CaCommand::List { ca: None } => list_authorities(options),
        CaCommand::List { ca: Some(name) } => list_certificates(options, &name),
        CaCommand::Show { name, out } => show(options, &name, out.as_deref()),
        CaCommand::Revoke(arguments) => revoke(options, &arguments),
        CaCommand::Crl(arguments) => crl(options, &arguments),
        CaCommand::Ocsp(arguments) => ocsp(options, &arguments),
        CaCommand::Verify(arguments) => verify(&arguments),
    }
}

fn init(options: &Options, arguments: InitArguments) -> Result<()> {
    let new = NewAuthority {
        name: arguments.name,
        subject: arguments.subject,
        algorithm: arguments.key_algorithm,
        parent: arguments.parent,
        until: arguments.days.map(in_days),
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
    say(format_args!(
        "authority {}: {}, valid until {}",
        authority.name,
        certificate.subject(),
        certificate.not_after()
    ))
}

fn issue(options: &Options, arguments: IssueArguments) -> Result<()> {
    let request = file::read(Some(&arguments.csr)).and_then(|bytes| Request::read(&bytes));
    let request = request.map_err(|error| error.while_doing(arguments.csr.display()))?;
    let names = match arguments.san_from_request {
        true => request.names.clone(),
        false => arguments.san,
    };
    let order = CertificateOrder {
        authority: arguments.ca,
        request,
        profile: arguments.profile,
        subject: arguments.subject,
        names,
        until: arguments.days.map(in_days),
        limits: arguments.limits.into(),
    };
    let issued = with_kms_in_turn(options, |kms| kms.issue_certificate(&order))?;
    let count = if arguments.chain { issued.len() } else { 1 };
    file::write(arguments.out.as_deref(), pem(&issued[..count])?.as_bytes(), Readers::Anybody)
}

fn list_authorities(options: &Options) -> Result<()> {
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

fn list_certificates(options: &Options, name: &KeyName) -> Result<()> {
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

fn show(options: &Options, name: &KeyName, out: Option<&Path>) -> Result<()> {
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

fn revoke(options: &Options, arguments: &RevokeArguments) -> Result<()> {
    let serial = match (&arguments.which.serial, &arguments.which.cert) {
        (Some(serial), _) => *serial,
        (None, Some(path)) => Serial::try_from(certificate(path)?.serial())?,
        (None, None) => return Err(Kind::Usage.because("which certificate?")),
    };
    confirm(arguments.yes, &format!("Revoke certificate {serial} for good"))?;
    let revocation =
        with_kms_in_turn(options, |kms| kms.revoke_certificate(serial, arguments.reason))?;
    say(format_args!(
        "certificate {serial} revoked at {} ({}); publish it: keyway ca crl --ca {}",
        revocation.listed.at, revocation.listed.reason, revocation.authority
    ))
}

fn crl(options: &Options, arguments: &CrlArguments) -> Result<()> {
    let kind = if arguments.delta { ListKind::Delta } else { ListKind::Full };
    let next = in_days(arguments.days);
    let der = with_kms_in_turn(options, |kms| kms.make_list(&arguments.ca, kind, next))?;
    let bytes = match arguments.der {
        true => der,
        false => to_pem(Label::List, &der)?.into_bytes(),
    };
    file::write(arguments.out.as_deref(), &bytes, Readers::Anybody)
}

fn ocsp(options: &Options, arguments: &OcspArguments) -> Result<()> {
    let request = file::read(Some(&arguments.request))?;
    let responder = match (&arguments.responder, &arguments.responder_cert) {
        (Some(key), Some(path)) => {
            Some(Responder { key: key.clone(), certificate: certificate(path)? })
        }
        _ => None,
    };
    let next = in_days(arguments.days);
    let answer = with_kms(options, |kms| {
        kms.answer_ocsp(&arguments.ca, &request, responder.as_ref(), next)
    })?;
    file::write(arguments.out.as_deref(), &answer, Readers::Anybody)
}

fn verify(arguments: &VerifyArguments) -> Result<()> {
    let mut chain = read_certificates(&arguments.certificate)?;
    for path in &arguments.intermediate {
        chain.extend(read_certificates(path)?);
    }
    let mut roots = Vec::new();
    for path in &arguments.root {
        roots.extend(read_certificates(path)?);
    }
    let mut crls = Vec::new();
    for path in &arguments.crl {
        let read = file::read(Some(path)).and_then(|bytes| Crl::read_all(&bytes));
        crls.extend(read.map_err(|error| error.while_doing(path.display()))?);
    }
    let trust = Trust { roots: &roots, crls: &crls };
    let at = arguments.at.unwrap_or_else(|| SystemClock.now());
    let path = validate(&chain, &trust, at, arguments.purpose)?;
    let revocation = if crls.is_empty() { ", revocation not looked at" } else { "" };
    say(format_args!("trusted for {} at {at}{revocation}", arguments.purpose))?;
    for (depth, certificate) in path.certificates().iter().enumerate() {
        say(format_args!("{depth}  {}", certificate.subject()))?;
    }
    Ok(())
}

fn certificate(path: &Path) -> Result<Certificate> {
    Ok(read_certificates(path)?.remove(0))
}

/// The certificates of a file; there is at least one.
fn read_certificates(path: &Path) -> Result<Vec<Certificate>> {
    file::read(Some(path))
        .and_then(|bytes| Certificate::read_all(&bytes))
        .map_err(|error| error.while_doing(path.display()))
}

fn pem(certificates: &[Certificate]) -> Result<String> {
    certificates.iter().map(Certificate::to_pem).collect()
}

fn in_days(days: u32) -> Timestamp {
    Timestamp::from_unix(SystemClock.now().unix() + u64::from(days) * DAY)
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
