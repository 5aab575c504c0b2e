//! What is searched for, in every form in which it could lie somewhere.

use aho_corasick::AhoCorasick;
use sha2::block_api::{compress256, compress512};

/// So many bytes of a secret in a row are a find.
pub const WINDOW: usize = 16;

/// What must be nowhere, and what it is.
#[derive(Clone, Debug)]
pub struct Planted {
    pub name: String,
    pub value: Vec<u8>,
}

/// Parts of all secrets, as long as a window, and whose they are.
pub struct Search {
    names: Vec<String>,
    windows: AhoCorasick,
}

impl Planted {
    pub fn new(name: &str, value: Vec<u8>) -> Self {
        assert!(value.len() >= WINDOW, "{name}");
        Self { name: name.to_owned(), value }
    }

    fn forms(&self) -> [Vec<u8>; 4] {
        let backwards = self.value.iter().rev().copied().collect();
        let [lower, upper] = [hex::encode(&self.value), hex::encode_upper(&self.value)];
        [self.value.clone(), backwards, lower.into_bytes(), upper.into_bytes()]
    }

    /// The key blocks of an HMAC with this key and the states of SHA-256 and SHA-512 after them
    /// (RFC 2104 section 4): as good as the key.
    fn of_hmac(&self) -> Vec<Self> {
        let mut forms = Vec::new();
        for (name, pad) in [("inner", 0x36_u8), ("outer", 0x5c)] {
            let mut block = [pad; 128];
            block.iter_mut().zip(&self.value).for_each(|(padded, key)| *padded ^= key);
            let mut narrow = INITIAL_256;
            let (front, _) = block.as_chunks::<64>();
            compress256(&mut narrow, &front[..1]);
            let mut wide = INITIAL_512;
            compress512(&mut wide, &[block]);
            forms.push((name, "block", block[..self.value.len()].to_vec()));
            forms.push((name, "state of SHA-256", narrow.map(u32::to_ne_bytes).concat()));
            forms.push((name, "state of SHA-512", wide.map(u64::to_ne_bytes).concat()));
        }
        let named =
            |(name, form, value)| Self::new(&format!("{} ({name} {form})", self.name), value);
        forms.into_iter().map(named).collect()
    }
}

/// FIPS 180-4 section 5.3.3.
const INITIAL_256: [u32; 8] = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];
/// FIPS 180-4 section 5.3.5.
const INITIAL_512: [u64; 8] = [
    0x6a09e667f3bcc908,
    0xbb67ae8584caa73b,
    0x3c6ef372fe94f82b,
    0xa54ff53a5f1d36f1,
    0x510e527fade682d1,
    0x9b05688c2b3e6c1f,
    0x1f83d9abfb41bd6b,
    0x5be0cd19137e2179,
];

impl Search {
    /// Each secret as it is, as the engine keeps numbers (the last byte first), in hexadecimal and,
    /// if it can be the key of an HMAC, as what an HMAC makes of it.
    pub fn of(secrets: &[Planted]) -> Self {
        let derived = secrets.iter().filter(|secret| secret.value.len() <= 64);
        let derived: Vec<Planted> = derived.flat_map(Planted::of_hmac).collect();
        let (mut names, mut windows) = (Vec::new(), Vec::new());
        for secret in secrets.iter().chain(&derived) {
            for form in secret.forms() {
                let (chunks, _) = form.as_chunks::<WINDOW>();
                windows.extend(chunks.iter().chain(form.last_chunk()).copied());
                names.resize(windows.len(), secret.name.clone());
            }
        }
        Self { names, windows: AhoCorasick::new(windows).expect("an automaton") }
    }

    /// The names of what is in `bytes`, and where.
    pub fn find(&self, bytes: &[u8]) -> Vec<(&str, usize)> {
        let found = self.windows.find_overlapping_iter(bytes);
        found.map(|found| (self.names[found.pattern()].as_str(), found.start())).collect()
    }
}
