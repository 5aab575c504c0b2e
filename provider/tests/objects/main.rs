//! Objects under the rules of their class: every way to make, change, copy, read and find one, held
//! against the tables.

mod changes;
mod defaults;
mod footnotes;
mod history;
mod searches;
mod templates;
