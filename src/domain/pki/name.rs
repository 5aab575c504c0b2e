//! When two distinguished names are the same.

use der::Tag;
use der::Tagged;
use der::asn1::Any;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RelativeDistinguishedName};

/// Whether two names are the same: attribute by attribute, without regard to case, to the kind of
/// string and to repeated spaces (RFC 5280, 7.1, for the letters of ASCII).
pub(super) fn same(a: &Name, b: &Name) -> bool {
    a.len() == b.len() && is_prefix(a, b)
}

/// Whether the first name is the beginning of the second: the second is in its subtree.
pub(super) fn is_prefix(base: &Name, name: &Name) -> bool {
    base.len() <= name.len() && base.iter_rdn().zip(name.iter_rdn()).all(|(a, b)| same_rdn(a, b))
}

fn same_rdn(a: &RelativeDistinguishedName, b: &RelativeDistinguishedName) -> bool {
    let among = |one: &AttributeTypeAndValue| b.iter().any(|other| same_attribute(one, other));
    a.len() == b.len() && a.iter().all(among)
}

fn same_attribute(a: &AttributeTypeAndValue, b: &AttributeTypeAndValue) -> bool {
    a.oid == b.oid
        && (a.value == b.value
            || matches!((folded(&a.value), folded(&b.value)), (Some(a), Some(b)) if a == b))
}

fn folded(value: &Any) -> Option<String> {
    let strings = [Tag::PrintableString, Tag::Utf8String, Tag::Ia5String];
    if !strings.contains(&value.tag()) {
        return None;
    }
    let text = std::str::from_utf8(value.value()).ok()?;
    let words: Vec<_> = text.split(' ').filter(|word| !word.is_empty()).collect();
    Some(words.join(" ").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    #[test]
    fn case_and_spaces_do_not_tell_names_apart() {
        assert!(same(&name("CN=Root  A,O=Keyway"), &name("CN=root a,O=keyway")));
        assert!(!same(&name("CN=Root A"), &name("CN=Root B")));
        assert!(!same(&name("CN=Root A"), &name("CN=Root A,O=Keyway")));
    }

    #[test]
    fn a_subtree_begins_at_the_root() {
        assert!(is_prefix(&name("O=Keyway"), &name("CN=a,O=Keyway")));
        assert!(!is_prefix(&name("CN=a"), &name("CN=a,O=Keyway")));
        assert!(is_prefix(&Name::default(), &name("CN=a")));
    }
}
