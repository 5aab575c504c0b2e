//! Ciphertexts, sealed files and signatures from somebody who means harm: every flipped bit, every
//! cut, and what claims to be larger than it is.

mod harness;

use harness::inside_every_token;
use harness::kms::with_kms_now as with_kms;
use keyway::domain::envelope::{Context, Header, Message};
use keyway::domain::key::{Algorithm, KeyName, Usage};
use keyway::service::{Encryption, Kms, NewKey, Recipient};
use keyway::token::OpenToken;
use keyway::{Kind, Result};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const DATA: &[u8] = b"attack at dawn";
/// Bytes of data in a piece.
const PIECE: usize = 1 << 20;

fn name(text: &str) -> KeyName {
    text.parse().expect("a name")
}

fn create(token: &OpenToken, key: &str, algorithm: Algorithm, usage: Usage) {
    let request = NewKey { name: name(key), algorithm, usage: Some(usage) };
    with_kms(token, |kms| kms.create_key(&request)).expect("created");
}

fn context() -> Context {
    Context::parse(&["tenant=acme".to_owned()]).expect("a context")
}

fn encrypted(kms: Kms<'_>, key: &str, data: &[u8]) -> Vec<u8> {
    let how = Encryption { key: name(key), scheme: None, context: context() };
    let mut message = Vec::new();
    kms.encrypt_from(&how, &mut &*data, &mut message).expect("encrypted");
    message
}

/// Decrypts, and answers what was written.
fn decrypted(kms: Kms<'_>, key: Option<&KeyName>, message: &[u8]) -> (Result<()>, Vec<u8>) {
    let mut output = Vec::new();
    let done = kms.decrypt_to(key, &context(), &mut &*message, &mut output);
    (done, output)
}

/// That a message is refused for what it is, whether or not its key is named, and nothing written.
fn refused(kms: Kms<'_>, key: &str, message: &[u8], what: &str) {
    for named in [None, Some(&name(key))] {
        let (done, written) = decrypted(kms, named, message);
        let error = done.expect_err(what);
        let kind = error.kind();
        let expected = [Kind::NotAuthentic, Kind::Malformed, Kind::NotFound, Kind::Usage];
        assert!(expected.contains(&kind), "{what}: {kind:?} {error}");
        assert!(written.is_empty(), "{what}: {} bytes written", written.len());
    }
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[bit / 8] ^= 1 << (bit % 8);
    changed
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_message_is_refused() {
    fn test(token: &OpenToken) {
        create(token, "k", Algorithm::Aes256, Usage::Encrypt);
        create(token, "r", Algorithm::Rsa2048, Usage::Encrypt);
        with_kms(token, |kms| {
            // An RSA operation is slow: there, every seventh bit, so that each place in a byte comes.
            for (key, step) in [("k", 1), ("r", 7)] {
                let message = encrypted(kms, key, DATA);
                assert_eq!(decrypted(kms, None, &message).1, DATA);
                for bit in (0..8 * message.len()).step_by(step) {
                    refused(kms, key, &flipped(&message, bit), &format!("{key} bit {bit}"));
                }
                for length in (0..message.len()).step_by(step) {
                    refused(kms, key, &message[..length], &format!("{key} cut to {length}"));
                }
                refused(kms, key, &[&message[..], b"x"].concat(), "lengthened");
            }
        });
    }
    inside_every_token("every_flipped_bit_and_every_cut_of_a_message_is_refused", test);
}

/// What is written of a long message before an error is what was authentic, no byte more.
#[test]
fn a_changed_piece_is_not_written_nor_what_follows() {
    fn test(token: &OpenToken) {
        create(token, "k", Algorithm::Aes256, Usage::Encrypt);
        with_kms(token, |kms| {
            let data = vec![7; 2 * PIECE + 5];
            let message = encrypted(kms, "k", &data);
            let first = message.len() - 5 - 28 - 2 * (PIECE + 28);
            for (at, whole) in
                [(first, 0), (first + 100, 0), (first + PIECE + 28, 1), (message.len() - 1, 2)]
            {
                let (done, written) = decrypted(kms, None, &flipped(&message, 8 * at));
                assert_eq!(done.expect_err("refused").kind(), Kind::NotAuthentic, "{at}");
                assert_eq!(written.len(), whole * PIECE, "{at}");
            }
        });
    }
    inside_every_token("a_changed_piece_is_not_written_nor_what_follows", test);
}

/// A header may say what it wants: nothing is set aside for it that the input does not have.
#[test]
fn what_claims_to_be_large_is_refused_at_once() {
    fn test(token: &OpenToken) {
        create(token, "k", Algorithm::Aes256, Usage::Encrypt);
        with_kms(token, |kms| {
            let message = encrypted(kms, "k", DATA);
            let Message { header, body, .. } = Message::parse(&message).expect("ours");
            for piece in [0, 1, (16 << 20) + 1, 1 << 30, u32::MAX] {
                let header = Header { piece: Some(piece), ..header.clone() };
                let bytes = [&header.to_bytes().expect("bytes"), body].concat();
                refused(kms, "k", &bytes, &format!("pieces of {piece}"));
            }
            // Lengths of 2 to 4 GiB in the header's first bytes, and one without an end.
            for length in
                [[0x84, 0x7F, 0xFF, 0xFF, 0xFF], [0x84, 0xFF, 0xFF, 0xFF, 0xFF], [0x80; 5]]
            {
                let bytes = [&message[..9], &length[..], &message[10..]].concat();
                refused(kms, "k", &bytes, &format!("{length:02x?}"));
            }
            // More names of a context than any header holds.
            let names = (0..20_000).map(|i| format!("name-{i}")).collect();
            let header = Header { context: names, ..header };
            let bytes = [&header.to_bytes().expect("bytes"), body].concat();
            refused(kms, "k", &bytes, "a header of 200 KiB");
        });
    }
    inside_every_token("what_claims_to_be_large_is_refused_at_once", test);
}

/// Anything behind our magic, and anything put into a message.
#[test]
fn arbitrary_bytes_are_refused() {
    fn test(token: &OpenToken) {
        create(token, "k", Algorithm::Aes256, Usage::Encrypt);
        with_kms(token, |kms| {
            let message = encrypted(kms, "k", DATA);
            let mut runner = TestRunner::new(Config {
                cases: 300,
                failure_persistence: None,
                ..Config::default()
            });
            let bytes = proptest::collection::vec(any::<u8>(), 0..200);
            let splice = (bytes, 0..message.len(), 0..message.len());
            let all = runner.run(&splice, |(bytes, from, to)| {
                let behind = [&message[..8], &bytes].concat();
                refused(kms, "k", &behind, "behind the magic");
                let (from, to) = (from.min(to), from.max(to));
                let put = [&message[..from], &bytes, &message[to..]].concat();
                if put != message {
                    refused(kms, "k", &put, "put into a message");
                }
                Ok(())
            });
            all.expect("every case is refused");
        });
    }
    inside_every_token("arbitrary_bytes_are_refused", test);
}

#[test]
fn flipped_bits_and_cuts_all_over_a_sealed_file_are_refused() {
    fn test(token: &OpenToken) {
        create(token, "k", Algorithm::Aes256, Usage::Encrypt);
        create(token, "p", Algorithm::EcP256, Usage::Agree);
        with_kms(token, |kms| {
            for (key, step) in [("k", 3), ("p", 13)] {
                let mut sealed = Vec::new();
                let to = [Recipient::Key(name(key))];
                kms.seal(&to, &mut &*DATA, &mut sealed).expect("sealed");
                let open = |bytes: &[u8]| {
                    let mut output = Vec::new();
                    (kms.open(None, &mut &*bytes, &mut output), output)
                };
                assert_eq!(open(&sealed).1, DATA);
                let flips = (0..8 * sealed.len()).step_by(step).map(|bit| flipped(&sealed, bit));
                let cuts = (0..sealed.len()).step_by(step).map(|length| sealed[..length].to_vec());
                for (at, bytes) in flips.chain(cuts).enumerate() {
                    let (done, written) = open(&bytes);
                    assert!(done.is_err(), "{key}: number {at} is opened");
                    assert!(written.is_empty(), "{key}: number {at}: {written:02x?}");
                }
            }
        });
    }
    inside_every_token("flipped_bits_and_cuts_all_over_a_sealed_file_are_refused", test);
}

#[test]
fn every_flipped_bit_of_a_signature_is_refused() {
    fn test(token: &OpenToken) {
        let keys = [
            (Algorithm::Ed25519, Usage::Sign, 1),
            (Algorithm::EcP256, Usage::Sign, 1),
            (Algorithm::Rsa2048, Usage::Sign, 7),
            (Algorithm::HmacSha256, Usage::Mac, 1),
        ];
        for (algorithm, usage, step) in keys {
            let key = algorithm.name();
            create(token, key, algorithm, usage);
            with_kms(token, |kms| {
                let signature = kms.sign(&name(key), None, DATA).expect("signed");
                let verify = |signature: &[u8]| kms.verify(&name(key), None, DATA, signature);
                verify(&signature).expect("its own");
                let flips = (0..8 * signature.len()).step_by(step);
                let flips = flips.map(|bit| flipped(&signature, bit));
                let cuts = (0..signature.len()).map(|length| signature[..length].to_vec());
                for (at, bytes) in flips.chain(cuts).enumerate() {
                    let error = verify(&bytes).expect_err("another signature");
                    assert_eq!(error.kind(), Kind::NotAuthentic, "{key} number {at}: {error}");
                }
            });
        }
    }
    inside_every_token("every_flipped_bit_of_a_signature_is_refused", test);
}
