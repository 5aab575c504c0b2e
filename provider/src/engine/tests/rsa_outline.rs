//! Encodings for a private operation that is done elsewhere: here it is the engine's own raw one,
//! and the engine's other half reads what came of it.

use super::{Pair, RSA, run, sign, verify};
use crate::engine::digest::digest;
use crate::engine::rsa_outline::{Opening, Outline, digest_info, rejection};
use crate::engine::{rsa_crypt, rsa_raw};
use crate::error::Code;
use crate::mechanism::{Hash, MechanismType as M, Params};
use crate::secret::Secret;

fn raw_decrypt(pair: &Pair, ciphertext: &[u8]) -> Secret {
    let block = run(rsa_raw::decrypt(&pair.private_key(), &Params::None), ciphertext).unwrap();
    Secret::copy_of(&block)
}

#[test]
fn raw_signatures_over_encodings_are_pkcs1_and_pss_signatures() {
    const MESSAGE: &[u8] = b"hashed here, signed elsewhere";
    for pair in RSA.iter() {
        let outline = Outline::of(&pair.private).unwrap();
        for (id, pss_id, hash) in [
            (M::SHA1_RSA_PKCS, M::SHA1_RSA_PKCS_PSS, Hash::Sha1),
            (M::SHA256_RSA_PKCS, M::SHA256_RSA_PKCS_PSS, Hash::Sha256),
            (M::SHA3_512_RSA_PKCS, M::SHA3_512_RSA_PKCS_PSS, Hash::Sha3_512),
        ] {
            let of_message = &digest(hash, MESSAGE)[..hash.size()];
            let block = outline.pkcs1(&digest_info(hash, of_message)).unwrap();
            let signature = sign(M::RSA_X_509, &pair.private_key(), &Params::None, &block).unwrap();
            verify(id, &pair.public_key(), &Params::None, MESSAGE, &signature).unwrap();
            for (mgf, salt) in [(hash, hash.size()), (Hash::Sha224, 0), (Hash::Sha1, 20)] {
                let params = Params::Pss { hash, mgf, salt };
                let pss = outline.pss(&params, Some(hash)).unwrap();
                let block = outline.encode_pss(pss, of_message).unwrap();
                let signature =
                    sign(M::RSA_X_509, &pair.private_key(), &Params::None, &block).unwrap();
                verify(pss_id, &pair.public_key(), &params, MESSAGE, &signature).unwrap();
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_before_anybody_signs_it() {
    let outline = Outline::of(&RSA[0].private).unwrap();
    let size = outline.size();
    assert_eq!(outline.pkcs1(&vec![0; size - 11]).unwrap()[..11], {
        let mut front = [0xff; 11];
        (front[0], front[1], front[10]) = (0, 1, 0);
        front
    });
    let long = outline.pkcs1(&vec![0; size - 10]).unwrap_err();
    assert_eq!(long.code(), Code::DataLenRange);
    assert_eq!(outline.number(b"12").unwrap()[size - 3..], *b"\x0012");
    assert_eq!(outline.number(&vec![0xff; size]).unwrap_err().code(), Code::DataInvalid);
    assert_eq!(outline.number(&vec![0; size + 1]).unwrap_err().code(), Code::DataLenRange);
    let params = Params::Pss { hash: Hash::Sha512, mgf: Hash::Sha512, salt: size - 65 };
    let salt = outline.pss(&params, None).err().unwrap();
    assert_eq!(salt.code(), Code::MechanismParamInvalid);
    let other = outline.pss(&params, Some(Hash::Sha256)).err().unwrap();
    assert_eq!(other.code(), Code::MechanismParamInvalid);
    let admitted = outline.admit(&vec![0xff; size]).unwrap_err();
    assert_eq!(admitted.code(), Code::EncryptedDataInvalid);
    let short = outline.admit(&vec![1; size - 1]).unwrap_err();
    assert_eq!(short.code(), Code::EncryptedDataLenRange);
}

#[test]
fn padding_is_taken_off_what_another_decrypted() {
    for pair in RSA.iter() {
        let outline = Outline::of(&pair.private).unwrap();
        for (hash, mgf, label) in
            [(Hash::Sha256, Hash::Sha256, &b""[..]), (Hash::Sha3_256, Hash::Sha1, &b"a label"[..])]
        {
            let params = Params::Oaep { hash, mgf, label };
            let opening = Opening::Oaep { hash, mgf, label: label.into() };
            let sealed = run(rsa_crypt::encrypt(&pair.public_key(), &params), b"secret").unwrap();
            outline.admit(&sealed).unwrap();
            let block = raw_decrypt(pair, &sealed);
            let message = outline.open(&opening, None, &sealed, &block).unwrap();
            assert_eq!(message.expose(), b"secret");
            let mut damaged = block.expose().to_vec();
            damaged[70] ^= 1;
            let damaged = Secret::copy_of(&damaged);
            let error = outline.open(&opening, None, &sealed, &damaged).unwrap_err();
            assert_eq!(error.code(), Code::EncryptedDataInvalid);
        }
    }
}

/// A bad padding gives the same message in every process, another for another ciphertext, and no
/// error.
#[test]
fn a_bad_padding_of_pkcs1_shows_nothing() {
    let pair = &RSA[0];
    let outline = Outline::of(&pair.private).unwrap();
    let question = outline.question().unwrap();
    outline.admit(&question).unwrap();
    let rejection = || rejection(&raw_decrypt(pair, &question));
    let sealed = run(rsa_crypt::encrypt(&pair.public_key(), &Params::None), b"secret").unwrap();
    let open = |ciphertext: &[u8], block: &Secret| {
        let message = outline.open(&Opening::Pkcs1, Some(&rejection()), ciphertext, block);
        message.unwrap().expose().to_vec()
    };
    assert_eq!(open(&sealed, &raw_decrypt(pair, &sealed)), b"secret");
    let bad = Secret::copy_of(&[7; 256]);
    assert_eq!(open(&sealed, &bad), open(&sealed, &bad));
    assert_ne!(open(&sealed, &bad), open(&question, &bad));
}
