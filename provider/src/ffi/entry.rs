//! The boundary that every exported function passes: panics stop here, errors are logged here.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pkcs11_sys::{CK_RV, CKR_OK};

use crate::error::{Code, Result};
use crate::ffi::current::current;
use crate::log;
use crate::module::Module;

/// Runs the body of an exported function on the module of this process.
///
/// CKR_CRYPTOKI_NOT_INITIALIZED comes before any look at the arguments.
#[inline]
pub(crate) fn entry(
    function: &'static str,
    body: impl FnOnce(&'static Module) -> Result<()>,
) -> CK_RV {
    contain(function, || {
        let module = current()?;
        body(module).inspect_err(|error| {
            if error.code() == Code::DeviceRemoved {
                module.close_gone();
            }
        })
    })
}

/// As [`entry`], for the few functions that work before C_Initialize.
#[inline]
pub(crate) fn contain(function: &'static str, body: impl FnOnce() -> Result<()>) -> CK_RV {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => CKR_OK,
        Ok(Err(error)) => {
            log::report(function, &error);
            error.code().raw() as CK_RV
        }
        Err(payload) => panicked(function, &*payload),
    }
}

/// A panic is a bug of this module: the log gets the story, the host lives.
#[cold]
fn panicked(function: &'static str, payload: &(dyn Any + Send)) -> CK_RV {
    let story = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(story), _) => story,
        (None, Some(story)) => story.as_str(),
        (None, None) => "no message",
    };
    // A second panic, in a logger that is itself broken, has nowhere left to go.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        ::log::error!("{function}: a bug in this module: {story}");
    }));
    Code::GeneralError.raw() as CK_RV
}
