//! `keyway token rewrap`: another root key for a token, or none.

use std::path::Path;

use serde::Serialize;

use crate::cli::arguments::Options;
use crate::cli::page::Page;
use crate::cli::pin;
use crate::cli::print::{Answer, tell};
use crate::error::Result;
use crate::local::{LocalToken, NewRoot};

/// `root` and `to` are PKCS#11 URIs; `to` may be "none".
pub(super) fn run(
    options: &Options,
    root: Option<&str>,
    to: Option<&str>,
    so_pin_file: Option<&Path>,
) -> Result<()> {
    let token = LocalToken::open(options.module.as_deref(), options.token.as_deref())?;
    let new = match to {
        None => NewRoot::Configured,
        Some("none") => NewRoot::Nothing,
        Some(uri) => NewRoot::Uri(uri),
    };
    let so_pin = pin::so(so_pin_file)?;
    let user_pin = token.has_user_pin()?.then(|| pin::user(options)).transpose()?;
    token.rewrap(root, new, &so_pin, user_pin.as_ref())?;
    let configured = token.configured_root();
    let configure = match (new, configured) {
        (NewRoot::Uri(uri), configured) if configured.as_deref() != Some(uri) => {
            Some(format!("root = \"{uri}\""))
        }
        (NewRoot::Nothing, Some(_)) => Some("no root".to_owned()),
        _ => None,
    };
    tell(options, &Told { token: token.name()?, root: token.root()?.key, configure })
}

#[derive(Serialize)]
struct Told {
    token: String,
    /// The key that the token opens with beside a PIN; null for none.
    root: Option<String>,
    /// What the token's slot has to say in keyway.toml now, if it says something else.
    configure: Option<String>,
}

impl Answer for Told {
    fn text(&self, page: &mut Page) {
        let Self { token, root, configure } = self;
        match root {
            Some(root) => page.line(format_args!("token {token} opens with a PIN and {root}")),
            None => page.line(format_args!("token {token} opens with a PIN alone")),
        }
        if let Some(configure) = configure {
            page.line(format_args!(
                "change its [[slot]] in keyway.toml, or no PIN opens it: {configure}"
            ));
        }
    }
}
