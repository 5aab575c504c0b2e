//! Loading a PKCS#11 module, and finding our own.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::RvError;

use super::error::{code, raw_error, token_error};
use super::raw::Raw;
use crate::error::{Kind, Result};

/// The file name of our own module.
pub const OWN_MODULE: &str = "libkeyway_pkcs11.so";

/// Every module of this process: C_Initialize is called once a module.
static LOADED: Mutex<Vec<Arc<Module>>> = Mutex::new(Vec::new());

/// How often a module is made to read its tokens again, and how long to wait before.
///
/// SoftHSM2 rewrites a token's file in place at every login. Another process that initialises at
/// that moment reads half of it and knows, until it is finalised, a token without label or PIN.
const READING_AGAIN: (u32, Duration) = (12, Duration::from_millis(15));

/// A loaded and initialised module.
#[derive(Debug)]
pub struct Module {
    path: PathBuf,
    context: Pkcs11,
    raw: Raw,
    /// Whether it was this value that initialised it; else it is not ours to finalise.
    ours: bool,
    /// How often it was initialised again. Sessions of an earlier life are not closed: their
    /// handles may be other sessions' by now.
    life: AtomicU64,
}

impl Module {
    /// Loads and initialises a module, or gives the one that this process has loaded.
    ///
    /// # Errors
    /// [`Kind::File`] when there is no such file, [`Kind::Token`] when it is no PKCS#11 module or
    /// does not initialise.
    pub fn load(path: &Path) -> Result<Arc<Self>> {
        let path = Self::locate(path)?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = loaded.iter().find(|module| module.path == path) {
            return Ok(Arc::clone(module));
        }
        let module = Arc::new(Self::initialise(path)?);
        loaded.push(Arc::clone(&module));
        Ok(module)
    }

    /// The full path of a module, which is not loaded.
    ///
    /// # Errors
    /// [`Kind::File`] when nothing is there.
    pub fn locate(path: &Path) -> Result<PathBuf> {
        path.canonicalize().map_err(|error| {
            Kind::File
                .because(format!("cannot open the PKCS#11 module {}", path.display()))
                .caused_by(error)
                .advise("name the module: --module /path/to/module.so")
        })
    }

    fn initialise(path: PathBuf) -> Result<Self> {
        let shown = path.display().to_string();
        let context = Pkcs11::new(&path).map_err(|error| {
            token_error(&format!("cannot load the PKCS#11 module {shown}"), error)
        })?;
        let raw = Raw::new(&path).ok_or_else(|| {
            Kind::Token.because(format!("{shown} is not a PKCS#11 module: no C_GetFunctionList"))
        })?;
        let arguments = CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK);
        let ours = match context.initialize(arguments) {
            Ok(()) => true,
            Err(error) if matches!(code(&error), Some(RvError::CryptokiAlreadyInitialized)) => {
                false
            }
            Err(error) => {
                return Err(token_error(&format!("cannot initialise the module {shown}"), error)
                    .advise("the module's own log and configuration may say why"));
            }
        };
        Ok(Self { path, context, raw, ours, life: AtomicU64::new(0) })
    }

    /// Runs something that looks for tokens, again after the module read them anew as long as it
    /// fails with [`Kind::NotFound`] or [`Kind::Token`]. No PIN is tried twice: a refused PIN is
    /// [`Kind::Pin`].
    pub(super) fn until_settled<T>(
        self: &Arc<Self>,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        let (times, pause) = READING_AGAIN;
        for _ in 0..times {
            match attempt() {
                Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Token) => {
                    sleep(pause);
                    self.read_again()?;
                }
                settled => return settled,
            }
        }
        attempt()
    }

    /// Finalises and initialises the module, so that it reads its tokens anew. Does nothing when
    /// somebody else in this process uses it, too.
    ///
    /// # Errors
    /// The module does not come up again.
    fn read_again(self: &Arc<Self>) -> Result<()> {
        let loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        // One reference is the list's, one the caller's.
        if !self.ours || Arc::strong_count(self) > 2 {
            return Ok(());
        }
        let failed = |error| token_error("cannot initialise the module again", error);
        self.context.clone().finalize().map_err(failed)?;
        self.life.fetch_add(1, Ordering::SeqCst);
        let answer = self.context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        drop(loaded);
        answer.map_err(failed)
    }

    /// Whether the module is initialised in this process. It is not after somebody called
    /// C_Finalize, nor in a child of fork.
    pub(super) fn is_initialised(&self) -> bool {
        let answer = self.context.get_library_info();
        !answer.is_err_and(|e| matches!(code(&e), Some(RvError::CryptokiNotInitialized)))
    }

    /// Initialises the module again where it is not initialised.
    ///
    /// # Errors
    /// The module does not come up again.
    pub(super) fn revive(&self) -> Result<()> {
        if self.is_initialised() {
            return Ok(());
        }
        self.life.fetch_add(1, Ordering::SeqCst);
        match self.context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            // Somebody else in this process was faster.
            Err(error) if matches!(code(&error), Some(RvError::CryptokiAlreadyInitialized)) => {
                Ok(())
            }
            answer => answer.map_err(|error| {
                token_error("cannot initialise the module again", error)
                    .while_doing(self.path.display())
            }),
        }
    }

    /// How often the module was initialised again by us.
    pub(super) fn life(&self) -> u64 {
        self.life.load(Ordering::SeqCst)
    }

    /// Where the module lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The module as cryptoki sees it.
    pub(super) fn context(&self) -> &Pkcs11 {
        &self.context
    }

    /// The module's bare functions.
    pub(super) fn raw(&self) -> &Raw {
        &self.raw
    }

    /// The numbers of a slot's mechanisms, also of those that cryptoki does not know.
    pub(super) fn mechanisms(&self, slot: u64) -> Result<Vec<u64>> {
        self.raw.mechanisms(slot).map_err(|code| raw_error("cannot list the mechanisms", code))
    }

    /// The flags of one of them.
    pub(super) fn mechanism_flags(&self, slot: u64, mechanism: u64) -> Result<u64> {
        self.raw
            .mechanism_flags(slot, mechanism)
            .map_err(|code| raw_error(&format!("cannot look at mechanism {mechanism:#x}"), code))
    }
}

/// Where our own module is looked for, in order: beside the command, then where libraries lie.
pub fn own_module_places(executable: Option<&Path>) -> Vec<PathBuf> {
    let beside = executable.and_then(Path::parent);
    let prefix = beside.and_then(Path::parent).map(|prefix| prefix.join("lib"));
    let mut places: Vec<PathBuf> =
        beside.map(|directory| directory.join(OWN_MODULE)).into_iter().collect();
    for directory in prefix.into_iter().chain(library_directories()) {
        places.push(directory.join(OWN_MODULE));
        places.push(directory.join("pkcs11").join(OWN_MODULE));
    }
    places
}

/// Where a module is looked for that a PKCS#11 URI calls by name: its file name without directory,
/// `lib` and `.so` (RFC 7512, 2.3).
pub fn named_module_places(name: &str) -> Vec<PathBuf> {
    let files = [format!("{name}.so"), format!("lib{name}.so")];
    let inside = |directory: PathBuf| {
        ["pkcs11", "softhsm", ""]
            .map(|part| if part.is_empty() { directory.clone() } else { directory.join(part) })
    };
    library_directories()
        .into_iter()
        .flat_map(inside)
        .flat_map(|directory| files.clone().map(|file| directory.join(file)))
        .collect()
}

fn library_directories() -> Vec<PathBuf> {
    let multiarch = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
    ["/usr/local/lib", "/usr/lib", "/usr/lib64", &multiarch].map(PathBuf::from).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_module_is_looked_for_beside_the_command_first() {
        let places = own_module_places(Some(Path::new("/opt/keyway/bin/keyway")));
        assert_eq!(places[0], Path::new("/opt/keyway/bin/libkeyway_pkcs11.so"));
        assert_eq!(places[1], Path::new("/opt/keyway/lib/libkeyway_pkcs11.so"));
    }

    #[test]
    fn a_missing_module_is_named_in_the_error() {
        let error = Module::load(Path::new("/nowhere/module.so")).expect_err("missing");
        assert_eq!(error.kind(), Kind::File);
        assert!(error.to_string().contains("/nowhere/module.so"));
    }
}
