//! Functions of PKCS#11 that few programs call, through the C interface.

mod cancel;
mod digest;
mod dual;
mod harness;
mod login;
mod message;
mod recover;
mod state;
