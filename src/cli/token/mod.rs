//! `keyway token`: make one, see what there is.

mod backup;
mod check;
mod command;
mod import;
mod rewrap;
mod sync;

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

pub(super) use self::command::TokenCommand;
use super::arguments::Options;
use super::confirm::confirm;
use super::open::module;
use super::page::{Cell, Page, Table};
use super::pin;
use super::print::{Answer, tell};
use crate::error::Result;
use crate::local::{LocalToken, is_own};
use crate::token::{
    Account, Initialisation, Module, TokenSummary, change_pin, chosen, initialise, summaries,
    unlock,
};

const NEW_USER: &str = "new user";
const NEW_SO: &str = "new security officer";

pub(super) fn run(options: &Options, command: TokenCommand) -> Result<()> {
    // What concerns a token's file needs no module.
    let module = || module(options);
    match command {
        TokenCommand::Init { label, so_pin_file, force, yes } => {
            init(options, &label, so_pin_file.as_deref(), force.then_some(yes))
        }
        TokenCommand::ChangePin { new_pin_file, security_officer, so_pin_file } => {
            let (account, old, who) = match security_officer {
                true => (Account::SecurityOfficer, pin::so(so_pin_file.as_deref())?, NEW_SO),
                false => (Account::User, pin::user(options)?, NEW_USER),
            };
            let new = pin::replacement(new_pin_file.as_deref(), who)?;
            let module = module()?;
            let token = change_pin(&module, options.token.as_deref(), account, &old, &new)?;
            tell(options, &Done { token, serial: None, done: "PIN changed" })
        }
        TokenCommand::Unlock { new_pin_file, so_pin_file } => {
            let so_pin = pin::so(so_pin_file.as_deref())?;
            let new = pin::replacement(new_pin_file.as_deref(), NEW_USER)?;
            let module = module()?;
            let token = unlock(&module, options.token.as_deref(), &so_pin, &new)?;
            tell(options, &Done { token, serial: None, done: "user PIN set" })
        }
        TokenCommand::Import(arguments) => import::run(options, &arguments),
        TokenCommand::Sync(arguments) => sync::run(options, &arguments),
        TokenCommand::Check { without_pin, accept, yes } => {
            check::run(options, without_pin, accept.then_some(yes))
        }
        TokenCommand::Rewrap { root, to, so_pin_file } => {
            rewrap::run(options, root.as_deref(), to.as_deref(), so_pin_file.as_deref())
        }
        TokenCommand::List => list(options, &module()?),
        TokenCommand::Show => show(options, &module()?),
        TokenCommand::Backup { output, passphrase_file, without_pin } => {
            backup::make(options, &output, passphrase_file.as_deref(), without_pin)
        }
        TokenCommand::Restore { input, passphrase_file, replace, yes } => {
            backup::restore(options, &input, passphrase_file.as_deref(), replace.then_some(yes))
        }
    }
}

/// Something that was done with a token.
#[derive(Serialize)]
struct Done {
    token: String,
    serial: Option<String>,
    #[serde(skip)]
    done: &'static str,
}

impl Answer for Done {
    fn text(&self, page: &mut Page) {
        let Self { token, serial, done } = self;
        match serial {
            Some(serial) => page.line(format_args!("token {token} {done} (serial {serial})")),
            None => page.line(format_args!("token {token}: {done}")),
        }
    }
}

/// `force` says that a token is to be destroyed for the new one, and whether without asking.
fn init(
    options: &Options,
    label: &str,
    so_pin_file: Option<&Path>,
    force: Option<bool>,
) -> Result<()> {
    let local = || LocalToken::open(options.module.as_deref(), options.token.as_deref());
    let replaced = match force {
        Some(yes) => {
            let token = local()?;
            confirm(yes, &format!("destroy every object of token {}", token.name()?))?;
            Some(token)
        }
        None => None,
    };
    let so_pin = pin::new_so(so_pin_file)?;
    let user_pin = pin::new_user(options)?;
    let request = Initialisation { label, so_pin: &so_pin, user_pin: &user_pin };
    let done = match replaced {
        Some(token) => {
            token.initialise_by_force(&request)?;
            Done { token: token.name()?, serial: None, done: "initialised" }
        }
        None => {
            let module = module(options)?;
            let token = initialise(&module, &request)?;
            Done { token: token.label, serial: Some(token.serial), done: "initialised" }
        }
    };
    tell(options, &done)
}

/// Every token of a module.
#[derive(Serialize)]
struct Tokens {
    tokens: Vec<TokenView>,
}

/// A token as its module shows it.
#[derive(Serialize)]
struct TokenView {
    /// Null before it is initialised.
    token: Option<String>,
    serial: String,
    manufacturer: String,
    model: String,
    slot: u64,
    /// The state of the user PIN; null before it is initialised.
    pin: Option<&'static str>,
    writable: bool,
    mechanisms: usize,
}

/// One token, and where it is.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    token: TokenView,
    module: String,
    /// The token's file, if it is one of keyway's own module.
    file: Option<String>,
    /// The key in another token that it opens with beside a PIN.
    root: Option<String>,
}

fn list(options: &Options, module: &Arc<Module>) -> Result<()> {
    let tokens = summaries(module)?.into_iter().map(TokenView::from).collect();
    tell(options, &Tokens { tokens })
}

fn show(options: &Options, module: &Arc<Module>) -> Result<()> {
    let token = chosen(module, options.token.as_deref())?;
    let local = match is_own(module.path()) {
        true => Some(LocalToken::open(Some(module.path()), Some(&token.serial))?),
        false => None,
    };
    let file = local.as_ref().map(|local| local.file().display().to_string());
    let root = local.map(|local| local.root()).transpose()?.and_then(|root| root.key);
    let module = module.path().display().to_string();
    tell(options, &Shown { token: token.into(), module, file, root })
}

impl From<TokenSummary> for TokenView {
    fn from(token: TokenSummary) -> Self {
        Self {
            token: token.initialised.then_some(token.label),
            serial: token.serial,
            manufacturer: token.manufacturer,
            model: token.model,
            slot: token.slot,
            pin: token.initialised.then_some(token.pin),
            writable: !token.write_protected,
            mechanisms: token.mechanisms,
        }
    }
}

impl Answer for Tokens {
    fn text(&self, page: &mut Page) {
        let mut table = Table::new(&["LABEL", "SERIAL", "MODEL", "PIN", "SLOT"]);
        for token in &self.tokens {
            table.row([
                Cell::new(token.token.as_deref().unwrap_or("(free: keyway token init)")),
                Cell::or_dash(Some(&token.serial).filter(|serial| !serial.is_empty())),
                Cell::or_dash(Some(&token.model).filter(|model| !model.is_empty())),
                Cell::or_dash(token.pin),
                Cell::new(token.slot),
            ]);
        }
        page.table(&table);
    }
}

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let Self { token, module, file, root } = self;
        page.field_if("token", token.token.as_ref());
        page.field("module", module);
        page.field_if("file", file.as_ref());
        page.field_if("root", root.as_ref());
        page.field("slot", token.slot);
        page.field("serial", &token.serial);
        page.field("model", format_args!("{} ({})", token.model, token.manufacturer));
        page.field_if("user PIN", token.pin);
        page.field("writable", if token.writable { "yes" } else { "no" });
        page.field("mechanisms", token.mechanisms);
    }
}
