//! Attributes: their types and values, the rules of each class as data, templates, matching.

pub mod abi;
pub mod class;
pub mod key_type;
pub mod matching;
pub mod rule;
pub mod shared;
pub mod table;
pub mod template;
pub mod types;
pub mod value;

pub use class::ObjectClass;
pub use key_type::KeyType;
pub use shared::Shared;
pub use template::{Entry, Raw, Template};
pub use types::AttributeType;
pub use value::{Attributes, Value};
