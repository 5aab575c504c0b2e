//! Message-based encryption and decryption with AES-GCM, against its one-shot functions.

mod nonce;
mod process;
mod sign;

use std::ptr;

use keyway_pkcs11::mechanism::MechanismType as M;
use pkcs11_sys as ck;
use serial_test::serial;

use crate::harness::{Code, Reply, Session, call, mechanism, on_user, output, plain};

const AAD: &[u8] = b"associated";
const PLAIN: [u8; 40] = [0x42; 40];

/// `CK_GCM_MESSAGE_PARAMS` with the memory that it points to.
struct Message {
    iv: Vec<u8>,
    fixed_bits: u64,
    generator: ck::CK_GENERATOR_FUNCTION,
    tag: Vec<u8>,
}

impl Message {
    fn new(iv: &[u8]) -> Self {
        Self { iv: iv.to_vec(), fixed_bits: 0, generator: ck::CKG_NO_GENERATE, tag: vec![0; 16] }
    }

    fn generated(generator: ck::CK_GENERATOR_FUNCTION, iv: &[u8], fixed_bits: u64) -> Self {
        Self { generator, fixed_bits, ..Self::new(iv) }
    }

    fn raw(&mut self) -> ck::CK_GCM_MESSAGE_PARAMS {
        ck::CK_GCM_MESSAGE_PARAMS {
            pIv: self.iv.as_mut_ptr(),
            ulIvLen: self.iv.len() as u64,
            ulIvFixedBits: self.fixed_bits,
            ivGenerator: self.generator,
            pTag: self.tag.as_mut_ptr(),
            ulTagBits: 8 * self.tag.len() as u64,
        }
    }
}

/// The names of the functions of one way.
macro_rules! way {
    ($way:ident, $init:ident, $whole:ident, $begin:ident, $next:ident, $last:ident) => {
        mod $way {
            use super::*;

            pub fn init(session: Session, key: ck::CK_OBJECT_HANDLE) -> Result<(), Code> {
                call!($init(session.0, &mut plain(M::AES_GCM), key))
            }

            pub fn whole(
                session: Session,
                message: &mut Message,
                input: &[u8],
                room: Option<usize>,
            ) -> Reply {
                let mut raw = message.raw();
                let at = (&raw mut raw).cast();
                let (aad, aad_len) = (AAD.as_ptr().cast_mut(), AAD.len() as u64);
                let (from, size) = (input.as_ptr().cast_mut(), input.len() as u64);
                output(room, |to, len| {
                    call!($whole(session.0, at, 48, aad, aad_len, from, size, to, len))
                })
            }

            pub fn begin(session: Session, message: &mut Message) -> Result<(), Code> {
                let mut raw = message.raw();
                let (aad, aad_len) = (AAD.as_ptr().cast_mut(), AAD.len() as u64);
                call!($begin(session.0, (&raw mut raw).cast(), 48, aad, aad_len))
            }

            pub fn next(
                session: Session,
                message: &mut Message,
                input: &[u8],
                room: Option<usize>,
                flags: ck::CK_FLAGS,
            ) -> Reply {
                let mut raw = message.raw();
                let at = (&raw mut raw).cast();
                let (from, size) = (input.as_ptr().cast_mut(), input.len() as u64);
                output(room, |to, len| call!($next(session.0, at, 48, from, size, to, len, flags)))
            }

            pub fn last(session: Session) -> Result<(), Code> {
                call!($last(session.0))
            }
        }
    };
}

way!(
    encrypt,
    C_MessageEncryptInit,
    C_EncryptMessage,
    C_EncryptMessageBegin,
    C_EncryptMessageNext,
    C_MessageEncryptFinal
);
way!(
    decrypt,
    C_MessageDecryptInit,
    C_DecryptMessage,
    C_DecryptMessageBegin,
    C_DecryptMessageNext,
    C_MessageDecryptFinal
);

/// Ciphertext and tag by the ordinary functions.
fn sealed(session: Session, key: ck::CK_OBJECT_HANDLE, iv: &[u8], tag_bits: u64) -> Vec<u8> {
    let params = [ck::CK_GCM_PARAMS {
        pIv: iv.as_ptr().cast_mut(),
        ulIvLen: iv.len() as u64,
        ulIvBits: 8 * iv.len() as u64,
        pAAD: AAD.as_ptr().cast_mut(),
        ulAADLen: AAD.len() as u64,
        ulTagBits: tag_bits,
    }];
    call!(C_EncryptInit(session.0, &mut mechanism(M::AES_GCM, &params), key)).expect("Init");
    let (from, size) = (PLAIN.as_ptr().cast_mut(), PLAIN.len() as u64);
    output(Some(64), |to, len| call!(C_Encrypt(session.0, from, size, to, len)))
        .done()
        .expect("C_Encrypt")
}

fn key(session: Session) -> ck::CK_OBJECT_HANDLE {
    session.secret(ck::CKK_AES, &[7; 32], false)
}

#[test]
#[serial]
fn a_message_in_one_part_and_in_many_is_what_the_ordinary_functions_make() {
    on_user(|session| {
        let key = key(session);
        encrypt::init(session, key).expect("Init");
        decrypt::init(session, key).expect("Init");
        for (iv, tag) in [(vec![1; 12], 16), (vec![2; 12], 12), (vec![3; 16], 4), (vec![4; 1], 16)]
        {
            let expected = sealed(session, key, &iv, 8 * tag);
            let mut message = Message { tag: vec![0; tag as usize], ..Message::new(&iv) };
            let text = encrypt::whole(session, &mut message, &PLAIN, Some(40)).done().expect("one");
            assert_eq!([&text[..], &message.tag].concat(), expected);
            let back = decrypt::whole(session, &mut message, &text, Some(40)).done();
            assert_eq!(back.as_deref(), Ok(&PLAIN[..]));

            message.tag.fill(0);
            encrypt::begin(session, &mut message).expect("Begin");
            let mut text = Vec::new();
            for (part, flags) in [(&PLAIN[..7], 0), (&PLAIN[7..7], 0), (&PLAIN[7..], 1)] {
                let reply = encrypt::next(session, &mut message, part, Some(part.len()), flags);
                text.extend(reply.done().expect("Next"));
            }
            assert_eq!([&text[..], &message.tag].concat(), expected);
            decrypt::begin(session, &mut message).expect("Begin");
            let front = decrypt::next(session, &mut message, &text[..19], Some(64), 0).done();
            assert_eq!(front.as_deref(), Ok(&b""[..]), "nothing before the tag");
            let rest = decrypt::next(session, &mut message, &text[19..], Some(40), 1).done();
            assert_eq!(rest.as_deref(), Ok(&PLAIN[..]));
        }
        encrypt::last(session).expect("Final");
        decrypt::last(session).expect("Final");
        assert_eq!(encrypt::last(session), Err(Code::OperationNotInitialized));
    });
}

#[test]
#[serial]
fn a_wrong_tag_gives_nothing_and_ends_the_message_alone() {
    on_user(|session| {
        let key = key(session);
        decrypt::init(session, key).expect("Init");
        let sealed = sealed(session, key, &[1; 12], 128);
        let (text, tag) = sealed.split_at(40);
        let mut message = Message { tag: tag.to_vec(), ..Message::new(&[1; 12]) };
        for at in 0..16 {
            message.tag[at] ^= 1;
            let reply = decrypt::whole(session, &mut message, text, Some(40));
            assert_eq!(reply.answer, Err(Code::AeadDecryptFailed));
            assert_ne!(reply.bytes, PLAIN);
            decrypt::begin(session, &mut message).expect("Begin");
            let answer = decrypt::next(session, &mut message, text, Some(40), 1).answer;
            assert_eq!(answer, Err(Code::AeadDecryptFailed));
            let answer = decrypt::next(session, &mut message, text, Some(40), 1).answer;
            assert_eq!(answer, Err(Code::OperationNotInitialized));
            message.tag[at] ^= 1;
        }
        let back = decrypt::whole(session, &mut message, text, Some(40)).done();
        assert_eq!(back.as_deref(), Ok(&PLAIN[..]));
    });
}

#[test]
#[serial]
fn without_room_the_message_waits_and_no_iv_is_made() {
    on_user(|session| {
        let key = key(session);
        encrypt::init(session, key).expect("Init");
        let mut message = Message::generated(ck::CKG_GENERATE_COUNTER, &[9; 12], 32);
        let query = encrypt::whole(session, &mut message, &PLAIN, None);
        assert_eq!((query.answer, query.len), (Ok(()), 40));
        let small = encrypt::whole(session, &mut message, &PLAIN, Some(39));
        assert_eq!((small.answer, small.len), (Err(Code::BufferTooSmall), 40));
        assert_eq!((&message.iv[..], &message.tag[..]), (&[9; 12][..], &[0; 16][..]));
        encrypt::begin(session, &mut message).expect("Begin");
        assert_eq!(message.iv, [9, 9, 9, 9, 0, 0, 0, 0, 0, 0, 0, 0], "the first counts");
        for flags in [0, 1] {
            let query = encrypt::next(session, &mut message, &PLAIN, None, flags);
            assert_eq!((query.answer, query.len), (Ok(()), 40));
            let small = encrypt::next(session, &mut message, &PLAIN, Some(39), flags);
            assert_eq!((small.answer, small.len), (Err(Code::BufferTooSmall), 40));
        }
        let text = encrypt::next(session, &mut message, &PLAIN, Some(40), 1).done().expect("End");
        let iv = message.iv.clone();
        assert_eq!([&text[..], &message.tag].concat(), sealed(session, key, &iv, 128));
    });
}

/// "it is OK if pPlaintext and pCiphertext point to the same location"; tag and IV may lie behind the
/// text, in the room that the output has.
#[test]
#[serial]
fn everything_may_lie_in_one_buffer() {
    on_user(|session| {
        let key = key(session);
        let expected = sealed(session, key, &[3; 12], 128);
        encrypt::init(session, key).expect("Init");
        decrypt::init(session, key).expect("Init");
        let mut buffer = [&PLAIN[..], &[0; 16], &[3; 12], AAD].concat();
        let at = buffer.as_mut_ptr();
        // SAFETY: offsets within the buffer.
        let (tag, iv, aad) = unsafe { (at.add(40), at.add(56), at.add(68)) };
        let mut raw = ck::CK_GCM_MESSAGE_PARAMS {
            pIv: iv,
            ulIvLen: 12,
            ulIvFixedBits: 0,
            ivGenerator: ck::CKG_NO_GENERATE,
            pTag: tag,
            ulTagBits: 128,
        };
        let raw = (&raw mut raw).cast();
        let (room, aad_len) = (buffer.len() as u64, AAD.len() as u64);
        let mut len = room;
        call!(C_EncryptMessage(session.0, raw, 48, aad, aad_len, at, 40, at, &raw mut len))
            .expect("C_EncryptMessage");
        assert_eq!((len, &buffer[..56]), (40, &expected[..]));
        len = room;
        call!(C_DecryptMessage(session.0, raw, 48, aad, aad_len, at, 40, at, &raw mut len))
            .expect("C_DecryptMessage");
        assert_eq!((len, &buffer[..40]), (40, &PLAIN[..]));
    });
}

#[test]
#[serial]
fn null_where_something_must_be_is_answered() {
    on_user(|session| {
        let key = key(session);
        encrypt::init(session, key).expect("Init");
        let mut raw = Message::new(&[1; 12]).raw();
        (raw.pIv, raw.pTag) = (ptr::null_mut(), ptr::null_mut());
        let at = (&raw mut raw).cast();
        let (mut text, mut len) = ([0; 1], 1);
        let (to, len_at) = (text.as_mut_ptr(), &raw mut len);
        let whole = |parameter, size, aad_len, input_len, len_at| {
            let null = ptr::null_mut();
            let (handle, aad) = (session.0, null);
            call!(C_EncryptMessage(
                handle, parameter, size, aad, aad_len, null, input_len, to, len_at
            ))
        };
        let invalid = Err(Code::MechanismParamInvalid);
        assert_eq!(whole(at, 48, 0, 0, len_at), invalid, "no IV");
        assert_eq!(whole(ptr::null_mut(), 48, 0, 0, len_at), invalid);
        assert_eq!(whole(ptr::null_mut(), 0, 0, 0, len_at), invalid);
        assert_eq!(whole(at, 47, 0, 0, len_at), invalid);
        let mut message = Message::new(&[1; 12]);
        let mut raw = message.raw();
        let at = (&raw mut raw).cast();
        let bad = Err(Code::ArgumentsBad);
        assert_eq!(whole(at, 48, 1, 0, len_at), bad, "no associated data");
        assert_eq!(whole(at, 48, 0, 1, len_at), bad, "no plaintext");
        assert_eq!(whole(at, 48, 0, 0, ptr::null_mut()), bad, "no length");
        assert_eq!(whole(at, 48, 0, 0, len_at), Ok(()), "an empty message");
        let null = ptr::null_mut();
        assert_eq!(call!(C_EncryptMessageBegin(session.0, at, 48, null, 1)), invalid);
        let mut raw = ck::CK_GCM_MESSAGE_PARAMS { pTag: null, ..message.raw() };
        let at = (&raw mut raw).cast();
        call!(C_EncryptMessageBegin(session.0, at, 48, null, 0)).expect("the tag comes later");
        let next = call!(C_EncryptMessageNext(session.0, at, 48, null, 0, to, len_at, 1));
        assert_eq!(next, invalid, "no tag");
        let next = call!(C_EncryptMessageNext(session.0, at, 48, null, 0, to, len_at, 1));
        assert_eq!(next, Err(Code::OperationNotInitialized), "that ended the message");
        call!(C_EncryptMessageBegin(session.0, at, 48, null, 0)).expect("Begin");
        let next = call!(C_EncryptMessageNext(session.0, at, 48, null, 1, to, len_at, 0));
        assert_eq!(next, bad);
        assert_eq!(encrypt::last(session), Ok(()), "no message is running");
    });
}
