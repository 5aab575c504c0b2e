//! RSA encryption against the `rsa` crate.

use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey};
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::traits::PaddingScheme;
use rsa::{Oaep, Pkcs1v15Encrypt, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;
use sha2::digest::{Digest, FixedOutputReset};
use sha2::{Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

use super::{Pair, RSA, run};
use crate::attribute::AttributeType;
use crate::engine::part::Half;
use crate::engine::{random, rsa_crypt};
use crate::error::{Code, Result};
use crate::ffi::awslc::rsa::Padding;
use crate::mechanism::{Hash, Params};

/// The engine's generator for the oracle.
struct Random;

impl TryRng for Random {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        random::fill(out).unwrap();
        Ok(())
    }
}

impl TryCryptoRng for Random {}

fn encrypt(pair: &Pair, params: &Params<'_>, message: &[u8]) -> Result<Vec<u8>> {
    run(rsa_crypt::encrypt(&pair.public_key(), params), message)
}

fn decrypt(pair: &Pair, params: &Params<'_>, ciphertext: &[u8]) -> Result<Vec<u8>> {
    run(rsa_crypt::decrypt(&pair.private_key(), params), ciphertext)
}

fn public(pair: &Pair) -> RsaPublicKey {
    RsaPublicKey::from_public_key_der(pair.info()).unwrap()
}

fn private(pair: &Pair) -> RsaPrivateKey {
    RsaPrivateKey::from_pkcs8_der(pair.pkcs8().expose()).unwrap()
}

/// We read what the oracle wrote, and the other way round, up to the longest message.
fn both_ways<P: PaddingScheme>(params: &Params<'_>, scheme: impl Fn() -> P, overhead: usize) {
    for pair in RSA.iter() {
        let room = pair.public.bytes(AttributeType::MODULUS).unwrap().len() - overhead;
        for len in [0, 1, 16, 32, room] {
            let message: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let ours = encrypt(pair, params, &message).unwrap();
            assert_eq!(private(pair).decrypt(scheme(), &ours).unwrap(), message);
            let theirs = public(pair).encrypt(&mut Random, scheme(), &message).unwrap();
            assert_eq!(decrypt(pair, params, &theirs).unwrap(), message);
            let wrapped = rsa_crypt::wrap(&pair.public_key(), params, &message).unwrap();
            let key = rsa_crypt::unwrap(&pair.private_key(), params, &wrapped).unwrap();
            assert_eq!(key.expose(), message);
        }
        let long = vec![0; room + 1];
        assert_eq!(encrypt(pair, params, &long).unwrap_err().code(), Code::DataLenRange);
        let error = rsa_crypt::wrap(&pair.public_key(), params, &long).unwrap_err();
        assert_eq!(error.code(), Code::KeySizeRange);
        for len in [0, 1, room + overhead - 1, room + overhead + 1] {
            let error = decrypt(pair, params, &vec![1; len]).unwrap_err();
            assert_eq!(error.code(), Code::EncryptedDataLenRange);
            let error = rsa_crypt::unwrap(&pair.private_key(), params, &vec![1; len]).unwrap_err();
            assert_eq!(error.code(), Code::WrappedKeyLenRange);
        }
        // A ciphertext above the modulus: everybody can see that.
        let error = decrypt(pair, params, &vec![0xff; room + overhead]).unwrap_err();
        assert_eq!(error.code(), Code::EncryptedDataInvalid);
    }
}

#[test]
fn pkcs1_agrees_up_to_the_longest_message() {
    both_ways(&Params::None, || Pkcs1v15Encrypt, 11);
}

fn oaep_agrees<D, M>(hash: Hash, mgf: Hash, label: &[u8])
where
    D: Digest + FixedOutputReset,
    M: Digest + FixedOutputReset,
{
    let params = Params::Oaep { hash, mgf, label };
    let scheme = || Oaep::<D, M>::new_with_mgf_hash_and_label(label);
    both_ways(&params, scheme, 2 * hash.size() + 2);
}

#[test]
fn oaep_agrees_for_every_hash_mask_and_label() {
    oaep_agrees::<Sha1, Sha1>(Hash::Sha1, Hash::Sha1, b"");
    oaep_agrees::<Sha224, Sha224>(Hash::Sha224, Hash::Sha224, b"label");
    oaep_agrees::<Sha256, Sha256>(Hash::Sha256, Hash::Sha256, b"");
    oaep_agrees::<Sha256, Sha1>(Hash::Sha256, Hash::Sha1, b"another hash in MGF1");
    oaep_agrees::<Sha384, Sha512>(Hash::Sha384, Hash::Sha512, &[7; 300]);
    oaep_agrees::<Sha512, Sha512>(Hash::Sha512, Hash::Sha512, b"label");
    oaep_agrees::<Sha512_224, Sha1>(Hash::Sha512_224, Hash::Sha1, b"label");
    oaep_agrees::<Sha512_256, Sha3_256>(Hash::Sha512_256, Hash::Sha3_256, b"");
    oaep_agrees::<Sha3_224, Sha3_384>(Hash::Sha3_224, Hash::Sha3_384, b"label");
    oaep_agrees::<Sha3_512, Sha3_512>(Hash::Sha3_512, Hash::Sha3_512, b"label");
}

#[test]
fn oaep_refuses_what_was_encrypted_otherwise() {
    let oaep = |hash, mgf, label| Params::Oaep { hash, mgf, label };
    let good = oaep(Hash::Sha256, Hash::Sha256, b"label");
    let ciphertext = encrypt(&RSA[0], &good, b"message").unwrap();
    let mut damaged = ciphertext.clone();
    damaged[100] ^= 1;
    let cases = [
        (oaep(Hash::Sha256, Hash::Sha256, b"Label"), &ciphertext),
        (oaep(Hash::Sha256, Hash::Sha256, b""), &ciphertext),
        (oaep(Hash::Sha1, Hash::Sha256, b"label"), &ciphertext),
        (oaep(Hash::Sha256, Hash::Sha1, b"label"), &ciphertext),
        (good, &damaged),
    ];
    for (params, ciphertext) in cases {
        let error = decrypt(&RSA[0], &params, ciphertext).unwrap_err();
        assert_eq!(error.code(), Code::EncryptedDataInvalid);
        let error = rsa_crypt::unwrap(&RSA[0].private_key(), &params, ciphertext).unwrap_err();
        assert_eq!(error.code(), Code::WrappedKeyInvalid);
    }
}

/// Ciphertexts of blocks with every kind of wrong padding.
fn badly_padded(pair: &Pair) -> Vec<Vec<u8>> {
    let damage: [fn(&mut [u8]); 6] = [
        |block| block[0] = 1,
        |block| block[1] = 1,
        |block| block[2] = 0,
        |block| block[9] = 0,
        |block| block[2..].iter_mut().for_each(|byte| *byte |= 1),
        |block| block[1..200].fill(0),
    ];
    let key = pair.public_key();
    let key = &key.rsa(Half::Public).unwrap().rsa;
    let encrypted = |damage: &fn(&mut [u8])| {
        let mut block = vec![0x55; key.size()];
        block[..2].copy_from_slice(&[0, 2]);
        block[key.size() - 9] = 0;
        damage(&mut block);
        let mut ciphertext = vec![0; key.size()];
        key.encrypt(Padding::None, &block, &mut ciphertext).unwrap();
        ciphertext
    };
    damage.iter().map(encrypted).collect()
}

#[test]
fn a_bad_pkcs1_padding_gives_the_oracles_synthetic_message_and_no_error() {
    for pair in RSA.iter() {
        for ciphertext in badly_padded(pair) {
            let ours = decrypt(pair, &Params::None, &ciphertext).unwrap();
            assert_eq!(private(pair).decrypt(Pkcs1v15Encrypt, &ciphertext).unwrap(), ours);
            assert_eq!(decrypt(pair, &Params::None, &ciphertext).unwrap(), ours);
            let key = rsa_crypt::unwrap(&pair.private_key(), &Params::None, &ciphertext).unwrap();
            assert_eq!(key.expose(), ours);
        }
    }
}

#[test]
fn nothing_but_the_length_of_a_pkcs1_ciphertext_decides_the_size_of_the_answer() {
    let transform = super::transform(rsa_crypt::decrypt(&RSA[0].private_key(), &Params::None));
    assert_eq!(transform.output_size(256, true).unwrap(), 256 - 11);
}
