//! Who does what of a mechanism that a token offers.

use std::fmt;

use pkcs11_sys as ck;

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The inner token.
    Inner,
    /// Our engine, with what anybody may know of the key.
    Engine,
    /// The inner token with another mechanism, and our engine around that.
    Composed,
}

/// Everything that a mechanism does, by its flag (`CKF_SIGN`, ...), and who does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(pub Vec<(ck::CK_FLAGS, Origin)>);

const WORDS: [(ck::CK_FLAGS, &str); 12] = [
    (ck::CKF_ENCRYPT, "encrypt"),
    (ck::CKF_DECRYPT, "decrypt"),
    (ck::CKF_DIGEST, "digest"),
    (ck::CKF_SIGN, "sign"),
    (ck::CKF_VERIFY, "verify"),
    (ck::CKF_SIGN_RECOVER, "sign with recovery"),
    (ck::CKF_VERIFY_RECOVER, "verify with recovery"),
    (ck::CKF_GENERATE, "generate"),
    (ck::CKF_GENERATE_KEY_PAIR, "generate"),
    (ck::CKF_WRAP, "wrap"),
    (ck::CKF_UNWRAP, "unwrap"),
    (ck::CKF_DERIVE, "derive"),
];

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inner => "inner",
            Self::Engine => "engine",
            Self::Composed => "composed",
        })
    }
}

/// For people: `sign: composed, verify: engine`.
impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |flag| WORDS.iter().find(|row| row.0 == flag).map_or("other", |row| row.1);
        let said: Vec<_> =
            self.0.iter().map(|(flag, origin)| format!("{}: {origin}", word(*flag))).collect();
        f.write_str(&said.join(", "))
    }
}
