//! Safe calls into somebody else's PKCS#11 module.
//!
//! | file | holds |
//! |---|---|
//! | `library` | a module in memory: loaded once, initialised at first use |
//! | `life` | from one initialisation to the next: which calls run, which sessions are good |
//! | `slots` | what the module says of itself, its tokens and their mechanisms |
//! | `session` | sessions, login, PINs, random numbers |
//! | `objects`, `reading` | objects, and the attributes that they give |
//! | `keys` | keys made, wrapped, unwrapped and derived |
//! | `operation` | operations on data |
//! | `params` | mechanisms as the module is asked for them |
//! | `rows` | attributes as arrays of the C interface |
//! | `exit` | the end of the process |

mod exit;
mod keys;
mod library;
mod life;
mod objects;
mod operation;
mod params;
mod reading;
mod rows;
mod session;
mod slots;

use std::path::Path;

use pkcs11_sys::CK_RV;

use crate::error::{Code, Error};

pub use library::{Library, Settings};
pub use params::Call;
pub use session::InnerSession;
pub use slots::{InnerMechanism, InnerToken, LibraryInfo};

/// What a function answered, under its own code if the specification has it.
#[cold]
fn failure(path: &Path, function: &'static str, answer: CK_RV) -> Error {
    let path = path.display();
    #[allow(clippy::useless_conversion)] // CK_RV has 32 bits on some platforms
    let answer = u64::from(answer);
    match Code::from_raw(answer) {
        Some(code) => {
            code.because(format!("{path}: {function} answered {} ({answer:#x})", code.name()))
        }
        None => Code::DeviceError.because(format!(
            "{path}: {function} answered {answer:#x}, a code of its vendor; its documents explain it"
        )),
    }
}
