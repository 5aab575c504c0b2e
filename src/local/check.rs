//! Whether a token is what Keyway left there.

use keyway_pkcs11::backend::Pin as Local;

use super::LocalToken;
use super::error::local_error;
use crate::error::Result;
use crate::token::Pin;

/// What a check of a whole token saw.
#[derive(Debug)]
pub struct Health {
    /// The token's label; empty if not even that can be read.
    pub label: String,
    /// Whether private objects, authentication codes and the seal were looked at.
    pub unlocked: bool,
    pub objects: u64,
    pub events: u64,
    /// Objects that changed without a login since the user's last one.
    pub unattested: u64,
    /// Empty if all is well.
    pub damage: Vec<Damage>,
}

/// One thing that is wrong.
#[derive(Debug)]
pub struct Damage {
    pub what: String,
    /// What the person can do next.
    pub advice: &'static str,
}

impl LocalToken {
    /// Looks at everything in the token's files; without the user's PIN at what needs none.
    ///
    /// # Errors
    /// [`Kind::Pin`](crate::error::Kind::Pin); damage is part of the answer.
    pub fn check(&self, pin: Option<&Pin>) -> Result<Health> {
        let report = self.admin.check(pin.map(|pin| Local(pin.expose()))).map_err(local_error)?;
        let damage = report.findings.into_iter();
        Ok(Health {
            label: report.label,
            unlocked: report.unlocked,
            objects: report.objects,
            events: report.events,
            unattested: report.unattested,
            damage: damage
                .map(|found| Damage { what: found.what, advice: found.remedy.advice() })
                .collect(),
        })
    }

    /// Accepts the set of objects and accounts as the check found it.
    ///
    /// # Errors
    /// [`Kind::Pin`](crate::error::Kind::Pin), [`Kind::Token`](crate::error::Kind::Token) if only a
    /// backup helps.
    pub fn accept(&self, pin: &Pin) -> Result<()> {
        self.admin.accept(Local(pin.expose())).map_err(local_error)
    }
}
