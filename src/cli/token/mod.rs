//! `keyway token`: make one, see what there is.

mod backup;
mod check;
mod command;
mod import;
mod rewrap;
mod show;
mod sync;

use std::path::Path;

use serde::Serialize;

pub(super) use self::command::TokenCommand;
use super::arguments::Options;
use super::confirm::confirm;
use super::open::module;
use super::page::Page;
use super::pin;
use super::print::{Answer, tell};
use crate::error::Result;
use crate::local::LocalToken;
use crate::token::{Account, Initialisation, change_pin, initialise, unlock};

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
        TokenCommand::List => show::list(options, &module()?),
        TokenCommand::Show { mechanisms } => show::show(options, &module()?, mechanisms),
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
