//! The module in this process over a fresh token, and its C interface with slices for pointers.

use std::ptr;

use keyway_pkcs11::attribute::AttributeType;
use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig};
use keyway_pkcs11::ffi::current;
use keyway_pkcs11::mechanism::MechanismType;
use keyway_pkcs11::module::Module;
use keyway_pkcs11::policy::Policy;
use keyway_pkcs11::returns::may_return;
use keyway_pkcs11::store::Cost;
use pkcs11_sys as ck;

pub use keyway_pkcs11::code::Code;

pub const SO_PIN: &[u8] = b"officer";
pub const USER_PIN: &[u8] = b"user-pin";

/// Calls a function of the C interface and holds its answer against its row.
macro_rules! call {
    ($function:ident($($argument:expr),* $(,)?)) => {{
        // SAFETY: every pointer comes from a slice or a structure that outlives the call, with the
        // slice's own length.
        #[allow(unused_unsafe, reason = "closures of the harness nest")]
        let raw = unsafe { keyway_pkcs11::ffi::calls::$function($($argument),*) };
        $crate::harness::answer(stringify!($function), raw)
    }};
}
pub(crate) use call;

/// What a function answered, which must be in its row.
pub fn answer(function: &str, raw: ck::CK_RV) -> Result<(), Code> {
    let code = Code::from_raw(raw).unwrap_or_else(|| panic!("{function} answers {raw:#x}"));
    let row = may_return(function).expect("every function has a row");
    assert!(row.contains(&code), "{function} answers {code:?}, which it may not");
    match code {
        Code::Ok => Ok(()),
        code => Err(code),
    }
}

/// Runs `body` in a read-write session of a fresh token with both PINs, nobody logged in.
pub fn on_public(body: impl FnOnce(Session)) {
    let directory = tempfile::tempdir().expect("a directory");
    current::initialize(|sessions| {
        let backend = EmbeddedBackend::new(EmbeddedConfig {
            pin_cost: Cost { kibibytes: 8, passes: 1, lanes: 1 },
            ..EmbeddedConfig::new(directory.path())
        });
        Ok(Module::over(vec![Box::new(backend)], Policy::Standard, sessions))
    })
    .expect("no module is installed");
    let _installed = Installed;
    let label = [b' '; 32];
    call!(C_InitToken(
        1,
        SO_PIN.as_ptr().cast_mut(),
        SO_PIN.len() as u64,
        label.as_ptr().cast_mut()
    ))
    .expect("C_InitToken");
    let session = Session::open();
    session.login(ck::CKU_SO, SO_PIN).expect("the SO logs in");
    call!(C_InitPIN(session.0, USER_PIN.as_ptr().cast_mut(), USER_PIN.len() as u64))
        .expect("C_InitPIN");
    call!(C_Logout(session.0)).expect("C_Logout");
    body(session);
}

/// As [`on_public`], with the user logged in.
pub fn on_user(body: impl FnOnce(Session)) {
    on_public(|session| {
        session.login(ck::CKU_USER, USER_PIN).expect("the user logs in");
        body(session);
    });
}

/// Takes the module away, also from under a test that failed.
struct Installed;

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = call!(C_Finalize(ptr::null_mut()));
    }
}

/// What became of a call with output.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    pub answer: Result<(), Code>,
    pub len: usize,
    pub bytes: Vec<u8>,
}

impl Reply {
    pub fn done(self) -> Result<Vec<u8>, Code> {
        self.answer.map(|()| self.bytes[..self.len].to_vec())
    }
}

/// Calls with a buffer of `room` bytes, or NULL for `None`.
pub fn output(
    room: Option<usize>,
    body: impl FnOnce(*mut u8, *mut ck::CK_ULONG) -> Result<(), Code>,
) -> Reply {
    let (mut bytes, mut len) = (vec![0xa5; room.unwrap_or(0)], room.unwrap_or(0) as ck::CK_ULONG);
    let pointer = if room.is_some() { bytes.as_mut_ptr() } else { ptr::null_mut() };
    let answer = body(pointer, &raw mut len);
    Reply { answer, len: len as usize, bytes }
}

/// A mechanism with plain bytes or a structure for its parameter.
pub fn mechanism<T>(id: MechanismType, parameter: &[T]) -> ck::CK_MECHANISM {
    ck::CK_MECHANISM {
        mechanism: id.0 as ck::CK_ULONG,
        pParameter: parameter.as_ptr().cast_mut().cast(),
        ulParameterLen: size_of_val(parameter) as ck::CK_ULONG,
    }
}

/// A mechanism without parameter.
pub fn plain(id: MechanismType) -> ck::CK_MECHANISM {
    mechanism::<u8>(id, &[])
}

/// A template as the module reads it; it points into `template`.
fn raw(template: &[(AttributeType, &[u8])]) -> Vec<ck::CK_ATTRIBUTE> {
    let attribute = |(id, value): &(AttributeType, &[u8])| ck::CK_ATTRIBUTE {
        type_: id.0 as ck::CK_ULONG,
        pValue: value.as_ptr().cast_mut().cast(),
        ulValueLen: value.len() as ck::CK_ULONG,
    };
    template.iter().map(attribute).collect()
}

/// A session handle.
#[derive(Clone, Copy)]
pub struct Session(pub ck::CK_SESSION_HANDLE);

impl Session {
    pub fn open() -> Self {
        let mut handle = 0;
        let flags = ck::CKF_SERIAL_SESSION | ck::CKF_RW_SESSION;
        call!(C_OpenSession(1, flags, ptr::null_mut(), None, &raw mut handle))
            .expect("C_OpenSession");
        Self(handle)
    }

    pub fn login(self, user: ck::CK_USER_TYPE, pin: &[u8]) -> Result<(), Code> {
        call!(C_Login(self.0, user, pin.as_ptr().cast_mut(), pin.len() as u64))
    }

    /// A session object from attributes in the form of the C interface.
    pub fn create(self, template: &[(AttributeType, &[u8])]) -> ck::CK_OBJECT_HANDLE {
        let mut template = raw(template);
        let mut handle = 0;
        let (list, count) = (template.as_mut_ptr(), template.len() as u64);
        call!(C_CreateObject(self.0, list, count, &raw mut handle)).expect("C_CreateObject");
        handle
    }

    /// A pair of session keys, public half first.
    pub fn pair(
        self,
        id: MechanismType,
        public: &[(AttributeType, &[u8])],
        private: &[(AttributeType, &[u8])],
    ) -> (ck::CK_OBJECT_HANDLE, ck::CK_OBJECT_HANDLE) {
        let (mut public, mut private) = (raw(public), raw(private));
        let (mut one, mut other) = (0, 0);
        let mechanism = &mut plain(id);
        call!(C_GenerateKeyPair(
            self.0,
            mechanism,
            public.as_mut_ptr(),
            public.len() as u64,
            private.as_mut_ptr(),
            private.len() as u64,
            &raw mut one,
            &raw mut other,
        ))
        .expect("C_GenerateKeyPair");
        (one, other)
    }

    /// A secret session key that may be used for everything, and read if it is `readable`.
    pub fn secret(self, key_type: u64, value: &[u8], readable: bool) -> ck::CK_OBJECT_HANDLE {
        use AttributeType as A;
        let class = ck::CKO_SECRET_KEY.to_ne_bytes();
        let (kind, yes) = (key_type.to_ne_bytes(), &[1][..]);
        self.create(&[
            (A::CLASS, &class),
            (A::KEY_TYPE, &kind),
            (A::VALUE, value),
            (A::ENCRYPT, yes),
            (A::DECRYPT, yes),
            (A::SIGN, yes),
            (A::VERIFY, yes),
            (A::SENSITIVE, &[u8::from(!readable)]),
            (A::EXTRACTABLE, yes),
        ])
    }

    pub fn digest_init(self, id: MechanismType) -> Result<(), Code> {
        call!(C_DigestInit(self.0, &mut plain(id)))
    }

    pub fn digest_update(self, part: &[u8]) -> Result<(), Code> {
        call!(C_DigestUpdate(self.0, part.as_ptr().cast_mut(), part.len() as u64))
    }

    pub fn digest_final(self) -> Result<Vec<u8>, Code> {
        output(Some(64), |to, len| call!(C_DigestFinal(self.0, to, len))).done()
    }

    /// The digest of `data`, in an operation of its own.
    pub fn digest(self, id: MechanismType, data: &[u8]) -> Vec<u8> {
        self.digest_init(id).expect("C_DigestInit");
        self.digest_update(data).expect("C_DigestUpdate");
        self.digest_final().expect("C_DigestFinal")
    }
}
