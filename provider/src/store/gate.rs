//! The gate that every statement on a store passes, and that a fork closes.
//!
//! No SQLite state may cross a fork: a child that opened the database afresh would inherit
//! SQLite's static belief in which locks it holds, and a commit that it was told is safe could be
//! gone. So the thread that forks waits here until no statement runs, closes every connection, and
//! both sides open new ones when they need them.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

/// What has connections to close before a fork.
pub(crate) trait Connected: Send + Sync {
    /// Called while nobody else is inside the gate.
    fn disconnect(&self);
}

/// Being inside the gate: no fork of this process happens meanwhile.
pub(crate) struct Inside {
    _gate: Option<RwLockReadGuard<'static, ()>>,
    /// The thread that entered leaves.
    _thread: PhantomData<*const ()>,
}

static GATE: RwLock<()> = RwLock::new(());
/// Locked only inside the gate, so never held by a thread that a fork leaves behind.
static CONNECTED: Mutex<Vec<Weak<dyn Connected>>> = Mutex::new(Vec::new());

thread_local! {
    /// How often this thread is inside: entering again must not wait behind a fork that waits for
    /// this very thread.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// The closed gate, between the handlers of a fork; they run on the thread that forks.
    static CLOSED: RefCell<Option<ManuallyDrop<RwLockWriteGuard<'static, ()>>>> =
        const { RefCell::new(None) };
}

/// Waits for a fork that is under way, and keeps the next one waiting.
pub(crate) fn enter() -> Inside {
    let depth = DEPTH.get();
    let gate = (depth == 0).then(|| GATE.read().unwrap_or_else(PoisonError::into_inner));
    DEPTH.set(depth + 1);
    Inside { _gate: gate, _thread: PhantomData }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Has `connected` disconnected before every fork, for as long as it lives.
pub(crate) fn register(connected: &Arc<dyn Connected>) {
    let _inside = enter();
    let mut all = CONNECTED.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|one| one.strong_count() > 0);
    all.push(Arc::downgrade(connected));
}

/// Before a fork: waits until nobody is inside, then closes every connection.
pub(crate) fn close() {
    if DEPTH.get() > 0 {
        // The thread forks from inside a statement (a logger that starts a program): it cannot
        // wait for itself. A child that only runs another program is not harmed.
        return;
    }
    let gate = GATE.write().unwrap_or_else(PoisonError::into_inner);
    let all = CONNECTED.lock().unwrap_or_else(PoisonError::into_inner);
    for one in all.iter().filter_map(Weak::upgrade) {
        one.disconnect();
    }
    drop(all);
    CLOSED.with_borrow_mut(|closed| *closed = Some(ManuallyDrop::new(gate)));
}

/// After a fork, in the parent and in the child. In the child nobody waits at the gate, whoever
/// waited in the parent: releasing it leaves it free.
pub(crate) fn open() {
    if let Some(gate) = CLOSED.with_borrow_mut(Option::take) {
        drop(ManuallyDrop::into_inner(gate));
    }
}
