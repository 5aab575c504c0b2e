//! How CPU time is taken: contenders in turn, the median of several rounds.

/// Rounds of each contender, taken in turn; the median counts.
const ROUNDS: usize = 9;
/// CPU seconds of one round.
const ROUND: f64 = 0.06;

/// A contender's name and its work.
pub type Work<'a> = (&'static str, Box<dyn FnMut() + 'a>);

/// Runs the contenders in turn; CPU seconds of one call of each one's work.
pub fn medians(work: &mut [Work<'_>]) -> Vec<f64> {
    let mut times = vec![Vec::new(); work.len()];
    for _ in 0..ROUNDS {
        for (times, (_, work)) in times.iter_mut().zip(work.iter_mut()) {
            times.push(round(work));
        }
    }
    times.iter_mut().map(|times| median(times)).collect()
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

fn cpu_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one local.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
