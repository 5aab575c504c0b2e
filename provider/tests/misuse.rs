//! Misuse: NULL everywhere, lengths that cannot be, calls in random order from several threads.

mod harness;

use std::sync::atomic::{AtomicU64, Ordering};

use harness::abi::{Arg, FUNCTIONS};
use harness::{AttributeType as A, Code, Flags, Mechanism, MechanismType};
use harness::{Target, Who, keys, on_ours, on_user};
use serial_test::serial;

/// Functions that end or change what other calls of a test stand on.
const DRASTIC: [&str; 4] = ["C_Initialize", "C_Finalize", "C_CloseAllSessions", "C_InitToken"];

/// Numbers that lengths and handles are mistaken for.
const NUMBERS: [u64; 5] = [0, 1, 1 << 31, 1 << 63, u64::MAX];

/// Functions that SoftHSM2 has: the rest has no list entry there.
fn functions(target: &Target) -> &'static [(&'static str, &'static str)] {
    match target.kind {
        harness::Kind::SoftHsm => &FUNCTIONS[..68],
        _ => &FUNCTIONS,
    }
}

/// Every function with NULL for every pointer and each bad number for every
/// number.
#[test]
#[serial]
fn null_everywhere_is_answered() {
    on_user(|session| {
        let target = session.target;
        for (function, signature) in functions(target) {
            if DRASTIC.contains(function) || *function == "C_WaitForSlotEvent" {
                continue;
            }
            // SoftHSM2 counts sessions from 1.
            for number in NUMBERS.into_iter().filter(|number| *number != 1) {
                let mut arguments: Vec<Arg<'_>> = signature
                    .bytes()
                    .map(|kind| if kind == b'n' { Arg::Number(number) } else { Arg::Null })
                    .collect();
                let answer = target.call(function, &mut arguments);
                target.holds(&format!("{function} of nothing fails"), answer.is_err());
            }
        }
    });
}

/// As above, in an open session: what comes first is good.
#[test]
#[serial]
fn null_in_an_open_session_is_answered() {
    on_user(|session| {
        let target = session.target;
        for (function, signature) in functions(target) {
            let harmless = ["C_CloseSession", "C_Logout", "C_OpenSession", "C_WaitForSlotEvent"];
            if DRASTIC.contains(function)
                || harmless.contains(function)
                || !signature.starts_with('n')
            {
                continue;
            }
            for number in NUMBERS {
                let mut arguments: Vec<Arg<'_>> = signature
                    .bytes()
                    .map(|kind| if kind == b'n' { Arg::Number(number) } else { Arg::Null })
                    .collect();
                arguments[0] = Arg::Number(session.handle);
                let _ = target.call(function, &mut arguments);
            }
        }
        target.same("the session", session.info().map(|info| info.state), Ok(3));
    });
}

/// Lengths of 2^31 and -1 beside buffers that are there, where the length alone decides.
#[test]
#[serial]
fn impossible_lengths_beside_a_buffer_are_refused_by_the_length() {
    on_user(|session| {
        let target = session.target;
        let len = u64::MAX;
        let buffer = [0; 64];
        let digest = Mechanism::plain(MechanismType::SHA256);
        session.init(harness::Function::Digest, &digest, 0).expect("C_DigestInit");
        let calls: [(&str, Vec<Arg<'_>>); 5] = [
            ("C_DigestUpdate", vec![Arg::Bytes(&buffer), Arg::Number(len)]),
            ("C_SeedRandom", vec![Arg::Bytes(&buffer), Arg::Number(len)]),
            ("C_CreateObject", vec![Arg::Bytes(&buffer), Arg::Number(len), Arg::Null]),
            ("C_FindObjectsInit", vec![Arg::Bytes(&buffer), Arg::Number(len)]),
            (
                "C_SetAttributeValue",
                vec![Arg::Number(session.aes()), Arg::Bytes(&buffer), Arg::Number(len)],
            ),
        ];
        for (function, arguments) in calls {
            let answer = session.call(function, arguments);
            target.same(function, answer, Err(Code::ArgumentsBad));
        }
    });
}

/// Pseudo-random numbers (xorshift64*), so that a walk can be walked again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.roll(values.len() as u64) as usize]
    }
}

/// The functions of the walk and what their arguments mean: `s` a session, `k` a key or another
/// object, `m` a mechanism, `t` a template and `c` its count, `i` bytes and `z` their number, `o` a
/// buffer and `l` the pointer to its length, `x` a place for an answer. PINs are left out: the walk
/// would only lock the token.
#[rustfmt::skip]
const WALK: [(&str, &str); 51] = [
    ("C_GetSessionInfo", "sx"), ("C_GetOperationState", "sol"), ("C_CloseSession", "s"),
    ("C_Logout", "s"), ("C_CreateObject", "stcx"), ("C_CreateObject", "stcx"),
    ("C_CopyObject", "sktcx"), ("C_DestroyObject", "sk"), ("C_GetObjectSize", "skx"),
    ("C_GetAttributeValue", "sktc"), ("C_SetAttributeValue", "sktc"), ("C_FindObjectsInit", "stc"),
    ("C_FindObjects", "sizx"), ("C_FindObjectsFinal", "s"), ("C_EncryptInit", "smk"),
    ("C_Encrypt", "sizol"), ("C_EncryptUpdate", "sizol"), ("C_EncryptFinal", "sol"),
    ("C_DecryptInit", "smk"), ("C_Decrypt", "sizol"), ("C_DecryptUpdate", "sizol"),
    ("C_DecryptFinal", "sol"), ("C_DigestInit", "sm"), ("C_Digest", "sizol"),
    ("C_DigestUpdate", "siz"), ("C_DigestKey", "sk"), ("C_DigestFinal", "sol"),
    ("C_SignInit", "smk"), ("C_Sign", "sizol"), ("C_SignUpdate", "siz"), ("C_SignFinal", "sol"),
    ("C_VerifyInit", "smk"), ("C_Verify", "siziz"), ("C_VerifyUpdate", "siz"),
    ("C_VerifyFinal", "siz"), ("C_SignRecoverInit", "smk"), ("C_SignRecover", "sizol"),
    ("C_VerifyRecoverInit", "smk"), ("C_VerifyRecover", "sizol"),
    ("C_DigestEncryptUpdate", "sizol"), ("C_DecryptDigestUpdate", "sizol"),
    ("C_SignEncryptUpdate", "sizol"), ("C_DecryptVerifyUpdate", "sizol"),
    ("C_GenerateKey", "smtcx"), ("C_GenerateKeyPair", "smtctcxx"), ("C_WrapKey", "smkkol"),
    ("C_UnwrapKey", "smkiztcx"), ("C_DeriveKey", "smktcx"), ("C_SeedRandom", "siz"),
    ("C_GenerateRandom", "siz"), ("C_CancelFunction", "s"),
];

/// What a walker knows: some handles are good, some were, some never.
struct Walker<'t> {
    target: &'t Target,
    dice: Dice,
    slot: u64,
    sessions: Vec<u64>,
    objects: Vec<u64>,
    mechanisms: &'t [Mechanism],
}

impl Walker<'_> {
    fn step(&mut self) {
        if self.dice.roll(20) == 0 {
            return self.open();
        }
        let (function, meanings) = self.dice.of(&WALK);
        let mut memory = vec![vec![0_u8; 2048]; meanings.len()];
        let mut words = vec![[0_u64; 9]; meanings.len()];
        let mechanisms = self.mechanisms;
        let mut arguments = Vec::new();
        for ((meaning, memory), words) in meanings.bytes().zip(&mut memory).zip(&mut words) {
            arguments.push(match meaning {
                b's' => Arg::Number(self.dice.of(&self.sessions)),
                b'k' => Arg::Number(self.any_handle()),
                b'c' => Arg::Number(self.dice.roll(4)),
                b'z' => Arg::Number(self.dice.of(&[0, 1, 15, 16, 17, 32, 64, 255])),
                _ if self.dice.roll(15) == 0 => Arg::Null,
                b'm' => {
                    let chosen = self.dice.roll(mechanisms.len() as u64) as usize;
                    Arg::Words(mechanisms[chosen].words())
                }
                b't' => {
                    *words = self.template(memory);
                    Arg::WordsMut(words)
                }
                b'l' => {
                    words[0] = self.dice.of(&[0, 1, 16, 64, 512]);
                    Arg::WordsMut(words)
                }
                b'x' => Arg::WordsMut(words),
                _ => Arg::BytesMut(memory),
            });
        }
        let answer = self.target.call(function, &mut arguments);
        let made = words.last().expect("every function has an argument")[0];
        if answer.is_ok() && meanings.ends_with("tcx") {
            self.objects.push(made);
        }
    }

    /// Three entries whose values lie in `memory`: for a data object, or for a key.
    fn template(&mut self, memory: &mut [u8]) -> [u64; 9] {
        let at = memory.as_mut_ptr() as u64;
        let len = self.dice.of(&[0, 1, 8, 16, u64::MAX]);
        match self.dice.roll(2) {
            // CKA_CLASS is CKO_DATA, which is 0.
            0 => [A::CLASS.0, at, 8, A::LABEL.0, at + 8, len.min(16), A::VALUE.0, at + 24, 16],
            _ => {
                memory[0] = 16;
                let label = if len == u64::MAX { 0 } else { at + 8 };
                let flag = self.dice.of(&[A::SIGN, A::DERIVE, A::TOKEN, A::PRIVATE]);
                memory[24] = self.dice.roll(2) as u8;
                [A::VALUE_LEN.0, at, 8, flag.0, at + 24, 1, A::LABEL.0, label, len]
            }
        }
    }

    fn open(&mut self) {
        let flags = self.dice.of(&[Flags::ReadOnly, Flags::ReadWrite]);
        if let Ok(session) = self.target.open_on(self.slot, flags) {
            self.sessions.push(session.handle);
        }
        if self.dice.roll(4) == 0 {
            let handle = self.dice.of(&self.sessions);
            let session = harness::Session { target: self.target, handle };
            let _ = session.login(Who::User, self.target.user_pin());
        }
    }

    fn any_handle(&mut self) -> u64 {
        match self.dice.roll(8) {
            0 => self.dice.of(&NUMBERS),
            1 => self.dice.of(&self.sessions),
            _ => self.dice.of(&self.objects),
        }
    }
}

fn mechanisms() -> Vec<Mechanism> {
    vec![
        Mechanism::plain(MechanismType::SHA256),
        Mechanism::plain(MechanismType::SHA256_HMAC),
        Mechanism::plain(MechanismType::AES_ECB),
        Mechanism::bytes(MechanismType::AES_CBC, &[1; 16]),
        Mechanism::bytes(MechanismType::AES_CBC_PAD, &[1; 16]),
        Mechanism::gcm(&[1; 12], b"", 128),
        Mechanism::plain(MechanismType::AES_KEY_WRAP),
        Mechanism::plain(MechanismType::ECDSA),
        Mechanism::plain(MechanismType::RSA_PKCS),
        Mechanism::plain(MechanismType::AES_KEY_GEN),
        Mechanism::plain(MechanismType::GENERIC_SECRET_KEY_GEN),
    ]
}

/// "calls in any order and from any thread". Each answer must be in the row
/// of its function, which every call of this suite checks, and the module must live. Longer runs
/// begin elsewhere with `KEYWAY_TEST_SEED`.
#[test]
#[serial]
fn a_random_walk_of_several_threads_stays_within_the_table() {
    on_ours(|target| {
        let slot = target.slot();
        let calls = AtomicU64::new(0);
        let seed = std::env::var("KEYWAY_TEST_SEED").ok();
        let start: u64 = seed.map_or(1, |seed| seed.parse().expect("a number"));
        let first = target.open_on(slot, Flags::ReadWrite).expect("a session");
        first.login(Who::User, target.user_pin()).expect("C_Login");
        let data = first.create(&keys::data("walk", b"x")).expect("an object");
        let objects = vec![data, first.aes(), first.hmac(), 1, 2];
        std::thread::scope(|scope| {
            for seed in start..start + 4 {
                let (calls, objects) = (&calls, objects.clone());
                scope.spawn(move || {
                    let session = target.open_on(slot, Flags::ReadWrite).expect("a session");
                    let mechanisms = mechanisms();
                    let mut walker = Walker {
                        target,
                        dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                        slot,
                        sessions: vec![session.handle, 0],
                        objects,
                        mechanisms: &mechanisms,
                    };
                    for _ in 0..2000 {
                        walker.step();
                        calls.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        target.same("calls", calls.load(Ordering::Relaxed), 8000);
        target.close_all(slot).expect("C_CloseAllSessions");
        let session = target.open_on(slot, Flags::ReadWrite).expect("a session");
        target.same("C_Login afterwards", session.login(Who::User, target.user_pin()), Ok(()));
        let key = session.aes();
        target.holds("a key is made", key != 0);
    });
}
