//! `docs/attributes.md`, `docs/mechanisms.md` and `docs/return-codes.md` say what the tables say.
//!
//! With `KEYWAY_BLESS=1` in the environment the test writes them instead.

use std::fmt::Write;
use std::path::Path;

use keyway_pkcs11::attribute::rule::{Class, Default, Kind, Rule};
use keyway_pkcs11::attribute::table::CLASSES;
use keyway_pkcs11::attribute::table::certificate::{WTLS_TYPE, X_509_ATTRIBUTE_TYPE, X_509_TYPE};
use keyway_pkcs11::attribute::{AttributeType, KeyType, ObjectClass};
use keyway_pkcs11::mechanism::{Function, MechanismSpec, set};
use keyway_pkcs11::{code, returns};

#[test]
fn the_documents_say_what_the_tables_say() {
    compare("attributes.md", &attributes());
    compare("mechanisms.md", &mechanisms());
    compare("return-codes.md", &return_codes());
}

fn compare(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("KEYWAY_BLESS").is_some() {
        std::fs::write(&path, generated).expect("write the document");
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == generated, "docs/{name} is stale: run this test with KEYWAY_BLESS=1");
}

const GENERATED: &str =
    "Generated from the tables by `provider/tests/generated_docs.rs`; do not edit.";

fn attributes() -> String {
    let mut out = format!("# Attributes\n\n{GENERATED}\n\n{ATTRIBUTES}");
    let mut seen: Vec<&Class> = Vec::new();
    for class in CLASSES.iter() {
        if seen.iter().any(|other| same_rules(class, other)) {
            continue;
        }
        seen.push(class);
        let alike: Vec<_> = CLASSES.iter().filter(|other| same_rules(class, other)).collect();
        attribute_table(&mut out, &alike);
    }
    usage_table(&mut out);
    out
}

fn same_rules(one: &Class, other: &Class) -> bool {
    std::ptr::eq(one.layers.each, other.layers.each)
}

const ATTRIBUTES: &str = "\
One table for each set of rules. The notes are the specification's \"Common footnotes for object
attribute tables\":

| Note | Meaning |
|---|---|
| 1 | must be specified with `C_CreateObject` |
| 2 | must not be specified with `C_CreateObject` |
| 3 | must be specified with `C_GenerateKey` or `C_GenerateKeyPair` |
| 4 | must not be specified with `C_GenerateKey` or `C_GenerateKeyPair` |
| 5 | must be specified with `C_UnwrapKey` |
| 6 | must not be specified with `C_UnwrapKey`, nor with `C_DeriveKey` |
| 7 | cannot be revealed if `CKA_SENSITIVE` is true or `CKA_EXTRACTABLE` is false |
| 8 | may be modified with `C_SetAttributeValue` and while copying |
| 9 | default is token-specific and may depend on other attributes |
| 10 | can only be set to true by the security officer |
| 11 | cannot be changed once true |
| 12 | cannot be changed once false |

A default in words is explained in [defaults.md](defaults.md): \"policy\" follows from what the key
is for and where it comes from, \"token\" is computed from the material or assigned by the token, and
a dash means that there is none.
";

fn attribute_table(out: &mut String, classes: &[&'static Class]) {
    let names: Vec<_> = classes.iter().map(|class| class.name).collect();
    let mut title = names.join(", ");
    title[..1].make_ascii_uppercase();
    let subtypes: Vec<_> = classes.iter().filter_map(|class| subtype(class)).collect();
    let of = if subtypes.is_empty() { String::new() } else { format!(" {}", subtypes.join(", ")) };
    write!(out, "\n## {title}\n\n`{:?}`{of}\n\n", classes[0].class).expect("a string");
    out.push_str("| Attribute | Kind | Notes | Default |\n|---|---|---|---|\n");
    for rule in classes[0].layers.each.iter().copied().flatten() {
        let notes: Vec<_> = rule.notes.numbers().map(|number| number.to_string()).collect();
        let (kind, default) = (kind(rule.kind), default(rule));
        writeln!(out, "| {:?} | {kind} | {} | {default} |", rule.id, notes.join(", "))
            .expect("a string");
    }
}

fn subtype(class: &Class) -> Option<String> {
    match (class.class, class.subtype?) {
        (ObjectClass::CERTIFICATE, X_509_TYPE) => Some("`CKC_X_509`".into()),
        (ObjectClass::CERTIFICATE, X_509_ATTRIBUTE_TYPE) => Some("`CKC_X_509_ATTR_CERT`".into()),
        (ObjectClass::CERTIFICATE, WTLS_TYPE) => Some("`CKC_WTLS`".into()),
        (_, key_type) => Some(format!("`{:?}`", KeyType(key_type))),
    }
}

fn usage_table(out: &mut String) {
    out.push_str("\n## Uses by default\n\n| Object | Bare | Generated |\n|---|---|---|\n");
    let names = |list: &[AttributeType]| {
        let names: Vec<_> = list.iter().map(|id| format!("{id:?}")).collect();
        if names.is_empty() { "-".to_owned() } else { names.join(", ") }
    };
    let keys = CLASSES.iter().filter(|class| class.rule(AttributeType::DERIVE).is_some());
    for class in keys {
        let (bare, generated) = (names(class.bare), names(class.generated));
        writeln!(out, "| {} | {bare} | {generated} |", class.name).expect("a string");
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool => "Boolean",
        Kind::Number => "number",
        Kind::Bytes => "bytes",
        Kind::Secret => "secret bytes",
        Kind::Date => "date",
        Kind::Mechanisms => "mechanisms",
        Kind::Template => "template",
    }
}

fn default(rule: &Rule) -> String {
    match rule.default {
        Default::Absent => "-".into(),
        Default::False => "false".into(),
        Default::True => "true".into(),
        Default::Empty => "empty".into(),
        Default::Number(u64::MAX) => "`CK_UNAVAILABLE_INFORMATION`".into(),
        Default::Number(number) => format!("{number:#x}"),
        Default::Policy => "policy".into(),
        Default::Token => "token".into(),
    }
}

fn mechanisms() -> String {
    let mut out = format!("# Mechanisms\n\n{GENERATED}\n\n{MECHANISMS}");
    for spec in set::all() {
        let keys: Vec<_> = spec.keys.iter().map(|key| format!("{key:?}")).collect();
        let keys = if keys.is_empty() { "-".into() } else { keys.join(", ") };
        let sizes = match spec.announced_sizes() {
            (0, 0) => "-".into(),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least}-{most}"),
        };
        let functions = functions(spec).join(", ");
        let parts = if spec.single_part { "single" } else { "any" };
        let takes = [Function::Encrypt, Function::Decrypt, Function::Sign, Function::Verify]
            .iter()
            .any(|function| spec.takes_messages(*function));
        let messages = match (takes, spec.takes_messages_in_parts()) {
            (false, _) => "-",
            (true, false) => "single",
            (true, true) => "any",
        };
        writeln!(
            out,
            "| {} | {:#x} | {keys} | {sizes} | {functions} | {parts} | {messages} | {} |",
            spec.name(),
            spec.id.0,
            legacy(spec)
        )
        .expect("a string");
    }
    out
}

/// What of the mechanism takes `legacy = true`.
fn legacy(spec: &MechanismSpec) -> String {
    match (spec.legacy, spec.legacy_below) {
        (true, _) => "all".into(),
        (false, 0) => "-".into(),
        (false, bits) if spec.sign.is_some() => format!("signing below {bits}"),
        (false, bits) if spec.generate_pair.is_some() => format!("below {bits}"),
        (false, _) => "-".into(),
    }
}

const MECHANISMS: &str = "\
Sizes are those of `C_GetMechanismInfo`, in the unit that the specification gives the mechanism: bits
for RSA, EC and DH, bytes for secret keys. \"Single\" parts: `C_*Update` is refused. \"Legacy\": what
is there only with `legacy = true` in the configuration, all of the mechanism or its use with short
keys; a mechanism that generates announces the smaller sizes only then. \"(compatible)\": only with
`policy = \"compatible\"`, for whoever changes what was wrapped so changes the key ([policy.md](policy.md)).

Messages: a mechanism that has parts there can be used with the message-based functions, for what it
does of encrypt, decrypt, sign and verify (`CKF_MESSAGE_*`); \"single\": not with `C_*MessageBegin` (no
`CKF_MULTI_MESSAGE`). Each signed message is an operation of its own under the parameter of Init; an
encrypted message has a parameter of its own.

| Mechanism | Value | Key types | Sizes | Functions | Parts | Messages | Legacy |
|---|---|---|---|---|---|---|---|
";

fn functions(spec: &MechanismSpec) -> Vec<&'static str> {
    let all = [
        (spec.encrypt.is_some(), "encrypt"),
        (spec.decrypt.is_some(), "decrypt"),
        (spec.digest.is_some(), "digest"),
        (spec.sign.is_some(), "sign"),
        (spec.verify.is_some(), "verify"),
        (spec.sign_recover.is_some(), "sign recover"),
        (spec.verify_recover.is_some(), "verify recover"),
        (spec.generate.is_some(), "generate"),
        (spec.generate_pair.is_some(), "generate pair"),
        (spec.wrap.is_some() && !spec.malleable, "wrap"),
        (spec.unwrap.is_some() && !spec.malleable, "unwrap"),
        (spec.wrap.is_some() && spec.malleable, "wrap (compatible)"),
        (spec.unwrap.is_some() && spec.malleable, "unwrap (compatible)"),
        (spec.derives(), "derive"),
    ];
    all.into_iter().filter(|row| row.0).map(|row| row.1).collect()
}

fn return_codes() -> String {
    let mut out = format!("# Return codes\n\n{GENERATED}\n\n{RETURN_CODES}");
    for (function, codes) in returns::TABLE.iter().filter(|row| !row.1.is_empty()) {
        let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
        writeln!(out, "| {function} | {} |", names.join(", ")).expect("a string");
    }
    out.push_str("\n## Values\n\n| Code | Value |\n|---|---|\n");
    for (code, name) in code::ALL {
        writeln!(out, "| {name} | {:#x} |", code.raw()).expect("a string");
    }
    out
}

const RETURN_CODES: &str = "\
What each function may return: the \"Return values\" of its section in the specification. The tests
hold every answer against this table.

| Function | Return codes |
|---|---|
";
