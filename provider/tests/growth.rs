//! Operations of every kind, again and again: memory, descriptors and mappings stay what they were
//! after the first tenth of them.
//!
//! 100,000 of the cheap kinds, fewer of what computes or writes (the share stands beside each);
//! ten times as many with `KEYWAY_TEST_LONG`. `KEYWAY_TEST_OPERATIONS` says how many instead, and
//! then nothing is judged: for valgrind, which judges by itself (tests/valgrind.sh).

mod harness;

use std::fs::File;

use harness::attribute::merged;
use harness::memory::Usage;
use harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Kind, Mechanism,
    MechanismType as M, ObjectClass, Room, Session, Target, Who, keys, on_ours,
};
use serial_test::serial;

/// What is done again and again.
struct Repeated<'a> {
    name: &'static str,
    /// One operation where the cheap kinds have so many.
    share: u64,
    /// Bytes that each is known to keep.
    kept: u64,
    operation: Box<dyn FnMut(u64) + 'a>,
}

fn repeated<'a>(name: &'static str, share: u64, operation: impl FnMut(u64) + 'a) -> Repeated<'a> {
    Repeated { name, share, kept: 0, operation: Box::new(operation) }
}

/// The number of operations of the cheap kinds, and whether they are judged.
fn operations() -> (u64, bool) {
    if let Ok(count) = std::env::var("KEYWAY_TEST_OPERATIONS") {
        return (count.parse().expect("a number of operations"), false);
    }
    match std::env::var_os("KEYWAY_TEST_LONG") {
        Some(_) => (1_000_000, true),
        None => (100_000, true),
    }
}

/// What grew between two moments with so many operations in between; nothing if nothing did.
///
/// The heap may grow by four bytes an operation, which is less than any allocation, but 64 KiB at
/// most; by 16 KiB it may breathe. RAM may grow by a megabyte, since pages of the program count. The
/// arenas for secrets give out blocks of 16 KiB and lock them: one more is 512 slots that are lost.
fn grown(before: &Usage, after: &Usage, operations: u64, kept: u64) -> Vec<String> {
    let slack = kept + (4 * operations).clamp(16 << 10, 64 << 10);
    let rows = [
        ("bytes allocated", before.allocated, after.allocated, slack),
        ("bytes locked", before.locked, after.locked, 0),
        ("bytes in RAM", before.resident, after.resident, 1 << 20),
        ("descriptors", before.descriptors, after.descriptors, 0),
        ("mappings", before.mappings, after.mappings, 8),
        ("threads", before.threads, after.threads, 0),
    ];
    let more = rows.into_iter().filter(|(_, before, after, slack)| *after > before + slack);
    more.map(|(what, before, after, _)| format!("{what}: {before}, then {after}")).collect()
}

/// Runs one kind: what grew.
fn growth(kind: &mut Repeated<'_>, count: u64) -> Vec<String> {
    let count = (count / kind.share).max(10);
    // Tables that grow by the segment are at their size after a hundred.
    let first = (count / 10).max(100).min(count / 2);
    (0..first).for_each(&mut kind.operation);
    let before = Usage::now();
    (first..count).for_each(&mut kind.operation);
    let after = Usage::now();
    println!(
        "{:28} {count:>8} operations: {:+} bytes allocated, {:+} in RAM, {:+} locked",
        kind.name,
        after.allocated as i64 - before.allocated as i64,
        after.resident as i64 - before.resident as i64,
        after.locked as i64 - before.locked as i64,
    );
    let kept = kind.kept * (count - first);
    grown(&before, &after, count - first, kept)
}

/// Cryptography.
fn computing<'a>(session: Session<'a>) -> Vec<Repeated<'a>> {
    let (aes, hmac) = (session.aes(), session.hmac());
    let (public, private) = session.ec(keys::P256);
    let (rsa_public, rsa_private) = session.rsa(2048);
    let text = [7; 64];
    let sha256 = Mechanism::plain(M::SHA256);
    let mac = Mechanism::plain(M::SHA256_HMAC);
    let gcm = Mechanism::gcm(&[1; 12], b"", 128);
    let cbc = Mechanism::bytes(M::AES_CBC_PAD, &[2; 16]);
    let (ecdsa, pkcs1) = (Mechanism::plain(M::ECDSA), Mechanism::plain(M::SHA256_RSA_PKCS));
    let encryption = Mechanism::plain(M::RSA_PKCS);
    vec![
        repeated("digest", 1, move |_| {
            session.run(Function::Digest, &sha256, 0, &text).expect("a digest");
        }),
        repeated("HMAC, sign and verify", 2, move |_| {
            let code = session.run(Function::Sign, &mac, hmac, &text).expect("a MAC");
            session.check(&mac, hmac, &text, &code).expect("the MAC is right");
        }),
        repeated("AES-GCM, both ways", 2, move |_| {
            let sealed = session.run(Function::Encrypt, &gcm, aes, &text).expect("a ciphertext");
            session.run(Function::Decrypt, &gcm, aes, &sealed).expect("the text");
        }),
        repeated("AES-CBC in parts", 2, move |_| {
            session.run_parts(Function::Encrypt, &cbc, aes, &[&text, &text[..9]]).expect("parts");
        }),
        repeated("ECDSA, sign and verify", 100, move |_| {
            let signed = session.run(Function::Sign, &ecdsa, private, &text[..32]).expect("signed");
            session.check(&ecdsa, public, &text[..32], &signed).expect("the signature is right");
        }),
        repeated("RSA-2048, sign and verify", 1_000, move |_| {
            let signed = session.run(Function::Sign, &pkcs1, rsa_private, &text).expect("signed");
            session.check(&pkcs1, rsa_public, &text, &signed).expect("the signature is right");
        }),
        repeated("RSA-2048, both ways", 1_000, move |_| {
            let sealed = session.run(Function::Encrypt, &encryption, rsa_public, &text);
            let sealed = sealed.expect("a ciphertext");
            session.run(Function::Decrypt, &encryption, rsa_private, &sealed).expect("the text");
        }),
        repeated("random", 1, move |_| {
            session.random(32).expect("random bytes");
        }),
    ]
}

/// Sessions and objects that die with them.
fn transient<'a>(session: Session<'a>) -> Vec<Repeated<'a>> {
    let (aes, hmac) = (session.aes(), session.hmac());
    let id = Attribute::text(A::ID, "found");
    session.aes_with(std::slice::from_ref(&id)).expect("a key to find");
    let secret = merged(&[
        &keys::secret(KeyType::AES, &[3; 32]),
        &keys::flags(&[A::ENCRYPT, A::EXTRACTABLE], true),
    ]);
    let wanted = [A::CLASS, A::KEY_TYPE, A::ID, A::LABEL].map(|kind| (kind, Some(64)));
    let generation = Mechanism::plain(M::AES_KEY_GEN);
    let length = [Attribute::number(A::VALUE_LEN, 32)];
    let wrapping = Mechanism::plain(M::AES_KEY_WRAP_KWP);
    let unwrapped = [Attribute::class(ObjectClass::SECRET_KEY), Attribute::key_type(KeyType::AES)];
    let to_wrap = session.create(&secret).expect("a key to wrap");
    let (copied, changed) = (session.create(&secret).expect("a key"), aes);
    let mac = Mechanism::plain(M::SHA256_HMAC);
    vec![
        repeated("session, opened and closed", 1, move |_| {
            session.target.open_on(1, Flags::ReadOnly).and_then(|own| own.close()).expect("one");
        }),
        repeated("object, created", 10, move |_| {
            session.create(&secret).and_then(|key| session.destroy(key)).expect("an object");
        }),
        repeated("object, copied", 10, move |_| {
            let label = [Attribute::text(A::LABEL, "copy")];
            session.copy(copied, &label).and_then(|copy| session.destroy(copy)).expect("a copy");
        }),
        repeated("key, generated", 10, move |_| {
            let key = session.generate(&generation, &length).expect("a key");
            session.destroy(key).expect("destroyed");
        }),
        repeated("key, wrapped and unwrapped", 10, move |_| {
            let wrapped = session.wrap(&wrapping, aes, to_wrap).expect("wrapped");
            let key = session.unwrap(&wrapping, aes, &wrapped, &unwrapped).expect("unwrapped");
            session.destroy(key).expect("destroyed");
        }),
        repeated("pair, generated, and agreed", 500, move |_| {
            let (public, private) = session.ec(keys::P256);
            let point = session.attribute(public, A::EC_POINT).expect("a point");
            let key = session
                .derive(
                    &Mechanism::ecdh(&point),
                    private,
                    &[
                        Attribute::class(ObjectClass::SECRET_KEY),
                        Attribute::key_type(KeyType::GENERIC_SECRET),
                    ],
                )
                .expect("agreed");
            for object in [public, private, key] {
                session.destroy(object).expect("destroyed");
            }
        }),
        repeated("search", 2, move |_| {
            assert_eq!(session.find(std::slice::from_ref(&id)).expect("a search").len(), 1);
        }),
        repeated("attributes, read", 1, move |_| {
            session.read(aes, &wanted).0.expect("attributes");
        }),
        repeated("attribute, changed", 10, move |n| {
            let label = [Attribute::text(A::LABEL, &format!("label {n}"))];
            session.set(changed, &label).expect("a new label");
        }),
        repeated("operation, given up", 10, move |_| {
            session.init(Function::Sign, &mac, hmac).expect("C_SignInit");
            session.update(Function::Sign, b"a part", Room::Query).answer.expect("C_SignUpdate");
            assert_eq!(session.init(Function::Sign, &mac, hmac), Err(Code::OperationActive));
            session.finish(Function::Sign, Room::NoLength).answer.expect_err("no length");
        }),
        repeated("call that fails", 10, move |_| {
            assert_eq!(session.destroy(0xdead), Err(Code::ObjectHandleInvalid));
        }),
    ]
}

/// What the disk, a derivation or the whole module has a part in.
fn lasting<'a>(session: Session<'a>) -> Vec<Repeated<'a>> {
    let target = session.target;
    let token = [Attribute::flag(A::TOKEN, true)];
    let key = merged(&[&keys::secret(KeyType::AES, &[3; 32]), &token]);
    // Fills the page caches of the database's connections, which have a limit of 2 MiB each: events
    // of the token would fill them more slowly.
    let large = |label| merged(&[&keys::data(label, &vec![1; 4 << 20]), &token]);
    session.create(&large("large")).expect("a large object");
    again(target);
    let session = user(target);
    session.create(&large("another")).expect("what the one that writes has seen");
    let [large] = session.find(&[Attribute::text(A::LABEL, "large")]).expect("a search")[..] else {
        panic!("one large object")
    };
    session.read(large, &[(A::VALUE, Some(4 << 20))]).0.expect("its value");
    vec![
        repeated("token object, created", 200, move |_| {
            session.create(&key).and_then(|key| session.destroy(key)).expect("an object");
        }),
        repeated("login", 5_000, move |_| {
            session.logout().expect("C_Logout");
            session.login(Who::User, target.user_pin()).expect("C_Login");
        }),
        Repeated {
            // The module's own few words, which a call of another thread may still be inside of.
            kept: 192,
            ..repeated("C_Initialize", 250, move |_| {
                again(target);
                let own = target.open_on(1, Flags::ReadOnly).expect("a session");
                own.find(&[]).expect("a search");
            })
        },
    ]
}

/// C_Finalize and C_Initialize: a program that begins.
fn again(target: &Target) {
    target.finalize().expect("C_Finalize");
    target.initialize().expect("C_Initialize");
}

fn judge(make: impl Fn(Session<'_>) -> Vec<Repeated<'_>>) {
    let (count, is_judged) = operations();
    on_ours(|target| {
        let session = user(target);
        for mut kind in make(session) {
            let more = growth(&mut kind, count);
            assert!(more.is_empty() || !is_judged, "{}: {more:?}", kind.name);
        }
    });
}

fn user(target: &Target) -> Session<'_> {
    let session = target.open(Flags::ReadWrite).expect("a session");
    session.login(Who::User, target.user_pin()).expect("the user logs in");
    session
}

#[test]
#[serial]
fn cryptography_keeps_no_memory() {
    judge(computing);
}

#[test]
#[serial]
fn sessions_and_their_objects_keep_no_memory() {
    judge(transient);
}

#[test]
#[serial]
fn what_lasts_keeps_no_memory() {
    judge(lasting);
}

/// What is lost on purpose is seen: a small allocation each time, a secret in an arena each time, a
/// descriptor now and then.
#[test]
#[serial]
fn what_is_lost_is_seen() {
    let (_, is_judged) = operations();
    if !is_judged {
        return;
    }
    let target = Target::new(Kind::Keyway, true);
    let session = user(&target);
    let seen = |name, share, operation: Box<dyn FnMut(u64) + '_>| {
        growth(&mut Repeated { name, share, kept: 0, operation }, 20_000).join(", ")
    };
    let boxes = seen(
        "planted: 8 bytes lost",
        1,
        Box::new(|n| {
            std::hint::black_box(Box::leak(Box::new(n)));
        }),
    );
    assert!(boxes.contains("bytes allocated"), "{boxes}");
    let objects = seen(
        "planted: objects kept",
        10,
        Box::new(|_| {
            session.aes_with(&[]).expect("a key");
        }),
    );
    assert!(objects.contains("bytes allocated") && objects.contains("bytes locked"), "{objects}");
    let files = seen(
        "planted: a file kept open",
        1_000,
        Box::new(|_| std::mem::forget(File::open("/dev/null").expect("a file"))),
    );
    assert!(files.contains("descriptors"), "{files}");
}
