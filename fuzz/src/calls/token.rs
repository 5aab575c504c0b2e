//! The token that sequences run on: embedded, with PINs that cost next to nothing, in memory or in
//! files of a temporary file system.

use std::path::PathBuf;
use std::sync::Arc;

use keyway_pkcs11::backend::embedded::{self, EmbeddedBackend, EmbeddedConfig, FreeSlot};
use keyway_pkcs11::backend::{Backend, Pin, SlotId, Token, User};
use keyway_pkcs11::error::Result;
use keyway_pkcs11::ffi::current;
use keyway_pkcs11::module::Module;
use keyway_pkcs11::policy::Policy;
use keyway_pkcs11::store::Cost;
use keyway_pkcs11::store::memory::MemoryStore;

pub const SLOT: u64 = 1;
pub const SO_PIN: &[u8] = b"officer";
pub const USER_PIN: &[u8] = b"user pin";
/// Wrong PINs in a row that lock an account.
pub const ATTEMPTS: u32 = 5;

/// Where the records lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    Memory,
    Files,
}

/// What C_Initialize of a sequence installs.
pub struct Place {
    medium: Medium,
    directory: PathBuf,
    token: Option<Arc<dyn Token>>,
    /// Whether a module stands since the sequence before.
    pub standing: bool,
    /// Whether the token is made anew after this sequence.
    pub last: bool,
}

struct One(Arc<dyn Token>);

impl Backend for One {
    fn tokens(&self) -> Result<Vec<(SlotId, Arc<dyn Token>)>> {
        Ok(vec![(SLOT as SlotId, self.0.clone())])
    }
}

impl Place {
    pub fn new(medium: Medium) -> Self {
        Self {
            medium,
            directory: scratch().join("tokens"),
            token: None,
            standing: false,
            last: false,
        }
    }

    fn config(&self) -> EmbeddedConfig {
        EmbeddedConfig {
            pin_cost: Cost { kibibytes: 8, passes: 1, lanes: 1 },
            attempts: ATTEMPTS,
            free_slot: FreeSlot::Never,
            slots: vec![SLOT as SlotId],
            log_uses: true,
            ..EmbeddedConfig::new(&self.directory)
        }
    }

    /// A new token with both PINs in the place of the old one.
    pub fn renew(&mut self) {
        self.token = None;
        let token: Arc<dyn Token> = match self.medium {
            Medium::Memory => {
                let store = Arc::new(MemoryStore::new());
                Arc::new(embedded::over(store, &self.config()).expect("a token in memory"))
            }
            Medium::Files => {
                let _ = std::fs::remove_dir_all(&self.directory);
                self.opened()
            }
        };
        let prepare = || {
            token.initialize(Pin(SO_PIN), "fuzz")?;
            token.login(User::SecurityOfficer, Pin(SO_PIN))?;
            token.init_pin(Pin(USER_PIN))?;
            token.logout()
        };
        prepare().expect("a token with both PINs");
        self.token = Some(token);
    }

    fn opened(&self) -> Arc<dyn Token> {
        let tokens = EmbeddedBackend::new(self.config()).tokens().expect("the token directory");
        tokens.into_iter().next().expect("one slot").1
    }

    /// What C_Initialize does, over this token, unless a module stands.
    pub fn install(&mut self) {
        if !std::mem::replace(&mut self.standing, false) {
            self.module().expect("no module is installed");
        }
    }

    /// As [`install`](Self::install), where another thread may have done it.
    ///
    /// # Errors
    /// CryptokiAlreadyInitialized.
    pub fn module(&self) -> Result<()> {
        let token = match (self.medium, &self.token) {
            (Medium::Memory, Some(token)) => token.clone(),
            // As another process finds it.
            (Medium::Files, Some(_)) => self.opened(),
            (_, None) => unreachable!("renew comes first"),
        };
        let module = |sessions| {
            Ok(Module::over(vec![Box::new(One(token.clone()))], Policy::Standard, sessions))
        };
        current::initialize(module)?;
        crate::leak::MODULES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}

/// A directory in memory for this process, with the configuration of an empty token directory.
pub fn scratch() -> PathBuf {
    let directory = PathBuf::from(format!("/dev/shm/keyway-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory in /dev/shm");
    directory
}
