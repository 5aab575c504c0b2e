//! Group commit: batches that are handed in at the same moment share one transaction and one flush.
//!
//! No thread of its own: whoever finds nobody committing leads, and takes along what others handed
//! in while the leader before was waiting for the disk. Everybody gets an answer only after the
//! flush.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Code;
use crate::store::{Batch, CommitError, Epoch};

pub(super) type Answer = Result<Epoch, CommitError>;

#[derive(Default)]
pub(super) struct Group {
    state: Mutex<State>,
    /// A leader has finished.
    finished: Condvar,
    /// A batch was handed in.
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    leading: bool,
    waiting: Vec<(Batch, Arc<Seat>)>,
    /// How many took part in the last commit or came while it ran.
    busy: usize,
    /// How long the last commit took.
    took: Duration,
}

/// Where a leader leaves the answer for whoever handed in a batch.
#[derive(Default)]
struct Seat(Mutex<Option<Answer>>);

/// A leader waits for those who took part last time, for this part of the time that a commit takes
/// and never longer than [`LONGEST`]: they come back as soon as they have made their next key.
const PART: u32 = 4;
const LONGEST: Duration = Duration::from_micros(500);

impl Group {
    /// Has `batch` committed, alone or with others, by `run`, which gets all of them and answers
    /// each.
    pub(super) fn commit(&self, batch: Batch, run: impl FnOnce(&[Batch]) -> Vec<Answer>) -> Answer {
        let seat = Arc::new(Seat::default());
        let mut state = guard(&self.state);
        state.waiting.push((batch, seat.clone()));
        self.arrived.notify_one();
        while state.leading {
            state = self.finished.wait(state).unwrap_or_else(PoisonError::into_inner);
            if let Some(answer) = seat.take() {
                return answer;
            }
        }
        state.leading = true;
        let (batches, seats) = self.gather(state);
        let turn = Turn { group: self, seats, began: Instant::now() };
        for (seat, answer) in turn.seats.iter().zip(run(&batches)) {
            seat.put(answer);
        }
        drop(turn);
        seat.take().unwrap_or_else(unanswered)
    }

    /// All that was handed in, once those who were busy last time are there again.
    fn gather(&self, state: MutexGuard<'_, State>) -> (Vec<Batch>, Vec<Arc<Seat>>) {
        let patience = LONGEST.min(state.took / PART);
        let few = |state: &mut State| state.waiting.len() < state.busy;
        let waited = self.arrived.wait_timeout_while(state, patience, few);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.waiting).into_iter().unzip()
    }
}

/// Being the leader: ends however the commit ended.
struct Turn<'a> {
    group: &'a Group,
    seats: Vec<Arc<Seat>>,
    began: Instant,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        for seat in &self.seats {
            seat.put_if_empty(unanswered());
        }
        let mut state = guard(&self.group.state);
        state.leading = false;
        state.busy = self.seats.len() + state.waiting.len();
        state.took = self.began.elapsed();
        drop(state);
        self.group.finished.notify_all();
    }
}

impl Seat {
    fn put(&self, answer: Answer) {
        *guard(&self.0) = Some(answer);
    }

    fn put_if_empty(&self, answer: Answer) {
        guard(&self.0).get_or_insert(answer);
    }

    fn take(&self) -> Option<Answer> {
        guard(&self.0).take()
    }
}

/// The leader ended in a panic, which its own entry reports.
fn unanswered() -> Answer {
    Err(CommitError::Failed(Code::GeneralError.because("the commit was not finished")))
}

/// What these mutexes guard is whole after a contained panic: see [`Turn`].
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::store::event::Nobody;
    use crate::store::{Durability, Instance};

    fn batch(n: u8) -> Batch {
        Batch {
            instance: Some(Instance([n; 16])),
            changes: Vec::new(),
            events: Vec::new(),
            witness: Arc::new(Nobody),
            durability: Durability::Full,
        }
    }

    /// Answers with the number in the batch's instance.
    fn answers(batches: &[Batch]) -> Vec<Answer> {
        let number = |batch: &Batch| u64::from(batch.instance.map_or(0, |instance| instance.0[0]));
        batches.iter().map(|batch| Ok(Epoch(number(batch)))).collect()
    }

    #[test]
    fn what_comes_while_a_leader_is_busy_goes_together_and_everybody_gets_his_own_answer() {
        let (group, commits) = (Group::default(), AtomicUsize::new(0));
        let started = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let answer = group.commit(batch(100), |batches| {
                    commits.fetch_add(1, Ordering::Relaxed);
                    started.wait();
                    while guard(&group.state).waiting.len() < 8 {
                        std::thread::yield_now();
                    }
                    answers(batches)
                });
                assert_eq!(answer.unwrap(), Epoch(100));
            });
            started.wait();
            for n in 0..8 {
                let (group, commits) = (&group, &commits);
                scope.spawn(move || {
                    let answer = group.commit(batch(n), |batches| {
                        commits.fetch_add(1, Ordering::Relaxed);
                        answers(batches)
                    });
                    assert_eq!(answer.unwrap(), Epoch(n.into()));
                });
            }
        });
        assert_eq!(commits.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_leader_that_panics_leaves_the_place_to_the_next() {
        let group = Group::default();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            group.commit(batch(1), |_| panic!("contained at the boundary"))
        }));
        assert!(panicked.is_err());
        assert_eq!(group.commit(batch(2), answers).unwrap(), Epoch(2));
    }
}
