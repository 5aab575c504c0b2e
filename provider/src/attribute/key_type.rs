//! Key types of PKCS#11 by name.

use std::fmt;

/// A `CK_KEY_TYPE`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyType(pub u64);

impl KeyType {
    pub const RSA: Self = Self(0x0);
    pub const DSA: Self = Self(0x1);
    pub const DH: Self = Self(0x2);
    pub const EC: Self = Self(0x3);
    pub const ECDSA: Self = Self(0x3);
    pub const X9_42_DH: Self = Self(0x4);
    pub const KEA: Self = Self(0x5);
    pub const GENERIC_SECRET: Self = Self(0x10);
    pub const RC2: Self = Self(0x11);
    pub const RC4: Self = Self(0x12);
    pub const DES: Self = Self(0x13);
    pub const DES2: Self = Self(0x14);
    pub const DES3: Self = Self(0x15);
    pub const CAST: Self = Self(0x16);
    pub const CAST3: Self = Self(0x17);
    pub const CAST128: Self = Self(0x18);
    pub const CAST5: Self = Self(0x18);
    pub const RC5: Self = Self(0x19);
    pub const IDEA: Self = Self(0x1a);
    pub const SKIPJACK: Self = Self(0x1b);
    pub const BATON: Self = Self(0x1c);
    pub const JUNIPER: Self = Self(0x1d);
    pub const CDMF: Self = Self(0x1e);
    pub const AES: Self = Self(0x1f);
    pub const BLOWFISH: Self = Self(0x20);
    pub const TWOFISH: Self = Self(0x21);
    pub const SECURID: Self = Self(0x22);
    pub const HOTP: Self = Self(0x23);
    pub const ACTI: Self = Self(0x24);
    pub const CAMELLIA: Self = Self(0x25);
    pub const ARIA: Self = Self(0x26);
    pub const MD5_HMAC: Self = Self(0x27);
    pub const SHA_1_HMAC: Self = Self(0x28);
    pub const RIPEMD128_HMAC: Self = Self(0x29);
    pub const RIPEMD160_HMAC: Self = Self(0x2a);
    pub const SHA256_HMAC: Self = Self(0x2b);
    pub const SHA384_HMAC: Self = Self(0x2c);
    pub const SHA512_HMAC: Self = Self(0x2d);
    pub const SHA224_HMAC: Self = Self(0x2e);
    pub const SEED: Self = Self(0x2f);
    pub const GOSTR3410: Self = Self(0x30);
    pub const GOSTR3411: Self = Self(0x31);
    pub const GOST28147: Self = Self(0x32);
    pub const CHACHA20: Self = Self(0x33);
    pub const POLY1305: Self = Self(0x34);
    pub const AES_XTS: Self = Self(0x35);
    pub const SHA3_224_HMAC: Self = Self(0x36);
    pub const SHA3_256_HMAC: Self = Self(0x37);
    pub const SHA3_384_HMAC: Self = Self(0x38);
    pub const SHA3_512_HMAC: Self = Self(0x39);
    pub const BLAKE2B_160_HMAC: Self = Self(0x3a);
    pub const BLAKE2B_256_HMAC: Self = Self(0x3b);
    pub const BLAKE2B_384_HMAC: Self = Self(0x3c);
    pub const BLAKE2B_512_HMAC: Self = Self(0x3d);
    pub const SALSA20: Self = Self(0x3e);
    pub const X2RATCHET: Self = Self(0x3f);
    pub const EC_EDWARDS: Self = Self(0x40);
    pub const EC_MONTGOMERY: Self = Self(0x41);
    pub const HKDF: Self = Self(0x42);
    pub const SHA512_224_HMAC: Self = Self(0x43);
    pub const SHA512_256_HMAC: Self = Self(0x44);
    pub const SHA512_T_HMAC: Self = Self(0x45);
    pub const HSS: Self = Self(0x46);
    pub const XMSS: Self = Self(0x47);
    pub const XMSSMT: Self = Self(0x48);
    pub const ML_KEM: Self = Self(0x49);
    pub const ML_DSA: Self = Self(0x4a);
    pub const SLH_DSA: Self = Self(0x4b);

    /// The name in the specification, if it has one.
    pub fn name(self) -> Option<&'static str> {
        NAMES.binary_search_by_key(&self, |row| row.0).ok().map(|row| NAMES[row].1)
    }
}

impl fmt::Debug for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "CKK_{:#x}", self.0),
        }
    }
}

/// Every name, in ascending order of value; of two names for one value, the one to print.
pub static NAMES: &[(KeyType, &str)] = &[
    (KeyType::RSA, "CKK_RSA"),
    (KeyType::DSA, "CKK_DSA"),
    (KeyType::DH, "CKK_DH"),
    (KeyType::EC, "CKK_EC"),
    (KeyType::X9_42_DH, "CKK_X9_42_DH"),
    (KeyType::KEA, "CKK_KEA"),
    (KeyType::GENERIC_SECRET, "CKK_GENERIC_SECRET"),
    (KeyType::RC2, "CKK_RC2"),
    (KeyType::RC4, "CKK_RC4"),
    (KeyType::DES, "CKK_DES"),
    (KeyType::DES2, "CKK_DES2"),
    (KeyType::DES3, "CKK_DES3"),
    (KeyType::CAST, "CKK_CAST"),
    (KeyType::CAST3, "CKK_CAST3"),
    (KeyType::CAST128, "CKK_CAST128"),
    (KeyType::RC5, "CKK_RC5"),
    (KeyType::IDEA, "CKK_IDEA"),
    (KeyType::SKIPJACK, "CKK_SKIPJACK"),
    (KeyType::BATON, "CKK_BATON"),
    (KeyType::JUNIPER, "CKK_JUNIPER"),
    (KeyType::CDMF, "CKK_CDMF"),
    (KeyType::AES, "CKK_AES"),
    (KeyType::BLOWFISH, "CKK_BLOWFISH"),
    (KeyType::TWOFISH, "CKK_TWOFISH"),
    (KeyType::SECURID, "CKK_SECURID"),
    (KeyType::HOTP, "CKK_HOTP"),
    (KeyType::ACTI, "CKK_ACTI"),
    (KeyType::CAMELLIA, "CKK_CAMELLIA"),
    (KeyType::ARIA, "CKK_ARIA"),
    (KeyType::MD5_HMAC, "CKK_MD5_HMAC"),
    (KeyType::SHA_1_HMAC, "CKK_SHA_1_HMAC"),
    (KeyType::RIPEMD128_HMAC, "CKK_RIPEMD128_HMAC"),
    (KeyType::RIPEMD160_HMAC, "CKK_RIPEMD160_HMAC"),
    (KeyType::SHA256_HMAC, "CKK_SHA256_HMAC"),
    (KeyType::SHA384_HMAC, "CKK_SHA384_HMAC"),
    (KeyType::SHA512_HMAC, "CKK_SHA512_HMAC"),
    (KeyType::SHA224_HMAC, "CKK_SHA224_HMAC"),
    (KeyType::SEED, "CKK_SEED"),
    (KeyType::GOSTR3410, "CKK_GOSTR3410"),
    (KeyType::GOSTR3411, "CKK_GOSTR3411"),
    (KeyType::GOST28147, "CKK_GOST28147"),
    (KeyType::CHACHA20, "CKK_CHACHA20"),
    (KeyType::POLY1305, "CKK_POLY1305"),
    (KeyType::AES_XTS, "CKK_AES_XTS"),
    (KeyType::SHA3_224_HMAC, "CKK_SHA3_224_HMAC"),
    (KeyType::SHA3_256_HMAC, "CKK_SHA3_256_HMAC"),
    (KeyType::SHA3_384_HMAC, "CKK_SHA3_384_HMAC"),
    (KeyType::SHA3_512_HMAC, "CKK_SHA3_512_HMAC"),
    (KeyType::BLAKE2B_160_HMAC, "CKK_BLAKE2B_160_HMAC"),
    (KeyType::BLAKE2B_256_HMAC, "CKK_BLAKE2B_256_HMAC"),
    (KeyType::BLAKE2B_384_HMAC, "CKK_BLAKE2B_384_HMAC"),
    (KeyType::BLAKE2B_512_HMAC, "CKK_BLAKE2B_512_HMAC"),
    (KeyType::SALSA20, "CKK_SALSA20"),
    (KeyType::X2RATCHET, "CKK_X2RATCHET"),
    (KeyType::EC_EDWARDS, "CKK_EC_EDWARDS"),
    (KeyType::EC_MONTGOMERY, "CKK_EC_MONTGOMERY"),
    (KeyType::HKDF, "CKK_HKDF"),
    (KeyType::SHA512_224_HMAC, "CKK_SHA512_224_HMAC"),
    (KeyType::SHA512_256_HMAC, "CKK_SHA512_256_HMAC"),
    (KeyType::SHA512_T_HMAC, "CKK_SHA512_T_HMAC"),
    (KeyType::HSS, "CKK_HSS"),
    (KeyType::XMSS, "CKK_XMSS"),
    (KeyType::XMSSMT, "CKK_XMSSMT"),
    (KeyType::ML_KEM, "CKK_ML_KEM"),
    (KeyType::ML_DSA, "CKK_ML_DSA"),
    (KeyType::SLH_DSA, "CKK_SLH_DSA"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_value() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
