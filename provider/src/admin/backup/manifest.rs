//! What a backup says of itself, before the database in it.

use super::container::Opener;
use crate::backend::SlotId;
use crate::error::{Code, Result};

/// The first byte: what follows is laid out as below, numbers in big-endian order.
const LAYOUT: u8 = 1;

/// Which token was backed up, when, and how much there is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Milliseconds since 1970.
    pub taken_at: u64,
    pub slot: SlotId,
    /// 16 hexadecimal digits.
    pub serial: String,
    pub label: String,
    pub objects: u64,
    pub events: u64,
    /// Bytes of the database.
    pub(super) length: u64,
}

impl Manifest {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![LAYOUT];
        for number in [self.taken_at, u64::from(self.slot), self.objects, self.events, self.length]
        {
            bytes.extend(number.to_be_bytes());
        }
        for text in [&self.serial, &self.label] {
            bytes.extend((text.len() as u16).to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes
    }

    pub(super) fn read(from: &mut Opener<impl std::io::Read>) -> Result<Self> {
        let mut layout = [0];
        from.fill(&mut layout)?;
        if layout != [LAYOUT] {
            let story = format!("a backup in layout {}, made by a newer Keyway", layout[0]);
            return Err(Code::DataInvalid.because(story));
        }
        let mut number = || {
            let mut bytes = [0; 8];
            from.fill(&mut bytes).map(|()| u64::from_be_bytes(bytes))
        };
        let (taken_at, slot, objects) = (number()?, number()?, number()?);
        let (events, length) = (number()?, number()?);
        let slot = SlotId::try_from(slot).map_err(|_| unreadable())?;
        let mut text = || {
            let mut size = [0; 2];
            from.fill(&mut size)?;
            let mut bytes = vec![0; u16::from_be_bytes(size).into()];
            from.fill(&mut bytes)?;
            String::from_utf8(bytes).map_err(|_| unreadable())
        };
        let (serial, label) = (text()?, text()?);
        Ok(Self { taken_at, slot, serial, label, objects, events, length })
    }
}

fn unreadable() -> crate::error::Error {
    Code::DataInvalid.because("what the backup says of itself cannot be read")
}
