//! A PKCS#11 module in memory: loaded with dlopen, called through its function lists.

use std::ffi::{CString, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::abi::{Arg, COUNTS, FUNCTIONS, MOST_ARGUMENTS, position};

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

/// A loaded module. It stays loaded until [`close`](Library::close).
#[derive(Debug)]
pub struct Library {
    handle: *mut c_void,
    /// By their places in `FUNCTIONS`; 0 where the module has none.
    functions: [usize; FUNCTIONS.len()],
}

// SAFETY: the handle and the functions belong to the whole process.
unsafe impl Send for Library {}
// SAFETY: as above.
unsafe impl Sync for Library {}

impl Library {
    /// Loads a module and takes the functions from C_GetFunctionList, and what came with 3.0 and
    /// 3.2 from C_GetInterface if there is one.
    ///
    /// # Panics
    /// When the file is no PKCS#11 module.
    pub fn open(path: &Path) -> Self {
        let name = CString::new(path.as_os_str().as_bytes()).expect("a path without NUL");
        // SAFETY: a NUL-terminated path; the module's constructors are trusted.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!handle.is_null(), "dlopen({}): {}", path.display(), dl_error());
        let mut library = Self { handle, functions: [0; FUNCTIONS.len()] };
        library.functions[position("C_GetFunctionList")] = library.symbol("C_GetFunctionList");
        library.functions[position("C_GetInterface")] = library.symbol("C_GetInterface");
        library.functions[position("C_GetInterfaceList")] = library.symbol("C_GetInterfaceList");
        let mut list = [0];
        assert_eq!(library.call("C_GetFunctionList", &mut [Arg::WordsMut(&mut list)]), Some(0));
        library.adopt(list[0] as usize);
        let mut interface = [0];
        let mut arguments = [Arg::Null, Arg::Null, Arg::WordsMut(&mut interface), Arg::Number(0)];
        if library.call("C_GetInterface", &mut arguments) == Some(0) {
            library.adopt(read_words(interface[0] as usize, 3)[1] as usize);
        }
        library
    }

    /// The functions of 2.40 of the module that is linked into this very program.
    pub fn linked() -> Self {
        let mut library = Self { handle: std::ptr::null_mut(), functions: [0; FUNCTIONS.len()] };
        library.functions[position("C_GetFunctionList")] =
            keyway_pkcs11::ffi::calls::C_GetFunctionList as *const () as usize;
        let mut list = [0];
        assert_eq!(library.call("C_GetFunctionList", &mut [Arg::WordsMut(&mut list)]), Some(0));
        library.adopt(list[0] as usize);
        library
    }

    /// Calls a function by its name; `None` if the module has none of this name.
    ///
    /// # Panics
    /// When an argument is a number where the function takes a pointer, or the other way round.
    pub fn call(&self, function: &str, arguments: &mut [Arg<'_>]) -> Option<u64> {
        let position = position(function);
        let signature = FUNCTIONS[position].1;
        assert_eq!(signature.len(), arguments.len(), "arguments of {function}");
        let mut registers = [0; MOST_ARGUMENTS];
        for (i, kind) in signature.bytes().enumerate() {
            let (register, number) = arguments[i].register();
            assert_eq!(kind == b'n', number, "argument {i} of {function}");
            registers[i] = register;
        }
        let [a, b, c, d, e, f, g, h, i, j] = registers;
        let address = match self.functions[position] {
            0 => return None,
            address => address as *const (),
        };
        // SAFETY: the address is the function's, from the module's own list. All its parameters
        // are integers or pointers and its caller removes them from the stack, so that more than
        // it takes do no harm. Every pointer is NULL, or a borrow that outlives the call and is as
        // long as the lengths that tests give beside it.
        Some(unsafe {
            std::mem::transmute::<*const (), Function>(address)(a, b, c, d, e, f, g, h, i, j)
        })
    }

    /// Whether the module exports this name.
    pub fn exports(&self, name: &str) -> bool {
        self.symbol(name) != 0
    }

    /// Unloads the module.
    pub fn close(self) {
        // SAFETY: the handle is from dlopen and not used again.
        assert_eq!(unsafe { libc::dlclose(self.handle) }, 0, "dlclose: {}", dl_error());
    }

    fn symbol(&self, name: &str) -> usize {
        let name = CString::new(name).expect("a name without NUL");
        // SAFETY: a handle from dlopen and a NUL-terminated name.
        unsafe { libc::dlsym(self.handle, name.as_ptr()) as usize }
    }

    /// Takes the functions of a list that are not known yet.
    fn adopt(&mut self, list: usize) {
        let count = COUNTS.iter().find(|row| row.0 == list_version(list)).map_or(68, |row| row.1);
        let functions = read_words(list + 8, count);
        for (known, found) in self.functions.iter_mut().zip(functions) {
            if *known == 0 {
                *known = found as usize;
            }
        }
    }
}

/// Major and minor version at the head of a function list that the module returned.
pub fn list_version(list: usize) -> (u8, u8) {
    let bytes = read_words(list, 1)[0].to_ne_bytes();
    (bytes[0], bytes[1])
}

/// The words at an address that the module returned.
pub fn read_words(address: usize, count: usize) -> Vec<u64> {
    assert!(address != 0 && address.is_multiple_of(8), "the module answered {address:#x}");
    // SAFETY: the module returned this address for a structure of so many words, which lives as
    // long as the module is loaded.
    unsafe { std::slice::from_raw_parts(address as *const u64, count).to_vec() }
}

/// The NUL-terminated string at an address that the module returned.
pub fn read_string(address: usize) -> String {
    // SAFETY: the module returned this address for a string of static lifetime.
    let text = unsafe { std::ffi::CStr::from_ptr(address as *const std::ffi::c_char) };
    text.to_string_lossy().into_owned()
}

fn dl_error() -> String {
    // SAFETY: takes nothing; what it returns is a string until the next call in this thread.
    let text = unsafe { libc::dlerror() };
    if text.is_null() { String::new() } else { read_string(text as usize) }
}
