//! Several inner tokens that hold the same keys, as one token: what one of them cannot do another
//! does, and what is made or changed is so on each of them. `docs/bridge.md` describes it.
//!
//! | file | holds |
//! |---|---|
//! | `token` | the tokens as one of ours |
//! | `set` | which token does it, and who comes next |
//! | `member`, `health` | one token of them, and whether it works |
//! | `table`, `same` | objects of the slot, and the object of each token behind them |
//! | `facts` | what tells that a key is the same on two tokens |
//! | `key`, `moving` | keys, and operations that go on with another token |
//! | `login` | who is logged in where |
//! | `changes` | what is made, changed and destroyed on all of them |
//! | `passage` | the way of a new key from one to the others |

mod changes;
mod facts;
mod health;
mod key;
mod login;
mod member;
mod moving;
mod passage;
mod same;
mod set;
mod table;
mod token;

pub(super) use member::Member;
pub(super) use token::ReplicatedToken;
