//! How long outputs are, as far as that can be said without asking the inner token.

use std::ops::RangeInclusive;

use super::key::Shared;
use crate::attribute::KeyType;
use crate::engine::rsa_outline::{OVERHEAD, Outline};
use crate::error::{Code, Result};
use crate::mechanism::{Function, Hash, MechanismSpec, MechanismType, Params};

/// The length of the output of an operation, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// This much, whatever goes in.
    Fixed(usize),
    /// Whole blocks, padded with up to a block more or as they come.
    Blocks { block: usize, padding: Padding },
    /// As much as goes in, and a tag behind it.
    Stream { tag: usize },
    /// AES key wrap: eight bytes in front, and blocks of eight.
    KeyWrap,
    /// The inner token knows.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    None,
    Pkcs7,
}

/// Whether parts may go to the inner token as they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// They are kept until the last one: what is shown before the tag is checked, or what most
    /// modules take in one call only.
    Kept,
    /// Output comes with each of them.
    Streamed,
    /// Kept as long as they are few, without output before the last one.
    Absorbed,
}

impl Size {
    /// What a mechanism makes with a key.
    pub(super) fn of(
        key: &Shared,
        function: Function,
        spec: &MechanismSpec,
        params: &Params<'_>,
    ) -> Self {
        if spec.opaque {
            return Self::Unknown;
        }
        match function {
            Function::Sign | Function::SignRecover => {
                let len = key.signature().or_else(|| mac(spec.id, params));
                len.map_or(Self::Unknown, Self::Fixed)
            }
            Function::Encrypt | Function::Decrypt => Self::of_cipher(spec.id, params)
                .or_else(|| opened(key.outline().ok()?, params).map(Self::Fixed))
                .unwrap_or(Self::Unknown),
            _ => Self::Unknown,
        }
    }

    fn of_cipher(id: MechanismType, params: &Params<'_>) -> Option<Self> {
        use MechanismType as M;
        let blocks = |block, padding| Some(Self::Blocks { block, padding });
        match id {
            M::AES_ECB | M::AES_CBC => blocks(16, Padding::None),
            M::AES_CBC_PAD => blocks(16, Padding::Pkcs7),
            M::DES_ECB | M::DES_CBC | M::DES3_ECB | M::DES3_CBC => blocks(8, Padding::None),
            M::DES_CBC_PAD | M::DES3_CBC_PAD => blocks(8, Padding::Pkcs7),
            M::AES_CTR | M::AES_CTS | M::AES_XTS => Some(Self::Stream { tag: 0 }),
            M::AES_KEY_WRAP | M::AES_KEY_WRAP_PAD | M::AES_KEY_WRAP_KWP => Some(Self::KeyWrap),
            _ => match *params {
                Params::Gcm { tag_bits, .. } => Some(Self::Stream { tag: tag_bits / 8 }),
                Params::Ccm { tag, .. } => Some(Self::Stream { tag }),
                Params::ChaCha20Poly1305 { .. } => Some(Self::Stream { tag: 16 }),
                _ => None,
            },
        }
    }

    /// What is done with parts.
    pub(super) fn parts(self, function: Function, spec: &MechanismSpec) -> Parts {
        use MechanismType as M;
        match (function, self) {
            // Most modules have EdDSA in one call only.
            _ if spec.opaque || spec.single_part || spec.id == M::EDDSA => Parts::Kept,
            (Function::Verify, _) | (Function::Sign, Self::Fixed(_)) => Parts::Absorbed,
            (_, Self::Blocks { .. }) => Parts::Streamed,
            (Function::Encrypt, Self::Stream { .. }) if spec.id == M::AES_GCM => Parts::Streamed,
            (_, Self::Stream { .. }) if spec.id == M::AES_CTR => Parts::Streamed,
            _ => Parts::Kept,
        }
    }

    /// The length of everything that comes out of `total` bytes; `None` if only the inner token
    /// knows.
    ///
    /// # Errors
    /// DataLenRange, EncryptedDataLenRange for a total that cannot be.
    pub(super) fn whole(self, function: Function, total: usize) -> Result<Option<usize>> {
        let encrypts = function == Function::Encrypt;
        let code = if encrypts { Code::DataLenRange } else { Code::EncryptedDataLenRange };
        let cannot_be = || Err(code.because(format!("{total} bytes are no input for this")));
        let size = match self {
            Self::Fixed(size) => size,
            Self::Blocks { block, padding: Padding::Pkcs7 } if encrypts => {
                total / block * block + block
            }
            Self::Blocks { block, .. } if !total.is_multiple_of(block) => return cannot_be(),
            Self::Blocks { padding: Padding::Pkcs7, .. } if total == 0 => return cannot_be(),
            // At least one byte of padding.
            Self::Blocks { padding: Padding::Pkcs7, .. } => total - 1,
            Self::Blocks { .. } => total,
            Self::Stream { tag } if encrypts => total + tag,
            Self::Stream { tag } => match total.checked_sub(tag) {
                Some(size) => size,
                None => return cannot_be(),
            },
            Self::KeyWrap if encrypts => total.next_multiple_of(8) + 8,
            Self::KeyWrap => match total.checked_sub(8) {
                Some(size) => size,
                None => return cannot_be(),
            },
            Self::Unknown => return Ok(None),
        };
        Ok(Some(size))
    }

    /// What can come out of a part at most, `held` bytes of input being without output so far.
    pub(super) fn part(self, held: usize) -> usize {
        match self {
            Self::Blocks { block, .. } => held / block * block,
            _ => held,
        }
    }
}

/// How much goes into an operation that takes no parts, where that depends on the key: modules have
/// codes of their own for what does not fit.
pub(super) fn admitted(
    key: &Shared,
    function: Function,
    id: MechanismType,
    params: &Params<'_>,
) -> RangeInclusive<usize> {
    use MechanismType as M;
    let any = 0..=usize::MAX;
    if key.key_type() != Some(KeyType::RSA) {
        return any;
    }
    let Ok(modulus) = key.outline().map(Outline::size) else { return any };
    match (function, id, params) {
        (Function::Decrypt, M::RSA_PKCS | M::RSA_PKCS_OAEP | M::RSA_X_509, _) => modulus..=modulus,
        (Function::Sign | Function::SignRecover, M::RSA_PKCS, _) => {
            0..=modulus.saturating_sub(OVERHEAD)
        }
        (Function::Sign, M::RSA_PKCS_PSS, Params::Pss { hash, .. }) => hash.size()..=hash.size(),
        _ => any,
    }
}

/// The room for a message that an RSA key decrypts.
fn opened(outline: &Outline, params: &Params<'_>) -> Option<usize> {
    match params {
        Params::Oaep { hash, .. } => outline.size().checked_sub(2 * hash.size() + 2),
        _ => Some(outline.size()),
    }
}

/// The length of a code.
fn mac(id: MechanismType, params: &Params<'_>) -> Option<usize> {
    use MechanismType as M;
    let hash = match (id, params) {
        (_, Params::MacLength(len)) => return Some(*len),
        (_, Params::Gcm { tag_bits, .. }) => return Some(tag_bits / 8),
        (M::AES_CMAC, _) => return Some(16),
        (M::MD5_HMAC, _) => Hash::Md5,
        (M::SHA_1_HMAC, _) => Hash::Sha1,
        (M::SHA224_HMAC, _) => Hash::Sha224,
        (M::SHA256_HMAC, _) => Hash::Sha256,
        (M::SHA384_HMAC, _) => Hash::Sha384,
        (M::SHA512_HMAC, _) => Hash::Sha512,
        (M::SHA512_224_HMAC, _) => Hash::Sha512_224,
        (M::SHA512_256_HMAC, _) => Hash::Sha512_256,
        (M::SHA3_224_HMAC, _) => Hash::Sha3_224,
        (M::SHA3_256_HMAC, _) => Hash::Sha3_256,
        (M::SHA3_384_HMAC, _) => Hash::Sha3_384,
        (M::SHA3_512_HMAC, _) => Hash::Sha3_512,
        _ => return None,
    };
    Some(hash.size())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::set;

    const GCM: Params<'_> = Params::Gcm { iv: &[1; 12], aad: &[], tag_bits: 96 };

    fn of(id: MechanismType, params: &Params<'_>) -> Size {
        Size::of_cipher(id, params).unwrap()
    }

    #[test]
    fn sizes_are_those_that_the_engine_gives() {
        use Function::{Decrypt, Encrypt};
        use MechanismType as M;
        let cases = [
            (M::AES_CBC, Encrypt, 32, Some(32)),
            (M::AES_CBC_PAD, Encrypt, 32, Some(48)),
            (M::AES_CBC_PAD, Encrypt, 0, Some(16)),
            (M::AES_CBC_PAD, Decrypt, 48, Some(47)),
            (M::DES3_CBC_PAD, Encrypt, 9, Some(16)),
            (M::AES_CTR, Encrypt, 5, Some(5)),
            (M::AES_KEY_WRAP_KWP, Encrypt, 9, Some(24)),
            (M::AES_KEY_WRAP, Decrypt, 24, Some(16)),
        ];
        for (id, function, total, size) in cases {
            assert_eq!(of(id, &Params::None).whole(function, total).unwrap(), size, "{id:?}");
        }
        assert_eq!(of(M::AES_GCM, &GCM).whole(Encrypt, 5).unwrap(), Some(17));
        assert_eq!(of(M::AES_GCM, &GCM).whole(Decrypt, 17).unwrap(), Some(5));
        assert_eq!(Size::Unknown.whole(Encrypt, 7).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_is_refused_without_a_call() {
        use Function::{Decrypt, Encrypt};
        use MechanismType as M;
        let refusal = |size: Size, function, total| size.whole(function, total).unwrap_err().code();
        let cbc = of(M::AES_CBC, &Params::None);
        assert_eq!(refusal(cbc, Encrypt, 31), Code::DataLenRange);
        assert_eq!(refusal(cbc, Decrypt, 31), Code::EncryptedDataLenRange);
        let padded = of(M::AES_CBC_PAD, &Params::None);
        assert_eq!(refusal(padded, Decrypt, 0), Code::EncryptedDataLenRange);
        assert_eq!(refusal(of(M::AES_GCM, &GCM), Decrypt, 11), Code::EncryptedDataLenRange);
    }

    #[test]
    fn nothing_is_shown_before_its_tag_was_checked() {
        use MechanismType as M;
        let parts =
            |id, params, function| of(id, params).parts(function, set::look_up(id).unwrap());
        assert_eq!(parts(M::AES_GCM, &GCM, Function::Encrypt), Parts::Streamed);
        assert_eq!(parts(M::AES_GCM, &GCM, Function::Decrypt), Parts::Kept);
        assert_eq!(parts(M::AES_CBC, &Params::None, Function::Decrypt), Parts::Streamed);
        assert_eq!(parts(M::AES_KEY_WRAP, &Params::None, Function::Encrypt), Parts::Kept);
    }

    #[test]
    fn a_part_gives_the_blocks_that_are_full() {
        let blocks = Size::Blocks { block: 16, padding: Padding::None };
        assert_eq!([15, 16, 33].map(|held| blocks.part(held)), [0, 16, 32]);
        assert_eq!(Size::Stream { tag: 16 }.part(5), 5);
    }

    #[test]
    fn codes_have_the_length_of_their_hash_or_the_one_that_is_asked_for() {
        assert_eq!(mac(MechanismType::SHA256_HMAC, &Params::None), Some(32));
        assert_eq!(mac(MechanismType::SHA256_HMAC_GENERAL, &Params::MacLength(7)), Some(7));
        assert_eq!(mac(MechanismType::AES_CMAC, &Params::None), Some(16));
        assert_eq!(mac(MechanismType::AES_GMAC, &GCM), Some(12));
        assert_eq!(mac(MechanismType::RSA_PKCS, &Params::None), None);
    }
}
