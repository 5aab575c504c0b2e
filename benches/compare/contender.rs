//! What is compared: a PKCS#11 module with an open session, and the calls that are timed.

use std::ffi::{CString, c_void};
use std::ptr;
use std::time::Instant;

use pkcs11_sys as ck;

/// Object identifiers of curves, in DER.
pub const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
pub const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];
pub const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];
/// 65537.
pub const F4: &[u8] = &[1, 0, 1];

/// A module behind its function list, with one session of a logged-in user.
#[derive(Clone)]
pub struct Contender {
    pub name: &'static str,
    pub list: &'static ck::CK_FUNCTION_LIST,
    /// What C_Initialize is given in words, by modules that want some (NSS).
    parameters: Option<CString>,
    slot: ck::CK_SLOT_ID,
    pub session: ck::CK_SESSION_HANDLE,
}

/// `CK_C_INITIALIZE_ARGS` of NSS: one more pointer before the reserved one.
#[repr(C)]
struct InitializeArguments {
    standard: ck::CK_C_INITIALIZE_ARGS,
    reserved: *mut c_void,
}

/// Whether several threads use a module; SoftHSM2 locks nothing unless it is told so.
#[derive(Clone, Copy)]
pub enum Threads {
    One,
    Many,
}

macro_rules! call {
    ($contender:expr, $function:ident($($argument:expr),*)) => {{
        // SAFETY: every list has every function, and the pointers are to locals of the caller.
        let rv = unsafe { ($contender.list.$function.unwrap())($($argument),*) };
        assert_eq!(rv, pkcs11_sys::CKR_OK, "{} {}", $contender.name, stringify!($function));
    }};
}
pub(crate) use call;

impl Contender {
    /// A module in a session of its user, for one thread.
    pub fn load(name: &'static str, path: &str) -> Self {
        let mut contender = Self::dlopen(name, path, None);
        contender.open(Threads::One);
        contender
    }

    /// The module's functions, before C_Initialize; `parameters` are for that.
    pub fn dlopen(name: &'static str, path: &str, parameters: Option<String>) -> Self {
        let parameters = parameters.map(|words| CString::new(words).unwrap());
        let path = CString::new(path).unwrap();
        // SAFETY: loading a PKCS#11 module and calling its documented entry point.
        let list = unsafe {
            let library = libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL);
            assert!(!library.is_null(), "cannot load {path:?}");
            let entry = libc::dlsym(library, c"C_GetFunctionList".as_ptr());
            let entry: unsafe extern "C" fn(*mut *mut ck::CK_FUNCTION_LIST) -> ck::CK_RV =
                std::mem::transmute::<*mut c_void, _>(entry);
            let mut list = ptr::null_mut();
            assert_eq!(entry(&mut list), ck::CKR_OK);
            &*list
        };
        Self { name, list, parameters, slot: 0, session: 0 }
    }

    /// C_Initialize, a session, login.
    pub fn open(&mut self, threads: Threads) {
        self.initialize(threads);
        self.find_token();
        self.log_in();
    }

    pub fn initialize(&self, threads: Threads) {
        let words = self.parameters.as_ref().map_or(ptr::null(), |words| words.as_ptr());
        let standard = ck::CK_C_INITIALIZE_ARGS {
            flags: ck::CKF_OS_LOCKING_OK,
            pReserved: words.cast_mut().cast(),
            ..Default::default()
        };
        let mut arguments = InitializeArguments { standard, reserved: ptr::null_mut() };
        let arguments = match threads {
            Threads::One if words.is_null() => ptr::null_mut(),
            _ => (&raw mut arguments).cast(),
        };
        call!(self, C_Initialize(arguments));
    }

    /// A session with the first token that has a PIN.
    pub fn find_token(&mut self) {
        let (mut slots, mut count) = ([0; 8], 8);
        call!(self, C_GetSlotList(1, slots.as_mut_ptr(), &mut count));
        for slot in &slots[..count as usize] {
            let mut info = ck::CK_TOKEN_INFO::default();
            call!(self, C_GetTokenInfo(*slot, &mut info));
            let wanted = ck::CKF_TOKEN_INITIALIZED | ck::CKF_LOGIN_REQUIRED;
            if info.flags & wanted == wanted {
                self.slot = *slot;
                break;
            }
        }
        self.session = self.another_session();
    }

    pub fn log_in(&self) {
        let mut pin = *b"123456";
        call!(self, C_Login(self.session, ck::CKU_USER, pin.as_mut_ptr(), 6));
    }

    fn another_session(&self) -> ck::CK_SESSION_HANDLE {
        let flags = ck::CKF_SERIAL_SESSION | ck::CKF_RW_SESSION;
        let mut session = 0;
        call!(self, C_OpenSession(self.slot, flags, ptr::null_mut(), None, &mut session));
        session
    }

    /// The same module in a session of its own, for another thread.
    pub fn beside(&self) -> Self {
        Self { session: self.another_session(), ..self.clone() }
    }

    /// Ends a session of [`beside`](Self::beside).
    pub fn end(self) {
        call!(self, C_CloseSession(self.session));
    }

    /// Whether the token has the mechanism.
    pub fn has(&self, id: ck::CK_MECHANISM_TYPE) -> bool {
        let mut info = ck::CK_MECHANISM_INFO::default();
        // SAFETY: writes one local.
        let rv = unsafe { (self.list.C_GetMechanismInfo.unwrap())(self.slot, id, &mut info) };
        rv == ck::CKR_OK
    }

    pub fn close(&self) {
        call!(self, C_Finalize(ptr::null_mut()));
    }

    /// A pair of the token; the handle of its private key.
    fn generate_pair(
        &self,
        id: ck::CK_MECHANISM_TYPE,
        public: &mut [ck::CK_ATTRIBUTE],
        key_id: &[u8],
    ) -> ck::CK_OBJECT_HANDLE {
        let yes = ck::CK_TRUE;
        let mut public = public.to_vec();
        public.extend([
            attribute(ck::CKA_TOKEN, &yes),
            attribute(ck::CKA_VERIFY, &yes),
            attribute(ck::CKA_ID, key_id),
        ]);
        let mut private = [
            attribute(ck::CKA_TOKEN, &yes),
            attribute(ck::CKA_SIGN, &yes),
            attribute(ck::CKA_ID, key_id),
        ];
        let (mut a, mut b) = (0, 0);
        call!(
            self,
            C_GenerateKeyPair(
                self.session,
                &mut mechanism(id),
                public.as_mut_ptr(),
                public.len() as ck::CK_ULONG,
                private.as_mut_ptr(),
                private.len() as ck::CK_ULONG,
                &mut a,
                &mut b
            )
        );
        b
    }

    pub fn p256(&self, key_id: &[u8]) -> ck::CK_OBJECT_HANDLE {
        self.curve(ck::CKM_EC_KEY_PAIR_GEN, P256, key_id)
    }

    /// A pair on the curve of this object identifier, in DER.
    pub fn curve(
        &self,
        id: ck::CK_MECHANISM_TYPE,
        oid: &[u8],
        key_id: &[u8],
    ) -> ck::CK_OBJECT_HANDLE {
        self.generate_pair(id, &mut [attribute(ck::CKA_EC_PARAMS, oid)], key_id)
    }

    pub fn rsa(&self) -> ck::CK_OBJECT_HANDLE {
        let bits: ck::CK_ULONG = 2048;
        let mut public =
            [attribute(ck::CKA_MODULUS_BITS, &bits), attribute(ck::CKA_PUBLIC_EXPONENT, F4)];
        self.generate_pair(ck::CKM_RSA_PKCS_KEY_PAIR_GEN, &mut public, b"rsa")
    }

    /// A secret key of 32 bytes in the token.
    pub fn secret(&self, id: ck::CK_MECHANISM_TYPE) -> ck::CK_OBJECT_HANDLE {
        self.secret_key(id, ck::CK_TRUE, b"secret")
    }

    pub fn secret_key(
        &self,
        id: ck::CK_MECHANISM_TYPE,
        token: ck::CK_BBOOL,
        key_id: &[u8],
    ) -> ck::CK_OBJECT_HANDLE {
        let (yes, len): (_, ck::CK_ULONG) = (ck::CK_TRUE, 32);
        let mut template = [
            attribute(ck::CKA_TOKEN, &token),
            attribute(ck::CKA_VALUE_LEN, &len),
            attribute(ck::CKA_ENCRYPT, &yes),
            attribute(ck::CKA_SIGN, &yes),
            attribute(ck::CKA_ID, key_id),
        ];
        let (mut how, mut key) = (mechanism(id), 0);
        let count = template.len() as ck::CK_ULONG;
        call!(self, C_GenerateKey(self.session, &mut how, template.as_mut_ptr(), count, &mut key));
        key
    }

    /// How often `make` makes something in a second, by so many sessions at once.
    pub fn rate(&self, sessions: usize, make: impl Fn(&Self) + Sync) -> f64 {
        let began = Instant::now();
        let made: usize = std::thread::scope(|scope| {
            let work = || {
                let own = self.beside();
                let mut made = 0;
                while began.elapsed().as_secs_f64() < 1.0 {
                    make(&own);
                    made += 1;
                }
                own.end();
                made
            };
            let threads: Vec<_> = (0..sessions).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        made as f64 / began.elapsed().as_secs_f64()
    }
}

pub fn attribute<T: ?Sized>(id: ck::CK_ATTRIBUTE_TYPE, value: &T) -> ck::CK_ATTRIBUTE {
    ck::CK_ATTRIBUTE {
        type_: id,
        pValue: ptr::from_ref(value).cast_mut().cast(),
        ulValueLen: size_of_val(value) as ck::CK_ULONG,
    }
}

pub fn mechanism(id: ck::CK_MECHANISM_TYPE) -> ck::CK_MECHANISM {
    ck::CK_MECHANISM { mechanism: id, pParameter: ptr::null_mut(), ulParameterLen: 0 }
}
