//! `C_GetOperationState`, `C_SetOperationState`.

use keyway_pkcs11::mechanism::MechanismType as M;
use pkcs11_sys as ck;
use serial_test::serial;

use crate::harness::{Code, Reply, Session, call, mechanism, on_user, output};

const SAVEABLE: [M; 5] = [M::SHA_1, M::SHA224, M::SHA256, M::SHA384, M::SHA512];

fn save(session: Session, room: Option<usize>) -> Reply {
    output(room, |to, len| call!(C_GetOperationState(session.0, to, len)))
}

fn saved(session: Session) -> Vec<u8> {
    save(session, Some(512)).done().expect("C_GetOperationState")
}

fn restore(session: Session, state: &[u8], keys: [ck::CK_OBJECT_HANDLE; 2]) -> Result<(), Code> {
    let (from, len) = (state.as_ptr().cast_mut(), state.len() as u64);
    call!(C_SetOperationState(session.0, from, len, keys[0], keys[1]))
}

#[test]
#[serial]
fn a_digest_goes_on_from_where_it_was_saved_in_this_session_and_in_another() {
    on_user(|session| {
        let other = Session::open();
        for id in SAVEABLE {
            session.digest_init(id).expect("C_DigestInit");
            session.digest_update(&[1; 150]).expect("C_DigestUpdate");
            let state = saved(session);
            session.digest_update(b"forgotten").expect("C_DigestUpdate");
            for session in [session, other] {
                restore(session, &state, [0, 0]).expect("C_SetOperationState");
                session.digest_update(b"end").expect("C_DigestUpdate");
            }
            let digest = session.digest_final();
            assert_eq!(other.digest_final(), digest);
            let whole = [&[1; 150][..], b"end"].concat();
            assert_eq!(digest, Ok(session.digest(id, &whole)), "{id:?}");
        }
    });
}

#[test]
#[serial]
fn a_digest_that_took_parts_is_not_ended_by_a_one_shot_call() {
    on_user(|session| {
        let one_shot =
            || output(Some(64), |to, len| call!(C_Digest(session.0, to, 0, to, len))).done();
        session.digest_init(M::SHA256).expect("C_DigestInit");
        let fresh = saved(session);
        session.digest_update(b"part").expect("C_DigestUpdate");
        let multi = saved(session);
        restore(session, &fresh, [0, 0]).expect("C_SetOperationState");
        assert_eq!(one_shot(), Ok(session.digest(M::SHA256, b"")));
        restore(session, &multi, [0, 0]).expect("C_SetOperationState");
        assert_eq!(one_shot(), Err(Code::OperationActive));
        // And the other way round, after its size was asked for.
        restore(session, &fresh, [0, 0]).expect("C_SetOperationState");
        let null = std::ptr::null_mut();
        output(None, |_, len| call!(C_Digest(session.0, null, 0, null, len)));
        let single = saved(session);
        restore(session, &single, [0, 0]).expect("C_SetOperationState");
        assert_eq!(one_shot(), Ok(session.digest(M::SHA256, b"")));
        restore(session, &single, [0, 0]).expect("C_SetOperationState");
        assert_eq!(session.digest_update(b"part"), Err(Code::OperationActive));
    });
}

#[test]
#[serial]
fn the_size_is_told_and_saving_is_no_step_of_the_digest() {
    on_user(|session| {
        session.digest_init(M::SHA256).expect("C_DigestInit");
        session.digest_update(b"part").expect("C_DigestUpdate");
        let query = save(session, None);
        let state = saved(session);
        assert_eq!((query.answer, query.len), (Ok(()), state.len()));
        let small = save(session, Some(state.len() - 1));
        assert_eq!((small.answer, small.len), (Err(Code::BufferTooSmall), state.len()));
        let null = std::ptr::null_mut();
        let answer = call!(C_GetOperationState(session.0, null, null.cast()));
        assert_eq!(answer, Err(Code::ArgumentsBad));
        let digest = session.digest_final();
        assert_eq!(digest, Ok(session.digest(M::SHA256, b"part")));
    });
}

#[test]
#[serial]
fn what_belongs_to_a_key_is_not_saved() {
    on_user(|session| {
        assert_eq!(save(session, None).answer, Err(Code::OperationNotInitialized));
        let key = session.secret(ck::CKK_AES, &[1; 16], false);
        let mut cbc = mechanism(M::AES_CBC, &[0u8; 16]);
        call!(C_EncryptInit(session.0, &raw mut cbc, key)).expect("C_EncryptInit");
        assert_eq!(save(session, None).answer, Err(Code::StateUnsaveable));
        session.digest_init(M::SHA256).expect("C_DigestInit");
        assert_eq!(save(session, None).answer, Err(Code::StateUnsaveable));
        call!(C_SessionCancel(session.0, ck::CKF_ENCRYPT)).expect("C_SessionCancel");
        saved(session);
        call!(C_SessionCancel(session.0, ck::CKF_DIGEST)).expect("C_SessionCancel");
        session.digest_init(M::SHA3_256).expect("C_DigestInit");
        assert_eq!(save(session, None).answer, Err(Code::StateUnsaveable));
    });
}

#[test]
#[serial]
fn nothing_else_is_taken_for_a_state_and_what_runs_goes_on() {
    on_user(|session| {
        session.digest_init(M::SHA256).expect("C_DigestInit");
        session.digest_update(b"part").expect("C_DigestUpdate");
        let mut state = saved(session);
        for at in 0..state.len() {
            state[at] ^= 1;
            assert_eq!(restore(session, &state, [0, 0]), Err(Code::SavedStateInvalid), "{at}");
            state[at] ^= 1;
            let front = restore(session, &state[..at], [0, 0]);
            assert_eq!(front, Err(Code::SavedStateInvalid), "{at} bytes");
        }
        assert_eq!(restore(session, &state, [1, 0]), Err(Code::KeyNotNeeded));
        assert_eq!(restore(session, &state, [0, 1]), Err(Code::KeyNotNeeded));
        let digest = session.digest_final();
        assert_eq!(digest, Ok(session.digest(M::SHA256, b"part")));
        call!(C_Logout(session.0)).expect("C_Logout");
        assert_eq!(restore(session, &state, [0, 0]), Err(Code::SavedStateInvalid));
    });
}
