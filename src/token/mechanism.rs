//! What a token says that it does, mechanism by mechanism.

use cryptoki_sys::{
    CKF_DECRYPT, CKF_DERIVE, CKF_DIGEST, CKF_ENCRYPT, CKF_GENERATE, CKF_GENERATE_KEY_PAIR,
    CKF_SIGN, CKF_SIGN_RECOVER, CKF_UNWRAP, CKF_VERIFY, CKF_VERIFY_RECOVER, CKF_WRAP,
};

use super::module::Module;
use crate::error::Result;

/// A flag of CK_MECHANISM_INFO, and its word.
pub type Function = (u64, &'static str);

const FUNCTIONS: [Function; 12] = [
    (CKF_ENCRYPT, "encrypt"),
    (CKF_DECRYPT, "decrypt"),
    (CKF_DIGEST, "digest"),
    (CKF_SIGN, "sign"),
    (CKF_VERIFY, "verify"),
    (CKF_SIGN_RECOVER, "sign-recover"),
    (CKF_VERIFY_RECOVER, "verify-recover"),
    (CKF_GENERATE, "generate"),
    (CKF_GENERATE_KEY_PAIR, "generate-pair"),
    (CKF_WRAP, "wrap"),
    (CKF_UNWRAP, "unwrap"),
    (CKF_DERIVE, "derive"),
];

/// A mechanism of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanism {
    /// CK_MECHANISM_TYPE.
    pub number: u64,
    flags: u64,
}

impl Mechanism {
    /// What the token does with it.
    pub fn functions(&self) -> Vec<Function> {
        FUNCTIONS.into_iter().filter(|(flag, _)| self.flags & flag != 0).collect()
    }
}

/// The mechanisms of the token in a slot, by number; nobody logs in.
///
/// # Errors
/// The module failed.
pub fn mechanisms(module: &Module, slot: u64) -> Result<Vec<Mechanism>> {
    let mut numbers = module.mechanisms(slot)?;
    numbers.sort_unstable();
    let look = |number| {
        let flags = module.mechanism_flags(slot, number)?;
        Ok(Mechanism { number, flags })
    };
    numbers.into_iter().map(look).collect()
}
