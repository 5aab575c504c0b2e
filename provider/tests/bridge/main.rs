//! The bridge to SoftHSM2, to a second copy of our module, and to a module that fails as devices
//! do: what an application sees of the inner token, and of its faults.

#[path = "../harness/mod.rs"]
mod harness;

mod apart;
mod beside;
mod failover;
mod faults;
mod forks;
mod lifecycle;
mod limits;
mod losses;
mod pair;
mod pins;
mod places;
mod relay;
mod replication;
mod setting;
mod storm;
mod through;
