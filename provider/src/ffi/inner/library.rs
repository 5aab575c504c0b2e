//! A module in memory: loaded once a path, initialised once a process, never finalised behind
//! another user's back.

use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::time::Duration;

use pkcs11_sys::{
    CK_C_GetFunctionList, CK_C_INITIALIZE_ARGS, CK_FUNCTION_LIST, CK_RV, CK_VERSION,
    CKF_OS_LOCKING_OK, CKR_OK,
};

use super::exit::{self, ending};
use super::failure;
use super::life::Life;
use crate::error::{Code, Context, Error, Result};
use crate::ffi::lists::LIST_2_40;
use crate::ffi::turn::Turn;

/// A PKCS#11 module of somebody else: loaded once per path and process, initialised at first use,
/// never finalised but by [`reinitialize`](Library::reinitialize).
pub struct Library {
    path: PathBuf,
    settings: Settings,
    list: &'static CK_FUNCTION_LIST,
    /// The initialisation in use, or null. What it points to is never freed.
    life: AtomicPtr<Life>,
    /// The one that ended because the module said that it is not initialised, or null.
    ended: AtomicPtr<Life>,
    lives: AtomicU64,
    changing: Turn,
}

/// How a module is initialised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What `pReserved` points to, for the few modules that take arguments (NSS's).
    pub arguments: Option<String>,
    /// CKF_OS_LOCKING_OK. Without it the module is told that one thread uses it, and so it is: its
    /// calls run one after another.
    pub os_locking: bool,
    /// Whether a child of a fork finalises what it inherited, for modules that keep the parent's
    /// sessions and login there and share nothing with it.
    pub finalize_after_fork: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { arguments: None, os_locking: true, finalize_after_fork: false }
    }
}

/// How long [`Library::reinitialize`] waits for calls that still run.
const PATIENCE: Duration = Duration::from_secs(5);

impl Library {
    /// Loads the module at `path`; one that is loaded already is the same `Arc`.
    ///
    /// # Errors
    /// LibraryLoadFailed for what is not there or is no PKCS#11 module, FunctionFailed for our own
    /// module and for a module that was loaded with other settings.
    pub fn open(path: &Path, settings: &Settings) -> Result<Arc<Self>> {
        let canonical = fs::canonicalize(path).or_code(
            Code::LibraryLoadFailed,
            format!(
                "there is no PKCS#11 module {}: give the full path of its library, or install it",
                path.display()
            ),
        )?;
        let _turn = LOADING.take();
        if let Some(known) = loaded().find(|library| library.path == canonical) {
            return known.with(settings);
        }
        let list = load(&canonical)?;
        if let Some(known) = loaded().find(|library| ptr::eq(library.list, list)) {
            return known.with(settings);
        }
        let library = Arc::new(Self {
            path: canonical,
            settings: settings.clone(),
            list,
            life: AtomicPtr::new(ptr::null_mut()),
            ended: AtomicPtr::new(ptr::null_mut()),
            lives: AtomicU64::new(0),
            changing: Turn::new(),
        });
        remember(library.clone());
        Ok(library)
    }

    /// The canonical path of its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Which initialisation is in use: another number after every
    /// [`reinitialize`](Self::reinitialize) and in every child of a fork. Begins one if there is
    /// none.
    ///
    /// # Errors
    /// As every first call: what C_Initialize answers.
    pub fn life(&self) -> Result<u64> {
        Ok(self.current()?.number)
    }

    /// Finalises the module and initialises it again, as a module needs it whose daemon or device
    /// went away. Every session is over then. Does nothing if it was done since `life` was
    /// [asked for](Self::life).
    ///
    /// # Errors
    /// FunctionFailed if it was somebody else in this process who initialised the module, or calls
    /// into it do not end; what C_Initialize answers.
    pub fn reinitialize(&self, life: u64) -> Result<()> {
        self.still_callable()?;
        let _turn = self.changing.take();
        // A module whose daemon died may say that it is not initialised, and that it is.
        let ended = || self.ended().filter(|life| life.ours);
        let Some(current) = self.living().or_else(ended) else {
            return self.begin(false).map(drop);
        };
        let path = self.path.display();
        if current.number != life {
            return Ok(());
        }
        if !current.ours {
            return Err(Code::FunctionFailed.because(format!(
                "{path} was initialised by another part of this program, whose sessions would end \
                 with it: restart the program"
            )));
        }
        self.life.store(ptr::null_mut(), Ordering::SeqCst);
        if !current.quiet(PATIENCE) {
            self.life.store(ptr::from_ref(current).cast_mut(), Ordering::SeqCst);
            return Err(Code::FunctionFailed
                .because(format!("{path} is not initialised again: calls into it do not end")));
        }
        self.finalize();
        self.begin(true).map(drop)
    }

    /// C_Finalize, by whoever has the turn, when no call runs.
    fn finalize(&self) {
        if let Some(finalize) = self.list.C_Finalize {
            // SAFETY: the module's own function, with the argument that it must get; no call runs.
            let answer = unsafe { finalize(ptr::null_mut()) };
            if answer != CKR_OK {
                log::warn!("{}", failure(&self.path, "C_Finalize", answer));
            }
        }
    }

    pub(super) fn list(&self) -> &'static CK_FUNCTION_LIST {
        self.list
    }

    /// The initialisation in use; the first call of a process begins one.
    pub(super) fn current(&self) -> Result<&'static Life> {
        match self.living() {
            Some(life) => Ok(life),
            None => self.initialize(),
        }
    }

    /// Calls a function that needs no session.
    pub(super) fn call<F>(
        &self,
        name: &'static str,
        function: Option<F>,
        body: impl FnOnce(F) -> CK_RV,
    ) -> Result<()> {
        self.call_in(self.current()?, name, function, body)
    }

    /// Calls a function, if `life` is still going on.
    ///
    /// # Errors
    /// FunctionNotSupported where the module has none; SessionHandleInvalid after another
    /// initialisation or a fork; CryptokiNotInitialized when the process is ending; else what the
    /// function answers.
    #[inline]
    pub(super) fn call_in<F>(
        &self,
        life: &'static Life,
        name: &'static str,
        function: Option<F>,
        body: impl FnOnce(F) -> CK_RV,
    ) -> Result<()> {
        let Some(function) = function else { return Err(self.missing(name)) };
        let running = life.enter(|| self.life.load(Ordering::SeqCst));
        let Some(running) = running else { return Err(self.over(name)) };
        self.still_callable()?;
        let answer = body(function);
        drop(running);
        match answer {
            CKR_OK => Ok(()),
            answer => Err(self.failed(life, name, answer)),
        }
    }

    #[inline]
    fn living(&self) -> Option<&'static Life> {
        self.last().filter(|life| life.is_this_processs())
    }

    /// The initialisation in use, or that of the process before a fork.
    #[inline]
    fn last(&self) -> Option<&'static Life> {
        // SAFETY: null or from a leaked box.
        unsafe { self.life.load(Ordering::SeqCst).as_ref() }
    }

    /// # Errors
    /// CryptokiNotInitialized when the process is ending.
    #[inline]
    fn still_callable(&self) -> Result<()> {
        match ending() {
            false => Ok(()),
            true => Err(Code::CryptokiNotInitialized.because(format!(
                "the process is ending: {} is not called any more",
                self.path.display()
            ))),
        }
    }

    /// The initialisation that ended without being finalised, if it was this process's.
    fn ended(&self) -> Option<&'static Life> {
        // SAFETY: null or from a leaked box.
        let life = unsafe { self.ended.load(Ordering::SeqCst).as_ref() }?;
        life.is_this_processs().then_some(life)
    }

    /// Whether a child of a fork has an initialisation of ours from its parent, and ends it.
    fn is_inherited(&self) -> bool {
        let inherited = |life: &Life| life.ours && !life.is_this_processs();
        self.settings.finalize_after_fork && self.last().is_some_and(inherited)
    }

    #[cold]
    fn initialize(&self) -> Result<&'static Life> {
        let _turn = self.changing.take();
        if let Some(life) = self.living() {
            return Ok(life);
        }
        if self.is_inherited() {
            log::info!("{}: finalised after a fork", self.path.display());
            self.finalize();
        }
        // A module that does not notice a fork goes on with the state that its parent gave it.
        self.begin(self.last().is_some_and(|life| life.ours))
    }

    /// C_Initialize, by whoever has the turn. `ours`: whether it is ours even if the module did not
    /// notice that it was finalised.
    fn begin(&self, ours: bool) -> Result<&'static Life> {
        const NAME: &str = "C_Initialize";
        self.still_callable()?;
        let initialize = self.list.C_Initialize.ok_or_else(|| self.missing(NAME))?;
        let arguments = self.settings.arguments.as_deref().map(CString::new).transpose();
        let arguments = arguments.or_code(Code::FunctionFailed, "the module's arguments")?;
        let mut args = CK_C_INITIALIZE_ARGS {
            CreateMutex: None,
            DestroyMutex: None,
            LockMutex: None,
            UnlockMutex: None,
            flags: if self.settings.os_locking { CKF_OS_LOCKING_OK } else { 0 },
            pReserved: arguments
                .as_ref()
                .map_or(ptr::null_mut(), |text| text.as_ptr().cast_mut().cast()),
        };
        // SAFETY: the module's own function; the structure and its string outlive the call.
        let answer = unsafe { initialize((&raw mut args).cast()) };
        let ours = match code(answer) {
            Some(Code::Ok) => {
                self.ended.store(ptr::null_mut(), Ordering::SeqCst);
                true
            }
            Some(Code::CryptokiAlreadyInitialized) => {
                let ours = ours || self.ended().is_some_and(|life| life.ours);
                if !ours {
                    log::info!("{}: initialised already, by somebody else", self.path.display());
                }
                ours
            }
            Some(Code::CantLock) => {
                let error = failure(&self.path, NAME, answer);
                return Err(Code::CantLock.because(format!(
                    "{}: set os_locking = false for this module",
                    error.context()
                )));
            }
            _ => return Err(failure(&self.path, NAME, answer)),
        };
        exit::watch();
        let number = self.lives.fetch_add(1, Ordering::Relaxed) + 1;
        let life = Box::leak(Box::new(Life::new(number, ours, self.settings.os_locking)));
        self.life.store(life, Ordering::SeqCst);
        Ok(life)
    }

    fn with(self: &Arc<Self>, settings: &Settings) -> Result<Arc<Self>> {
        match self.settings == *settings {
            true => Ok(self.clone()),
            false => Err(Code::FunctionFailed.because(format!(
                "{} is loaded with {:?}: every slot of it must say the same, and a change takes a \
                 restart of the program",
                self.path.display(),
                self.settings
            ))),
        }
    }

    #[cold]
    fn missing(&self, name: &'static str) -> Error {
        Code::FunctionNotSupported
            .because(format!("{} has no function {name}", self.path.display()))
    }

    #[cold]
    fn over(&self, name: &'static str) -> Error {
        Code::SessionHandleInvalid.because(format!(
            "{}: {name} in a session from before a fork or before the module was initialised again",
            self.path.display()
        ))
    }

    /// Whoever finalised the module behind our back ended this life; the next call begins another.
    #[cold]
    fn failed(&self, life: &'static Life, name: &'static str, answer: CK_RV) -> Error {
        if code(answer) == Some(Code::CryptokiNotInitialized) {
            let ended = ptr::from_ref(life).cast_mut();
            let none = ptr::null_mut();
            if self.life.compare_exchange(ended, none, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                self.ended.store(ended, Ordering::SeqCst);
            }
        }
        failure(&self.path, name, answer)
    }
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Library({})", self.path.display())
    }
}

#[allow(clippy::useless_conversion)] // CK_RV has 32 bits on some platforms
fn code(answer: CK_RV) -> Option<Code> {
    Code::from_raw(u64::from(answer))
}

/// Modules are loaded one at a time.
static LOADING: Turn = Turn::new();
/// Those that are: a list that only grows, so that a fork always finds it whole.
static LOADED: AtomicPtr<Entry> = AtomicPtr::new(ptr::null_mut());

struct Entry {
    library: Arc<Library>,
    next: Option<&'static Entry>,
}

fn first() -> Option<&'static Entry> {
    // SAFETY: null or from a leaked box, which nothing changes.
    unsafe { LOADED.load(Ordering::Acquire).as_ref() }
}

fn loaded() -> impl Iterator<Item = &'static Arc<Library>> {
    std::iter::successors(first(), |entry| entry.next).map(|entry| &entry.library)
}

/// Adds a library, for whoever has the turn.
fn remember(library: Arc<Library>) {
    LOADED.store(Box::leak(Box::new(Entry { library, next: first() })), Ordering::Release);
}

/// The function list of a module, which stays in memory for as long as the process lives.
fn load(path: &Path) -> Result<&'static CK_FUNCTION_LIST> {
    let refused = |why: String| {
        Code::LibraryLoadFailed
            .because(format!("{} cannot be used as a PKCS#11 module: {why}", path.display()))
    };
    let file = CString::new(path.as_os_str().as_bytes())
        .map_err(|_| refused("its path has a NUL byte".to_owned()))?;
    // SAFETY: a NUL-terminated path; what a library does when it is loaded is trusted to whoever
    // names it in the configuration.
    let handle = unsafe { libc::dlopen(file.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        return Err(refused(format!("{}; install what it needs", loader_error())));
    }
    // SAFETY: a handle from dlopen and a NUL-terminated name.
    let symbol = unsafe { libc::dlsym(handle, c"C_GetFunctionList".as_ptr()) };
    // SAFETY: null, or the function that the specification has under this name.
    let function =
        unsafe { std::mem::transmute::<*mut libc::c_void, CK_C_GetFunctionList>(symbol) };
    let Some(function) = function else {
        return Err(refused("it has no function C_GetFunctionList; name another file".to_owned()));
    };
    let mut list = ptr::null_mut();
    // SAFETY: the module's own function, which writes one pointer.
    let answer = unsafe { function(&raw mut list) };
    if answer != CKR_OK || list.is_null() {
        return Err(refused(failure(path, "C_GetFunctionList", answer).to_string()));
    }
    // SAFETY: not NULL; every function list begins with its version.
    let version = unsafe { list.cast::<CK_VERSION>().read_unaligned() };
    if !matches!((version.major, version.minor), (2, 1..) | (3, _)) {
        return Err(refused(format!(
            "it speaks Cryptoki {}.{}, not 2.01 or newer",
            version.major, version.minor
        )));
    }
    // SAFETY: a list of this version, or the beginning of a newer one; it lives as long as the
    // module, which is never unloaded.
    let list = unsafe { &*list };
    refuse_own(path, list)?;
    Ok(list)
}

/// Our own module would call itself for ever.
fn refuse_own(path: &Path, list: &'static CK_FUNCTION_LIST) -> Result<()> {
    let address = |list: &CK_FUNCTION_LIST| list.C_Initialize.map(|function| function as usize);
    if ptr::eq(list, &raw const LIST_2_40) || address(list) == address(&LIST_2_40) {
        return Err(Code::FunctionFailed.because(format!(
            "{} is this very module, which cannot stand in front of itself: name the module of the \
             token that is to be used. (Another module that an application finds ours in the place \
             of was loaded after ours with RTLD_GLOBAL.)",
            path.display()
        )));
    }
    Ok(())
}

/// What the dynamic loader says of the last call in this thread.
fn loader_error() -> String {
    // SAFETY: takes nothing; what it answers is NULL or a string until the next call in this thread.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return "the dynamic loader does not say why".to_owned();
    }
    // SAFETY: as above, and not NULL.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_module_is_refused_and_so_is_a_list_with_our_functions() {
        static BORROWED: CK_FUNCTION_LIST = CK_FUNCTION_LIST { C_Login: None, ..LIST_2_40 };
        for list in [&LIST_2_40, &BORROWED] {
            let error = refuse_own(Path::new("/lib/own.so"), list).unwrap_err();
            assert_eq!(error.code(), Code::FunctionFailed);
            assert!(error.context().contains("/lib/own.so is this very module"), "{error}");
        }
    }
}
