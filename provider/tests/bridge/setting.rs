//! What most tests here begin with: SoftHSM2's token, the module that fails before it, a slot of
//! ours that bridges to both.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::apart::apart;
use crate::harness::attribute::merged;
use crate::harness::faulty::Faulty;
use crate::harness::place::{Place, USER_PIN};
use crate::harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Kind, Mechanism,
    MechanismType as M, ObjectClass, Session, Target, Who, keys,
};

/// Lines of `[[slot]]` for tests in which the token may fail as often as it likes.
pub const PATIENT: &str = "profile = \"softhsm2\"\nfailures = 1000000\nwait_seconds = 20\n";

/// Our module over a slot that bridges to SoftHSM2 through `faulty.c`.
pub struct Setting {
    pub target: Target,
}

/// Runs a test in a process of its own, with lines for `[[slot]]`.
pub fn with<F: Fn(&Setting)>(lines: &str, body: F) {
    apart::<F>(|| {
        let setting = Setting::new(lines);
        let shown = Shown(&setting.target);
        body(&setting);
        std::mem::forget(shown);
    });
}

/// As [`with`], in a read-write session of the user.
pub fn on_user<F: Fn(&Setting, Session<'_>)>(lines: &str, body: F) {
    apart::<F>(|| {
        let setting = Setting::new(lines);
        let shown = Shown(&setting.target);
        body(&setting, setting.user());
        std::mem::forget(shown);
    });
}

/// Prints the end of the log when a test fails.
struct Shown<'a>(&'a Target);

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.0.place.print_log();
    }
}

impl Setting {
    pub fn new(lines: &str) -> Self {
        let token = softhsm::Token::new();
        let (name, configuration) = token.environment();
        let faulty = Faulty::before(token.module(), (name, &configuration));
        let place = Place::bridge(Place::SoftHsm(token), Some(faulty), lines);
        place.enter();
        let target = Target::over(Kind::Keyway, place);
        target.initialize().expect("C_Initialize");
        Self { target }
    }

    pub fn faulty(&self) -> &Faulty {
        self.target.place.front()
    }

    /// A read-write session with the user logged in.
    pub fn user(&self) -> Session<'_> {
        let session = self.target.open(Flags::ReadWrite).expect("a session opens");
        session.login(Who::User, USER_PIN).expect("the user logs in");
        session
    }

    /// What was logged since the log was so long.
    pub fn logged(&self, since: usize) -> String {
        self.target.place.log().get(since..).unwrap_or_default().to_owned()
    }
}

/// A token pair on P-256 of this label and id.
pub fn pair(session: Session<'_>, name: &str) -> Result<(u64, u64), Code> {
    let named = [
        Attribute::flag(A::TOKEN, true),
        Attribute::text(A::LABEL, name),
        Attribute::text(A::ID, name),
    ];
    session.ec_with(keys::P256, &named, &named)
}

/// A token AES key of this label and id that the inner token makes.
pub fn aes(session: Session<'_>, name: &str) -> Result<u64, Code> {
    let template = [
        Attribute::flag(A::TOKEN, true),
        Attribute::text(A::LABEL, name),
        Attribute::text(A::ID, name),
        Attribute::number(A::VALUE_LEN, 32),
    ];
    let uses = keys::flags(&[A::ENCRYPT, A::DECRYPT, A::WRAP, A::UNWRAP], true);
    session.generate(&Mechanism::plain(M::AES_KEY_GEN), &merged(&[&template, &uses]))
}

/// The fixed RSA key of 2048 bits as token objects: public and private.
pub fn rsa(session: Session<'_>, name: &str) -> (u64, u64) {
    let named = [
        Attribute::flag(A::TOKEN, true),
        Attribute::text(A::LABEL, name),
        Attribute::text(A::ID, name),
    ];
    let public = keys::flags(&[A::VERIFY, A::ENCRYPT, A::WRAP], true);
    let private = keys::flags(&[A::SIGN, A::DECRYPT, A::UNWRAP], true);
    let create = |parts: [&[Attribute]; 3]| session.create(&merged(&parts)).expect("imported");
    (
        create([&keys::rsa_public(2048), &public, &named]),
        create([&keys::rsa_private(2048), &private, &named]),
    )
}

/// The public point of a key on P-256, for a verification that asks no module.
pub fn verifier(session: Session<'_>, public: u64) -> p256::ecdsa::VerifyingKey {
    let point = session.attribute(public, A::EC_POINT).expect("CKA_EC_POINT");
    // A DER OCTET STRING (PKCS#11, elliptic curve public key objects).
    p256::ecdsa::VerifyingKey::from_sec1_bytes(&point[2..]).expect("a point")
}

/// Whether the signature is that of the key over the digest.
pub fn is_signature(key: &p256::ecdsa::VerifyingKey, digest: &[u8], signature: &[u8]) -> bool {
    use p256::ecdsa::signature::hazmat::PrehashVerifier;
    p256::ecdsa::Signature::from_slice(signature)
        .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok())
}

pub fn sign(session: Session<'_>, key: u64, digest: &[u8]) -> Result<Vec<u8>, Code> {
    session.run(Function::Sign, &Mechanism::plain(M::ECDSA), key, digest)
}

pub fn by_label(name: &str) -> Vec<Attribute> {
    vec![Attribute::text(A::LABEL, name)]
}

/// Objects of a class and a label.
pub fn of_class(class: ObjectClass, name: &str) -> Vec<Attribute> {
    vec![Attribute::class(class), Attribute::text(A::LABEL, name)]
}

/// An AES key to be imported, which may be read.
pub fn known_secret(name: &str, value: &[u8]) -> Vec<Attribute> {
    let named = [Attribute::flag(A::TOKEN, true), Attribute::text(A::LABEL, name)];
    let uses = keys::flags(&[A::ENCRYPT, A::DECRYPT, A::EXTRACTABLE], true);
    let open = keys::flags(&[A::SENSITIVE], false);
    merged(&[&keys::secret(KeyType::AES, value), &named, &uses, &open])
}

/// pkcs11-tool at the inner token, past the bridge.
pub fn past(setting: &Setting, arguments: &[&str]) -> String {
    let inner = setting.target.place.inner();
    let (name, configuration) = inner.environment();
    let mut command = Command::new("pkcs11-tool");
    command.env(name, configuration).arg("--module").arg(inner.module());
    command.args(["--token-label", softhsm::LABEL, "--login", "--pin", USER_PIN]);
    let output = command.args(arguments).output().expect("pkcs11-tool: apt install opensc");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits for what must come about within `refresh_seconds`; the time is not measured.
pub fn soon(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
