//! `keyway agree`.

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::arguments::{AgreeCommand, Options};
use super::confirm::confirm;
use super::file::{self, Readers};
use super::key::{Done, hex};
use super::open::with_kms_in_turn;
use super::page::Page;
use super::print::{Answer, tell, tell_saved};
use crate::domain::exchange::PublicValue;
use crate::error::Result;

/// An agreed key, and the tag to compare with the peer's.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    done: Done,
    confirmation: String,
}

/// How many pairs were destroyed.
#[derive(Serialize)]
struct Cancelled {
    cancelled: usize,
}

impl Answer for Told {
    fn text(&self, page: &mut Page) {
        self.done.text(page);
        page.line(format_args!("confirmation {}", self.confirmation));
    }
}

impl Answer for Cancelled {
    fn text(&self, page: &mut Page) {
        page.line(format_args!("{} agreement(s) cancelled", self.cancelled));
    }
}

pub(super) fn run(options: &Options, command: AgreeCommand) -> Result<()> {
    match command {
        AgreeCommand::Start { group, public_out } => {
            let public = with_kms_in_turn(options, |kms| kms.start_agreement(group))?;
            file::write(public_out.as_deref(), public.to_pem()?.as_bytes(), Readers::Anybody)?;
            tell_saved(options, public_out.as_deref(), &json!({ "group": group.name() }))
        }
        AgreeCommand::Finish { peer, name, usage, own } => {
            let peer = read(&peer)?;
            let own = own.as_deref().map(read).transpose()?;
            let agreed = with_kms_in_turn(options, |kms| {
                kms.finish_agreement(&name, usage, own.as_ref(), &peer)
            })?;
            let confirmation = hex(&agreed.confirmation);
            tell(options, &Told { done: Done::made(&agreed.record, "agreed"), confirmation })
        }
        AgreeCommand::Cancel { yes } => {
            confirm(yes, "Destroy every ephemeral pair that waits for a peer")?;
            let count = with_kms_in_turn(options, |kms| kms.cancel_agreements())?;
            tell(options, &Cancelled { cancelled: count })
        }
    }
}

fn read(path: &Path) -> Result<PublicValue> {
    let pem = file::read(Some(path))?;
    PublicValue::from_pem(&pem).map_err(|error| error.while_doing(path.display()))
}
