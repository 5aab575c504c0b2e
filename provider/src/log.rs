//! The module's log: standard error, syslog or a file, in one write a line and without a lock that
//! a fork could leave held.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::{Arc, Once, PoisonError, RwLock};

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::error::{Code, Context, Error, Result};
use crate::trouble;

/// Where log lines go (`log.to` of the configuration).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Destination {
    #[default]
    Stderr,
    Syslog,
    File(PathBuf),
}

enum Sink {
    Stderr,
    Syslog(UnixDatagram),
    File(File),
}

struct Logger {
    sink: RwLock<Arc<Sink>>,
}

static LOGGER: once_cell::sync::Lazy<Logger> =
    once_cell::sync::Lazy::new(|| Logger { sink: RwLock::new(Arc::new(Sink::Stderr)) });
static INSTALLED: Once = Once::new();

/// Makes sure that messages go somewhere before the configuration is read.
pub fn install() {
    INSTALLED.call_once(|| {
        // Only fails if this library installed a logger before, which `Once` rules out.
        let _ = log::set_logger(&*LOGGER);
        log::set_max_level(LevelFilter::Warn);
    });
}

/// Sends the log where the configuration says.
///
/// # Errors
/// FunctionFailed naming the file or socket that cannot be opened.
pub fn configure(level: LevelFilter, to: &Destination) -> Result<()> {
    install();
    let sink = match to {
        Destination::Stderr => Sink::Stderr,
        Destination::Syslog => {
            let socket = UnixDatagram::unbound().or_code(Code::FunctionFailed, "open a socket")?;
            socket
                .connect("/dev/log")
                .or_code(Code::FunctionFailed, "connect the log to syslog at /dev/log")?;
            Sink::Syslog(socket)
        }
        Destination::File(path) => {
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
            Sink::File(file.map_err(|error| {
                let doing = "open the log file (key log.to)";
                trouble::explain_as(Code::FunctionFailed, error, doing, path)
            })?)
        }
    };
    *LOGGER.sink.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(sink);
    log::set_max_level(level);
    Ok(())
}

/// Tells the log why a function failed; the level follows from whose business the code is.
#[cold]
pub fn report(function: &'static str, error: &Error) {
    let level = level_of(error.code());
    if level <= log::max_level() {
        match level {
            Level::Debug => log::debug!("{function}: {error:?}"),
            level => log::log!(level, "{function}: {error}"),
        }
    }
}

/// Mistakes of the caller and size queries are its own to log; refusals matter to whoever guards
/// the token, and failures of store, device and module to whoever runs it.
fn level_of(code: Code) -> Level {
    match code {
        Code::GeneralError
        | Code::FunctionFailed
        | Code::DeviceError
        | Code::DeviceMemory
        | Code::DeviceRemoved
        | Code::HostMemory
        | Code::TokenNotRecognized => Level::Error,
        Code::PinIncorrect
        | Code::PinLocked
        | Code::PinExpired
        | Code::TokenWriteProtected
        | Code::KeyUnextractable
        | Code::KeyNotWrappable
        | Code::KeyFunctionNotPermitted
        | Code::ActionProhibited => Level::Warn,
        _ => Level::Debug,
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // Never waits: in a child of fork the thread that held the lock may not exist. What cannot
        // be written is lost: there is nowhere left to say so.
        let sink = self.sink.try_read().ok().map(|sink| sink.clone());
        let text = record.args().to_string().replace('\n', " ");
        let _ = match sink.as_deref() {
            Some(Sink::Syslog(socket)) => {
                socket.send(syslog_line(record.level(), &text).as_bytes())
            }
            Some(Sink::File(file)) => {
                let mut file: &File = file;
                file.write(format!("{} {}\n", stamp(), line(record.level(), &text)).as_bytes())
            }
            Some(Sink::Stderr) | None => {
                let line = format!("{}\n", line(record.level(), &text));
                rustix::io::write(rustix::stdio::stderr(), line.as_bytes()).map_err(Into::into)
            }
        };
    }

    fn flush(&self) {}
}

fn line(level: Level, text: &str) -> String {
    format!("keyway[{}] {}: {text}", std::process::id(), level.as_str().to_lowercase())
}

/// RFC 3164: facility AUTHPRIV (10), severity by level.
fn syslog_line(level: Level, text: &str) -> String {
    let severity = match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    };
    format!("<{}>keyway[{}]: {text}", 10 * 8 + severity, std::process::id())
}

/// Seconds since 1970, in UTC.
fn stamp() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or_else(|_| "0".into(), |now| format!("{}.{:03}", now.as_secs(), now.subsec_millis()))
}
