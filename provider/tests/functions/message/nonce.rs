//! The IVs that the token makes.

use pkcs11_sys as ck;
use serial_test::serial;

use super::{Message, decrypt, encrypt, key};
use crate::harness::{Code, on_user};

/// "Additional AES Mechanisms", the generators.
#[test]
#[serial]
fn every_generator_keeps_the_fixed_bits_and_never_makes_an_iv_twice() {
    on_user(|session| {
        let key = key(session);
        let iv = [0xaa; 12];
        decrypt::init(session, key).expect("Init");
        let next = |generator, fixed_bits| {
            let mut message = Message::generated(generator, &iv, fixed_bits);
            let text = encrypt::whole(session, &mut message, b"x", Some(1)).done()?;
            // The generator is ignored in decryption.
            (message.generator, message.fixed_bits) = (77, 1000);
            let back = decrypt::whole(session, &mut message, &text, Some(1)).done();
            assert_eq!(back.as_deref(), Ok(&b"x"[..]));
            Ok::<_, Code>(message.iv)
        };
        for (generator, fixed_bits) in [
            (ck::CKG_GENERATE, 0),
            (ck::CKG_GENERATE, 33),
            (ck::CKG_GENERATE_COUNTER, 32),
            (ck::CKG_GENERATE_COUNTER, 84),
            (ck::CKG_GENERATE_COUNTER_XOR, 32),
            (ck::CKG_GENERATE_RANDOM, 0),
            (ck::CKG_GENERATE_RANDOM, 32),
        ] {
            encrypt::init(session, key).expect("Init");
            let mut seen = std::collections::HashSet::new();
            for count in 0..50_u8 {
                let made = next(generator, fixed_bits).expect("a message");
                let front = |iv: &[u8]| {
                    let number = iv.iter().fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
                    number >> (96 - fixed_bits as u32)
                };
                assert_eq!(front(&made), front(&iv), "{generator}, {fixed_bits} bits");
                match generator {
                    ck::CKG_GENERATE_COUNTER => assert_eq!(made[11], count),
                    ck::CKG_GENERATE_COUNTER_XOR => {
                        assert_eq!((&made[..11], made[11]), (&iv[..11], 0xaa ^ count));
                    }
                    _ => {}
                }
                assert!(seen.insert(made), "{generator} with {fixed_bits} fixed bits");
            }
            encrypt::last(session).expect("Final");
        }
        encrypt::init(session, key).expect("Init");
        for (generator, fixed_bits) in [
            (ck::CKG_GENERATE_RANDOM, 96),
            (ck::CKG_GENERATE, 65),
            (ck::CKG_GENERATE_COUNTER, 96),
            (ck::CKG_GENERATE_COUNTER, u64::MAX),
            (5, 0),
        ] {
            assert_eq!(next(generator, fixed_bits), Err(Code::MechanismParamInvalid));
        }
    });
}

#[test]
#[serial]
fn a_generator_that_is_used_up_is_refused() {
    on_user(|session| {
        let key = key(session);
        for (generator, fixed_bits, most) in [
            (ck::CKG_GENERATE_COUNTER, 93, 8),
            (ck::CKG_GENERATE_COUNTER_XOR, 95, 2),
            // Two random numbers of 36 bits are equal with a chance of 2^-36: 4 keep it below 2^-32.
            (ck::CKG_GENERATE_RANDOM, 60, 4),
        ] {
            encrypt::init(session, key).expect("Init");
            for count in 0..=most {
                let mut message = Message::generated(generator, &[0; 12], fixed_bits);
                let answer = encrypt::whole(session, &mut message, b"x", Some(1)).answer;
                let invalid = Err(Code::MechanismParamInvalid);
                assert_eq!(answer, if count < most { Ok(()) } else { invalid });
            }
            encrypt::last(session).expect("Final");
        }
    });
}

/// Two generators, or two things that a counter goes on from, could give one IV twice.
#[test]
#[serial]
fn what_makes_the_ivs_does_not_change_within_a_process() {
    on_user(|session| {
        let key = key(session);
        let next = |generator, iv: &[u8], fixed_bits| {
            let mut message = Message::generated(generator, iv, fixed_bits);
            encrypt::whole(session, &mut message, b"x", Some(1)).answer
        };
        let (counter, xor) = (ck::CKG_GENERATE_COUNTER, ck::CKG_GENERATE_COUNTER_XOR);
        let (given, any) = (ck::CKG_NO_GENERATE, ck::CKG_GENERATE);
        for (first, then, fit) in [
            ((counter, [1; 12], 32), (counter, [1; 12], 40), false),
            ((counter, [1; 12], 32), (xor, [1; 12], 32), false),
            ((counter, [1; 12], 32), (any, [1; 12], 32), false),
            ((counter, [1; 12], 32), (given, [1; 12], 0), false),
            ((given, [1; 12], 0), (counter, [1; 12], 0), false),
            ((xor, [1; 12], 32), (xor, [2; 12], 32), false),
            // The counter goes on beside other fixed bits.
            ((counter, [1; 12], 32), (counter, [2; 12], 32), true),
            // The example of "C_MessageEncryptFinal".
            ((given, [1; 12], 0), (any, [1; 12], 0), true),
        ] {
            encrypt::init(session, key).expect("Init");
            assert_eq!(next(first.0, &first.1, first.2), Ok(()));
            let expected = if fit { Ok(()) } else { Err(Code::MechanismParamInvalid) };
            assert_eq!(next(then.0, &then.1, then.2), expected, "{first:?}, then {then:?}");
            encrypt::last(session).expect("Final");
        }
    });
}
