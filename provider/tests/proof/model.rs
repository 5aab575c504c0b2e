//! Keys, calls, and what an attacker has: attributes and the names of values.

/// The name of a key value.
pub type Value = u8;

/// What nobody may learn.
pub const PLANTED: Value = 0;
/// The value of the key that the security officer made.
pub const OFFICERS: Value = 1;
/// What the attacker brings.
pub const KNOWN: Value = 2;
/// Two values that the token makes.
pub const FRESH: [Value; 2] = [3, 4];
const VALUES: u32 = 5;

/// So many keys are there at most: the planted one, the officer's, and two more.
pub const KEYS: usize = 4;

pub const SENSITIVE: u16 = 1;
pub const EXTRACTABLE: u16 = 1 << 1;
/// CKA_WRAP_WITH_TRUSTED.
pub const GUARDED: u16 = 1 << 2;
pub const TRUSTED: u16 = 1 << 3;
pub const WRAP: u16 = 1 << 4;
pub const UNWRAP: u16 = 1 << 5;
pub const ENCRYPT: u16 = 1 << 6;
pub const DECRYPT: u16 = 1 << 7;
pub const DERIVE: u16 = 1 << 8;
pub const MODIFIABLE: u16 = 1 << 9;
/// A public key, whose private half is elsewhere.
pub const PUBLIC: u16 = 1 << 10;
/// Of less strength than the planted key.
pub const WEAK: u16 = 1 << 11;
/// CKA_DERIVE_TEMPLATE demands sensitive keys that are not extractable, and CKA_ALLOWED_MECHANISMS
/// names a one-way derivation and nothing else.
pub const TEMPLATED: u16 = 1 << 12;
/// CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_LOCAL: told, and never asked.
pub const ALWAYS: u16 = 1 << 13;
pub const NEVER: u16 = 1 << 14;
pub const LOCAL: u16 = 1 << 15;

pub const USES: u16 = WRAP | UNWRAP | ENCRYPT | DECRYPT | DERIVE;
const HISTORY: u16 = ALWAYS | NEVER | LOCAL;

/// Uses of one secret key that together show or plant the value of another (Clulow, "On the security
/// of PKCS #11").
pub const CONFLICTS: [(u16, u16); 2] = [(WRAP, DECRYPT), (UNWRAP, ENCRYPT)];

/// One key object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub value: Value,
    pub flags: u16,
    /// Those of [`CONFLICTS`] that the key was used for.
    pub roles: u16,
}

impl Key {
    pub fn new(value: Value, flags: u16) -> Self {
        Self { value, flags, roles: 0 }
    }

    pub fn is(self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Footnote 7 of the attribute tables.
    pub fn hidden(self) -> bool {
        self.is(SENSITIVE) || !self.is(EXTRACTABLE)
    }

    /// Without what no rule asks for.
    pub fn bare(self) -> Self {
        Self { flags: self.flags & !HISTORY, ..self }
    }
}

/// How a key is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// AES key wrap, RSA-OAEP: nothing but the key opens it or makes it.
    Sound,
    /// AES-GCM and AES-CCM with the caller's nonce: one nonce for two keys shows their difference.
    Nonce,
    /// AES-ECB.
    Raw,
}

pub const MODES: [Mode; 3] = [Mode::Sound, Mode::Nonce, Mode::Raw];

/// How a key is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// XOR and concatenation with known data: what has the result has the base key.
    Whole,
    /// CKM_EXTRACT_KEY_FROM_KEY and its like: so few bytes that a MAC under them tells them.
    Piece,
    /// Hash, HKDF, encryption of data.
    OneWay,
    /// The same, a few bytes only; of growing length they tell the whole.
    OneWayShort,
}

pub const HOWS: [How; 4] = [How::Whole, How::Piece, How::OneWay, How::OneWayShort];

/// One call of the attacker. Keys are named by their places, wrapped keys by what is in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// C_GenerateKey.
    Generate { flags: u16 },
    /// C_CreateObject with a value of the attacker's.
    Create { flags: u16 },
    /// C_CopyObject.
    Copy { key: usize, set: u16, clear: u16 },
    /// C_SetAttributeValue.
    Set { key: usize, set: u16, clear: u16 },
    /// C_WrapKey.
    Wrap { mode: Mode, with: usize, key: usize },
    /// C_UnwrapKey.
    Unwrap { mode: Mode, with: usize, inner: Value, flags: u16 },
    /// C_Decrypt of a wrapped key.
    Open { mode: Mode, with: usize, inner: Value },
    /// C_Encrypt, for the key stream of a wrapped key ([`Mode::Nonce`]).
    Stream { with: usize, inner: Value },
    /// C_Encrypt, to make a wrapped key of a known value.
    Forge { with: usize },
    /// C_DeriveKey.
    Derive { how: How, key: usize, flags: u16 },
    /// C_DigestKey.
    Digest { key: usize },
    /// C_GetAttributeValue of CKA_VALUE.
    Read { key: usize },
    /// C_DestroyObject.
    Destroy { key: usize },
}

/// What is there and what the attacker has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// The planted key and the officer's in the first two places.
    pub keys: [Option<Key>; KEYS],
    /// Bit by bit the values that the attacker knows.
    pub known: u8,
    /// Bit by bit the wrapped keys that the attacker has: mode, wrapping value, value.
    pub wrapped: u128,
    /// The officer's key unwrapped a value that the attacker brought.
    pub planted: bool,
    /// Whether the planted value was derived, one way, from the officer's.
    pub derived: bool,
}

/// A rule that refuses, in words.
pub type Refused = &'static str;

/// What refuses a call that nobody can make: its keys are not there, or the model has no room.
pub const NO_CALL: [Refused; 4] =
    ["no such key", "nothing was wrapped", "no place is left", "no value is left"];

impl State {
    /// The planted key and the officer's; the attacker knows a value of his own.
    pub fn new(planted: Key, officers: Option<Key>) -> Self {
        let keys = [Some(planted), officers, None, None];
        Self { keys, known: 1 << KNOWN, wrapped: 0, planted: false, derived: false }
    }

    pub fn key(&self, place: usize) -> Result<Key, Refused> {
        self.keys[place].ok_or("no such key")
    }

    /// The key at a place, if the attacker has something that it wrapped.
    pub fn holder(&self, mode: Mode, place: usize, inner: Value) -> Result<Key, Refused> {
        let outer = self.key(place)?;
        match self.holds(mode, outer.value, inner) {
            true => Ok(outer),
            false => Err("nothing was wrapped"),
        }
    }

    pub fn has_room(&self) -> bool {
        self.keys[2..].contains(&None)
    }

    /// The place that the next key takes.
    pub fn room(&self) -> Option<usize> {
        (2..KEYS).find(|place| self.keys[*place].is_none())
    }

    pub fn add(&mut self, key: Key) -> Result<(), Refused> {
        let place = self.room().ok_or("no place is left")?;
        self.keys[place] = Some(key);
        Ok(())
    }

    pub fn knows(&self, value: Value) -> bool {
        self.known & 1 << value != 0
    }

    pub fn know(&mut self, value: Value) {
        self.known |= 1 << value;
    }

    fn bit(mode: Mode, outer: Value, inner: Value) -> u128 {
        1 << (mode as u32 * VALUES * VALUES + u32::from(outer) * VALUES + u32::from(inner))
    }

    pub fn holds(&self, mode: Mode, outer: Value, inner: Value) -> bool {
        self.wrapped & Self::bit(mode, outer, inner) != 0
    }

    pub fn hold(&mut self, mode: Mode, outer: Value, inner: Value) {
        self.wrapped |= Self::bit(mode, outer, inner);
    }

    /// Every wrapped key: mode, wrapping value, value.
    pub fn wrapped(&self) -> impl Iterator<Item = (Mode, Value, Value)> {
        let mut left = self.wrapped;
        std::iter::from_fn(move || {
            let bit = (left != 0).then(|| left.trailing_zeros())?;
            left &= left - 1;
            let (mode, rest) = (bit / (VALUES * VALUES), bit % (VALUES * VALUES));
            Some((MODES[mode as usize], (rest / VALUES) as Value, (rest % VALUES) as Value))
        })
    }

    /// What follows from what the attacker has, without a call.
    pub fn learn(&mut self) {
        if self.wrapped == 0 {
            return;
        }
        loop {
            let before = self.known;
            let all = *self;
            for (mode, outer, inner) in all.wrapped() {
                let beside = |other| self.knows(other) && all.holds(Mode::Nonce, outer, other);
                let stream = mode == Mode::Nonce && (0..VALUES as Value).any(beside);
                if self.knows(outer) || stream {
                    self.know(inner);
                }
            }
            if self.known == before {
                return;
            }
        }
    }

    /// The value that comes one way from another.
    pub fn one_way(&self, base: Value) -> Option<Value> {
        match self.derived && base == OFFICERS {
            true => Some(PLANTED),
            false => self.fresh(),
        }
    }

    /// A value that nothing here has.
    pub fn fresh(&self) -> Option<Value> {
        FRESH.into_iter().find(|value| {
            let wrapped = self.wrapped().any(|(_, a, b)| a == *value || b == *value);
            !wrapped && !self.knows(*value) && self.keys.iter().flatten().all(|k| k.value != *value)
        })
    }

    /// The same state for every order of the attacker's keys and of the fresh values.
    pub fn canonical(self) -> Self {
        let sorted = |mut state: Self| {
            state.keys = state.keys.map(|key| key.map(Key::bare));
            state.keys[2..].sort_unstable_by(|a, b| b.cmp(a));
            state
        };
        let one = sorted(self);
        let fresh = |value| FRESH.contains(&value);
        let any = self.keys.iter().flatten().any(|key| fresh(key.value))
            || self.wrapped().any(|(_, a, b)| fresh(a) || fresh(b));
        if any { one.min(sorted(self.swapped())) } else { one }
    }

    /// The two fresh values in each other's place.
    fn swapped(self) -> Self {
        let swap = |value| match value {
            3 => 4,
            4 => 3,
            other => other,
        };
        let mut state = Self { known: self.known & 7, wrapped: 0, ..self };
        for value in FRESH.into_iter().filter(|value| self.knows(*value)) {
            state.know(swap(value));
        }
        for (mode, outer, inner) in self.wrapped() {
            state.hold(mode, swap(outer), swap(inner));
        }
        for key in state.keys.iter_mut().flatten() {
            key.value = swap(key.value);
        }
        state
    }
}
