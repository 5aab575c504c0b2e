//! What others in the process do with the same module.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::slot::Slot;

use crate::harness::Place;

/// Somebody else in the process who uses the same module.
pub fn other(place: &Place) -> (Pkcs11, Slot) {
    let context = Pkcs11::new(&place.module).expect("the module");
    let labelled =
        |slot: &Slot| context.get_token_info(*slot).is_ok_and(|info| info.token_initialized());
    let slots = context.get_slots_with_token().expect("slots");
    let slot = slots.into_iter().find(labelled).expect("the token");
    (context, slot)
}

pub fn close_all(place: &Place) {
    let slot = other(place).1;
    // SAFETY: the module is loaded already, and its initialisers have run.
    let library = unsafe { cryptoki_sys::Pkcs11::new(&place.module) }.expect("the module");
    let mut list = std::ptr::null_mut();
    // SAFETY: writes one pointer, to a list that lives as long as the library.
    assert_eq!(unsafe { library.C_GetFunctionList(&mut list) }, cryptoki_sys::CKR_OK);
    // SAFETY: the list is there, and its function takes a number.
    let answer = unsafe { (*list).C_CloseAllSessions.expect("it is there")(slot.id()) };
    assert_eq!(answer, cryptoki_sys::CKR_OK);
}

pub fn log_out(place: &Place) {
    let (context, slot) = other(place);
    context.open_rw_session(slot).expect("a session").logout().expect("logged out");
}

pub fn finalize(place: &Place) {
    Pkcs11::new(&place.module).expect("the module").finalize().expect("finalised");
}

pub fn initialize(place: &Place) {
    let context = Pkcs11::new(&place.module).expect("the module");
    let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
    context.initialize(arguments).expect("initialised");
}
