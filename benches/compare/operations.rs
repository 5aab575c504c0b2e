//! The table of operations: one row each, with the ratios.

use std::path::Path;

use pkcs11_sys as ck;

use crate::bare::Bare;
use crate::chart;
use crate::contender::{Contender, ED25519, P256, P384, mechanism};
use crate::timing::{means, medians};

/// A contender's work, if it can do it.
type Work<'a> = Option<Box<dyn FnMut() + 'a>>;

/// CPU seconds of one operation by each contender that can do it, ours first and AWS-LC last.
pub struct Row {
    pub what: String,
    pub seconds: Vec<Option<f64>>,
}

/// Who is compared: the modules, and the library below ours.
struct Field<'a> {
    modules: &'a [Contender],
    bare: &'a Bare,
}

/// Prints the table and draws it.
pub fn table(modules: &[Contender], drawing: Option<&Path>) {
    let names = modules.iter().map(|module| module.name).chain(["AWS-LC"]).collect::<Vec<_>>();
    let ratios = names[1..].iter().map(|name| format!("of {name}'s speed"));
    let ratios = ratios.collect::<Vec<_>>().join(" | ");
    println!("| CPU µs of one | {} | {ratios} |", names.join(" | "));
    println!("{}", "|---".repeat(2 * names.len()) + "|");
    let field = Field { modules, bare: &Bare::new() };
    let mut rows = Vec::new();
    for family in [signatures, secrets, small, generation] {
        family(&field, &mut rows);
    }
    if let Some(path) = drawing {
        std::fs::write(path, chart::draw(&names, &rows)).expect("the chart is written");
    }
}

fn signatures(field: &Field<'_>, rows: &mut Vec<Row>) {
    let digest = [5u8; 32];
    let bare = field.bare;
    for (what, curve, key) in
        [("ECDSA P-256 sign", P256, bare.p256), ("ECDSA P-384 sign", P384, bare.p384)]
    {
        let modules = |module: &'_ Contender| {
            let pair = module.curve(ck::CKM_EC_KEY_PAIR_GEN, curve, b"ec");
            let module = module.clone();
            boxed(move || module.sign(mechanism(ck::CKM_ECDSA), pair, &digest))
        };
        rows.push(field.row(what, modules, boxed(|| bare.ecdsa(key, &digest))));
    }

    let edwards = |module: &Contender| {
        let module = module.clone();
        let id = ck::CKM_EC_EDWARDS_KEY_PAIR_GEN;
        let pair = module.has(id).then(|| module.curve(id, ED25519, b"ed"))?;
        boxed(move || module.sign(mechanism(ck::CKM_EDDSA), pair, &digest))
    };
    rows.push(field.row("Ed25519 sign", edwards, boxed(|| bare.ed25519(&digest))));

    // The DigestInfo of SHA-256, so that all do the same exponentiation over the same bytes.
    let mut info =
        b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20".to_vec();
    info.extend(digest);
    let pkcs = |module: &Contender| {
        let (module, pair, info) = (module.clone(), module.rsa(), info.clone());
        boxed(move || module.sign(mechanism(ck::CKM_RSA_PKCS), pair, &info))
    };
    rows.push(field.row("RSA-2048 sign, PKCS #1", pkcs, boxed(|| bare.rsa(&digest))));
    let pss = |module: &Contender| {
        let (module, pair) = (module.clone(), module.rsa());
        boxed(move || module.sign_pss(pair, &digest))
    };
    rows.push(field.row("RSA-2048 sign, PSS", pss, boxed(|| bare.pss(&digest))));
}

fn secrets(field: &Field<'_>, rows: &mut Vec<Row>) {
    let bare = field.bare;
    for (what, size) in [("AES-256-GCM 64 B", 64), ("AES-256-GCM 16 KiB", 16384)] {
        let data = vec![3u8; size];
        let modules = |module: &Contender| {
            let (module, key) = (module.clone(), module.secret(ck::CKM_AES_KEY_GEN));
            let (data, mut out) = (data.clone(), vec![0u8; size + 16]);
            boxed(move || module.gcm(key, &data, &mut out))
        };
        let mut out = vec![0u8; size + 16];
        rows.push(field.row(what, modules, boxed(|| bare.gcm(&data, &mut out))));
    }
    let data = [3u8; 64];
    let hmac = |module: &Contender| {
        let (module, key) = (module.clone(), module.secret(ck::CKM_GENERIC_SECRET_KEY_GEN));
        boxed(move || module.sign(mechanism(ck::CKM_SHA256_HMAC), key, &data))
    };
    rows.push(field.row("HMAC-SHA-256 64 B", hmac, boxed(|| Bare::hmac(&data))));
}

fn small(field: &Field<'_>, rows: &mut Vec<Row>) {
    let data = vec![3u8; 16384];
    let digest = |module: &Contender| {
        let (module, data) = (module.clone(), data.clone());
        boxed(move || module.digest(ck::CKM_SHA256, &data))
    };
    rows.push(field.row("SHA-256 16 KiB", digest, boxed(|| Bare::sha256(&data))));
    let random = |module: &Contender| {
        let (module, mut out) = (module.clone(), [0; 32]);
        boxed(move || module.random(&mut out))
    };
    rows.push(field.row("C_GenerateRandom 32 B", random, boxed(|| Bare::random(&mut [0; 32]))));
    let attributes = |module: &Contender| {
        // NSS 3.87 finds any buffer too small for one of them.
        if module.name == "NSS" {
            return None;
        }
        let (module, key) = (module.clone(), module.secret(ck::CKM_AES_KEY_GEN));
        boxed(move || module.four_attributes(key))
    };
    rows.push(field.row("C_GetAttributeValue, four", attributes, None));
    let session_key = |module: &Contender| {
        let module = module.clone();
        boxed(move || module.brief_secret())
    };
    rows.push(field.row("AES-256 session key, made and destroyed", session_key, None));
}

/// How long a pair takes is a matter of luck: the mean of many, in turn.
fn generation(field: &Field<'_>, rows: &mut Vec<Row>) {
    const PAIRS: usize = 60;
    let mut work: Vec<Box<dyn FnMut()>> = Vec::new();
    for module in field.modules {
        let module = module.clone();
        work.push(Box::new(move || module.brief_rsa()));
    }
    work.push(Box::new(Bare::generate_rsa));
    let seconds = means(&mut work, PAIRS).into_iter().map(Some).collect();
    rows.push(Row { what: format!("RSA-2048 pair, mean of {PAIRS}"), seconds }.printed());
}

/// Work that a contender can do.
fn boxed<'a>(work: impl FnMut() + 'a) -> Work<'a> {
    Some(Box::new(work))
}

impl Field<'_> {
    /// Runs the contenders in turn.
    fn row<'a>(&self, what: &str, modules: impl Fn(&Contender) -> Work<'a>, bare: Work<'a>) -> Row {
        let mut all: Vec<Work<'a>> = self.modules.iter().map(modules).chain([bare]).collect();
        let seconds = medians(&mut all);
        Row { what: what.to_owned(), seconds }.printed()
    }
}

impl Row {
    /// How much longer the contender takes than ours.
    pub fn ratio(&self, contender: usize) -> Option<f64> {
        Some(self.seconds[contender]? / self.seconds[0]?)
    }

    fn printed(self) -> Self {
        let dash = || "-".to_owned();
        let times = self.seconds.iter().map(|s| s.map_or_else(dash, |s| format!("{:.2}", s * 1e6)));
        let last = self.seconds.len() - 1;
        let ratios = (1..=last).map(|i| match self.ratio(i) {
            Some(ratio) if i == last => format!("{:.1} %", ratio * 100.0),
            Some(ratio) => format!("{ratio:.1} ×"),
            None => dash(),
        });
        let cells = times.chain(ratios).collect::<Vec<_>>();
        println!("| {} | {} |", self.what, cells.join(" | "));
        self
    }
}
