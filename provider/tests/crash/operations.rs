//! Everything that changes a token: the ground it needs, its steps, and what each leads to.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use keyway_pkcs11::admin::Admin;
use keyway_pkcs11::admin::backup::{Backup, restore};
use keyway_pkcs11::admin::root::Meant;
use keyway_pkcs11::attribute::ObjectClass;
use keyway_pkcs11::backend::Pin;

use crate::check::{self, BACKUP, FAILURES, OFFICER_PIN, TOKEN, USER_PIN, USES, World};
use crate::ground::{CHEAP, config};
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Flags, Function, KeyType, Mechanism, MechanismType as M,
    Session, Who, keys,
};
use crate::server::Stage;

pub const SO: &str = "officer";
pub const USER: &str = "user-pin";
const NEW: &str = "another pin";
pub const PASSPHRASE: &[u8] = b"correct horse battery staple";
const LABEL: &str = "crash";
const SUSPENDED: u64 = 3;
const COMPROMISED: u64 = 5;

const SECRET: ObjectClass = ObjectClass::SECRET_KEY;

pub struct Operation {
    pub name: &'static str,
    pub prepare: fn(&Stage<'_>),
    /// Calls [`Stage::step`] for each change that it makes.
    pub run: fn(&Stage<'_>),
    /// What a step leads to.
    pub effect: fn(&mut World, usize),
    /// Whether other processes may have the token open meanwhile.
    pub others: bool,
    /// Whether the events stay those that there were.
    pub history: bool,
    /// Whether wrong PINs, and uses of keys, are looked at.
    pub counts: bool,
    pub uses: bool,
}

/// An operation that is like most.
const USUAL: Operation = Operation {
    name: "",
    prepare: token,
    run: |_| {},
    effect: |_, _| {},
    others: true,
    history: true,
    counts: false,
    uses: false,
};

fn put(world: &mut World, label: &str, class: ObjectClass, value: &str) {
    world.insert(check::name(label, class), value.to_owned());
}

fn set(world: &mut World, fact: &str, value: &str) {
    world.insert(fact.to_owned(), value.to_owned());
}

fn remove(world: &mut World, label: &str) {
    world.remove(&check::name(label, SECRET)).expect("it was there");
}

/// A token with both PINs and three keys.
fn token(stage: &Stage<'_>) {
    stage.target.init_token(1, SO, LABEL).expect("C_InitToken");
    let session = officer(stage);
    session.init_pin(USER).expect("C_InitPIN");
    session.logout().expect("C_Logout");
    session.login(Who::User, USER).expect("C_Login");
    let all = [A::ENCRYPT, A::DECRYPT, A::WRAP, A::UNWRAP, A::SIGN, A::DERIVE, A::EXTRACTABLE];
    for label in ["kek", "base", "victim"] {
        session.create(&aes(label, &keys::flags(&all, true))).expect("a key");
    }
    session.logout().expect("C_Logout");
}

/// What [`token`] makes.
fn whole(world: &mut World) {
    set(world, TOKEN, LABEL);
    set(world, USER_PIN, USER);
    set(world, OFFICER_PIN, SO);
    for label in ["kek", "base", "victim"] {
        put(world, label, SECRET, "id 1");
    }
}

fn on_token(label: &str) -> Vec<Attribute> {
    vec![
        Attribute::flag(A::TOKEN, true),
        Attribute::text(A::LABEL, label),
        Attribute::text(A::ID, "1"),
    ]
}

fn aes(label: &str, more: &[Attribute]) -> Vec<Attribute> {
    merged(&[&keys::secret(KeyType::AES, &[7; 32]), &on_token(label), more])
}

fn officer<'t>(stage: &Stage<'t>) -> Session<'t> {
    let session = stage.target.open(Flags::ReadWrite).expect("C_OpenSession");
    session.login(Who::SecurityOfficer, SO).expect("C_Login of the SO");
    session
}

fn user<'t>(stage: &Stage<'t>) -> Session<'t> {
    let session = stage.target.open(Flags::ReadWrite).expect("C_OpenSession");
    session.login(Who::User, USER).expect("C_Login");
    session
}

fn find(session: &Session<'_>, label: &str) -> u64 {
    session.find(&[Attribute::text(A::LABEL, label)]).expect("a search")[0]
}

fn admin(stage: &Stage<'_>) -> Admin {
    Admin::among(&config(&stage.directory.join("tokens")), None).expect("the token")
}

fn back_up(stage: &Stage<'_>) {
    let out = &stage.directory.join("token.backup");
    let pin = Some(Pin(USER.as_bytes()));
    admin(stage)
        .back_up(&Backup { out, passphrase: PASSPHRASE, pin, cost: CHEAP })
        .expect("a backup");
}

fn put_back(stage: &Stage<'_>, replace: bool) {
    let (tokens, from) = (stage.directory.join("tokens"), stage.directory.join("token.backup"));
    restore(&config(&tokens), &from, PASSPHRASE, replace).expect("restored");
}

/// So many changes in the log that a login, which makes two, and one more bring it home
/// (`LOG_CHANGES`).
fn full_log(stage: &Stage<'_>) {
    token(stage);
    let epoch = File::options().write(true).open(stage.directory.join("tokens/token-1.epoch"));
    epoch.expect("the epoch").write_all_at(&197_u64.to_ne_bytes(), 8).expect("written");
}

/// Two changes: the first brings the log home, the second begins it anew.
fn two_keys(stage: &Stage<'_>) {
    let session = user(stage);
    for (n, label) in ["new 0", "new 1"].into_iter().enumerate() {
        stage.step(n, || session.create(&aes(label, &[])).expect("C_CreateObject"));
    }
}

/// The threads of a group, and the keys that each makes.
const THREADS: usize = 4;
const KEYS: usize = 2;

fn group(stage: &Stage<'_>) {
    let first = user(stage);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let first = &first;
            scope.spawn(move || {
                let session = first.another(Flags::ReadWrite).expect("C_OpenSession");
                for n in thread * KEYS..(thread + 1) * KEYS {
                    let template = aes(&format!("new {n}"), &[]);
                    stage.step(n, || session.create(&template).expect("C_CreateObject"));
                }
            });
        }
    });
}

pub static OPERATIONS: &[Operation] = &[
    Operation {
        name: "C_InitToken in a new directory, C_InitPIN",
        prepare: |_| {},
        run: |stage| {
            stage.step(0, || stage.target.init_token(1, SO, LABEL).expect("C_InitToken"));
            let session = officer(stage);
            stage.step(1, || session.init_pin(USER).expect("C_InitPIN"));
        },
        effect: |world, step| match step {
            0 => {
                set(world, TOKEN, LABEL);
                set(world, OFFICER_PIN, SO);
            }
            _ => set(world, USER_PIN, USER),
        },
        others: false,
        ..USUAL
    },
    Operation {
        name: "C_InitToken again",
        run: |stage| {
            stage.step(0, || stage.target.init_token(1, SO, "again").expect("C_InitToken"));
        },
        effect: |world, _| {
            world.retain(|name, _| !name.contains('/') && name != USER_PIN);
            set(world, TOKEN, "again");
        },
        others: false,
        ..USUAL
    },
    Operation {
        name: "C_InitPIN of a forgotten PIN (token unlock)",
        run: |stage| {
            let session = officer(stage);
            stage.step(0, || session.init_pin(NEW).expect("C_InitPIN"));
        },
        effect: |world, _| set(world, USER_PIN, NEW),
        ..USUAL
    },
    Operation {
        name: "C_SetPIN of the user (token change-pin)",
        run: |stage| {
            let session = user(stage);
            stage.step(0, || session.set_pin(USER, NEW).expect("C_SetPIN"));
        },
        effect: |world, _| set(world, USER_PIN, NEW),
        ..USUAL
    },
    Operation {
        name: "C_SetPIN of the security officer",
        run: |stage| {
            let session = officer(stage);
            stage.step(0, || session.set_pin(SO, NEW).expect("C_SetPIN"));
        },
        effect: |world, _| set(world, OFFICER_PIN, NEW),
        ..USUAL
    },
    Operation {
        name: "C_Login with a wrong PIN",
        run: |stage| {
            let session = stage.target.open(Flags::ReadWrite).expect("C_OpenSession");
            for step in 0..2 {
                let answer = stage.step(step, || session.login(Who::User, "wrong"));
                assert_eq!(answer, Err(Code::PinIncorrect));
            }
        },
        effect: |world, _| {
            let before: u32 = world[FAILURES].parse().expect("a number");
            set(world, FAILURES, &(before + 1).to_string());
        },
        others: false,
        counts: true,
        ..USUAL
    },
    Operation {
        name: "C_CreateObject, private and public",
        run: |stage| {
            let session = user(stage);
            stage.step(0, || session.create(&aes("new", &[])).expect("C_CreateObject"));
            let data = merged(&[&keys::data("data", b"value"), &[Attribute::flag(A::TOKEN, true)]]);
            stage.step(1, || session.create(&data).expect("C_CreateObject"));
        },
        effect: |world, step| match step {
            0 => put(world, "new", SECRET, "id 1"),
            _ => put(world, "data", ObjectClass::DATA, "id "),
        },
        ..USUAL
    },
    Operation {
        name: "C_CreateObject without a login, C_Login",
        run: |stage| {
            let session = stage.target.open(Flags::ReadWrite).expect("C_OpenSession");
            let data = merged(&[&keys::data("data", b"value"), &[Attribute::flag(A::TOKEN, true)]]);
            stage.step(0, || session.create(&data).expect("C_CreateObject"));
            session.login(Who::User, USER).expect("C_Login, which vouches for it");
        },
        effect: |world, _| put(world, "data", ObjectClass::DATA, "id "),
        others: false,
        ..USUAL
    },
    Operation {
        name: "C_GenerateKey",
        run: |stage| {
            let (session, mechanism) = (user(stage), Mechanism::plain(M::AES_KEY_GEN));
            let template = merged(&[&on_token("new"), &[Attribute::number(A::VALUE_LEN, 32)]]);
            stage.step(0, || session.generate(&mechanism, &template).expect("C_GenerateKey"));
        },
        effect: |world, _| put(world, "new", SECRET, "id 1"),
        ..USUAL
    },
    Operation {
        name: "C_GenerateKeyPair",
        run: |stage| {
            let (session, both) = (user(stage), on_token("new"));
            stage.step(0, || session.ec_with(keys::P256, &both, &both).expect("C_GenerateKeyPair"));
        },
        effect: |world, _| {
            put(world, "new", ObjectClass::PUBLIC_KEY, "id 1");
            put(world, "new", ObjectClass::PRIVATE_KEY, "id 1");
        },
        ..USUAL
    },
    Operation {
        name: "C_CopyObject",
        run: |stage| {
            let session = user(stage);
            let from = find(&session, "victim");
            let label = [Attribute::text(A::LABEL, "new")];
            stage.step(0, || session.copy(from, &label).expect("C_CopyObject"));
        },
        effect: |world, _| put(world, "new", SECRET, "id 1"),
        ..USUAL
    },
    Operation {
        name: "C_SetAttributeValue of label and id",
        run: |stage| {
            let session = user(stage);
            let key = find(&session, "victim");
            let other = [Attribute::text(A::LABEL, "renamed"), Attribute::text(A::ID, "2")];
            stage.step(0, || session.set(key, &other).expect("C_SetAttributeValue"));
        },
        effect: |world, _| {
            remove(world, "victim");
            put(world, "renamed", SECRET, "id 2");
        },
        ..USUAL
    },
    Operation {
        name: "C_SetAttributeValue of the state of a key",
        run: |stage| {
            let session = user(stage);
            let key = find(&session, "victim");
            for (step, state) in [SUSPENDED, COMPROMISED].into_iter().enumerate() {
                let state = [Attribute::number(A::KEYWAY_STATE, state)];
                stage.step(step, || session.set(key, &state).expect("C_SetAttributeValue"));
            }
        },
        effect: |world, step| {
            let state = [SUSPENDED, COMPROMISED][step];
            put(world, "victim", SECRET, &format!("id 1, state {state}"));
        },
        ..USUAL
    },
    Operation {
        name: "key recover",
        prepare: |stage| {
            token(stage);
            let session = user(stage);
            let state = [Attribute::number(A::KEYWAY_STATE, COMPROMISED)];
            session.set(find(&session, "victim"), &state).expect("compromised");
        },
        run: |stage| {
            let (so, pin) = (Pin(SO.as_bytes()), Pin(USER.as_bytes()));
            let recovered = stage.step(0, || admin(stage).recover("victim", so, pin));
            assert_eq!(recovered.expect("recovered").len(), 1);
        },
        effect: |world, _| put(world, "victim", SECRET, "id 1, state 4"),
        ..USUAL
    },
    Operation {
        name: "C_DestroyObject, C_Logout",
        run: |stage| {
            let session = user(stage);
            let key = find(&session, "victim");
            stage.step(0, || session.destroy(key).expect("C_DestroyObject"));
            session.logout().expect("C_Logout, which empties the log");
        },
        effect: |world, _| remove(world, "victim"),
        ..USUAL
    },
    Operation {
        name: "C_WrapKey, C_UnwrapKey",
        run: |stage| {
            let (session, kwp) = (user(stage), Mechanism::plain(M::AES_KEY_WRAP_KWP));
            let kek = find(&session, "kek");
            let wrapped = stage.step(0, || session.wrap(&kwp, kek, find(&session, "victim")));
            let wrapped = wrapped.expect("C_WrapKey");
            let key = [Attribute::class(SECRET), Attribute::key_type(KeyType::AES)];
            let template = merged(&[&key, &on_token("new")]);
            stage.step(1, || session.unwrap(&kwp, kek, &wrapped, &template).expect("C_UnwrapKey"));
        },
        effect: |world, step| match step {
            0 => put(world, "kek", SECRET, "id 1, latched"),
            _ => put(world, "new", SECRET, "id 1"),
        },
        ..USUAL
    },
    Operation {
        name: "C_DeriveKey",
        run: |stage| {
            let (session, digest) = (user(stage), Mechanism::plain(M::SHA256_KEY_DERIVATION));
            let base = find(&session, "base");
            let kind = [Attribute::key_type(KeyType::AES), Attribute::number(A::VALUE_LEN, 32)];
            let template = merged(&[&on_token("new"), &kind]);
            stage.step(0, || session.derive(&digest, base, &template).expect("C_DeriveKey"));
        },
        effect: |world, _| put(world, "new", SECRET, "id 1"),
        ..USUAL
    },
    Operation {
        name: "the first use of a key decides its role",
        run: |stage| {
            let session = user(stage);
            let (kek, ecb) = (find(&session, "kek"), Mechanism::plain(M::AES_ECB));
            stage.step(0, || {
                session.run(Function::Encrypt, &ecb, kek, &[0; 16]).expect("C_Encrypt")
            });
        },
        effect: |world, _| put(world, "kek", SECRET, "id 1, latched"),
        ..USUAL
    },
    Operation {
        name: "the first use of a key is told",
        run: |stage| {
            let session = user(stage);
            let (key, cmac) = (find(&session, "victim"), Mechanism::plain(M::AES_CMAC));
            stage.step(0, || session.run(Function::Sign, &cmac, key, b"data").expect("C_Sign"));
        },
        effect: |world, _| {
            let before: u32 = world[USES].parse().expect("a number");
            set(world, USES, &(before + 1).to_string());
        },
        uses: true,
        ..USUAL
    },
    Operation {
        name: "eight keys of four sessions at once",
        run: group,
        effect: |world, step| put(world, &format!("new {step}"), SECRET, "id 1"),
        ..USUAL
    },
    Operation {
        name: "a commit that brings the log home",
        prepare: full_log,
        run: two_keys,
        effect: |world, step| put(world, &format!("new {step}"), SECRET, "id 1"),
        ..USUAL
    },
    Operation {
        name: "token rewrap",
        run: |stage| {
            let (so, pin) = (Pin(SO.as_bytes()), Some(Pin(USER.as_bytes())));
            let admin = admin(stage);
            let done = stage.step(0, || admin.rewrap(Meant::Nothing, Meant::Nothing, so, pin));
            done.expect("token rewrap");
        },
        ..USUAL
    },
    Operation {
        name: "token backup",
        run: |stage| stage.step(0, || back_up(stage)),
        effect: |world, _| set(world, BACKUP, "3"),
        ..USUAL
    },
    Operation {
        name: "token restore in a new directory",
        prepare: |stage| {
            token(stage);
            back_up(stage);
            fs::remove_dir_all(stage.directory.join("tokens")).expect("removed");
        },
        run: |stage| stage.step(0, || put_back(stage, false)),
        effect: |world, _| whole(world),
        others: false,
        ..USUAL
    },
    Operation {
        name: "token restore --replace",
        prepare: |stage| {
            token(stage);
            back_up(stage);
            let session = user(stage);
            session.create(&aes("later", &[])).expect("C_CreateObject");
        },
        run: |stage| stage.step(0, || put_back(stage, true)),
        effect: |world, _| remove(world, "later"),
        others: false,
        history: false,
        ..USUAL
    },
    Operation {
        name: "a token of format 1 is migrated",
        prepare: |stage| {
            let tokens = stage.directory.join("tokens");
            fs::create_dir(&tokens).expect("a directory");
            let old = include_bytes!("../store/token-v1.db");
            fs::write(tokens.join("token-1.db"), old).expect("written");
        },
        run: |stage| {
            let session = user(stage);
            stage.step(0, || session.create(&aes("new", &[])).expect("C_CreateObject"));
        },
        effect: |world, _| put(world, "new", SECRET, "id 1"),
        others: false,
        ..USUAL
    },
];
