//! RSA encryption: PKCS#1 v1.5 and OAEP with every hash and a label, against the oracle both ways.

use rsa::{Pkcs1v15Encrypt, RsaPublicKey};
use serial_test::serial;

use super::sign_rsa::SIZES;
use super::{DECRYPT, ENCRYPT, Pair, SIGN, VERIFY, masks, offered, oracle};
use crate::harness::{Code, Function, Hash, Mechanism, MechanismType as M, keys};
use crate::harness::{on_legacy_user, on_user};

pub fn pairs() -> Vec<Pair> {
    let raw = (M::RSA_X_509, ENCRYPT | DECRYPT | SIGN | VERIFY);
    [raw, (M::RSA_PKCS, ENCRYPT | DECRYPT), (M::RSA_PKCS_OAEP, ENCRYPT | DECRYPT)].to_vec()
}

/// "PKCS #1 v1.5 RSA".
#[test]
#[serial]
fn pkcs1_encryption_agrees_with_the_oracle() {
    on_user(|session| {
        assert!(offered(session, (M::RSA_PKCS, ENCRYPT | DECRYPT)));
        let mechanism = Mechanism::plain(M::RSA_PKCS);
        for bits in SIZES {
            let (public, private) = session.rsa(bits);
            let key = keys::rsa(bits);
            let most = bits as usize / 8 - 11;
            for len in [0, 1, 32, most] {
                let data = vec![9; len];
                let what = format!("{len} bytes, {bits} bits");
                let ours = session.run(Function::Encrypt, &mechanism, public, &data);
                let theirs = ours.map(|data| key.decrypt(Pkcs1v15Encrypt, &data).ok());
                session.target.same(&what, theirs, Ok(Some(data.clone())));
                let encrypted = RsaPublicKey::from(&key)
                    .encrypt(&mut oracle::rand(), Pkcs1v15Encrypt, &data)
                    .expect("the oracle encrypts");
                let ours = session.run(Function::Decrypt, &mechanism, private, &encrypted);
                session.target.same(&format!("{what}, back"), ours, Ok(data));
            }
            let answer = session.run(Function::Encrypt, &mechanism, public, &vec![9; most + 1]);
            session.target.same("too long", answer, Err(Code::DataLenRange));
        }
    });
}

/// "X.509 (raw) RSA": the bare operation, both ways and as a signature.
#[test]
#[serial]
fn raw_rsa_is_the_bare_operation() {
    on_legacy_user(|session| {
        if !offered(session, (M::RSA_X_509, ENCRYPT | DECRYPT | SIGN | VERIFY)) {
            return;
        }
        let mechanism = Mechanism::plain(M::RSA_X_509);
        for bits in SIZES {
            let (public, private) = session.rsa(bits);
            // What PKCS#1 v1.5 signs, padded by hand: the oracle knows the signature.
            let mut block = vec![0xff; bits as usize / 8];
            block[..2].copy_from_slice(&[0, 1]);
            let text = block.len() - 5;
            block[text..].copy_from_slice(b"\0data");
            let what = format!("{bits} bits");
            let signature = session.run(Function::Sign, &mechanism, private, &block);
            let signature = signature.expect("C_Sign");
            let key = RsaPublicKey::from(keys::rsa(bits));
            let good = oracle::rsa_pkcs1(&key, None, b"data", &signature);
            session.target.holds(&format!("{what}: the oracle verifies"), good);
            let check = session.check(&mechanism, public, &block, &signature);
            session.target.same(&format!("{what}, C_Verify"), check, Ok(()));
            let undone = session.run(Function::Encrypt, &mechanism, public, &signature);
            session.target.same(&format!("{what}, undone"), undone, Ok(block.clone()));
            let encrypted = session.run(Function::Encrypt, &mechanism, public, &block);
            let back =
                session.run(Function::Decrypt, &mechanism, private, &encrypted.expect("C_Encrypt"));
            session.target.same(&format!("{what}, there and back"), back, Ok(block));
        }
    });
}

/// "PKCS #1 RSA OAEP"; a label and any hash.
#[test]
#[serial]
fn oaep_encryption_agrees_with_the_oracle_for_every_hash() {
    on_user(|session| {
        assert!(offered(session, (M::RSA_PKCS_OAEP, ENCRYPT | DECRYPT)));
        for bits in SIZES {
            let (public, private) = session.rsa(bits);
            let key = keys::rsa(bits);
            // Every hash at one size, one at the others: the oracle is slow.
            for hash in masks().filter(|hash| bits == 2048 || *hash == Hash::Sha256) {
                for label in [b"".as_slice(), b"a label"] {
                    let mechanism = Mechanism::oaep(hash, hash, label);
                    let short = if hash == Hash::Sha1 { "with a label" } else { "not SHA-1" };
                    let most = bits as usize / 8 - 2 * hash.size() - 2;
                    for len in [0, most] {
                        let data = vec![9; len];
                        let detail = format!("{hash:?}, {label:?}, {bits} bits");
                        let what = session.target.what(short, detail);
                        let ours = session.run(Function::Encrypt, &mechanism, public, &data);
                        let theirs =
                            ours.map(|data| oracle::rsa_oaep_decrypt(&key, hash, label, &data));
                        session.target.same(&what, theirs, Ok(Some(data.clone())));
                        let encrypted =
                            oracle::rsa_oaep_encrypt(&RsaPublicKey::from(&key), hash, label, &data);
                        let ours = session.run(Function::Decrypt, &mechanism, private, &encrypted);
                        session.target.same(&format!("{what}, back"), ours, Ok(data));
                    }
                }
            }
        }
    });
}

/// Java's default is SHA-256 with a mask of SHA-1.
#[test]
#[serial]
fn oaep_takes_any_mask_hash_beside_any_hash() {
    on_user(|session| {
        let (public, private) = session.rsa(2048);
        for hash in masks() {
            for mask in masks() {
                let mechanism = Mechanism::oaep(hash, mask, b"");
                let back = session
                    .run(Function::Encrypt, &mechanism, public, b"text")
                    .and_then(|data| session.run(Function::Decrypt, &mechanism, private, &data));
                let detail = format!("{hash:?} with {mask:?}");
                let what = session.target.what("not SHA-1", detail);
                session.target.same(&what, back, Ok(b"text".to_vec()));
            }
        }
    });
}

/// Design, "Policy": PKCS#1 v1.5 decryption rejects implicitly, so that it is no oracle.
#[test]
#[serial]
fn damaged_pkcs1_ciphertext_decrypts_to_something_else() {
    on_user(|session| {
        let (public, private) = session.rsa(2048);
        let mechanism = Mechanism::plain(M::RSA_PKCS);
        let mut data =
            session.run(Function::Encrypt, &mechanism, public, b"text").expect("C_Encrypt");
        data[100] ^= 1;
        let answer = session.run(Function::Decrypt, &mechanism, private, &data);
        session.target.holds("no error", answer.is_ok());
        session.target.holds("another text", answer != Ok(b"text".to_vec()));
        let again = session.run(Function::Decrypt, &mechanism, private, &data);
        session.target.holds("always the same", answer == again);
    });
}

/// OAEP tells that something is wrong and not what.
#[test]
#[serial]
fn damaged_oaep_ciphertext_is_invalid() {
    on_user(|session| {
        let (public, private) = session.rsa(2048);
        let mechanism = Mechanism::oaep(Hash::Sha1, Hash::Sha1, b"");
        let mut data =
            session.run(Function::Encrypt, &mechanism, public, b"text").expect("C_Encrypt");
        data[100] ^= 1;
        let answer = session.run(Function::Decrypt, &mechanism, private, &data);
        session.target.same("damaged", answer, Err(Code::EncryptedDataInvalid));
        for len in [0, 1, 255, 257] {
            let answer = session.run(Function::Decrypt, &mechanism, private, &vec![1; len]);
            let what = format!("{len} bytes");
            session.target.same(&what, answer, Err(Code::EncryptedDataLenRange));
        }
    });
}
