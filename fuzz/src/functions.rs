//! The functions of the module, through the list that C_GetInterface gives, and the outermost check:
//! no answer outside the function's row.

#[allow(dead_code)]
#[path = "../../provider/tests/harness/abi.rs"]
mod abi;

use std::mem::transmute;
use std::ptr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use keyway_pkcs11::code::{self, Code};
use keyway_pkcs11::ffi::calls::C_GetInterface;
use keyway_pkcs11::returns::may_return;
use pkcs11_sys as ck;

pub use abi::FUNCTIONS;

/// Where a function stands in the list.
pub const fn at(name: &str) -> usize {
    let mut i = 0;
    while i < FUNCTIONS.len() {
        if same(FUNCTIONS[i].0.as_bytes(), name.as_bytes()) {
            return i;
        }
        i += 1;
    }
    panic!("no function of PKCS#11")
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    a.len() == b.len()
}

/// Calls made by this process.
pub static CALLS: AtomicU64 = AtomicU64::new(0);

/// Which answers were seen of which function: libFuzzer keeps inputs that bring new ones.
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static mut ANSWERS: [u8; 8192] = [0; 8192];

/// How often each function gave each code, by their places in [`FUNCTIONS`] and in `code::ALL`.
static TALLY: [[AtomicU64; 128]; FUNCTIONS.len()] =
    [const { [const { AtomicU64::new(0) }; 128] }; FUNCTIONS.len()];

/// The codes that a function may answer.
static ROWS: LazyLock<Vec<Vec<u32>>> = LazyLock::new(|| {
    let rows = FUNCTIONS.iter().enumerate().map(|(function, (name, _))| {
        let listed = may_return(name).expect("every function has a row").iter().copied();
        let mut row: Vec<Code> = listed.filter(|code| !is_failure(*code)).collect();
        row.extend(beyond(function));
        row.iter().map(|code| *code as u32).collect()
    });
    rows.collect()
});

/// A bug or a broken disk, and there is none.
fn is_failure(code: Code) -> bool {
    matches!(code, Code::GeneralError | Code::FunctionFailed | Code::DeviceError)
}

/// What a function may answer beyond its list, as the module's own suite has it
/// (`provider/tests/harness/target.rs`).
fn beyond(function: usize) -> Vec<Code> {
    let mut codes = vec![Code::FunctionNotSupported];
    if function != INITIALIZE {
        codes.push(Code::CryptokiNotInitialized);
    }
    if function == at("C_EncryptInit") {
        codes.push(Code::ArgumentsBad);
    }
    if [at("C_WrapKey"), at("C_UnwrapKey"), at("C_DeriveKey")].contains(&function) {
        codes.push(Code::KeyFunctionNotPermitted);
    }
    codes
}

pub const INITIALIZE: usize = at("C_Initialize");

/// The name of a code, or its number.
pub fn name_of(rv: u32) -> String {
    match Code::from_raw(rv.into()) {
        Some(code) => code.name().to_owned(),
        None => format!("{rv:#x}"),
    }
}

/// Whether the row of a function has a code.
pub fn in_row(function: usize, rv: u32) -> bool {
    ROWS[function].contains(&rv)
}

/// The pointers of `CK_FUNCTION_LIST_3_2`.
static LIST: LazyLock<[usize; FUNCTIONS.len()]> = LazyLock::new(|| {
    let mut interface = ptr::null_mut();
    // SAFETY: NULLs ask for the newest interface; the place for it is a local.
    let rv = unsafe { C_GetInterface(ptr::null_mut(), ptr::null_mut(), &mut interface, 0) };
    assert_eq!(rv, ck::CKR_OK);
    // SAFETY: a version in the place of a word, then a pointer for each function.
    unsafe {
        let list = (*interface).pFunctionList.cast::<usize>();
        std::array::from_fn(|function| *list.add(1 + function))
    }
});

/// Calls a function.
///
/// # Safety
/// The arguments are what the standard demands of an application: pointers that are NULL or good
/// for what their lengths say.
pub unsafe fn invoke(function: usize, arguments: &[usize]) -> u32 {
    assert_eq!(arguments.len(), FUNCTIONS[function].1.len(), "{}", FUNCTIONS[function].0);
    // SAFETY: as many register arguments as the function takes; the caller's promise for them.
    let rv = unsafe { jump(function, arguments) } as u32;
    // SAFETY: bytes that only tell libFuzzer that something was new; a lost one does not matter.
    unsafe { (&raw mut ANSWERS[(function * 79 + rv as usize) % 8192]).write(1) };
    rv
}

/// Holds an answer against the function's row.
///
/// # Panics
/// If it is not in it.
pub fn check_row(function: usize, rv: u32) {
    if let Ok(code) = code::ALL.binary_search_by_key(&u64::from(rv), |row| row.0.raw()) {
        TALLY[function][code].fetch_add(1, Ordering::Relaxed);
    }
    assert!(
        in_row(function, rv),
        "{} answers {}, which is not in its row",
        FUNCTIONS[function].0,
        name_of(rv)
    );
}

/// Prints which codes each function gave, and how often.
pub fn print_tally() {
    for ((name, _), counts) in FUNCTIONS.iter().zip(&TALLY) {
        let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
        let seen: Vec<String> = counts
            .zip(code::ALL)
            .filter(|(count, _)| *count > 0)
            .map(|(count, (_, code))| format!("{} {count}", code.trim_start_matches("CKR_")))
            .collect();
        eprintln!("tally: {name}: {}", seen.join(", "));
    }
}

pub fn counted(calls: u64) {
    CALLS.fetch_add(calls, Ordering::Relaxed);
}

/// Every function in one shape: arguments that a function does not have are not looked at.
type Function = unsafe extern "C" fn(
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
    usize,
) -> u64;

/// # Safety
/// As [`invoke`].
unsafe fn jump(function: usize, arguments: &[usize]) -> u64 {
    let mut registers = [0; 10];
    registers[..arguments.len()].copy_from_slice(arguments);
    let [a, b, c, d, e, f, g, h, i, j] = registers;
    // SAFETY: a function of the list, which takes at most ten arguments of a register each.
    let function = unsafe { transmute::<usize, Function>(LIST[function]) };
    // SAFETY: the caller's promise.
    unsafe { function(a, b, c, d, e, f, g, h, i, j) }
}
