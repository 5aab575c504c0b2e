//! The hash functions that mechanisms name, as the engine's functions want them described.

use aws_lc_sys as lc;

use crate::mechanism::Hash;

/// The engine's static description of a hash function; never NULL.
pub(crate) fn md(hash: Hash) -> *const lc::EVP_MD {
    // SAFETY: these functions take nothing and return pointers to constants.
    unsafe {
        match hash {
            Hash::Md5 => lc::EVP_md5(),
            Hash::Sha1 => lc::EVP_sha1(),
            Hash::Sha224 => lc::EVP_sha224(),
            Hash::Sha256 => lc::EVP_sha256(),
            Hash::Sha384 => lc::EVP_sha384(),
            Hash::Sha512 => lc::EVP_sha512(),
            Hash::Sha512_224 => lc::EVP_sha512_224(),
            Hash::Sha512_256 => lc::EVP_sha512_256(),
            Hash::Sha3_224 => lc::EVP_sha3_224(),
            Hash::Sha3_256 => lc::EVP_sha3_256(),
            Hash::Sha3_384 => lc::EVP_sha3_384(),
            Hash::Sha3_512 => lc::EVP_sha3_512(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hash_has_the_length_that_it_says() {
        for (hash, ..) in Hash::ALL {
            // SAFETY: a pointer to a constant.
            assert_eq!(unsafe { lc::EVP_MD_size(md(hash)) }, hash.size());
        }
    }
}
