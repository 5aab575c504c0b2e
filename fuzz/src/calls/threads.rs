//! Several sequences at once, over the same sessions and objects: no answer outside its row, no
//! memory touched that is nobody's, no thread that waits for ever.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::token::Place;
use super::world::World;
use super::{Medium, on_stage};
use crate::functions::{self, at};
use crate::input::Input;
use crate::memory::Arena;

const THREADS: usize = 3;

/// Handles that every thread uses.
pub struct Pool<'p> {
    sessions: [AtomicU64; 8],
    objects: [AtomicU64; 16],
    next: AtomicUsize,
    place: &'p Place,
}

impl Pool<'_> {
    pub fn session(&self, choice: usize) -> u64 {
        self.sessions[choice % self.sessions.len()].load(Ordering::Relaxed)
    }

    pub fn object(&self, choice: usize) -> u64 {
        self.objects[choice % self.objects.len()].load(Ordering::Relaxed)
    }

    pub fn add_session(&self, handle: u64) {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.sessions[next % self.sessions.len()].store(handle, Ordering::Relaxed);
    }

    pub fn add_object(&self, handle: u64) {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.objects[next % self.objects.len()].store(handle, Ordering::Relaxed);
    }

    /// C_Finalize while others are in the module, and a new one.
    pub fn restart(&self) {
        // SAFETY: no pointers.
        let rv = unsafe { functions::invoke(at("C_Finalize"), &[0]) };
        functions::check_row(at("C_Finalize"), rv);
        // Another thread may have been faster.
        let _ = self.place.module();
    }
}

thread_local! {
    static ARENAS: std::cell::RefCell<Vec<Arena>> =
        std::cell::RefCell::new((0..THREADS).map(|_| Arena::new()).collect());
}

/// One sequence a thread.
pub fn run(bytes: &[u8]) {
    on_stage(Medium::Memory, |_, place| {
        place.standing = false;
        place.module().expect("no module is installed");
        let pool = Pool {
            sessions: Default::default(),
            objects: Default::default(),
            next: AtomicUsize::new(0),
            place,
        };
        ARENAS.with_borrow_mut(|arenas| {
            let pieces = Input::new(bytes).pieces(THREADS);
            std::thread::scope(|scope| {
                for (piece, arena) in pieces.into_iter().zip(arenas) {
                    let pool = &pool;
                    scope.spawn(move || sequence(piece, arena, pool));
                }
            });
        });
        // SAFETY: no pointers.
        unsafe { functions::invoke(at("C_Finalize"), &[0]) };
        false
    });
}

fn sequence(bytes: &[u8], arena: &mut Arena, pool: &Pool<'_>) {
    let mut world = World::shared(Input::new(bytes), arena, pool);
    world.begin_among_others();
    while !world.input.is_empty() {
        world.step();
    }
    world.end();
}
