//! `faulty.c`: a module between a bridge and the module of a token, which fails as a test orders
//! while calls run.

use std::ffi::c_void;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use tempfile::TempDir;

use super::Code;
use super::abi::position;

/// A copy of the module, in front of another one.
#[derive(Debug)]
pub struct Faulty {
    directory: TempDir,
    page: *mut Page,
}

// SAFETY: the page is atomics.
unsafe impl Send for Faulty {}
// SAFETY: as above.
unsafe impl Sync for Faulty {}

/// What an injected answer does beside being given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Answer = 0,
    /// The session of the call is closed.
    LoseSession = 1,
    /// Every session, the login and the handles of all objects are lost.
    LoseAll = 2,
}

/// What is ordered for one function, and what was counted. `struct order` of `faulty.c`.
#[derive(Debug)]
#[repr(C)]
pub struct Order {
    code: AtomicU64,
    within: AtomicU64,
    every: AtomicU64,
    chance: AtomicU64,
    late: AtomicU64,
    effect: AtomicU64,
    calls: AtomicU64,
    injected: AtomicU64,
}

/// `struct page` of `faulty.c`.
#[repr(C)]
struct Page {
    life: AtomicU64,
    crash: AtomicU64,
    sessions: AtomicU64,
    announced: AtomicU64,
    idle: AtomicU64,
    latency: AtomicU64,
    shift: AtomicU64,
    seed: AtomicU64,
    drawn: AtomicU64,
    open: AtomicU64,
    most: AtomicU64,
    timed_out: AtomicU64,
    cut: AtomicU64,
    dead: AtomicU64,
    pad: [AtomicU64; 2],
    orders: [Order; 68],
}

impl Order {
    /// Injects a code at the n-th call from now; 1 is the next.
    pub fn at(&self, n: u64, code: Code) -> &Self {
        self.code.store(code as u64, SeqCst);
        self.within.store(n, SeqCst);
        self
    }

    /// Injects a code at each n-th call; 1 is every call.
    pub fn every(&self, n: u64, code: Code) -> &Self {
        self.code.store(code as u64, SeqCst);
        self.every.store(n, SeqCst);
        self
    }

    /// Injects a code at random, once in `n` calls.
    pub fn one_in(&self, n: u32, code: Code) -> &Self {
        self.code.store(code as u64, SeqCst);
        self.chance.store((1 << 32) / u64::from(n), SeqCst);
        self
    }

    /// The other module does its work before; its answer is lost.
    pub fn late(&self) -> &Self {
        self.late.store(1, SeqCst);
        self
    }

    /// What an injected answer does beside being given.
    pub fn with(&self, effect: Effect) -> &Self {
        self.effect.store(effect as u64, SeqCst);
        self
    }

    /// Injects no more.
    pub fn clear(&self) {
        for order in [&self.within, &self.every, &self.chance, &self.late, &self.effect] {
            order.store(0, SeqCst);
        }
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }

    /// Answers that were injected so far.
    pub fn injected(&self) -> u64 {
        self.injected.load(SeqCst)
    }
}

impl Faulty {
    /// In front of the module `real`, whose C_Initialize finds `name=value` in the environment.
    pub fn before(real: &Path, (name, value): (&str, &Path)) -> Self {
        let directory = tempfile::Builder::new().prefix("keyway-faulty-").tempdir();
        let directory = directory.expect("a temporary directory");
        let module = directory.path().join("faulty.so");
        fs::copy(compiled(), &module).expect("a copy of the module");
        let beside = |ending: &str| directory.path().join(format!("faulty.so.{ending}"));
        fs::write(beside("real"), format!("{}\n", real.display())).expect("its file");
        fs::write(beside("environment"), format!("{name}={}\n", value.display()))
            .expect("its file");
        let faults = File::create_new(beside("faults")).expect("the page");
        faults.set_len(size_of::<Page>() as u64).expect("the page");
        drop(faults);
        let faults = File::options().read(true).write(true).open(beside("faults"));
        let page = mapped(&faults.expect("the page"));
        Self { directory, page }
    }

    /// The module's file.
    pub fn module(&self) -> PathBuf {
        self.directory.path().join("faulty.so")
    }

    /// What is ordered and counted of a function.
    pub fn of(&self, function: &str) -> &Order {
        &self.page().orders[position(function)]
    }

    /// Every session, the login and the handles of all objects are lost now.
    pub fn restart(&self) {
        self.page().life.fetch_add(1, SeqCst);
    }

    /// The module's daemon dies: everything answers CKR_CRYPTOKI_NOT_INITIALIZED until C_Finalize
    /// and C_Initialize.
    pub fn crash(&self) {
        self.page().crash.fetch_add(1, SeqCst);
    }

    /// The module's connection dies and its sessions do not: everything that needs the device answers
    /// CKR_GENERAL_ERROR until C_Finalize and C_Initialize.
    pub fn die(&self) {
        self.page().dead.fetch_add(1, SeqCst);
    }

    /// So many sessions at once, 0 for no limit; whether C_GetTokenInfo says so.
    pub fn limit_sessions(&self, most: u64, announced: bool) {
        self.page().announced.store(announced.into(), SeqCst);
        self.page().sessions.store(most, SeqCst);
    }

    /// Sessions that nobody uses for so many milliseconds are lost; 0 for never.
    pub fn idle(&self, milliseconds: u64) {
        self.page().idle.store(milliseconds, SeqCst);
    }

    /// So many microseconds before every call.
    pub fn latency(&self, microseconds: u64) {
        self.page().latency.store(microseconds, SeqCst);
    }

    /// Every restart adds this to the handles of objects.
    pub fn shift_handles(&self, by: u64) {
        self.page().shift.store(by, SeqCst);
    }

    /// Where the random numbers of [`Order::one_in`] begin.
    pub fn seed(&self, seed: u64) {
        self.page().seed.store(seed, SeqCst);
    }

    /// Injects nothing any more; limits and idle times end.
    pub fn clear(&self) {
        self.page().orders.iter().for_each(Order::clear);
        self.limit_sessions(0, false);
        self.idle(0);
        self.latency(0);
    }

    /// Calls so far, of all functions.
    pub fn calls(&self) -> u64 {
        self.page().orders.iter().map(Order::calls).sum()
    }

    /// Answers injected so far, of all functions.
    pub fn injected(&self) -> u64 {
        self.page().orders.iter().map(Order::injected).sum()
    }

    /// Sessions that exist, and the most that ever did.
    pub fn sessions(&self) -> (u64, u64) {
        (self.page().open.load(SeqCst), self.page().most.load(SeqCst))
    }

    /// Sessions lost for lying idle, and with restarts.
    pub fn lost(&self) -> (u64, u64) {
        (self.page().timed_out.load(SeqCst), self.page().cut.load(SeqCst))
    }

    fn page(&self) -> &Page {
        // SAFETY: mapped until this value goes, all atomics, of which zeros are values.
        unsafe { &*self.page }
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        // SAFETY: mapped by `mapped`, and no reference to it outlives this value.
        unsafe { libc::munmap(self.page.cast::<c_void>(), size_of::<Page>()) };
    }
}

fn mapped(file: &File) -> *mut Page {
    let (access, len) = (libc::PROT_READ | libc::PROT_WRITE, size_of::<Page>());
    // SAFETY: a new mapping of a file of this length.
    let page = unsafe {
        libc::mmap(std::ptr::null_mut(), len, access, libc::MAP_SHARED, file.as_raw_fd(), 0)
    };
    assert!(page != libc::MAP_FAILED, "mmap: {}", std::io::Error::last_os_error());
    page.cast()
}

/// The module, compiled once for every state of its source.
fn compiled() -> &'static Path {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let mut hasher = DefaultHasher::new();
        include_str!("faulty.c").hash(&mut hasher);
        let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let ready = root.join(format!("faulty-{:016x}.so", hasher.finish()));
        if !ready.exists() {
            // Renamed when complete: another test may be at the same.
            let draft = tempfile::tempdir_in(root).expect("a temporary directory");
            let library = draft.path().join("faulty.so");
            let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/harness/faulty.c");
            let mut compiler = Command::new("cc");
            compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library);
            compiler.args([source, "-ldl", "-pthread"]);
            assert!(compiler.status().expect("cc: apt install build-essential").success());
            fs::rename(&library, &ready).expect("the module in its place");
        }
        ready
    })
}
