//! General-purpose functions: initialisation, interfaces, function lists, C_GetInfo.

mod harness;

use harness::abi::{Arg, FUNCTIONS};
use harness::library::{list_version, read_string, read_words};
use harness::{Code, mutex, on_module, on_token};
use serial_test::serial;

/// `CK_C_INITIALIZE_ARGS`: the four mutex functions, flags, reserved.
fn arguments(callbacks: [bool; 4], flags: u64, reserved: u64) -> [u64; 6] {
    let mut words = [0, 0, 0, 0, flags, reserved];
    for (i, function) in mutex::functions().into_iter().enumerate() {
        if callbacks[i] {
            words[i] = function;
        }
    }
    words
}

const LOCKING_OK: u64 = 2;

/// "General-purpose functions", C_GetFunctionList.
#[test]
#[serial]
fn the_function_list_is_there_before_initialisation_and_always_the_same() {
    on_module(|target| {
        let list = || {
            let mut list = [0];
            let answer = target.call("C_GetFunctionList", &mut [Arg::WordsMut(&mut list)]);
            answer.map(|()| list[0] as usize)
        };
        let first = list().expect("a list");
        target.initialize().expect("C_Initialize");
        target.same("C_GetFunctionList when initialised", list(), Ok(first));
        target.finalize().expect("C_Finalize");
        target.same("C_GetFunctionList when finalised", list(), Ok(first));
        let answer = target.call("C_GetFunctionList", &mut [Arg::Null]);
        target.same("C_GetFunctionList(NULL)", answer, Err(Code::ArgumentsBad));
    });
}

/// Design decision 10: callers of 2.40 take the list for theirs.
#[test]
#[serial]
fn the_function_list_says_2_40_and_has_every_function() {
    on_module(|target| {
        let mut list = [0];
        target.call("C_GetFunctionList", &mut [Arg::WordsMut(&mut list)]).expect("a list");
        let list = list[0] as usize;
        target.holds("the list says 2.40", list_version(list) == (2, 40));
        let empty = read_words(list + 8, 68).iter().position(|function| *function == 0);
        target.same("a function that is missing", empty, None);
    });
}

/// "Cryptoki function return values", CKR_CRYPTOKI_NOT_INITIALIZED: before any look at
/// the arguments, also in functions that are not supported.
#[test]
#[serial]
fn every_other_function_needs_initialisation_first() {
    const BEFORE: [&str; 4] =
        ["C_Initialize", "C_GetFunctionList", "C_GetInterface", "C_GetInterfaceList"];
    on_module(|target| {
        let (_, newest) = newest_interface(target).unwrap_or((0, 68));
        for (function, signature) in &FUNCTIONS[..newest] {
            if BEFORE.contains(function) {
                continue;
            }
            let mut nothing: Vec<Arg<'_>> = signature
                .bytes()
                .map(|kind| if kind == b'n' { Arg::Number(0) } else { Arg::Null })
                .collect();
            let answer = target.call(function, &mut nothing);
            target.same(function, answer, Err(Code::CryptokiNotInitialized));
        }
    });
}

#[test]
#[serial]
fn initialising_twice_is_refused_and_changes_nothing() {
    on_module(|target| {
        target.initialize().expect("C_Initialize");
        let again = target.initialize();
        target.same("again", again, Err(Code::CryptokiAlreadyInitialized));
        target.holds("the slots are still there", !target.slots().is_empty());
    });
}

#[test]
#[serial]
fn initialising_and_finalising_may_alternate() {
    on_module(|target| {
        for _ in 0..20 {
            target.same("C_Initialize", target.initialize(), Ok(()));
            target.same("C_Finalize", target.finalize(), Ok(()));
        }
        let answer = target.finalize();
        target.same("C_Finalize once more", answer, Err(Code::CryptokiNotInitialized));
    });
}

/// "C_Initialize": "The value of pReserved [...] MUST be NULL_PTR".
#[test]
#[serial]
fn a_reserved_pointer_is_refused_without_being_followed() {
    on_module(|target| {
        for reserved in [1, 8, u64::MAX] {
            let words = arguments([false; 4], LOCKING_OK, reserved);
            let answer = target.call("C_Initialize", &mut [Arg::Words(&words)]);
            target.same("C_Initialize", answer, Err(Code::ArgumentsBad));
        }
        let words = arguments([false; 4], LOCKING_OK, 0);
        let answer = target.call("C_Initialize", &mut [Arg::Words(&words)]);
        target.same("C_Initialize without it", answer, Ok(()));
    });
}

/// "C_Initialize": all four or none.
#[test]
#[serial]
fn mutex_functions_come_all_four_or_not_at_all() {
    on_module(|target| {
        for given in 1..15_u8 {
            let callbacks = [1, 2, 4, 8].map(|bit| given & bit != 0);
            let words = arguments(callbacks, 0, 0);
            let answer = target.call("C_Initialize", &mut [Arg::Words(&words)]);
            target.same(&format!("{callbacks:?}"), answer, Err(Code::ArgumentsBad));
        }
        for flags in [0, LOCKING_OK] {
            let words = arguments([false; 4], flags, 0);
            let answer = target.call("C_Initialize", &mut [Arg::Words(&words)]);
            target.same("none", answer, Ok(()));
            target.finalize().expect("C_Finalize");
        }
    });
}

/// With flags 0 an application demands its own functions; that the module locks for
/// itself harms nobody.
#[test]
#[serial]
fn four_mutex_functions_are_accepted_whatever_the_flags_say() {
    on_module(|target| {
        for flags in [0, LOCKING_OK] {
            let words = arguments([true; 4], flags, 0);
            let answer = target.call("C_Initialize", &mut [Arg::Words(&words)]);
            target.same("C_Initialize", answer, Ok(()));
            target.finalize().expect("C_Finalize");
        }
    });
}

/// As many applications misalign what they pass.
#[test]
#[serial]
fn misaligned_arguments_of_initialisation_are_read() {
    on_module(|target| {
        let bytes = [0; 49];
        let answer = target.call("C_Initialize", &mut [Arg::Bytes(&bytes[1..])]);
        target.same("C_Initialize", answer, Ok(()));
    });
}

#[test]
#[serial]
fn finalising_with_an_argument_is_refused_and_the_module_stays_initialised() {
    on_module(|target| {
        target.initialize().expect("C_Initialize");
        let answer = target.call("C_Finalize", &mut [Arg::Bytes(&[0])]);
        target.same("C_Finalize(not NULL)", answer, Err(Code::ArgumentsBad));
        target.holds("the slots are still there", !target.slots().is_empty());
        target.same("C_Finalize(NULL)", target.finalize(), Ok(()));
    });
}

/// "C_Finalize": what the application had ends with it.
#[test]
#[serial]
fn sessions_and_handles_do_not_outlive_finalisation() {
    on_token(|target| {
        let session = target.open(harness::Flags::ReadWrite).expect("a session");
        target.finalize().expect("C_Finalize");
        let state = || session.info().map(|info| info.state);
        target.same("when finalised", state(), Err(Code::CryptokiNotInitialized));
        target.initialize().expect("C_Initialize");
        target.same("when initialised again", state(), Err(Code::SessionHandleInvalid));
    });
}

#[test]
#[serial]
fn there_are_three_interfaces_without_flags() {
    on_module(|target| {
        let (mut list, mut count) = ([0; 12], [4]);
        let mut arguments = [Arg::WordsMut(&mut list), Arg::WordsMut(&mut count)];
        let answer = target.call("C_GetInterfaceList", &mut arguments);
        target.same("C_GetInterfaceList", answer, Ok(()));
        target.same("interfaces", count[0], 3);
        let described: Vec<_> = list
            .chunks(3)
            .take(3)
            .filter(|interface| interface[0] != 0)
            .map(|i| (read_string(i[0] as usize), list_version(i[1] as usize), i[2]))
            .collect();
        let expected =
            [(3, 2), (3, 0), (2, 40)].map(|version| ("PKCS 11".to_owned(), version, 0)).to_vec();
        target.holds("3.2, 3.0 and 2.40, named PKCS 11, flags 0", described == expected);
    });
}

/// "C_GetInterfaceList" follows the convention of lists.
#[test]
#[serial]
fn the_list_of_interfaces_tells_its_length() {
    on_module(|target| {
        let mut count = [0];
        let mut arguments = [Arg::Null, Arg::WordsMut(&mut count)];
        let answer = target.call("C_GetInterfaceList", &mut arguments);
        target.same("NULL", (answer, count[0]), (Ok(()), 3));
        let (mut list, mut count) = ([7; 12], [2]);
        let mut arguments = [Arg::WordsMut(&mut list), Arg::WordsMut(&mut count)];
        let answer = target.call("C_GetInterfaceList", &mut arguments);
        target.same("too small", (answer, count[0]), (Err(Code::BufferTooSmall), 3));
        target.holds("nothing is written", list == [7; 12]);
        let answer = target.call("C_GetInterfaceList", &mut [Arg::Null, Arg::Null]);
        target.same("NULL and NULL", answer, Err(Code::ArgumentsBad));
    });
}

/// "C_GetInterface".
#[test]
#[serial]
fn asking_for_no_interface_in_particular_gives_the_newest() {
    on_module(|target| {
        let newest = newest_interface(target).map(|(version, _)| version as u64);
        target.same("C_GetInterface(NULL, NULL, ..., 0)", newest, Ok(302));
    });
}

#[test]
#[serial]
fn an_interface_is_found_by_name_version_and_flags() {
    on_module(|target| {
        let name = b"PKCS 11\0".as_slice();
        let ask = |name: Option<&[u8]>, version: Option<[u8; 2]>, flags: u64| {
            let mut interface = [0];
            let mut arguments = [
                name.map_or(Arg::Null, Arg::Bytes),
                version.as_ref().map_or(Arg::Null, |version| Arg::Bytes(version)),
                Arg::WordsMut(&mut interface),
                Arg::Number(flags),
            ];
            target.call("C_GetInterface", &mut arguments)?;
            let (major, minor) = list_version(read_words(interface[0] as usize, 3)[1] as usize);
            Ok(u64::from(major) * 100 + u64::from(minor))
        };
        target.same("2.40", ask(Some(name), Some([2, 40]), 0), Ok(240));
        target.same("3.0", ask(None, Some([3, 0]), 0), Ok(300));
        target.same("3.2", ask(Some(name), Some([3, 2]), 0), Ok(302));
        target.same("by name", ask(Some(name), None, 0), Ok(302));
        let unknown = ask(Some(b"Vendor X\0"), None, 0);
        target.same("an unknown name", unknown, Err(Code::ArgumentsBad));
        target.same("1.0", ask(Some(name), Some([1, 0]), 0), Err(Code::ArgumentsBad));
        target.same("fork safe", ask(None, None, 1), Err(Code::ArgumentsBad));
        let nowhere =
            target.call("C_GetInterface", &mut [Arg::Null, Arg::Null, Arg::Null, Arg::Number(0)]);
        target.same("to NULL", nowhere, Err(Code::ArgumentsBad));
    });
}

/// Version as major × 100 + minor and number of functions of the default interface.
fn newest_interface(target: &harness::Target) -> Result<(usize, usize), Code> {
    let mut interface = [0];
    let mut arguments = [Arg::Null, Arg::Null, Arg::WordsMut(&mut interface), Arg::Number(0)];
    target.call("C_GetInterface", &mut arguments)?;
    let (major, minor) = list_version(read_words(interface[0] as usize, 3)[1] as usize);
    let version = usize::from(major) * 100 + usize::from(minor);
    Ok((version, if version >= 302 { 104 } else { 92 }))
}

/// "C_GetInfo".
#[test]
#[serial]
fn the_library_describes_itself_in_padded_text() {
    on_module(|target| {
        target.initialize().expect("C_Initialize");
        // Version, 32 characters, flags, 32 characters, version.
        let mut info = [0xff; 88];
        target.call("C_GetInfo", &mut [Arg::BytesMut(&mut info)]).expect("C_GetInfo");
        let printable = |text: &[u8]| text.iter().all(|c| (b' '..=b'~').contains(c));
        target.holds("the manufacturer is printable", printable(&info[2..34]));
        target.holds("the description is printable", printable(&info[48..80]));
        target.holds("flags are 0", info[40..48] == [0; 8]);
        let answer = target.call("C_GetInfo", &mut [Arg::Null]);
        target.same("C_GetInfo(NULL)", answer, Err(Code::ArgumentsBad));
    });
}

/// "Parallel function management functions".
#[test]
#[serial]
fn functions_do_not_run_in_parallel() {
    on_token(|target| {
        let session = target.open(harness::Flags::ReadOnly).expect("a session");
        for function in ["C_GetFunctionStatus", "C_CancelFunction"] {
            let answer = session.call(function, vec![]);
            target.same(function, answer, Err(Code::FunctionNotParallel));
        }
    });
}
