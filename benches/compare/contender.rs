//! What is compared: a PKCS#11 module with an open session, and the calls that are timed.

use std::ffi::{CString, c_void};
use std::ptr;
use std::time::Instant;

use pkcs11_sys as ck;

/// Object identifiers of curves, in DER.
pub const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
pub const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];
pub const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];

/// A module behind its function list, with one session of a logged-in user.
pub struct Contender {
    pub name: &'static str,
    list: &'static ck::CK_FUNCTION_LIST,
    slot: ck::CK_SLOT_ID,
    session: ck::CK_SESSION_HANDLE,
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
        assert_eq!(rv, ck::CKR_OK, "{} {}", $contender.name, stringify!($function));
    }};
}

impl Contender {
    pub fn load(name: &'static str, path: &str) -> Self {
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
        let mut contender = Self { name, list, slot: 0, session: 0 };
        contender.open(Threads::One);
        contender
    }

    /// C_Initialize, the first initialised token, a session, login.
    pub fn open(&mut self, threads: Threads) {
        let mut arguments =
            ck::CK_C_INITIALIZE_ARGS { flags: ck::CKF_OS_LOCKING_OK, ..Default::default() };
        let arguments = match threads {
            Threads::One => ptr::null_mut(),
            Threads::Many => (&raw mut arguments).cast(),
        };
        call!(self, C_Initialize(arguments));
        let (mut slots, mut count) = ([0; 8], 8);
        call!(self, C_GetSlotList(1, slots.as_mut_ptr(), &mut count));
        for slot in &slots[..count as usize] {
            let mut info = ck::CK_TOKEN_INFO::default();
            call!(self, C_GetTokenInfo(*slot, &mut info));
            if info.flags & ck::CKF_TOKEN_INITIALIZED != 0 {
                self.slot = *slot;
                break;
            }
        }
        self.session = self.another_session();
        let mut pin = *b"123456";
        call!(self, C_Login(self.session, ck::CKU_USER, pin.as_mut_ptr(), 6));
    }

    fn another_session(&self) -> ck::CK_SESSION_HANDLE {
        let flags = ck::CKF_SERIAL_SESSION | ck::CKF_RW_SESSION;
        let mut session = 0;
        call!(self, C_OpenSession(self.slot, flags, ptr::null_mut(), None, &mut session));
        session
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
        let mut public = [attribute(ck::CKA_MODULUS_BITS, &bits)];
        self.generate_pair(ck::CKM_RSA_PKCS_KEY_PAIR_GEN, &mut public, b"rsa")
    }

    pub fn secret(&self, id: ck::CK_MECHANISM_TYPE) -> ck::CK_OBJECT_HANDLE {
        self.secret_in(self.session, id)
    }

    fn secret_in(
        &self,
        session: ck::CK_SESSION_HANDLE,
        id: ck::CK_MECHANISM_TYPE,
    ) -> ck::CK_OBJECT_HANDLE {
        let (yes, len): (_, ck::CK_ULONG) = (ck::CK_TRUE, 32);
        let mut template = [
            attribute(ck::CKA_TOKEN, &yes),
            attribute(ck::CKA_VALUE_LEN, &len),
            attribute(ck::CKA_ENCRYPT, &yes),
            attribute(ck::CKA_SIGN, &yes),
        ];
        let mut key = 0;
        let count = template.len() as ck::CK_ULONG;
        call!(
            self,
            C_GenerateKey(session, &mut mechanism(id), template.as_mut_ptr(), count, &mut key)
        );
        key
    }

    /// AES keys made on the token in a second, by so many sessions at once.
    pub fn token_keys(&self, sessions: usize) -> f64 {
        let began = Instant::now();
        let made: usize = std::thread::scope(|scope| {
            let work = || {
                let session = self.another_session();
                let mut made = 0;
                while began.elapsed().as_secs_f64() < 1.0 {
                    self.secret_in(session, ck::CKM_AES_KEY_GEN);
                    made += 1;
                }
                call!(self, C_CloseSession(session));
                made
            };
            let threads: Vec<_> = (0..sessions).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        made as f64 / began.elapsed().as_secs_f64()
    }

    pub fn sign(&self, mut how: ck::CK_MECHANISM, key: ck::CK_OBJECT_HANDLE, data: &[u8]) {
        let mut signature = [0u8; 512];
        let mut len = signature.len() as ck::CK_ULONG;
        call!(self, C_SignInit(self.session, &mut how, key));
        let data_len = data.len() as ck::CK_ULONG;
        let data = data.as_ptr().cast_mut();
        call!(self, C_Sign(self.session, data, data_len, signature.as_mut_ptr(), &mut len));
    }

    pub fn gcm(&self, key: ck::CK_OBJECT_HANDLE, data: &[u8], out: &mut [u8]) {
        let iv = [9u8; 12];
        let mut params = ck::CK_GCM_PARAMS {
            pIv: iv.as_ptr().cast_mut(),
            ulIvLen: 12,
            ulIvBits: 96,
            pAAD: ptr::null_mut(),
            ulAADLen: 0,
            ulTagBits: 128,
        };
        let mut how = ck::CK_MECHANISM {
            mechanism: ck::CKM_AES_GCM,
            pParameter: (&raw mut params).cast(),
            ulParameterLen: size_of::<ck::CK_GCM_PARAMS>() as ck::CK_ULONG,
        };
        let mut len = out.len() as ck::CK_ULONG;
        call!(self, C_EncryptInit(self.session, &mut how, key));
        let data_len = data.len() as ck::CK_ULONG;
        let data = data.as_ptr().cast_mut();
        call!(self, C_Encrypt(self.session, data, data_len, out.as_mut_ptr(), &mut len));
    }

    /// How many private keys of this identifier there are, as far as `found` has room for them.
    pub fn find(&self, key_id: &[u8], found: &mut [ck::CK_OBJECT_HANDLE]) -> usize {
        let class = ck::CKO_PRIVATE_KEY;
        let mut template = [attribute(ck::CKA_CLASS, &class), attribute(ck::CKA_ID, key_id)];
        let (room, mut count) = (found.len() as ck::CK_ULONG, 0);
        call!(self, C_FindObjectsInit(self.session, template.as_mut_ptr(), 2));
        call!(self, C_FindObjects(self.session, found.as_mut_ptr(), room, &mut count));
        call!(self, C_FindObjectsFinal(self.session));
        count as usize
    }
}

fn attribute<T: ?Sized>(id: ck::CK_ATTRIBUTE_TYPE, value: &T) -> ck::CK_ATTRIBUTE {
    ck::CK_ATTRIBUTE {
        type_: id,
        pValue: ptr::from_ref(value).cast_mut().cast(),
        ulValueLen: size_of_val(value) as ck::CK_ULONG,
    }
}

pub fn mechanism(id: ck::CK_MECHANISM_TYPE) -> ck::CK_MECHANISM {
    ck::CK_MECHANISM { mechanism: id, pParameter: ptr::null_mut(), ulParameterLen: 0 }
}
