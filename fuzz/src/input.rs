//! The bytes of one input, taken as decisions.

/// Reads from the front; when nothing is left, every decision is the first one.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `sides`, at most 256.
    pub fn below(&mut self, sides: usize) -> usize {
        usize::from(self.byte()) % sides
    }

    /// True once in `sides` times; false when nothing is left.
    pub fn once_in(&mut self, sides: u8) -> bool {
        self.byte() % sides == sides - 1
    }

    pub fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    pub fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Up to `most` bytes, fewer where the input ends.
    pub fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// The input cut in about equal pieces.
    pub fn pieces(self, count: usize) -> Vec<&'a [u8]> {
        let size = self.0.len().div_ceil(count).max(1);
        let mut pieces: Vec<_> = self.0.chunks(size).collect();
        pieces.resize(count, &[]);
        pieces
    }
}
