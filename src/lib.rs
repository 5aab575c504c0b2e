//! Keyway: key management on any PKCS#11 token.
//!
//! The layers, from the inside out; each knows only those above it:
//!
//! - [`domain`]: names, states, records, ciphertext headers, key agreement. Pure: no token, no
//!   file, no clock.
//! - [`port`]: what the use cases need of the world ([`port::Vault`], [`port::Registry`],
//!   [`port::Clock`]).
//! - [`service`]: the use cases, one file a verb.
//! - [`token`] (cryptoki), [`registry`] (records on the token), [`journal`] (what became
//!   of them), [`clock`]: the adapters; [`local`]
//!   for what is done to the files of our own tokens, [`foreign`] for other programs' key stores, [`doctor`] for the
//!   installation, [`transport`] for ways to a peer.
//! - [`kms`] for programs, [`cli`] for people: what puts them together.
//!
//! A program begins with [`Kms`].
//!
//! Every path to a private key goes through [`port::Vault`], and none of its methods returns a
//! private or secret key.
#![deny(unsafe_code)]

pub mod cli;
pub mod clock;
pub mod doctor;
pub mod domain;
pub mod error;
pub mod foreign;
pub mod journal;
pub mod kms;
pub mod local;
pub mod port;
pub mod registry;
pub mod service;
pub mod token;
pub mod transport;
mod turn;
mod users;

pub use error::{Error, Kind, Result};
pub use kms::{Builder, Kms};
