//! The attacks of the literature, on SoftHSM2 and on our module: what comes out of each, and that
//! `docs/policy.md` says so.
//!
//! Clulow, "On the Security of PKCS #11" (CHES 2003); Bortolozzo, Centenaro, Focardi and Steel,
//! "Attacking and Fixing PKCS#11 Security Tokens" (CCS 2010).

use std::path::Path;

use rsa::Oaep;
use serial_test::serial;
use sha1::Sha1;

use crate::explore::{Goal, Scenario};
use crate::harness::attribute::merged;
use crate::harness::child::Child;
use crate::harness::place::Place;
use crate::harness::{
    Attribute, AttributeType as A, Code, Hash, KeyType, Kind, Mechanism, MechanismType as M,
    Session, Target, keys,
};
use crate::model::*;
use crate::replay::Stage;
use crate::rules::Rules;

/// What an attack is made of.
enum Way {
    /// Calls of the model, with an officer's key of these flags or none (0).
    Calls { officers: u16, calls: &'static [Call] },
    /// Something else: the attacker's calls on the planted key, and the value that he has then.
    Other(fn(&Session<'_>, u64) -> Result<Vec<u8>, Code>),
}

/// One attack.
struct Attack {
    name: &'static str,
    /// CKA_EXTRACTABLE and CKA_WRAP_WITH_TRUSTED of the planted key, which is sensitive.
    planted: u16,
    way: Way,
    /// SoftHSM2, `standard`, `strict`.
    works: [bool; 3],
}

const E: u16 = EXTRACTABLE;
const G: u16 = EXTRACTABLE | GUARDED;
const MINE: u16 = SENSITIVE | MODIFIABLE | USES;
const KNOWN_KEY: Call = Call::Create { flags: EXTRACTABLE | MODIFIABLE | WRAP };
const SOUND: Mode = Mode::Sound;
const NONCE: Mode = Mode::Nonce;
const WRAPPER: u16 = SENSITIVE | TRUSTED | MODIFIABLE | WRAP;
const SHOWN: u16 = EXTRACTABLE | MODIFIABLE;

const fn calls(
    name: &'static str,
    planted: u16,
    works: [bool; 3],
    officers: u16,
    calls: &'static [Call],
) -> Attack {
    Attack { name, planted, works, way: Way::Calls { officers, calls } }
}

const fn other(
    name: &'static str,
    planted: u16,
    works: [bool; 3],
    way: fn(&Session<'_>, u64) -> Result<Vec<u8>, Code>,
) -> Attack {
    Attack { name, planted, works, way: Way::Other(way) }
}

const NOWHERE: [bool; 3] = [false; 3];
const SOFTHSM: [bool; 3] = [true, false, false];
const NOT_STRICT: [bool; 3] = [true, true, false];

const ATTACKS: [Attack; 23] = [
    calls(
        "wrap with a key and decrypt with it",
        E,
        SOFTHSM,
        0,
        &[
            Call::Generate { flags: MINE },
            Call::Wrap { mode: SOUND, with: 2, key: 0 },
            Call::Open { mode: SOUND, with: 2, inner: PLANTED },
        ],
    ),
    calls(
        "allow a wrapping key to decrypt afterwards",
        E,
        SOFTHSM,
        0,
        &[
            Call::Generate { flags: SENSITIVE | MODIFIABLE | WRAP },
            Call::Wrap { mode: SOUND, with: 2, key: 0 },
            Call::Set { key: 2, set: DECRYPT, clear: WRAP },
            Call::Open { mode: SOUND, with: 2, inner: PLANTED },
        ],
    ),
    calls(
        "wrap, and unwrap as a key that is shown",
        E,
        NOT_STRICT,
        0,
        &[
            Call::Generate { flags: SENSITIVE | MODIFIABLE | WRAP | UNWRAP },
            Call::Wrap { mode: SOUND, with: 2, key: 0 },
            Call::Unwrap { mode: SOUND, with: 2, inner: PLANTED, flags: SHOWN },
            Call::Read { key: 3 },
        ],
    ),
    calls(
        "wrap under a key that the attacker brought",
        E,
        NOT_STRICT,
        0,
        &[KNOWN_KEY, Call::Wrap { mode: SOUND, with: 2, key: 0 }],
    ),
    other("wrap under a public key of the attacker's", E, NOT_STRICT, trojan),
    other("wrap under a public key of the attacker's", G, NOWHERE, trojan),
    calls(
        "wrap under a key that the attacker brought",
        G,
        NOWHERE,
        0,
        &[KNOWN_KEY, Call::Wrap { mode: SOUND, with: 2, key: 0 }],
    ),
    calls(
        "bring a key that calls itself trusted",
        G,
        NOWHERE,
        0,
        &[
            Call::Create { flags: EXTRACTABLE | MODIFIABLE | WRAP | TRUSTED },
            Call::Wrap { mode: SOUND, with: 2, key: 0 },
        ],
    ),
    calls(
        "take CKA_WRAP_WITH_TRUSTED away",
        G,
        NOWHERE,
        0,
        &[
            Call::Set { key: 0, set: 0, clear: GUARDED },
            KNOWN_KEY,
            Call::Wrap { mode: SOUND, with: 2, key: 0 },
        ],
    ),
    calls(
        "copy without CKA_WRAP_WITH_TRUSTED",
        G,
        NOWHERE,
        0,
        &[
            Call::Copy { key: 0, set: 0, clear: GUARDED },
            KNOWN_KEY,
            Call::Wrap { mode: SOUND, with: 3, key: 2 },
        ],
    ),
    calls(
        "allow the officer's key to decrypt",
        G,
        SOFTHSM,
        WRAPPER,
        &[
            Call::Wrap { mode: SOUND, with: 1, key: 0 },
            Call::Set { key: 1, set: DECRYPT, clear: 0 },
            Call::Open { mode: SOUND, with: 1, inner: PLANTED },
        ],
    ),
    calls(
        "copy the officer's key, as one that decrypts",
        G,
        SOFTHSM,
        WRAPPER,
        &[
            Call::Wrap { mode: SOUND, with: 1, key: 0 },
            Call::Copy { key: 1, set: DECRYPT, clear: 0 },
            Call::Open { mode: SOUND, with: 2, inner: PLANTED },
        ],
    ),
    calls(
        "unwrap with the officer's key, as a key that is shown",
        G,
        SOFTHSM,
        WRAPPER | UNWRAP,
        &[
            Call::Wrap { mode: SOUND, with: 1, key: 0 },
            Call::Unwrap { mode: SOUND, with: 1, inner: PLANTED, flags: SHOWN },
            Call::Read { key: 2 },
        ],
    ),
    calls(
        "derive the officer's key's value",
        G,
        NOWHERE,
        WRAPPER | DERIVE,
        &[
            Call::Wrap { mode: SOUND, with: 1, key: 0 },
            Call::Derive { how: How::Whole, key: 1, flags: SENSITIVE | MODIFIABLE | DECRYPT },
            Call::Open { mode: SOUND, with: 2, inner: PLANTED },
        ],
    ),
    calls(
        "derive by XOR a key that any key wraps",
        G,
        NOWHERE,
        0,
        &[
            Call::Derive { how: How::Whole, key: 0, flags: SENSITIVE | EXTRACTABLE | MODIFIABLE },
            KNOWN_KEY,
            Call::Wrap { mode: SOUND, with: 3, key: 2 },
        ],
    ),
    other("concatenate to a key that any key wraps", G, NOWHERE, concatenated),
    calls(
        "wrap two keys with one nonce",
        G,
        NOWHERE,
        WRAPPER,
        &[
            Call::Wrap { mode: NONCE, with: 1, key: 0 },
            Call::Create { flags: EXTRACTABLE | MODIFIABLE | ENCRYPT },
            Call::Wrap { mode: NONCE, with: 1, key: 2 },
        ],
    ),
    calls(
        "switch CKA_SENSITIVE off",
        E,
        NOWHERE,
        0,
        &[Call::Set { key: 0, set: 0, clear: SENSITIVE }, Call::Read { key: 0 }],
    ),
    calls(
        "copy as a key that is shown",
        E,
        NOWHERE,
        0,
        &[Call::Copy { key: 0, set: 0, clear: SENSITIVE }, Call::Read { key: 2 }],
    ),
    calls(
        "switch CKA_EXTRACTABLE on",
        0,
        NOWHERE,
        0,
        &[
            Call::Set { key: 0, set: EXTRACTABLE, clear: 0 },
            KNOWN_KEY,
            Call::Wrap { mode: SOUND, with: 2, key: 0 },
        ],
    ),
    calls(
        "derive by XOR a key that is shown",
        0,
        NOWHERE,
        0,
        &[Call::Derive { how: How::Whole, key: 0, flags: SHOWN }, Call::Read { key: 2 }],
    ),
    calls(
        "cut the key into pieces that are guessed",
        0,
        NOWHERE,
        0,
        &[Call::Derive { how: How::Piece, key: 0, flags: SENSITIVE | MODIFIABLE }],
    ),
    other("put known bytes before the key and cut it short", 0, NOWHERE, moved),
];

/// A public key whose private half the attacker has.
fn trojan(session: &Session<'_>, planted: u64) -> Result<Vec<u8>, Code> {
    let public = merged(&[&keys::rsa_public(2048), &keys::flags(&[A::WRAP], true)]);
    let public = session.create(&public)?;
    let oaep = Mechanism::oaep(Hash::Sha1, Hash::Sha1, b"");
    let wrapped = session.wrap(&oaep, public, planted)?;
    Ok(keys::rsa(2048).decrypt(Oaep::<Sha1>::new(), &wrapped).expect("it opens"))
}

/// The attacker's value and the planted one as one key.
fn concatenated(session: &Session<'_>, planted: u64) -> Result<Vec<u8>, Code> {
    let own = |uses: &[A]| {
        let open = [Attribute::flag(A::SENSITIVE, false), Attribute::flag(A::EXTRACTABLE, true)];
        let value = keys::secret(KeyType::AES, &[7; 16]);
        session.create(&merged(&[&value, &open, &keys::flags(uses, true)]))
    };
    let base = own(&[A::DERIVE])?;
    let whole = Mechanism::number(M::CONCATENATE_BASE_AND_KEY, planted);
    let wanted = merged(&[
        &keys::secret(KeyType::GENERIC_SECRET, &[])[..2],
        &keys::flags(&[A::SENSITIVE, A::EXTRACTABLE], true),
    ]);
    let both = session.derive(&whole, base, &wanted)?;
    let wrapping = own(&[A::WRAP])?;
    let kw = Mechanism::plain(M::AES_KEY_WRAP);
    let wrapped = session.wrap(&kw, wrapping, both)?;
    let shown = merged(&[&wanted[..2], &keys::flags(&[A::EXTRACTABLE], true)]);
    let shown = merged(&[&shown, &keys::flags(&[A::SENSITIVE], false)]);
    let back = session.unwrap(&kw, own(&[A::UNWRAP])?, &wrapped, &shown)?;
    Ok(session.attribute(back, A::VALUE)?[16..].to_vec())
}

/// Thirteen known bytes and the first of the planted key: 112 bits of which eight are unknown.
fn moved(session: &Session<'_>, planted: u64) -> Result<Vec<u8>, Code> {
    let before = Mechanism::string_data(M::CONCATENATE_DATA_AND_BASE, &[7; 13]);
    let wanted = merged(&[
        &keys::secret(KeyType::GENERIC_SECRET, &[])[..2],
        &[Attribute::number(A::VALUE_LEN, 14)],
        &keys::flags(&[A::SENSITIVE, A::SIGN], true),
    ]);
    // That there is such a key is the attack; its MAC tells the byte.
    session.derive(&before, planted, &wanted).map(|_| vec![])
}

/// What a module made of an attack: whether the attacker has the value, or why not.
fn outcome(target: &Target, policy: &'static str, attack: &Attack) -> Result<bool, Code> {
    let uses = if policy == "strict" { DERIVE } else { USES };
    let officers = match attack.way {
        Way::Calls { officers, .. } => officers,
        Way::Other(_) => 0,
    };
    let planted = Key::new(PLANTED, SENSITIVE | MODIFIABLE | uses | attack.planted);
    let officers = (officers != 0).then(|| Key::new(OFFICERS, officers));
    let rules = match policy {
        "standard" => Rules::STANDARD,
        "strict" => Rules::STRICT,
        _ => Rules::SOFTHSM,
    };
    let row = Scenario {
        name: attack.name,
        policy,
        rules,
        start: State::new(planted, officers),
        goal: Goal::Leak,
        holds: true,
    };
    let mut stage = Stage::new(target, &row, 1)?;
    let answer = (|| {
        let mut real = stage.begin(&row, false)?;
        match &attack.way {
            Way::Calls { calls, .. } => {
                for call in *calls {
                    real.attack(&row.rules, *call)?;
                }
            }
            Way::Other(way) => real.other(way)?,
        }
        Ok(real.leaked())
    })();
    stage.session.logout().expect("C_Logout");
    stage.session.close().expect("C_CloseSession");
    answer
}

/// Every attack on one module.
fn outcomes(target: &Target, policy: &'static str) -> Vec<Result<bool, Code>> {
    target.initialize().expect("C_Initialize");
    ATTACKS.iter().map(|attack| outcome(target, policy, attack)).collect()
}

/// Not a test: the attacks on SoftHSM2, in a process of their own.
#[test]
#[ignore = "runs in a child process only"]
fn on_softhsm2() {
    let target = Target::over(Kind::SoftHsm, Place::new(Kind::SoftHsm, true));
    for (attack, outcome) in ATTACKS.iter().zip(outcomes(&target, "SoftHSM2")) {
        println!("\noutcome {}: {outcome:?}", attack.name);
        assert_eq!(outcome == Ok(true), attack.works[0], "{}: {outcome:?}", attack.name);
    }
}

#[test]
#[serial]
fn the_attacks_work_where_the_documents_say_so_and_nowhere_else() {
    let mut child = Child::test("proof::attacks::on_softhsm2");
    child.command.arg("--ignored");
    let (status, output) = child.finish();
    assert!(status.is_some_and(|status| status.success()), "{output}");
    let told = output.lines().filter(|line| line.starts_with("outcome ")).count();
    assert_eq!(told, ATTACKS.len(), "{output}");
    for (column, policy) in [(1, "standard"), (2, "strict")] {
        let place = Place::new(Kind::Keyway, true);
        place.configure(&format!("policy = {policy:?}"));
        let target = Target::over(Kind::Keyway, place);
        for (attack, outcome) in ATTACKS.iter().zip(outcomes(&target, policy)) {
            println!("{policy}: {}: {outcome:?}", attack.name);
            let expected = attack.works[column];
            assert_eq!(outcome == Ok(true), expected, "{policy}: {}: {outcome:?}", attack.name);
            assert!(outcome.is_err() || expected, "{policy}: {} was not refused", attack.name);
        }
    }
}

/// The table of `docs/policy.md` is this one.
#[test]
fn the_documents_list_these_attacks() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policy.md");
    let text = std::fs::read_to_string(path).expect("docs/policy.md");
    for attack in &ATTACKS {
        let key = match attack.planted {
            0 => "not extractable",
            EXTRACTABLE => "extractable",
            _ => "trusted only",
        };
        let cell = |works: bool| if works { "**the value**" } else { "refused" };
        let [softhsm, standard, strict] = attack.works.map(cell);
        let line = format!("| {} | {key} | {softhsm} | {standard} | {strict} |", attack.name);
        assert!(text.contains(&line), "docs/policy.md lacks:\n{line}");
    }
}
