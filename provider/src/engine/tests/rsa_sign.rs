//! RSA signatures against the `rsa` crate.

use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey};
use rsa::traits::SignatureScheme;
use rsa::{Pkcs1v15Sign, Pss, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

use super::{Pair, RSA, refuses_damage, sign, signs_in_parts, verify};
use crate::attribute::AttributeType;
use crate::engine::digest::digest;
use crate::engine::rsa_raw;
use crate::error::Code;
use crate::mechanism::{Hash, MechanismType as M, Params};

const PKCS1: [(M, Hash); 9] = [
    (M::SHA1_RSA_PKCS, Hash::Sha1),
    (M::SHA224_RSA_PKCS, Hash::Sha224),
    (M::SHA256_RSA_PKCS, Hash::Sha256),
    (M::SHA384_RSA_PKCS, Hash::Sha384),
    (M::SHA512_RSA_PKCS, Hash::Sha512),
    (M::SHA3_224_RSA_PKCS, Hash::Sha3_224),
    (M::SHA3_256_RSA_PKCS, Hash::Sha3_256),
    (M::SHA3_384_RSA_PKCS, Hash::Sha3_384),
    (M::SHA3_512_RSA_PKCS, Hash::Sha3_512),
];
const PSS: [(M, Hash); 9] = [
    (M::SHA1_RSA_PKCS_PSS, Hash::Sha1),
    (M::SHA224_RSA_PKCS_PSS, Hash::Sha224),
    (M::SHA256_RSA_PKCS_PSS, Hash::Sha256),
    (M::SHA384_RSA_PKCS_PSS, Hash::Sha384),
    (M::SHA512_RSA_PKCS_PSS, Hash::Sha512),
    (M::SHA3_224_RSA_PKCS_PSS, Hash::Sha3_224),
    (M::SHA3_256_RSA_PKCS_PSS, Hash::Sha3_256),
    (M::SHA3_384_RSA_PKCS_PSS, Hash::Sha3_384),
    (M::SHA3_512_RSA_PKCS_PSS, Hash::Sha3_512),
];
const MESSAGE: &[u8] = b"the message that everybody in these tests signs";

/// PKCS#1 v1.5 of the oracle.
fn pkcs1(hash: Hash) -> Pkcs1v15Sign {
    match hash {
        Hash::Md5 => Pkcs1v15Sign::new::<md5::Md5>(),
        Hash::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
        Hash::Sha224 => Pkcs1v15Sign::new::<Sha224>(),
        Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
        Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
        Hash::Sha512_224 => Pkcs1v15Sign::new::<Sha512_224>(),
        Hash::Sha512_256 => Pkcs1v15Sign::new::<Sha512_256>(),
        Hash::Sha3_224 => Pkcs1v15Sign::new::<Sha3_224>(),
        Hash::Sha3_256 => Pkcs1v15Sign::new::<Sha3_256>(),
        Hash::Sha3_384 => Pkcs1v15Sign::new::<Sha3_384>(),
        Hash::Sha3_512 => Pkcs1v15Sign::new::<Sha3_512>(),
    }
}

/// The oracle checks our signature and signs itself; we check that.
fn both_ways<S: SignatureScheme>(
    (mechanism, params): (M, &Params<'_>),
    scheme: impl Fn() -> S,
    input: &[u8],
    digest: &[u8],
) {
    for pair in RSA.iter() {
        let public = RsaPublicKey::from_public_key_der(pair.info()).unwrap();
        let private = RsaPrivateKey::from_pkcs8_der(pair.pkcs8().expose()).unwrap();
        let ours = sign(mechanism, &pair.private_key(), params, input).unwrap();
        public.verify(scheme(), digest, &ours).unwrap();
        let theirs = private.sign(scheme(), digest).unwrap();
        verify(mechanism, &pair.public_key(), params, input, &theirs).unwrap();
        refuses_damage(mechanism, pair, params, input, &ours);
    }
}

#[test]
fn pkcs1_signatures_agree_for_every_hash_and_size() {
    for (mechanism, hash) in PKCS1 {
        let digest = &digest(hash, MESSAGE)[..hash.size()];
        both_ways((mechanism, &Params::None), || pkcs1(hash), MESSAGE, digest);
        signs_in_parts(mechanism, &RSA[0], &Params::None, MESSAGE);
    }
}

#[test]
fn raw_pkcs1_signs_whatever_fits() {
    let both = |data: &[u8]| {
        let scheme = Pkcs1v15Sign::new_unprefixed;
        both_ways((M::RSA_PKCS, &Params::None), scheme, data, data);
    };
    both(b"");
    both(b"no DigestInfo at all");
    both(&[0xa5; 256 - 11]);
    let key = RSA[0].private_key();
    let error = sign(M::RSA_PKCS, &key, &Params::None, &[0xa5; 256 - 10]).unwrap_err();
    assert_eq!(error.code(), Code::DataLenRange);
    let answer =
        verify(M::RSA_PKCS, &RSA[0].public_key(), &Params::None, &[0xa5; 256 - 10], &[1; 256]);
    assert_eq!(answer.unwrap_err().code(), Code::DataLenRange);
}

#[test]
fn x509_signs_the_padded_block_that_the_caller_made() {
    for pair in RSA.iter() {
        let (private, public) = (pair.private_key(), pair.public_key());
        let data = [&[0, 1][..], &vec![0xff; modulus_size(pair) - 12], &[0], b"raw bytes"].concat();
        let ours = sign(M::RSA_X_509, &private, &Params::None, &data).unwrap();
        // The same block that CKM_RSA_PKCS builds.
        assert_eq!(ours, sign(M::RSA_PKCS, &private, &Params::None, b"raw bytes").unwrap());
        refuses_damage(M::RSA_X_509, pair, &Params::None, &data, &ours);
        // "Padding should be performed by prepending plaintext data with 0-valued bytes."
        verify(M::RSA_X_509, &public, &Params::None, &data[1..], &ours).unwrap();
        let code =
            |data: &[u8]| sign(M::RSA_X_509, &private, &Params::None, data).unwrap_err().code();
        assert_eq!(code(&vec![0xff; data.len()]), Code::DataInvalid);
        assert_eq!(code(&vec![0; data.len() + 1]), Code::DataLenRange);
    }
}

#[test]
fn x509_decrypts_what_it_encrypts_with_the_zeros_in_front() {
    let pair = &RSA[0];
    let encrypt =
        |data: &[u8]| super::run(rsa_raw::encrypt(&pair.public_key(), &Params::None), data);
    let decrypt =
        |data: &[u8]| super::run(rsa_raw::decrypt(&pair.private_key(), &Params::None), data);
    let ciphertext = encrypt(b"short").unwrap();
    let plain = decrypt(&ciphertext).unwrap();
    assert_eq!(plain, [&[0; 251][..], b"short"].concat());
    assert_eq!(encrypt(&[0xff; 256]).unwrap_err().code(), Code::DataInvalid);
    assert_eq!(encrypt(&[0; 257]).unwrap_err().code(), Code::DataLenRange);
    assert_eq!(decrypt(&[1; 255]).unwrap_err().code(), Code::EncryptedDataLenRange);
    assert_eq!(decrypt(&[0xff; 256]).unwrap_err().code(), Code::EncryptedDataInvalid);
}

fn modulus_size(pair: &Pair) -> usize {
    pair.public.bytes(AttributeType::MODULUS).unwrap().len()
}

/// Both mechanisms of PSS with one hash and salt, the hash being MGF1's as well.
fn pss_agrees<D>((mechanism, hash): (M, Hash), salt: usize)
where
    D: Digest + sha2::digest::FixedOutputReset,
{
    let params = Params::Pss { hash, mgf: hash, salt };
    let digest = &D::digest(MESSAGE)[..];
    let scheme = || Pss::<D>::new_with_salt(salt);
    both_ways((mechanism, &params), scheme, MESSAGE, digest);
    both_ways((M::RSA_PKCS_PSS, &params), scheme, digest, digest);
    signs_in_parts(mechanism, &RSA[0], &params, MESSAGE);
}

#[test]
fn pss_signatures_agree_for_every_hash_size_and_salt() {
    for salt in [0, 20, 32, 64] {
        pss_agrees::<Sha1>(PSS[0], salt);
        pss_agrees::<Sha224>(PSS[1], salt);
        pss_agrees::<Sha256>(PSS[2], salt);
        pss_agrees::<Sha384>(PSS[3], salt);
        pss_agrees::<Sha512>(PSS[4], salt);
        pss_agrees::<Sha3_224>(PSS[5], salt);
        pss_agrees::<Sha3_256>(PSS[6], salt);
        pss_agrees::<Sha3_384>(PSS[7], salt);
        pss_agrees::<Sha3_512>(PSS[8], salt);
    }
}

#[test]
fn pss_takes_another_hash_for_the_mask() {
    let params = Params::Pss { hash: Hash::Sha256, mgf: Hash::Sha1, salt: 32 };
    let (private, public) = (RSA[0].private_key(), RSA[0].public_key());
    let signature = sign(M::SHA256_RSA_PKCS_PSS, &private, &params, MESSAGE).unwrap();
    verify(M::SHA256_RSA_PKCS_PSS, &public, &params, MESSAGE, &signature).unwrap();
    for (mgf, salt) in [(Hash::Sha256, 32), (Hash::Sha1, 31)] {
        let other = Params::Pss { hash: Hash::Sha256, mgf, salt };
        let answer = verify(M::SHA256_RSA_PKCS_PSS, &public, &other, MESSAGE, &signature);
        assert_eq!(answer.unwrap_err().code(), Code::SignatureInvalid);
    }
}

#[test]
fn pss_parameters_are_held_against_mechanism_key_and_data() {
    let key = RSA[0].private_key();
    let code = |mechanism, params, data: &[u8]| {
        let row = crate::mechanism::set::look_up(mechanism).unwrap();
        match row.sign.unwrap()(&key, &params) {
            Err(error) => error.code(),
            operation => super::run(operation, data).unwrap_err().code(),
        }
    };
    let pss = |salt| Params::Pss { hash: Hash::Sha256, mgf: Hash::Sha256, salt };
    let longest = 256 - 2 - 32;
    assert_eq!(code(M::RSA_PKCS_PSS, pss(32), &[0; 31]), Code::DataLenRange);
    assert_eq!(code(M::RSA_PKCS_PSS, pss(32), &[0; 33]), Code::DataLenRange);
    assert_eq!(code(M::RSA_PKCS_PSS, pss(longest + 1), &[0; 32]), Code::MechanismParamInvalid);
    assert_eq!(code(M::SHA384_RSA_PKCS_PSS, pss(32), b""), Code::MechanismParamInvalid);
    sign(M::RSA_PKCS_PSS, &key, &pss(longest), &[0; 32]).unwrap();
}

#[test]
fn the_wrong_half_of_a_key_starts_nothing() {
    let row = crate::mechanism::set::look_up(M::RSA_PKCS).unwrap();
    let (private, public) = (RSA[0].private_key(), RSA[0].public_key());
    for (start, key) in [(row.sign, &public), (row.verify, &private)] {
        let error = start.unwrap()(key, &Params::None).err().unwrap();
        assert_eq!(error.code(), Code::KeyTypeInconsistent);
    }
}
