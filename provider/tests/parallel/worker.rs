//! A process of four threads that use a token, and what comes before and after them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::backend::Pin;
use keyway_pkcs11::backend::embedded::{EmbeddedBackend, EmbeddedConfig};
use keyway_pkcs11::ffi::current;
use keyway_pkcs11::module::Module;
use keyway_pkcs11::policy::Policy;
use keyway_pkcs11::store::Cost;

use crate::checker::value;
use crate::harness::attribute::merged;
use crate::harness::child::forked;
use crate::harness::place::Place;
use crate::harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Kind, Mechanism,
    MechanismType as M, ObjectClass, Session, Target, Who, keys,
};
use crate::history::{self, Act, Answer, Log, Record};

pub const NAME: &str = "KEYWAY_TEST_WORKER";
pub const DIRECTORY: &str = "KEYWAY_TEST_DIRECTORY";
const SO: &str = "officer";
const USER: &str = "user-pin";
const THREADS: usize = 4;
/// As long as there are fewer keys than this, more are made.
const KEYS: usize = 48;

fn config(directory: &Path) -> EmbeddedConfig {
    EmbeddedConfig {
        pin_cost: Cost { kibibytes: 8, passes: 1, lanes: 1 },
        ..EmbeddedConfig::new(directory.join("tokens"))
    }
}

/// The module of this very program, initialised over the tokens below a directory.
fn module(directory: &Path) -> Target {
    let target = Target::linked(Place::new(Kind::Keyway, false));
    current::initialize(|sessions| {
        let backend = EmbeddedBackend::new(config(directory));
        Ok(Module::over(vec![Box::new(backend)], Policy::Standard, sessions))
    })
    .expect("no module is installed");
    target
}

/// Makes the token, in a process of its own.
pub fn make_token(directory: &Path) {
    let made = forked(|| {
        let target = module(directory);
        target.init_token(1, SO, "parallel").expect("C_InitToken");
        let session = target.open(Flags::ReadWrite).expect("C_OpenSession");
        session.login(Who::SecurityOfficer, SO).expect("C_Login");
        session.init_pin(USER).expect("C_InitPIN");
        drop(target);
    });
    assert!(made);
}

/// What `keyway token check` finds: nothing.
pub fn check_token(directory: &Path) {
    let admin = Admin::among(&config(directory), None).expect("the token");
    let report = admin.check(Some(Pin(USER.as_bytes()))).expect("a check");
    assert!(report.unlocked && report.findings.is_empty(), "{:#?}", report.findings);
}

/// Reads everything once more when all workers are done, as a thread whose history is like theirs.
pub fn judge(directory: &Path) -> Vec<Record> {
    let done = forked(|| {
        let target = module(directory);
        let session = log_in(&target);
        let mut thread = Thread::new(session, directory, "judge.0.0".to_owned());
        let all = thread.find_all();
        for (key, handle) in all {
            thread.read(&key, handle);
            thread.sign(&key, handle);
        }
        drop(target);
    });
    assert!(done, "the judge fails");
    let text = std::fs::read_to_string(directory.join("histories/judge.0.0"));
    history::read("judge.0.0", &text.expect("a history"), None)
}

/// Not a test: a process of [`THREADS`] threads, until a file says stop.
#[test]
#[ignore = "runs in child processes only"]
fn work() {
    let name = std::env::var(NAME).expect("started by another test");
    let directory = PathBuf::from(std::env::var_os(DIRECTORY).expect("started by another test"));
    let target = module(&directory);
    let first = log_in(&target);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (session, stop) = (first.another(Flags::ReadWrite).expect("a session"), &stop);
            let mut thread = Thread::new(session, &directory, format!("{name}.{thread}"));
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    thread.turn();
                }
            });
        }
        while !directory.join("stop").exists() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

fn log_in(target: &Target) -> Session<'_> {
    let session = target.open(Flags::ReadWrite).expect("C_OpenSession");
    session.login(Who::User, USER).expect("C_Login");
    session
}

/// One thread with its session and its history.
struct Thread<'t> {
    session: Session<'t>,
    who: String,
    log: Log,
    random: u64,
    count: u64,
    /// Keys that were found, with their handles; some are gone.
    known: Vec<(String, u64)>,
}

impl<'t> Thread<'t> {
    fn new(session: Session<'t>, directory: &Path, who: String) -> Self {
        let log = Log::new(directory, &who);
        let random = who.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { session, who, log, random, count: 0, known: Vec::new() }
    }

    /// Xorshift.
    fn draw(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random % below as u64) as usize
    }

    /// A name that nobody else makes.
    fn name(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}-{}-{}", self.who, self.count)
    }

    fn turn(&mut self) {
        let act = self.draw(100);
        if self.known.is_empty() || act < 6 {
            self.find_all();
        }
        if self.known.len() < KEYS && act < 20 {
            self.create();
        }
        if self.known.is_empty() {
            return;
        }
        let at = self.draw(self.known.len());
        let (key, handle) = self.known[at].clone();
        let answer = match act {
            0..20 => self.find(&key),
            20..45 => self.read(&key, handle),
            45..65 => self.set(&key, handle),
            65..90 => self.sign(&key, handle),
            90..95 => self.find_by_label(&key, handle),
            _ => self.destroy(&key, handle),
        };
        if answer == Answer::Gone {
            self.known.retain(|known| known.0 != key);
        }
    }

    fn create(&mut self) {
        let (key, label) = (self.name("key"), self.name("label"));
        let uses = keys::flags(&[A::SIGN, A::TOKEN], true);
        let named = [Attribute::text(A::ID, &key), Attribute::text(A::LABEL, &label)];
        let secret = keys::secret(KeyType::GENERIC_SECRET, &value(&key));
        let template = merged(&[&secret, &uses, &named]);
        let (session, mut made) = (self.session, None);
        self.log.call(&Act::Create(label), &key, || match session.create(&template) {
            Ok(handle) => {
                made = Some(handle);
                Answer::Done
            }
            Err(code) => failed(code),
        });
        self.known.extend(made.map(|handle| (key, handle)));
    }

    fn find_all(&mut self) -> Vec<(String, u64)> {
        let class = [Attribute::class(ObjectClass::SECRET_KEY)];
        let session = self.session;
        let mut known = Vec::new();
        self.log.call(&Act::FindAll, "", || search(session, &class, &mut known));
        self.known.clone_from(&known);
        known
    }

    fn find(&mut self, key: &str) -> Answer {
        let (session, id) = (self.session, [Attribute::text(A::ID, key)]);
        self.log.call(&Act::Find, key, || search(session, &id, &mut Vec::new()))
    }

    fn find_by_label(&mut self, key: &str, handle: u64) -> Answer {
        let Answer::Value(label) = self.read(key, handle) else { return Answer::Gone };
        let (session, template) = (self.session, [Attribute::text(A::LABEL, &label)]);
        let act = Act::FindLabel(label);
        self.log.call(&act, "", || search(session, &template, &mut Vec::new()))
    }

    fn read(&mut self, key: &str, handle: u64) -> Answer {
        let session = self.session;
        self.log.call(&Act::ReadLabel, key, || match session.attribute(handle, A::LABEL) {
            Ok(label) => Answer::Value(String::from_utf8_lossy(&label).into_owned()),
            Err(code) => failed(code),
        })
    }

    fn set(&mut self, key: &str, handle: u64) -> Answer {
        let (session, label) = (self.session, self.name("label"));
        let template = [Attribute::text(A::LABEL, &label)];
        self.log.call(&Act::SetLabel(label), key, || match session.set(handle, &template) {
            Ok(()) => Answer::Done,
            Err(code) => failed(code),
        })
    }

    fn sign(&mut self, key: &str, handle: u64) -> Answer {
        let (session, text) = (self.session, self.name("text"));
        let hmac = Mechanism::plain(M::SHA256_HMAC);
        self.log.call(&Act::Sign(text.clone()), key, || {
            match session.run(Function::Sign, &hmac, handle, text.as_bytes()) {
                Ok(mac) => Answer::Value(hex::encode(mac)),
                // What destroys a key ends the operations with it, also between Init and Sign.
                Err(Code::OperationNotInitialized) => Answer::Gone,
                Err(code) => failed(code),
            }
        })
    }

    fn destroy(&mut self, key: &str, handle: u64) -> Answer {
        let session = self.session;
        let answer = self.log.call(&Act::Destroy, key, || match session.destroy(handle) {
            Ok(()) => Answer::Done,
            Err(code) => failed(code),
        });
        self.known.retain(|known| known.0 != key);
        answer
    }
}

/// The ids of what a search finds; of what is gone by then nothing can be read.
fn search(session: Session<'_>, template: &[Attribute], known: &mut Vec<(String, u64)>) -> Answer {
    let found = match session.find(template) {
        Ok(found) => found,
        Err(code) => return failed(code),
    };
    let mut unread = 0;
    for handle in found {
        match session.attribute(handle, A::ID) {
            Ok(id) => known.push((String::from_utf8_lossy(&id).into_owned(), handle)),
            Err(Code::ObjectHandleInvalid) => unread += 1,
            Err(code) => return failed(code),
        }
    }
    Answer::Found(known.iter().map(|known| known.0.clone()).collect(), unread)
}

/// What is not there any more, and what nobody expects.
fn failed(code: Code) -> Answer {
    match code {
        Code::ObjectHandleInvalid | Code::KeyHandleInvalid => Answer::Gone,
        other => Answer::Failed(other.name().to_owned()),
    }
}
