//! What is left when something runs out or is not as it should be: descriptors, memory, memory that
//! can be locked, the disk, rights, time. Every call answers a code of its list, the log says what
//! was wrong and what to do, and the token is whole afterwards.

mod alone;
mod clock;
mod disk;
#[path = "../harness/mod.rs"]
mod harness;
mod limits;
mod rights;

use harness::attribute::merged;
use harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Mechanism, MechanismType as M,
    Session, Target, Who, keys,
};

/// A session of the user.
fn user(target: &Target) -> Session<'_> {
    let session = target.open(Flags::ReadWrite).expect("a session");
    session.login(Who::User, target.user_pin()).expect("the user logs in");
    session
}

/// Ends what there is and begins anew, as another process would.
fn again(target: &Target) {
    let _ = target.finalize();
    target.initialize().expect("C_Initialize");
}

/// A private token key for HMAC, called `id`.
fn make(session: Session<'_>, id: &str) -> Result<u64, Code> {
    let more = [
        Attribute::flag(A::TOKEN, true),
        Attribute::flag(A::SIGN, true),
        Attribute::text(A::ID, id),
    ];
    let value = [7; 32];
    session.create(&merged(&[&keys::secret(KeyType::GENERIC_SECRET, &value), &more]))
}

fn find(session: Session<'_>, id: &str) -> Vec<u64> {
    session.find(&[Attribute::text(A::ID, id)]).expect("a search")
}

/// Every key is there once and signs, and nothing is there that nobody was told of.
fn assert_whole(target: &Target, ids: &[String]) {
    let session = user(target);
    for id in ids {
        let found = find(session, id);
        let [key] = found[..] else { panic!("{id}: {found:?}") };
        let mac = session.run(Function::Sign, &Mechanism::plain(M::SHA256_HMAC), key, b"text");
        assert_eq!(mac.map(|mac| mac.len()), Ok(32), "{id}");
    }
    assert_eq!(session.find(&[]).expect("a search").len(), ids.len());
    make(session, "afterwards").and_then(|key| session.destroy(key)).expect("the token goes on");
    session.logout().expect("logout");
    let info = target.token_info(target.slot()).expect("token info");
    assert_eq!(info.flags & COUNTED_OR_LOCKED, 0, "a try was counted: {:#x}", info.flags);
}

/// CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED.
const COUNTED_OR_LOCKED: u64 = 0x7_0000;

/// The lines that the module wrote while `body` ran.
fn told<T>(target: &Target, body: impl FnOnce() -> T) -> (T, String) {
    let before = target.place.log().len();
    let answer = body();
    (answer, target.place.log()[before..].to_owned())
}

#[track_caller]
fn assert_told(log: &str, words: &[&str]) {
    for word in words {
        assert!(log.contains(word), "{word:?} is not in the log: {log}");
    }
}
