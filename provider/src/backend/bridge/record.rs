//! What is kept above the bridge of a key of an inner token: state, roles and dates.
//!
//! It lies on that token, in data objects of its own, and never changes there: another record takes
//! its place. Of several that are there the stricter one holds in each respect, so that no crash
//! between two calls, and no other writer, makes a key freer than it was.

use crate::attribute::{AttributeType, Attributes, ObjectClass, Value};
use crate::error::{Code, Result};
use crate::ffi::awslc::sealing::sha256;
use crate::lifecycle::period::shortens;
use crate::lifecycle::state::State;
use crate::store::fields::{fields, put};

/// CKA_APPLICATION of a record.
pub(super) const APPLICATION: &[u8] = b"keyway-state";
/// What its CKA_LABEL begins with.
const LABEL: &str = "keyway-state:";

const FORMAT: u8 = 1;
const STATE: u8 = 2;
const START: u8 = 3;
const END: u8 = 4;
const ROLES: u8 = 5;
const PUBLIC: u8 = 6;

const DATES: [AttributeType; 2] = [AttributeType::START_DATE, AttributeType::END_DATE];

/// What a key's token does not keep of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) state: State,
    /// Each a `CK_DATE`, or nothing.
    dates: [Vec<u8>; 2],
    roles: u64,
}

/// A digest of the modulus or the point of a key.
pub(super) type Public = [u8; 32];

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kept: Kept,
    /// The one key of its name that it is about, if that shows a public part.
    pub(super) public: Option<Public>,
}

/// What a key is known by before it is made: class, type and CKA_ID, or the label of a key without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    class: u64,
    key_type: u64,
    by: AttributeType,
    value: Vec<u8>,
}

impl Default for Kept {
    fn default() -> Self {
        Self { state: State::Active, dates: Default::default(), roles: 0 }
    }
}

impl Kept {
    /// What of a key's attributes its token does not keep.
    pub(super) fn of(attributes: &Attributes) -> Self {
        if !attributes.class().is_some_and(ObjectClass::is_key) {
            return Self::default();
        }
        let date = |id| attributes.bytes(id).unwrap_or_default().to_vec();
        Self {
            state: State::of(attributes),
            dates: DATES.map(date),
            roles: attributes.number(AttributeType::KEYWAY_ROLES).unwrap_or(0),
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Both at once.
    pub(super) fn join(&self, other: &Self) -> Self {
        let date = |at: usize| {
            let (ours, theirs) = (&self.dates[at], &other.dates[at]);
            stricter(DATES[at], ours, theirs).to_vec()
        };
        Self {
            state: self.state.stricter(other.state),
            dates: [date(0), date(1)],
            roles: self.roles | other.roles,
        }
    }

    /// Whether it allows no more than `other`.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.join(other) == *self
    }

    /// The same but for the roles.
    pub(super) fn without_roles(&self) -> Self {
        Self { roles: 0, ..self.clone() }
    }

    /// Gives a key's attributes what is kept of it; of two dates the stricter one.
    pub(super) fn show(&self, attributes: &mut Attributes) {
        attributes.set(AttributeType::KEYWAY_STATE, Value::Number(self.state.number()));
        for (id, date) in DATES.into_iter().zip(&self.dates).filter(|(_, date)| !date.is_empty()) {
            let own = attributes.bytes(id).unwrap_or_default().to_vec();
            attributes.set(id, Value::bytes(stricter(id, &own, date)));
        }
        if self.roles != 0 {
            let roles = self.roles | attributes.number(AttributeType::KEYWAY_ROLES).unwrap_or(0);
            attributes.set(AttributeType::KEYWAY_ROLES, Value::Number(roles));
        }
    }
}

/// Whether this attribute of an object is kept here: state, roles and dates of keys. SoftHSM2 2.6.1
/// for one takes the dates of a private key and cannot read them again.
pub(super) fn is_kept(id: AttributeType, object: &Attributes) -> bool {
    let ours = [AttributeType::KEYWAY_STATE, AttributeType::KEYWAY_ROLES].contains(&id);
    ours || DATES.contains(&id) && object.class().is_some_and(ObjectClass::is_key)
}

/// Of two dates the one that leaves fewer days.
fn stricter<'a>(id: AttributeType, ours: &'a [u8], theirs: &'a [u8]) -> &'a [u8] {
    match shortens(id, ours, &Value::bytes(theirs)) {
        true => theirs,
        false => ours,
    }
}

/// A digest of what is public of a key, and stays.
pub(super) fn public(attributes: &Attributes) -> Option<Public> {
    [AttributeType::MODULUS, AttributeType::EC_POINT].into_iter().find_map(|id| {
        let value = attributes.bytes(id).filter(|value| !value.is_empty())?;
        Some(sha256(&[b"keyway public part", &id.0.to_be_bytes(), value]))
    })
}

impl Record {
    /// Whether it is about the key of its name with this public part.
    pub(super) fn is_about(&self, public: Option<&Public>) -> bool {
        !matches!((&self.public, public), (Some(ours), Some(theirs)) if ours != theirs)
    }

    fn written(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(&mut bytes, FORMAT, &[1]);
        put(&mut bytes, STATE, &[self.kept.state.number() as u8]);
        let [start, end] = &self.kept.dates;
        for (field, value) in [(START, &start[..]), (END, &end[..])] {
            if !value.is_empty() {
                put(&mut bytes, field, value);
            }
        }
        if self.kept.roles != 0 {
            put(&mut bytes, ROLES, &self.kept.roles.to_be_bytes());
        }
        if let Some(public) = &self.public {
            put(&mut bytes, PUBLIC, public);
        }
        bytes
    }

    /// One that cannot be read holds its keys to be compromised.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let closed = Kept { state: State::Compromised, ..Kept::default() };
        Self::parse(bytes).unwrap_or_else(|| {
            log::error!("a record of a key's state cannot be read: the key counts as compromised");
            Self { kept: closed, public: None }
        })
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let fields = fields(bytes)?;
        let find = |wanted| fields.iter().find(|(field, _)| *field == wanted).map(|row| row.1);
        let date = |field| match find(field).unwrap_or_default() {
            date if date.is_empty() || date.len() == 8 => Some(date.to_vec()),
            _ => None,
        };
        let (Some([1]), Some([state])) = (find(FORMAT), find(STATE)) else { return None };
        let roles = match find(ROLES) {
            Some(roles) => u64::from_be_bytes(roles.try_into().ok()?),
            None => 0,
        };
        let public = find(PUBLIC).map(Public::try_from).transpose().ok()?;
        let state = State::numbered(u64::from(*state))?;
        Some(Self { kept: Kept { state, dates: [date(START)?, date(END)?], roles }, public })
    }

    /// The object that it is on the token, as private as its key.
    pub(super) fn object(&self, name: &Name, private: bool) -> Attributes {
        [
            (AttributeType::CLASS, Value::Number(ObjectClass::DATA.0)),
            (AttributeType::TOKEN, Value::Bool(true)),
            (AttributeType::PRIVATE, Value::Bool(private)),
            (AttributeType::MODIFIABLE, Value::Bool(false)),
            (AttributeType::LABEL, Value::bytes(name.label())),
            (AttributeType::APPLICATION, Value::bytes(APPLICATION)),
            (AttributeType::VALUE, Value::bytes(self.written())),
        ]
        .into_iter()
        .collect()
    }
}

/// Whether an object is such a record.
pub(super) fn is_record(attributes: &Attributes) -> bool {
    attributes.class() == Some(ObjectClass::DATA)
        && attributes.bytes(AttributeType::APPLICATION) == Some(APPLICATION)
}

impl Name {
    /// `None` for what is no key of the token.
    pub(super) fn of(attributes: &Attributes) -> Option<Self> {
        let class = attributes.class().filter(|class| class.is_key())?.0;
        if !attributes.is_true(AttributeType::TOKEN) {
            return None;
        }
        let key_type = attributes.key_type()?.0;
        let find = |id| attributes.bytes(id).filter(|value| !value.is_empty());
        let (by, value) = match find(AttributeType::ID) {
            Some(id) => (AttributeType::ID, id),
            None => (AttributeType::LABEL, find(AttributeType::LABEL).unwrap_or_default()),
        };
        Some(Self { class, key_type, by, value: value.to_vec() })
    }

    /// CKA_LABEL of the key's records.
    pub(super) fn label(&self) -> Vec<u8> {
        let numbers = [self.class, self.key_type, self.by.0].map(u64::to_be_bytes).concat();
        let digest = sha256(&[b"keyway state record", &numbers, &self.value]);
        format!("{LABEL}{}", hex::encode(&digest[..16])).into_bytes()
    }

    /// What finds its records.
    pub(super) fn records(&self) -> Attributes {
        let mut query = records();
        query.set(AttributeType::LABEL, Value::bytes(self.label()));
        query
    }

    /// What finds every key of this name, and perhaps others.
    pub(super) fn keys(&self) -> Attributes {
        let mut query: Attributes = [
            (AttributeType::CLASS, Value::Number(self.class)),
            (AttributeType::TOKEN, Value::Bool(true)),
            (AttributeType::KEY_TYPE, Value::Number(self.key_type)),
        ]
        .into_iter()
        .collect();
        if !self.value.is_empty() {
            query.set(self.by, Value::bytes(&self.value[..]));
        }
        query
    }
}

/// What finds every record.
pub(super) fn records() -> Attributes {
    [
        (AttributeType::CLASS, Value::Number(ObjectClass::DATA.0)),
        (AttributeType::TOKEN, Value::Bool(true)),
        (AttributeType::APPLICATION, Value::bytes(APPLICATION)),
    ]
    .into_iter()
    .collect()
}

/// What makes the records of a name say something else of one of its keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// What to write first, if anything.
    pub(super) write: Option<Record>,
    /// Which of the records there are then go.
    pub(super) remove: Vec<usize>,
}

impl Plan {
    /// `others` are the public parts of the other keys of the name, of those that show one.
    ///
    /// # Errors
    /// TemplateInconsistent where other keys would be bound as well, or where their records bind
    /// this one.
    pub(super) fn new(
        there: &[Record],
        others: &[Option<Public>],
        public: Option<Public>,
        wanted: &Kept,
    ) -> Result<Self> {
        let serves = |record: &Record| others.iter().any(|other| record.is_about(other.as_ref()));
        let (stay, remove): (Vec<usize>, _) = (0..there.len()).partition(|at| serves(&there[*at]));
        let bound = effective(stay.into_iter().map(|at| &there[at]), public.as_ref());
        let record = Record { kept: wanted.clone(), public };
        let refused = |why| {
            Err(Code::TemplateInconsistent.because(format!(
                "{why} another key of the same class, type and CKA_ID (of those without, label) on \
                 the token behind the bridge: give each key a CKA_ID of its own"
            )))
        };
        match bound == *wanted {
            true => Ok(Self { write: None, remove }),
            false if !wanted.covers(&bound) => refused("what holds this key's state also holds"),
            false if serves(&record) => refused("the state of the key would also bind"),
            false => Ok(Self { write: Some(record), remove }),
        }
    }
}

/// What records say of the key with this public part, together.
pub(super) fn effective<'a>(
    records: impl Iterator<Item = &'a Record>,
    public: Option<&Public>,
) -> Kept {
    let about = records.filter(|record| record.is_about(public));
    about.fold(Kept::default(), |kept, record| kept.join(&record.kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::KeyType;

    fn kept(state: State) -> Kept {
        Kept { state, ..Kept::default() }
    }

    fn record(state: State, public: Option<u8>) -> Record {
        Record { kept: kept(state), public: public.map(|byte| [byte; 32]) }
    }

    fn all() -> Vec<Kept> {
        let states = State::ALL.into_iter();
        let mut all: Vec<_> = states.map(|(state, _)| kept(state)).collect();
        all.push(Kept { dates: [b"20260101".to_vec(), b"20270101".to_vec()], ..Kept::default() });
        all.push(Kept { dates: [b"20250101".to_vec(), Vec::new()], roles: 5, ..Kept::default() });
        all
    }

    #[test]
    fn a_record_reads_as_it_was_written_and_damage_closes_the_key() {
        for kept in all() {
            for public in [None, Some([7; 32])] {
                let record = Record { kept: kept.clone(), public };
                let bytes = record.written();
                assert_eq!(Record::read(&bytes), record);
                for len in 0..bytes.len() {
                    let cut = Record::read(&bytes[..len]);
                    assert!(cut == record || cut.kept.state == State::Compromised || len >= 12);
                }
            }
        }
        let mut later = Vec::new();
        put(&mut later, FORMAT, &[2]);
        put(&mut later, STATE, &[2]);
        assert_eq!(Record::read(&later).kept.state, State::Compromised);
    }

    #[test]
    fn of_several_records_each_may_only_take() {
        for a in all() {
            assert!(a.join(&Kept::default()) == a && a.join(&a) == a);
            for b in all() {
                let both = a.join(&b);
                assert_eq!(both, b.join(&a));
                assert!(both.covers(&a) && both.covers(&b));
            }
        }
    }

    #[test]
    fn a_change_is_written_before_what_it_replaces_goes() {
        let there = [record(State::Suspended, None)];
        let plan = |wanted| Plan::new(&there, &[], None, &kept(wanted)).unwrap();
        let write = Some(record(State::Compromised, None));
        assert_eq!(plan(State::Compromised), Plan { write, remove: vec![0] });
        assert_eq!(plan(State::Active), Plan { write: None, remove: vec![0] });
    }

    #[test]
    fn nothing_that_is_done_to_a_key_does_something_to_another() {
        let (this, other) = (Some([1; 32]), Some([2; 32]));
        let suspended = kept(State::Suspended);
        // Nothing tells them apart.
        assert!(Plan::new(&[], &[None], None, &suspended).is_err());
        assert!(Plan::new(&[], &[other], None, &suspended).is_err());
        // Their public parts do; what binds both stays, and cannot be lifted.
        let plan = Plan::new(&[], &[other], this, &suspended).unwrap();
        assert_eq!(plan.write, Some(record(State::Suspended, Some(1))));
        let shared = [record(State::Suspended, None)];
        let plan = Plan::new(&shared, &[other], this, &suspended).unwrap();
        assert_eq!(plan, Plan { write: None, remove: vec![] });
        assert!(Plan::new(&shared, &[other], this, &kept(State::Active)).is_err());
        // What is about a key that is gone is cleared away.
        let stale = [record(State::Compromised, Some(3))];
        let plan = Plan::new(&stale, &[other], this, &kept(State::Active)).unwrap();
        assert_eq!(plan, Plan { write: None, remove: vec![0] });
    }

    #[test]
    fn a_key_is_named_by_what_it_has_from_the_first() {
        let key = |id: &[u8], label: &[u8]| {
            Attributes::from_iter([
                (AttributeType::CLASS, Value::Number(ObjectClass::SECRET_KEY.0)),
                (AttributeType::KEY_TYPE, Value::Number(KeyType::AES.0)),
                (AttributeType::TOKEN, Value::Bool(true)),
                (AttributeType::ID, Value::bytes(id)),
                (AttributeType::LABEL, Value::bytes(label)),
            ])
        };
        let label = |id, label| Name::of(&key(id, label)).unwrap().label();
        assert_eq!(label(b"1", b"a"), label(b"1", b"b"));
        assert_ne!(label(b"1", b"a"), label(b"2", b"a"));
        assert_ne!(label(b"", b"a"), label(b"", b"b"));
        assert_ne!(label(b"", b"a"), label(b"a", b""));
        let mut session = key(b"1", b"");
        session.set(AttributeType::TOKEN, Value::Bool(false));
        assert_eq!(Name::of(&session), None);
    }
}
