//! Fuzzing: one program for all targets. `fuzz/run.sh` builds it and runs what there is.
//!
//! `keyway-fuzz TARGET [libFuzzer's arguments]`; `keyway-fuzz --targets` lists them;
//! `keyway-fuzz --soak SECONDS TARGET FOLDER` runs a corpus again and again, without libFuzzer, and
//! tells whether memory grows. With `KEYWAY_FUZZ_TALLY` in the environment every run ends with the
//! answers of each function, and how often they were given.

mod calls;
mod functions;
mod input;
mod leak;
mod memory;
mod parsers;
mod soak;

use std::ffi::{CString, c_char, c_int};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use libfuzzer_sys as _;

/// What runs one input.
type Run = fn(&[u8]);

/// Every target, in the order in which they run.
const TARGETS: [(&str, Run); 11] = [
    ("calls", |bytes| calls::run(bytes, calls::Medium::Memory)),
    ("calls-on-files", |bytes| calls::run(bytes, calls::Medium::Files)),
    ("threads", calls::threads::run),
    ("templates", calls::templates),
    ("parameters", calls::parameters),
    ("records", parsers::records),
    ("configuration", parsers::configuration),
    ("uris", parsers::uris),
    ("der", parsers::der),
    ("key-records", parsers::key_records),
    ("received", parsers::received),
];

/// Tells processes that libFuzzer starts of this program, with its own arguments only, which target
/// is meant.
const CHOSEN: &str = "KEYWAY_FUZZ_TARGET";

static TARGET: OnceLock<(&str, Run)> = OnceLock::new();

unsafe extern "C" {
    /// libFuzzer's own loop.
    fn LLVMFuzzerRunDriver(
        count: *mut c_int,
        arguments: *mut *mut *mut c_char,
        one: extern "C" fn(*const u8, usize) -> c_int,
    ) -> c_int;
}

extern "C" fn one(data: *const u8, len: usize) -> c_int {
    let bytes = match len {
        0 => &[],
        // SAFETY: libFuzzer's input, there until this returns.
        _ => unsafe { std::slice::from_raw_parts(data, len) },
    };
    TARGET.get().expect("chosen in main").1(bytes);
    0
}

/// What the crate calls for its own entry, which is not used here.
#[unsafe(no_mangle)]
#[allow(improper_ctypes_definitions)] // as the crate declares it
extern "C" fn rust_fuzzer_test_input(bytes: &[u8]) -> c_int {
    one(bytes.as_ptr(), bytes.len())
}

extern "C" fn tell() {
    let calls = functions::CALLS.load(Ordering::Relaxed);
    eprintln!("c-calls: {calls}");
    if std::env::var_os("KEYWAY_FUZZ_TALLY").is_some() {
        functions::print_tally();
    }
    let _ = std::fs::remove_dir_all(calls::scratch());
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("--targets") => {
            TARGETS.iter().for_each(|(name, _)| println!("{name}"));
            return ExitCode::SUCCESS;
        }
        Some("--soak") if arguments.len() == 5 => {
            begin(&arguments[3]);
            let seconds = arguments[2].parse().expect("a number of seconds");
            return soak::run(TARGET.get().expect("just chosen").1, seconds, &arguments[4]);
        }
        Some(_) => {}
        None => panic!("which target? --targets lists them"),
    }
    match std::env::var(CHOSEN) {
        Ok(target) => begin(&target),
        Err(_) => {
            let target = arguments.remove(1);
            begin(&target);
            // SAFETY: no other thread runs yet.
            unsafe { std::env::set_var(CHOSEN, target) };
        }
    }
    let arguments: Vec<CString> =
        arguments.into_iter().map(|argument| CString::new(argument).expect("no NUL")).collect();
    let mut pointers: Vec<*mut c_char> =
        arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
    let mut count = pointers.len() as c_int;
    pointers.push(std::ptr::null_mut());
    let mut pointers = pointers.as_mut_ptr();
    // SAFETY: as many NUL-terminated arguments as `count` says, and a NULL behind them.
    let answer = unsafe { LLVMFuzzerRunDriver(&mut count, &mut pointers, one) };
    ExitCode::from(answer as u8)
}

/// Chooses the target. A panic ends the process before anything catches it.
fn begin(name: &str) {
    let target = TARGETS.iter().find(|target| target.0 == name);
    let target = target.unwrap_or_else(|| panic!("no target {name}: --targets lists them"));
    TARGET.set(*target).expect("chosen once");
    let configuration = calls::scratch().join("keyway.toml");
    std::fs::write(&configuration, "token_dir = \"none\"\nlog = { level = \"off\" }\n")
        .expect("a configuration");
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("KEYWAY_CONF", &configuration) };
    // The configuration says that nothing is logged, which holds from now on.
    for function in ["C_Initialize", "C_Finalize"] {
        // SAFETY: NULL is what both functions take.
        let rv = unsafe { functions::invoke(functions::at(function), &[0]) };
        assert_eq!(rv, 0, "{function}");
    }
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        tell();
        std::process::abort();
    }));
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // Rust's own handlers would keep libFuzzer from installing those that keep the input.
        // SAFETY: the default action needs nothing.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: a function of this program, which outlives it.
    unsafe { libc::atexit(tell) };
}
