//! PINs and keys are nowhere but where they have to be: not in a core while they are in use or after,
//! not in memory after C_Logout, never in the log, an error or a file.

mod core;
mod derived;
#[path = "../harness/mod.rs"]
mod harness;
mod search;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use keyway_pkcs11::store::Role;
use p256::elliptic_curve::sec1::ToSec1Point;
use rsa::BoxedUint;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use serial_test::serial;
use tempfile::TempDir;

use core::{Core, Writer};
use harness::place::Place;
use harness::{Kind, keys};
use search::{Planted, Search, WINDOW};

/// In the program that is searched no secret stands as it is.
const MASK: u8 = 0x5a;

const SO_PIN: &[u8] = b"officer-98b1fe3ac0-kiw7-0x";
const USER_PIN: &[u8] = b"user-5d20c7e61f-qa93-zz-17";

/// The secrets that the program gives to the module.
fn planted() -> Vec<Planted> {
    let key = keys::rsa(2048);
    let [p, q] = key.primes() else { panic!("two primes") };
    let bytes = |number: &BoxedUint| number.to_be_bytes_trimmed_vartime().to_vec();
    let inverse = key.crt_coefficient().expect("an inverse");
    let secrets = [
        ("SO_PIN", SO_PIN.to_vec()),
        ("USER_PIN", USER_PIN.to_vec()),
        ("AES_VALUE", mixed(1, 32)),
        ("HMAC_VALUE", mixed(2, 48)),
        ("WRAPPING_VALUE", mixed(3, 32)),
        ("EC_VALUE", mixed(4, 32)),
        ("RSA_EXPONENT", bytes(key.d())),
        ("RSA_PRIME_1", bytes(p)),
        ("RSA_PRIME_2", bytes(q)),
        ("RSA_EXPONENT_1", bytes(key.dp().expect("precomputed"))),
        ("RSA_EXPONENT_2", bytes(key.dq().expect("precomputed"))),
        ("RSA_COEFFICIENT", bytes(&inverse)),
    ];
    secrets.map(|(name, value)| Planted::new(name, value)).into()
}

/// Bytes that are nowhere by accident.
fn mixed(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// With whom the program agrees on a key, and the secret that comes of it.
fn agreement() -> (Vec<u8>, Planted) {
    let key = |seed| p256::SecretKey::from_slice(&mixed(seed, 32)).expect("a key of P-256");
    let peer = key(5).public_key();
    let shared = p256::ecdh::diffie_hellman(key(4).to_nonzero_scalar(), peer.as_affine());
    let secret = Planted::new("agreed secret", shared.raw_secret_bytes().to_vec());
    (peer.to_sec1_point(false).as_bytes().to_vec(), secret)
}

/// What the C program includes.
fn header(secrets: &[Planted]) -> String {
    let list = |bytes: &[u8], mask: u8| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{},", byte ^ mask).expect("a string");
            text
        })
    };
    let mut text = format!("#define MASK {MASK}\n#define WINDOW {WINDOW}\n");
    text +=
        "struct planted { const char *name; unsigned long length; unsigned char masked[512]; };\n";
    for (number, secret) in secrets.iter().enumerate() {
        writeln!(text, "#define {} {number}", secret.name).expect("a string");
    }
    text += "static const struct planted secrets[] = {\n";
    for Planted { name, value } in secrets {
        let masked = list(value, MASK);
        writeln!(text, "{{ \"{name}\", {}, {{ {masked} }} }},", value.len()).expect("a string");
    }
    text += "};\n";
    let modulus = keys::rsa(2048).n().to_be_bytes_trimmed_vartime();
    for (name, bytes) in [("modulus", modulus.as_ref()), ("peer", &agreement().0)] {
        let bytes = list(bytes, 0);
        text += &format!("static unsigned char {name}[] = {{ {bytes} }};\n");
    }
    text
}

/// The program, compiled, with a folder to work in.
struct Program {
    folder: TempDir,
    path: PathBuf,
}

impl Program {
    fn compiled() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("planted.h"), header(&planted())).expect("the header");
        let (source, path) = (folder.path().join("secrets.c"), folder.path().join("secrets"));
        fs::write(&source, include_str!("../programs/secrets.c")).expect("the source");
        let mut compiler = Command::new("cc");
        compiler.arg("-O1").arg(&source).arg("-o").arg(&path).args([
            "-ldl",
            "-pthread",
            "-Wl,-z,now",
        ]);
        assert!(compiler.status().expect("a C compiler").success());
        Self { folder, path }
    }

    /// Over a token of its own, which it makes.
    fn command(&self, place: &Place) -> Command {
        let (name, configuration) = place.environment();
        let mut command = Command::new(&self.path);
        command.arg(harness::place::module()).env(name, configuration);
        command.env("TMPDIR", self.temporary());
        command
    }

    fn temporary(&self) -> PathBuf {
        let path = self.folder.path().join("tmp");
        fs::create_dir_all(&path).expect("a folder");
        path
    }
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

/// All secrets there are: those planted, those the module made and told masked, and what follows
/// from the PINs once both are set.
fn all_secrets(said: &str, place: &Place, moment: &str) -> Vec<Planted> {
    let mut secrets = planted();
    secrets.push(agreement().1);
    for line in said.lines().filter_map(|line| line.strip_prefix("generated ")) {
        let (name, value) = line.split_once(' ').expect("a name and a value");
        let mut value = hex::decode(value).expect("hexadecimal");
        value.iter_mut().for_each(|byte| *byte ^= MASK);
        secrets.push(Planted::new(&format!("generated {name}"), value));
    }
    if !["planted", "wiped"].contains(&moment) {
        let mut written = Vec::new();
        let (_, configuration) = place.environment();
        files(configuration.parent().expect("a folder"), &mut written);
        let database = written.iter().find(|path| path.extension().is_some_and(|end| end == "db"));
        let pins = [(Role::SecurityOfficer, SO_PIN), (Role::User, USER_PIN)];
        secrets.extend(derived::keys(database.expect("a token"), pins));
    }
    secrets
}

/// What of the secrets is in the core of a moment: names, and where.
fn found_in_core(
    program: &Program,
    moment: &str,
    writer: Writer,
    searched: &mut usize,
) -> BTreeSet<(String, String)> {
    let place = Place::new(Kind::Keyway, false);
    let folder = tempfile::tempdir().expect("a folder");
    let core = Core::of(&mut program.command(&place), moment, writer, folder.path());
    let computing = core.said.lines().find_map(|line| line.strip_prefix("computing "));
    let stack = computing.and_then(core::range).unwrap_or_default();
    let search = Search::of(&all_secrets(&core.said, &place, moment));
    let located = |(name, at): (&str, usize)| {
        let place = match core.address(at) {
            Some(address) if stack.contains(&address) => COMPUTING,
            Some(address) => core.name(address),
            None => REGISTERS,
        };
        (name.to_owned(), place.to_owned())
    };
    *searched += core.bytes.len();
    search.find(&core.bytes).into_iter().map(located).collect()
}

#[test]
#[serial]
fn no_core_holds_a_pin_or_a_key() {
    let (program, writer, mut searched) = (Program::compiled(), Writer::present(), 0);
    let planted = found_in_core(&program, "planted", writer, &mut searched);
    assert_eq!(planted, BTreeSet::from([("AES_VALUE".to_owned(), "[heap]".to_owned())]));
    for moment in [
        "wiped",
        "officer",
        "refused",
        "logged in",
        "imported",
        "generated",
        "used",
        "operating",
        "ended",
        "computing",
        "logged out",
        "finalized",
    ] {
        let mut found = found_in_core(&program, moment, writer, &mut searched);
        if moment == "computing" {
            found.retain(|(name, place)| {
                !(is_computed_with(name) && WHILE_COMPUTING.contains(&&**place))
            });
        }
        assert!(found.is_empty(), "{moment}: {found:#?}");
    }
    println!("{searched} bytes of cores at 13 moments");
}

/// Where the engine's own functions keep what they compute with (docs/threat-model.md).
const WHILE_COMPUTING: [&str; 2] = [COMPUTING, REGISTERS];
const COMPUTING: &str = "stack of the computing thread";
const REGISTERS: &str = "registers";

/// The keys that the computing thread uses.
fn is_computed_with(name: &str) -> bool {
    ["RSA_", "EC_", "AES_", "HMAC_"].iter().any(|key| name.starts_with(key))
}

#[test]
#[serial]
fn no_secret_is_anywhere_but_where_it_has_to_be() {
    let program = Program::compiled();
    let place = Place::new(Kind::Keyway, false);
    let output = program.command(&place).output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{:?}: {said}", output.status);
    for planted in ["planted", "planted, to be swapped"] {
        assert!(!said.contains(&format!("{planted}: 0\n")), "the search finds nothing: {said}");
    }
    for when in ["wiped", "operating", "logged out", "finalized"] {
        assert!(said.contains(&format!("{when}: 0\n")), "{said}");
    }
    // Keys in use lie in memory that the kernel does not write to a disk, up to the limit.
    if place.log().contains("RLIMIT_MEMLOCK") {
        println!("the limit of locked memory is too low here: what can be swapped is not judged");
    } else {
        assert!(said.contains("operating, to be swapped: 0\n"), "{said}");
    }

    let secrets = all_secrets(&said, &place, "finalized");
    let search = Search::of(&secrets);
    let mut written = vec![];
    let (_, configuration) = place.environment();
    for folder in [configuration.parent().expect("a folder"), &program.temporary()] {
        files(folder, &mut written);
    }
    // The store, its log of writes, the epoch, the configuration, the module's log.
    assert!(written.len() >= 4, "{written:?}");
    let mut bytes = 0;
    for path in &written {
        let contents = fs::read(path).expect("a file");
        bytes += contents.len();
        let found = search.find(&contents);
        assert!(found.is_empty(), "{found:?} in {}", path.display());
    }
    assert_eq!(search.find(&output.stdout), []);
    assert_eq!(search.find(&output.stderr), []);
    let memory = said.lines().filter_map(|line| line.strip_prefix("searched "));
    let memory: usize = memory.map(|bytes| bytes.parse::<usize>().expect("a number")).sum();
    println!("{memory} bytes of memory, {bytes} of {} files searched", written.len());
    // The search does find what is there.
    let log = place.log();
    assert!(log.contains("CKR_PIN_INCORRECT"), "{log}");
    for secret in &secrets {
        let planted = [log.as_bytes(), &secret.value].concat();
        let found: BTreeSet<&str> =
            search.find(&planted).into_iter().map(|(name, _)| name).collect();
        assert!(found.contains(secret.name.as_str()), "{} is not found", secret.name);
    }
}
