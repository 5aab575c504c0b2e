//! What holds of the library and of the source as a whole: what is exported, where unsafe code
//! stands, how the process ends.

mod harness;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::place::{Place, compile, module};
use harness::{Kind, Target};
use serial_test::serial;

/// The names that `nm` lists of the module's dynamic symbols.
fn symbols(which: &str) -> BTreeSet<String> {
    let output = Command::new("nm").args(["-D", which]).arg(module()).output();
    let output = output.expect("nm: apt install binutils");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("nm prints text");
    let name = |line: &str| line.split_whitespace().last().map(str::to_owned);
    text.lines().filter_map(name).map(|name| name.split('@').next().unwrap().to_owned()).collect()
}

#[test]
fn the_module_exports_the_functions_of_the_standard_and_nothing_else() {
    let exported = symbols("--defined-only");
    let functions: BTreeSet<String> = keyway_pkcs11::returns::TABLE
        .iter()
        .map(|row| row.0.to_owned())
        .filter(|name| exported.contains(name))
        .collect();
    assert_eq!(exported, functions);
    assert!(exported.len() >= 104, "{} functions", exported.len());
}

#[test]
fn the_module_calls_no_other_modules_functions() {
    let foreign: Vec<String> =
        symbols("--undefined-only").into_iter().filter(|name| name.starts_with("C_")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|ending| ending == "rs") => found.push(path),
            false => {}
        }
    }
}

/// Style: `unsafe` only in `provider/src/ffi/` and `src/token/raw.rs`, each block with its reason.
#[test]
fn unsafe_code_stands_in_its_two_places_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut files = Vec::new();
    sources(&root.join("provider/src"), &mut files);
    sources(&root.join("src"), &mut files);
    sources(&root.join("softhsm/src"), &mut files);
    assert!(files.len() > 200, "{} files", files.len());
    for file in files {
        let name = file.strip_prefix(root).expect("below the workspace").display().to_string();
        if name.starts_with("provider/src/ffi/") || name == "src/token/raw.rs" {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
            assert!(!words.into_iter().any(|word| word == "unsafe"), "{name}:{}", number + 1);
        }
    }
    let allowed = fs::read_to_string(root.join("provider/src/lib.rs")).expect("lib.rs");
    assert_eq!(allowed.matches("allow(unsafe_code)").count(), 1);
}

/// Runs a program on our module over a token of its own; what it said, if it ended well.
fn run(program: &Path, libraries: &Path, arguments: &[&str]) -> String {
    let place = Place::new(Kind::Keyway, true);
    let (name, configuration) = place.environment();
    let output = Command::new(program)
        .arg(module())
        .args(arguments)
        .env(name, configuration)
        .env("LD_LIBRARY_PATH", libraries)
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{:?}: {said}", output.status);
    said
}

/// And what design calls for: a fork while eight threads sign and write harms neither
/// side, and what was acknowledged on either is there.
#[test]
#[serial]
fn children_of_a_fork_under_load_begin_anew_and_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("fork");
    compile("fork.c", include_str!("programs/fork.c"), &[], &program);
    let said = run(&program, folder.path(), &[harness::place::USER_PIN]);
    let line = said.lines().last().unwrap_or_default();
    let numbers: Vec<u32> =
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    let [acknowledged, there, failed] = numbers[..] else { panic!("{said}") };
    assert!(acknowledged > 12, "{said}");
    assert_eq!((there, failed), (acknowledged, 0), "{said}");
}

/// A program that calls the module from its exit handlers and from another library's destructor,
/// after the module's own destructors ran or before, ends cleanly with the answers there are.
#[test]
#[serial]
fn calls_from_exit_handlers_and_foreign_destructors_end_cleanly() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = folder.path().join("liblate.so");
    compile("late.c", include_str!("programs/late.c"), &["-shared", "-fPIC"], &library);
    let program = folder.path().join("main");
    let late = library.display().to_string();
    compile("main.c", include_str!("programs/main.c"), &["-rdynamic", &late], &program);
    let said = run(&program, folder.path(), &[]);
    // In atexit handlers the module still works; whether a foreign destructor comes before or
    // after ours is the linker's choice, so either answer is right there, and closing is OK.
    assert!(said.contains("atexit: random 0x0\n"), "{said}");
    assert!(
        said.contains("destructor: random 0x0\n") || said.contains("destructor: random 0x190\n"),
        "{said}"
    );
    for call in ["close 0x0", "finalize 0x0"] {
        assert!(said.contains(&format!("destructor: {call}\n")), "{said}");
    }
}

/// Threads that are in the module when it is unloaded go on and end; it stays where it is, with
/// everything that its threads have to tidy up when they end.
#[test]
#[serial]
fn the_module_is_unloaded_while_threads_use_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("unload");
    compile("unload.c", include_str!("programs/unload.c"), &[], &program);
    let said = run(&program, folder.path(), &[]);
    // 0x191: CKR_CRYPTOKI_ALREADY_INITIALIZED.
    assert_eq!(said, "dlclose 0\nfailures 0\nagain 0x191\nfinalize 0x0\n");
}

#[test]
#[serial]
fn the_module_is_loaded_again_after_dlclose() {
    for _ in 0..2 {
        let target = Target::new(Kind::Keyway, true);
        assert!(target.slot() > 0);
        target.finalize().expect("C_Finalize");
        drop(target);
    }
}
