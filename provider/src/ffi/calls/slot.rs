//! Slot and token management functions.

use pkcs11_sys as ck;
use pkcs11_sys::{
    CK_BBOOL, CK_FLAGS, CK_MECHANISM_INFO, CK_MECHANISM_INFO_PTR, CK_MECHANISM_TYPE,
    CK_MECHANISM_TYPE_PTR, CK_RV, CK_SLOT_ID, CK_SLOT_ID_PTR, CK_SLOT_INFO, CK_SLOT_INFO_PTR,
    CK_TOKEN_INFO, CK_TOKEN_INFO_PTR, CK_ULONG, CK_ULONG_PTR, CK_UTF8CHAR_PTR, CK_VERSION,
    CK_VOID_PTR,
};

use super::general::LIBRARY_VERSION;
use crate::backend::{MANUFACTURER, Pin, PinState, TokenInfo};
use crate::error::{Code, Result};
use crate::ffi::entry::entry;
use crate::ffi::text::{padded, trimmed};
use crate::ffi::transfer;
use crate::mechanism::{MechanismType, set};
use crate::slot::Slot;

const HARDWARE_VERSION: CK_VERSION = CK_VERSION { major: 1, minor: 0 };
/// `CK_EFFECTIVELY_INFINITE`: a limit that is not there.
const NO_LIMIT: CK_ULONG = 0;

/// `C_GetSlotList`.
///
/// # Safety
/// `list` is NULL or writable for `*count` ids; `count` is NULL or readable and writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetSlotList(
    token_present: CK_BBOOL,
    list: CK_SLOT_ID_PTR,
    count: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_GetSlotList", |module| {
        transfer::require(count, "pulCount")?;
        // The slots could not be looked for; no token is in trouble that anybody named.
        let mut slots = module.slots().map_err(|error| match error.code() {
            Code::DeviceError => error.with_code(Code::FunctionFailed),
            _ => error,
        })?;
        if token_present != ck::CK_FALSE {
            slots.retain(|slot| slot.token.is_present());
        }
        let ids: Vec<CK_SLOT_ID> = slots.iter().map(|slot| CK_SLOT_ID::from(slot.id)).collect();
        // SAFETY: the caller's promise.
        unsafe { transfer::list(&ids, list, count) }
    })
}

/// `C_GetSlotInfo`.
///
/// # Safety
/// `info` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetSlotInfo(slot: CK_SLOT_ID, info: CK_SLOT_INFO_PTR) -> CK_RV {
    entry("C_GetSlotInfo", |module| {
        let slot = module.slot(wide(slot))?;
        let answer = CK_SLOT_INFO {
            slotDescription: padded(&format!("Keyway slot {}", slot.id)),
            manufacturerID: padded(MANUFACTURER),
            flags: if slot.token.is_present() { ck::CKF_TOKEN_PRESENT } else { 0 },
            hardwareVersion: HARDWARE_VERSION,
            firmwareVersion: LIBRARY_VERSION,
        };
        // SAFETY: the caller's promise.
        unsafe { transfer::write(info, answer, "pInfo") }
    })
}

/// `C_GetTokenInfo`.
///
/// # Safety
/// `info` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetTokenInfo(slot: CK_SLOT_ID, info: CK_TOKEN_INFO_PTR) -> CK_RV {
    entry("C_GetTokenInfo", |module| {
        let slot = module.slot(wide(slot))?;
        transfer::require(info, "pInfo")?;
        let answer = token_info(&slot)?;
        // SAFETY: the caller's promise.
        unsafe { transfer::write(info, answer, "pInfo") }
    })
}

fn token_info(slot: &Slot) -> Result<CK_TOKEN_INFO> {
    let token = slot.token.info()?;
    let sessions = slot.session_count();
    Ok(CK_TOKEN_INFO {
        label: padded(&token.label),
        manufacturerID: padded(&token.manufacturer),
        model: padded(&token.model),
        serialNumber: padded(&token.serial),
        flags: token_flags(&token, slot.token.is_open()),
        ulMaxSessionCount: NO_LIMIT,
        ulSessionCount: sessions.all as CK_ULONG,
        ulMaxRwSessionCount: NO_LIMIT,
        ulRwSessionCount: sessions.read_write as CK_ULONG,
        ulMaxPinLen: token.pin_lengths.1 as CK_ULONG,
        ulMinPinLen: token.pin_lengths.0 as CK_ULONG,
        ulTotalPublicMemory: ck::CK_UNAVAILABLE_INFORMATION,
        ulFreePublicMemory: ck::CK_UNAVAILABLE_INFORMATION,
        ulTotalPrivateMemory: ck::CK_UNAVAILABLE_INFORMATION,
        ulFreePrivateMemory: ck::CK_UNAVAILABLE_INFORMATION,
        hardwareVersion: HARDWARE_VERSION,
        firmwareVersion: LIBRARY_VERSION,
        // Only meaningful with CKF_CLOCK_ON_TOKEN, and there is none.
        utcTime: [b' '; 16],
    })
}

fn token_flags(token: &TokenInfo, is_open: bool) -> CK_FLAGS {
    let mut flags = ck::CKF_RNG;
    let facts = [
        (!is_open, ck::CKF_LOGIN_REQUIRED),
        (token.initialized, ck::CKF_TOKEN_INITIALIZED),
        (token.user_pin_initialized, ck::CKF_USER_PIN_INITIALIZED),
        (token.write_protected, ck::CKF_WRITE_PROTECTED),
    ];
    for (true_now, flag) in facts {
        if true_now {
            flags |= flag;
        }
    }
    let low = [ck::CKF_USER_PIN_COUNT_LOW, ck::CKF_SO_PIN_COUNT_LOW];
    let last = [ck::CKF_USER_PIN_FINAL_TRY, ck::CKF_SO_PIN_FINAL_TRY];
    let locked = [ck::CKF_USER_PIN_LOCKED, ck::CKF_SO_PIN_LOCKED];
    for (i, state) in [token.user_pin, token.so_pin].into_iter().enumerate() {
        flags |= match state {
            PinState::Fine => 0,
            PinState::CountLow => low[i],
            PinState::FinalTry => low[i] | last[i],
            PinState::Locked => low[i] | locked[i],
        };
    }
    flags
}

/// `C_WaitForSlotEvent`: slots never change under a running application's eyes.
///
/// # Safety
/// None of the arguments is dereferenced.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_WaitForSlotEvent(
    flags: CK_FLAGS,
    _slot: CK_SLOT_ID_PTR,
    reserved: CK_VOID_PTR,
) -> CK_RV {
    entry("C_WaitForSlotEvent", |_| {
        if !reserved.is_null() {
            return Err(Code::ArgumentsBad.because("pReserved is not NULL"));
        }
        match flags & ck::CKF_DONT_BLOCK {
            0 => Err(Code::FunctionNotSupported.because("no slot event will ever come")),
            _ => Err(Code::NoEvent.into()),
        }
    })
}

/// `C_GetMechanismList`.
///
/// # Safety
/// `list` is NULL or writable for `*count` types; `count` is NULL or readable and writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetMechanismList(
    slot: CK_SLOT_ID,
    list: CK_MECHANISM_TYPE_PTR,
    count: CK_ULONG_PTR,
) -> CK_RV {
    entry("C_GetMechanismList", |module| {
        let slot = module.slot(wide(slot))?;
        let rows = slot.token.mechanisms();
        let types: Vec<_> = rows.iter().map(|row| row.id.0 as CK_MECHANISM_TYPE).collect();
        // SAFETY: the caller's promise.
        unsafe { transfer::list(&types, list, count) }
    })
}

/// `C_GetMechanismInfo`.
///
/// # Safety
/// `info` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_GetMechanismInfo(
    slot: CK_SLOT_ID,
    mechanism: CK_MECHANISM_TYPE,
    info: CK_MECHANISM_INFO_PTR,
) -> CK_RV {
    entry("C_GetMechanismInfo", |module| {
        let slot = module.slot(wide(slot))?;
        let id = MechanismType(wide(mechanism));
        let row = set::find(slot.token.mechanisms(), id)?;
        if log::log_enabled!(log::Level::Debug)
            && let Some(origins) = slot.token.origins(row)
        {
            log::debug!("{}: {origins}", row.name());
        }
        let (least, most) = row.announced_sizes();
        let answer = CK_MECHANISM_INFO {
            ulMinKeySize: least as CK_ULONG,
            ulMaxKeySize: most as CK_ULONG,
            flags: row.flags(),
        };
        // SAFETY: the caller's promise.
        unsafe { transfer::write(info, answer, "pInfo") }
    })
}

/// `C_InitToken`.
///
/// # Safety
/// `pin` is NULL or readable for `pin_len` bytes, `label` is NULL or readable for 32.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn C_InitToken(
    slot: CK_SLOT_ID,
    pin: CK_UTF8CHAR_PTR,
    pin_len: CK_ULONG,
    label: CK_UTF8CHAR_PTR,
) -> CK_RV {
    entry("C_InitToken", |module| {
        let slot = module.slot(wide(slot))?;
        transfer::require(pin, "pPin")?;
        transfer::require(label, "pLabel")?;
        // SAFETY: the caller's promise for both.
        let (pin, label) = unsafe {
            let pin = transfer::bytes(pin, pin_len, "pPin")?;
            (pin, trimmed(transfer::bytes(label, 32, "pLabel")?)?)
        };
        module.initialize_token(&slot, Pin(pin), label)
    })
}

/// A `CK_ULONG` in the width that the rest of the module counts in.
#[allow(clippy::useless_conversion)] // 32 bits wide on some platforms
fn wide(number: CK_ULONG) -> u64 {
    u64::from(number)
}
