//! The embedded token over its stores: PINs, sealing, searching, several processes, damage, forks.

mod check;
mod children;
mod copies;
mod damage;
mod events;
mod files;
mod flips;
mod forks;
mod groups;
mod harness;
mod log;
mod mechanisms;
mod media;
mod objects;
mod pins;
mod processes;
mod set;
