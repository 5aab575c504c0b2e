//! The configuration file: where it is looked for, what it may say, what holds without one.

mod replica;
mod slot;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use log::LevelFilter;
use serde::Deserialize;

use crate::backend::bridge::{BridgeConfig, RootKey};
use crate::backend::embedded::{EmbeddedConfig, FreeSlot};
use crate::error::{Code, Error, Result};
use crate::ffi::environment;
use crate::log::Destination;
use crate::mechanism::set::Legacy;
use crate::policy::Policy;
use crate::trouble;

/// What the configuration file says, or the defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory that holds the embedded tokens.
    pub token_dir: PathBuf,
    /// Whether a slot without a token is shown, for C_InitToken to use.
    pub free_slot: FreeSlot,
    /// What is refused beyond the standard.
    pub policy: Policy,
    /// Whether mechanisms and key sizes that are no longer sound are there.
    pub legacy: Legacy,
    /// Whether the first use of a key in a login is an event of the token.
    pub log_uses: bool,
    pub log_level: LevelFilter,
    pub log_to: Destination,
    /// Slots of embedded tokens pinned by number; empty means whatever the token directory holds.
    pub slots: Vec<u32>,
    /// Keys in other tokens without which no PIN opens the token of a slot.
    pub roots: BTreeMap<u32, Arc<RootKey>>,
    /// Slots with tokens of other modules.
    pub bridges: Vec<BridgeConfig>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct File {
    token_dir: Option<PathBuf>,
    free_slot: Option<FreeSlot>,
    policy: Option<Policy>,
    #[serde(default)]
    legacy: bool,
    log_uses: Option<bool>,
    log: Option<Log>,
    #[serde(default)]
    slot: Vec<slot::Slot>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    level: Option<Level>,
    to: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl Config {
    /// Reads the file named by `KEYWAY_CONF`, else the user's, else the system's, else none.
    ///
    /// # Errors
    /// FunctionFailed naming file, line and key, or what could not be read.
    pub fn load() -> Result<Self> {
        match Self::location() {
            Some(path) => Self::read(&path),
            None => Self::complete(File::default(), None),
        }
    }

    /// The file to read, if there is one; what `KEYWAY_CONF` names is answered whether it exists or
    /// not.
    pub fn location() -> Option<PathBuf> {
        if let Some(path) = environment::variable("KEYWAY_CONF") {
            return Some(path.into());
        }
        let user = match environment::variable("XDG_CONFIG_HOME") {
            Some(directory) => Some(PathBuf::from(directory)),
            None => environment::variable("HOME").map(|home| Path::new(&home).join(".config")),
        };
        let candidates = user
            .map(|directory| directory.join("keyway/keyway.toml"))
            .into_iter()
            .chain([PathBuf::from("/etc/keyway/keyway.toml")]);
        for path in candidates {
            match path.try_exists() {
                Ok(true) => return Some(path),
                Ok(false) => {}
                // Another user's home that this process may not enter is no configuration of ours.
                Err(e) => log::debug!("no configuration at {}: {e}", path.display()),
            }
        }
        None
    }

    /// # Errors
    /// As [`load`](Self::load).
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            trouble::explain_as(Code::FunctionFailed, error, "read the configuration file", path)
        })?;
        let file = toml::from_str(&text).map_err(|e| bad(path, &text, &e))?;
        Self::complete(file, path.parent())
    }

    /// What of it concerns the embedded tokens.
    pub fn embedded(&self) -> EmbeddedConfig {
        EmbeddedConfig {
            free_slot: self.free_slot,
            slots: self.slots.clone(),
            roots: self.roots.clone(),
            taken: self.bridges.iter().map(|bridge| bridge.slot).collect(),
            legacy: self.legacy,
            policy: self.policy,
            log_uses: self.log_uses,
            ..EmbeddedConfig::new(&self.token_dir)
        }
    }

    fn complete(file: File, directory: Option<&Path>) -> Result<Self> {
        let log = file.log.unwrap_or(Log { level: None, to: None });
        let log_level = match log.level.unwrap_or(Level::Warn) {
            Level::Off => LevelFilter::Off,
            Level::Error => LevelFilter::Error,
            Level::Warn => LevelFilter::Warn,
            Level::Info => LevelFilter::Info,
            Level::Debug => LevelFilter::Debug,
        };
        let log_to = match log.to.as_deref() {
            None | Some("stderr") => Destination::Stderr,
            Some("syslog") => Destination::Syslog,
            Some(path) => Destination::File(beside(directory, path.into())),
        };
        let token_dir = match file.token_dir {
            Some(path) => beside(directory, path),
            None => default_token_dir()?,
        };
        let free_slot = file.free_slot.unwrap_or_default();
        let policy = file.policy.unwrap_or_default();
        let legacy = if file.legacy { Legacy::Allowed } else { Legacy::Refused };
        let log_uses = file.log_uses.unwrap_or(true);
        let slot::Sorted { slots, roots, bridges } =
            slot::sorted(file.slot, directory, legacy, policy)?;
        Ok(Self {
            token_dir,
            free_slot,
            policy,
            legacy,
            log_uses,
            log_level,
            log_to,
            slots,
            roots,
            bridges,
        })
    }
}

/// Relative paths count from the file that names them, not from wherever the program runs.
fn beside(directory: Option<&Path>, path: PathBuf) -> PathBuf {
    match directory {
        Some(directory) if path.is_relative() => directory.join(path),
        _ => path,
    }
}

fn bad(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
    let what = error.message().trim();
    let key = text.lines().nth(line - 1).unwrap_or("").trim();
    Code::FunctionFailed
        .because(format!("configuration file {}, line {line} ({key}): {what}", path.display()))
}

fn default_token_dir() -> Result<PathBuf> {
    if let Some(directory) = environment::variable("XDG_DATA_HOME") {
        return Ok(Path::new(&directory).join("keyway/tokens"));
    }
    match environment::variable("HOME") {
        Some(home) => Ok(Path::new(&home).join(".local/share/keyway/tokens")),
        None => Err(Code::FunctionFailed.because(
            "no token directory: HOME and XDG_DATA_HOME are not set; set KEYWAY_CONF to a file \
             with token_dir = \"/path\"",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keyway.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_line_and_key() {
        let text = "token_dir = \"/x\"\n\n[log]\nlevl = \"warn\"\n";
        let story = read(text).unwrap_err().to_string();
        assert!(story.contains("keyway.toml, line 4 (levl = \"warn\")"), "{story}");
        assert!(story.contains("unknown field `levl`"), "{story}");
    }

    #[test]
    fn a_wrong_value_is_refused_with_the_values_there_are() {
        let story = read("free_slot = \"sometimes\"").unwrap_err().to_string();
        assert!(story.contains("line 1") && story.contains("when-empty"), "{story}");
    }

    #[test]
    fn relative_paths_count_from_the_file() {
        let config = read("token_dir = \"tokens\"").unwrap();
        assert!(config.token_dir.is_absolute() && config.token_dir.ends_with("tokens"));
    }

    #[test]
    fn a_slot_named_twice_is_refused() {
        let text = "token_dir = \"/x\"\n[[slot]]\nid = 1\n[[slot]]\nid = 1\nbackend = \"embedded\"";
        assert!(read(text).unwrap_err().to_string().contains("slot 1 twice"));
    }

    #[test]
    fn the_whole_file_is_understood() {
        let text = "token_dir = \"/x\"\nfree_slot = \"always\"\nlegacy = true\nlog = { level = \"debug\", to = \
                    \"syslog\" }\n[[slot]]\nid = 3\nbackend = \"embedded\"\n";
        let config = read(text).unwrap();
        assert_eq!(config.free_slot, FreeSlot::Always);
        assert_eq!((config.log_level, config.log_to), (LevelFilter::Debug, Destination::Syslog));
        assert_eq!(config.slots, [3]);
        assert_eq!(config.legacy, Legacy::Allowed);
        assert_eq!(read("token_dir = \"/x\"").unwrap().legacy, Legacy::Refused);
    }

    #[test]
    fn a_root_is_an_embedded_slots_and_names_a_key() {
        let slot = |keys: &str| read(&format!("token_dir = \"/x\"\n[[slot]]\nid = 4\n{keys}\n"));
        let uri = "pkcs11:token=a;object=b?module-path=/m.so";
        let config = slot(&format!("root = \"{uri}\"\nprofile = \"softhsm2\"")).unwrap();
        assert_eq!(config.roots[&4].to_string(), uri);
        assert_eq!(config.slots, [4]);
        let story = slot("root = \"pkcs11:token=a;object=b\"").unwrap_err().to_string();
        assert!(story.contains("slot 4: root: module-path"), "{story}");
        let bridge =
            format!("backend = \"bridge\"\nmodule = \"/m\"\ntoken = \"t\"\nroot = \"{uri}\"");
        let story = slot(&bridge).unwrap_err().to_string();
        assert!(story.contains("root takes backend"), "{story}");
        assert!(slot("profile = \"softhsm2\"").is_err());
    }

    #[test]
    fn replicas_are_other_tokens_of_a_bridged_slot() {
        let slot = |keys: &str| read(&format!("token_dir = \"/x\"\n[[slot]]\nid = 4\n{keys}\n"));
        let first =
            "backend = \"bridge\"\nmodule = \"/m\"\ntoken = \"t\"\nprofile = \"softhsm2\"\n";
        let with = |replica: &str| slot(&format!("{first}[[slot.replica]]\n{replica}"));
        let config = with(
            "token = \"u\"\npin_source = \"/pin\"\n[[slot.replica]]\nmodule = \"/n\"\n\
             serial = \"1\"\nprofile = \"generic\"",
        )
        .unwrap();
        let [one, two] = &config.bridges[0].replicas[..] else { panic!("two replicas") };
        assert_eq!((one.module.as_path(), two.module.as_path()), ("/m".as_ref(), "/n".as_ref()));
        assert_eq!((&*one.profile.name, &*two.profile.name), ("softhsm2", "generic"));
        assert_eq!(one.pin_source.as_deref(), Some(Path::new("/pin")));
        assert_eq!(two.wanted.serial.as_deref(), Some("1"));
        for (replica, word) in [
            ("token = \"t\"", "twice"),
            ("token = \"u\"\n[[slot.replica]]\ntoken = \"u\"", "twice"),
            ("profile = \"softhsm2\"", "slot 4: a replica needs token"),
            ("token = \"u\"\nsessions = 3", "sessions"),
            (&"token = \"u\"\n[[slot.replica]]\n".repeat(8), "7 replicas at most"),
        ] {
            let story = with(replica).unwrap_err().to_string();
            assert!(story.contains(word), "{replica}: {story}");
        }
        let embedded = slot("[[slot.replica]]\ntoken = \"u\"").unwrap_err().to_string();
        assert!(embedded.contains("replica takes backend = \"bridge\""), "{embedded}");
    }

    #[test]
    fn a_slot_says_its_modules_arguments_or_its_profile_does() {
        let slot = |keys: &str| read(&format!("token_dir = \"/x\"\n[[slot]]\nid = 4\n{keys}\n"));
        let bridge = "backend = \"bridge\"\nmodule = \"/m\"\ntoken = \"t\"";
        let config = slot(&format!("{bridge}\nprofile = \"nss\"\narguments = \"a='b'\"")).unwrap();
        let profile = &config.bridges[0].profile;
        assert_eq!((&*profile.name, profile.arguments.as_deref()), ("nss", Some("a='b'")));
        assert!(profile.finalize_after_fork);
        assert_eq!(slot(bridge).unwrap().bridges[0].profile.arguments, None);
        let story = slot("arguments = \"a\"").unwrap_err().to_string();
        assert!(story.contains("arguments takes backend"), "{story}");
    }

    /// The keys that there are, from what the parser says of one that there is not.
    fn keys() -> Vec<String> {
        let story = read("nonsense = 1").unwrap_err().to_string();
        let (_, expected) = story.split_once("expected one of").expect("a list of keys");
        expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_shipped_file_is_understood_and_names_every_key_and_so_does_its_manual_page() {
        let shipped = include_str!("../../packaging/keyway.toml");
        read(shipped).unwrap();
        let uncommented = |line: &'static str| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') => key,
            _ => line,
        };
        let lines: Vec<_> = shipped.lines().map(uncommented).collect();
        let config = read(&lines.join("\n")).unwrap();
        assert_eq!(config.token_dir, Path::new("/var/lib/keyway/tokens"));
        assert_eq!(config.slots, [1]);
        let page = include_str!("../../packaging/keyway.toml.5");
        assert!(keys().contains(&"token_dir".to_owned()));
        for key in keys() {
            let set = |line: &&str| {
                line.starts_with(&format!("{key} =")) || **line == format!("[[{key}]]")
            };
            assert!(lines.iter().any(set), "keyway.toml lacks {key}");
            let tags = [format!(".It Ic {key} "), format!(".It Ic [[{key}]]")];
            let told = page.lines().any(|line| tags.iter().any(|tag| line.starts_with(tag)));
            assert!(told, "keyway.toml.5 lacks {key}");
        }
    }
}
