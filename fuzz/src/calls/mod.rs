//! Sequences of C calls against the reference model.
//!
//! | file | holds |
//! |---|---|
//! | `model` | what an application may expect: sessions, logins, operations, handles |
//! | `mechanism` | the mechanisms that are foretold, and their parameters |
//! | `world` | one sequence: its model, its memory, how an answer is held against what is permitted |
//! | `operation`, `buffers` | Init, Update, Final and one-shot functions |
//! | `message` | message-based functions |
//! | `beside` | what goes on beside them: two at once, digested keys, saved states |
//! | `object`, `template`, `find`, `key` | objects, searches, keys |
//! | `session`, `login`, `slot` | C_Initialize, sessions, logins and PINs, slots |
//! | `parameters` | templates and parameters of any content |
//! | `token` | the token under it |
//! | `threads` | several sequences at once |
//! | `fault` | answers altered on purpose, to show that the model notices |

mod beside;
mod buffers;
pub mod fault;
mod find;
mod key;
mod login;
mod mechanism;
mod message;
mod model;
mod object;
mod operation;
mod parameters;
mod session;
mod slot;
mod template;
pub mod threads;
mod token;
mod world;

use std::cell::RefCell;

pub use parameters::{parameters, templates};
pub use template::P256;
pub use token::{Medium, scratch};

use crate::input::Input;
use crate::leak;
use crate::memory::Arena;
use token::Place;
use world::World;

/// Sequences on one token before it is made anew.
const SEQUENCES: u32 = 128;

/// What outlives a sequence.
struct Stage {
    arena: Arena,
    place: Place,
    sequences: u32,
}

thread_local! {
    static STAGE: RefCell<Option<Stage>> = const { RefCell::new(None) };
}

/// Runs one input as a sequence of calls.
pub fn run(bytes: &[u8], medium: Medium) {
    on_stage(medium, |arena, place| {
        let mut world = World::new(Input::new(bytes), arena, Some(place));
        world.begin();
        while !world.input.is_empty() {
            world.step();
        }
        world.end()
    });
}

/// Runs `sequence` on a token that is as if new; it says whether it left the token so.
fn on_stage(medium: Medium, sequence: impl FnOnce(&mut Arena, &mut Place) -> bool) {
    STAGE.with_borrow_mut(|stage| {
        let stage = stage.get_or_insert_with(|| {
            let mut place = Place::new(medium);
            place.renew();
            Stage { arena: Arena::new(), place, sequences: 0 }
        });
        stage.sequences += 1;
        let worn = stage.sequences.is_multiple_of(SEQUENCES);
        stage.place.last = worn;
        let clean = sequence(&mut stage.arena, &mut stage.place);
        if worn || !clean {
            stage.place.renew();
        }
        if worn {
            leak::settled();
        }
    });
}
