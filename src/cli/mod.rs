//! The command line: reads arguments, runs one use case, prints its result.

mod age_plugin;
mod agree;
mod arguments;
mod ca;
mod client;
mod confirm;
mod crypt;
mod csr;
mod data_key;
mod doctor;
mod examples;
mod exchange;
mod file;
mod generate;
mod import_key;
mod journal;
mod key;
mod log;
mod maintain;
mod open;
mod output;
mod page;
mod pin;
mod print;
mod progress;
mod raw;
mod seal;
mod share;
mod sign;
mod token;
mod trust;
mod uri;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

pub use self::age_plugin::run_age_plugin;
use self::arguments::{Arguments, Command};
use self::print::{Format, report};
use crate::error::Result;

/// Runs the command and answers its exit code, one of [`Kind::TABLE`](crate::Kind::TABLE) or 0.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_parsed(arguments, |arguments: Arguments| {
        let format = arguments.options.output;
        (format, dispatch(arguments))
    })
}

/// Reads the arguments of one of our programs, runs it, and tells what failed.
fn run_parsed<A: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    run: impl FnOnce(A) -> (Format, Result<()>),
) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Until they are understood.
    let format = usage::format_of(&arguments);
    let arguments = match uri::plain(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return report(format, &error),
    };
    match examples::parse::<A>(arguments) {
        Ok(arguments) => match run(arguments) {
            (_, Ok(())) => ExitCode::SUCCESS,
            (format, Err(error)) => report(format, &error),
        },
        Err(error) => usage::tell(format, &error),
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
