//! Login, logout and PINs.

use pkcs11_sys as ck;
use pkcs11_sys::{CK_RV, CK_SESSION_HANDLE, CK_ULONG, CK_USER_TYPE, CK_UTF8CHAR_PTR};

use crate::backend::{Pin, User};
use crate::error::{Code, Result};
use crate::ffi::entry::entry;
use crate::ffi::transfer;

/// `C_Login`.
///
/// # Safety
/// `pin` is NULL or readable for `pin_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_Login(
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: CK_UTF8CHAR_PTR,
    pin_len: CK_ULONG,
) -> CK_RV {
    entry("C_Login", |module| {
        let mut session = module.session(session)?;
        let user = read_user(user)?;
        // SAFETY: the caller's promise.
        session.login(user, unsafe { read_pin(pin, pin_len)? })
    })
}

/// `C_LoginUser`. The users of these tokens have no names: with an empty one it is C_Login, any
/// other is refused before the PIN is looked at, so that it costs no try.
///
/// # Safety
/// `pin` and `name` are NULL or readable for as many bytes as their lengths say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_LoginUser(
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: CK_UTF8CHAR_PTR,
    pin_len: CK_ULONG,
    name: CK_UTF8CHAR_PTR,
    name_len: CK_ULONG,
) -> CK_RV {
    entry("C_LoginUser", |module| {
        let mut session = module.session(session)?;
        let user = read_user(user)?;
        // SAFETY: the caller's promise.
        if !unsafe { transfer::bytes(name, name_len, "pUsername")? }.is_empty() {
            return Err(Code::ArgumentsBad.because("the token's users have no names"));
        }
        // SAFETY: the caller's promise.
        session.login(user, unsafe { read_pin(pin, pin_len)? })
    })
}

/// `C_Logout`.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_Logout(session: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_Logout", |module| module.logout(session))
}

/// `C_InitPIN`.
///
/// # Safety
/// `pin` is NULL or readable for `pin_len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_InitPIN(
    session: CK_SESSION_HANDLE,
    pin: CK_UTF8CHAR_PTR,
    pin_len: CK_ULONG,
) -> CK_RV {
    entry("C_InitPIN", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise.
        session.init_pin(unsafe { read_pin(pin, pin_len)? })
    })
}

/// `C_SetPIN`.
///
/// # Safety
/// `old` and `new` are NULL or readable for as many bytes as their lengths say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SetPIN(
    session: CK_SESSION_HANDLE,
    old: CK_UTF8CHAR_PTR,
    old_len: CK_ULONG,
    new: CK_UTF8CHAR_PTR,
    new_len: CK_ULONG,
) -> CK_RV {
    entry("C_SetPIN", |module| {
        let mut session = module.session(session)?;
        // SAFETY: the caller's promise for both.
        let (old, new) = unsafe { (read_pin(old, old_len)?, read_pin(new, new_len)?) };
        session.set_pin(old, new)
    })
}

fn read_user(user: CK_USER_TYPE) -> Result<User> {
    match user {
        ck::CKU_SO => Ok(User::SecurityOfficer),
        ck::CKU_USER => Ok(User::User),
        ck::CKU_CONTEXT_SPECIFIC => Ok(User::ContextSpecific),
        _ => Err(Code::UserTypeInvalid.because(format!("user type {user}"))),
    }
}

/// A NULL PIN asks for a protected authentication path, and there is none.
///
/// # Safety
/// `pin` is NULL or readable for `len` bytes during `'a`.
unsafe fn read_pin<'a>(pin: CK_UTF8CHAR_PTR, len: CK_ULONG) -> Result<Pin<'a>> {
    transfer::require(pin, "the PIN")?;
    // SAFETY: the caller's promise.
    Ok(Pin(unsafe { transfer::bytes(pin, len, "the PIN")? }))
}
