//! Session management functions, and the two relics of parallel sessions.

use pkcs11_sys as ck;
use pkcs11_sys::{
    CK_FLAGS, CK_NOTIFY, CK_RV, CK_SESSION_HANDLE, CK_SESSION_HANDLE_PTR, CK_SESSION_INFO,
    CK_SESSION_INFO_PTR, CK_SLOT_ID, CK_STATE, CK_VOID_PTR,
};

use crate::error::{Code, Result};
use crate::ffi::entry::{contain, entry};
use crate::ffi::{current, exit, transfer};
use crate::module::Module;
use crate::object::Role;
use crate::session::Session;
use crate::session::active::Class;

/// `C_OpenSession`. There is nothing to notify an application of, so the callback is not kept.
///
/// # Safety
/// `session` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_OpenSession(
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
    _application: CK_VOID_PTR,
    _notify: CK_NOTIFY,
    session: CK_SESSION_HANDLE_PTR,
) -> CK_RV {
    /// `CKF_ASYNC_SESSION` of PKCS#11 3.2.
    const ASYNC_SESSION: CK_FLAGS = 0x8;
    entry("C_OpenSession", |module| {
        let slot = module.slot(slot)?;
        if flags & ck::CKF_SERIAL_SESSION == 0 {
            return Err(Code::SessionParallelNotSupported.because("CKF_SERIAL_SESSION is not set"));
        }
        if flags & ASYNC_SESSION != 0 {
            return Err(Code::SessionAsyncNotSupported.because("CKF_ASYNC_SESSION is set"));
        }
        transfer::require(session, "phSession")?;
        let handle = module.open_session(&slot, flags & ck::CKF_RW_SESSION != 0)?;
        // SAFETY: the caller's promise.
        unsafe { transfer::write(session, handle.raw() as CK_SESSION_HANDLE, "phSession") }
    })
}

/// `C_CloseSession`.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_CloseSession(session: CK_SESSION_HANDLE) -> CK_RV {
    closing("C_CloseSession", |module| module.close_session(session))
}

/// `C_CloseAllSessions`.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_CloseAllSessions(slot: CK_SLOT_ID) -> CK_RV {
    closing("C_CloseAllSessions", |module| {
        let slot = module.slot(slot)?;
        module.close_all_sessions(&slot);
        Ok(())
    })
}

/// At exit, after destructors ran, closing does nothing and says OK.
fn closing(function: &'static str, body: impl FnOnce(&'static Module) -> Result<()>) -> CK_RV {
    contain(function, || match exit::exiting() {
        true => Ok(()),
        false => body(current::current()?),
    })
}

/// `C_GetSessionInfo`.
///
/// # Safety
/// `info` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetSessionInfo(
    session: CK_SESSION_HANDLE,
    info: CK_SESSION_INFO_PTR,
) -> CK_RV {
    entry("C_GetSessionInfo", |module| {
        let session = module.session(session)?;
        let mut flags = ck::CKF_SERIAL_SESSION;
        if session.is_read_write() {
            flags |= ck::CKF_RW_SESSION;
        }
        let answer = CK_SESSION_INFO {
            slotID: CK_SLOT_ID::from(session.slot().id),
            state: state(&session),
            flags,
            ulDeviceError: 0,
        };
        // SAFETY: the caller's promise.
        unsafe { transfer::write(info, answer, "pInfo") }
    })
}

fn state(session: &Session) -> CK_STATE {
    match (session.slot().role(), session.is_read_write()) {
        (Role::Public, false) => ck::CKS_RO_PUBLIC_SESSION,
        (Role::Public, true) => ck::CKS_RW_PUBLIC_SESSION,
        (Role::User, false) => ck::CKS_RO_USER_FUNCTIONS,
        (Role::User, true) => ck::CKS_RW_USER_FUNCTIONS,
        (Role::SecurityOfficer, _) => ck::CKS_RW_SO_FUNCTIONS,
    }
}

/// `C_SessionCancel`: flags of operations that do not run, and flags of none, are ignored.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_SessionCancel(session: CK_SESSION_HANDLE, flags: CK_FLAGS) -> CK_RV {
    entry("C_SessionCancel", |module| {
        let mut session = module.session(session)?;
        for (flag, class) in CANCELLED {
            if flags & flag != 0 {
                session.end(class);
            }
        }
        for (flag, class) in CANCELLED_MESSAGES {
            if flags & flag != 0 {
                session.message_end(class);
            }
        }
        if flags & ck::CKF_FIND_OBJECTS != 0 {
            session.end_search();
        }
        Ok(())
    })
}

/// The flag of each kind of operation.
const CANCELLED: [(CK_FLAGS, Class); Class::COUNT] = [
    (ck::CKF_ENCRYPT, Class::Encrypt),
    (ck::CKF_DECRYPT, Class::Decrypt),
    (ck::CKF_DIGEST, Class::Digest),
    (ck::CKF_SIGN, Class::Sign),
    (ck::CKF_VERIFY, Class::Verify),
    (ck::CKF_SIGN_RECOVER, Class::SignRecover),
    (ck::CKF_VERIFY_RECOVER, Class::VerifyRecover),
];

/// The flag of each kind of message-based process.
const CANCELLED_MESSAGES: [(CK_FLAGS, Class); 4] = [
    (ck::CKF_MESSAGE_ENCRYPT, Class::Encrypt),
    (ck::CKF_MESSAGE_DECRYPT, Class::Decrypt),
    (ck::CKF_MESSAGE_SIGN, Class::Sign),
    (ck::CKF_MESSAGE_VERIFY, Class::Verify),
];

/// `C_GetFunctionStatus`: functions never run in parallel with the application.
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetFunctionStatus(session: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_GetFunctionStatus", |module| not_parallel(module, session))
}

/// `C_CancelFunction`: as [`C_GetFunctionStatus`].
///
/// # Safety
/// None: there are no pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_CancelFunction(session: CK_SESSION_HANDLE) -> CK_RV {
    entry("C_CancelFunction", |module| not_parallel(module, session))
}

fn not_parallel(module: &'static Module, session: CK_SESSION_HANDLE) -> Result<()> {
    module.session(session)?;
    Err(Code::FunctionNotParallel.into())
}
