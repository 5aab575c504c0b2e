//! What the TLS 1.2 derivations say of their keys (specification section "1.2 Mechanisms").

use crate::attribute::{AttributeType, Attributes, KeyType, Template, Value};
use crate::error::Result;
use crate::mechanism::MechanismType;
use crate::object::Caller;
use crate::object::derive::{Terms, Wanted, derived, shown};
use crate::object::draft::Draft;

/// "The mechanism also contributes the CKA_ALLOWED_MECHANISMS attribute consisting only of" these;
/// the deprecated two are other names.
const USES_OF_A_MASTER: [MechanismType; 6] = [
    MechanismType::TLS12_KEY_AND_MAC_DERIVE,
    MechanismType::TLS12_KEY_SAFE_DERIVE,
    MechanismType::TLS_KDF,
    MechanismType::TLS_MAC,
    MechanismType::TLS12_KDF,
    MechanismType::TLS12_MAC,
];

/// What a master secret is, and what it may do unless its template says otherwise.
pub(super) fn master() -> Terms {
    let allowed = USES_OF_A_MASTER.map(|id| id.0);
    Terms {
        demanded: Attributes::from_iter([
            (AttributeType::KEY_TYPE, Value::Number(KeyType::GENERIC_SECRET.0)),
            (AttributeType::VALUE_LEN, Value::Number(48)),
            (AttributeType::ALLOWED_MECHANISMS, Value::Mechanisms(allowed[..].into())),
        ]),
        suggested: yes(&[AttributeType::DERIVE, AttributeType::SIGN, AttributeType::VERIFY]),
    }
}

/// A pre-master secret: 48 bytes that a master secret is derived from.
///
/// # Errors
/// TemplateInconsistent for a template with another length.
pub(super) fn pre_master(draft: &mut Draft) -> Result<()> {
    draft.impose(&Attributes::from_iter([(AttributeType::VALUE_LEN, Value::Number(48))]))?;
    draft.suggest(&yes(&[AttributeType::DERIVE]));
    Ok(())
}

/// The keys of a connection: two MAC keys of `mac` bytes, then two cipher keys of `key` bytes, as far
/// as they are not 0.
///
/// "All four keys inherit the values of the CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_EXTRACTABLE,
/// and CKA_NEVER_EXTRACTABLE attributes from the base key." Of the template the MAC keys take where
/// they live.
///
/// # Errors
/// As [`for_derive`](crate::object::for_derive); TemplateInconsistent for a template that says
/// otherwise than the base key.
pub fn for_tls_keys(
    template: &Template<'_>,
    base: &Attributes,
    caller: Caller,
    [mac, key]: [usize; 2],
) -> Result<Vec<Wanted>> {
    let place = [
        AttributeType::TOKEN,
        AttributeType::PRIVATE,
        AttributeType::SENSITIVE,
        AttributeType::EXTRACTABLE,
    ];
    let mut of_macs = template.clone();
    of_macs.entries.retain(|entry| place.contains(&entry.id));
    let of_mac = [
        (AttributeType::KEY_TYPE, Value::Number(KeyType::GENERIC_SECRET.0)),
        (AttributeType::SIGN, Value::Bool(true)),
        (AttributeType::VERIFY, Value::Bool(true)),
    ];
    let cipher = yes(&[AttributeType::ENCRYPT, AttributeType::DECRYPT, AttributeType::DERIVE]);
    let mut wanted = Vec::new();
    for (template, length, demanded, suggested) in [
        (&of_macs, mac, Attributes::from_iter(of_mac), Attributes::new()),
        (template, key, Attributes::new(), cipher),
    ] {
        for _ in 0..if length == 0 { 0 } else { 2 } {
            let mut terms = Terms { demanded: demanded.clone(), suggested: suggested.clone() };
            terms.demand(&shown(base));
            let made = derived(template, terms, base, caller)?;
            wanted.push(Wanted { length: Some(length), ..made });
        }
    }
    Ok(wanted)
}

fn yes(ids: &[AttributeType]) -> Attributes {
    ids.iter().map(|id| (*id, Value::Bool(true))).collect()
}
