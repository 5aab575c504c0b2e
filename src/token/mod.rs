//! Tokens through cryptoki: the adapters of the ports.

mod account;
mod error;
mod import;
mod mechanism;
mod module;
mod open;
mod pin;
mod pool;
mod raw;
mod record_store;
mod slot;
mod transfer;
mod trust;
mod vault;

pub use account::{Account, change_pin, unlock};
pub use import::{Import, Outcome, import};
pub use mechanism::{Function, Mechanism, mechanisms};
pub use module::{Module, OWN_MODULE, named_module_places, own_module_places};
pub use open::OpenToken;
pub(crate) use pin::first_line;
pub use pin::{Pin, PinSource};
pub use pool::{Ending, Intent, Lease, Pool, Sizes};
pub use record_store::TokenRecords;
pub(crate) use slot::check_label;
pub use slot::{Initialisation, TokenSummary, chosen, initialise, summaries};
pub use transfer::{
    Compared, Copied, Difference, Repair, State, Transferred, Way, compare, transfer,
};
pub use trust::trust;
pub use vault::TokenVault;
