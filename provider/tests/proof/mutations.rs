//! Rules taken away one at a time: the search has to find the attack that each of them stops.

use crate::explore::{Goal, Scenario, Vocabulary, explore, scenario};
use crate::model::*;
use crate::rules::Rules;

/// A rule less.
pub struct Mutation {
    /// What is allowed now.
    pub allows: &'static str,
    pub policy: &'static str,
    pub scenario: &'static str,
    mutate: fn(&mut Rules),
}

impl Mutation {
    pub fn row(&self) -> Scenario {
        let mut row = scenario(self.policy, self.scenario);
        (self.mutate)(&mut row.rules);
        row
    }
}

const fn row(
    policy: &'static str,
    scenario: &'static str,
    allows: &'static str,
    mutate: fn(&mut Rules),
) -> Mutation {
    Mutation { allows, policy, scenario, mutate }
}

const fn standard(
    scenario: &'static str,
    allows: &'static str,
    mutate: fn(&mut Rules),
) -> Mutation {
    row("standard", scenario, allows, mutate)
}

pub const MUTATIONS: [Mutation; 24] = [
    standard("not extractable", "a hidden value is read", |r| r.hides_values = false),
    standard("trusted only", "CKA_SENSITIVE goes false", |r| r.sensitive_stays = false),
    standard("not extractable", "CKA_EXTRACTABLE goes true", |r| r.unextractable_stays = false),
    standard("trusted only", "CKA_WRAP_WITH_TRUSTED goes false", |r| r.guarded_stays = false),
    standard("not extractable", "any key is wrapped", |r| r.only_extractable_leaves = false),
    standard("trusted only", "any key wraps what wants a trusted one", |r| {
        r.guarded_needs_trusted = false;
    }),
    standard("trusted only", "the user sets CKA_TRUSTED", |r| r.officer_trusts = false),
    standard("trusted only", "the user changes a trusted key", |r| {
        r.trusted_is_the_officers = false;
    }),
    standard("trusted only, one that wraps", "a key does what it is not for", |r| {
        r.uses_are_named = false;
    }),
    standard("not extractable", "what is derived shows what the base key hides", |r| {
        r.derived_hides = false;
    }),
    standard("trusted only", "what is derived loses CKA_WRAP_WITH_TRUSTED", |r| {
        r.derived_stays_guarded = false;
    }),
    standard("not extractable", "a piece of a key is a key", |r| r.no_pieces = false),
    standard("derived", "keys under 112 bits are derived", |r| r.nothing_short = false),
    standard("derived", "CKA_DERIVE_TEMPLATE does not bind", |r| r.derive_template_holds = false),
    standard("trusted only", "the user copies a trusted key", |r| r.trusted_is_not_copied = false),
    standard("trusted only", "what a trusted key unwraps is shown", |r| {
        r.trusted_unwraps_hidden = false;
    }),
    standard("trusted only", "a trusted key gives its value to another", |r| {
        r.trusted_gives_no_value = false;
    }),
    standard("trusted only", "a nonce of the caller's wraps", |r| {
        r.guarded_needs_sound_mode = false;
    }),
    standard("trusted only", "one key wraps and decrypts", |r| r.first_use_decides = false),
    standard("planting", "one key unwraps and encrypts", |r| r.first_use_decides = false),
    row("strict", "extractable", "a sensitive key leaves under any key", |r| {
        r.sensitive_needs_trusted = false;
    }),
    row("strict", "extractable, a weak recipient", "a weaker key wraps", |r| {
        r.nothing_weaker = false;
    }),
    row("strict", "extractable", "CKA_SENSITIVE goes false", |r| r.sensitive_stays = false),
    row("strict", "trusted only, a recipient", "the user sets CKA_TRUSTED", |r| {
        r.officer_trusts = false;
    }),
];

/// The calls of an attack in words.
pub fn story(row: &Scenario, calls: &[Call]) -> String {
    let rules = Rules { uses_are_free: true, ..row.rules };
    let mut state = row.start;
    let mut lines = Vec::new();
    for call in calls {
        lines.push(told(&state, *call));
        state = rules.apply(&state, *call).expect("the attack works");
    }
    let goal = match row.goal {
        Goal::Leak => "the value is known",
        Goal::Planting => "the officer's key unwrapped what the attacker brought",
    };
    format!("{}; {goal}", lines.join("; "))
}

fn told(state: &State, call: Call) -> String {
    let value = |value| match value {
        PLANTED => "P",
        OFFICERS => "O",
        KNOWN => "K",
        _ => "F",
    };
    let name = |place: usize| match state.keys[place] {
        Some(key) => format!("{}{place}", value(key.value)),
        None => format!("?{place}"),
    };
    match call {
        Call::Generate { flags } => format!("C_GenerateKey {}", flagged(flags)),
        Call::Create { flags } => format!("C_CreateObject K {}", flagged(flags)),
        Call::Copy { key, set, clear } => {
            format!("C_CopyObject {} +[{}] -[{}]", name(key), flagged(set), flagged(clear))
        }
        Call::Set { key, set, clear } => {
            format!("C_SetAttributeValue {} +[{}] -[{}]", name(key), flagged(set), flagged(clear))
        }
        Call::Wrap { mode, with, key } => {
            format!("C_WrapKey {mode:?} {} under {}", name(key), name(with))
        }
        Call::Unwrap { mode, with, inner, flags } => {
            format!("C_UnwrapKey {mode:?} {} with {} {}", value(inner), name(with), flagged(flags))
        }
        Call::Open { mode, with, inner } => {
            format!("C_Decrypt {mode:?} {} with {}", value(inner), name(with))
        }
        Call::Stream { with, inner } => {
            format!("C_Encrypt {}: the key stream of {}", name(with), value(inner))
        }
        Call::Forge { with } => format!("C_Encrypt {}: K as if wrapped", name(with)),
        Call::Derive { how, key, flags } => {
            format!("C_DeriveKey {how:?} {} {}", name(key), flagged(flags))
        }
        Call::Digest { key } => format!("C_DigestKey {}", name(key)),
        Call::Read { key } => format!("C_GetAttributeValue {}", name(key)),
        Call::Destroy { key } => format!("C_DestroyObject {}", name(key)),
    }
}

fn flagged(flags: u16) -> String {
    let names = [
        (SENSITIVE, "sensitive"),
        (EXTRACTABLE, "extractable"),
        (GUARDED, "wrap_with_trusted"),
        (TRUSTED, "trusted"),
    ];
    let mut named: Vec<_> =
        names.iter().filter(|(flag, _)| flags & flag != 0).map(|row| row.1).collect();
    match flags & USES {
        0 => {}
        USES => named.push("every use"),
        _ => named.push("some uses"),
    }
    named.join(" ")
}

/// The attack that a mutation lets through.
pub fn attack(mutation: &Mutation) -> Option<Vec<Call>> {
    explore(&mutation.row(), Vocabulary::Free, 5, 400_000).attack
}

#[test]
fn without_any_one_rule_the_search_finds_the_attack() {
    for mutation in &MUTATIONS {
        let (policy, scenario) = (mutation.policy, mutation.scenario);
        let Some(calls) = attack(mutation) else {
            panic!("{policy}, {scenario}: nothing is found where {}", mutation.allows)
        };
        let story = story(&mutation.row(), &calls);
        println!("{policy}, {scenario}: {}\n    {story}", mutation.allows);
    }
}
