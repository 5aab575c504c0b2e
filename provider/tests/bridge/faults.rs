//! Every code that says something of sessions, devices and tokens, at every call that the bridge
//! makes for what an application does: the answer is right, or an error that the log explains; the
//! next call works; no key is made twice.

use std::cell::Cell;

use serial_test::serial;

use crate::harness::abi::FUNCTIONS;
use crate::harness::faulty::{Effect, Faulty};
use crate::harness::place::USER_PIN;
use crate::harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Mechanism, MechanismType as M,
    ObjectClass, Who, keys,
};
use crate::setting::{self, PATIENT, Setting, on_user, with};

const CODES: [Code; 14] = [
    Code::SessionClosed,
    Code::SessionCount,
    Code::SessionHandleInvalid,
    Code::SessionParallelNotSupported,
    Code::SessionReadOnly,
    Code::SessionExists,
    Code::SessionReadOnlyExists,
    Code::SessionReadWriteSoExists,
    Code::DeviceError,
    Code::DeviceMemory,
    Code::DeviceRemoved,
    Code::TokenNotPresent,
    Code::TokenNotRecognized,
    Code::TokenWriteProtected,
];

const DIGEST: [u8; 32] = [0x44; 32];

/// One fault: what is injected where.
#[derive(Clone, Copy, Debug)]
struct Fault {
    function: &'static str,
    at: u64,
    code: Code,
    effect: Effect,
    late: bool,
}

/// How many faults were injected, and what came of them.
#[derive(Default, Debug)]
struct Tally {
    injected: u64,
    right: u64,
    explained: u64,
}

/// The functions of the inner module that `work` calls, and how often.
fn called(faulty: &Faulty, work: impl FnOnce()) -> Vec<(&'static str, u64)> {
    let before: Vec<u64> = FUNCTIONS[..68].iter().map(|row| faulty.of(row.0).calls()).collect();
    work();
    let calls = FUNCTIONS[..68].iter().zip(before);
    calls
        .map(|(row, before)| (row.0, faulty.of(row.0).calls() - before))
        .filter(|row| row.1 > 0)
        .collect()
}

/// What is tried at the calls of an operation, the first and the last of each function.
fn faults(called: &[(&'static str, u64)]) -> Vec<Fault> {
    let mut all = Vec::new();
    for (function, calls) in called {
        let mut places = vec![1, *calls];
        places.dedup();
        for at in places {
            for code in CODES {
                let lost = match code {
                    Code::SessionClosed | Code::SessionHandleInvalid => Some(Effect::LoseSession),
                    Code::DeviceError | Code::DeviceRemoved | Code::TokenNotPresent => {
                        Some(Effect::LoseAll)
                    }
                    _ => None,
                };
                let fault = |effect, late| Fault { function, at, code, effect, late };
                all.push(fault(Effect::Answer, false));
                if let Some(effect) = lost {
                    all.extend([fault(Effect::Answer, true), fault(effect, false)]);
                }
            }
        }
    }
    all
}

/// Runs `work` with each fault. `is_right` checks an answer of OK.
fn each<T>(
    setting: &Setting,
    mut work: impl FnMut() -> Result<T, Code>,
    is_right: impl Fn(&T) -> bool,
    after: impl Fn(Fault, &Result<T, Code>),
) {
    let faulty = setting.faulty();
    work().expect("without a fault");
    let functions = called(faulty, || drop(work().expect("without a fault")));
    let mut tally = Tally::default();
    for fault in faults(&functions) {
        let order = faulty.of(fault.function);
        let (injected, logged) = (order.injected(), setting.target.place.log().len());
        order.at(fault.at, fault.code).with(fault.effect);
        if fault.late {
            order.late();
        }
        let answer = work();
        faulty.clear();
        // A call that healed before may have taken the place of the one that was to fail.
        tally.injected += order.injected() - injected;
        match &answer {
            Ok(value) => {
                assert!(is_right(value), "{fault:?}: a wrong result");
                tally.right += 1;
            }
            Err(code) => {
                let log = setting.logged(logged);
                let is_told = log.lines().any(|line| line.contains(fault.function));
                assert!(is_told, "{fault:?}: {code:?} and the log does not say why:\n{log}");
                assert_ne!(order.injected(), injected, "{fault:?}: {code:?} without a fault");
                tally.explained += 1;
            }
        }
        after(fault, &answer);
        match work() {
            Ok(value) => assert!(is_right(&value), "after {fault:?}: a wrong result"),
            Err(code) => panic!("after {fault:?}: {code:?}: {}", setting.logged(logged)),
        }
    }
    println!("\ntold: {functions:?}: {tally:?}");
    assert!(tally.injected > 14 && tally.right > 0, "{tally:?}");
}

#[test]
#[serial]
fn a_signature_is_right_or_the_error_explained() {
    on_user(PATIENT, |setting, session| {
        let (public, private) = setting::pair(session, "pair").expect("generated");
        let verifier = setting::verifier(session, public);
        each(
            setting,
            || setting::sign(session, private, &DIGEST),
            |signature| setting::is_signature(&verifier, &DIGEST, signature),
            |_, _| {},
        );
    });
}

/// Composed above the inner token's raw RSA.
#[test]
#[serial]
fn a_decryption_is_right_or_the_error_explained() {
    on_user(PATIENT, |setting, session| {
        let (public, private) = setting::rsa(session, "rsa");
        let plain = Mechanism::plain(M::RSA_PKCS);
        let hidden = session.run(Function::Encrypt, &plain, public, b"secret").expect("encrypted");
        each(
            setting,
            || session.run(Function::Decrypt, &plain, private, &hidden),
            |opened| opened == b"secret",
            |_, _| {},
        );
    });
}

#[test]
#[serial]
fn a_search_is_complete_or_the_error_explained() {
    on_user(&format!("{PATIENT}refresh_seconds = 0\n"), |setting, session| {
        let (public, private) = setting::pair(session, "pair").expect("generated");
        let mut expected = [public, private];
        expected.sort_unstable();
        each(
            setting,
            || {
                let found = session.find(&setting::by_label("pair"));
                if found.is_err() {
                    let _ = session.find_final();
                }
                found
            },
            |found| {
                let mut found = found.clone();
                found.sort_unstable();
                found == expected
            },
            |_, _| {},
        );
    });
}

#[test]
#[serial]
fn an_attribute_is_right_or_the_error_explained() {
    on_user(&format!("{PATIENT}refresh_seconds = 0\n"), |setting, session| {
        let (_, private) = setting::pair(session, "pair").expect("generated");
        each(
            setting,
            || {
                // `refresh_seconds = 0` counts in milliseconds.
                std::thread::sleep(std::time::Duration::from_millis(3));
                session.attribute(private, A::LABEL)
            },
            |label| label == b"pair",
            |_, _| {},
        );
    });
}

/// One key for each OK, and none for an error but where the inner token had made it before its
/// answer was lost.
#[test]
#[serial]
fn a_key_is_generated_once_or_the_error_explained() {
    on_user(&format!("{PATIENT}refresh_seconds = 0\n"), |setting, session| {
        let number = Cell::new(0);
        let name = |number: u32| format!("generated {number}");
        each(
            setting,
            || {
                number.set(number.get() + 1);
                setting::aes(session, &name(number.get()))
            },
            |key| session.attribute(*key, A::LABEL).as_deref() == Ok(name(number.get()).as_bytes()),
            |fault, answer| {
                let made = session.find(&setting::by_label(&name(number.get()))).expect("a search");
                let most = match answer {
                    Ok(_) => 1..=1,
                    // Made and not told of: only where the fault came behind the making.
                    Err(_) => 0..=1,
                };
                assert!(
                    most.contains(&made.len()),
                    "{fault:?}: {answer:?} and {} keys",
                    made.len()
                );
                let before = fault.function == "C_GenerateKey" && !fault.late;
                assert!(answer.is_ok() || !before || made.is_empty(), "{fault:?}: made in silence");
                for key in made {
                    session.destroy(key).expect("destroyed");
                }
            },
        );
    });
}

#[test]
#[serial]
fn an_object_is_created_once_and_destroyed_once_or_the_error_explained() {
    on_user(&format!("{PATIENT}refresh_seconds = 0\n"), |setting, session| {
        let number = Cell::new(0);
        let name = |number: u32| format!("created {number}");
        let value: Vec<u8> = (0..32).collect();
        each(
            setting,
            || {
                number.set(number.get() + 1);
                session.create(&setting::known_secret(&name(number.get()), &value))
            },
            |key| session.attribute(*key, A::VALUE).as_deref() == Ok(&value[..]),
            |fault, answer| {
                let made = session.find(&setting::by_label(&name(number.get()))).expect("a search");
                assert!(made.len() <= 1, "{fault:?}: {answer:?} and {} keys", made.len());
            },
        );
    });
}

#[test]
#[serial]
fn a_wrapped_key_is_right_or_the_error_explained() {
    on_user(PATIENT, |setting, session| {
        let value: Vec<u8> = (0..32).collect();
        let wrapping = session.create(&keys_for_wrapping()).expect("created");
        let key = session.create(&setting::known_secret("key", &value)).expect("created");
        let mechanism = Mechanism::plain(M::AES_KEY_WRAP);
        let expected = session.wrap(&mechanism, wrapping, key).expect("wrapped");
        each(
            setting,
            || session.wrap(&mechanism, wrapping, key),
            |wrapped| *wrapped == expected,
            |_, _| {},
        );
    });
}

fn keys_for_wrapping() -> Vec<Attribute> {
    let uses = keys::flags(&[A::WRAP, A::UNWRAP], true);
    let named = [Attribute::flag(A::TOKEN, true), Attribute::text(A::LABEL, "wrapping")];
    crate::harness::attribute::merged(&[&keys::secret(KeyType::AES, &[6; 32]), &named, &uses])
}

#[test]
#[serial]
fn random_bytes_come_or_the_error_is_explained() {
    on_user(PATIENT, |setting, session| {
        each(setting, || session.random(32), |bytes| bytes.len() == 32, |_, _| {});
    });
}

#[test]
#[serial]
fn a_login_succeeds_or_the_error_is_explained() {
    with(PATIENT, |setting| {
        let session = setting.target.open(Flags::ReadWrite).expect("a session");
        each(
            setting,
            || {
                session.login(Who::User, USER_PIN)?;
                let found = session.find(&[Attribute::class(ObjectClass::PRIVATE_KEY)]);
                if found.is_err() {
                    let _ = session.find_final();
                }
                session.logout().expect("C_Logout");
                found
            },
            Vec::is_empty,
            |_, _| {},
        );
    });
}

/// What is none of the codes above, and means nothing lost: told as it is, and the session that it
/// came in is not left with an operation that the inner token still runs.
#[test]
#[serial]
fn other_errors_are_told_and_leave_nothing_behind() {
    on_user(PATIENT, |setting, session| {
        let (public, private) = setting::pair(session, "pair").expect("generated");
        let verifier = setting::verifier(session, public);
        let faulty = setting.faulty();
        for code in [Code::HostMemory, Code::DeviceMemory, Code::FunctionCanceled] {
            for function in ["C_SignInit", "C_Sign"] {
                faulty.of(function).at(1, code);
                let answer = setting::sign(session, private, &DIGEST);
                assert!(answer.is_err(), "{function} {code:?}");
                faulty.clear();
                let signature = setting::sign(session, private, &DIGEST);
                let signature = signature.unwrap_or_else(|e| {
                    panic!("after {function} {code:?}: {e:?}\n{}", setting.target.place.log())
                });
                assert!(setting::is_signature(&verifier, &DIGEST, &signature));
            }
        }
    });
}
