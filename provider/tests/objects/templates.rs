//! Templates for every class and every way to make an object of it.

use keyway_pkcs11::attribute::abi;
use keyway_pkcs11::attribute::rule::{Act, Class, Kind, Rule};
use keyway_pkcs11::attribute::table::{CLASSES, subtype_attribute};
use keyway_pkcs11::attribute::{
    AttributeType, Attributes, Entry, KeyType, ObjectClass, Raw, Template, Value,
};
use keyway_pkcs11::error::{Code, Result};
use keyway_pkcs11::mechanism::{MechanismSpec, MechanismType};
use keyway_pkcs11::object::{self, Caller, Role};
use keyway_pkcs11::policy::Policy;

pub const USER: Caller = Caller { role: Role::User, read_write: true, policy: Policy::Standard };
pub const OFFICER: Caller =
    Caller { role: Role::SecurityOfficer, read_write: true, policy: Policy::Standard };
pub const NOBODY: Caller =
    Caller { role: Role::Public, read_write: true, policy: Policy::Standard };

pub const ACTS: [Act; 4] = [Act::Create, Act::Generate, Act::Unwrap, Act::Derive];

/// A template that owns its values.
#[derive(Clone, Debug, Default)]
pub struct Owned(Vec<(AttributeType, Bytes)>);

#[derive(Clone, Debug)]
enum Bytes {
    Plain(Vec<u8>),
    Nested(Owned),
}

impl Owned {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn bytes(mut self, id: AttributeType, value: &[u8]) -> Self {
        self.0.push((id, Bytes::Plain(value.to_vec())));
        self
    }

    pub fn flag(self, id: AttributeType, value: bool) -> Self {
        self.bytes(id, &[u8::from(value)])
    }

    pub fn number(self, id: AttributeType, value: u64) -> Self {
        self.bytes(id, &(value as pkcs11_sys::CK_ULONG).to_ne_bytes())
    }

    pub fn nested(mut self, id: AttributeType, value: Owned) -> Self {
        self.0.push((id, Bytes::Nested(value)));
        self
    }

    /// A value as the C interface would write it.
    pub fn value(self, id: AttributeType, value: &Value) -> Self {
        match value {
            Value::Template(nested) => {
                let nested = nested.iter().fold(Self::new(), |all, (id, v)| all.value(id, v));
                self.nested(id, nested)
            }
            value => self.bytes(id, &abi::written(value).expect("no nested template")),
        }
    }

    pub fn without(mut self, id: AttributeType) -> Self {
        self.0.retain(|row| row.0 != id);
        self
    }

    pub fn template(&self) -> Template<'_> {
        let entries = self.0.iter().map(|(id, bytes)| Entry {
            id: *id,
            value: match bytes {
                Bytes::Plain(bytes) => Raw::Bytes(bytes),
                Bytes::Nested(nested) => Raw::Template(nested.template()),
            },
        });
        Template { entries: entries.collect() }
    }
}

pub fn class(class: ObjectClass, key_type: KeyType) -> &'static Class {
    let found = CLASSES.iter().find(|row| row.class == class && row.subtype == Some(key_type.0));
    found.expect("a row of the table")
}

/// Whether objects of this kind are made this way.
pub fn is_made_by(class: &Class, act: Act) -> bool {
    match act {
        Act::Create => true,
        Act::Generate => !matches!(class.class, ObjectClass::DATA | ObjectClass::CERTIFICATE),
        Act::Unwrap => matches!(class.class, ObjectClass::PRIVATE_KEY | ObjectClass::SECRET_KEY),
        Act::Derive => class.class == ObjectClass::SECRET_KEY,
    }
}

/// Every kind of object with every way to make it.
pub fn ways() -> impl Iterator<Item = (&'static Class, Act)> {
    CLASSES
        .iter()
        .flat_map(|class| ACTS.map(|act| (class, act)))
        .filter(|(class, act)| is_made_by(class, *act))
}

/// A value that the rule takes and that is not its default.
pub fn sample(class: &Class, rule: &Rule) -> Value {
    match (rule.id, rule.kind) {
        (AttributeType::CLASS, _) => Value::Number(class.class.0),
        (id, _) if Some(id) == subtype_attribute(class.class) => {
            Value::Number(class.subtype.expect("a class with this attribute has a subtype"))
        }
        (AttributeType::VALUE_LEN, _) if class.subtype == Some(KeyType::AES_XTS.0) => {
            Value::Number(64)
        }
        (AttributeType::VALUE_LEN, _) => Value::Number(32),
        (AttributeType::TRUSTED | AttributeType::ALWAYS_AUTHENTICATE, _) => Value::Bool(false),
        // One that is not empty asks for more: `a_certificate_has_a_value_or_a_place_to_find_it`.
        (AttributeType::URL, _) => Value::bytes(*b""),
        (_, Kind::Bool) => {
            Value::Bool(rule.default != keyway_pkcs11::attribute::rule::Default::True)
        }
        (_, Kind::Number) => Value::Number(2),
        (_, Kind::Bytes | Kind::Secret) => Value::bytes([7; 32]),
        (_, Kind::Date) => Value::bytes(*b"20280229"),
        (_, Kind::Mechanisms) => Value::Mechanisms([MechanismType::AES_GCM.0].into()),
        (_, Kind::Template) => Value::Template(
            Attributes::from_iter([(AttributeType::SENSITIVE, Value::Bool(true))]).into(),
        ),
    }
}

/// What the footnotes require and nothing else.
pub fn minimal(class: &Class, act: Act) -> Owned {
    let mut owned = Owned::new();
    for rule in class.rules() {
        let identity = rule.id == AttributeType::CLASS && act == Act::Unwrap
            || rule.id == AttributeType::KEY_TYPE && act == Act::Derive;
        if rule.required(act) || identity {
            owned = owned.value(rule.id, &sample(class, rule));
        }
    }
    owned
}

/// A mechanism that generates, or is said to derive, keys of this type.
pub fn mechanism(id: MechanismType, key_type: KeyType) -> MechanismSpec {
    MechanismSpec { id, keys: vec![key_type].leak(), ..MechanismSpec::DEFAULT }
}

pub fn generator(class: &Class) -> MechanismSpec {
    let id = match class.class {
        ObjectClass::DOMAIN_PARAMETERS => MechanismType::DH_PKCS_PARAMETER_GEN,
        ObjectClass::SECRET_KEY => MechanismType::GENERIC_SECRET_KEY_GEN,
        _ => MechanismType::EC_KEY_PAIR_GEN,
    };
    mechanism(id, KeyType(class.subtype.expect("generated objects have a key type")))
}

/// Makes an object: what is left out of the pair, the keys that unwrap and derive, is minimal.
pub fn make(class: &Class, act: Act, owned: &Owned, caller: Caller) -> Result<Attributes> {
    let template = owned.template();
    let none = Attributes::new();
    match (act, class.class) {
        (Act::Create, _) => object::from_template(&template, caller),
        (Act::Generate, ObjectClass::PUBLIC_KEY) => {
            let private = Owned::new();
            let pair = object::for_pair(&generator(class), &template, &private.template(), caller);
            pair.map(|pair| pair.0)
        }
        (Act::Generate, ObjectClass::PRIVATE_KEY) => {
            let other = self::class(ObjectClass::PUBLIC_KEY, KeyType(class.subtype.unwrap_or(0)));
            let public = minimal(other, Act::Generate);
            let pair = object::for_pair(&generator(class), &public.template(), &template, caller);
            pair.map(|pair| pair.1)
        }
        (Act::Generate, _) => object::for_generation(&generator(class), &template, caller),
        (Act::Unwrap, _) => object::for_unwrap(&template, &none, caller),
        (Act::Derive, _) => {
            let spec = mechanism(MechanismType::HKDF_DERIVE, KeyType::HKDF);
            object::for_derive(&spec, &template, &none, caller).map(|wanted| wanted.attributes)
        }
    }
}

/// The object that a minimal template and `more` make.
pub fn made(class: &Class, act: Act, more: Owned) -> Attributes {
    let mut owned = minimal(class, act);
    for (id, bytes) in more.0 {
        owned = owned.without(id);
        owned.0.push((id, bytes));
    }
    make(class, act, &owned, USER).unwrap_or_else(|e| panic!("{} {act:?}: {e:?}", class.name))
}

pub fn code<T>(result: Result<T>) -> Code {
    result.map_or_else(|e| e.code(), |_| Code::Ok)
}
