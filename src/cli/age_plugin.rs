//! `age-plugin-keyway`: age's own commands on keys of a token (c2sp.org/age-plugin).

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use age_core::format::{FileKey, Stanza};
use age_core::secrecy::ExposeSecret;
use age_plugin::identity::{self, IdentityPluginV1};
use age_plugin::recipient::{self, RecipientPluginV1};
use age_plugin::{Callbacks, PluginHandler, print_new_identity, run_state_machine};
use clap::Parser;
use zeroize::Zeroizing;

use super::arguments::Options;
use super::open::{resolved, with_kms, with_kms_and_pin};
use super::print::in_one_line;
use super::{pin, run_parsed};
use crate::domain::key::{KeyAddress, KeyName, Usage};
use crate::domain::record::KeyRecord;
use crate::error::{Kind, Result};
use crate::service::Kms;
use crate::token::Pin;

/// The plugin's name, which recipients and identities carry.
const NAME: &str = "keyway";

const EXAMPLES: &str = "Examples:
  age-plugin-keyway --token office --key backup > id     the identity, and its recipient as a comment
  age -r age1keyway1... -o a.age a.txt
  age -d -i id a.age

The identity is no secret: it says which token and key, and opens nothing without the PIN.
age starts the plugin by itself. The module is keyway's own, or KEYWAY_MODULE; the PIN comes from
KEYWAY_PIN_FILE or KEYWAY_PIN, else age asks for it.";

/// Lets age use keys of a PKCS#11 token.
#[derive(Debug, Parser)]
#[command(name = "age-plugin-keyway", version, arg_required_else_help = true, after_help = EXAMPLES)]
// age reads what the plugin writes in a format of its own.
#[command(mut_arg("output-format", |output| output.hide(true)))]
struct Arguments {
    #[command(flatten)]
    options: Options,
    /// The key to print recipient and identity of
    #[arg(long, required_unless_present = "age_plugin")]
    key: Option<KeyName>,
    /// What age asks for when it starts the plugin
    #[arg(long, hide = true, conflicts_with = "key")]
    age_plugin: Option<String>,
}

/// Runs the plugin and answers its exit code.
pub fn run_age_plugin(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_parsed(arguments, |Arguments { options, key, age_plugin }| {
        let format = options.output;
        (format, resolved(options).and_then(|options| act(options, key, age_plugin)))
    })
}

fn act(options: Options, key: Option<KeyName>, age_plugin: Option<String>) -> Result<()> {
    match (age_plugin, key) {
        (Some(machine), _) => run_state_machine(&machine, Plugin { options })
            .map_err(|error| Kind::Usage.because("age does not go on").caused_by(error)),
        (None, Some(key)) => print_identity(&options, key),
        (None, None) => Err(Kind::Usage.because("no key is named").advise("name one: --key KEY")),
    }
}

fn print_identity(options: &Options, key: KeyName) -> Result<()> {
    let mut token = String::new();
    with_kms_and_pin(options, &pin::user(options)?, |kms, label| {
        token = label.to_owned();
        let records = kms.show_key(&key)?.records;
        let seals = |record: &KeyRecord| record.usage() == Usage::Agree;
        records
            .iter()
            .filter(|record| !seals(record))
            .try_for_each(|record| record.require(Usage::Encrypt))
    })?;
    let address = KeyAddress { token, key }.to_der()?;
    print_new_identity(NAME, &address, &address);
    Ok(())
}

struct Plugin {
    options: Options,
}

impl PluginHandler for Plugin {
    type RecipientV1 = Recipients;
    type IdentityV1 = Identities;

    fn recipient_v1(self) -> io::Result<Recipients> {
        Ok(Recipients { options: self.options, addresses: Vec::new() })
    }

    fn identity_v1(self) -> io::Result<Identities> {
        Ok(Identities { options: self.options, addresses: Vec::new() })
    }
}

/// The keys to seal to.
struct Recipients {
    options: Options,
    addresses: Vec<KeyAddress>,
}

impl RecipientPluginV1 for Recipients {
    fn add_recipient(
        &mut self,
        index: usize,
        plugin_name: &str,
        bytes: &[u8],
    ) -> Result<(), recipient::Error> {
        let address = address(plugin_name, bytes);
        self.addresses
            .push(address.map_err(|message| recipient::Error::Recipient { index, message })?);
        Ok(())
    }

    fn add_identity(
        &mut self,
        index: usize,
        plugin_name: &str,
        bytes: &[u8],
    ) -> Result<(), recipient::Error> {
        let address = address(plugin_name, bytes);
        self.addresses
            .push(address.map_err(|message| recipient::Error::Identity { index, message })?);
        Ok(())
    }

    fn labels(&mut self) -> HashSet<String> {
        HashSet::new()
    }

    fn wrap_file_keys(
        &mut self,
        file_keys: Vec<FileKey>,
        mut callbacks: impl Callbacks<recipient::Error>,
    ) -> io::Result<Result<Vec<Vec<Stanza>>, Vec<recipient::Error>>> {
        let mut wrapped: Vec<Vec<Stanza>> = file_keys.iter().map(|_| Vec::new()).collect();
        for (index, address) in self.addresses.iter().enumerate() {
            let stanzas = on_token(&mut self.options, address, &mut callbacks, |kms| {
                file_keys.iter().map(|key| kms.wrap_file_key(&address.key, key)).collect()
            })?;
            let stanzas: Vec<Stanza> = match stanzas {
                Ok(stanzas) => stanzas,
                Err(error) => {
                    let message = in_one_line(&error);
                    return Ok(Err(vec![recipient::Error::Recipient { index, message }]));
                }
            };
            for (file, stanza) in wrapped.iter_mut().zip(stanzas) {
                file.push(stanza);
            }
        }
        Ok(Ok(wrapped))
    }
}

/// The keys to open with.
struct Identities {
    options: Options,
    addresses: Vec<KeyAddress>,
}

impl IdentityPluginV1 for Identities {
    fn add_identity(
        &mut self,
        index: usize,
        plugin_name: &str,
        bytes: &[u8],
    ) -> Result<(), identity::Error> {
        let address = address(plugin_name, bytes);
        self.addresses
            .push(address.map_err(|message| identity::Error::Identity { index, message })?);
        Ok(())
    }

    fn unwrap_file_keys(
        &mut self,
        files: Vec<Vec<Stanza>>,
        mut callbacks: impl Callbacks<identity::Error>,
    ) -> io::Result<HashMap<usize, Result<FileKey, Vec<identity::Error>>>> {
        let mut opened = HashMap::new();
        for (index, address) in self.addresses.iter().enumerate() {
            let answers = on_token(&mut self.options, address, &mut callbacks, |kms| {
                Ok(files.iter().map(|stanzas| open_one(kms, &address.key, stanzas)).collect())
            })?;
            let answers: Vec<Option<Result<FileKey>>> = match answers {
                Ok(answers) => answers,
                Err(error) => {
                    let message = in_one_line(&error);
                    let _ = callbacks.error(identity::Error::Identity { index, message })?;
                    continue;
                }
            };
            for (file_index, answer) in answers.into_iter().enumerate() {
                match answer {
                    Some(Ok(key)) => {
                        opened.insert(file_index, Ok(key));
                    }
                    Some(Err(error)) => {
                        let message = in_one_line(&error);
                        opened.entry(file_index).or_insert_with(|| {
                            Err(vec![identity::Error::Identity { index, message }])
                        });
                    }
                    None => {}
                }
            }
        }
        Ok(opened)
    }
}

/// The first stanza that opens, or why the last of ours did not. One for another key is passed by.
fn open_one(kms: Kms<'_>, key: &KeyName, stanzas: &[Stanza]) -> Option<Result<FileKey>> {
    let mut last = None;
    for stanza in stanzas {
        match kms.unwrap_file_key(Some(key), stanza) {
            Ok(Some(file_key)) => return Some(Ok(file_key)),
            Ok(None) => {}
            Err(error) if error.kind() == Kind::NotFound => {}
            Err(error) => last = Some(Err(error)),
        }
    }
    last
}

fn address(plugin_name: &str, bytes: &[u8]) -> Result<KeyAddress, String> {
    if plugin_name != NAME {
        return Err(format!("for the plugin {plugin_name}, not {NAME}"));
    }
    KeyAddress::from_der(bytes).map_err(|error| in_one_line(&error))
}

/// Runs on the key's token. The PIN comes from where keyway has it, else age asks for it.
fn on_token<T, E>(
    options: &mut Options,
    address: &KeyAddress,
    callbacks: &mut impl Callbacks<E>,
    run: impl FnOnce(Kms<'_>) -> Result<T>,
) -> io::Result<Result<T>> {
    options.token = Some(address.token.clone());
    let pin = match pin::given(options) {
        Ok(Some(_)) => return Ok(with_kms(options, run)),
        Err(error) => return Ok(Err(error)),
        Ok(None) => callbacks.request_secret(&format!("PIN of token {}", address.token))?,
    };
    let Ok(pin) = pin else {
        return Ok(Err(Kind::Pin
            .because(format!("no PIN for token {}", address.token))
            .advise("type it when it is asked, or give its file in KEYWAY_PIN_FILE")));
    };
    let pin = Pin::new(Zeroizing::new(pin.expose_secret().to_owned()));
    Ok(with_kms_and_pin(options, &pin, |kms, _| run(kms)))
}
