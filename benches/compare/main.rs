//! The same work on our module, on SoftHSM2 and on bare AWS-LC, interleaved in one run, as ratios
//! of CPU time. `benches/compare.sh` makes the tokens and runs it.

mod bare;
mod bridge;
mod contender;
mod operations;
mod timing;
mod token;

use contender::Contender;

fn main() {
    let variable = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| {
            eprintln!("{name} is not set: run benches/compare.sh");
            std::process::exit(2);
        })
    };
    let keys = variable("COMPARE_KEYS").parse().expect("COMPARE_KEYS is a number");
    if let Ok(path) = std::env::var("COMPARE_BRIDGED") {
        let direct = Contender::load("softhsm2", &variable("COMPARE_SOFTHSM"));
        let bridged = Contender::load("bridge", &path);
        return bridge::table(&bridged, &direct, keys);
    }
    let mut contenders = [
        Contender::load("keyway", &variable("COMPARE_KEYWAY")),
        Contender::load("softhsm2", &variable("COMPARE_SOFTHSM")),
    ];
    operations::table(&contenders[0], &contenders[1]);
    token::generation(&mut contenders);
    if keys > 0 {
        token::full(&mut contenders, keys);
    }
}
