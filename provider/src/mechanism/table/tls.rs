//! TLS 1.2 (specification sections "1.2 Mechanisms" and "Pre-master key generation"). Java takes its
//! TLS connections through these where the provider comes first.

use crate::attribute::KeyType;
use crate::engine::tls;
use crate::mechanism::params::tls as params;
use crate::mechanism::{MechanismSpec, MechanismType};

pub static ROWS: &[MechanismSpec] = &[
    MechanismSpec {
        id: MechanismType::TLS_PRE_MASTER_KEY_GEN,
        params: params::version,
        generate: Some(tls::pre_master),
        ..TLS
    },
    MechanismSpec {
        id: MechanismType::TLS12_MASTER_KEY_DERIVE,
        params: params::master,
        derive: Some(tls::master),
        ..TLS
    },
    MechanismSpec {
        id: MechanismType::TLS12_MASTER_KEY_DERIVE_DH,
        params: params::master_dh,
        derive: Some(tls::master),
        ..TLS
    },
    MechanismSpec {
        id: MechanismType::TLS12_EXTENDED_MASTER_KEY_DERIVE,
        params: params::extended_master,
        derive: Some(tls::master),
        ..TLS
    },
    MechanismSpec {
        id: MechanismType::TLS12_EXTENDED_MASTER_KEY_DERIVE_DH,
        params: params::extended_master_dh,
        derive: Some(tls::master),
        ..TLS
    },
    MechanismSpec {
        id: MechanismType::TLS12_KEY_AND_MAC_DERIVE,
        params: params::keys,
        derive_keys: Some(tls::keys),
        ..TLS
    },
    MechanismSpec {
        id: MechanismType::TLS12_KEY_SAFE_DERIVE,
        params: params::safe_keys,
        derive_keys: Some(tls::keys),
        ..TLS
    },
    MechanismSpec { id: MechanismType::TLS_KDF, ..KDF },
    MechanismSpec { id: MechanismType::TLS12_KDF, ..KDF },
    MechanismSpec { id: MechanismType::TLS_MAC, ..MAC },
    MechanismSpec { id: MechanismType::TLS12_MAC, ..MAC },
];

/// "ulMinKeySize and ulMaxKeySize [...] both indicate 48 bytes."
const TLS: MechanismSpec = MechanismSpec {
    keys: &[KeyType::GENERIC_SECRET],
    sizes: (tls::MASTER as u64, tls::MASTER as u64),
    ..MechanismSpec::DEFAULT
};

const KDF: MechanismSpec = MechanismSpec { params: params::kdf, derive: Some(tls::kdf), ..TLS };

const MAC: MechanismSpec =
    MechanismSpec { params: params::mac, sign: Some(tls::sign), verify: Some(tls::verify), ..TLS };
