//! General-purpose functions: C_Initialize, C_Finalize, C_GetInfo, function lists and interfaces.

use std::ffi::CStr;

use pkcs11_sys::{
    CK_C_INITIALIZE_ARGS, CK_FLAGS, CK_FUNCTION_LIST_PTR_PTR, CK_INFO, CK_INFO_PTR,
    CK_INTERFACE_PTR, CK_INTERFACE_PTR_PTR, CK_RV, CK_ULONG_PTR, CK_UTF8CHAR_PTR, CK_VERSION,
    CK_VERSION_PTR, CK_VOID_PTR,
};

use crate::backend::MANUFACTURER;
use crate::config::Config;
use crate::error::{Code, Result};
use crate::ffi::entry::{contain, entry};
use crate::ffi::interface::{INTERFACES, find};
use crate::ffi::text::padded;
use crate::ffi::{current, exit, lists, transfer};
use crate::log;
use crate::module::Module;

/// The version of this module, as C_GetInfo and C_GetTokenInfo give it.
pub(super) const LIBRARY_VERSION: CK_VERSION = CK_VERSION { major: 0, minor: 1 };

/// `C_Initialize`: reads the configuration and makes the module of this process.
///
/// # Safety
/// `args` is NULL or points to a readable `CK_C_INITIALIZE_ARGS`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_Initialize(args: CK_VOID_PTR) -> CK_RV {
    contain("C_Initialize", || {
        log::install();
        // SAFETY: the caller's promise.
        unsafe { check_arguments(args.cast()) }?;
        if exit::exiting() {
            return Err(Code::FunctionFailed.because("the process is running its destructors"));
        }
        current::initialize(|sessions| {
            let config = Config::load()?;
            log::configure(config.log_level, &config.log_to)?;
            Ok(Module::new(&config, sessions))
        })
    })
}

/// The module locks for itself, always: whatever the flags say, applications use threads. Their
/// mutex functions are only checked for being all there or all missing.
///
/// # Safety
/// As [`C_Initialize`].
unsafe fn check_arguments(args: *const CK_C_INITIALIZE_ARGS) -> Result<()> {
    if args.is_null() {
        return Ok(());
    }
    // SAFETY: not NULL, readable by the caller's promise; applications misalign it.
    let args = unsafe { args.read_unaligned() };
    if !args.pReserved.is_null() {
        return Err(Code::ArgumentsBad.because("pReserved is not NULL"));
    }
    let callbacks = [
        args.CreateMutex.is_some(),
        args.DestroyMutex.is_some(),
        args.LockMutex.is_some(),
        args.UnlockMutex.is_some(),
    ];
    match callbacks.iter().filter(|given| **given).count() {
        0 | 4 => Ok(()),
        n => Err(Code::ArgumentsBad.because(format!("{n} of the four mutex functions are given"))),
    }
}

/// `C_Finalize`; at exit, after destructors ran, it does nothing and says OK.
///
/// # Safety
/// None of the arguments is dereferenced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_Finalize(reserved: CK_VOID_PTR) -> CK_RV {
    contain("C_Finalize", || {
        if exit::exiting() {
            return Ok(());
        }
        current::current()?;
        if !reserved.is_null() {
            return Err(Code::ArgumentsBad.because("pReserved is not NULL"));
        }
        current::finalize()
    })
}

/// `C_GetInfo`.
///
/// # Safety
/// `info` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetInfo(info: CK_INFO_PTR) -> CK_RV {
    entry("C_GetInfo", |_| {
        let answer = CK_INFO {
            cryptokiVersion: CK_VERSION { major: 3, minor: 2 },
            manufacturerID: padded(MANUFACTURER),
            flags: 0,
            libraryDescription: padded("Keyway PKCS#11 module"),
            libraryVersion: LIBRARY_VERSION,
        };
        // SAFETY: the caller's promise.
        unsafe { transfer::write(info, answer, "pInfo") }
    })
}

/// `C_GetFunctionList`: the list of 2.40; works before C_Initialize.
///
/// # Safety
/// `list` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionList(list: CK_FUNCTION_LIST_PTR_PTR) -> CK_RV {
    contain("C_GetFunctionList", || {
        let own = (&raw const lists::LIST_2_40).cast_mut();
        // SAFETY: the caller's promise.
        unsafe { transfer::write(list, own, "ppFunctionList") }
    })
}

/// `C_GetInterfaceList`; works before C_Initialize.
///
/// # Safety
/// `list` is NULL or writable for `*count` interfaces; `count` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetInterfaceList(list: CK_INTERFACE_PTR, count: CK_ULONG_PTR) -> CK_RV {
    contain("C_GetInterfaceList", || {
        // SAFETY: the caller's promise.
        unsafe { transfer::list(&INTERFACES.0, list, count) }
    })
}

/// `C_GetInterface`: with NULLs the newest; works before C_Initialize.
///
/// # Safety
/// `name` is NULL or a NUL-terminated string, `version` NULL or readable, `interface` NULL or
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetInterface(
    name: CK_UTF8CHAR_PTR,
    version: CK_VERSION_PTR,
    interface: CK_INTERFACE_PTR_PTR,
    flags: CK_FLAGS,
) -> CK_RV {
    contain("C_GetInterface", || {
        transfer::require(interface, "ppInterface")?;
        // SAFETY: the caller's promise for both.
        let (name, version) = unsafe {
            let name = (!name.is_null()).then(|| CStr::from_ptr(name.cast()));
            (name, (!version.is_null()).then(|| version.read_unaligned()))
        };
        let found = std::ptr::from_ref(find(name, version, flags)?).cast_mut();
        // SAFETY: the caller's promise.
        unsafe { transfer::write(interface, found, "ppInterface") }
    })
}
