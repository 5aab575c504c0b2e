//! Links the exit watch behind AWS-LC, and keeps the module in memory once it is loaded.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=src/ffi/exit.c");
    let objects = cc::Build::new().file("src/ffi/exit.c").compile_intermediates();
    for object in objects {
        // As a bare object at the end of the command line, and not as a library: destructors run
        // from the last to the first in link order, and this one must run before AWS-LC's.
        let object = absolute(&object);
        println!("cargo:rustc-link-arg={object}");
        // Arguments do not reach programs that link the rlib; their build scripts add it.
        println!("cargo:exit={object}");
    }
    // Threads that end after dlclose still run the engine's thread destructors.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}

fn absolute(object: &Path) -> String {
    let directory = env::current_dir().expect("cargo runs build scripts in the package's folder");
    directory.join(object).display().to_string()
}
