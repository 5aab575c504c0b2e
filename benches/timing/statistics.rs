//! Whether two classes of times differ: Welch's t-test on what is left after cropping at many
//! percentiles, of the times and of their squared distances from the mean (Reparaz, Balasch and
//! Verbauwhede, "Dude, is my code constant time?", DATE 2017).

/// From this |t| on two classes differ; by chance alone once in 100,000 tests.
pub const DIFFERENT: f64 = 4.5;

/// Times of two classes in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Samples(pub [Vec<f64>; 2]);

/// One test of Welch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Welch {
    /// Mean of the first class less that of the second.
    pub difference: f64,
    /// The standard error of the difference.
    pub error: f64,
}

/// The test that shows most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verdict {
    /// Of the times.
    pub first: Welch,
    /// Of their squared distances from the mean.
    pub second: Welch,
    /// The smallest difference of means that some crop would have shown.
    pub resolution: f64,
}

/// Crops beside none.
const CROPS: u32 = 100;
/// Fewer times of a class than this are no test.
const ENOUGH: usize = 100;

impl Welch {
    /// # Panics
    /// For a class of fewer than two values.
    pub fn of(a: &[f64], b: &[f64]) -> Self {
        assert!(a.len() > 1 && b.len() > 1, "{} and {} values", a.len(), b.len());
        let ((mean_a, variance_a), (mean_b, variance_b)) = (moments(a), moments(b));
        let error = (variance_a / a.len() as f64 + variance_b / b.len() as f64).sqrt();
        Self { difference: mean_a - mean_b, error }
    }

    /// 0 for classes that do not vary and do not differ.
    pub fn t(self) -> f64 {
        match self.difference == 0.0 {
            true => 0.0,
            false => self.difference / self.error,
        }
    }

    fn stronger(self, other: Self) -> Self {
        if other.t().abs() > self.t().abs() { other } else { self }
    }
}

impl Verdict {
    /// # Panics
    /// For a class of fewer than two values.
    pub fn of(samples: &Samples) -> Self {
        let mut all: Vec<f64> = samples.0.concat();
        all.sort_by(f64::total_cmp);
        // More and more of them towards the slowest, as the tails are where the noise is.
        let cut = |crop: u32| {
            let share = 1.0 - 0.5_f64.powf(f64::from(10 * crop) / f64::from(CROPS));
            all[((all.len() - 1) as f64 * share) as usize]
        };
        let mut verdict = Self { resolution: f64::INFINITY, ..Self::default() };
        for limit in (1..=CROPS).map(cut).chain([f64::INFINITY]) {
            let [a, b] = samples.0.each_ref().map(|times| {
                times.iter().copied().filter(|time| *time <= limit).collect::<Vec<f64>>()
            });
            if a.len() < ENOUGH || b.len() < ENOUGH {
                continue;
            }
            let first = Welch::of(&a, &b);
            verdict.first = verdict.first.stronger(first);
            verdict.second = verdict.second.stronger(Welch::of(&squares(&a), &squares(&b)));
            verdict.resolution = verdict.resolution.min(DIFFERENT * first.error);
        }
        verdict
    }

    /// The largest |t|.
    pub fn t(&self) -> f64 {
        self.first.t().abs().max(self.second.t().abs())
    }
}

/// Mean and variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0))
}

/// Squared distances from the mean.
fn squares(values: &[f64]) -> Vec<f64> {
    let (mean, _) = moments(values);
    values.iter().map(|value| (value - mean).powi(2)).collect()
}
