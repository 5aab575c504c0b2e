//! From the module's errors to errors for a person.

use keyway_pkcs11::error::{Code, Error as Local};

use crate::error::{Error, Kind};

/// An error of the token's own code, with what can be done about it.
pub(super) fn local_error(error: Local) -> Error {
    let (kind, advice) = classify(error.code());
    let told = kind.because(error.to_string());
    match advice {
        Some(advice) => told.advise(advice),
        None => told,
    }
}

/// As [`local_error`], where the token itself may not be there.
pub(super) fn opening_error(error: Local) -> Error {
    match error.code() {
        Code::TokenNotPresent => {
            Kind::NotFound.because(error.to_string()).advise("see: keyway token list")
        }
        _ => local_error(error),
    }
}

fn classify(code: Code) -> (Kind, Option<&'static str>) {
    match code {
        Code::TokenNotPresent => (Kind::Token, Some("see: keyway doctor")),
        Code::ArgumentsBad => {
            (Kind::Usage, Some("choose one with --token; see: keyway token list"))
        }
        Code::PinIncorrect | Code::PinLenRange => {
            (Kind::Pin, Some("check the PIN; too many wrong ones lock the token"))
        }
        Code::PinLocked => {
            (Kind::Pin, Some("its security officer can set a new user PIN: keyway token unlock"))
        }
        Code::UserPinNotInitialized => (
            Kind::Token,
            Some("the token's security officer has to set a user PIN: keyway token unlock"),
        ),
        Code::UserNotLoggedIn => (Kind::Pin, Some("the token wants a login")),
        Code::SessionExists => (Kind::Refused, Some("stop the program that uses it and try again")),
        Code::TokenWriteProtected => {
            (Kind::Token, Some("the token is read-only here: check who owns its files"))
        }
        Code::DeviceMemory => (Kind::Token, Some("the token is full or cannot write")),
        _ => (Kind::Token, None),
    }
}
