//! A template on its way to becoming an object: typed by its class, checked, completed.

use crate::attribute::rule::{Act, Class, Default, Kind, Rule};
use crate::attribute::table::{class_of, subtype_attribute};
use crate::attribute::{AttributeType, Attributes, ObjectClass, Template, Value, abi};
use crate::error::{Code, Result};
use crate::object::Caller;
use crate::object::consistent::consistent;
use crate::policy::Policy;

/// The attributes that say what a key may do.
pub(super) const USAGE: [AttributeType; 11] = [
    AttributeType::ENCRYPT,
    AttributeType::DECRYPT,
    AttributeType::WRAP,
    AttributeType::UNWRAP,
    AttributeType::SIGN,
    AttributeType::SIGN_RECOVER,
    AttributeType::VERIFY,
    AttributeType::VERIFY_RECOVER,
    AttributeType::DERIVE,
    AttributeType::ENCAPSULATE,
    AttributeType::DECAPSULATE,
];

/// What a template said so far of an object of `class`.
pub(super) struct Draft {
    pub class: &'static Class,
    pub attributes: Attributes,
}

impl Draft {
    /// Reads a template by the rules of its class.
    ///
    /// # Errors
    /// TemplateInconsistent for an attribute that is there twice; AttributeTypeInvalid for one that
    /// the class does not have; AttributeValueInvalid for a value that it cannot have.
    pub fn new(class: &'static Class, template: &Template<'_>) -> Result<Self> {
        template.unique()?;
        let mut attributes = Attributes::with_capacity(template.entries.len() + 2);
        for entry in &template.entries {
            let rule = rule(class, entry.id)?;
            attributes.set(entry.id, abi::read(entry.id, rule.kind, &entry.value)?);
        }
        Ok(Self { class, attributes })
    }

    /// Adds what the token's own side of the operation demands: `CKA_UNWRAP_TEMPLATE`,
    /// `CKA_DERIVE_TEMPLATE`, the class and key type that a mechanism implies.
    ///
    /// # Errors
    /// TemplateInconsistent where the template says something else, or the class has no such
    /// attribute.
    pub fn impose(&mut self, demanded: &Attributes) -> Result<()> {
        for (id, value) in demanded.iter() {
            let conflict = |what| Err(Code::TemplateInconsistent.because(format!("{id:?} {what}")));
            if self.class.rule(id).is_none() {
                return conflict("is demanded and foreign to the class");
            }
            match self.attributes.find(id) {
                Some(given) if given != value => return conflict("differs from what is demanded"),
                _ => self.attributes.set(id, value.clone()),
            }
        }
        Ok(())
    }

    /// Adds what the operation gives to attributes that the template is silent of.
    pub fn suggest(&mut self, suggested: &Attributes) {
        for (id, value) in suggested.iter() {
            self.attributes.set_default(id, value.clone());
        }
    }

    /// Holds the attributes against the footnotes.
    ///
    /// # Errors
    /// AttributeReadOnly for what only the token or the security officer sets; TemplateIncomplete
    /// for what is required and missing.
    pub fn check(&self, act: Act, caller: Caller) -> Result<()> {
        for (id, value) in self.attributes.iter() {
            let rule = rule(self.class, id)?;
            rule.admits(act)?;
            only_the_officer(rule, value, caller)?;
        }
        let missing =
            self.class.rules().find(|rule| rule.required(act) && !self.attributes.has(rule.id));
        match missing {
            Some(rule) => Err(Code::TemplateIncomplete
                .because(format!("{:?} of the {} is missing", rule.id, self.class.name))),
            None => Ok(()),
        }
    }

    /// Gives every attribute with a default a value, and checks that all of them agree.
    ///
    /// # Errors
    /// TemplateInconsistent, TemplateIncomplete: see [`consistent`].
    pub fn complete(self, act: Act, policy: Policy) -> Result<Attributes> {
        let Self { class, mut attributes } = self;
        let named = USAGE.iter().any(|id| attributes.is_true(*id));
        let extractable = attributes.is_true(AttributeType::EXTRACTABLE);
        // Nothing once the template names anything that the key may do, except what programs expect
        // of every generated key.
        let may = |usage: AttributeType| {
            let bare = !named && class.bare.contains(&usage) && policy.gives_unasked(usage);
            bare || act == Act::Generate && class.generated.contains(&usage)
        };
        attributes.set_defaults(class.rules().filter_map(|rule| {
            let value = match rule.default {
                Default::Absent | Default::Token => return None,
                Default::False => Value::Bool(false),
                Default::True => Value::Bool(true),
                Default::Empty => empty(rule.kind),
                Default::Number(number) => Value::Number(number),
                Default::Policy => Value::Bool(match rule.id {
                    AttributeType::SENSITIVE => !extractable,
                    AttributeType::EXTRACTABLE => act == Act::Unwrap,
                    usage => may(usage),
                }),
            };
            Some((rule.id, value))
        }));
        consistent(&attributes)?;
        Ok(attributes)
    }
}

/// The kind of object that a template describes; `demanded` may say it in its stead.
///
/// # Errors
/// TemplateIncomplete without `CKA_CLASS`; otherwise those of [`class_of`].
pub(super) fn class_in(template: &Template<'_>, demanded: &Attributes) -> Result<&'static Class> {
    let class = template.number(AttributeType::CLASS)?.or(demanded.number(AttributeType::CLASS));
    let Some(class) = class.map(ObjectClass) else {
        return Err(Code::TemplateIncomplete.because("CKA_CLASS is missing"));
    };
    let subtype = match subtype_attribute(class) {
        Some(id) => template.number(id)?.or(demanded.number(id)),
        None => None,
    };
    class_of(class, subtype)
}

/// The class and subtype as attributes: what an operation contributes that implies them.
pub(super) fn identity(class: &Class) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.set(AttributeType::CLASS, Value::Number(class.class.0));
    if let (Some(id), Some(subtype)) = (subtype_attribute(class.class), class.subtype) {
        attributes.set(id, Value::Number(subtype));
    }
    attributes
}

/// # Errors
/// AttributeTypeInvalid if the class does not have the attribute.
pub(super) fn rule(class: &Class, id: AttributeType) -> Result<&'static Rule> {
    class.rule(id).ok_or_else(|| {
        Code::AttributeTypeInvalid.because(format!("{id:?} is no attribute of the {}", class.name))
    })
}

/// Footnote 10.
///
/// # Errors
/// AttributeReadOnly if somebody else sets the attribute to true.
pub(super) fn only_the_officer(rule: &Rule, value: &Value, caller: Caller) -> Result<()> {
    let refused =
        rule.notes.has(10) && *value == Value::Bool(true) && !caller.is_security_officer();
    match refused {
        true => Err(Code::AttributeReadOnly
            .because(format!("{:?} is the security officer's to set", rule.id))),
        false => Ok(()),
    }
}

/// The value of length 0. Booleans and numbers have none: no row gives them this default.
pub(super) fn empty(kind: Kind) -> Value {
    match kind {
        Kind::Mechanisms => Value::Mechanisms(std::default::Default::default()),
        Kind::Template => Value::Template(std::default::Default::default()),
        Kind::Bool | Kind::Number | Kind::Bytes | Kind::Secret | Kind::Date => {
            Value::Bytes(std::default::Default::default())
        }
    }
}
