//! `keyway token list` and `show`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::super::arguments::Options;
use super::super::page::{Cell, Page, Table};
use super::super::print::{Answer, tell};
use crate::error::Result;
use crate::local::{LocalToken, bridge, is_own, mechanism_name};
use crate::token::{Module, TokenSummary, chosen, mechanisms, summaries};

/// Every token of a module.
#[derive(Serialize)]
struct Tokens {
    tokens: Vec<TokenView>,
}

/// A token as its module shows it.
#[derive(Serialize)]
struct TokenView {
    /// Null before it is initialised.
    token: Option<String>,
    serial: String,
    manufacturer: String,
    model: String,
    slot: u64,
    /// The state of the user PIN; null before it is initialised.
    pin: Option<&'static str>,
    writable: bool,
    mechanisms: usize,
}

/// One token, and where it is.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    token: TokenView,
    module: String,
    /// The token's file, if it is one of keyway's own module.
    file: Option<String>,
    /// The key in another token that it opens with beside a PIN.
    root: Option<String>,
    /// What it does, if that was asked for.
    mechanism_list: Option<Vec<MechanismView>>,
}

/// A mechanism and what the token does with it.
#[derive(Serialize)]
struct MechanismView {
    mechanism: String,
    functions: Vec<&'static str>,
    /// Who does each of the functions, where a slot of keyway's own module bridges to another
    /// module's token.
    origins: Option<BTreeMap<&'static str, &'static str>>,
}

pub(super) fn list(options: &Options, module: &Arc<Module>) -> Result<()> {
    let tokens = summaries(module)?.into_iter().map(TokenView::from).collect();
    tell(options, &Tokens { tokens })
}

/// No PIN is asked for: what a token does it says without a login.
pub(super) fn show(options: &Options, module: &Arc<Module>, everything: bool) -> Result<()> {
    let token = chosen(module, options.token.as_deref())?;
    let list = everything.then(|| listed(module, token.slot)).transpose()?;
    let is_in_a_file = is_own(module.path()) && !bridge::is_in(module.path(), token.slot)?;
    let local = match is_in_a_file {
        true => Some(LocalToken::open(Some(module.path()), Some(&token.serial))?),
        false => None,
    };
    let file = local.as_ref().map(|local| local.file().display().to_string());
    let root = local.map(|local| local.root()).transpose()?.and_then(|root| root.key);
    let module = module.path().display().to_string();
    tell(options, &Shown { token: token.into(), module, file, root, mechanism_list: list })
}

fn listed(module: &Module, slot: u64) -> Result<Vec<MechanismView>> {
    let origins = bridge::origins(module.path(), slot)?;
    let view = |mechanism: crate::token::Mechanism| {
        let functions = mechanism.functions();
        let origins = origins.as_ref().map(|all| {
            let of = |(flag, word)| Some((word, all.of(mechanism.number, flag)?));
            functions.iter().copied().filter_map(of).collect()
        });
        MechanismView {
            mechanism: mechanism_name(mechanism.number),
            functions: functions.iter().map(|(_, word)| *word).collect(),
            origins,
        }
    };
    Ok(mechanisms(module, slot)?.into_iter().map(view).collect())
}

impl From<TokenSummary> for TokenView {
    fn from(token: TokenSummary) -> Self {
        Self {
            token: token.initialised.then_some(token.label),
            serial: token.serial,
            manufacturer: token.manufacturer,
            model: token.model,
            slot: token.slot,
            pin: token.initialised.then_some(token.pin),
            writable: !token.write_protected,
            mechanisms: token.mechanisms,
        }
    }
}

impl Answer for Tokens {
    fn text(&self, page: &mut Page) {
        let mut table = Table::new(&["LABEL", "SERIAL", "MODEL", "PIN", "SLOT"]);
        for token in &self.tokens {
            table.row([
                Cell::new(token.token.as_deref().unwrap_or("(free: keyway token init)")),
                Cell::or_dash(Some(&token.serial).filter(|serial| !serial.is_empty())),
                Cell::or_dash(Some(&token.model).filter(|model| !model.is_empty())),
                Cell::or_dash(token.pin),
                Cell::new(token.slot),
            ]);
        }
        page.table(&table);
    }
}

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        let Self { token, module, file, root, mechanism_list } = self;
        page.field_if("token", token.token.as_ref());
        page.field("module", module);
        page.field_if("file", file.as_ref());
        page.field_if("root", root.as_ref());
        page.field("slot", token.slot);
        page.field("serial", &token.serial);
        page.field("model", format_args!("{} ({})", token.model, token.manufacturer));
        page.field_if("user PIN", token.pin);
        page.field("writable", if token.writable { "yes" } else { "no" });
        page.field("mechanisms", token.mechanisms);
        if let Some(list) = mechanism_list {
            page.line("");
            page.table(&table(list));
        }
    }
}

fn table(list: &[MechanismView]) -> Table {
    let bridged = list.iter().any(|row| row.origins.is_some());
    let mut table = match bridged {
        true => Table::new(&["MECHANISM", "FUNCTIONS", "ORIGIN"]),
        false => Table::new(&["MECHANISM", "FUNCTIONS"]),
    };
    for MechanismView { mechanism, functions, origins } in list {
        let (mechanism, does) = (Cell::new(mechanism), Cell::new(functions.join(", ")));
        match origins {
            Some(origins) => table.row([mechanism, does, Cell::new(told(functions, origins))]),
            None => table.row([mechanism, does]),
        }
    }
    table
}

/// One word where one does it all.
fn told(functions: &[&'static str], origins: &BTreeMap<&'static str, &'static str>) -> String {
    let of = |function: &&'static str| origins.get(function).copied();
    match functions.first().and_then(of) {
        Some(one) if functions.iter().all(|function| of(function) == Some(one)) => one.to_owned(),
        _ => {
            let each = functions
                .iter()
                .filter_map(|function| of(function).map(|origin| format!("{function}: {origin}")));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}
