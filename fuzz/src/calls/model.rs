//! The reference model: what a PKCS#11 application may expect of sessions, logins, operations and
//! object handles. It knows nothing of the module but what calls gave back.

use super::mechanism::Mech;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Public,
    User,
    Officer,
}

/// The kinds of operation that a session runs side by side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    Encrypt,
    Decrypt,
    Digest,
    Sign,
    Verify,
    SignRecover,
    VerifyRecover,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Whole,
    Update,
    Final,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Fresh,
    Single,
    Multi,
}

/// An operation between its Init and its end.
#[derive(Clone)]
pub struct Op {
    pub mech: &'static Mech,
    pub param: u64,
    /// The object that is the key; `None` for digests.
    pub key: Option<Serial>,
    /// The login under which a private key was chosen.
    pub login: Option<u64>,
    pub awaits: bool,
    pub mode: Mode,
    /// What it took, where that is known.
    pub data: Option<Vec<u8>>,
    /// Bytes of an unfinished block.
    pub pending: usize,
}

/// A running search: how many results are left, if that is known, and the login it began under.
pub struct Finding {
    pub left: Option<usize>,
    pub login: u64,
}

/// A message-based process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Messages {
    None,
    /// The model lost sight of it.
    Unsure,
    /// Between messages.
    Idle {
        key: Serial,
        login: Option<u64>,
    },
    /// In the middle of one.
    Running {
        key: Serial,
        login: Option<u64>,
    },
}

pub struct Session {
    pub handle: u64,
    pub read_write: bool,
    pub ops: [Option<Op>; 7],
    pub messages: [Messages; 7],
    pub finding: Option<Finding>,
}

impl Session {
    pub fn new(handle: u64, read_write: bool) -> Self {
        let ops = Default::default();
        Self { handle, read_write, ops, messages: [Messages::None; 7], finding: None }
    }
}

/// Tells objects apart, whatever their handles are.
pub type Serial = u32;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyKind {
    Aes,
    Generic,
    EcPrivate,
    EcPublic,
    /// A key of which nothing is foretold.
    Vague,
    /// No key at all.
    None,
}

/// An object that was made and not destroyed.
#[derive(Clone, Debug)]
pub struct Object {
    pub serial: Serial,
    /// 0 for a private token object since the last logout: it is there, and has no handle.
    pub handle: u64,
    pub unique: Vec<u8>,
    pub kind: KeyKind,
    pub private: bool,
    pub token: bool,
    /// The session that a session object belongs to.
    pub owner: u64,
    /// The classes that the usage attributes allow, a bit each.
    pub usage: u8,
    pub hidden: bool,
    pub destroyable: bool,
    pub trusted: bool,
    pub always_authenticate: bool,
}

/// Everything that the model knows.
pub struct Model {
    pub initialized: bool,
    pub role: Role,
    /// Moves with every login and logout.
    pub login: u64,
    pub sessions: Vec<Session>,
    /// Handles that were closed, and numbers that never were one.
    pub stale: Vec<u64>,
    pub objects: Vec<Object>,
    pub gone: Vec<u64>,
    pub user: Account,
    pub officer: Account,
    pub serial: Serial,
}

/// Whose PIN.
pub struct Account {
    pub pin: Option<Vec<u8>>,
    pub failures: u32,
}

impl Model {
    pub fn new(user: &[u8], officer: &[u8]) -> Self {
        let account = |pin: &[u8]| Account { pin: Some(pin.to_vec()), failures: 0 };
        Self {
            initialized: false,
            role: Role::Public,
            login: 0,
            sessions: Vec::new(),
            stale: vec![0, 1, u64::MAX],
            objects: Vec::new(),
            gone: vec![0, 1, u64::MAX],
            user: account(user),
            officer: account(officer),
            serial: 0,
        }
    }

    pub fn session(&mut self, handle: u64) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.handle == handle)
    }

    /// The object behind a handle, if the application may see it.
    pub fn object(&self, handle: u64) -> Option<&Object> {
        let object = self.objects.iter().find(|object| object.handle == handle && handle != 0)?;
        (!object.private || self.role == Role::User).then_some(object)
    }

    pub fn by_serial(&self, serial: Serial) -> Option<&Object> {
        let object = self.objects.iter().find(|object| object.serial == serial)?;
        let visible = object.handle != 0 && (!object.private || self.role == Role::User);
        visible.then_some(object)
    }

    /// How many objects a search for all of them finds now.
    pub fn visible(&self) -> usize {
        let visible = |object: &&Object| !object.private || self.role == Role::User;
        self.objects.iter().filter(visible).count()
    }

    pub fn logged_in(&mut self, role: Role) {
        self.role = role;
        self.login += 1;
    }

    /// "any of the application's handles to private objects become invalid (even if a user is
    /// later logged back into the token ...). In addition, all private session objects from
    /// sessions belonging to the application are destroyed" (C_Logout).
    pub fn logged_out(&mut self) {
        self.logged_in(Role::Public);
        for object in self.objects.iter_mut().filter(|object| object.private) {
            self.gone.push(object.handle);
            object.handle = 0;
        }
        self.objects.retain(|object| !object.private || object.token);
    }

    pub fn closed(&mut self, handle: u64) {
        self.sessions.retain(|session| session.handle != handle);
        self.stale.push(handle);
        for object in self.objects.iter().filter(|o| !o.token && o.owner == handle) {
            self.gone.push(object.handle);
        }
        self.objects.retain(|object| object.token || object.owner != handle);
        if self.sessions.is_empty() && self.role != Role::Public {
            self.logged_out();
        }
    }

    pub fn destroyed(&mut self, handle: u64) {
        self.objects.retain(|object| object.handle != handle);
        self.gone.push(handle);
    }

    /// Forgets the oldest of the handles that are none any more.
    pub fn tidy(&mut self) {
        for handles in [&mut self.stale, &mut self.gone] {
            if handles.len() > 24 {
                handles.drain(3..11);
            }
        }
    }
}
