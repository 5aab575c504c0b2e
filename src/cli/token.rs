//! `keyway token`: make one, see what there is.

use std::sync::Arc;

use super::arguments::{Options, TokenCommand};
use super::backup;
use super::check;
use super::confirm::confirm;
use super::import;
use super::open::module;
use super::pin;
use super::print::say;
use crate::domain::uri::TokenName;
use crate::error::{Kind, Result};
use crate::local::{LocalToken, is_own};
use crate::token::{
    Account, Initialisation, Module, TokenSummary, change_pin, initialise, summaries, unlock,
};

const NEW_USER: &str = "new user";
const NEW_SO: &str = "new security officer";

pub(super) fn run(options: &Options, command: TokenCommand) -> Result<()> {
    // What concerns a token's file needs no module.
    let module = || module(options);
    match command {
        TokenCommand::Init { label, so_pin_file, force: true, yes } => {
            let token = LocalToken::open(options.module.as_deref(), options.token.as_deref())?;
            confirm(yes, &format!("destroy every object of token {}", token.name()?))?;
            let so_pin = pin::new_so(so_pin_file.as_deref())?;
            let user_pin = pin::new_user(options)?;
            let request = Initialisation { label: &label, so_pin: &so_pin, user_pin: &user_pin };
            token.initialise_by_force(&request)?;
            say(format_args!("token {} initialised", token.name()?))
        }
        TokenCommand::Init { label, so_pin_file, .. } => {
            let so_pin = pin::new_so(so_pin_file.as_deref())?;
            let user_pin = pin::new_user(options)?;
            let request = Initialisation { label: &label, so_pin: &so_pin, user_pin: &user_pin };
            let module = module()?;
            let token = initialise(&module, &request)?;
            say(format_args!("token {} initialised (serial {})", token.label, token.serial))?;
            Ok(())
        }
        TokenCommand::ChangePin { new_pin_file, security_officer, so_pin_file } => {
            let (account, old, who) = match security_officer {
                true => (Account::SecurityOfficer, pin::so(so_pin_file.as_deref())?, NEW_SO),
                false => (Account::User, pin::user(options)?, NEW_USER),
            };
            let new = pin::replacement(new_pin_file.as_deref(), who)?;
            let module = module()?;
            let label = change_pin(&module, options.token.as_deref(), account, &old, &new)?;
            say(format_args!("token {label}: PIN changed"))
        }
        TokenCommand::Unlock { new_pin_file, so_pin_file } => {
            let so_pin = pin::so(so_pin_file.as_deref())?;
            let new = pin::replacement(new_pin_file.as_deref(), NEW_USER)?;
            let module = module()?;
            let label = unlock(&module, options.token.as_deref(), &so_pin, &new)?;
            say(format_args!("token {label}: user PIN set"))
        }
        TokenCommand::Import(arguments) => import::run(options, module()?, &arguments),
        TokenCommand::Check { without_pin, accept, yes } => {
            check::run(options, without_pin, accept.then_some(yes))
        }
        TokenCommand::List => list(&module()?),
        TokenCommand::Show => show(&module()?, options.token.as_deref()),
        TokenCommand::Backup { output, passphrase_file, without_pin } => {
            backup::make(options, &output, passphrase_file.as_deref(), without_pin)
        }
        TokenCommand::Restore { input, passphrase_file, replace } => {
            backup::restore(options, &input, passphrase_file.as_deref(), replace)
        }
    }
}

fn list(module: &Arc<Module>) -> Result<()> {
    say(format_args!("{:<32} {:<16} {:<16} {:<14} SLOT", "LABEL", "SERIAL", "MODEL", "PIN"))?;
    for token in summaries(module)? {
        let label = match token.initialised {
            true => token.label.as_str(),
            false => "(free: keyway token init)",
        };
        let pin = if token.initialised { token.pin } else { "-" };
        say(format_args!(
            "{label:<32} {:<16} {:<16} {pin:<14} {}",
            or_dash(&token.serial),
            or_dash(&token.model),
            token.slot
        ))?;
    }
    Ok(())
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn show(module: &Arc<Module>, label: Option<&str>) -> Result<()> {
    let token = choose(module, label)?;
    say(format_args!("token         {}", token.label))?;
    say(format_args!("module        {}", module.path().display()))?;
    if is_own(module.path()) {
        let file = LocalToken::open(Some(module.path()), Some(&token.serial))?.file();
        say(format_args!("file          {}", file.display()))?;
    }
    say(format_args!("slot          {}", token.slot))?;
    say(format_args!("serial        {}", token.serial))?;
    say(format_args!("model         {} ({})", token.model, token.manufacturer))?;
    say(format_args!("user PIN      {}", token.pin))?;
    say(format_args!("writable      {}", if token.write_protected { "no" } else { "yes" }))?;
    say(format_args!("mechanisms    {}", token.mechanisms))?;
    Ok(())
}

fn choose(module: &Arc<Module>, name: Option<&str>) -> Result<TokenSummary> {
    let mut tokens = summaries(module)?;
    let wanted = name.map(TokenName::of).transpose()?;
    tokens
        .retain(|token| token.initialised && wanted.as_ref().is_none_or(|w| w.fits(&token.told())));
    match tokens.len() {
        1 => Ok(tokens.remove(0)),
        0 => Err(Kind::NotFound
            .because(match name {
                Some(name) => format!("there is no token {name}"),
                None => "there is no initialised token".to_owned(),
            })
            .advise("see: keyway token list")),
        _ => Err(Kind::Usage
            .because("there are several such tokens")
            .advise("choose one with --token; see: keyway token list")),
    }
}
