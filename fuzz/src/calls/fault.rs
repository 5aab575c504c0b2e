//! Answers altered on purpose, here and not in the module: each has to be found
//! (`fuzz/run.sh --prove`).

use pkcs11_sys as ck;

use super::world::{NOT_INITIALIZED, OK, TOO_SMALL};
use crate::functions::{self, at};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    None,
    /// An operation that never began goes on.
    Answer,
    /// An operation does not outlive CKR_BUFFER_TOO_SMALL.
    State,
    /// A closed session is still there.
    Handle,
    /// An answer that its function does not have.
    Row,
    /// A buffer is used one byte further than it goes.
    Overrun,
    /// Memory that nobody gives back.
    Leak,
}

impl Fault {
    /// The fault that `KEYWAY_FUZZ_FAULT` names.
    pub fn wanted() -> Self {
        static WANTED: std::sync::OnceLock<Fault> = std::sync::OnceLock::new();
        *WANTED.get_or_init(|| match std::env::var("KEYWAY_FUZZ_FAULT").as_deref() {
            Err(_) => Self::None,
            Ok("answer") => Self::Answer,
            Ok("state") => Self::State,
            Ok("handle") => Self::Handle,
            Ok("row") => Self::Row,
            Ok("overrun") => Self::Overrun,
            Ok("leak") => Self::Leak,
            Ok(other) => panic!("KEYWAY_FUZZ_FAULT: no fault {other}"),
        })
    }

    /// What the caller sees in the place of `rv`.
    pub fn altered(self, function: usize, rv: u32, arguments: &[usize]) -> u32 {
        match self {
            Self::Answer if function == at("C_SignUpdate") && rv == NOT_INITIALIZED => OK,
            Self::State if function == at("C_Sign") && rv == TOO_SMALL => {
                let cancelled = [arguments[0], ck::CKF_SIGN as usize];
                // SAFETY: no pointers.
                unsafe { functions::invoke(at("C_SessionCancel"), &cancelled) };
                rv
            }
            Self::Handle if rv == ck::CKR_SESSION_HANDLE_INVALID as u32 => OK,
            Self::Row if function == at("C_FindObjectsFinal") && rv == NOT_INITIALIZED => {
                ck::CKR_PIN_LOCKED as u32
            }
            Self::Overrun if function == at("C_GenerateRandom") && rv == OK && arguments[2] > 0 => {
                let longer = [arguments[0], arguments[1], arguments[2] + 1];
                // SAFETY: none: the page behind the buffer cannot be written, which ends the
                // process; that is what is to be shown.
                unsafe { functions::invoke(function, &longer) }
            }
            Self::Leak if function == at("C_SignInit") => {
                std::mem::forget(vec![0_u8; 1024]);
                rv
            }
            _ => rv,
        }
    }
}
