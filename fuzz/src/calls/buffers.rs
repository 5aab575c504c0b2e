//! What goes into an operation and what comes out: good buffers, and what applications get wrong.

use super::world::World;
use crate::memory::{Buffer, ROOM};

/// Input bytes as they are passed.
pub struct Data {
    pub address: usize,
    pub len: u64,
    /// What the module reads there; `None` where the pointer and the length cannot be.
    pub bytes: Option<Vec<u8>>,
}

/// An output buffer as it is passed.
pub struct Room {
    pub address: usize,
    pub len_address: usize,
    /// What `*len` says.
    pub len: u64,
    place: Option<Buffer>,
    /// Where in `place` it begins.
    offset: usize,
    len_place: Option<Buffer>,
}

const LENGTHS: [usize; 16] = [0, 1, 15, 16, 17, 20, 31, 32, 33, 48, 64, 65, 100, 255, 1000, 16];

impl Data {
    fn bad(address: usize, len: u64) -> Self {
        Self { address, len, bytes: None }
    }
}

impl Room {
    /// Only the size is asked for.
    pub fn is_query(&self) -> bool {
        self.address == 0
    }

    pub fn is_bad(&self) -> bool {
        self.len_address == 0 || self.address != 0 && self.len > isize::MAX as u64
    }

    /// What `*len` says now.
    pub fn told(&self) -> u64 {
        self.len_place.map_or(0, |place| place.word(0))
    }

    /// The first bytes of the output.
    pub fn bytes(&self, len: usize) -> Vec<u8> {
        let place = self.place.expect("somewhere to write");
        place.bytes()[self.offset..self.offset + len].to_vec()
    }
}

impl World<'_> {
    /// Bytes of a known pattern.
    pub fn data(&mut self) -> Data {
        let choice = self.input.byte();
        match choice {
            250 => return Data::bad(0, 1),
            251 => return Data::bad(self.arena.buffer(16).address(), u64::MAX),
            252 => return Data::bad(0, 1 << 63),
            253 => return Data { address: 0, len: 0, bytes: Some(Vec::new()) },
            _ => {}
        }
        let len = LENGTHS[usize::from(choice & 15)];
        let bytes: Vec<u8> = (0..len).map(|at| (at as u8).wrapping_add(choice >> 4)).collect();
        self.given(bytes)
    }

    /// These bytes.
    pub fn given(&mut self, bytes: Vec<u8>) -> Data {
        let buffer = self.arena.with(&bytes);
        Data { address: buffer.address(), len: bytes.len() as u64, bytes: Some(bytes) }
    }

    /// Room for an output of which `needed` bytes are foretold; it may be where the input is.
    pub fn room(&mut self, needed: Option<usize>, data: &mut Data) -> Room {
        let choice = self.input.byte();
        let likely = needed.unwrap_or(64);
        let (len, real) = match choice & 15 {
            0..=6 => (likely as u64, likely),
            7 => (likely.saturating_sub(1) as u64, likely.saturating_sub(1)),
            8 => (0, 0),
            9..=11 => (likely as u64 + 32, likely + 32),
            // As long as the application says, and a good deal longer than it is.
            12 => (1 << 40, 2048),
            13 => (u64::MAX, 64),
            14 => (1 << 63, 64),
            _ => (2048, 2048),
        };
        let len_place = (choice != 0xef).then(|| {
            let off = if choice >> 4 == 13 { 3 } else { 0 };
            self.arena.words(&[len], off)
        });
        let (place, offset) = match choice >> 4 {
            12 => (None, 0),
            // In place, or almost.
            kind @ 9..=11 => match self.overlapping(kind - 9, real, data) {
                Some((place, offset)) => (Some(place), offset),
                None => (Some(self.arena.buffer(real)), 0),
            },
            _ => (Some(self.arena.buffer(real)), 0),
        };
        let address = place.map_or(0, |place| place.address() + offset);
        let len_address = len_place.map_or(0, Buffer::address);
        Room { address, len_address, len, place, offset, len_place }
    }

    /// Input and output in one buffer: together, the output one byte behind, or before.
    fn overlapping(&mut self, kind: u8, real: usize, data: &mut Data) -> Option<(Buffer, usize)> {
        let bytes = data.bytes.clone().filter(|bytes| !bytes.is_empty())?;
        let (input, output) = [(0, 0), (0, 1), (1, 0)][usize::from(kind)];
        let whole = (bytes.len() + input).max(real + output);
        if whole > ROOM / 2 {
            return None;
        }
        let place = self.arena.buffer(whole);
        let mut content = vec![0; whole];
        content[input..input + bytes.len()].copy_from_slice(&bytes);
        place.fill(&content);
        data.address = place.address() + input;
        Some((place, output))
    }
}
