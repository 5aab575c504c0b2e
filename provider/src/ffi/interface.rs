//! The interfaces that C_GetInterface and C_GetInterfaceList offer: 3.2, 3.0 and 2.40.

use std::ffi::{CStr, c_void};

use pkcs11_sys::{CK_FLAGS, CK_INTERFACE, CK_VERSION};

use crate::error::{Code, Result};
use crate::ffi::lists;

const NAME: &CStr = c"PKCS 11";

/// The interfaces, newest first: the first is the default.
pub(crate) struct Interfaces(pub(crate) [CK_INTERFACE; 3]);

// SAFETY: the pointers are to immutable statics.
unsafe impl Sync for Interfaces {}

/// Flags are 0: CKF_INTERFACE_FORK_SAFE would promise that a child keeps its sessions.
const fn interface(list: *const c_void) -> CK_INTERFACE {
    CK_INTERFACE {
        pInterfaceName: NAME.as_ptr().cast_mut().cast(),
        pFunctionList: list.cast_mut(),
        flags: 0,
    }
}

pub(crate) static INTERFACES: Interfaces = Interfaces([
    interface((&raw const lists::LIST_3_2).cast()),
    interface((&raw const lists::LIST_3_0).cast()),
    interface((&raw const lists::LIST_2_40).cast()),
]);

/// The newest interface that fits what is asked for; `None` asks for nothing in particular.
///
/// # Errors
/// ArgumentsBad for an unknown name, version or flag.
pub(crate) fn find(
    name: Option<&CStr>,
    version: Option<CK_VERSION>,
    flags: CK_FLAGS,
) -> Result<&'static CK_INTERFACE> {
    let fits = |interface: &&CK_INTERFACE| {
        // SAFETY: every function list begins with its version.
        let own = unsafe { *interface.pFunctionList.cast::<CK_VERSION>() };
        name.is_none_or(|name| name == NAME)
            && version.is_none_or(|v| (v.major, v.minor) == (own.major, own.minor))
            && flags & !interface.flags == 0
    };
    INTERFACES.0.iter().find(fits).ok_or_else(|| {
        let version = version.map(|v| format!("{}.{}", v.major, v.minor));
        Code::ArgumentsBad.because(format!("no interface {name:?} {version:?} flags {flags:#x}"))
    })
}
