//! Links the exit watch of the module, as the command does (`provider/build.rs`).

fn main() {
    let object = std::env::var("DEP_KEYWAY_PKCS11_EXIT").expect("keyway-pkcs11 names its object");
    println!("cargo:rustc-link-arg={object}");
}
