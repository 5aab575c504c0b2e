//! What other implementations say: RustCrypto, and what is made of hashes and blocks by definition.

use aes_kw::aes::{Aes128, Aes192, Aes256};
use aes_kw::cipher::consts::U16;
use aes_kw::cipher::{BlockCipherEncrypt, KeyInit};
use md5::Md5;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::{Oaep, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

use crate::harness::Hash;

/// Runs one expression with `D` as the type of a hash.
macro_rules! with_hash {
    ($hash:expr, $body:expr) => {
        match $hash {
            Hash::Md5 => {
                type D = Md5;
                $body
            }
            Hash::Sha1 => {
                type D = Sha1;
                $body
            }
            Hash::Sha224 => {
                type D = Sha224;
                $body
            }
            Hash::Sha256 => {
                type D = Sha256;
                $body
            }
            Hash::Sha384 => {
                type D = Sha384;
                $body
            }
            Hash::Sha512 => {
                type D = Sha512;
                $body
            }
            Hash::Sha512_224 => {
                type D = Sha512_224;
                $body
            }
            Hash::Sha512_256 => {
                type D = Sha512_256;
                $body
            }
            Hash::Sha3_224 => {
                type D = Sha3_224;
                $body
            }
            Hash::Sha3_256 => {
                type D = Sha3_256;
                $body
            }
            Hash::Sha3_384 => {
                type D = Sha3_384;
                $body
            }
            Hash::Sha3_512 => {
                type D = Sha3_512;
                $body
            }
        }
    };
}

pub fn digest(hash: Hash, data: &[u8]) -> Vec<u8> {
    with_hash!(hash, D::digest(data).to_vec())
}

/// RFC 2104.
pub fn hmac(hash: Hash, key: &[u8], data: &[u8]) -> Vec<u8> {
    let block = match hash {
        Hash::Md5 | Hash::Sha1 | Hash::Sha224 | Hash::Sha256 => 64,
        Hash::Sha384 | Hash::Sha512 | Hash::Sha512_224 | Hash::Sha512_256 => 128,
        Hash::Sha3_224 | Hash::Sha3_256 | Hash::Sha3_384 | Hash::Sha3_512 => 200 - 2 * hash.size(),
    };
    let mut padded = if key.len() > block { digest(hash, key) } else { key.to_vec() };
    padded.resize(block, 0);
    let xored = |pad: u8| padded.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
    let inner = digest(hash, &[xored(0x36), data.to_vec()].concat());
    digest(hash, &[xored(0x5c), inner].concat())
}

/// RFC 5869 section 2.2.
pub fn hkdf_extract(hash: Hash, salt: &[u8], key: &[u8]) -> Vec<u8> {
    hmac(hash, salt, key)
}

/// RFC 5869 section 2.3.
pub fn hkdf_expand(hash: Hash, key: &[u8], info: &[u8], len: usize) -> Vec<u8> {
    let (mut output, mut last) = (Vec::new(), Vec::new());
    for i in 1.. {
        if output.len() >= len {
            break;
        }
        last = hmac(hash, key, &[&last[..], info, &[i]].concat());
        output.extend(&last);
    }
    output.truncate(len);
    output
}

/// RFC 5246 section 5.
pub fn tls_prf(hash: Hash, secret: &[u8], label: &[u8], seed: &[u8], len: usize) -> Vec<u8> {
    let seed = [label, seed].concat();
    let (mut output, mut last) = (Vec::new(), seed.clone());
    while output.len() < len {
        last = hmac(hash, secret, &last);
        output.extend(hmac(hash, secret, &[&last[..], &seed].concat()));
    }
    output.truncate(len);
    output
}

/// RFC 8018 section 5.2.
pub fn pbkdf2(hash: Hash, password: &[u8], salt: &[u8], iterations: u64, len: usize) -> Vec<u8> {
    let block = |i: u32| {
        let mut last = hmac(hash, password, &[salt, &i.to_be_bytes()].concat());
        let mut mixed = last.clone();
        for _ in 1..iterations {
            last = hmac(hash, password, &last);
            mixed.iter_mut().zip(&last).for_each(|(mixed, byte)| *mixed ^= byte);
        }
        mixed
    };
    (1..).flat_map(block).take(len).collect()
}

/// One block under AES with a key of any size.
fn aes(key: &[u8], block: [u8; 16]) -> [u8; 16] {
    fn with<C: BlockCipherEncrypt<BlockSize = U16> + KeyInit>(
        key: &[u8],
        block: [u8; 16],
    ) -> [u8; 16] {
        let mut block = block.into();
        C::new_from_slice(key).expect("a key").encrypt_block(&mut block);
        block.into()
    }
    match key.len() {
        16 => with::<Aes128>(key, block),
        24 => with::<Aes192>(key, block),
        _ => with::<Aes256>(key, block),
    }
}

fn xored(a: &[u8], b: &[u8]) -> [u8; 16] {
    std::array::from_fn(|i| a[i] ^ b[i])
}

/// Whole blocks under AES, chained from `iv` if there is one.
pub fn aes_blocks(key: &[u8], iv: Option<[u8; 16]>, data: &[u8]) -> Vec<u8> {
    let mut last = iv.unwrap_or_default();
    let mut output = Vec::new();
    for block in data.as_chunks::<16>().0 {
        last = aes(key, if iv.is_some() { xored(block, &last) } else { *block });
        output.extend(last);
    }
    output
}

/// RFC 4493 section 2.4, for every key size.
pub fn cmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let doubled = |number: [u8; 16]| {
        let number = u128::from_be_bytes(number);
        (number << 1 ^ if number >> 127 == 1 { 0x87 } else { 0 }).to_be_bytes()
    };
    let one = doubled(aes(key, [0; 16]));
    let front = data.len().saturating_sub(1) / 16 * 16;
    let (front, last) = data.split_at(front);
    let mut padded = last.to_vec();
    let subkey = match last.len() {
        16 => one,
        _ => {
            padded.push(0x80);
            padded.resize(16, 0);
            doubled(one)
        }
    };
    let chain = front.chunks(16).fold([0; 16], |mac, block| aes(key, xored(&mac, block)));
    aes(key, xored(&chain, &xored(&padded, &subkey))).to_vec()
}

/// CBC-CS1, addendum to NIST SP 800-38A.
pub fn cbc_cs1(key: &[u8], iv: &[u8; 16], data: &[u8]) -> Vec<u8> {
    let mut padded = data.to_vec();
    padded.resize(data.len().next_multiple_of(16), 0);
    let (mut last, mut output) = (*iv, Vec::new());
    for block in padded.chunks(16) {
        output.extend(last);
        last = aes(key, xored(block, &last));
    }
    // The IV goes, and of the last block but one what padding made too long.
    let mut output = output.split_off(16);
    output.truncate(data.len() - 16);
    output.extend(last);
    output
}

/// XTS-AES, IEEE 1619 section 5.3.
pub fn xts(key: &[u8], unit: &[u8; 16], data: &[u8]) -> Vec<u8> {
    let (one, two) = key.split_at(key.len() / 2);
    let mut tweak = u128::from_le_bytes(aes(two, *unit));
    let mut encrypt = |block: &[u8]| {
        let mask = tweak.to_le_bytes();
        tweak = tweak << 1 ^ if tweak >> 127 == 1 { 0x87 } else { 0 };
        xored(&aes(one, xored(block, &mask)), &mask)
    };
    let (whole, rest) = data.split_at(data.len() / 16 * 16);
    let mut output: Vec<u8> = whole.chunks(16).flat_map(&mut encrypt).collect();
    if !rest.is_empty() {
        let stolen = output.split_off(output.len() - 16);
        output.extend(encrypt(&[rest, &stolen[rest.len()..]].concat()));
        output.extend(&stolen[..rest.len()]);
    }
    output
}

/// PKCS#1 v1.5 over a digest, or over what stands for the whole DigestInfo without a hash.
pub fn rsa_pkcs1(key: &RsaPublicKey, hash: Option<Hash>, digest: &[u8], signature: &[u8]) -> bool {
    let scheme = match hash {
        None => Pkcs1v15Sign::new_unprefixed(),
        Some(hash) => with_hash!(hash, Pkcs1v15Sign::new::<D>()),
    };
    key.verify(scheme, digest, signature).is_ok()
}

/// PSS with the hash of the message as the hash of the mask.
pub fn rsa_pss(
    key: &RsaPublicKey,
    hash: Hash,
    salt: usize,
    digest: &[u8],
    signature: &[u8],
) -> bool {
    with_hash!(hash, key.verify(Pss::<D>::new_with_salt(salt), digest, signature).is_ok())
}

/// OAEP with the same hash twice.
pub fn rsa_oaep_encrypt(key: &RsaPublicKey, hash: Hash, label: &[u8], data: &[u8]) -> Vec<u8> {
    let mut random = rand();
    with_hash!(hash, key.encrypt(&mut random, Oaep::<D>::new_with_label(label), data))
        .expect("the oracle encrypts")
}

pub fn rsa_oaep_decrypt(
    key: &rsa::RsaPrivateKey,
    hash: Hash,
    label: &[u8],
    data: &[u8],
) -> Option<Vec<u8>> {
    with_hash!(hash, key.decrypt(Oaep::<D>::new_with_label(label), data).ok())
}

/// The random numbers of the oracles: a counter under SHA-256, for nothing here is secret.
pub fn rand() -> impl rsa::rand_core::CryptoRng {
    Counter(0)
}

struct Counter(u64);

impl rsa::rand_core::TryRng for Counter {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.try_next_u64()? as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.0 += 1;
        let digest = Sha256::digest(self.0.to_be_bytes());
        Ok(u64::from_be_bytes(digest[..8].try_into().expect("eight bytes")))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.try_next_u64()?.to_be_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

impl rsa::rand_core::TryCryptoRng for Counter {}

/// ECDSA over a digest; `bits` names the curve, `point` is uncompressed.
pub fn ecdsa(bits: u64, point: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    // Shorter digests are numbers: zeros in front change nothing.
    let size = (bits as usize).div_ceil(8);
    let mut padded = vec![0; size.saturating_sub(digest.len())];
    padded.extend(digest);
    macro_rules! verified {
        ($curve:ident) => {{
            let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(point).expect("a point");
            $curve::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(&padded, &signature).is_ok())
        }};
    }
    match bits {
        256 => verified!(p256),
        384 => verified!(p384),
        521 => verified!(p521),
        _ => panic!("no curve of {bits} bits"),
    }
}

/// The octets in a DER OCTET STRING; as they are where they are none.
pub fn octets(der: &[u8]) -> &[u8] {
    match der {
        [4, len, rest @ ..] if usize::from(*len) == rest.len() => rest,
        [4, 0x81, len, rest @ ..] if usize::from(*len) == rest.len() => rest,
        bare => bare,
    }
}
