//! Objects: creating, copying, changing and reading them under the rules of their class.

pub mod usage;
