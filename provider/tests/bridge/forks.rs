//! Fork: the child initialises our module again, logs in and signs, as libp11 does in the workers
//! of web servers; the parent goes on.

use serial_test::serial;

use crate::apart::alone;
use crate::harness::child::forked;
use crate::harness::place::USER_PIN;
use crate::harness::{Flags, Kind, ObjectClass, Session, Target, Who};
use crate::setting::{self, PATIENT, on_user};

const DIGEST: [u8; 32] = [0x33; 32];

/// What a child does.
fn steps(target: &Target) {
    target.initialize().expect("C_Initialize");
    let session = target.open(Flags::ReadWrite).expect("C_OpenSession");
    session.login(Who::User, USER_PIN).expect("C_Login");
    let found = session.find(&setting::of_class(ObjectClass::PRIVATE_KEY, "pair"));
    setting::sign(session, found.expect("found")[0], &DIGEST).expect("signed");
}

fn both_sign(target: &Target, session: Session<'_>) {
    let (_, private) = setting::pair(session, "pair").expect("generated");
    setting::sign(session, private, &DIGEST).expect("signed");
    for _ in 0..3 {
        assert!(forked(|| steps(target)), "the child failed");
        setting::sign(session, private, &DIGEST).expect("the parent goes on");
    }
    assert_eq!(session.find(&setting::by_label("pair")).map(|found| found.len()), Ok(2));
}

#[test]
#[serial]
fn a_child_of_a_fork_logs_in_again_and_signs_with_softhsm2() {
    on_user(PATIENT, |setting, session| both_sign(&setting.target, session));
}

#[test]
#[serial]
fn a_child_of_a_fork_logs_in_again_and_signs_with_a_copy_of_ours() {
    alone(|| {
        let target = Target::new(Kind::BridgeKeyway, true);
        let session = target.open(Flags::ReadWrite).expect("a session");
        session.login(Who::User, USER_PIN).expect("the user logs in");
        both_sign(&target, session);
    });
}
