//! Sessions, login and PINs.

use super::abi::Arg;
use super::{Code, Target};

/// How a session is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    ReadOnly,
    ReadWrite,
    /// As they stand.
    Raw(u64),
}

impl Flags {
    pub fn raw(self) -> u64 {
        match self {
            Self::ReadOnly => 4,
            Self::ReadWrite => 6,
            Self::Raw(flags) => flags,
        }
    }
}

/// Who logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    SecurityOfficer,
    User,
    Context,
    /// A number that may be no user type.
    Raw(u64),
}

impl Who {
    pub fn raw(self) -> u64 {
        match self {
            Self::SecurityOfficer => 0,
            Self::User => 1,
            Self::Context => 2,
            Self::Raw(user) => user,
        }
    }
}

/// `CK_SESSION_INFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    pub slot: u64,
    pub state: u64,
    pub flags: u64,
    pub device_error: u64,
}

/// States of a session (`CKS_*`).
pub const RO_PUBLIC: u64 = 0;
pub const RO_USER: u64 = 1;
pub const RW_PUBLIC: u64 = 2;
pub const RW_USER: u64 = 3;
pub const RW_SO: u64 = 4;

/// A session handle and the module that it belongs to; dropping it closes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Session<'t> {
    pub target: &'t Target,
    pub handle: u64,
}

impl<'t> Session<'t> {
    /// Calls a function whose first argument is this session.
    #[track_caller]
    pub fn call(&self, function: &'static str, rest: Vec<Arg<'_>>) -> Result<(), Code> {
        let mut arguments = vec![Arg::Number(self.handle)];
        arguments.extend(rest);
        self.target.call(function, &mut arguments)
    }

    /// Another session on the same slot.
    pub fn another(&self, flags: Flags) -> Result<Session<'t>, Code> {
        self.target.open_on(self.info()?.slot, flags)
    }

    pub fn close(&self) -> Result<(), Code> {
        self.call("C_CloseSession", vec![])
    }

    pub fn login(&self, who: Who, pin: &str) -> Result<(), Code> {
        self.call(
            "C_Login",
            vec![Arg::Number(who.raw()), Arg::Bytes(pin.as_bytes()), Arg::Number(pin.len() as u64)],
        )
    }

    pub fn logout(&self) -> Result<(), Code> {
        self.call("C_Logout", vec![])
    }

    pub fn init_pin(&self, pin: &str) -> Result<(), Code> {
        self.call("C_InitPIN", vec![Arg::Bytes(pin.as_bytes()), Arg::Number(pin.len() as u64)])
    }

    pub fn set_pin(&self, old: &str, new: &str) -> Result<(), Code> {
        self.call(
            "C_SetPIN",
            vec![
                Arg::Bytes(old.as_bytes()),
                Arg::Number(old.len() as u64),
                Arg::Bytes(new.as_bytes()),
                Arg::Number(new.len() as u64),
            ],
        )
    }

    pub fn info(&self) -> Result<SessionInfo, Code> {
        let mut words = [0; 4];
        self.call("C_GetSessionInfo", vec![Arg::WordsMut(&mut words)])?;
        let [slot, state, flags, device_error] = words;
        Ok(SessionInfo { slot, state, flags, device_error })
    }

    pub fn random(&self, len: usize) -> Result<Vec<u8>, Code> {
        let mut bytes = vec![0; len];
        self.call("C_GenerateRandom", vec![Arg::BytesMut(&mut bytes), Arg::Number(len as u64)])?;
        Ok(bytes)
    }
}
