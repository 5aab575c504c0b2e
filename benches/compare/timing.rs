//! How CPU time is taken: contenders in turn, the median of several rounds.

/// Rounds of each contender, taken in turn; the median counts.
const ROUNDS: usize = 9;
/// CPU seconds of one round.
const ROUND: f64 = 0.06;

/// Runs the contenders in turn; CPU seconds of one call of each one's work.
pub fn medians(work: &mut [Option<Box<dyn FnMut() + '_>>]) -> Vec<Option<f64>> {
    let mut times = vec![Vec::new(); work.len()];
    for _ in 0..ROUNDS {
        for (times, work) in times.iter_mut().zip(work.iter_mut()) {
            times.extend(work.as_mut().map(|work| round(work)));
        }
    }
    times.iter_mut().map(|times| (!times.is_empty()).then(|| median(times))).collect()
}

/// As [`medians`], one call a round: the mean of so many.
pub fn means(work: &mut [Box<dyn FnMut() + '_>], calls: usize) -> Vec<f64> {
    let mut spent = vec![0.0; work.len()];
    for _ in 0..calls {
        for (spent, work) in spent.iter_mut().zip(work.iter_mut()) {
            let start = cpu_seconds();
            work();
            *spent += cpu_seconds() - start;
        }
    }
    spent.iter().map(|spent| spent / calls as f64).collect()
}

pub fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// CPU seconds of one call of `work`, from about [`ROUND`] seconds of them.
fn round(work: &mut dyn FnMut()) -> f64 {
    let (start, mut times) = (cpu_seconds(), 0u32);
    loop {
        work();
        times += 1;
        if times.is_power_of_two() || times % 64 == 0 {
            let spent = cpu_seconds() - start;
            if spent >= ROUND {
                return spent / f64::from(times);
            }
        }
    }
}

pub fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one local.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
