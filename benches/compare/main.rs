//! The same work on our module, on SoftHSM2, NSS softoken, Kryoptic and bare AWS-LC, interleaved in
//! one run, as ratios. `benches/compare.sh` makes the tokens and runs the parts.

mod bare;
mod bridge;
mod chart;
mod contender;
mod many;
mod operations;
mod threads;
mod timing;
mod token;
mod work;

use std::path::PathBuf;

use contender::{Contender, Threads};

fn main() {
    let keys = || variable("COMPARE_KEYS").parse().expect("COMPARE_KEYS is a number");
    let keyway = variable("COMPARE_KEYWAY");
    match variable("COMPARE_PART").as_str() {
        "operations" => {
            let mut modules = both();
            if let Ok(path) = std::env::var("COMPARE_NSS") {
                let words = Some(variable("COMPARE_NSS_PARAMETERS"));
                let mut nss = Contender::dlopen("NSS", &path, words);
                nss.open(Threads::One);
                modules.push(nss);
            }
            if let Ok(path) = std::env::var("COMPARE_KRYOPTIC") {
                modules.push(Contender::load("Kryoptic", &path));
            }
            let chart = std::env::var_os("COMPARE_CHART").map(PathBuf::from);
            operations::table(&modules, chart.as_deref());
            threads::table(&mut modules[0]);
        }
        "generation" => token::generation(&mut both(), &variable("COMPARE_PLACE")),
        "full" => token::full(&mut both(), keys()),
        "bridge" => {
            let direct = Contender::load("SoftHSM2", &variable("COMPARE_SOFTHSM"));
            bridge::table(&Contender::load("bridge", &keyway), &direct, keys());
        }
        "fill" => many::fill(&keyway, keys() as u32),
        "many" => many::row(&keyway, keys() as u32),
        part => panic!("COMPARE_PART is {part}: run benches/compare.sh"),
    }
}

fn both() -> Vec<Contender> {
    vec![
        Contender::load("keyway", &variable("COMPARE_KEYWAY")),
        Contender::load("SoftHSM2", &variable("COMPARE_SOFTHSM")),
    ]
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        eprintln!("{name} is not set: run benches/compare.sh");
        std::process::exit(2);
    })
}
