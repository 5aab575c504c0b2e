//! PINs and keys are nowhere but where they have to be: not in what a core dump holds while they are
//! in use, not in memory after C_Logout, never in the log, an error or a file.

mod harness;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use rsa::BoxedUint;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use serial_test::serial;

use harness::place::Place;
use harness::{Kind, keys};

/// In the program that is searched no secret stands as it is.
const MASK: u8 = 0x5a;
/// So many bytes of a secret in a row are a find.
const WINDOW: usize = 16;

/// The names of the secrets in the program, and what they are.
fn secrets() -> Vec<(&'static str, Vec<u8>)> {
    let key = keys::rsa(2048);
    let [p, q] = key.primes() else { panic!("two primes") };
    let bytes = |number: &BoxedUint| number.to_be_bytes_trimmed_vartime().to_vec();
    let inverse = key.crt_coefficient().expect("an inverse");
    // Nothing that is anywhere by accident.
    let mixed = |seed: u32, len: usize| -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..len).map(|_| next()).collect()
    };
    vec![
        ("SO_PIN", b"officer-98b1fe3ac0-kiw7-0x".to_vec()),
        ("USER_PIN", b"user-5d20c7e61f-qa93-zz-17".to_vec()),
        ("AES_VALUE", mixed(1, 32)),
        ("HMAC_VALUE", mixed(2, 48)),
        ("RSA_EXPONENT", bytes(key.d())),
        ("RSA_PRIME_1", bytes(p)),
        ("RSA_PRIME_2", bytes(q)),
        ("RSA_EXPONENT_1", bytes(key.dp().expect("precomputed"))),
        ("RSA_EXPONENT_2", bytes(key.dq().expect("precomputed"))),
        ("RSA_COEFFICIENT", bytes(&inverse)),
    ]
}

/// What the C program includes.
fn header(secrets: &[(&str, Vec<u8>)]) -> String {
    let list = |bytes: &[u8], mask: u8| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{},", byte ^ mask).expect("a string");
            text
        })
    };
    let mut text = format!("#define MASK {MASK}\n#define WINDOW {WINDOW}\n");
    text +=
        "struct planted { const char *name; unsigned long length; unsigned char masked[512]; };\n";
    for (number, (name, _)) in secrets.iter().enumerate() {
        writeln!(text, "#define {name} {number}").expect("a string");
    }
    text += "static const struct planted secrets[] = {\n";
    for (name, value) in secrets {
        let masked = list(value, MASK);
        writeln!(text, "{{ \"{name}\", {}, {{ {masked} }} }},", value.len()).expect("a string");
    }
    let modulus = keys::rsa(2048).n().to_be_bytes_trimmed_vartime();
    text + "};\nstatic unsigned char modulus[] = { " + &list(&modulus, 0) + " };\n"
}

/// The secrets of which some bytes in a row are in the text, backwards too.
fn found_in<'a>(text: &[u8], secrets: &'a [(&str, Vec<u8>)]) -> Vec<&'a str> {
    let holds = |window: &[u8]| text.windows(window.len()).any(|part| part == window);
    let in_it = |value: &[u8]| {
        let backwards: Vec<u8> = value.iter().rev().copied().collect();
        value.chunks_exact(WINDOW).chain(backwards.chunks_exact(WINDOW)).any(holds)
            || holds(hex::encode(&value[..WINDOW / 2]).as_bytes())
    };
    secrets.iter().filter(|(_, value)| in_it(value)).map(|(name, _)| *name).collect()
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
#[serial]
fn no_secret_is_anywhere_but_where_it_has_to_be() {
    let secrets = secrets();
    let folder = tempfile::tempdir().expect("a folder");
    let (program, temporary) = (folder.path().join("secrets"), folder.path().join("tmp"));
    fs::create_dir(&temporary).expect("a folder");
    fs::write(folder.path().join("planted.h"), header(&secrets)).expect("the header");
    let source = folder.path().join("secrets.c");
    fs::write(&source, include_str!("programs/secrets.c")).expect("the source");
    let mut compiler = Command::new("cc");
    compiler.arg("-O1").arg(&source).arg("-o").arg(&program).arg("-ldl");
    assert!(compiler.status().expect("a C compiler").success());

    let place = Place::new(Kind::Keyway, false);
    let (name, configuration) = place.environment();
    let output = Command::new(&program)
        .arg(harness::place::module())
        .env(name, &configuration)
        .env("TMPDIR", &temporary)
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{:?}: {said}", output.status);
    assert!(!said.contains("planted: 0\n"), "the search finds nothing: {said}");
    for when in ["wiped", "logged in", "logged out", "finalized"] {
        assert!(said.contains(&format!("{when}: 0\n")), "{said}");
    }

    let mut written = vec![];
    let tokens = configuration.parent().expect("a folder");
    for folder in [tokens, temporary.as_path()] {
        files(folder, &mut written);
    }
    // The store, its log of writes, the epoch, the configuration, the module's log.
    assert!(written.len() >= 4, "{written:?}");
    for path in &written {
        let found = found_in(&fs::read(path).expect("a file"), &secrets);
        assert!(found.is_empty(), "{found:?} in {}", path.display());
    }
    assert!(found_in(&output.stdout, &secrets).is_empty());
    assert!(found_in(&output.stderr, &secrets).is_empty());
    // The search does find what is there.
    let log = place.log();
    assert!(log.contains("CKR_PIN_INCORRECT"), "{log}");
    let planted = [log.as_bytes(), &secrets[0].1].concat();
    assert_eq!(found_in(&planted, &secrets), ["SO_PIN"]);
}
