//! One key under many threads: leases share it, operations do not disturb each other.

use super::{Pair, RSA, lease, sign, verify};
use crate::attribute::{AttributeType as A, KeyType, Value};
use crate::engine::curve::Curve;
use crate::mechanism::{MechanismType as M, Params};

#[test]
fn one_key_signs_in_many_threads_at_once() {
    let curve = [(A::EC_PARAMS, Value::bytes(Curve::P256.params()))];
    let ec = Pair::generate(M::EC_KEY_PAIR_GEN, KeyType::EC, &curve, &[]).unwrap();
    for (mechanism, pair) in [(M::SHA256_RSA_PKCS, &RSA[0]), (M::ECDSA_SHA256, &ec)] {
        let (private, public) = (lease(&pair.private).unwrap(), lease(&pair.public).unwrap());
        std::thread::scope(|scope| {
            for thread in 0..8u8 {
                let (private, public) = (private.renew(), public.renew());
                scope.spawn(move || {
                    for round in 0..20u8 {
                        let message = [thread, round];
                        let signature = sign(mechanism, &private, &Params::None, &message).unwrap();
                        verify(mechanism, &public, &Params::None, &message, &signature).unwrap();
                    }
                });
            }
        });
    }
}
