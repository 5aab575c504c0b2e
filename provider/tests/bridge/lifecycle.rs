//! States, dates and the role latch over a token that knows none of them (docs/bridge.md, "States").

use keyway_pkcs11::attribute::{Attributes, Value};
use keyway_pkcs11::backend::bridge::BridgeBackend;
use keyway_pkcs11::backend::{Backend, Pin, User, View};
use keyway_pkcs11::config::Config;
use serial_test::serial;

use crate::harness::attribute::merged;
use crate::harness::child::Child;
use crate::harness::faulty::Effect;
use crate::harness::place::USER_PIN;
use crate::harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Mechanism, MechanismType as M,
    ObjectClass, Session, keys,
};
use crate::setting::{self, PATIENT, Setting, by_label, on_user, past, soon};

const PRE_ACTIVE: u64 = 1;
const ACTIVE: u64 = 2;
const SUSPENDED: u64 = 3;
const DEACTIVATED: u64 = 4;
const COMPROMISED: u64 = 5;

/// State, whether it protects, whether it processes.
const STATES: [(u64, bool, bool); 5] = [
    (PRE_ACTIVE, false, false),
    (ACTIVE, true, true),
    (SUSPENDED, false, true),
    (DEACTIVATED, false, true),
    (COMPROMISED, false, false),
];

const READ_ONLY: Result<(), Code> = Err(Code::AttributeReadOnly);
const NAME: &str = "bound";

fn state(number: u64) -> Attribute {
    Attribute::number(A::KEYWAY_STATE, number)
}

fn named(name: &str) -> Vec<Attribute> {
    let texts = [Attribute::text(A::LABEL, name), Attribute::text(A::ID, name)];
    merged(&[&texts, &keys::flags(&[A::TOKEN], true)])
}

/// An AES key of the token, imported.
fn key(session: Session<'_>, name: &str, more: &[Attribute]) -> Result<u64, Code> {
    let uses = keys::flags(&[A::ENCRYPT, A::DECRYPT], true);
    session.create(&merged(&[&keys::secret(KeyType::AES, &[7; 32]), &named(name), &uses, more]))
}

/// One that may wrap and decrypt, until it does the one or the other.
fn dual(session: Session<'_>, name: &str) -> u64 {
    key(session, name, &keys::flags(&[A::WRAP], true)).expect("a key")
}

fn uses(session: Session<'_>, key: u64) -> (bool, bool) {
    let ecb = Mechanism::plain(M::AES_ECB);
    let does = |function| match session.run(function, &ecb, key, &[0; 16]) {
        Ok(_) => true,
        Err(Code::KeyFunctionNotPermitted) => false,
        Err(other) => panic!("{function:?}: {other:?}"),
    };
    (does(Function::Encrypt), does(Function::Decrypt))
}

fn set(session: Session<'_>, key: u64, number: u64) -> Result<(), Code> {
    session.set(key, &[state(number)])
}

fn state_of(session: Session<'_>, key: u64) -> u64 {
    session.number(key, A::KEYWAY_STATE).expect("every key has a state")
}

fn only(session: Session<'_>, name: &str) -> u64 {
    let found = session.find(&by_label(name)).expect("a search");
    assert_eq!(found.len(), 1, "{name}: {found:?}");
    found[0]
}

/// What a new process knows: nothing.
fn anew(setting: &Setting) -> Session<'_> {
    setting.target.finalize().expect("C_Finalize");
    setting.target.initialize().expect("C_Initialize");
    setting.user()
}

/// The records that are on the inner token.
fn records(setting: &Setting) -> usize {
    past(setting, &["--list-objects", "--type", "data"]).matches("keyway-state:").count()
}

#[test]
#[serial]
fn a_state_holds_in_this_process_after_a_loss_and_in_the_next_process() {
    on_user(PATIENT, |setting, session| {
        let name = |number: u64| format!("state-{number}");
        for (number, protects, processes) in STATES {
            let key = key(session, &name(number), &[state(number)]).expect("a key");
            assert_eq!(uses(session, key), (protects, processes), "state {number}");
        }
        let hold = |session: Session<'_>, when: &str| {
            for (number, protects, processes) in STATES {
                let key = only(session, &name(number));
                assert_eq!(state_of(session, key), number, "{when}");
                assert_eq!(uses(session, key), (protects, processes), "state {number} {when}");
            }
        };
        setting.faulty().shift_handles(1000);
        setting.faulty().restart();
        hold(session, "after a restart of the device");
        hold(anew(setting), "in the next process");
        // Searched for in memory, too.
        let session = anew(setting);
        let found = session.find(&[state(SUSPENDED), Attribute::class(ObjectClass::SECRET_KEY)]);
        assert_eq!(found.map(|found| found.len()), Ok(1));
    });
}

#[test]
#[serial]
fn states_go_the_ways_of_the_one_table() {
    on_user(PATIENT, |setting, session| {
        let key = key(session, NAME, &[]).expect("a key");
        assert_eq!((state_of(session, key), records(setting)), (ACTIVE, 0));
        for (number, expected) in [
            (PRE_ACTIVE, READ_ONLY),
            (SUSPENDED, Ok(())),
            (PRE_ACTIVE, READ_ONLY),
            (ACTIVE, Ok(())),
            (DEACTIVATED, Ok(())),
            (ACTIVE, READ_ONLY),
            (COMPROMISED, Ok(())),
            (DEACTIVATED, READ_ONLY),
            (ACTIVE, READ_ONLY),
            (6, Err(Code::AttributeValueInvalid)),
        ] {
            assert_eq!(set(session, key, number), expected, "to {number}");
            let there = usize::from(state_of(session, key) != ACTIVE);
            assert_eq!(records(setting), there, "records after {number}");
        }
        assert_eq!(uses(session, key), (false, false));
        session.destroy(key).expect("C_DestroyObject");
        assert_eq!(records(setting), 0);
    });
}

#[test]
#[serial]
fn pairs_and_keys_that_are_generated_have_states_from_the_first() {
    on_user(PATIENT, |setting, session| {
        let suspended = merged(&[&named("pair"), &[state(SUSPENDED)]]);
        let (public, private) =
            session.ec_with(keys::P256, &named("pair"), &suspended).expect("generated");
        assert_eq!(setting::sign(session, private, &[1; 32]), Err(Code::KeyFunctionNotPermitted));
        assert_eq!(state_of(session, public), ACTIVE);
        set(session, private, ACTIVE).expect("resumed");
        setting::sign(session, private, &[1; 32]).expect("signed");
        let more = [state(DEACTIVATED), Attribute::number(A::VALUE_LEN, 16)];
        let flags = keys::flags(&[A::ENCRYPT, A::DECRYPT], true);
        let template = merged(&[&named("made"), &flags, &more]);
        let made = session.generate(&Mechanism::plain(M::AES_KEY_GEN), &template).expect("a key");
        assert_eq!(uses(session, made), (false, true));
        // A public key's record is public, as the key: before any login it holds.
        set(session, public, COMPROMISED).expect("compromised");
        session.logout().expect("C_Logout");
        let session = anew_without_login(setting);
        let query = [Attribute::class(ObjectClass::PUBLIC_KEY), Attribute::text(A::LABEL, "pair")];
        let found = session.find(&query).expect("a search");
        let ecdsa = Mechanism::plain(M::ECDSA);
        let refused = session.init(Function::Verify, &ecdsa, found[0]);
        assert_eq!(refused, Err(Code::KeyFunctionNotPermitted));
    });
}

fn anew_without_login(setting: &Setting) -> Session<'_> {
    setting.target.finalize().expect("C_Finalize");
    setting.target.initialize().expect("C_Initialize");
    setting.target.open(Flags::ReadWrite).expect("a session")
}

#[test]
#[serial]
fn what_another_process_does_is_seen_and_ends_what_runs() {
    on_user(&format!("{PATIENT}refresh_seconds = 0.2\n"), |_, session| {
        let key = key(session, NAME, &[]).expect("a key");
        assert_eq!(uses(session, key), (true, true));
        let ecb = Mechanism::plain(M::AES_ECB);
        let armed = session.another(Flags::ReadOnly).expect("a session");
        armed.init(Function::Decrypt, &ecb, key).expect("C_DecryptInit");
        let mut other = Child::test("bridge::lifecycle::another_program_compromises_the_key");
        other.command.args(["--ignored"]);
        let (status, output) = other.finish();
        assert!(status.is_some_and(|status| status.success()), "{output}");
        assert!(output.contains("1 passed"), "{output}");
        soon("the state is seen", || state_of(session, key) == COMPROMISED);
        assert_eq!(uses(session, key), (false, false));
        let room = crate::harness::Room::Bytes(16);
        let ended = armed.whole(Function::Decrypt, &[0; 16], room).done();
        assert_eq!(ended, Err(Code::OperationNotInitialized));
    });
}

/// Not a test: another program with a bridge to the same token.
#[test]
#[ignore = "runs in a child process only"]
fn another_program_compromises_the_key() {
    let config = Config::load().expect("the configuration of the parent");
    let backend = BridgeBackend::new(&config.bridges);
    let tokens = backend.tokens().expect("the token of the parent");
    let token = &tokens.first().expect("one slot").1;
    token.login(User::User, Pin(USER_PIN.as_bytes())).expect("C_Login");
    let query: Attributes = [(A::LABEL, Value::bytes(NAME.as_bytes()))].into_iter().collect();
    let found = token.find(&query, View::All).expect("a search");
    let key = token.object(found[0].id, View::All).expect("the key").expect("the key");
    let base = key.snapshot();
    let mut changed = base.attributes.clone();
    changed.set(A::KEYWAY_STATE, Value::Number(COMPROMISED));
    token.update(&key, &base, changed).expect("the key is reported");
}

#[test]
#[serial]
fn the_records_are_the_bridges_own() {
    on_user(PATIENT, |setting, session| {
        key(session, NAME, &[state(SUSPENDED)]).expect("a key");
        assert_eq!(records(setting), 1);
        for query in [
            vec![],
            vec![Attribute::class(ObjectClass::DATA)],
            vec![Attribute::text(A::APPLICATION, "keyway-state")],
        ] {
            for _ in 0..12 {
                let found = session.find(&query).expect("a search");
                assert_eq!(found.len(), usize::from(query.is_empty()), "{query:?}");
            }
        }
        let forged = [Attribute::text(A::APPLICATION, "keyway-state")];
        let lasting = keys::flags(&[A::TOKEN], true);
        let forged = merged(&[&keys::data("keyway-state:00", b"x"), &lasting, &forged]);
        assert_eq!(session.create(&forged), Err(Code::TemplateInconsistent));
        // Other data is nobody's business.
        let other = merged(&[&keys::data("other", b"x"), &lasting]);
        session.create(&other).expect("a data object");
        assert_eq!(session.find(&[Attribute::class(ObjectClass::DATA)]).map(|f| f.len()), Ok(1));
    });
}

/// The key was deleted past the bridge: what is left of it binds no other.
#[test]
#[serial]
fn a_record_without_its_key_does_no_harm() {
    on_user(PATIENT, |setting, session| {
        key(session, NAME, &[state(COMPROMISED)]).expect("a key");
        past(setting, &["--delete-object", "--type", "secrkey", "--label", NAME]);
        assert_eq!(records(setting), 1);
        let session = anew(setting);
        let again = key(session, NAME, &[]).expect("a key");
        assert_eq!((state_of(session, again), records(setting)), (ACTIVE, 0));
        assert_eq!(uses(session, again), (true, true));
    });
}

#[test]
#[serial]
fn a_key_keeps_its_state_under_another_id_and_label() {
    on_user(PATIENT, |setting, session| {
        let key = key(session, NAME, &[state(SUSPENDED)]).expect("a key");
        session.set(key, &[Attribute::text(A::LABEL, "renamed")]).expect("another label");
        session.set(key, &[Attribute::text(A::ID, "renamed")]).expect("another id");
        session.set(key, &[Attribute::text(A::ID, "")]).expect("no id");
        assert_eq!(records(setting), 1);
        let session = anew(setting);
        let key = only(session, "renamed");
        assert_eq!((state_of(session, key), uses(session, key)), (SUSPENDED, (false, true)));
        let both = [Attribute::text(A::LABEL, "again"), state(DEACTIVATED)];
        session.set(key, &both).expect("label and state at once");
        let session = anew(setting);
        assert_eq!(state_of(session, only(session, "again")), DEACTIVATED);
        assert_eq!(records(setting), 1);
    });
}

#[test]
#[serial]
fn of_two_keys_that_look_alike_none_is_bound_by_the_others_state() {
    on_user(PATIENT, |setting, session| {
        let first = key(session, NAME, &[]).expect("a key");
        let other = [Attribute::text(A::LABEL, "other")];
        let uses_of = keys::flags(&[A::ENCRYPT, A::DECRYPT], true);
        let alike = merged(&[&keys::secret(KeyType::AES, &[9; 32]), &named(NAME), &uses_of]);
        let bound = merged(&[&alike, &other, &[state(SUSPENDED)]]);
        assert_eq!(session.create(&bound), Err(Code::TemplateInconsistent));
        let second = session.create(&merged(&[&alike, &other])).expect("a key");
        assert_eq!(set(session, second, SUSPENDED), Err(Code::TemplateInconsistent));
        assert!(setting.logged(0).contains("give each key a CKA_ID of its own"));
        assert_eq!(uses(session, first), (true, true));
        session.set(second, &[Attribute::text(A::ID, "other")]).expect("an id of its own");
        set(session, second, SUSPENDED).expect("suspended");
        assert_eq!((uses(session, first), uses(session, second)), ((true, true), (false, true)));
    });
}

#[test]
#[serial]
fn a_use_of_a_warm_key_searches_nothing() {
    on_user(&format!("{PATIENT}refresh_seconds = 600\n"), |setting, session| {
        let (_, private) = setting::pair(session, "pair").expect("generated");
        setting::sign(session, private, &[1; 32]).expect("signed");
        let count = || setting.faulty().of("C_FindObjectsInit").calls();
        let before = count();
        for _ in 0..100 {
            setting::sign(session, private, &[1; 32]).expect("signed");
        }
        assert_eq!(count(), before);
    });
}

#[test]
#[serial]
fn the_first_use_decides_for_every_process() {
    on_user(PATIENT, |setting, session| {
        let dual = dual(session, NAME);
        let kwp = Mechanism::plain(M::AES_KEY_WRAP);
        session.wrap(&kwp, dual, session.aes()).expect("wrapped");
        let decrypts = |session: Session<'_>, key| uses(session, key).1;
        assert!(!decrypts(session, dual));
        let session = anew(setting);
        assert!(!decrypts(session, only(session, NAME)));
    });
}

/// What a token cannot keep is refused, and what was asked for never made without it.
#[test]
#[serial]
fn a_token_that_takes_no_data_refuses_states() {
    on_user(PATIENT, |setting, session| {
        let free = key(session, NAME, &[]).expect("a key");
        for (code, expected) in [
            (Code::AttributeValueInvalid, Code::TemplateInconsistent),
            (Code::SessionReadOnly, Code::TemplateInconsistent),
            (Code::TokenWriteProtected, Code::TokenWriteProtected),
        ] {
            setting.faulty().of("C_CreateObject").every(1, code);
            assert_eq!(set(session, free, COMPROMISED), Err(expected), "{code:?}");
            assert_eq!(key(session, "other", &[state(SUSPENDED)]), Err(expected), "{code:?}");
            let lasting = merged(&[&named("other"), &[state(SUSPENDED)]]);
            let made = session.ec_with(keys::P256, &named("other"), &lasting);
            assert_eq!(made, Err(expected), "{code:?}");
            setting.faulty().clear();
            assert_eq!(session.find(&by_label("other")), Ok(vec![]));
            assert_eq!((state_of(session, free), uses(session, free)), (ACTIVE, (true, true)));
        }
        assert!(setting.logged(0).contains("cannot hold the record of the key's state"));
        // What a first use decides is then known to this process.
        let kwp = Mechanism::plain(M::AES_KEY_WRAP);
        let (dual, what) = (dual(session, "dual"), session.aes());
        setting.faulty().of("C_CreateObject").every(1, Code::AttributeValueInvalid);
        session.wrap(&kwp, dual, what).expect("wrapped");
        assert!(!uses(session, dual).1);
    });
}

/// SoftHSM2 takes the dates of a private key and cannot read them again.
#[test]
#[serial]
fn dates_are_kept_as_well() {
    on_user(PATIENT, |setting, session| {
        let over =
            key(session, "over", &[Attribute::text(A::END_DATE, "20200101")]).expect("a key");
        assert_eq!(uses(session, over), (false, true));
        let free = key(session, "free", &[]).expect("a key");
        session.set(free, &[Attribute::text(A::END_DATE, "20990101")]).expect("an end");
        assert_eq!(session.set(free, &[Attribute::text(A::END_DATE, "20990102")]), READ_ONLY);
        session.set(free, &[Attribute::text(A::END_DATE, "20200101")]).expect("an earlier end");
        assert_eq!(uses(session, free), (false, true));
        let session = anew(setting);
        for name in ["over", "free"] {
            let key = only(session, name);
            assert_eq!(uses(session, key), (false, true), "{name}");
            assert_eq!(session.attribute(key, A::END_DATE).as_deref(), Ok(&b"20200101"[..]));
        }
        assert_eq!(records(setting), 2);
    });
}

/// Session objects are this process's alone.
#[test]
#[serial]
fn keys_of_a_session_have_states_as_long_as_they_are_there() {
    on_user(PATIENT, |setting, session| {
        for (number, protects, processes) in STATES {
            let flags = keys::flags(&[A::ENCRYPT, A::DECRYPT], true);
            let parts = merged(&[&keys::secret(KeyType::AES, &[7; 32]), &flags, &[state(number)]]);
            let key = session.create(&parts).expect("a key");
            assert_eq!(uses(session, key), (protects, processes), "state {number}");
            let copy = session.copy(key, &[]).expect("a copy");
            assert_eq!(state_of(session, copy), number);
            if number == ACTIVE {
                set(session, key, COMPROMISED).expect("compromised");
                assert_eq!(uses(session, key), (false, false));
                assert_eq!(uses(session, copy), (true, true));
            }
        }
        assert_eq!(records(setting), 0);
    });
}

/// The functions in which a change of a state can be interrupted.
const STEPS: [&str; 7] = [
    "C_CreateObject",
    "C_DestroyObject",
    "C_SetAttributeValue",
    "C_GetAttributeValue",
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_GenerateKey",
];

/// How a step goes wrong: it is refused; done and its answer lost; with KEYWAY_TEST_LONG also not
/// done, without a clear answer, and done before everything was lost.
const WAYS: [(Code, bool, Effect); 4] = [
    (Code::DeviceMemory, false, Effect::Answer),
    (Code::DeviceError, true, Effect::Answer),
    (Code::DeviceError, false, Effect::Answer),
    (Code::DeviceError, true, Effect::LoseAll),
];

/// Runs `act` with each step of it going wrong in each way, one at a time, and shows `after` what
/// the next process then finds.
fn interrupted(
    setting: &Setting,
    before: impl Fn(Session<'_>, &str) -> Option<u64>,
    act: impl Fn(Session<'_>, Option<u64>, &str) -> Result<(), Code>,
    after: impl Fn(Session<'_>, Result<(), Code>, &str, &str),
) -> u64 {
    let (mut session, mut turns) = (anew(setting), 0);
    let ways = if std::env::var_os("KEYWAY_TEST_LONG").is_some() { 4 } else { 2 };
    for step in STEPS {
        for (code, late, effect) in WAYS.into_iter().take(ways) {
            for n in 1.. {
                let name = format!("{step}-{code:?}-{late}-{effect:?}-{n}");
                let key = before(session, &name);
                let order = setting.faulty().of(step);
                let injected = order.injected();
                order.at(n, code).with(effect);
                if late {
                    order.late();
                }
                let answer = act(session, key, &name);
                let hit = order.injected() > injected;
                setting.faulty().clear();
                session = anew(setting);
                after(session, answer, &name, step);
                if !hit {
                    break;
                }
                turns += 1;
            }
        }
    }
    turns
}

#[test]
#[serial]
fn an_interrupted_creation_leaves_no_key_without_its_state() {
    on_user(PATIENT, |setting, _| {
        let turns = interrupted(
            setting,
            |_, _| None,
            |session, _, name| match name.len() % 2 {
                0 => key(session, name, &[state(COMPROMISED)]).map(|_| ()),
                _ => {
                    let len = [state(COMPROMISED), Attribute::number(A::VALUE_LEN, 16)];
                    let flags = keys::flags(&[A::ENCRYPT, A::DECRYPT], true);
                    let template = merged(&[&named(name), &flags, &len]);
                    session.generate(&Mechanism::plain(M::AES_KEY_GEN), &template).map(|_| ())
                }
            },
            |session, answer, name, _| {
                let found = session.find(&by_label(name)).expect("a search");
                assert!(answer.is_err() || found.len() == 1, "{name}");
                for key in found {
                    assert_eq!(state_of(session, key), COMPROMISED, "{name}");
                    assert_eq!(uses(session, key), (false, false), "{name}");
                }
                // The same again works.
                if answer.is_err() && session.find(&by_label(name)) == Ok(vec![]) {
                    key(session, name, &[]).unwrap_or_else(|code| panic!("{name}: {code:?}"));
                    assert_eq!(uses(session, only(session, name)), (true, true), "{name}");
                }
            },
        );
        println!("told: {turns} interruptions of a creation");
        assert!(turns >= 10, "{turns}");
    });
}

#[test]
#[serial]
fn an_interrupted_change_leaves_the_state_before_or_after() {
    on_user(PATIENT, |setting, _| {
        for (from, to) in [(ACTIVE, COMPROMISED), (SUSPENDED, ACTIVE), (SUSPENDED, DEACTIVATED)] {
            let turns = interrupted(
                setting,
                |session, name| {
                    let more: &[Attribute] = if from == ACTIVE { &[] } else { &[state(from)] };
                    Some(key(session, &format!("{from}{to}{name}"), more).expect("a key"))
                },
                |session, key, _| set(session, key.expect("a key"), to),
                |session, answer, name, _| {
                    let key = only(session, &format!("{from}{to}{name}"));
                    let now = state_of(session, key);
                    assert!(
                        now == to || answer.is_err() && now == from,
                        "{name}: {answer:?} {now}"
                    );
                    let row = STATES.iter().find(|row| row.0 == now).expect("a state");
                    assert_eq!(uses(session, key), (row.1, row.2), "{name}");
                    if now == from {
                        set(session, key, to).unwrap_or_else(|code| panic!("{name}: {code:?}"));
                    }
                    session.destroy(key).expect("C_DestroyObject");
                },
            );
            println!("told: {turns} interruptions of a change from {from} to {to}");
            assert!(turns >= 8, "{turns}");
        }
        assert_eq!(records(setting), 0);
    });
}

/// An id changes while the record has to move along.
#[test]
#[serial]
fn an_interrupted_change_of_id_loses_no_state() {
    on_user(PATIENT, |setting, _| {
        let turns = interrupted(
            setting,
            |session, name| Some(key(session, name, &[state(SUSPENDED)]).expect("a key")),
            |session, key, name| {
                session.set(key.expect("a key"), &[Attribute::text(A::ID, &format!("new {name}"))])
            },
            |session, _, name, _| {
                let key = only(session, name);
                assert_eq!(state_of(session, key), SUSPENDED, "{name}");
                session.destroy(key).expect("C_DestroyObject");
            },
        );
        println!("told: {turns} interruptions of a change of id");
        assert!(turns >= 8, "{turns}");
    });
}

/// Each token of a slot has records of its own: a state that was set holds whichever is used.
#[test]
#[serial]
fn a_state_holds_on_every_token_of_a_slot() {
    crate::pair::on_user(|tokens, session| {
        let (_, private) = setting::pair(session, "key").expect("generated");
        set(session, private, SUSPENDED).expect("suspended");
        for which in [0, 1] {
            let data = tokens.tool(which, &["--list-objects", "--type", "data"]);
            assert_eq!(data.matches("keyway-state:").count(), 1, "token {which}: {data}");
        }
        let refused = Err(Code::KeyFunctionNotPermitted);
        assert_eq!(setting::sign(session, private, &[1; 32]), refused);
        tokens.kill(0);
        assert_eq!(setting::sign(session, private, &[1; 32]), refused);
        assert_eq!(set(session, private, ACTIVE), Err(Code::DeviceError));
        tokens.revive(0);
        crate::pair::soon("both tokens are there", || set(session, private, ACTIVE) == Ok(()));
        setting::sign(session, private, &[1; 32]).expect("signed");
        tokens.kill(0);
        setting::sign(session, private, &[1; 32]).expect("signed");
    });
}
