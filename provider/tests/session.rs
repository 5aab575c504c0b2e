//! Sessions: opening and closing, states, handles, limits.

mod harness;

use harness::abi::Arg;
use harness::place::{SO_PIN, USER_PIN};
use harness::session::{RO_PUBLIC, RO_USER, RW_PUBLIC, RW_SO, RW_USER};
use harness::{Attribute, AttributeType, Code, Flags, Function, Mechanism, MechanismType};
use harness::{Room, Who, keys, on_token, on_user};
use serial_test::serial;

#[test]
#[serial]
fn a_session_without_the_serial_flag_is_refused() {
    on_token(|target| {
        for flags in [0, 2] {
            let opened = target.open(Flags::Raw(flags)).map(|_| ());
            target.same("C_OpenSession", opened, Err(Code::SessionParallelNotSupported));
        }
    });
}

/// "C_OpenSession", "C_GetSessionInfo".
#[test]
#[serial]
fn a_session_tells_slot_state_and_flags() {
    on_token(|target| {
        let slot = target.slot();
        for (flags, state) in [(Flags::ReadOnly, RO_PUBLIC), (Flags::ReadWrite, RW_PUBLIC)] {
            let info = target.open(flags).expect("a session").info().expect("C_GetSessionInfo");
            target.same("slot", info.slot, slot);
            target.same("state", info.state, state);
            target.same("flags", info.flags, flags.raw());
            target.same("device error", info.device_error, 0);
        }
        let session = target.open(Flags::ReadOnly).expect("a session");
        let answer = session.call("C_GetSessionInfo", vec![Arg::Null]);
        target.same("NULL", answer, Err(Code::ArgumentsBad));
    });
}

/// Login is per token and shows in all sessions.
#[test]
#[serial]
fn login_and_logout_show_in_every_session() {
    on_token(|target| {
        let read_only = target.open(Flags::ReadOnly).expect("a session");
        let read_write = target.open(Flags::ReadWrite).expect("a session");
        let states = || {
            let state = |session: harness::Session<'_>| session.info().expect("info").state;
            (state(read_only), state(read_write))
        };
        target.same("before", states(), (RO_PUBLIC, RW_PUBLIC));
        read_only.login(Who::User, USER_PIN).expect("C_Login");
        target.same("logged in", states(), (RO_USER, RW_USER));
        let late = target.open(Flags::ReadWrite).expect("a session");
        target.same("opened later", late.info().expect("info").state, RW_USER);
        read_write.logout().expect("C_Logout");
        target.same("logged out", states(), (RO_PUBLIC, RW_PUBLIC));
    });
}

#[test]
#[serial]
fn closing_the_last_session_logs_out() {
    on_token(|target| {
        let (one, two) = (target.open(Flags::ReadOnly), target.open(Flags::ReadWrite));
        let (one, two) = (one.expect("a session"), two.expect("a session"));
        one.login(Who::User, USER_PIN).expect("C_Login");
        one.close().expect("C_CloseSession");
        target.same("one is left", two.info().expect("info").state, RW_USER);
        two.close().expect("C_CloseSession");
        let fresh = target.open(Flags::ReadWrite).expect("a session");
        target.same("none was left", fresh.info().expect("info").state, RW_PUBLIC);
    });
}

/// "C_CloseAllSessions".
#[test]
#[serial]
fn closing_all_sessions_closes_them_and_logs_out() {
    on_token(|target| {
        let slot = target.slot();
        let sessions = [Flags::ReadOnly, Flags::ReadWrite, Flags::ReadWrite]
            .map(|flags| target.open(flags).expect("a session"));
        sessions[0].login(Who::User, USER_PIN).expect("C_Login");
        target.same("C_CloseAllSessions", target.close_all(slot), Ok(()));
        for session in sessions {
            let answer = session.close();
            target.same("C_CloseSession", answer, Err(Code::SessionHandleInvalid));
        }
        let fresh = target.open(Flags::ReadWrite).expect("a session");
        target.same("state", fresh.info().expect("info").state, RW_PUBLIC);
        target.same("with one open", target.close_all(slot), Ok(()));
        target.same("with none open", target.close_all(slot), Ok(()));
    });
}

/// A handle that is used after its session must not hit somebody else's.
#[test]
#[serial]
fn session_handles_are_not_reused_at_once() {
    on_token(|target| {
        let mut seen = Vec::new();
        for _ in 0..200 {
            let session = target.open(Flags::ReadOnly).expect("a session");
            target.holds("the handle is not 0", session.handle != 0);
            target.holds("the handle is new", !seen.contains(&session.handle));
            seen.push(session.handle);
            session.close().expect("C_CloseSession");
        }
    });
}

/// "Cryptoki function return values for functions that use a session handle".
#[test]
#[serial]
fn stale_and_random_handles_are_no_sessions() {
    on_token(|target| {
        let closed = target.open(Flags::ReadWrite).expect("a session");
        closed.close().expect("C_CloseSession");
        let open = target.open(Flags::ReadWrite).expect("a session");
        let wrong = [0, closed.handle, open.handle + 1, open.handle ^ 1 << 40, u64::MAX];
        for handle in wrong {
            for (function, signature) in &harness::abi::FUNCTIONS[12..68] {
                if !signature.starts_with('n')
                    || ["C_OpenSession", "C_CloseAllSessions", "C_WaitForSlotEvent"]
                        .contains(function)
                {
                    continue;
                }
                let mut memory = [[0; 64]; 10];
                let mut nothing: Vec<Arg<'_>> = signature
                    .bytes()
                    .zip(&mut memory)
                    .map(|(kind, memory)| match kind {
                        b'n' => Arg::Number(0),
                        _ => Arg::BytesMut(memory),
                    })
                    .collect();
                nothing[0] = Arg::Number(handle);
                let answer = target.call(function, &mut nothing);
                let refused =
                    matches!(answer, Err(Code::SessionHandleInvalid | Code::FunctionNotSupported));
                if !refused {
                    target.same(function, answer, Err(Code::SessionHandleInvalid));
                }
            }
        }
        target.same("the open one", open.info().map(|info| info.state), Ok(RW_PUBLIC));
    });
}

/// "C_OpenSession": sessions of one slot do not depend on each other.
#[test]
#[serial]
fn each_session_has_operations_of_its_own() {
    on_token(|target| {
        let sessions = [(); 3].map(|()| target.open(Flags::ReadOnly).expect("a session"));
        let sha256 = Mechanism::plain(MechanismType::SHA256);
        for session in sessions {
            target.same("C_DigestInit", session.init(Function::Digest, &sha256, 0), Ok(()));
        }
        for (i, session) in sessions.iter().enumerate() {
            let byte = [i as u8];
            session.update(Function::Digest, &byte, Room::Query).answer.expect("C_DigestUpdate");
        }
        let digests =
            sessions.map(|s| s.finish(Function::Digest, Room::Bytes(32)).done().expect("a digest"));
        target.holds("digests differ", digests[0] != digests[1] && digests[1] != digests[2]);
    });
}

/// "Session management functions": many sessions at once (users: "sessions exhausted").
#[test]
#[serial]
fn two_thousand_sessions_may_be_open() {
    on_token(|target| {
        let slot = target.slot();
        for _ in 0..2000 {
            target.open_on(slot, Flags::ReadOnly).expect("a session");
        }
        target.same("C_CloseAllSessions", target.close_all(slot), Ok(()));
    });
}

/// "Read-only sessions": token objects are made in read-write sessions only.
#[test]
#[serial]
fn a_read_only_session_makes_session_objects_only() {
    on_token(|target| {
        let session = target.open(Flags::ReadOnly).expect("a session");
        let template = keys::data("object", b"value");
        target.same("a session object", session.create(&template).map(|_| ()), Ok(()));
        let on_token = [template, vec![Attribute::flag(AttributeType::TOKEN, true)]].concat();
        let answer = session.create(&on_token).map(|_| ());
        target.same("a token object", answer, Err(Code::SessionReadOnly));
    });
}

/// "read-only session before login check".
#[test]
#[serial]
fn a_private_token_object_in_a_public_read_only_session_fails_for_the_session() {
    on_token(|target| {
        let session = target.open(Flags::ReadOnly).expect("a session");
        let more = keys::flags(&[AttributeType::TOKEN, AttributeType::PRIVATE], true);
        let template = [keys::secret(harness::KeyType::AES, &[1; 16]), more].concat();
        let answer = session.create(&template).map(|_| ());
        target.same("C_CreateObject", answer, Err(Code::SessionReadOnly));
    });
}

/// "C_GetTokenInfo": counts of this application.
#[test]
#[serial]
fn closed_sessions_are_no_longer_counted() {
    on_token(|target| {
        let slot = target.slot();
        let counts = || {
            let numbers = target.token_info(slot).expect("C_GetTokenInfo").numbers;
            (numbers[1], numbers[3])
        };
        let read_only = target.open(Flags::ReadOnly).expect("a session");
        let _read_write = target.open(Flags::ReadWrite).expect("a session");
        target.same("two open", counts(), (2, 1));
        read_only.close().expect("C_CloseSession");
        target.same("one open", counts(), (1, 1));
        target.close_all(slot).expect("C_CloseAllSessions");
        target.same("none open", counts(), (0, 0));
    });
}

#[test]
#[serial]
fn the_security_officer_and_read_only_sessions_exclude_each_other() {
    on_token(|target| {
        let read_only = target.open(Flags::ReadOnly).expect("a session");
        let read_write = target.open(Flags::ReadWrite).expect("a session");
        let answer = read_write.login(Who::SecurityOfficer, SO_PIN);
        target.same("with one open", answer, Err(Code::SessionReadOnlyExists));
        read_only.close().expect("C_CloseSession");
        target.same("without", read_write.login(Who::SecurityOfficer, SO_PIN), Ok(()));
        target.same("state", read_write.info().expect("info").state, RW_SO);
        let opened = target.open(Flags::ReadOnly).map(|_| ());
        target.same("opening one", opened, Err(Code::SessionReadWriteSoExists));
        target.same("opening another", target.open(Flags::ReadWrite).map(|_| ()), Ok(()));
    });
}

#[test]
#[serial]
fn session_objects_die_with_their_session_and_are_seen_by_others_meanwhile() {
    on_user(|session| {
        let target = session.target;
        let other = session.another(Flags::ReadOnly).expect("a session");
        let label = [Attribute::text(AttributeType::LABEL, "short-lived")];
        let object = other.create(&keys::data("short-lived", b"x")).expect("an object");
        let found = session.find(&label);
        target.same("seen by another session", found, Ok(vec![object]));
        let value = session.attribute(object, AttributeType::VALUE);
        target.same("and read there", value, Ok(b"x".to_vec()));
        other.close().expect("C_CloseSession");
        target.same("found afterwards", session.find(&label), Ok(vec![]));
        let answer = session.attribute(object, AttributeType::VALUE);
        target.same("read afterwards", answer, Err(Code::ObjectHandleInvalid));
    });
}

/// "C_CloseSession": what runs ends with the session.
#[test]
#[serial]
fn a_session_closes_in_the_middle_of_an_operation() {
    on_user(|session| {
        let other = session.another(Flags::ReadOnly).expect("a session");
        let sha256 = Mechanism::plain(MechanismType::SHA256);
        other.init(Function::Digest, &sha256, 0).expect("C_DigestInit");
        other.find_init(&[]).expect("C_FindObjectsInit");
        session.target.same("C_CloseSession", other.close(), Ok(()));
        let answer = other.finish(Function::Digest, Room::Bytes(32)).sized();
        session.target.same("C_DigestFinal", answer, Err(Code::SessionHandleInvalid));
    });
}
