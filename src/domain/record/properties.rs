//! Whatever is done to a key, in whatever order and with whatever clock, keeps the invariants.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Authority, Body, Due, KeyRecord, Origin, Recovery, Terms, Version};
use crate::domain::key::{Algorithm, KeyId, Usage};
use crate::domain::lifecycle::{Duty, Reason, State, Transition, allowed};
use crate::domain::time::{Period, Timestamp};

/// When every sequence begins, in seconds.
const START: u64 = 1_800_000_000;
const HOUR: u64 = 3_600;

/// What can be done to a key.
#[derive(Clone, Copy, Debug)]
enum Command {
    Rotate,
    Suspend,
    Resume,
    Revoke(Reason),
    Report {
        up_to: u32,
    },
    Recover,
    DestroyAt {
        hours: u64,
    },
    Destroy,
    Maintain,
    /// The clock of the next machine is so far ahead.
    Forward {
        hours: u64,
    },
    /// The clock of the next machine is so far behind.
    Backward {
        hours: u64,
    },
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => Just(Command::Rotate),
        2 => Just(Command::Suspend),
        2 => Just(Command::Resume),
        1 => prop::sample::select(&Reason::ALL[..]).prop_map(|(reason, _)| Command::Revoke(reason)),
        2 => (1_u32..6).prop_map(|up_to| Command::Report { up_to }),
        1 => Just(Command::Recover),
        1 => (1_u64..200).prop_map(|hours| Command::DestroyAt { hours }),
        1 => Just(Command::Destroy),
        4 => Just(Command::Maintain),
        4 => (1_u64..100).prop_map(|hours| Command::Forward { hours }),
        1 => (1_u64..100).prop_map(|hours| Command::Backward { hours }),
    ]
}

fn period() -> impl Strategy<Value = Option<Period>> {
    prop::option::of((1_u32..80).prop_map(|hours| format!("{hours}h").parse().expect("a period")))
}

fn moment() -> impl Strategy<Value = Option<Timestamp>> {
    prop::option::of((1_u64..80).prop_map(|hours| Timestamp::from_unix(START + hours * HOUR)))
}

/// A new key under any terms that make sense.
fn created() -> impl Strategy<Value = KeyRecord> {
    let origins = vec![Origin::Imported, Origin::Agreed, Origin::Received];
    let origin = prop_oneof![4 => Just(Origin::Generated), 1 => prop::sample::select(origins)];
    (origin, period(), period(), moment(), moment()).prop_filter_map(
        "a key that ends before it starts",
        |(origin, expire_after, rotate_every, expire_at, activate_at)| {
            let terms = Terms { expire_after, rotate_every, expire_at, ..Terms::default() };
            let (name, id) = ("k".parse().expect("a name"), KeyId::new([0; 16]));
            let now = Timestamp::from_unix(START);
            KeyRecord::new(name, Algorithm::Aes256, Usage::Encrypt, origin, id, now)
                .and_then(|record| record.under(terms, activate_at))
                .ok()
        },
    )
}

/// A key and the clock of whoever looks at it.
struct Run {
    record: KeyRecord,
    clock: u64,
    made: u8,
}

impl Run {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.clock)
    }

    fn id(&mut self) -> KeyId {
        self.made += 1;
        KeyId::new([self.made; 16])
    }

    /// The record after a command, if it changes anything, as the use cases read it.
    fn run(&mut self, command: Command) -> Option<KeyRecord> {
        let (now, record) = (self.now(), self.record.at(self.now()));
        match command {
            Command::Rotate => record.rotated(self.id(), now).ok(),
            Command::Suspend => record.suspended(None, now),
            Command::Resume => record.resumed(now),
            Command::Revoke(reason) => record.revoked(reason, now).map(|r| blocked(&r)),
            Command::Report { up_to } => {
                record.suspected(up_to.min(record.latest().number), "seen elsewhere", now)
            }
            Command::Recover => {
                let recovery = Recovery::new(now, Authority::SecurityOfficer, Some("a mistake"));
                let recovery = recovery.expect("a recovery");
                record.recovered(|_| Some(recovery.clone()))
            }
            Command::DestroyAt { hours } => {
                record.to_be_destroyed(Timestamp::from_unix(self.clock + hours * HOUR))
            }
            Command::Destroy => record.destroyed(now),
            Command::Maintain => Some(self.maintained()),
            Command::Forward { hours } => {
                self.clock += hours * HOUR;
                None
            }
            Command::Backward { hours } => {
                self.clock -= hours * HOUR;
                None
            }
        }
    }

    fn maintained(&mut self) -> KeyRecord {
        let (now, mut record) = (self.now(), self.record.clone());
        for due in self.record.due(now) {
            let settled = record.at(now);
            record = match due {
                Due::Activate(_) | Due::Expire(_) => settled,
                Due::Rotate => settled.rotated(self.id(), now).expect("what is due can be done"),
                Due::Revoke => blocked(&settled.condemned(now).expect("a suspicion")),
                Due::FinishRevocation => blocked(&settled),
                Due::Destroy => settled.destroyed(now).expect("something is left"),
            };
        }
        record
    }
}

/// After the token was brought to refuse whatever is compromised.
fn blocked(record: &KeyRecord) -> KeyRecord {
    let every: Vec<_> = record.versions().iter().map(|version| version.number).collect();
    record.blocked(&every)
}

/// Whether time, or one step of the table, leads from one state to the other.
fn is_reached(from: State, to: State) -> bool {
    let step = |from, to| from == to || allowed(Transition { from, to });
    // Time may bring a version from pre-active through active to deactivated at once, and a command
    // then acts on what time has brought.
    let by_time = |from: State| match from {
        State::PreActive => vec![State::PreActive, State::Active, State::Deactivated],
        State::Active | State::Suspended => vec![from, State::Deactivated],
        other => vec![other],
    };
    by_time(from).into_iter().any(|between| step(between, to))
}

fn check_step(before: &Version, after: &Version, command: Command) -> Result<(), TestCaseError> {
    prop_assert_eq!(before.id, after.id);
    prop_assert!(before.changed <= after.changed, "a moment was taken back: {:?}", command);
    let recovered = matches!(command, Command::Recover)
        && before.state == State::Compromised
        && after.state == State::Deactivated
        && after.recovery.is_some();
    let (from, to) = (before.state, after.state);
    prop_assert!(recovered || is_reached(from, to), "{from} to {to} by {command:?}");
    if before.state == State::Compromised && !recovered {
        prop_assert!(!after.state.allows(Duty::Process), "compromised, then {to} by {command:?}");
    }
    Ok(())
}

fn check_state(record: &KeyRecord, now: Timestamp) -> Result<(), TestCaseError> {
    record.check().map_err(|error| TestCaseError::fail(error.to_string()))?;
    let body = Body { revision: 2, previous: Some([1; 32]), record: record.clone() };
    let der = body.to_der().expect("DER");
    prop_assert_eq!(Body::from_der(&der).expect("what was written is read"), body);

    let settled = record.at(now);
    prop_assert_eq!(&settled.at(now), &settled, "time brings a thing once");
    let protecting: Vec<_> = settled
        .versions()
        .iter()
        .filter(|v| settled.require_duty(v, Duty::Protect).is_ok())
        .collect();
    prop_assert!(protecting.len() <= 1, "{:?}", protecting);
    prop_assert_eq!(settled.primary().ok(), protecting.first().copied());
    for version in settled.versions() {
        let processes = settled.require_duty(version, Duty::Process).is_ok();
        let may = [State::Active, State::Suspended, State::Deactivated].contains(&version.state);
        prop_assert_eq!(processes, may);
    }
    for version in protecting {
        prop_assert!(version.recovery.is_none());
        prop_assert!(version.expires.is_none_or(|at| at > now), "it protects after its end");
        prop_assert!(version.activates.is_none_or(|at| at <= version.changed));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_keeps_the_invariants(record in created(), commands in vec(command(), 1..16)) {
        let mut run = Run { record, clock: START, made: 0 };
        for command in commands {
            let before = run.record.clone();
            if let Some(next) = run.run(command) {
                run.record = next;
            }
            let after = &run.record;
            prop_assert!(after.versions().len() >= before.versions().len(), "a version is lost");
            for (before, after) in before.versions().iter().zip(after.versions()) {
                check_step(before, after, command)?;
            }
            check_state(after, run.now())?;
            if matches!(command, Command::Maintain) {
                prop_assert_eq!(after.due(run.now()), []);
            }
        }
    }
}
