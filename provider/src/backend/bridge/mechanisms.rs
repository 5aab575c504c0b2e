//! The mechanisms that a bridged token offers: rows of our table, masked to what works.
//!
//! Digests, and whatever is done with the public half of a pair, need nothing of the inner token:
//! the engine does it. The rest is what the inner token announces, and what can be composed out of
//! that. Mechanisms that it announces and our table lacks pass through with opaque parameters.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use once_cell::sync::Lazy;
use pkcs11_sys as ck;

use super::supplied::{self, Way};
use crate::attribute::KeyType;
use crate::backend::{Operation, Origin, Origins};
use crate::engine::Lease;
use crate::error::{Code, Error, Result};
use crate::ffi::inner::InnerMechanism;
use crate::mechanism::set::{self, Legacy};
use crate::mechanism::{Function, MechanismSpec, MechanismType, Params, params};
use crate::policy::Policy;
use crate::secret::Secret;

/// Keys whose public half the engine uses: whoever has it needs no token.
const PUBLIC: [KeyType; 4] = [KeyType::RSA, KeyType::EC, KeyType::EC_EDWARDS, KeyType::DSA];

/// The inner mechanisms' part in a set of rows: type, sizes and flags of each.
type Announced = Vec<(u64, (u64, u64), u64)>;

type Rows = Vec<&'static MechanismSpec>;

/// Every set of rows that was asked for in this process.
///
/// Rows live as long as the process, since whatever names a mechanism does so by reference. They
/// are made once for each distinct set of inner mechanisms and configuration, of which there are as
/// many as different tokens behind the bridge, some tens of kilobytes each.
static SETS: Lazy<Mutex<HashMap<(Announced, usize), Rows>>> = Lazy::new(Mutex::default);

/// The rows that a token offers whose inner token announces `inner`, in ascending order of type.
pub(super) fn rows(
    inner: &[InnerMechanism],
    legacy: Legacy,
    policy: Policy,
) -> Vec<&'static MechanismSpec> {
    let announced: Announced = inner.iter().map(|row| (row.id.0, row.sizes, row.flags)).collect();
    let configuration =
        usize::from(legacy == Legacy::Allowed) << 1 | usize::from(policy.wraps_malleably());
    let mut sets = SETS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = sets.entry((announced, configuration)).or_insert_with(|| {
        let rows = make(inner, legacy, policy);
        rows.into_iter().map(|row| &*Box::leak(Box::new(row))).collect()
    });
    made.clone()
}

/// Who does `function` with the mechanism of `row`; `None` if nobody does.
pub(super) fn origin(
    inner: &[InnerMechanism],
    row: &MechanismSpec,
    function: Function,
) -> Option<Origin> {
    if function == Function::Digest {
        return row.digest.map(|_| Origin::Engine);
    }
    if in_engine(row, function) {
        return Some(Origin::Engine);
    }
    let ways = supplied::ways(row.id, function, |id| announces(inner, id, flag(function)));
    ways.first().map(|way| match way {
        Way::Inner => Origin::Inner,
        Way::Composed { .. } => Origin::Composed,
    })
}

/// What a row does and who does it.
pub(super) fn origins(inner: &[InnerMechanism], row: &MechanismSpec) -> Origins {
    let does = |function: Function| {
        #[allow(clippy::unnecessary_cast)] // 32 bits wide on some platforms
        let bit = flag(function) as ck::CK_FLAGS;
        let has = row.flags() & bit != 0 && !(row.opaque && function == Function::Digest);
        has.then(|| origin(inner, row, function).map(|origin| (bit, origin))).flatten()
    };
    let makes = [ck::CKF_GENERATE, ck::CKF_GENERATE_KEY_PAIR];
    let makes = makes.into_iter().filter(|bit| row.flags() & bit != 0);
    let uses = Function::ALL.into_iter().filter_map(does);
    Origins(uses.chain(makes.map(|bit| (bit, Origin::Inner))).collect())
}

/// Whether the engine does it with a public key's readable attributes.
pub(super) fn in_engine(row: &MechanismSpec, function: Function) -> bool {
    let public = matches!(function, Function::Encrypt | Function::Verify | Function::VerifyRecover);
    public
        && !row.opaque
        && row.start(function).is_some()
        && row.keys.iter().any(|key_type| PUBLIC.contains(key_type))
}

pub(super) fn announces(inner: &[InnerMechanism], id: MechanismType, flag: u64) -> bool {
    find(inner, id).is_some_and(|row| row.flags & flag != 0)
}

fn find(inner: &[InnerMechanism], id: MechanismType) -> Option<&InnerMechanism> {
    inner.binary_search_by_key(&id, |row| row.id).ok().map(|at| &inner[at])
}

/// `CKF_SIGN` and its like.
#[allow(clippy::useless_conversion)] // 32 bits wide on some platforms
pub(super) fn flag(function: Function) -> u64 {
    u64::from(match function {
        Function::Encrypt => ck::CKF_ENCRYPT,
        Function::Decrypt => ck::CKF_DECRYPT,
        Function::Digest => ck::CKF_DIGEST,
        Function::Sign => ck::CKF_SIGN,
        Function::Verify => ck::CKF_VERIFY,
        Function::SignRecover => ck::CKF_SIGN_RECOVER,
        Function::VerifyRecover => ck::CKF_VERIFY_RECOVER,
        Function::Wrap => ck::CKF_WRAP,
        Function::Unwrap => ck::CKF_UNWRAP,
        Function::Derive => ck::CKF_DERIVE,
    })
}

fn make(inner: &[InnerMechanism], legacy: Legacy, policy: Policy) -> Vec<MechanismSpec> {
    let known = set::offered(legacy, policy).iter().map(|row| masked(row, inner));
    let unknown = inner.iter().filter(|row| set::look_up(row.id).is_err());
    let unknown = unknown.map(|row| opaque(row, policy));
    let does_something = |row: &MechanismSpec| row.flags() & !row.extra_flags != 0;
    let mut rows: Vec<_> = known.chain(unknown).filter(does_something).collect();
    rows.sort_by_key(|row| row.id);
    rows
}

/// What is left of a row of our table.
fn masked(row: &MechanismSpec, inner: &[InnerMechanism]) -> MechanismSpec {
    #[allow(clippy::useless_conversion)] // 32 bits wide on some platforms
    let has = |flag: ck::CK_FLAGS| announces(inner, row.id, u64::from(flag));
    let does = |function| origin(inner, row, function).is_some();
    let sizes = sizes(row, inner);
    let long_enough = sizes.1 >= row.legacy_below;
    MechanismSpec {
        sizes,
        encrypt: row.encrypt.filter(|_| does(Function::Encrypt)),
        decrypt: row.decrypt.filter(|_| does(Function::Decrypt)),
        sign: row.sign.filter(|_| does(Function::Sign)),
        verify: row.verify.filter(|_| does(Function::Verify)),
        sign_recover: row.sign_recover.filter(|_| does(Function::SignRecover)),
        verify_recover: row.verify_recover.filter(|_| does(Function::VerifyRecover)),
        generate: row.generate.filter(|_| has(ck::CKF_GENERATE)),
        generate_pair: row.generate_pair.filter(|_| has(ck::CKF_GENERATE_KEY_PAIR) && long_enough),
        wrap: row.wrap.filter(|_| does(Function::Wrap)),
        unwrap: row.unwrap.filter(|_| does(Function::Unwrap)),
        derive: row.derive.filter(|_| does(Function::Derive)),
        derive_keys: row.derive_keys.filter(|_| does(Function::Derive) && !only_several(row.id)),
        extra_flags: row.extra_flags | if has(ck::CKF_HW) { ck::CKF_HW } else { 0 },
        ..*row
    }
}

/// Whether all it derives is several keys at once, which does not go through a bridge.
fn only_several(id: MechanismType) -> bool {
    [MechanismType::TLS12_KEY_AND_MAC_DERIVE, MechanismType::TLS12_KEY_SAFE_DERIVE].contains(&id)
}

/// The sizes that the inner token announces for the mechanism, or for the one that it is composed
/// of; ours where it says nothing sensible.
fn sizes(row: &MechanismSpec, inner: &[InnerMechanism]) -> (u64, u64) {
    /// What an int can say: Java reads the sizes as one.
    const MOST: u64 = i32::MAX as u64;
    let of_base = || {
        let ways = [Function::Sign, Function::Decrypt].into_iter().flat_map(|function| {
            supplied::ways(row.id, function, |id| announces(inner, id, flag(function)))
        });
        let mut bases = ways.filter_map(|way| match way {
            Way::Composed { base, .. } => find(inner, base),
            Way::Inner => None,
        });
        bases.next()
    };
    match find(inner, row.id).or_else(of_base).map(|inner| inner.sizes) {
        Some((least, most)) if row.sizes.1 > 0 && most > 0 && least <= most => {
            (least.min(MOST), most.min(MOST))
        }
        _ => row.sizes,
    }
}

/// A mechanism that only the inner token knows. Nobody here can say what its wrapping and its
/// derivations show of a key, so these are there only where the policy lets malleable wrapping
/// pass; keys of unknown types are not made here, and digests are the engine's.
fn opaque(inner: &InnerMechanism, policy: Policy) -> MechanismSpec {
    let has = |function| inner.flags & flag(function) != 0;
    let shows = policy.wraps_malleably();
    let start = |function| has(function).then_some(foreign_start as crate::mechanism::spec::Start);
    MechanismSpec {
        id: inner.id,
        sizes: (inner.sizes.0.min(inner.sizes.1), inner.sizes.1),
        params: params::opaque,
        opaque: true,
        encrypt: start(Function::Encrypt),
        decrypt: start(Function::Decrypt),
        sign: start(Function::Sign),
        verify: start(Function::Verify),
        sign_recover: start(Function::SignRecover),
        verify_recover: start(Function::VerifyRecover),
        wrap: (shows && has(Function::Wrap)).then_some(foreign_wrap),
        unwrap: (shows && has(Function::Unwrap)).then_some(foreign_unwrap),
        wraps_private: true,
        derive: (shows && has(Function::Derive)).then_some(|_, _, _| Err(foreign())),
        extra_flags: inner.flags as ck::CK_FLAGS & (ck::CKF_HW | EC_FLAGS),
        ..MechanismSpec::DEFAULT
    }
}

const EC_FLAGS: ck::CK_FLAGS = ck::CKF_EC_F_P
    | ck::CKF_EC_F_2M
    | ck::CKF_EC_ECPARAMETERS
    | ck::CKF_EC_OID
    | ck::CKF_EC_UNCOMPRESS
    | ck::CKF_EC_COMPRESS
    | ck::CKF_EC_CURVENAME;

/// What the engine says to a mechanism that it does not know: only keys of the engine ask it, and
/// those of the inner token go there.
fn foreign() -> Error {
    Code::KeyTypeInconsistent.because("only the inner token knows the mechanism, not the engine")
}

fn foreign_start(_key: &Lease, _params: &Params<'_>) -> Result<Operation> {
    Err(foreign())
}

fn foreign_wrap(_key: &Lease, _params: &Params<'_>, _encoding: &[u8]) -> Result<Vec<u8>> {
    Err(foreign())
}

fn foreign_unwrap(_key: &Lease, _params: &Params<'_>, _wrapped: &[u8]) -> Result<Secret> {
    Err(foreign())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announce(id: MechanismType, sizes: (u64, u64), flags: ck::CK_FLAGS) -> InnerMechanism {
        #[allow(clippy::useless_conversion)] // 32 bits wide on some platforms
        let flags = u64::from(flags);
        InnerMechanism { id, sizes, flags }
    }

    /// Something of what SoftHSM2 has, and two mechanisms of its maker.
    fn inner() -> Vec<InnerMechanism> {
        use MechanismType as M;
        let both = ck::CKF_ENCRYPT | ck::CKF_DECRYPT;
        let signs = ck::CKF_SIGN | ck::CKF_VERIFY;
        let wraps = ck::CKF_WRAP | ck::CKF_UNWRAP;
        let mut all = vec![
            announce(M::RSA_PKCS_KEY_PAIR_GEN, (512, 16384), ck::CKF_GENERATE_KEY_PAIR),
            announce(M::RSA_PKCS, (512, 16384), signs | both | wraps),
            announce(M::RSA_X_509, (512, 16384), signs | both | ck::CKF_HW),
            announce(M::RSA_PKCS_OAEP, (512, 16384), both | wraps),
            announce(M::MD5, (0, 0), ck::CKF_DIGEST),
            announce(M::ECDSA, (112, 521), signs | ck::CKF_EC_F_P),
            announce(M::AES_CBC, (16, 32), both | wraps),
            announce(M::AES_GCM, (16, 32), both),
            announce(M::SHA256_HMAC, (32, 512), signs),
            announce(M::TLS12_KEY_AND_MAC_DERIVE, (48, 48), ck::CKF_DERIVE),
            announce(MechanismType(0x8000_0001), (1, 9), both | wraps | ck::CKF_DERIVE),
            announce(MechanismType(0x8000_0002), (0, 0), ck::CKF_DIGEST | ck::CKF_GENERATE),
        ];
        all.sort_by_key(|row| row.id);
        all
    }

    fn offered(policy: Policy) -> Vec<&'static MechanismSpec> {
        rows(&inner(), Legacy::Refused, policy)
    }

    fn of(policy: Policy, id: MechanismType) -> &'static MechanismSpec {
        set::find(&offered(policy), id).unwrap()
    }

    #[test]
    fn rows_are_sorted_and_made_once() {
        let (first, again) = (offered(Policy::Standard), offered(Policy::Standard));
        assert!(first.is_sorted_by(|a, b| a.id < b.id));
        assert!(first.iter().zip(&again).all(|(a, b)| std::ptr::eq(*a, *b)));
        let fewer = rows(&inner()[1..], Legacy::Refused, Policy::Standard);
        assert!(!std::ptr::eq(fewer[0], first[0]));
    }

    #[test]
    fn a_row_does_what_somebody_does() {
        use MechanismType as M;
        let flags = |id| of(Policy::Standard, id).flags();
        let signs = ck::CKF_SIGN | ck::CKF_VERIFY;
        assert_eq!(flags(M::SHA3_256_RSA_PKCS) & !ck::CKF_MULTI_MESSAGE, {
            signs | ck::CKF_MESSAGE_SIGN | ck::CKF_MESSAGE_VERIFY
        });
        assert_eq!(flags(M::SHA3_384) & ck::CKF_DIGEST, ck::CKF_DIGEST);
        assert_eq!(flags(M::EDDSA) & signs, ck::CKF_VERIFY);
        assert_eq!(flags(M::SHA256_HMAC) & signs, signs);
        assert_ne!(flags(M::AES_GCM) & ck::CKF_MESSAGE_ENCRYPT, 0);
        assert_ne!(flags(M::RSA_X_509) & ck::CKF_HW, 0);
        // The inner token wraps with none of them, or our policy does not.
        for id in [M::AES_GCM, M::AES_CBC] {
            assert_eq!(flags(id) & (ck::CKF_WRAP | ck::CKF_UNWRAP), 0, "{id:?}");
        }
        for id in [M::AES_CTR, M::SHA512_HMAC, M::AES_KEY_GEN, M::TLS12_KEY_AND_MAC_DERIVE, M::MD5]
        {
            let error = set::find(&offered(Policy::Standard), id).err().unwrap();
            assert_eq!(error.code(), Code::MechanismInvalid, "{id:?}");
        }
    }

    #[test]
    fn who_does_it_is_said() {
        use MechanismType as M;
        let said = |id| origins(&inner(), of(Policy::Standard, id)).to_string();
        assert_eq!(said(M::SHA256), "digest: engine");
        assert_eq!(said(M::ECDSA_SHA3_256), "sign: composed, verify: engine");
        assert_eq!(said(M::RSA_PKCS_KEY_PAIR_GEN), "generate: inner");
        assert_eq!(
            said(M::RSA_PKCS_OAEP),
            "encrypt: engine, decrypt: composed, wrap: inner, unwrap: inner"
        );
        assert_eq!(said(M::SHA256_HMAC), "sign: inner, verify: inner");
        assert_eq!(said(MechanismType(0x8000_0001)), "encrypt: inner, decrypt: inner");
    }

    #[test]
    fn sizes_are_those_of_the_inner_mechanism_that_is_used() {
        use MechanismType as M;
        let sizes = |id| of(Policy::Standard, id).announced_sizes();
        assert_eq!(sizes(M::RSA_PKCS_KEY_PAIR_GEN), (2048, 16384));
        assert_eq!(sizes(M::SHA3_512_RSA_PKCS_PSS), (512, 16384));
        assert_eq!(sizes(M::ECDSA_SHA256), (112, 521));
        assert_eq!(sizes(M::EDDSA), set::look_up(M::EDDSA).unwrap().sizes);
        assert_eq!(sizes(M::SHA256), (0, 0));
    }

    #[test]
    fn an_unknown_mechanism_shows_keys_only_where_the_policy_lets_it() {
        const SHOWS: ck::CK_FLAGS = ck::CKF_WRAP | ck::CKF_UNWRAP | ck::CKF_DERIVE;
        let id = MechanismType(0x8000_0001);
        assert_eq!(of(Policy::Standard, id).flags() & SHOWS, 0);
        assert_eq!(of(Policy::Compatible, id).flags() & SHOWS, SHOWS);
        assert!(of(Policy::Standard, id).works_on(KeyType::SEED));
        let nothing = MechanismType(0x8000_0002);
        assert!(set::find(&offered(Policy::Compatible), nothing).is_err());
    }
}
