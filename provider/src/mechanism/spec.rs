//! What a row of the mechanism table says, and a mechanism as the application asked for it.

use std::sync::Arc;

use pkcs11_sys as ck;

use crate::attribute::{Attributes, KeyType};
use crate::backend::{Object, Operation};
use crate::engine::Lease;
use crate::error::Result;
use crate::ffi::params::RawParams;
use crate::mechanism::message::Messages;
use crate::mechanism::{MechanismType, Params, params};
use crate::secret::Secret;

/// What a key is used for; each has a usage attribute (`CKA_SIGN`, ...) and a `CKF_` flag.
/// Tokens store the numbers, so a new one goes to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    Encrypt,
    Decrypt,
    Digest,
    Sign,
    Verify,
    SignRecover,
    VerifyRecover,
    Wrap,
    Unwrap,
    Derive,
}

impl Function {
    pub const ALL: [Self; 10] = [
        Self::Encrypt,
        Self::Decrypt,
        Self::Digest,
        Self::Sign,
        Self::Verify,
        Self::SignRecover,
        Self::VerifyRecover,
        Self::Wrap,
        Self::Unwrap,
        Self::Derive,
    ];
}

/// Starts an operation on a key whose type the row admits.
pub type Start = fn(&Lease, &Params<'_>) -> Result<Operation>;
/// Starts an operation that needs no key.
pub type StartDigest = fn() -> Result<Operation>;
/// Makes the secret attributes of a new key: `wanted` is complete but for them, and what comes back
/// is added to it (`CKA_VALUE`, `CKA_CHECK_VALUE`, ...).
pub type Generate = fn(&Params<'_>, wanted: &Attributes) -> Result<Attributes>;
/// As [`Generate`], for the public and the private half in this order.
pub type GeneratePair =
    fn(&Params<'_>, public: &Attributes, private: &Attributes) -> Result<(Attributes, Attributes)>;
/// Wraps the encoding of a key: the value of a secret key, the PKCS#8 DER of a private key.
pub type Wrap = fn(&Lease, &Params<'_>, encoding: &[u8]) -> Result<Vec<u8>>;
/// Undoes [`Wrap`].
pub type Unwrap = fn(&Lease, &Params<'_>, wrapped: &[u8]) -> Result<Secret>;
/// Derives the value of a secret key; `length` in bytes is what the template asks for or its key
/// type demands, `None` where the mechanism decides.
pub type Derive = fn(&Lease, &Mechanism<'_>, length: Option<usize>) -> Result<Secret>;

/// As [`Derive`], for several keys at once: the value of each, in the order of their lengths.
pub type DeriveKeys = fn(&Lease, &Mechanism<'_>, lengths: &[Option<usize>]) -> Result<Vec<Secret>>;

/// One row of the table: a mechanism and what this module implements of it.
#[derive(Clone, Copy)]
pub struct MechanismSpec {
    pub id: MechanismType,
    /// The key types it works on, or the type it generates; empty for digests.
    pub keys: &'static [KeyType],
    /// Smallest and largest key (`CK_MECHANISM_INFO`), in the unit the specification gives the
    /// mechanism: bits for RSA, EC and DH, bytes for secret keys.
    pub sizes: (u64, u64),
    /// Whether the mechanism is there only where the configuration says `legacy = true`.
    pub legacy: bool,
    /// Keys below this size, in the unit of `sizes`, are made and sign only under `legacy = true`:
    /// what was signed with them long ago is verified for ever. 0 where no size is too small.
    pub legacy_below: u64,
    pub params: for<'a> fn(RawParams<'a>) -> Result<Params<'a>>,
    /// Whether `C_*Update` is refused: the mechanism table of the specification's section says so.
    pub single_part: bool,
    pub encrypt: Option<Start>,
    pub decrypt: Option<Start>,
    pub digest: Option<StartDigest>,
    pub sign: Option<Start>,
    pub verify: Option<Start>,
    pub sign_recover: Option<Start>,
    pub verify_recover: Option<Start>,
    /// What the message-based functions do, of encrypt, decrypt, sign and verify above.
    pub messages: Messages,
    pub generate: Option<Generate>,
    pub generate_pair: Option<GeneratePair>,
    pub wrap: Option<Wrap>,
    pub unwrap: Option<Unwrap>,
    /// Whether it wraps and unwraps private keys as well as secret keys.
    pub wraps_private: bool,
    /// Whether somebody can change what is wrapped so that another key comes out of it: `wrap` and
    /// `unwrap` are there only where the policy allows it.
    pub malleable: bool,
    /// The block in bytes that zero bytes behind a key fill when it is wrapped, which `unwrap` leaves
    /// there; 0 where nothing is added.
    pub zero_padded: usize,
    pub derive: Option<Derive>,
    /// In the place of `derive`, where the parameters ask for more keys.
    pub derive_keys: Option<DeriveKeys>,
    /// Whether only another module knows it: parameters and key types are that one's to judge.
    pub opaque: bool,
    /// Flags that do not follow from the functions: `CKF_EC_*`.
    pub extra_flags: ck::CK_FLAGS,
}

impl MechanismSpec {
    /// A mechanism that does nothing; rows fill in what they implement.
    pub const DEFAULT: Self = Self {
        id: MechanismType(0),
        keys: &[],
        sizes: (0, 0),
        legacy: false,
        legacy_below: 0,
        params: params::none,
        single_part: false,
        encrypt: None,
        decrypt: None,
        digest: None,
        sign: None,
        verify: None,
        sign_recover: None,
        verify_recover: None,
        messages: Messages::Refused,
        generate: None,
        generate_pair: None,
        wrap: None,
        unwrap: None,
        wraps_private: false,
        malleable: false,
        zero_padded: 0,
        derive: None,
        derive_keys: None,
        opaque: false,
        extra_flags: 0,
    };

    /// The name in the specification.
    pub fn name(&self) -> &'static str {
        self.id.name().unwrap_or("vendor mechanism")
    }

    /// Whether it works on keys of this type.
    pub fn works_on(&self, key_type: KeyType) -> bool {
        self.opaque || self.keys.contains(&key_type)
    }

    /// The sizes of `CK_MECHANISM_INFO`: of the keys that it makes, if it makes any, else of those
    /// that it can be used with for one of its functions at least.
    pub fn announced_sizes(&self) -> (u64, u64) {
        match self.generate_pair {
            Some(_) => (self.sizes.0.max(self.legacy_below), self.sizes.1),
            None => self.sizes,
        }
    }

    /// The implementation of an operation on a key, if the row has one.
    pub fn start(&self, function: Function) -> Option<Start> {
        match function {
            Function::Encrypt => self.encrypt,
            Function::Decrypt => self.decrypt,
            Function::Sign => self.sign,
            Function::Verify => self.verify,
            Function::SignRecover => self.sign_recover,
            Function::VerifyRecover => self.verify_recover,
            Function::Digest | Function::Wrap | Function::Unwrap | Function::Derive => None,
        }
    }

    /// Whether it derives keys, one or several.
    pub const fn derives(&self) -> bool {
        self.derive.is_some() || self.derive_keys.is_some()
    }

    /// Whether the message-based functions do this.
    pub const fn takes_messages(&self, function: Function) -> bool {
        match (self.messages, function) {
            (Messages::Sealed(_), Function::Encrypt) => self.encrypt.is_some(),
            (Messages::Sealed(_), Function::Decrypt) => self.decrypt.is_some(),
            (Messages::Signed, Function::Sign) => self.sign.is_some(),
            (Messages::Signed, Function::Verify) => self.verify.is_some(),
            _ => false,
        }
    }

    /// Whether a message may come in parts (`C_EncryptMessageBegin`, ...).
    pub const fn takes_messages_in_parts(&self) -> bool {
        let any = self.takes_messages(Function::Encrypt)
            || self.takes_messages(Function::Decrypt)
            || self.takes_messages(Function::Sign)
            || self.takes_messages(Function::Verify);
        any && !self.single_part
    }

    /// `CK_MECHANISM_INFO.flags`: a function is announced if and only if the row implements it.
    pub const fn flags(&self) -> ck::CK_FLAGS {
        let functions = [
            (self.encrypt.is_some(), ck::CKF_ENCRYPT),
            (self.decrypt.is_some(), ck::CKF_DECRYPT),
            (self.digest.is_some(), ck::CKF_DIGEST),
            (self.sign.is_some(), ck::CKF_SIGN),
            (self.verify.is_some(), ck::CKF_VERIFY),
            (self.sign_recover.is_some(), ck::CKF_SIGN_RECOVER),
            (self.verify_recover.is_some(), ck::CKF_VERIFY_RECOVER),
            (self.generate.is_some(), ck::CKF_GENERATE),
            (self.generate_pair.is_some(), ck::CKF_GENERATE_KEY_PAIR),
            (self.wrap.is_some(), ck::CKF_WRAP),
            (self.unwrap.is_some(), ck::CKF_UNWRAP),
            (self.derives(), ck::CKF_DERIVE),
            (self.takes_messages(Function::Encrypt), ck::CKF_MESSAGE_ENCRYPT),
            (self.takes_messages(Function::Decrypt), ck::CKF_MESSAGE_DECRYPT),
            (self.takes_messages(Function::Sign), ck::CKF_MESSAGE_SIGN),
            (self.takes_messages(Function::Verify), ck::CKF_MESSAGE_VERIFY),
            (self.takes_messages_in_parts(), ck::CKF_MULTI_MESSAGE),
        ];
        let mut flags = self.extra_flags;
        let mut i = 0;
        while i < functions.len() {
            if functions[i].0 {
                flags |= functions[i].1;
            }
            i += 1;
        }
        flags
    }
}

/// A mechanism as the application gave it: its row, its parsed parameters, the keys they name.
pub struct Mechanism<'a> {
    pub spec: &'static MechanismSpec,
    pub params: Params<'a>,
    /// The keys behind the handles in `params`, in their order (a salt key of HKDF, ...).
    pub keys: Vec<Arc<Object>>,
}
