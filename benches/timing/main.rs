//! Whether the time of a call tells what it must not: two classes of inputs at random, through the
//! C interface of the module, judged by [`statistics`]. Leaks that are planted around the same calls
//! show what would be seen.
//!
//!   cargo bench -p keyway-pkcs11 --bench timing
//!
//! `TIMING_SAMPLES` multiplies the numbers of samples. Times are no test of pass or fail: the last
//! column says what was seen. Only a run that misses a planted leak has proved nothing, and ends
//! with 1.

mod cases;
#[path = "../../provider/tests/harness/mod.rs"]
mod harness;
mod pins;
mod statistics;

use std::fs;
use std::path::Path;
use std::time::Instant;

use harness::place::{Place, set_variable};
use harness::{Flags, Kind, Session, Target, Who};
use statistics::{DIFFERENT, Samples, Verdict};

/// What a planted leak has to reach.
const PLAIN: f64 = 10.0;

/// Two classes of inputs, all of one length, and what is done with one.
pub struct Case<'a> {
    pub name: &'static str,
    /// What differs between the classes.
    pub classes: &'static str,
    /// Whether the difference in time is made here.
    pub is_planted: bool,
    pub samples: usize,
    pub inputs: [Vec<Vec<u8>>; 2],
    pub call: Call<'a>,
}

/// Does it with one input; nanoseconds that the call took.
pub type Call<'a> = Box<dyn FnMut(&[u8]) -> f64 + 'a>;

fn main() {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        set_variable("TMPDIR", memory.as_os_str());
    }
    let times = std::env::var("TIMING_SAMPLES").ok().and_then(|times| times.parse().ok());
    let times: f64 = times.unwrap_or(1.0);
    println!(
        "{:31} {:42} {:>8} {:>7} {:>7} {:>10} {:>9}",
        "call", "classes", "samples", "|t|", "|t| 2nd", "difference", "seen from"
    );
    let mut missed = 0;
    {
        let target = Target::over(Kind::Keyway, place());
        make_token(&target);
        let session = target.open(Flags::ReadWrite).expect("a session");
        session.login(Who::User, target.user_pin()).expect("the user logs in");
        for case in cases::all(session) {
            missed += u32::from(!report(case, times));
        }
    }
    missed += u32::from(!pins::with_case(|case| report(case, times)));
    if missed > 0 {
        println!("{missed} planted leaks were not seen: this run proves nothing; more samples?");
        std::process::exit(1);
    }
}

/// An empty token directory, a log of nothing but errors.
fn place() -> Place {
    let place = Place::new(Kind::Keyway, false);
    let (_, configuration) = place.environment();
    let tokens = configuration.with_file_name("tokens");
    let text = format!(
        "token_dir = {:?}\nlegacy = true\nlog = {{ level = \"error\" }}\n",
        tokens.display()
    );
    fs::write(configuration, text).expect("the configuration is written");
    place
}

fn make_token(target: &Target) {
    target.initialize().expect("C_Initialize");
    target.init_token(target.slot(), target.so_pin(), "timing").expect("C_InitToken");
    let session = target.open(Flags::ReadWrite).expect("a session");
    session.login(Who::SecurityOfficer, target.so_pin()).expect("the officer logs in");
    session.init_pin(target.user_pin()).expect("C_InitPIN");
    session.close().expect("C_CloseSession");
}

/// Measures and prints; `false` for a planted leak that is not seen.
fn report(mut case: Case<'_>, times: f64) -> bool {
    let count = (case.samples as f64 * times) as usize;
    let samples = measured(&mut case, count);
    let verdict = Verdict::of(&samples);
    let seen = match (case.is_planted, verdict.t()) {
        (true, t) if t > PLAIN => "planted, seen",
        (true, _) => "PLANTED, NOT SEEN",
        (false, t) if t > DIFFERENT => "DIFFERS: |t| exceeds 4.5",
        (false, _) => "no difference",
    };
    println!(
        "{:31} {:42} {count:>8} {:>7.2} {:>7.2} {:>7.1} ns {:>6.1} ns  {seen}",
        case.name,
        case.classes,
        verdict.first.t().abs(),
        verdict.second.t().abs(),
        verdict.first.difference,
        verdict.resolution,
    );
    !case.is_planted || verdict.t() > PLAIN
}

/// The classes in an order that nobody can foresee, every input in the same buffer.
fn measured(case: &mut Case<'_>, count: usize) -> Samples {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ u64::from(std::process::id()));
    let mut buffer = case.inputs[0][0].clone();
    let mut samples = Samples::default();
    let warm = count / 20;
    for n in 0..count + warm {
        let class = usize::from(dice.roll() & 1 == 1);
        let inputs = &case.inputs[class];
        buffer.copy_from_slice(&inputs[dice.roll() as usize % inputs.len()]);
        let time = (case.call)(&buffer);
        if n >= warm {
            samples.0[class].push(time);
        }
    }
    samples
}

/// Nanoseconds of what `body` does.
pub fn timed<T>(body: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let answer = std::hint::black_box(body());
    (start.elapsed().as_nanos() as f64, answer)
}

/// xorshift64* (Vigna, 2016): orders samples, nothing more.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }
}

/// What a C function answers.
pub fn raw(session: Session<'_>, function: &str, mut arguments: Vec<harness::abi::Arg<'_>>) -> u64 {
    arguments.insert(0, harness::abi::Arg::Number(session.handle));
    session.target.library.call(function, &mut arguments).expect("it is there")
}
