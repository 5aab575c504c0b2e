//! From a module's return codes to errors for a person.

use cryptoki::error::{Error as Cryptoki, Rv, RvError};
use cryptoki_sys::{CK_RV, CKR_GENERAL_ERROR};

use crate::error::{Error, Kind};

/// An error of cryptoki, with what was being done and what can be done about it.
pub fn token_error(what: &str, error: Cryptoki) -> Error {
    match &error {
        Cryptoki::Pkcs11(code, function) => {
            coded(format!("{what}: {function:?} answered {code:?}"), code)
        }
        other => Kind::Token.because(format!("{what}: {other}")),
    }
}

/// The error for a return code.
fn coded(told: String, code: &RvError) -> Error {
    let (kind, advice) = classify(code);
    let mut mapped = kind.because(told);
    if ends_session(code) {
        mapped = mapped.losing_session();
    }
    match advice {
        Some(advice) => mapped.advise(advice),
        None => mapped,
    }
}

/// Whether nothing more is to be expected of the session that a call was made on. A session that is
/// merely logged out says so itself ([`super::OpenToken`]): CKR_USER_NOT_LOGGED_IN is also the
/// answer of a key that wants a login for each use.
fn ends_session(code: &RvError) -> bool {
    matches!(
        code,
        RvError::SessionHandleInvalid
            | RvError::SessionClosed
            | RvError::DeviceError
            | RvError::DeviceRemoved
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::CryptokiNotInitialized
            // A call that failed left its operation running, and only closing the session ends it.
            | RvError::OperationActive
    )
}

/// As [`token_error`], for calls that go past cryptoki.
pub fn raw_error(what: &str, code: CK_RV) -> Error {
    let told = format!("{what}: the token answered {}", raw_code(code));
    match Rv::from(code) {
        Rv::Error(error) => coded(told, &error),
        Rv::Ok => Kind::Token.because(told),
    }
}

/// A return code by its name, or its number if it has none here.
pub fn raw_code(code: CK_RV) -> String {
    match Rv::from(code) {
        Rv::Error(RvError::GeneralError) if code != CKR_GENERAL_ERROR => format!("0x{code:08x}"),
        Rv::Error(error) => format!("{error:?}"),
        Rv::Ok => "OK".to_owned(),
    }
}

/// The code of a PKCS#11 error.
pub fn code(error: &Cryptoki) -> Option<&RvError> {
    match error {
        Cryptoki::Pkcs11(code, _) => Some(code),
        _ => None,
    }
}

/// Whether a module says that a signature is not good, and no more.
pub fn is_bad_signature(error: &Cryptoki) -> bool {
    matches!(code(error), Some(RvError::SignatureInvalid | RvError::SignatureLenRange))
}

fn classify(code: &RvError) -> (Kind, Option<&'static str>) {
    match code {
        RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange => {
            (Kind::Pin, Some("check the PIN; too many wrong ones lock the token"))
        }
        RvError::PinLocked => (
            Kind::Pin,
            Some(
                "the PIN is locked; its security officer can set a new user PIN: keyway token unlock",
            ),
        ),
        RvError::PinExpired => (Kind::Pin, Some("the PIN has to be changed first")),
        // Not of the kind Pin: no PIN was looked at, so that trying again costs nothing.
        RvError::UserPinNotInitialized => (
            Kind::Token,
            Some("the token's security officer has to set a user PIN: keyway token unlock"),
        ),
        RvError::UserNotLoggedIn => (Kind::Pin, Some("the token wants a login")),
        RvError::KeyFunctionNotPermitted => {
            (Kind::Refused, Some("the token does not let this key do it"))
        }
        RvError::MechanismInvalid
        | RvError::MechanismParamInvalid
        | RvError::FunctionNotSupported
        | RvError::CurveNotSupported
        | RvError::KeySizeRange => (Kind::Unsupported, Some("use another token or algorithm")),
        RvError::TokenWriteProtected | RvError::SessionReadOnly => {
            (Kind::Token, Some("the token is read-only here: check who owns its files"))
        }
        RvError::SessionExists => {
            (Kind::Token, Some("another program uses the token: stop it and try again"))
        }
        RvError::DeviceRemoved | RvError::TokenNotPresent => {
            (Kind::Token, Some("the token was removed: put it back and try again"))
        }
        RvError::DeviceError => {
            (Kind::Token, Some("the token failed: see its log, and try again when it answers"))
        }
        RvError::SessionCount => {
            (Kind::Busy, Some("the token has no session left: close those that nobody needs"))
        }
        RvError::DeviceMemory => (Kind::Token, Some("the token is full or cannot write")),
        _ => (Kind::Token, None),
    }
}
