//! Digests (specification sections "Digests" and following): no key, no parameter.

use crate::engine::digest::start;
use crate::mechanism::spec::StartDigest;
use crate::mechanism::{Hash, MechanismSpec, MechanismType};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec { legacy: true, ..row(MechanismType::MD5, || start(Hash::Md5)) },
    row(MechanismType::SHA_1, || start(Hash::Sha1)),
    row(MechanismType::SHA224, || start(Hash::Sha224)),
    row(MechanismType::SHA256, || start(Hash::Sha256)),
    row(MechanismType::SHA384, || start(Hash::Sha384)),
    row(MechanismType::SHA512, || start(Hash::Sha512)),
    row(MechanismType::SHA512_224, || start(Hash::Sha512_224)),
    row(MechanismType::SHA512_256, || start(Hash::Sha512_256)),
    row(MechanismType::SHA3_224, || start(Hash::Sha3_224)),
    row(MechanismType::SHA3_256, || start(Hash::Sha3_256)),
    row(MechanismType::SHA3_384, || start(Hash::Sha3_384)),
    row(MechanismType::SHA3_512, || start(Hash::Sha3_512)),
];

const fn row(id: MechanismType, start: StartDigest) -> MechanismSpec {
    MechanismSpec { id, digest: Some(start), ..MechanismSpec::DEFAULT }
}
