//! One sequence: its model, its memory, and how an answer is held against what is permitted.

use pkcs11_sys as ck;

use super::fault::Fault;
use super::model::{Class, Model, Part, Role, Serial, Session};
use super::threads::Pool;
use super::token::{Place, SO_PIN, USER_PIN};
use crate::functions::{self, FUNCTIONS, at, in_row, name_of};
use crate::input::Input;
use crate::memory::Arena;

pub const OK: u32 = ck::CKR_OK as u32;
pub const ARGUMENTS_BAD: u32 = ck::CKR_ARGUMENTS_BAD as u32;
pub const NOT_INITIALIZED: u32 = ck::CKR_OPERATION_NOT_INITIALIZED as u32;
pub const ACTIVE: u32 = ck::CKR_OPERATION_ACTIVE as u32;
pub const NOT_LOGGED_IN: u32 = ck::CKR_USER_NOT_LOGGED_IN as u32;
pub const TOO_SMALL: u32 = ck::CKR_BUFFER_TOO_SMALL as u32;

/// The codes that the model permits.
#[derive(Clone, Default, Debug)]
pub struct Codes {
    codes: Vec<u32>,
    /// Everything that the function may answer at all.
    row: bool,
}

impl Codes {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn any() -> Self {
        Self { codes: Vec::new(), row: true }
    }

    pub fn just(code: u32) -> Self {
        Self::none().and(code)
    }

    pub fn and(mut self, code: u32) -> Self {
        self.codes.push(code);
        self
    }

    pub fn and_if(self, condition: bool, code: u32) -> Self {
        if condition { self.and(code) } else { self }
    }

    pub fn and_all(mut self, other: Self) -> Self {
        self.codes.extend(other.codes);
        self.row |= other.row;
        self
    }

    /// What speaks against the call, or CKR_OK if nothing does.
    pub fn or_ok(self) -> Self {
        if self.is_empty() { self.and(OK) } else { self }
    }

    pub fn or_row(mut self, condition: bool) -> Self {
        self.row |= condition;
        self
    }

    pub fn is_empty(&self) -> bool {
        self.codes.is_empty() && !self.row
    }

    pub fn permits_only(&self, code: u32) -> bool {
        !self.row && self.codes == [code]
    }

    fn permit(&self, function: usize, rv: u32) -> bool {
        self.codes.contains(&rv) || self.row && in_row(function, rv)
    }
}

/// A signature or a ciphertext that the module made, and of what.
pub struct Made {
    pub class: Class,
    pub mech: u64,
    pub param: u64,
    pub key: Serial,
    pub data: Vec<u8>,
    pub output: Vec<u8>,
}

/// A saved operation state: of which session state, and what it holds.
pub struct Saved {
    pub blob: Vec<u8>,
    pub standing: (Role, bool),
    pub op: super::model::Op,
}

pub struct World<'w> {
    pub input: Input<'w>,
    pub arena: &'w mut Arena,
    pub model: Model,
    /// What C_Initialize installs; only a sequence alone may end the module.
    pub place: Option<&'w mut Place>,
    /// Handles that other threads use as well.
    pub pool: Option<&'w Pool<'w>>,
    pub made: Vec<Made>,
    pub saved: Vec<Saved>,
    /// The key that was wrapped last.
    pub wrapped: Vec<u8>,
    /// Whether the token is no longer as it was.
    pub worn: bool,
    fault: Fault,
    calls: u64,
}

impl<'w> World<'w> {
    pub fn new(input: Input<'w>, arena: &'w mut Arena, place: Option<&'w mut Place>) -> Self {
        Self {
            input,
            arena,
            model: Model::new(USER_PIN, SO_PIN),
            place,
            pool: None,
            made: Vec::new(),
            saved: Vec::new(),
            wrapped: Vec::new(),
            worn: false,
            fault: Fault::wanted(),
            calls: 0,
        }
    }

    /// A world that shares its module with others: only the rows are checked.
    pub fn shared(input: Input<'w>, arena: &'w mut Arena, pool: &'w Pool<'w>) -> Self {
        let mut world = Self::new(input, arena, None);
        world.pool = Some(pool);
        world.model.initialized = true;
        world
    }

    fn is_exact(&self) -> bool {
        self.pool.is_none()
    }

    /// Installs the module; most sequences begin with sessions, a login and keys.
    pub fn begin(&mut self) {
        self.install();
        let start = self.input.byte();
        if start & 7 == 7 {
            return;
        }
        self.open(true);
        if start & 8 == 0 {
            self.open(start & 16 == 0);
        }
        if start & 32 == 0 {
            self.login_as(Role::User);
            self.kit(start >> 6);
        }
    }

    /// A session of its own, a login and keys, where the others let it.
    pub fn begin_among_others(&mut self) {
        self.open(true);
        self.try_login();
        self.kit(0);
    }

    pub fn step(&mut self) {
        if !self.model.initialized && !self.input.once_in(4) {
            self.start_module();
            self.arena.clear();
        }
        let choice = self.input.byte();
        match choice {
            0..=31 => self.init(CLASSES[usize::from(choice % 8)]),
            32..=59 => self.transform(CLASSES[usize::from(choice % 8)], Part::Whole),
            60..=89 => self.transform(CLASSES[usize::from(choice % 8)], Part::Update),
            90..=110 => self.transform(CLASSES[usize::from(choice % 8)], Part::Final),
            111..=118 => self.dual(usize::from(choice) % 4),
            119..=120 => self.digest_key(),
            121..=123 => self.save_state(),
            124..=126 => self.restore_state(),
            127..=139 => self.find_init(),
            140..=151 => self.find(),
            152..=157 => self.find_final(),
            158..=164 => self.create(),
            165..=167 => self.copy(),
            168..=172 => self.destroy(),
            173..=180 => self.get_attributes(),
            181..=184 => self.set_attributes(),
            185..=186 => self.object_size(),
            187..=189 => self.generate(),
            190 => self.generate_pair(),
            191..=192 => self.wrap(),
            193..=194 => self.unwrap(),
            195..=196 => self.derive(),
            197..=202 => self.open_any(),
            203..=206 => self.close(),
            207 => self.close_all(),
            208..=212 => self.session_info(),
            213..=216 => self.cancel(),
            217..=221 => self.login(),
            222..=224 => self.logout(),
            225 => self.set_pin(),
            226 => self.init_pin(),
            227..=229 => self.random(),
            230..=243 => self.message(usize::from(choice - 230)),
            244..=248 => self.slots(),
            249 => self.init_token(),
            250 => self.end_module(),
            251 => self.start_module(),
            252..=254 => self.relics(),
            255 => self.unsupported(),
        }
        self.arena.clear();
        self.model.tidy();
    }

    /// Leaves the module as it was found; says whether the token is, too.
    pub fn end(&mut self) -> bool {
        self.clean();
        functions::counted(self.calls);
        !self.worn
    }

    /// Calls a function; every pointer among the arguments is NULL or into the arena.
    pub fn call(&mut self, function: usize, arguments: &[usize]) -> u32 {
        self.calls += 1;
        // SAFETY: pointers are NULL or to buffers of the arena, which are at least as long as the
        // lengths beside them say, or the length is one that no buffer has.
        let rv = unsafe { functions::invoke(function, arguments) };
        let rv = match self.fault {
            Fault::None => rv,
            fault => fault.altered(function, rv, arguments),
        };
        if traced() {
            eprintln!("{} {arguments:x?}: {}", FUNCTIONS[function].0, name_of(rv));
        }
        functions::check_row(function, rv);
        rv
    }

    /// Holds an answer against what the model permits.
    ///
    /// # Panics
    /// If it is something else.
    #[track_caller]
    pub fn permit(&self, function: usize, rv: u32, codes: &Codes) {
        if self.is_exact() && !codes.permit(function, rv) {
            let codes: Vec<_> = codes.codes.iter().map(|code| name_of(*code)).collect();
            panic!(
                "the model differs: {} answers {}, permitted: {codes:?}",
                FUNCTIONS[function].0,
                name_of(rv)
            );
        }
    }

    /// Something that the model knows to be true.
    #[track_caller]
    pub fn holds(&self, claim: bool, what: &str) {
        assert!(claim || !self.is_exact(), "the model differs: not so: {what}");
    }

    /// A session handle: mostly of an open session.
    pub fn some_session(&mut self) -> u64 {
        let choice = usize::from(self.input.byte());
        if let Some(pool) = self.pool
            && choice & 1 == 1
        {
            return pool.session(choice >> 1);
        }
        match self.model.sessions.len() {
            open if open > 0 && choice < 240 => self.model.sessions[choice % open].handle,
            _ => self.model.stale[choice % self.model.stale.len()],
        }
    }

    /// A session handle: mostly of a session of which something is true, if there is one.
    pub fn session_where(&mut self, wanted: impl Fn(&Session) -> bool) -> u64 {
        let any = self.some_session();
        if self.pool.is_some() || self.input.once_in(8) {
            return any;
        }
        let fits = self.model.sessions.iter().filter(|session| wanted(session));
        let fits: Vec<u64> = fits.map(|session| session.handle).collect();
        match fits.len() {
            0 => any,
            there => fits[any as usize % there],
        }
    }

    /// A session in which an operation of this class runs.
    pub fn session_with(&mut self, class: Class) -> u64 {
        self.session_where(|session| session.ops[class as usize].is_some())
    }

    /// An object handle: mostly of an object that is there.
    pub fn some_object(&mut self) -> u64 {
        let choice = usize::from(self.input.byte());
        if let Some(pool) = self.pool
            && choice < 236
        {
            return pool.object(choice);
        }
        match self.model.objects.len() {
            there if there > 0 && choice < 236 => self.model.objects[choice % there].handle,
            _ => self.model.gone[choice % self.model.gone.len()],
        }
    }

    /// Shows a new object to the other threads.
    pub fn publish_object(&self, handle: u64) {
        if let Some(pool) = self.pool {
            pool.add_object(handle);
        }
    }

    /// Why a call with this session goes no further, if it does not.
    pub fn refused(&mut self, session: u64) -> Option<Codes> {
        if !self.model.initialized {
            return Some(Codes::just(ck::CKR_CRYPTOKI_NOT_INITIALIZED as u32));
        }
        match self.model.session(session) {
            Some(_) => None,
            None => Some(Codes::just(ck::CKR_SESSION_HANDLE_INVALID as u32)),
        }
    }
}

/// Signatures, digests and ciphers; those with recovery have no key that fits and come less often.
const CLASSES: [Class; 8] = [
    Class::Encrypt,
    Class::Decrypt,
    Class::Digest,
    Class::Sign,
    Class::Verify,
    Class::Sign,
    Class::SignRecover,
    Class::VerifyRecover,
];

/// Three functions a class: Init, Whole, Update, Final; 0 where there is none.
pub const INIT: [usize; 7] = [
    at("C_EncryptInit"),
    at("C_DecryptInit"),
    at("C_DigestInit"),
    at("C_SignInit"),
    at("C_VerifyInit"),
    at("C_SignRecoverInit"),
    at("C_VerifyRecoverInit"),
];
pub const WHOLE: [usize; 7] = [
    at("C_Encrypt"),
    at("C_Decrypt"),
    at("C_Digest"),
    at("C_Sign"),
    at("C_Verify"),
    at("C_SignRecover"),
    at("C_VerifyRecover"),
];
pub const UPDATE: [usize; 5] = [
    at("C_EncryptUpdate"),
    at("C_DecryptUpdate"),
    at("C_DigestUpdate"),
    at("C_SignUpdate"),
    at("C_VerifyUpdate"),
];
pub const FINAL: [usize; 5] = [
    at("C_EncryptFinal"),
    at("C_DecryptFinal"),
    at("C_DigestFinal"),
    at("C_SignFinal"),
    at("C_VerifyFinal"),
];

/// Whether `KEYWAY_FUZZ_TRACE` asks for every call and its answer.
fn traced() -> bool {
    static TRACED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *TRACED.get_or_init(|| std::env::var_os("KEYWAY_FUZZ_TRACE").is_some())
}
