//! Mechanisms with their parameters as Rust values.

mod derivation;

use std::sync::atomic::{AtomicU64, Ordering};

use keyway_pkcs11::ffi::params::RawParams;
use keyway_pkcs11::mechanism::{Hash, MechanismType, Params, set};

pub use derivation::Field;

use super::Attribute;

/// A `CK_MECHANISM` and all the memory that it points to.
#[derive(Debug)]
pub struct Mechanism {
    /// Type, pointer to the parameter, its length.
    words: [u64; 3],
    _parameter: Vec<u64>,
    _pointees: Vec<Vec<u8>>,
    _templates: Vec<Vec<Attribute>>,
    /// What the module writes.
    returned: Vec<AtomicU64>,
}

impl Mechanism {
    /// A mechanism without parameter.
    pub fn plain(id: MechanismType) -> Self {
        Self::structure(id, Vec::new(), 0, Vec::new())
    }

    /// A parameter that is plain bytes: an IV, a peer's public value.
    pub fn bytes(id: MechanismType, parameter: &[u8]) -> Self {
        let words = parameter.chunks(8).map(|chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        });
        Self::structure(id, words.collect(), parameter.len(), Vec::new())
    }

    /// A parameter that is one number: the length of a truncated code.
    pub fn number(id: MechanismType, number: u64) -> Self {
        Self::structure(id, vec![number], 8, Vec::new())
    }

    /// `CK_AES_CTR_PARAMS`.
    pub fn ctr(bits: u64, block: [u8; 16]) -> Self {
        let mut words = vec![bits];
        words.extend(Self::block(block));
        Self::structure(MechanismType::AES_CTR, words, 24, Vec::new())
    }

    /// `CK_GCM_PARAMS`.
    pub fn gcm(iv: &[u8], aad: &[u8], tag_bits: u64) -> Self {
        let (iv, aad) = (iv.to_vec(), aad.to_vec());
        let (iv_at, aad_at) = (address(&iv), address(&aad));
        let lengths = (iv.len() as u64, aad.len() as u64);
        let words = vec![iv_at, lengths.0, lengths.0 * 8, aad_at, lengths.1, tag_bits];
        Self::structure(MechanismType::AES_GCM, words, 48, vec![iv, aad])
    }

    /// `CK_GCM_PARAMS` for a mechanism of another name, without associated data.
    pub fn gcm_like(id: MechanismType, iv: &[u8]) -> Self {
        let mut mechanism = Self::gcm(iv, b"", 128);
        mechanism.words[0] = id.0;
        mechanism
    }

    /// `CK_CCM_PARAMS`.
    pub fn ccm(data_len: u64, nonce: &[u8], aad: &[u8], tag: u64) -> Self {
        let (nonce, aad) = (nonce.to_vec(), aad.to_vec());
        let (nonce_len, aad_len) = (nonce.len() as u64, aad.len() as u64);
        let words = vec![data_len, address(&nonce), nonce_len, address(&aad), aad_len, tag];
        Self::structure(MechanismType::AES_CCM, words, 48, vec![nonce, aad])
    }

    /// `CK_SALSA20_CHACHA20_POLY1305_PARAMS`.
    pub fn chacha(id: MechanismType, nonce: &[u8], aad: &[u8]) -> Self {
        let (nonce, aad) = (nonce.to_vec(), aad.to_vec());
        let words = vec![address(&nonce), nonce.len() as u64, address(&aad), aad.len() as u64];
        Self::structure(id, words, 32, vec![nonce, aad])
    }

    /// `CK_GCM_PARAMS` as it was before 2.40 errata 1: without the length of the IV in bits.
    pub fn gcm_of_240(iv: &[u8], aad: &[u8], tag_bits: u64) -> Self {
        let (iv, aad) = (iv.to_vec(), aad.to_vec());
        let words = vec![address(&iv), iv.len() as u64, address(&aad), aad.len() as u64, tag_bits];
        Self::structure(MechanismType::AES_GCM, words, 40, vec![iv, aad])
    }

    /// `CK_RSA_PKCS_OAEP_PARAMS` with a label.
    pub fn oaep(hash: Hash, mgf: Hash, label: &[u8]) -> Self {
        let label = label.to_vec();
        let words = vec![hash_row(hash).1.0, mask(mgf), 1, address(&label), label.len() as u64];
        Self::structure(MechanismType::RSA_PKCS_OAEP, words, 40, vec![label])
    }

    /// `CK_RSA_PKCS_PSS_PARAMS`.
    pub fn pss(id: MechanismType, hash: Hash, mgf: Hash, salt: u64) -> Self {
        let words = vec![hash_row(hash).1.0, mask(mgf), salt];
        Self::structure(id, words, 24, Vec::new())
    }

    /// `CK_ECDH1_DERIVE_PARAMS` with the NULL KDF.
    pub fn ecdh(public: &[u8]) -> Self {
        Self::ecdh_by(MechanismType::ECDH1_DERIVE, public)
    }

    /// The same with `CKD_*` and shared data.
    pub fn ecdh_kdf(kdf: u64, shared: &[u8], public: &[u8]) -> Self {
        let (shared, public) = (shared.to_vec(), public.to_vec());
        let (shared_len, public_len) = (shared.len() as u64, public.len() as u64);
        let words = vec![kdf, shared_len, address(&shared), public_len, address(&public)];
        Self::structure(MechanismType::ECDH1_DERIVE, words, 40, vec![shared, public])
    }

    /// `CK_EDDSA_PARAMS`.
    pub fn eddsa(prehash: bool, context: &[u8]) -> Self {
        let context = context.to_vec();
        let words = vec![prehash.into(), context.len() as u64, address(&context)];
        Self::structure(MechanismType::EDDSA, words, 24, vec![context])
    }

    /// The same for the mechanism with the cofactor.
    pub fn ecdh_by(id: MechanismType, public: &[u8]) -> Self {
        let public = public.to_vec();
        let words = vec![1, 0, 0, public.len() as u64, address(&public)];
        Self::structure(id, words, 40, vec![public])
    }

    /// `CK_RSA_AES_KEY_WRAP_PARAMS`: bits of the AES key, hash and label of OAEP.
    pub fn rsa_aes(bits: u64, hash: Hash, label: &[u8]) -> Self {
        let label = label.to_vec();
        let oaep = [hash_row(hash).1.0, mask(hash), 1, address(&label), label.len() as u64];
        let oaep = flat(&oaep);
        let words = vec![bits, address(&oaep)];
        Self::structure(MechanismType::RSA_AES_KEY_WRAP, words, 16, vec![label, oaep])
    }

    /// `CK_ECDH_AES_KEY_WRAP_PARAMS`: bits of the AES key, `CKD_*`, shared data.
    pub fn ecdh_aes(id: MechanismType, bits: u64, kdf: u64, shared: &[u8]) -> Self {
        let shared = shared.to_vec();
        let words = vec![bits, kdf, shared.len() as u64, address(&shared)];
        Self::structure(id, words, 32, vec![shared])
    }

    /// `CK_AES_CBC_ENCRYPT_DATA_PARAMS`.
    pub fn cbc_encrypt_data(iv: [u8; 16], data: &[u8]) -> Self {
        let data = data.to_vec();
        let mut words = Self::block(iv).to_vec();
        words.extend([address(&data), data.len() as u64]);
        Self::structure(MechanismType::AES_CBC_ENCRYPT_DATA, words, 32, vec![data])
    }

    /// `CK_KEY_DERIVATION_STRING_DATA`.
    pub fn string_data(id: MechanismType, data: &[u8]) -> Self {
        let data = data.to_vec();
        let words = vec![address(&data), data.len() as u64];
        Self::structure(id, words, 16, vec![data])
    }

    /// `CK_PKCS5_PBKD2_PARAMS2` with a salt; `prf` is one of `CKP_PKCS5_PBKD2_*`.
    pub fn pbkdf2(prf: u64, password: &[u8], salt: &[u8], iterations: u64) -> Self {
        let (password, salt) = (password.to_vec(), salt.to_vec());
        let (salt_at, password_at) = (address(&salt), address(&password));
        let (salt_len, password_len) = (salt.len() as u64, password.len() as u64);
        let words = vec![1, salt_at, salt_len, iterations, prf, 0, 0, password_at, password_len];
        Self::structure(MechanismType::PKCS5_PBKD2, words, 72, vec![salt, password])
    }

    /// `CK_HKDF_PARAMS`; `steps` says whether to extract and to expand.
    pub fn hkdf(
        id: MechanismType,
        steps: (bool, bool),
        hash: Hash,
        salt: Option<&[u8]>,
        info: &[u8],
    ) -> Self {
        let (kind, salt) = salt.map_or((1, Vec::new()), |salt| (2, salt.to_vec()));
        let info = info.to_vec();
        let flags = u64::from_ne_bytes([steps.0.into(), steps.1.into(), 0, 0, 0, 0, 0, 0]);
        let (salt_len, info_len) = (salt.len() as u64, info.len() as u64);
        let words = vec![
            flags,
            hash_row(hash).1.0,
            kind,
            address(&salt),
            salt_len,
            0,
            address(&info),
            info_len,
        ];
        Self::structure(id, words, 64, vec![salt, info])
    }

    /// The same with a key in the place of the salt.
    pub fn hkdf_salted_by(salt: u64, hash: Hash, info: &[u8]) -> Self {
        let steps = (true, true);
        let mut mechanism = Self::hkdf(MechanismType::HKDF_DERIVE, steps, hash, None, info);
        mechanism._parameter[2] = 4;
        mechanism._parameter[5] = salt;
        mechanism
    }

    /// The parameter as our own tables read it.
    pub fn params(&self) -> Params<'_> {
        let row = set::look_up(self.id()).expect("a mechanism of ours");
        // SAFETY: the pointer and the length of the parameter, which lives as long as this value;
        // what the module writes, it writes to atomics.
        let raw = unsafe { RawParams::new(self.words[1] as *const _, self.words[2] as usize) };
        (row.params)(raw).expect("a parameter")
    }

    /// The same mechanism with another length of its parameter; NULL if `null`.
    pub fn with_length(mut self, len: u64, null: bool) -> Self {
        self.words[2] = len;
        if null {
            self.words[1] = 0;
        }
        assert!(null || len <= self._parameter.len() as u64 * 8, "longer than the parameter");
        self
    }

    /// The mechanism as the module reads it.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    pub fn id(&self) -> MechanismType {
        MechanismType(self.words[0])
    }

    /// What the module wrote, word by word.
    pub fn returned(&self) -> Vec<u64> {
        self.returned.iter().map(|word| word.load(Ordering::Relaxed)).collect()
    }

    fn structure(
        id: MechanismType,
        parameter: Vec<u64>,
        len: usize,
        pointees: Vec<Vec<u8>>,
    ) -> Self {
        let pointer = if len == 0 { 0 } else { parameter.as_ptr() as u64 };
        Self {
            words: [id.0, pointer, len as u64],
            _parameter: parameter,
            _pointees: pointees,
            _templates: Vec::new(),
            returned: Vec::new(),
        }
    }

    fn block(block: [u8; 16]) -> [u64; 2] {
        let (a, b) = block.split_at(8);
        [a, b].map(|half| u64::from_ne_bytes(half.try_into().expect("eight bytes")))
    }
}

/// Words as the bytes that stand for them.
fn flat(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// Where the bytes are; NULL for none.
fn address(bytes: &[u8]) -> u64 {
    if bytes.is_empty() { 0 } else { bytes.as_ptr() as u64 }
}

/// `CKG_MGF1_*`.
fn mask(hash: Hash) -> u64 {
    hash_row(hash).2.expect("a hash with a mask generation function")
}

fn hash_row(hash: Hash) -> (Hash, MechanismType, Option<u64>) {
    *Hash::ALL.iter().find(|row| row.0 == hash).expect("every hash has a row")
}
