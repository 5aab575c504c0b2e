//! The command line: reads arguments, runs one use case, prints its result.

mod age_plugin;
mod agree;
mod arguments;
mod backup;
mod ca;
mod check;
mod client;
mod confirm;
mod crypt;
mod csr;
mod data_key;
mod doctor;
mod exchange;
mod file;
mod generate;
mod import;
mod import_key;
mod journal;
mod key;
mod log;
mod maintain;
mod open;
mod output;
mod pin;
mod print;
mod progress;
mod raw;
mod seal;
mod share;
mod sign;
mod token;
mod trust;
mod turn;
mod uri;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

pub use self::age_plugin::run_age_plugin;
use self::arguments::{Arguments, Command};
use crate::error::{Error, Kind, Result};

/// Runs the command and answers its exit code, one of [`Kind::TABLE`] or 0.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match uri::plain(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return report(&error),
    };
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    match dispatch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&error),
    }
}

fn dispatch(arguments: Arguments) -> Result<()> {
    let options = &open::resolved(arguments.options)?;
    match arguments.command {
        Command::Token(command) => token::run(options, command),
        Command::Key(command) => key::run(options, command),
        Command::Maintain(arguments) => maintain::run(options, &arguments),
        Command::Encrypt(arguments) => crypt::encrypt(options, &arguments),
        Command::Decrypt(arguments) => crypt::decrypt(options, &arguments),
        Command::Reencrypt(arguments) => crypt::reencrypt(options, &arguments),
        Command::DataKey(arguments) => data_key::run(options, &arguments),
        Command::Seal(arguments) => seal::seal(options, &arguments),
        Command::Open(arguments) => seal::open(options, &arguments),
        Command::Sign(arguments) => sign::sign(options, &arguments),
        Command::Verify(arguments) => sign::verify(options, &arguments),
        Command::Agree(command) => agree::run(options, command),
        Command::Exchange(command) => exchange::run(options, command),
        Command::Ca(command) => ca::run(options, command),
        Command::Csr(command) => csr::run(options, command),
        Command::Share(arguments) => share::share(options, &arguments),
        Command::Receive(arguments) => share::receive(options, &arguments),
        Command::Client(command) => client::run(options, command),
        Command::Doctor => doctor::run(options),
        Command::Log(arguments) => log::run(options, &arguments),
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { directory } => generate::manual(&directory),
    }
}

/// clap's message, help and version; its exit code for wrong use is ours, too.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing can be told to somebody whose terminal is gone.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(Kind::Usage.exit_code()),
    }
}

fn report(error: &Error) -> ExitCode {
    print::warn(format_args!("keyway: {error}"));
    if let Some(advice) = error.advice() {
        print::warn(format_args!("        {advice}"));
    }
    ExitCode::from(error.kind().exit_code())
}
