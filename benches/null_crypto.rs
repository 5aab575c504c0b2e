//! What the module itself costs: C_SignInit + C_Sign over a key that computes nothing, from one
//! session and from two at once.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use keyway_pkcs11::attribute::{Attributes, KeyType};
use keyway_pkcs11::backend::{
    Backend, Found, Key, Object, ObjectId, Operation, Pin, SlotId, Snapshot, Token, TokenInfo,
    Transform, User, View,
};
use keyway_pkcs11::error::{Code, Result};
use keyway_pkcs11::ffi::calls::{C_CreateObject, C_Login, C_OpenSession, C_Sign, C_SignInit};
use keyway_pkcs11::ffi::current;
use keyway_pkcs11::mechanism::{Function, Mechanism, MechanismSpec, set};
use keyway_pkcs11::module::Module;
use keyway_pkcs11::object::Wanted;
use keyway_pkcs11::policy::Policy;
use pkcs11_sys as ck;

struct NullBackend(Arc<dyn Token>);

impl Backend for NullBackend {
    fn tokens(&self) -> Result<Vec<(SlotId, Arc<dyn Token>)>> {
        Ok(vec![(1, self.0.clone())])
    }
}

/// A token whose keys sign with zeroes.
#[derive(Default)]
struct NullToken(AtomicU64);

fn none<T>() -> Result<T> {
    Err(Code::FunctionNotSupported.into())
}

impl Token for NullToken {
    fn info(&self) -> Result<TokenInfo> {
        Ok(TokenInfo {
            label: "null".into(),
            manufacturer: "null".into(),
            pin_lengths: (4, 255),
            model: "null".into(),
            serial: "0".into(),
            initialized: true,
            user_pin_initialized: true,
            write_protected: false,
            so_pin: Default::default(),
            user_pin: Default::default(),
        })
    }
    fn mechanisms(&self) -> &[&'static MechanismSpec] {
        set::all()
    }
    fn initialize(&self, _: Pin<'_>, _: &str) -> Result<()> {
        none()
    }
    fn init_pin(&self, _: Pin<'_>) -> Result<()> {
        none()
    }
    fn set_pin(&self, _: User, _: Pin<'_>, _: Pin<'_>) -> Result<()> {
        none()
    }
    fn login(&self, _: User, _: Pin<'_>) -> Result<()> {
        Ok(())
    }
    fn logout(&self) -> Result<()> {
        Ok(())
    }

    fn is_gone(&self) -> bool {
        false
    }
    fn find(&self, _: &Attributes, _: View) -> Result<Vec<Found>> {
        Ok(Vec::new())
    }
    fn object(&self, _: ObjectId, _: View) -> Result<Option<Arc<Object>>> {
        Ok(None)
    }
    /// As much as the embedded token does when nothing changed: one load.
    fn refresh(&self, object: &Object) -> Result<()> {
        match self.0.load(Ordering::Acquire) == object.seen() {
            true => Ok(()),
            false => none(),
        }
    }
    fn create(&self, attributes: Attributes) -> Result<Arc<Object>> {
        Ok(Arc::new(Object::new(ObjectId([1; 16]), attributes, 0, 0)))
    }
    fn update(&self, _: &Object, _: &Arc<Snapshot>, _: Attributes) -> Result<()> {
        none()
    }
    fn destroy(&self, _: &Object) -> Result<()> {
        none()
    }
    fn generate(&self, _: &Mechanism<'_>, _: Attributes) -> Result<Arc<Object>> {
        none()
    }
    fn generate_pair(
        &self,
        _: &Mechanism<'_>,
        _: Attributes,
        _: Attributes,
    ) -> Result<(Arc<Object>, Arc<Object>)> {
        none()
    }
    fn key(&self, _: &Attributes) -> Result<Arc<dyn Key>> {
        Ok(Arc::new(NullKey))
    }
    fn digest(&self, _: &Mechanism<'_>) -> Result<Operation> {
        none()
    }
    fn wrap(&self, _: &Mechanism<'_>, _: &Snapshot, _: &Snapshot) -> Result<Vec<u8>> {
        none()
    }
    fn unwrap(
        &self,
        _: &Mechanism<'_>,
        _: &Snapshot,
        _: &[u8],
        _: Attributes,
    ) -> Result<Arc<Object>> {
        none()
    }
    fn derive(&self, _: &Mechanism<'_>, _: &Snapshot, _: Vec<Wanted>) -> Result<Vec<Arc<Object>>> {
        none()
    }
    fn random(&self, _: &mut [u8]) -> Result<()> {
        none()
    }
    fn seed_random(&self, _: &[u8]) -> Result<()> {
        none()
    }
}

struct NullKey;

impl Key for NullKey {
    fn lease(&self) -> Arc<dyn Key> {
        Arc::new(Self)
    }
    fn start(&self, _: Function, _: &Mechanism<'_>) -> Result<Operation> {
        Ok(Operation::Transform(Box::new(NullSign)))
    }
}

struct NullSign;

impl Transform for NullSign {
    fn output_size(&self, _: usize, _: bool) -> Result<usize> {
        Ok(64)
    }
    fn update(&mut self, _: &[u8], _: &mut [u8]) -> Result<usize> {
        Ok(0)
    }
    fn finish(&mut self, _: &[u8], output: &mut [u8]) -> Result<usize> {
        output[..64].fill(0);
        Ok(64)
    }
}

fn open_session() -> ck::CK_SESSION_HANDLE {
    let mut session = 0;
    let flags = ck::CKF_SERIAL_SESSION | ck::CKF_RW_SESSION;
    // SAFETY: the pointer is to a local.
    let rv = unsafe { C_OpenSession(1, flags, ptr::null_mut(), None, &mut session) };
    assert_eq!(rv, ck::CKR_OK);
    session
}

/// A generic secret as a session object of `session`: private, as keys are.
fn secret_key(session: ck::CK_SESSION_HANDLE) -> ck::CK_OBJECT_HANDLE {
    let (mut class, mut kind) = (ck::CKO_SECRET_KEY, KeyType::GENERIC_SECRET.0 as ck::CK_ULONG);
    let mut value = [7; 32];
    let mut yes = ck::CK_TRUE;
    fn attribute<T>(id: ck::CK_ATTRIBUTE_TYPE, value: &mut T) -> ck::CK_ATTRIBUTE {
        ck::CK_ATTRIBUTE {
            type_: id,
            pValue: ptr::from_mut(value).cast(),
            ulValueLen: size_of::<T>() as ck::CK_ULONG,
        }
    }
    let mut template = [
        attribute(ck::CKA_CLASS, &mut class),
        attribute(ck::CKA_KEY_TYPE, &mut kind),
        attribute(ck::CKA_VALUE, &mut value),
        attribute(ck::CKA_SIGN, &mut yes),
    ];
    let mut key = 0;
    // SAFETY: the pointers are to locals.
    let rv = unsafe {
        C_CreateObject(session, template.as_mut_ptr(), template.len() as ck::CK_ULONG, &mut key)
    };
    assert_eq!(rv, ck::CKR_OK);
    key
}

fn sign(session: ck::CK_SESSION_HANDLE, key: ck::CK_OBJECT_HANDLE) {
    let mut mechanism = ck::CK_MECHANISM {
        mechanism: ck::CKM_SHA256_HMAC,
        pParameter: ptr::null_mut(),
        ulParameterLen: 0,
    };
    let (mut data, mut signature) = ([1u8; 32], [0u8; 64]);
    let mut len = 64;
    // SAFETY: the pointers are to locals.
    unsafe {
        assert_eq!(C_SignInit(session, &mut mechanism, key), ck::CKR_OK);
        let rv = C_Sign(session, data.as_mut_ptr(), 32, signature.as_mut_ptr(), &mut len);
        assert_eq!(rv, ck::CKR_OK);
    }
}

fn bench(c: &mut Criterion) {
    current::initialize(|sessions| {
        let backend = NullBackend(Arc::new(NullToken::default()));
        Ok(Module::over(vec![Box::new(backend)], Policy::Standard, sessions))
    })
    .expect("no module is installed yet");
    let session = open_session();
    let mut pin = *b"1234";
    // SAFETY: the pointer is to a local.
    assert_eq!(unsafe { C_Login(session, ck::CKU_USER, pin.as_mut_ptr(), 4) }, ck::CKR_OK);
    let key = secret_key(session);

    let mut group = c.benchmark_group("null crypto");
    group.bench_function("C_SignInit + C_Sign, one session", |b| b.iter(|| sign(session, key)));
    // Both threads use one key; if they shared a written cache line, each would be slower.
    group.bench_function("the same, two sessions at once", |b| {
        b.iter_custom(|rounds| {
            let run = move || {
                let session = open_session();
                sign(session, key);
                let start = Instant::now();
                (0..rounds).for_each(|_| sign(session, key));
                start.elapsed()
            };
            let threads = [std::thread::spawn(run), std::thread::spawn(run)];
            let times = threads.map(|thread| thread.join().expect("the thread only signs"));
            times.into_iter().max().unwrap_or(Duration::ZERO)
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
