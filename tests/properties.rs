//! Any sequence of what can be done to a key leaves record and token of one mind: on every token,
//! with real keys. The same for the record alone, with thousands of sequences, is in
//! `src/domain/record/properties.rs`.

mod harness;

use std::collections::BTreeMap;

use harness::inside_every_token;
use harness::kms::{Days, with_kms};
use keyway::domain::key::{Algorithm, KeyName};
use keyway::domain::lifecycle::{Duty, Reason, State};
use keyway::domain::record::{KeyRecord, Terms, Version};
use keyway::port::{Inspection, Registry};
use keyway::registry::{RecordStore, Records};
use keyway::service::{Finality, Kms, NewKey};
use keyway::token::{OpenToken, TokenRecords, TokenVault};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Sequences on each token, and commands in each.
const SEQUENCES: u32 = 24;
const LENGTH: std::ops::Range<usize> = 2..9;

#[derive(Clone, Copy, Debug)]
enum Command {
    Rotate,
    Suspend,
    Resume,
    Revoke(Reason),
    RevokeRecoverably,
    Suspect,
    Recover,
    Days(u64),
    Maintain,
    Destroy,
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => Just(Command::Rotate),
        2 => Just(Command::Suspend),
        2 => Just(Command::Resume),
        1 => prop::sample::select(&Reason::ALL[..]).prop_map(|(reason, _)| Command::Revoke(reason)),
        1 => Just(Command::RevokeRecoverably),
        2 => Just(Command::Suspect),
        2 => Just(Command::Recover),
        2 => (1_u64..60).prop_map(Command::Days),
        3 => Just(Command::Maintain),
        1 => Just(Command::Destroy),
    ]
}

/// One key on one token, and a message for every version that ever protected.
struct Run<'t> {
    token: &'t OpenToken,
    name: KeyName,
    clock: Days,
    messages: BTreeMap<u32, Vec<u8>>,
}

impl Run<'_> {
    fn kms<T>(&self, test: impl FnOnce(Kms<'_>) -> T) -> T {
        with_kms(self.token, &self.clock, test)
    }

    /// What a command refuses is as it was: the checks afterwards see to that.
    fn run(&self, command: Command) {
        let name = &self.name;
        match command {
            Command::Rotate => drop(self.kms(|kms| kms.rotate_key(name))),
            Command::Suspend => drop(self.kms(|kms| kms.suspend_key(name))),
            Command::Resume => drop(self.kms(|kms| kms.resume_key(name))),
            Command::Revoke(reason) => drop(self.kms(|kms| kms.revoke_key(name, reason))),
            Command::RevokeRecoverably => {
                let (reason, finality) = (Reason::Compromise, Finality::Recoverable);
                drop(self.kms(|kms| kms.revoke_key_with(name, reason, finality)));
            }
            Command::Suspect => drop(self.kms(|kms| kms.suspect_key(name, "seen elsewhere"))),
            Command::Recover => drop(self.kms(|kms| kms.recover_key(name, None))),
            Command::Days(days) => self.clock.pass(days),
            Command::Maintain => {
                let done = self.kms(|kms| kms.maintain()).expect("maintained");
                assert!(done.actions.iter().all(|action| action.failure.is_none()), "{done:?}");
                assert!(done.suspended.is_empty() && done.outlawed.is_empty(), "{done:?}");
                assert!(done.failures.is_empty() && done.upheld.is_empty(), "{done:?}");
                assert!(self.kms(|kms| kms.maintain()).expect("again").is_empty());
            }
            Command::Destroy => drop(self.kms(|kms| kms.destroy_key(name))),
        }
    }

    /// The record as it was written last.
    fn written(&self) -> KeyRecord {
        let records = Records::new(TokenRecords::new(self.token));
        let listing = records.list().expect("listed");
        assert!(listing.problems.is_empty(), "{:?}", listing.problems);
        records.load(&self.name).expect("authentic").expect("there").body.record
    }

    fn check(&mut self) {
        let record = self.written();
        for version in record.versions() {
            self.token_agrees(version);
        }
        let shown = self.kms(|kms| kms.show_key(&self.name)).expect("shown");
        let now = &shown.records[0];
        self.uses_agree(now);
    }

    /// The token lets nobody do more with a version than its record says, and an active one protect.
    fn token_agrees(&self, version: &Version) {
        let rights = TokenVault::new(self.token).rights(version.id).expect("rights");
        let state = version.state;
        assert!(!rights.protects || state.allows(Duty::Protect), "{state}: {rights:?}");
        assert!(!rights.processes || state.allows(Duty::Process), "{state}: {rights:?}");
        assert_eq!(rights.protects, state == State::Active, "{rights:?}");
        assert!(rights.is_there || state == State::Destroyed);
    }

    /// Exactly the version that protects encrypts, exactly those that process decrypt.
    fn uses_agree(&mut self, now: &KeyRecord) {
        let made = self.kms(|kms| kms.encrypt(&self.name, None, b"x"));
        assert_eq!(made.is_ok(), now.primary().is_ok(), "{now:?}: {:?}", made.err());
        if let (Ok(message), Ok(version)) = (made, now.primary()) {
            self.messages.insert(version.number, message);
        }
        for (number, message) in &self.messages {
            let state = now.version(*number).expect("no version is lost").state;
            let opened = self.kms(|kms| kms.decrypt(None, message));
            assert_eq!(opened.is_ok(), state.allows(Duty::Process), "version {number} {state}");
        }
    }

    /// So that the next sequence has the token for itself.
    fn forget(&self) {
        let _ = self.kms(|kms| kms.destroy_key(&self.name));
        let records = TokenRecords::new(self.token);
        for record in records.read(Some(&self.name)).expect("read") {
            records.remove(&self.name, &record.value).expect("removed");
        }
    }
}

#[test]
fn any_sequence_leaves_record_and_token_of_one_mind() {
    inside_every_token("any_sequence_leaves_record_and_token_of_one_mind", |token| {
        let config = Config { cases: SEQUENCES, failure_persistence: None, ..Config::default() };
        let periods = [None, Some("20d"), Some("45d")];
        let strategy = (prop::sample::select(periods.to_vec()), vec(command(), LENGTH));
        let outcome = TestRunner::new(config).run(&strategy, |(expire_after, commands)| {
            let name: KeyName = "k".parse().expect("a name");
            let (clock, messages) = (Days::default(), BTreeMap::new());
            let mut run = Run { token, name: name.clone(), clock, messages };
            let expire_after = expire_after.map(|period| period.parse().expect("a period"));
            let terms = Terms { expire_after, ..Terms::default() };
            let request = NewKey { name, algorithm: Algorithm::Aes256, usage: None };
            run.kms(|kms| kms.create_key_under(&request, &terms, None)).expect("created");
            run.check();
            for command in commands {
                run.run(command);
                run.check();
            }
            run.forget();
            Ok(())
        });
        outcome.expect("one mind");
    });
}
