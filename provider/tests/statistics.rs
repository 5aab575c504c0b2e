//! The statistics of benches/timing: they tell classes apart that differ, and no others. No time is
//! taken here.

#[path = "../../benches/timing/statistics.rs"]
mod statistics;

use statistics::{DIFFERENT, Samples, Verdict, Welch};

/// Times as a machine gives them: a floor, noise with a long tail, now and then an interruption.
fn times(count: usize, seed: u64, more: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut state = seed;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let mut time = || {
        let noise = -(1.0 - uniform()).ln() * 40.0;
        let interruption = if uniform() < 0.002 { 20_000.0 * uniform() } else { 0.0 };
        more(1_000.0 + noise) + interruption
    };
    (0..count).map(|_| time()).collect()
}

fn verdict(more: impl Fn(f64) -> f64) -> Verdict {
    Verdict::of(&Samples([times(8_000, 1, |time| time), times(8_000, 2, more)]))
}

/// Welch, "The generalization of Student's problem": by hand, means 3 and 5, variances 2.5 and 10.
#[test]
fn welch_s_t_is_what_its_formula_says() {
    let test = Welch::of(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0, 3.0, 5.0, 7.0, 9.0]);
    assert_eq!(test.difference, -2.0);
    assert!((test.error - (2.5_f64 / 5.0 + 10.0 / 5.0).sqrt()).abs() < 1e-12);
    assert!((test.t() + 2.0 / 2.5_f64.sqrt()).abs() < 1e-12);
    assert_eq!(Welch::of(&[1.0, 1.0], &[1.0, 1.0]).t(), 0.0);
}

#[test]
fn classes_of_one_distribution_are_not_told_apart() {
    let verdict = verdict(|time| time);
    assert!(verdict.t() < DIFFERENT, "{verdict:?}");
    assert!(verdict.resolution < 4.0, "{verdict:?}");
}

/// Twice what the test says that it can see.
#[test]
fn a_small_difference_of_means_is_seen() {
    let verdict = verdict(|time| time + 8.0);
    assert!(verdict.first.t() < -2.0 * DIFFERENT, "{verdict:?}");
    assert!(verdict.first.difference < 0.0 && verdict.resolution < 4.0, "{verdict:?}");
}

/// Means that agree, spreads that do not: what only the second order shows.
#[test]
fn a_difference_of_spreads_is_seen() {
    let wider = |time: f64| 1_040.0 + (time - 1_040.0) * 1.2;
    let verdict = verdict(wider);
    assert!(verdict.second.t().abs() > 10.0, "{verdict:?}");
}
