//! The same cryptography in bare AWS-LC, without a module around it.

use std::ptr;

use aws_lc_sys as lc;

/// Fresh keys in bare AWS-LC, for what the engine takes without a module around it.
pub struct Bare {
    pub p256: *mut lc::EC_KEY,
    pub p384: *mut lc::EC_KEY,
    ed25519: [u8; 64],
    rsa: *mut lc::RSA,
    aead: *mut lc::EVP_AEAD_CTX,
}

impl Bare {
    pub fn new() -> Self {
        // SAFETY: plain construction; the objects live as long as the process.
        unsafe {
            let [p256, p384] = [lc::NID_X9_62_prime256v1, lc::NID_secp384r1].map(|curve| {
                let key = lc::EC_KEY_new_by_curve_name(curve);
                assert_eq!(lc::EC_KEY_generate_key(key), 1);
                key
            });
            let (mut public, mut ed25519) = ([0; 32], [0; 64]);
            lc::ED25519_keypair(public.as_mut_ptr(), ed25519.as_mut_ptr());
            let (rsa, exponent) = (lc::RSA_new(), lc::BN_new());
            assert_eq!(lc::BN_set_word(exponent, 65537), 1);
            assert_eq!(lc::RSA_generate_key_ex(rsa, 2048, exponent, ptr::null_mut()), 1);
            let key = [7u8; 32];
            let aead =
                lc::EVP_AEAD_CTX_new(lc::EVP_aead_aes_256_gcm(), key.as_ptr(), key.len(), 16);
            Self { p256, p384, ed25519, rsa, aead }
        }
    }

    pub fn ecdsa(&self, key: *mut lc::EC_KEY, digest: &[u8; 32]) {
        let (mut signature, mut len) = ([0u8; 128], 0);
        // SAFETY: the key is whole, the buffer larger than any signature on these curves.
        let ok = unsafe {
            lc::ECDSA_sign(0, digest.as_ptr(), 32, signature.as_mut_ptr(), &mut len, key)
        };
        assert_eq!(ok, 1);
    }

    pub fn ed25519(&self, message: &[u8; 32]) {
        let mut signature = [0u8; 64];
        // SAFETY: key and signature have the lengths that the function takes.
        let ok = unsafe {
            let key = self.ed25519.as_ptr();
            lc::ED25519_sign(signature.as_mut_ptr(), message.as_ptr(), message.len(), key)
        };
        assert_eq!(ok, 1);
    }

    pub fn rsa(&self, digest: &[u8; 32]) {
        let (mut signature, mut len) = ([0u8; 256], 0);
        // SAFETY: the key is whole, the buffer as long as the modulus.
        let ok = unsafe {
            lc::RSA_sign(
                lc::NID_sha256,
                digest.as_ptr(),
                32,
                signature.as_mut_ptr(),
                &mut len,
                self.rsa,
            )
        };
        assert_eq!(ok, 1);
    }

    pub fn gcm(&self, data: &[u8], out: &mut [u8]) {
        let (iv, mut len) = ([9u8; 12], 0);
        // SAFETY: the output has room for data and tag.
        let ok = unsafe {
            lc::EVP_AEAD_CTX_seal(
                self.aead,
                out.as_mut_ptr(),
                &mut len,
                out.len(),
                iv.as_ptr(),
                12,
                data.as_ptr(),
                data.len(),
                ptr::null(),
                0,
            )
        };
        assert_eq!(ok, 1);
    }

    pub fn hmac(data: &[u8]) {
        let (key, mut out, mut len) = ([7u8; 32], [0u8; 32], 0);
        // SAFETY: the output has room for a SHA-256 digest.
        unsafe {
            let out = out.as_mut_ptr();
            lc::HMAC(
                lc::EVP_sha256(),
                key.as_ptr().cast(),
                32,
                data.as_ptr(),
                data.len(),
                out,
                &mut len,
            );
        }
    }

    /// As [`rsa`](Self::rsa), with PSS: MGF1 of the same hash, a salt of its length.
    pub fn pss(&self, digest: &[u8; 32]) {
        let (mut signature, mut len) = ([0u8; 256], 0);
        // SAFETY: the key is whole, the buffer as long as the modulus.
        let ok = unsafe {
            let (hash, out) = (lc::EVP_sha256(), signature.as_mut_ptr());
            let digest = digest.as_ptr();
            lc::RSA_sign_pss_mgf1(self.rsa, &mut len, out, 256, digest, 32, hash, hash, -1)
        };
        assert_eq!(ok, 1);
    }

    pub fn sha256(data: &[u8]) {
        let mut out = [0u8; 32];
        // SAFETY: the output has room for a SHA-256 digest.
        unsafe { lc::SHA256(data.as_ptr(), data.len(), out.as_mut_ptr()) };
        std::hint::black_box(out);
    }

    pub fn random(out: &mut [u8]) {
        // SAFETY: writes as many bytes as there are.
        assert_eq!(unsafe { lc::RAND_bytes(out.as_mut_ptr(), out.len()) }, 1);
    }

    pub fn generate_rsa() {
        // SAFETY: plain construction, freed before the end.
        unsafe {
            let (rsa, exponent) = (lc::RSA_new(), lc::BN_new());
            assert_eq!(lc::BN_set_word(exponent, 65537), 1);
            assert_eq!(lc::RSA_generate_key_ex(rsa, 2048, exponent, ptr::null_mut()), 1);
            lc::BN_free(exponent);
            lc::RSA_free(rsa);
        }
    }
}
