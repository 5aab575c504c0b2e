//! The same work on our module, on SoftHSM2 and on bare AWS-LC, interleaved in one run, as ratios
//! of CPU time. `benches/compare.sh` makes the tokens and runs it.

use std::ffi::{CString, c_void};
use std::ptr;
use std::time::Instant;

use aws_lc_sys as lc;
use pkcs11_sys as ck;

/// Rounds of each contender, taken in turn; the median counts.
const ROUNDS: usize = 9;
/// CPU seconds of one round.
const ROUND: f64 = 0.06;

/// Object identifiers of curves, in DER.
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[6, 5, 0x2b, 0x81, 4, 0, 0x22];
const ED25519: &[u8] = &[6, 3, 0x2b, 0x65, 0x70];

/// A module behind its function list, with one session of a logged-in user.
struct Contender {
    name: &'static str,
    list: &'static ck::CK_FUNCTION_LIST,
    slot: ck::CK_SLOT_ID,
    session: ck::CK_SESSION_HANDLE,
}

/// Whether several threads use a module; SoftHSM2 locks nothing unless it is told so.
#[derive(Clone, Copy)]
enum Threads {
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

fn attribute<T: ?Sized>(id: ck::CK_ATTRIBUTE_TYPE, value: &T) -> ck::CK_ATTRIBUTE {
    ck::CK_ATTRIBUTE {
        type_: id,
        pValue: ptr::from_ref(value).cast_mut().cast(),
        ulValueLen: size_of_val(value) as ck::CK_ULONG,
    }
}

fn mechanism(id: ck::CK_MECHANISM_TYPE) -> ck::CK_MECHANISM {
    ck::CK_MECHANISM { mechanism: id, pParameter: ptr::null_mut(), ulParameterLen: 0 }
}

impl Contender {
    fn load(name: &'static str, path: &str) -> Self {
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
    fn open(&mut self, threads: Threads) {
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

    fn close(&self) {
        call!(self, C_Finalize(ptr::null_mut()));
    }

    fn generate_pair(
        &self,
        id: ck::CK_MECHANISM_TYPE,
        public: &mut [ck::CK_ATTRIBUTE],
        token: bool,
        key_id: &[u8],
    ) -> ck::CK_OBJECT_HANDLE {
        let (yes, token) = (ck::CK_TRUE, token as ck::CK_BBOOL);
        let mut public = public.to_vec();
        public.extend([
            attribute(ck::CKA_TOKEN, &token),
            attribute(ck::CKA_VERIFY, &yes),
            attribute(ck::CKA_ID, key_id),
        ]);
        let mut private = [
            attribute(ck::CKA_TOKEN, &token),
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

    fn p256(&self, token: bool, key_id: &[u8]) -> ck::CK_OBJECT_HANDLE {
        self.curve(ck::CKM_EC_KEY_PAIR_GEN, P256, token, key_id)
    }

    /// A pair on the curve of this object identifier, in DER.
    fn curve(
        &self,
        id: ck::CK_MECHANISM_TYPE,
        oid: &[u8],
        token: bool,
        key_id: &[u8],
    ) -> ck::CK_OBJECT_HANDLE {
        self.generate_pair(id, &mut [attribute(ck::CKA_EC_PARAMS, oid)], token, key_id)
    }

    fn rsa(&self) -> ck::CK_OBJECT_HANDLE {
        let bits: ck::CK_ULONG = 2048;
        let mut public = [attribute(ck::CKA_MODULUS_BITS, &bits)];
        self.generate_pair(ck::CKM_RSA_PKCS_KEY_PAIR_GEN, &mut public, true, b"rsa")
    }

    fn secret(&self, id: ck::CK_MECHANISM_TYPE) -> ck::CK_OBJECT_HANDLE {
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
    fn token_keys(&self, sessions: usize) -> f64 {
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

    fn sign(&self, mut how: ck::CK_MECHANISM, key: ck::CK_OBJECT_HANDLE, data: &[u8]) {
        let mut signature = [0u8; 512];
        let mut len = signature.len() as ck::CK_ULONG;
        call!(self, C_SignInit(self.session, &mut how, key));
        let data_len = data.len() as ck::CK_ULONG;
        let data = data.as_ptr().cast_mut();
        call!(self, C_Sign(self.session, data, data_len, signature.as_mut_ptr(), &mut len));
    }

    fn gcm(&self, key: ck::CK_OBJECT_HANDLE, data: &[u8], out: &mut [u8]) {
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

    fn find(&self, key_id: &[u8]) -> usize {
        let class = ck::CKO_PRIVATE_KEY;
        let mut template = [attribute(ck::CKA_CLASS, &class), attribute(ck::CKA_ID, key_id)];
        let (mut found, mut count) = ([0; 8], 0);
        call!(self, C_FindObjectsInit(self.session, template.as_mut_ptr(), 2));
        call!(self, C_FindObjects(self.session, found.as_mut_ptr(), 8, &mut count));
        call!(self, C_FindObjectsFinal(self.session));
        count as usize
    }
}

fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one local.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// CPU seconds of one call of `work`, from about [`ROUND`] seconds of them.
fn round(work: &mut dyn FnMut()) -> f64 {
    let (start, mut times) = (cpu_seconds(), 0u32);
    loop {
        work();
        times += 1;
        if times.is_power_of_two() || times % 64 == 0 {
            let spent = cpu_seconds() - start;
            if spent >= ROUND {
                return spent / f64::from(times);
            }
        }
    }
}

/// A contender's name and its work.
type Work<'a> = (&'static str, Box<dyn FnMut() + 'a>);

/// Runs the contenders in turn and prints a row: microseconds, and ours against each other one.
fn compare(what: &str, work: &mut [Work<'_>]) {
    let mut times = vec![Vec::new(); work.len()];
    for _ in 0..ROUNDS {
        for (times, (_, work)) in times.iter_mut().zip(work.iter_mut()) {
            times.push(round(work));
        }
    }
    let medians: Vec<f64> = times.iter_mut().map(|times| median(times)).collect();
    print!("| {what} ");
    for column in ["keyway", "softhsm2", "aws-lc"] {
        match work.iter().position(|(name, _)| *name == column) {
            Some(i) => print!("| {:.2} ", medians[i] * 1e6),
            None => print!("| - "),
        }
    }
    let ours = medians[0];
    for (column, inverse) in [("softhsm2", false), ("aws-lc", true)] {
        match work.iter().position(|(name, _)| *name == column) {
            Some(i) if inverse => print!("| {:.1} % ", medians[i] / ours * 100.0),
            Some(i) => print!("| {:.1} × ", medians[i] / ours),
            None => print!("| - "),
        }
    }
    println!("|");
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Fresh keys in bare AWS-LC, for what the engine takes without a module around it.
struct Bare {
    p256: *mut lc::EC_KEY,
    p384: *mut lc::EC_KEY,
    ed25519: [u8; 64],
    rsa: *mut lc::RSA,
    aead: *mut lc::EVP_AEAD_CTX,
}

impl Bare {
    fn new() -> Self {
        // SAFETY: plain construction; the objects live as long as the process.
        unsafe {
            let [p256, p384] = [lc::NID_X9_62_prime256v1, lc::NID_secp384r1].map(|curve| {
                let key = lc::EC_KEY_new_by_curve_name(curve);
                assert_eq!(lc::EC_KEY_generate_key(key), 1);
                key
            });
            let (mut public, mut ed25519) = ([0; 32], [0; 64]);
            lc::ED25519_keypair(public.as_mut_ptr(), ed25519.as_mut_ptr());
            let (rsa, exponent) = (lc::RSA_new(), lc::BN_new());
            assert_eq!(lc::BN_set_word(exponent, 65537), 1);
            assert_eq!(lc::RSA_generate_key_ex(rsa, 2048, exponent, ptr::null_mut()), 1);
            let key = [7u8; 32];
            let aead =
                lc::EVP_AEAD_CTX_new(lc::EVP_aead_aes_256_gcm(), key.as_ptr(), key.len(), 16);
            Self { p256, p384, ed25519, rsa, aead }
        }
    }

    fn ecdsa(&self, key: *mut lc::EC_KEY, digest: &[u8; 32]) {
        let (mut signature, mut len) = ([0u8; 128], 0);
        // SAFETY: the key is whole, the buffer larger than any signature on these curves.
        let ok = unsafe {
            lc::ECDSA_sign(0, digest.as_ptr(), 32, signature.as_mut_ptr(), &mut len, key)
        };
        assert_eq!(ok, 1);
    }

    fn ed25519(&self, message: &[u8; 32]) {
        let mut signature = [0u8; 64];
        // SAFETY: key and signature have the lengths that the function takes.
        let ok = unsafe {
            let key = self.ed25519.as_ptr();
            lc::ED25519_sign(signature.as_mut_ptr(), message.as_ptr(), message.len(), key)
        };
        assert_eq!(ok, 1);
    }

    fn rsa(&self, digest: &[u8; 32]) {
        let (mut signature, mut len) = ([0u8; 256], 0);
        // SAFETY: the key is whole, the buffer as long as the modulus.
        let ok = unsafe {
            lc::RSA_sign(
                lc::NID_sha256,
                digest.as_ptr(),
                32,
                signature.as_mut_ptr(),
                &mut len,
                self.rsa,
            )
        };
        assert_eq!(ok, 1);
    }

    fn gcm(&self, data: &[u8], out: &mut [u8]) {
        let (iv, mut len) = ([9u8; 12], 0);
        // SAFETY: the output has room for data and tag.
        let ok = unsafe {
            lc::EVP_AEAD_CTX_seal(
                self.aead,
                out.as_mut_ptr(),
                &mut len,
                out.len(),
                iv.as_ptr(),
                12,
                data.as_ptr(),
                data.len(),
                ptr::null(),
                0,
            )
        };
        assert_eq!(ok, 1);
    }
}

fn hmac_bare(data: &[u8]) {
    let (key, mut out, mut len) = ([7u8; 32], [0u8; 32], 0);
    // SAFETY: the output has room for a SHA-256 digest.
    unsafe {
        let out = out.as_mut_ptr();
        lc::HMAC(
            lc::EVP_sha256(),
            key.as_ptr().cast(),
            32,
            data.as_ptr(),
            data.len(),
            out,
            &mut len,
        );
    }
}

fn operations(ours: &Contender, theirs: &Contender) {
    let bare = Bare::new();
    let digest = [5u8; 32];
    println!("| CPU µs of one | keyway | SoftHSM2 | AWS-LC | of SoftHSM2's speed | of AWS-LC's |");
    println!("|---|---|---|---|---|---|");

    let ecdsa = || mechanism(ck::CKM_ECDSA);
    for (what, curve, key) in
        [("ECDSA P-256 sign", P256, bare.p256), ("ECDSA P-384 sign", P384, bare.p384)]
    {
        let pair = |module: &Contender| module.curve(ck::CKM_EC_KEY_PAIR_GEN, curve, true, b"ec");
        let (a, b) = (pair(ours), pair(theirs));
        compare(
            what,
            &mut [
                ("keyway", Box::new(|| ours.sign(ecdsa(), a, &digest))),
                ("softhsm2", Box::new(|| theirs.sign(ecdsa(), b, &digest))),
                ("aws-lc", Box::new(|| bare.ecdsa(key, &digest))),
            ],
        );
    }

    let eddsa = || mechanism(ck::CKM_EDDSA);
    let pair =
        |module: &Contender| module.curve(ck::CKM_EC_EDWARDS_KEY_PAIR_GEN, ED25519, true, b"ed");
    let (a, b) = (pair(ours), pair(theirs));
    compare(
        "Ed25519 sign",
        &mut [
            ("keyway", Box::new(|| ours.sign(eddsa(), a, &digest))),
            ("softhsm2", Box::new(|| theirs.sign(eddsa(), b, &digest))),
            ("aws-lc", Box::new(|| bare.ed25519(&digest))),
        ],
    );

    // The DigestInfo of SHA-256, so that all three do the same exponentiation over the same bytes.
    let mut info =
        b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20".to_vec();
    info.extend(digest);
    let pkcs = || mechanism(ck::CKM_RSA_PKCS);
    let (a, b) = (ours.rsa(), theirs.rsa());
    compare(
        "RSA-2048 sign",
        &mut [
            ("keyway", Box::new(|| ours.sign(pkcs(), a, &info))),
            ("softhsm2", Box::new(|| theirs.sign(pkcs(), b, &info))),
            ("aws-lc", Box::new(|| bare.rsa(&digest))),
        ],
    );

    let (a, b) = (ours.secret(ck::CKM_AES_KEY_GEN), theirs.secret(ck::CKM_AES_KEY_GEN));
    for (what, size) in [("AES-256-GCM 64 B", 64), ("AES-256-GCM 16 KiB", 16384)] {
        let data = vec![3u8; size];
        let mut out = [vec![0u8; size + 16], vec![0u8; size + 16], vec![0u8; size + 16]];
        let [out_a, out_b, out_c] = &mut out;
        compare(
            what,
            &mut [
                ("keyway", Box::new(|| ours.gcm(a, &data, out_a))),
                ("softhsm2", Box::new(|| theirs.gcm(b, &data, out_b))),
                ("aws-lc", Box::new(|| bare.gcm(&data, out_c))),
            ],
        );
    }

    let data = [3u8; 64];
    let hmac = || mechanism(ck::CKM_SHA256_HMAC);
    let generic = ck::CKM_GENERIC_SECRET_KEY_GEN;
    let (a, b) = (ours.secret(generic), theirs.secret(generic));
    compare(
        "HMAC-SHA-256 64 B",
        &mut [
            ("keyway", Box::new(|| ours.sign(hmac(), a, &data))),
            ("softhsm2", Box::new(|| theirs.sign(hmac(), b, &data))),
            ("aws-lc", Box::new(|| hmac_bare(&data))),
        ],
    );
}

/// Making keys that survive a power cut, by one session and by eight at once.
fn token_keys(contenders: &mut [Contender]) {
    println!("\n| token key generation (AES-256), keys a second | keyway | SoftHSM2 | ratio |");
    println!("|---|---|---|---|");
    for contender in contenders.iter_mut() {
        contender.close();
        contender.open(Threads::Many);
    }
    for sessions in [1, 8] {
        let mut rates = [const { Vec::new() }; 2];
        for _ in 0..5 {
            for (rates, contender) in rates.iter_mut().zip(contenders.iter()) {
                rates.push(contender.token_keys(sessions));
            }
        }
        let [ours, theirs] = rates.each_mut().map(|rates| median(rates));
        println!("| {sessions} session(s) | {ours:.0} | {theirs:.0} | {:.1} × |", ours / theirs);
    }
    for contender in contenders {
        contender.close();
        contender.open(Threads::One);
    }
}

/// Finding one key among many, and opening the token that holds them.
fn full_token(contenders: &mut [Contender], keys: usize) {
    println!("\n| {keys} P-256 pairs in the token, wall time | keyway | SoftHSM2 |");
    println!("|---|---|---|");
    let mut rows = [const { Vec::<String>::new() }; 3];
    for contender in contenders.iter_mut() {
        let start = Instant::now();
        for i in 0..keys {
            contender.p256(true, &(i as u32).to_be_bytes());
        }
        rows[0].push(format!("{:.2} ms", start.elapsed().as_secs_f64() * 1e3 / keys as f64));
        let start = Instant::now();
        let searches = if contender.name == "keyway" { 2000 } else { 5 };
        for i in 0..searches {
            let id = (i * 7919 % keys) as u32;
            assert_eq!(contender.find(&id.to_be_bytes()), 1);
        }
        let each = start.elapsed().as_secs_f64() * 1e6 / searches as f64;
        rows[1].push(format!("{each:.1} µs"));
        contender.close();
        let start = Instant::now();
        contender.open(Threads::One);
        let key = {
            let class = ck::CKO_PRIVATE_KEY;
            let id = 1u32.to_be_bytes();
            let mut template = [attribute(ck::CKA_CLASS, &class), attribute(ck::CKA_ID, &id)];
            let (mut found, mut count) = (0, 0);
            call!(contender, C_FindObjectsInit(contender.session, template.as_mut_ptr(), 2));
            call!(contender, C_FindObjects(contender.session, &mut found, 1, &mut count));
            call!(contender, C_FindObjectsFinal(contender.session));
            found
        };
        contender.sign(mechanism(ck::CKM_ECDSA), key, &[5; 32]);
        rows[2].push(format!("{:.1} ms", start.elapsed().as_secs_f64() * 1e3));
    }
    let names =
        ["durable creation of a pair", "find by CKA_ID", "C_Initialize + login + find + sign"];
    for (name, row) in names.iter().zip(rows) {
        println!("| {name} | {} |", row.join(" | "));
    }
}

fn main() {
    let variable = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| {
            eprintln!("{name} is not set: run benches/compare.sh");
            std::process::exit(2);
        })
    };
    let keys = variable("COMPARE_KEYS").parse().expect("COMPARE_KEYS is a number");
    let mut contenders = [
        Contender::load("keyway", &variable("COMPARE_KEYWAY")),
        Contender::load("softhsm2", &variable("COMPARE_SOFTHSM")),
    ];
    operations(&contenders[0], &contenders[1]);
    token_keys(&mut contenders);
    if keys > 0 {
        full_token(&mut contenders, keys);
    }
}
