//! What the bridge does above an inner token that has no mechanism for it, or does it worse: the
//! cheap part here, the private operation there, in one call that can be made again.

mod open;
mod sign;
pub(super) mod temporary;

use std::sync::Arc;

use crate::backend::Operation;
use crate::error::{Code, Result};
use crate::mechanism::{Function, Hash, MechanismType, Params};

use super::key::Shared;

/// How an operation of a private or secret key can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By the inner token's own mechanism.
    Inner,
    /// Out of another mechanism of the inner token.
    Composed { what: Composition, base: MechanismType },
}

/// What is added to the other mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Composition {
    /// PKCS#1 v1.5 signatures, with the hash of the mechanism, if it has one.
    Pkcs1(Option<Hash>),
    /// Signatures without padding: the zeros in front of a short input.
    Raw,
    /// PSS signatures, with the hash of the mechanism, if it has one.
    Pss(Option<Hash>),
    /// ECDSA and DSA signatures: the hash.
    Digest(Hash),
    /// Decryption: the padding, by the parameters.
    Open,
    /// Wrapping: the temporary AES key around it.
    Hybrid,
}

/// The mechanisms that hash before they sign.
const HASHING: [(MechanismType, Scheme, Hash); 37] = {
    use Hash::{Md5, Sha1, Sha3_224, Sha3_256, Sha3_384, Sha3_512, Sha224, Sha256, Sha384, Sha512};
    use MechanismType as M;
    use Scheme::{Dsa, Ecdsa, Pkcs1, Pss};
    [
        (M::MD5_RSA_PKCS, Pkcs1, Md5),
        (M::SHA1_RSA_PKCS, Pkcs1, Sha1),
        (M::SHA224_RSA_PKCS, Pkcs1, Sha224),
        (M::SHA256_RSA_PKCS, Pkcs1, Sha256),
        (M::SHA384_RSA_PKCS, Pkcs1, Sha384),
        (M::SHA512_RSA_PKCS, Pkcs1, Sha512),
        (M::SHA3_224_RSA_PKCS, Pkcs1, Sha3_224),
        (M::SHA3_256_RSA_PKCS, Pkcs1, Sha3_256),
        (M::SHA3_384_RSA_PKCS, Pkcs1, Sha3_384),
        (M::SHA3_512_RSA_PKCS, Pkcs1, Sha3_512),
        (M::SHA1_RSA_PKCS_PSS, Pss, Sha1),
        (M::SHA224_RSA_PKCS_PSS, Pss, Sha224),
        (M::SHA256_RSA_PKCS_PSS, Pss, Sha256),
        (M::SHA384_RSA_PKCS_PSS, Pss, Sha384),
        (M::SHA512_RSA_PKCS_PSS, Pss, Sha512),
        (M::SHA3_224_RSA_PKCS_PSS, Pss, Sha3_224),
        (M::SHA3_256_RSA_PKCS_PSS, Pss, Sha3_256),
        (M::SHA3_384_RSA_PKCS_PSS, Pss, Sha3_384),
        (M::SHA3_512_RSA_PKCS_PSS, Pss, Sha3_512),
        (M::ECDSA_SHA1, Ecdsa, Sha1),
        (M::ECDSA_SHA224, Ecdsa, Sha224),
        (M::ECDSA_SHA256, Ecdsa, Sha256),
        (M::ECDSA_SHA384, Ecdsa, Sha384),
        (M::ECDSA_SHA512, Ecdsa, Sha512),
        (M::ECDSA_SHA3_224, Ecdsa, Sha3_224),
        (M::ECDSA_SHA3_256, Ecdsa, Sha3_256),
        (M::ECDSA_SHA3_384, Ecdsa, Sha3_384),
        (M::ECDSA_SHA3_512, Ecdsa, Sha3_512),
        (M::DSA_SHA1, Dsa, Sha1),
        (M::DSA_SHA224, Dsa, Sha224),
        (M::DSA_SHA256, Dsa, Sha256),
        (M::DSA_SHA384, Dsa, Sha384),
        (M::DSA_SHA512, Dsa, Sha512),
        (M::DSA_SHA3_224, Dsa, Sha3_224),
        (M::DSA_SHA3_256, Dsa, Sha3_256),
        (M::DSA_SHA3_384, Dsa, Sha3_384),
        (M::DSA_SHA3_512, Dsa, Sha3_512),
    ]
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Pkcs1,
    Pss,
    Ecdsa,
    Dsa,
}

/// The ways in which `function` can be done with `id`, the better one first; `announces` says what
/// the inner token does. Of a key that restricts its mechanisms some may be closed.
///
/// The padding of a decryption is taken off here wherever the inner token decrypts without: what most
/// modules answer to a bad PKCS#1 v1.5 padding tells it (Bleichenbacher, CRYPTO 98), and some take
/// the parameters of OAEP and do not look at the label.
pub(super) fn ways(
    id: MechanismType,
    function: Function,
    announces: impl Fn(MechanismType) -> bool,
) -> Vec<Way> {
    use MechanismType as M;
    let composed = |what, base| Some(Way::Composed { what, base });
    let inner = Some(Way::Inner);
    let hashing = HASHING.iter().find(|row| row.0 == id).map(|row| (row.1, row.2));
    let wanted = match (function, id, hashing) {
        (Function::Sign, M::RSA_PKCS, _) => {
            vec![inner, composed(Composition::Pkcs1(None), M::RSA_X_509)]
        }
        // "padding should be performed by prepending plaintext data with 0-valued bytes": not every
        // module does.
        (Function::Sign, M::RSA_X_509, _) => {
            vec![composed(Composition::Raw, M::RSA_X_509), inner]
        }
        (Function::Sign, M::RSA_PKCS_PSS, _) => {
            vec![inner, composed(Composition::Pss(None), M::RSA_X_509)]
        }
        (Function::Sign, _, Some((Scheme::Pkcs1, hash))) => {
            let what = Composition::Pkcs1(Some(hash));
            vec![inner, composed(what, M::RSA_PKCS), composed(what, M::RSA_X_509)]
        }
        (Function::Sign, _, Some((Scheme::Pss, hash))) => {
            let what = Composition::Pss(Some(hash));
            vec![inner, composed(what, M::RSA_X_509), composed(what, M::RSA_PKCS_PSS)]
        }
        (Function::Sign, _, Some((Scheme::Ecdsa, hash))) => {
            vec![inner, composed(Composition::Digest(hash), M::ECDSA)]
        }
        (Function::Sign, _, Some((Scheme::Dsa, hash))) => {
            vec![inner, composed(Composition::Digest(hash), M::DSA)]
        }
        (Function::Decrypt, M::RSA_PKCS | M::RSA_PKCS_OAEP, _) => {
            vec![composed(Composition::Open, M::RSA_X_509), inner]
        }
        (Function::Wrap | Function::Unwrap, M::RSA_AES_KEY_WRAP, _) => {
            let what = Composition::Hybrid;
            let kwp = composed(what, M::AES_KEY_WRAP_KWP);
            vec![inner, kwp, composed(what, M::AES_KEY_WRAP_PAD)]
        }
        _ => vec![inner],
    };
    let there = |way: &Way| match way {
        Way::Inner => announces(id),
        Way::Composed { base, .. } => announces(*base),
    };
    wanted.into_iter().flatten().filter(there).collect()
}

/// Starts an operation that is composed; no inner session is held for it.
///
/// # Errors
/// MechanismInvalid for a key that does not allow the other mechanism, MechanismParamInvalid, and
/// TemplateIncomplete where the inner token does not show the key's modulus.
pub(super) fn start(
    key: &Arc<Shared>,
    what: Composition,
    base: MechanismType,
    params: &Params<'_>,
) -> Result<Operation> {
    if !key.allows(base) {
        return Err(Code::MechanismInvalid
            .because(format!("CKA_ALLOWED_MECHANISMS of the key does not name {base:?}")));
    }
    match what {
        Composition::Open => open::start(key, base, params),
        _ => sign::start(key, what, base, params),
    }
}

/// The mechanisms of a key, and those that are composed of them: for a token whose list of a key's
/// mechanisms says what the token does, and nothing of what the key may do.
pub(super) fn with_composed(own: &[u64]) -> Vec<u64> {
    use MechanismType as M;
    let raw = [M::RSA_PKCS, M::RSA_PKCS_PSS, M::RSA_PKCS_OAEP];
    let composed = HASHING.iter().map(|row| row.0).chain(raw).filter(|id| {
        [Function::Sign, Function::Decrypt]
            .into_iter()
            .flat_map(|function| ways(*id, function, |base| own.contains(&base.0)))
            .any(|way| way != Way::Inner)
    });
    let mut all = own.to_vec();
    all.extend(composed.map(|id| id.0).filter(|id| !own.contains(id)));
    all
}

/// What a wrapping that is composed is composed of; `None` where it is the inner token's own.
pub(super) fn base(
    id: MechanismType,
    function: Function,
    announces: impl Fn(MechanismType) -> bool,
) -> Option<MechanismType> {
    match ways(id, function, announces).first() {
        Some(Way::Composed { base, .. }) => Some(*base),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: MechanismType, function: Function, announced: &[MechanismType]) -> Vec<Way> {
        ways(id, function, |id| announced.contains(&id))
    }

    #[test]
    fn an_inner_mechanism_comes_before_what_is_composed() {
        use MechanismType as M;
        let all = [M::SHA256_RSA_PKCS, M::RSA_PKCS, M::RSA_X_509];
        let found = of(M::SHA256_RSA_PKCS, Function::Sign, &all);
        let what = Composition::Pkcs1(Some(Hash::Sha256));
        let [pkcs1, raw] = [M::RSA_PKCS, M::RSA_X_509].map(|base| Way::Composed { what, base });
        assert_eq!(found, [Way::Inner, pkcs1, raw]);
        assert_eq!(of(M::SHA256_RSA_PKCS, Function::Sign, &all[2..]), [raw]);
        assert_eq!(of(M::SHA256_RSA_PKCS, Function::Sign, &[M::ECDSA]), []);
    }

    #[test]
    fn paddings_are_taken_off_here_where_that_can_be() {
        use MechanismType as M;
        let raw = Way::Composed { what: Composition::Open, base: M::RSA_X_509 };
        let all = [M::RSA_PKCS, M::RSA_PKCS_OAEP, M::RSA_X_509];
        for id in [M::RSA_PKCS, M::RSA_PKCS_OAEP] {
            assert_eq!(of(id, Function::Decrypt, &all), [raw, Way::Inner]);
            assert_eq!(of(id, Function::Decrypt, &all[..2]), [Way::Inner]);
        }
        assert_eq!(of(M::RSA_X_509, Function::Decrypt, &all), [Way::Inner]);
    }

    #[test]
    fn wrapping_under_rsa_takes_key_wrap_with_padding() {
        use MechanismType as M;
        let of = |announced: &[M]| {
            base(M::RSA_AES_KEY_WRAP, Function::Wrap, |id| announced.contains(&id))
        };
        assert_eq!(of(&[M::AES_KEY_WRAP, M::AES_KEY_WRAP_PAD]), Some(M::AES_KEY_WRAP_PAD));
        let both = [M::AES_KEY_WRAP_PAD, M::AES_KEY_WRAP_KWP];
        assert_eq!(of(&both), Some(M::AES_KEY_WRAP_KWP));
        assert_eq!(of(&[M::RSA_AES_KEY_WRAP, M::AES_KEY_WRAP_KWP]), None);
        assert_eq!(of(&[M::AES_KEY_WRAP]), None);
    }

    #[test]
    fn a_tokens_list_of_mechanisms_goes_on_with_what_is_composed_of_them() {
        use MechanismType as M;
        let list = |own: &[M]| {
            let all = with_composed(&own.iter().map(|id| id.0).collect::<Vec<_>>());
            all.into_iter().map(MechanismType).collect::<Vec<_>>()
        };
        let all = list(&[M::ECDSA, M::ECDSA_SHA256]);
        assert_eq!(all[..2], [M::ECDSA, M::ECDSA_SHA256]);
        assert!(all.contains(&M::ECDSA_SHA3_256) && !all.contains(&M::SHA256_RSA_PKCS));
        assert_eq!(all.iter().filter(|id| **id == M::ECDSA_SHA256).count(), 1);
        let all = list(&[M::RSA_X_509]);
        assert!(all.contains(&M::RSA_PKCS_OAEP) && all.contains(&M::SHA3_256_RSA_PKCS_PSS));
        assert_eq!(list(&[M::AES_CBC]), [M::AES_CBC]);
        assert_eq!(list(&[]), []);
    }

    #[test]
    fn nothing_else_is_composed() {
        use MechanismType as M;
        assert_eq!(of(M::AES_GCM, Function::Encrypt, &[M::AES_ECB, M::AES_CTR]), []);
        assert_eq!(of(M::EDDSA, Function::Sign, &[M::EDDSA]), [Way::Inner]);
        assert_eq!(of(M::RSA_PKCS, Function::SignRecover, &[M::RSA_X_509]), []);
    }
}
