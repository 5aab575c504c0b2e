//! Which answers of an inner module mean that something was lost, and what the application is
//! told of it.

use crate::error::{Code, Error};

/// Whether a code says that the session or the token is lost, for any module.
pub(super) fn is_of_the_token(code: Code) -> bool {
    matches!(
        code,
        Code::SessionHandleInvalid
            | Code::SessionClosed
            | Code::DeviceError
            | Code::DeviceRemoved
            | Code::TokenNotPresent
            | Code::TokenNotRecognized
            | Code::CryptokiNotInitialized
    )
}

/// An inner module's loss as the application may see it: its own session and its own C_Initialize
/// are as they were. What the inner module does not explain is a trouble of the device, and none of
/// ours.
pub(super) fn outward(error: Error) -> Error {
    match error.code() {
        Code::SessionHandleInvalid
        | Code::SessionClosed
        | Code::SessionCount
        | Code::SessionExists
        | Code::SessionParallelNotSupported
        | Code::SessionReadOnly
        | Code::SessionReadOnlyExists
        | Code::SessionReadWriteSoExists
        | Code::CryptokiNotInitialized
        | Code::GeneralError => error.with_code(Code::DeviceError),
        Code::TokenNotPresent | Code::TokenNotRecognized => error.with_code(Code::DeviceRemoved),
        _ => error,
    }
}

/// As [`outward`], for what changes nothing: that the token is write protected is no answer to it.
pub(super) fn outward_of_reading(error: Error) -> Error {
    match error.code() {
        Code::TokenWriteProtected => error.with_code(Code::DeviceError),
        _ => outward(error),
    }
}

/// What kept a token from being found, as the application may see it at any call.
pub(super) fn absent(error: Error) -> Error {
    match outward(error) {
        error if matches!(error.code(), Code::DeviceError | Code::DeviceRemoved) => error,
        error => error.with_code(Code::DeviceRemoved),
    }
}
