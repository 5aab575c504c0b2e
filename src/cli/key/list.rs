//! `keyway key list` and `keyway key show`.

use serde::Serialize;

use super::command::Filter;
use super::view::{KeyView, ShareView, StrayView};
use crate::cli::arguments::Options;
use crate::cli::open::with_kms;
use crate::cli::page::{Cell, Page, Table};
use crate::cli::print::{Answer, tell};
use crate::domain::key::KeyName;
use crate::domain::record::KeyRecord;
use crate::error::Result;
use crate::service::Inventory;

/// What is on the token.
#[derive(Serialize)]
struct Keys {
    keys: Vec<KeyView>,
    /// What is tampered with, missing, duplicated or unfinished.
    problems: Vec<String>,
    unmanaged: Vec<StrayView>,
}

/// One key.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    key: KeyView,
    /// For whom a version of it was wrapped.
    shares: Vec<ShareView>,
    /// The subjects of the certificates on the token for it.
    certificates: Vec<String>,
    /// For keys that encrypt with AES-GCM.
    messages: Option<Messages>,
    problems: Vec<String>,
    unmanaged: Vec<StrayView>,
}

/// About how many messages the newest version has encrypted, and how many end it.
#[derive(Serialize)]
struct Messages {
    counted: u64,
    most: u64,
}

pub(super) fn all(options: &Options, filter: &Filter) -> Result<()> {
    let Inventory { records, problems, strays, .. } = with_kms(options, |kms| kms.list_keys())?;
    let keys = records.iter().filter(|record| filter.admits(record)).map(KeyView::from).collect();
    tell(options, &Keys { keys, problems, unmanaged: strays.iter().map(StrayView::from).collect() })
}

impl Filter {
    fn admits(&self, record: &KeyRecord) -> bool {
        self.owner.as_ref().is_none_or(|owner| record.terms().owner.as_ref() == Some(owner))
            && self.state.is_none_or(|state| record.state() == state)
            && self.algorithm.is_none_or(|algorithm| record.algorithm() == algorithm)
    }
}

pub(super) fn one(options: &Options, name: &KeyName) -> Result<()> {
    let inventory = with_kms(options, |kms| kms.show_key(name))?;
    let Inventory { records, problems, strays, certificates, shares, messages } = inventory;
    let messages = messages.map(|(counted, most)| Messages { counted, most });
    let shares = shares.iter().map(ShareView::from).collect();
    let unmanaged: Vec<_> = strays.iter().map(StrayView::from).collect();
    match records.first() {
        Some(record) => {
            let key = record.into();
            let shown = Shown { key, certificates, shares, messages, problems, unmanaged };
            tell(options, &shown)
        }
        None => tell(options, &Keys { keys: Vec::new(), problems, unmanaged }),
    }
}

impl Answer for Keys {
    fn text(&self, page: &mut Page) {
        let mut table =
            Table::new(&["NAME", "ALGORITHM", "USE", "VERSIONS", "STATE", "CREATED", "OWNER"]);
        for key in &self.keys {
            table.row([
                Cell::new(&key.name),
                Cell::new(key.algorithm),
                Cell::new(key.usage),
                Cell::new(key.versions.len()),
                Cell::state(key.state),
                Cell::new(key.created),
                Cell::new(key.owner.as_ref().map_or("", |owner| owner.as_str())),
            ]);
        }
        page.table(&table);
        tell_problems(page, &self.problems, &self.unmanaged);
    }
}

impl Answer for Shown {
    fn text(&self, page: &mut Page) {
        self.key.text(page);
        for subject in &self.certificates {
            page.field("certificate", subject);
        }
        for ShareView { version, subject, since } in &self.shares {
            page.field("shared", format_args!("version {version} with {subject} since {since}"));
        }
        if let Some(Messages { counted, most }) = self.messages {
            page.field("messages", format_args!("about {counted} counted of {most}, then rotated"));
        }
        tell_problems(page, &self.problems, &self.unmanaged);
    }
}

fn tell_problems(page: &mut Page, problems: &[String], unmanaged: &[StrayView]) {
    for problem in problems {
        page.warning(format_args!("warning: {problem}"));
    }
    unmanaged.iter().for_each(|stray| stray.text(page));
}
