//! Operations on data: in one call, in parts, with too little room.

use serial_test::serial;

use crate::harness::{AttributeType as A, Function as Direct};
use crate::harness::{Code, KeyType, Kind, Mechanism, MechanismType as M, keys};
use crate::params::F;
use crate::{BOTH, Bench, plain, secret};
use keyway_pkcs11::ffi::inner::{Call, InnerSession};
use keyway_pkcs11::mechanism::Params;

const IV: [u8; 16] = [9; 16];

/// Init and the one-shot function, into as many bytes as the module says that it takes.
pub fn run(
    session: &InnerSession,
    function: F,
    call: &Call<'_>,
    key: u64,
    input: &[u8],
) -> Vec<u8> {
    session.start(function, call, key).unwrap();
    let mut output = vec![0; session.size(function, input).unwrap()];
    let len = session.whole(function, input, &mut output).unwrap();
    output.truncate(len);
    output
}

/// The same in parts of seven bytes.
fn run_in_parts(
    session: &InnerSession,
    function: F,
    call: &Call<'_>,
    key: u64,
    input: &[u8],
) -> Vec<u8> {
    session.start(function, call, key).unwrap();
    let mut output = Vec::new();
    let mut room = [0; 1024];
    for part in input.chunks(7) {
        let len = session.part(function, part, &mut room).unwrap();
        output.extend_from_slice(&room[..len]);
    }
    let len = session.end(function, &mut room).unwrap();
    output.extend_from_slice(&room[..len]);
    output
}

#[test]
#[serial]
fn ciphers_give_in_parts_what_they_give_at_once() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        let session = bench.session();
        let uses = [A::ENCRYPT, A::DECRYPT];
        let key = session.create(&secret(KeyType::AES, &[3; 32], &uses)).unwrap();
        let text: Vec<u8> = (0..100).collect();
        for id in [M::AES_CBC_PAD, M::AES_CBC] {
            let params = Params::Iv(IV);
            let call = Call { id, params: &params, keys: &[] };
            let text = if id == M::AES_CBC { &text[..96] } else { &text };
            let sealed = run(&session, F::Encrypt, &call, key, text);
            assert_eq!(run_in_parts(&session, F::Encrypt, &call, key, text), sealed);
            let direct = bench.direct().run(Direct::Encrypt, &Mechanism::bytes(id, &IV), key, text);
            assert_eq!(direct.unwrap(), sealed);
            assert_eq!(run(&session, F::Decrypt, &call, key, &sealed), text);
            assert_eq!(run_in_parts(&session, F::Decrypt, &call, key, &sealed), text);
        }
    }
}

#[test]
#[serial]
fn digests_need_no_key() {
    for kind in BOTH {
        let session = Bench::new(kind);
        let session = session.session();
        let known = hex::decode("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let known = known.unwrap();
        assert_eq!(run(&session, F::Digest, &plain(M::SHA256), 0, b"abc"), known);
        assert_eq!(run_in_parts(&session, F::Digest, &plain(M::SHA256), 0, b"abc"), known);
    }
}

#[test]
#[serial]
fn signatures_are_made_and_verified_at_once_and_in_parts() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        let session = bench.session();
        let (public, private) = bench.direct().rsa(2048);
        let data: Vec<u8> = (0..200).collect();
        let call = plain(M::SHA256_RSA_PKCS);
        let signature = run(&session, F::Sign, &call, private, &data);
        assert_eq!(run_in_parts(&session, F::Sign, &call, private, &data), signature);
        let mechanism = Mechanism::plain(M::SHA256_RSA_PKCS);
        bench.direct().check(&mechanism, public, &data, &signature).unwrap();

        let start = || session.start(F::Verify, &call, public).unwrap();
        start();
        session.verify(&data, &signature).unwrap();
        start();
        data.chunks(7).for_each(|part| session.verify_part(part).unwrap());
        session.verify_end(&signature).unwrap();
        start();
        let damaged = session.verify(&data[1..], &signature).unwrap_err();
        assert_eq!(damaged.code(), Code::SignatureInvalid);
        start();
        let short = session.verify(&data, &signature[1..]).unwrap_err();
        assert_eq!(short.code(), Code::SignatureLenRange);
        assert!(short.context().contains("C_Verify answered"), "{short}");
    }
}

/// "CKR_BUFFER_TOO_SMALL [...] does not terminate the active operation".
#[test]
#[serial]
fn too_little_room_keeps_the_operation() {
    for kind in BOTH {
        let bench = Bench::new(kind);
        let session = bench.session();
        let (_, private) = bench.direct().rsa(2048);
        session.start(F::Sign, &plain(M::SHA256_RSA_PKCS), private).unwrap();
        assert_eq!(session.size(F::Sign, b"data").unwrap(), 256);
        let mut room = [0; 256];
        for small in [0, 255] {
            let error = session.whole(F::Sign, b"data", &mut room[..small]).unwrap_err();
            assert_eq!(error.code(), Code::BufferTooSmall, "{kind:?}, {small} bytes");
        }
        assert_eq!(session.whole(F::Sign, b"data", &mut room).unwrap(), 256);
        let over = session.whole(F::Sign, b"data", &mut room).unwrap_err();
        assert_eq!(over.code(), Code::OperationNotInitialized);
    }
}

/// C_SignRecover and C_VerifyRecover, which SoftHSM2 has not.
#[test]
#[serial]
fn signatures_give_their_data_back() {
    let bench = Bench::new(Kind::Keyway);
    let session = bench.session();
    let uses = |kind| keys::flags(&[kind], true);
    let public = [keys::rsa_public(2048), uses(A::VERIFY_RECOVER)].concat();
    let private = [keys::rsa_private(2048), uses(A::SIGN_RECOVER)].concat();
    let direct = bench.direct();
    let (public, private) = (direct.create(&public).unwrap(), direct.create(&private).unwrap());
    let call = plain(M::RSA_PKCS);
    let signature = run(&session, F::SignRecover, &call, private, b"in the signature");
    assert_eq!(signature.len(), 256);
    let back = run(&session, F::VerifyRecover, &call, public, &signature);
    assert_eq!(back, b"in the signature");

    let soft = Bench::new(Kind::SoftHsm);
    let (session, (_, private)) = (soft.session(), soft.direct().rsa(2048));
    let missing = session.start(F::SignRecover, &call, private).unwrap_err();
    assert_eq!(missing.code(), Code::FunctionNotSupported);
}

#[test]
#[serial]
fn what_is_no_operation_on_data_is_refused() {
    let bench = Bench::new(Kind::Keyway);
    let session = bench.session();
    for function in [F::Wrap, F::Unwrap, F::Derive] {
        let started = session.start(function, &plain(M::AES_KEY_WRAP), 1).unwrap_err();
        assert_eq!(started.code(), Code::ArgumentsBad);
    }
    for function in [F::Verify, F::Wrap] {
        let whole = session.whole(function, b"", &mut []).unwrap_err();
        assert_eq!(whole.code(), Code::ArgumentsBad);
        let part = session.part(function, b"", &mut []).unwrap_err();
        assert_eq!(part.code(), Code::ArgumentsBad);
        let end = session.end(function, &mut []).unwrap_err();
        assert_eq!(end.code(), Code::ArgumentsBad);
    }
}
