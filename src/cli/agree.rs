//! `keyway agree`.

use std::path::Path;

use super::arguments::{AgreeCommand, Options};
use super::confirm::confirm;
use super::file::{self, Readers};
use super::open::with_kms_in_turn;
use super::print::say;
use crate::domain::exchange::PublicValue;
use crate::error::Result;

pub(super) fn run(options: &Options, command: AgreeCommand) -> Result<()> {
    match command {
        AgreeCommand::Start { group, public_out } => {
            let public = with_kms_in_turn(options, |kms| kms.start_agreement(group))?;
            file::write(public_out.as_deref(), public.to_pem()?.as_bytes(), Readers::Anybody)
        }
        AgreeCommand::Finish { peer, name, usage, own } => {
            let peer = read(&peer)?;
            let own = own.as_deref().map(read).transpose()?;
            let agreed = with_kms_in_turn(options, |kms| {
                kms.finish_agreement(&name, usage, own.as_ref(), &peer)
            })?;
            let tag: String = agreed.confirmation.iter().map(|b| format!("{b:02x}")).collect();
            say(format_args!(
                "key {name} agreed: {}, to {}",
                agreed.record.algorithm(),
                agreed.record.usage()
            ))?;
            say(format_args!("confirmation {tag}"))?;
            Ok(())
        }
        AgreeCommand::Cancel { yes } => {
            confirm(yes, "Destroy every ephemeral pair that waits for a peer")?;
            let count = with_kms_in_turn(options, |kms| kms.cancel_agreements())?;
            say(format_args!("{count} agreement(s) cancelled"))?;
            Ok(())
        }
    }
}

fn read(path: &Path) -> Result<PublicValue> {
    let pem = file::read(Some(path))?;
    PublicValue::from_pem(&pem).map_err(|error| error.while_doing(path.display()))
}
