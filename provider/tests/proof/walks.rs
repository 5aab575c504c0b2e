//! The model against the module: the same calls on both, step by step.

use std::collections::BTreeSet;

use serial_test::serial;

use crate::explore::{Scenario, Transition, Vocabulary, calls, explore, kind, scenarios};
use crate::harness::place::Place;
use crate::harness::{Kind, Target};
use crate::long;
use crate::model::*;
use crate::mutations::{MUTATIONS, attack};
use crate::replay::Stage;

/// Numbers that are the same in every run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % most
    }
}

/// A call of a kind that is drawn first, so that the many ways to derive do not crowd out the rest.
fn drawn(state: &State, dice: &mut Dice) -> Call {
    let mut tried = Vec::new();
    calls(state, Vocabulary::Explicit, &mut tried);
    let kinds: BTreeSet<String> = tried.iter().map(|call| kind(*call)).collect();
    let wanted = kinds.iter().nth(dice.below(kinds.len())).expect("there is a kind");
    let those: Vec<_> = tried.into_iter().filter(|call| kind(*call) == *wanted).collect();
    those[dice.below(those.len())]
}

/// What came of the walks.
#[derive(Default)]
struct Tally {
    walks: usize,
    steps: usize,
    refused: usize,
    leaks: usize,
    kinds: BTreeSet<(&'static str, Transition)>,
}

impl Tally {
    /// One walk; `next` says what comes after each step.
    fn walk(
        &mut self,
        stage: &mut Stage<'_>,
        row: &Scenario,
        mut next: impl FnMut(&State) -> Option<Call>,
    ) {
        let on_token = self.walks.is_multiple_of(8);
        let mut real = stage.begin(row, on_token).expect("the keys of the scenario");
        let mut made = Vec::new();
        while let Some(call) = next(&real.state) {
            made.push(call);
            let why = row.rules.apply(&real.state, call).err();
            let story = |error| format!("{}, {}: {error}\n{made:?}", row.policy, row.name);
            let Some(allowed) = real.step(&row.rules, call).map_err(story).expect("the same")
            else {
                continue;
            };
            self.steps += 1;
            self.refused += usize::from(!allowed);
            self.kinds.insert((row.policy, (kind(call), why)));
        }
        let leaked = real.leaked();
        self.leaks += usize::from(leaked);
        assert!(!row.holds || !leaked, "{}, {}: {made:?}", row.policy, row.name);
        let story = |error| format!("{}, {}: {error}\n{made:?}", row.policy, row.name);
        real.finish().map_err(story).expect("the same");
        self.walks += 1;
    }
}

/// The sequences that are walked on a scenario.
fn sequences(row: &Scenario) -> Vec<Vec<Call>> {
    let (depth, most) = if long() { (3, 20_000) } else { (3, 400) };
    let mut all: Vec<Vec<Call>> =
        explore(row, Vocabulary::Explicit, depth, most).covering.into_values().collect();
    let same = |mutation: &&crate::mutations::Mutation| {
        mutation.policy == row.policy && mutation.scenario == row.name
    };
    all.extend(MUTATIONS.iter().filter(same).map(|row| attack(row).expect("an attack")));
    all
}

/// Every kind of transition, every attack of the mutations, and random walks: each call is allowed
/// or refused by both, each key ends with the same attributes, and the planted value comes out
/// where the model says so and nowhere else.
#[test]
#[serial]
fn the_module_answers_as_the_model_does() {
    let (walks, steps) = if long() { (150, 60) } else { (30, 25) };
    let mut tally = Tally::default();
    let rows: Vec<_> = scenarios().into_iter().filter(|row| row.policy != "SoftHSM2").collect();
    for (number, row) in rows.iter().enumerate() {
        let place = Place::new(Kind::Keyway, true);
        place.configure(&format!("policy = {:?}", row.policy));
        let target = Target::over(Kind::Keyway, place);
        target.initialize().expect("C_Initialize");
        let sequences = sequences(row);
        let mut stage =
            Stage::new(&target, row, sequences.len() + walks).expect("the officer's keys");
        for sequence in &sequences {
            let mut left = sequence.iter().copied();
            tally.walk(&mut stage, row, |_| left.next());
        }
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ number as u64);
        for _ in 0..walks {
            let mut left = steps;
            tally.walk(&mut stage, row, |state| {
                left -= 1;
                (left > 0).then(|| drawn(state, &mut dice))
            });
        }
    }
    println!(
        "{} walks, {} calls of which {} refused, {} kinds of transition, {} walks under \
         \"compatible\" or without protection that end with the value",
        tally.walks,
        tally.steps,
        tally.refused,
        tally.kinds.len(),
        tally.leaks
    );
    assert!(tally.leaks > 0, "the replay sees no leak where there is one");
    // Every rule of the model refused something on the module, too.
    let refused: BTreeSet<_> = tally.kinds.iter().filter_map(|(_, (_, why))| *why).collect();
    println!("rules that refused on both: {refused:?}");
    assert!(refused.len() >= 20, "{refused:?}");
}
