//! A module under test, and the rule that its every answer is one that the function may give.

use std::fmt::Debug;
use std::sync::Mutex;

use keyway_pkcs11::returns::may_return;

use super::abi::Arg;
use super::answer::Answer;
use super::library::Library;
use super::place::{Place, SO_PIN, USER_PIN};
use super::{Code, Flags, Session};

/// Which module is under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    SoftHsm,
    Keyway,
    /// A slot of ours that bridges to SoftHSM2.
    BridgeSoftHsm,
    /// A slot of ours that bridges to a token of a second copy of our module.
    BridgeKeyway,
}

impl Kind {
    pub const ALL: [Self; 4] =
        [Self::Keyway, Self::SoftHsm, Self::BridgeSoftHsm, Self::BridgeKeyway];

    /// As `tests/deviations.toml` and `KEYWAY_TEST_TARGET` name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SoftHsm => "softhsm2",
            Self::Keyway => "keyway",
            Self::BridgeSoftHsm => "bridge-softhsm2",
            Self::BridgeKeyway => "bridge-keyway",
        }
    }

    pub fn is_bridge(self) -> bool {
        matches!(self, Self::BridgeSoftHsm | Self::BridgeKeyway)
    }
}

/// A loaded module over a token of its own.
#[derive(Debug)]
pub struct Target {
    pub kind: Kind,
    pub library: Library,
    pub place: Place,
    /// What the module answered otherwise than the test says.
    notes: Mutex<Vec<String>>,
}

impl Drop for Target {
    fn drop(&mut self) {
        self.library.call("C_Finalize", &mut [Arg::Null]);
    }
}

impl Target {
    /// The module loaded over a fresh place; with a token it is initialised as well.
    pub fn new(kind: Kind, token: bool) -> Self {
        let target = Self::over(kind, Place::new(kind, token));
        if token {
            target.initialize().expect("C_Initialize");
        }
        target
    }

    /// The module loaded over a place that is there already.
    pub fn over(kind: Kind, place: Place) -> Self {
        let library = Library::open(&place.module());
        Self { kind, library, place, notes: Mutex::default() }
    }

    /// The module that is linked into this very program. Its tokens are those of the backend that
    /// `ffi::current::initialize` is given, whatever the place says.
    pub fn linked(place: Place) -> Self {
        let library = Library::linked();
        Self { kind: Kind::Keyway, library, place, notes: Mutex::default() }
    }

    pub fn so_pin(&self) -> &'static str {
        SO_PIN
    }

    pub fn user_pin(&self) -> &'static str {
        USER_PIN
    }

    /// Calls a function and checks that it may answer what it answers.
    #[track_caller]
    pub fn call(&self, function: &'static str, arguments: &mut [Arg<'_>]) -> Result<(), Code> {
        let Some(raw) = self.library.call(function, arguments) else {
            self.note(format!("{function} is not there"));
            return Err(Code::FunctionNotSupported);
        };
        let Some(code) = Code::from_raw(raw) else {
            self.note(format!("{function} answers {raw:#x}"));
            return Err(Code::GeneralError);
        };
        if !self.may_answer(function, code) {
            self.note(format!("{function} answers {}, which it may not", code.name()));
        }
        match code {
            Code::Ok => Ok(()),
            code => Err(code),
        }
    }

    /// The row of the function, and what any function may answer (specification sections
    /// "Universal Cryptoki function return values" and "All other Cryptoki function return
    /// values"). In our module CKR_GENERAL_ERROR and CKR_FUNCTION_FAILED mean a bug or a broken
    /// disk, which no test but those of the disk may see.
    fn may_answer(&self, function: &str, code: Code) -> bool {
        let row = may_return(function).unwrap_or_else(|| panic!("{function} has no row"));
        let failure = matches!(code, Code::GeneralError | Code::FunctionFailed);
        match code {
            // What SoftHSM2 says of damaged data.
            Code::GeneralError if matches!(self.place, Place::Bridge(_)) => true,
            _ if failure => self.kind == Kind::SoftHsm,
            Code::OperationNotValidated | Code::FunctionNotSupported => true,
            // Missing in the specification's list of C_EncryptInit alone, an oversight: its
            // siblings have it.
            Code::ArgumentsBad if function == "C_EncryptInit" => true,
            // "An attempt has been made to use a key for a cryptographic purpose that the key's
            // attributes are not set to allow": said of all keys, listed for operations only.
            Code::KeyFunctionNotPermitted
                if matches!(function, "C_WrapKey" | "C_UnwrapKey" | "C_DeriveKey") =>
            {
                true
            }
            Code::CryptokiNotInitialized => function != "C_Initialize",
            code => row.contains(&code),
        }
    }

    /// The module must answer `expected`.
    #[track_caller]
    pub fn same<T: Answer + PartialEq + Debug>(&self, what: &str, actual: T, expected: T) {
        if actual != expected {
            if self.kind == Kind::Keyway {
                panic!("{what}: {actual:?}, not {expected:?}");
            }
            self.note(format!("{what}: {}", actual.described()));
        }
    }

    /// What is under test: in detail for our module, in short for the list of deviations.
    pub fn what(&self, short: &str, detail: String) -> String {
        if self.kind == Kind::Keyway { detail } else { short.to_owned() }
    }

    /// What is claimed must be true.
    #[track_caller]
    pub fn holds(&self, claim: &str, truth: bool) {
        if !truth {
            self.note(format!("not so: {claim}"));
        }
    }

    /// Notes a deviation; in our module there is none to be noted.
    #[track_caller]
    pub fn note(&self, note: String) {
        assert!(self.kind != Kind::Keyway, "{note}");
        let note = note.replace('\n', " ");
        let mut notes = self.notes.lock().expect("no test panics while it notes");
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// What was noted so far, in order.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().expect("no test panics while it notes").clone()
    }

    pub fn initialize(&self) -> Result<(), Code> {
        self.call("C_Initialize", &mut [Arg::Null])
    }

    pub fn finalize(&self) -> Result<(), Code> {
        self.call("C_Finalize", &mut [Arg::Null])
    }

    /// The slots, in the order of the module.
    pub fn slots(&self) -> Vec<u64> {
        let (mut list, mut count) = ([0; 16], [16]);
        let mut arguments = [Arg::Number(1), Arg::WordsMut(&mut list), Arg::WordsMut(&mut count)];
        self.call("C_GetSlotList", &mut arguments).expect("C_GetSlotList");
        list[..count[0] as usize].to_vec()
    }

    /// The slot with the token, or the free one while there is no token.
    pub fn slot(&self) -> u64 {
        let slots = self.slots();
        let token = slots.iter().find(|slot| {
            const CKF_TOKEN_INITIALIZED: u64 = 0x400;
            self.token_info(**slot).is_ok_and(|info| info.flags & CKF_TOKEN_INITIALIZED != 0)
        });
        *token.or(slots.first()).expect("a slot")
    }

    pub fn init_token(&self, slot: u64, pin: &str, label: &str) -> Result<(), Code> {
        let label = format!("{label:32}");
        self.call(
            "C_InitToken",
            &mut [
                Arg::Number(slot),
                Arg::Bytes(pin.as_bytes()),
                Arg::Number(pin.len() as u64),
                Arg::Bytes(label.as_bytes()),
            ],
        )
    }

    /// A session on the slot with the token.
    pub fn open(&self, flags: Flags) -> Result<Session<'_>, Code> {
        self.open_on(self.slot(), flags)
    }

    pub fn open_on(&self, slot: u64, flags: Flags) -> Result<Session<'_>, Code> {
        let mut handle = [0];
        let mut arguments = [
            Arg::Number(slot),
            Arg::Number(flags.raw()),
            Arg::Null,
            Arg::Null,
            Arg::WordsMut(&mut handle),
        ];
        self.call("C_OpenSession", &mut arguments)?;
        Ok(Session { target: self, handle: handle[0] })
    }

    pub fn close_all(&self, slot: u64) -> Result<(), Code> {
        self.call("C_CloseAllSessions", &mut [Arg::Number(slot)])
    }

    pub fn token_info(&self, slot: u64) -> Result<TokenInfo, Code> {
        let mut words = [u64::MAX; 26];
        self.call("C_GetTokenInfo", &mut [Arg::Number(slot), Arg::WordsMut(&mut words)])?;
        Ok(TokenInfo::new(&words))
    }

    /// The mechanisms, in the order of the module.
    pub fn mechanisms(&self, slot: u64) -> Vec<u64> {
        let (mut list, mut count) = (vec![0; 1024], [1024]);
        let mut arguments =
            [Arg::Number(slot), Arg::WordsMut(&mut list), Arg::WordsMut(&mut count)];
        self.call("C_GetMechanismList", &mut arguments).expect("C_GetMechanismList");
        list.truncate(count[0] as usize);
        list
    }

    /// Smallest key, largest key, flags.
    pub fn mechanism_info(&self, slot: u64, mechanism: u64) -> Result<[u64; 3], Code> {
        let mut info = [0; 3];
        let mut arguments = [Arg::Number(slot), Arg::Number(mechanism), Arg::WordsMut(&mut info)];
        self.call("C_GetMechanismInfo", &mut arguments)?;
        Ok(info)
    }
}

/// `CK_TOKEN_INFO`.
#[derive(Debug)]
pub struct TokenInfo {
    /// Label, manufacturer, model, serial number: 32, 32, 16 and 16 characters.
    pub texts: [Vec<u8>; 4],
    pub flags: u64,
    /// Session maximum and count, read-write maximum and count, longest and shortest PIN, public
    /// and private memory, each total and free.
    pub numbers: Vec<u64>,
    pub utc_time: Vec<u8>,
}

impl TokenInfo {
    fn new(words: &[u64; 26]) -> Self {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let texts = [0..32, 32..64, 64..80, 80..96].map(|range| bytes[range].to_vec());
        let (flags, numbers) = (words[12], words[13..23].to_vec());
        Self { texts, flags, numbers, utc_time: bytes[188..204].to_vec() }
    }
}
