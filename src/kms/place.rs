//! Where modules are: our own, and those that a PKCS#11 URI names.

use std::path::PathBuf;

use crate::domain::uri::Uri;
use crate::error::{Kind, Result};
use crate::token::{OWN_MODULE, named_module_places, own_module_places};

/// The module that a PKCS#11 URI names, by its path or else by its name.
///
/// # Errors
/// [`Kind::NotFound`] when no module of the name is where libraries lie.
pub fn module_of(uri: &Uri) -> Result<Option<PathBuf>> {
    let named = || uri.module_name.as_deref().map(named_module).transpose();
    match &uri.module_path {
        Some(path) => Ok(Some(path.clone())),
        None => named(),
    }
}

fn named_module(name: &str) -> Result<PathBuf> {
    let places = named_module_places(name);
    places.iter().find(|place| place.exists()).cloned().ok_or_else(|| {
        Kind::NotFound
            .because(format!("no module called {name} lies where libraries lie"))
            .advise("name its file: module-path=/path/to/module.so in the URI, or --module")
    })
}

/// Our own module: beside the running program, else where libraries lie.
///
/// # Errors
/// [`Kind::NotFound`] with the places where it is not.
pub fn own_module() -> Result<PathBuf> {
    let executable = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
    let places = own_module_places(executable.as_deref());
    places.iter().find(|place| place.exists()).cloned().ok_or_else(|| {
        let directories: Vec<_> = places
            .iter()
            .filter_map(|place| place.parent())
            .map(|directory| directory.display().to_string())
            .collect();
        Kind::NotFound
            .because(format!("{OWN_MODULE} is not in {}", directories.join(", ")))
            .advise("name a module: --module /path/to/module.so, or set KEYWAY_MODULE")
    })
}
