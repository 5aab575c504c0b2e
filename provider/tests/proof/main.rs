//! The policies as a model, searched for attacks, and the module held against it (`docs/policy.md`,
//! "What is proved, and what is not"). `KEYWAY_TEST_LONG` goes deeper and walks further.

#[path = "../harness/mod.rs"]
mod harness;

mod attacks;
mod explore;
mod model;
mod mutations;
mod replay;
mod rules;
mod walks;

use explore::{Vocabulary, explore, saturate, scenarios};

/// Whether there is time.
fn long() -> bool {
    std::env::var_os("KEYWAY_TEST_LONG").is_some()
}

/// Every policy keeps what it promises, in every sequence of calls that is searched, and shows what
/// it does not.
#[test]
fn no_sequence_of_calls_reaches_what_a_policy_hides() {
    let (depth, most) = if long() { (6, 1_500_000) } else { (4, 20_000) };
    for row in scenarios() {
        let depth = if row.holds { depth } else { 5 };
        let seen = explore(&row, Vocabulary::Free, depth, most);
        println!(
            "{}, {}: {} states, {} calls of which {} refused, sequences of {}{}",
            row.policy,
            row.name,
            seen.states,
            seen.transitions,
            seen.refused,
            seen.depth,
            if seen.closed { ", which is all" } else { "" }
        );
        if let Some(calls) = &seen.attack {
            println!("    {}", mutations::story(&row, calls));
        }
        assert_eq!(seen.attack.is_none(), row.holds, "{}, {}", row.policy, row.name);
    }
}

/// The same for any number of keys and calls: what can come of what, to the fixpoint.
#[test]
fn no_number_of_keys_and_calls_does_either() {
    for row in scenarios() {
        let facts = saturate(&row);
        println!(
            "{}, {}: {} facts, rules asked {} times, {}",
            row.policy,
            row.name,
            facts.facts,
            facts.asked,
            if facts.reached { "the value comes out" } else { "the fixpoint" }
        );
        assert_eq!(facts.reached, !row.holds, "{}, {}", row.policy, row.name);
    }
}

/// The second search is as sharp as the first: it misses no attack that the first finds.
#[test]
fn the_fixpoint_has_every_attack_in_it() {
    for mutation in &mutations::MUTATIONS {
        assert!(saturate(&mutation.row()).reached, "{}", mutation.allows);
    }
}
