//! What a module says of itself, its tokens and their mechanisms.

use pkcs11_sys::{CK_INFO, CK_MECHANISM_INFO, CK_RV, CK_TOKEN_INFO, CK_ULONG, CK_VERSION};

use super::Library;
use crate::error::{Code, Result};
use crate::ffi::text;
use crate::mechanism::MechanismType;

/// `CK_INFO`.
#[derive(Clone, Debug)]
pub struct LibraryInfo {
    /// Major and minor number of the Cryptoki interface.
    pub cryptoki: (u8, u8),
    pub manufacturer: String,
    pub description: String,
    /// Major and minor number of the module.
    pub version: (u8, u8),
}

/// `CK_TOKEN_INFO`: texts without their padding, numbers as the module gives them
/// (`CK_UNAVAILABLE_INFORMATION` is [`UNAVAILABLE`](crate::attribute::abi::UNAVAILABLE)).
#[derive(Clone, Debug)]
pub struct InnerToken {
    pub label: String,
    pub manufacturer: String,
    pub model: String,
    pub serial: String,
    /// `CKF_*`.
    pub flags: u64,
    /// 0 (`CK_EFFECTIVELY_INFINITE`) where there is no limit.
    pub max_sessions: u64,
    pub sessions: u64,
    pub max_rw_sessions: u64,
    pub rw_sessions: u64,
    /// Shortest and longest PIN, in bytes.
    pub pin_length: (u64, u64),
    pub hardware_version: (u8, u8),
    pub firmware_version: (u8, u8),
}

/// A mechanism as an inner token announces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InnerMechanism {
    pub id: MechanismType,
    /// Smallest and largest key, in the unit of the mechanism.
    pub sizes: (u64, u64),
    /// `CKF_*`.
    pub flags: u64,
}

impl Library {
    /// C_GetInfo.
    ///
    /// # Errors
    /// What the module answers.
    pub fn info(&self) -> Result<LibraryInfo> {
        // SAFETY: a C structure of bytes and integers.
        let mut info: CK_INFO = unsafe { std::mem::zeroed() };
        self.call("C_GetInfo", self.list().C_GetInfo, |function| {
            // SAFETY: the module's own function, with room for what it writes.
            unsafe { function(&raw mut info) }
        })?;
        Ok(LibraryInfo {
            cryptoki: version(info.cryptokiVersion),
            manufacturer: unpadded(&info.manufacturerID),
            description: unpadded(&info.libraryDescription),
            version: version(info.libraryVersion),
        })
    }

    /// The slots with a token in them, in the order of the module.
    ///
    /// # Errors
    /// What C_GetSlotList answers.
    pub fn slots(&self) -> Result<Vec<u64>> {
        self.listed("C_GetSlotList", self.list().C_GetSlotList, |function, list, count| {
            // SAFETY: the module's own function; NULL, or room for `count` numbers.
            unsafe { function(1, list, count) }
        })
    }

    /// C_GetTokenInfo.
    ///
    /// # Errors
    /// What the module answers.
    pub fn token(&self, slot: u64) -> Result<InnerToken> {
        // SAFETY: a C structure of bytes and integers.
        let mut info: CK_TOKEN_INFO = unsafe { std::mem::zeroed() };
        self.call("C_GetTokenInfo", self.list().C_GetTokenInfo, |function| {
            // SAFETY: the module's own function, with room for what it writes.
            unsafe { function(slot as CK_ULONG, &raw mut info) }
        })?;
        Ok(InnerToken {
            label: unpadded(&info.label),
            manufacturer: unpadded(&info.manufacturerID),
            model: unpadded(&info.model),
            serial: unpadded(&info.serialNumber),
            flags: wide(info.flags),
            max_sessions: wide(info.ulMaxSessionCount),
            sessions: wide(info.ulSessionCount),
            max_rw_sessions: wide(info.ulMaxRwSessionCount),
            rw_sessions: wide(info.ulRwSessionCount),
            pin_length: (wide(info.ulMinPinLen), wide(info.ulMaxPinLen)),
            hardware_version: version(info.hardwareVersion),
            firmware_version: version(info.firmwareVersion),
        })
    }

    /// What a token can do, sorted by id. A mechanism that is listed and then has no information
    /// is left out.
    ///
    /// # Errors
    /// What C_GetMechanismList and C_GetMechanismInfo answer, but for MechanismInvalid.
    pub fn mechanisms(&self, slot: u64) -> Result<Vec<InnerMechanism>> {
        let name = "C_GetMechanismList";
        let mut ids =
            self.listed(name, self.list().C_GetMechanismList, |function, list, count| {
                // SAFETY: the module's own function; NULL, or room for `count` numbers.
                unsafe { function(slot as CK_ULONG, list, count) }
            })?;
        ids.sort_unstable();
        ids.dedup();
        let mut mechanisms = Vec::with_capacity(ids.len());
        for id in ids {
            match self.mechanism(slot, id) {
                Ok(mechanism) => mechanisms.push(mechanism),
                Err(error) if error.code() == Code::MechanismInvalid => log::debug!("{error}"),
                Err(error) => return Err(error),
            }
        }
        Ok(mechanisms)
    }

    /// C_InitToken: every object of the token is destroyed.
    ///
    /// # Errors
    /// What the module answers.
    pub fn init_token(&self, slot: u64, so_pin: &[u8], label: &str) -> Result<()> {
        let label: [u8; 32] = text::padded(label);
        self.call("C_InitToken", self.list().C_InitToken, |function| {
            // SAFETY: the module's own function; PIN and label are only read, and outlive the call.
            unsafe {
                function(
                    slot as CK_ULONG,
                    so_pin.as_ptr().cast_mut(),
                    so_pin.len() as CK_ULONG,
                    label.as_ptr().cast_mut(),
                )
            }
        })
    }

    fn mechanism(&self, slot: u64, id: u64) -> Result<InnerMechanism> {
        // SAFETY: a C structure of integers.
        let mut info: CK_MECHANISM_INFO = unsafe { std::mem::zeroed() };
        self.call("C_GetMechanismInfo", self.list().C_GetMechanismInfo, |function| {
            // SAFETY: the module's own function, with room for what it writes.
            unsafe { function(slot as CK_ULONG, id as CK_ULONG, &raw mut info) }
        })?;
        let sizes = (wide(info.ulMinKeySize), wide(info.ulMaxKeySize));
        Ok(InnerMechanism { id: MechanismType(id), sizes, flags: wide(info.flags) })
    }

    /// A list of numbers whose length the module is asked for first; again if it grew meanwhile.
    fn listed<F: Copy>(
        &self,
        name: &'static str,
        function: Option<F>,
        ask: impl Fn(F, *mut CK_ULONG, *mut CK_ULONG) -> CK_RV,
    ) -> Result<Vec<u64>> {
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            let mut count: CK_ULONG = 0;
            self.call(name, function, |function| {
                ask(function, std::ptr::null_mut(), &raw mut count)
            })?;
            let mut list: Vec<CK_ULONG> = vec![0; count as usize];
            if list.is_empty() {
                return Ok(Vec::new());
            }
            let answer = self
                .call(name, function, |function| ask(function, list.as_mut_ptr(), &raw mut count));
            match answer {
                Err(error) if error.code() == Code::BufferTooSmall => continue,
                answer => answer?,
            }
            list.truncate(count as usize);
            return Ok(list.into_iter().map(wide).collect());
        }
        Err(Code::DeviceError
            .because(format!("{}: {name} has a longer list each time", self.path().display())))
    }
}

/// A `CK_ULONG` at the width that the rest of the module counts in.
pub(super) fn wide(number: CK_ULONG) -> u64 {
    match number {
        CK_ULONG::MAX => u64::MAX,
        #[allow(clippy::useless_conversion)] // 32 bits wide on some platforms
        number => u64::from(number),
    }
}

fn version(version: CK_VERSION) -> (u8, u8) {
    (version.major, version.minor)
}

fn unpadded(field: &[u8]) -> String {
    String::from_utf8_lossy(field).trim_end_matches([' ', '\0']).to_owned()
}
