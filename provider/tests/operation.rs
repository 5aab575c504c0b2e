//! Operations: the rules of length, buffer and lifetime that hold for every family of functions.

mod harness;

use harness::abi::Arg;
use harness::{
    Code, Function, Input, KeyType, Mechanism, MechanismType, Room, Session, keys, on_user,
};
use serial_test::serial;

/// One operation of each family, with an input that fits and the length of its output.
struct Case {
    function: Function,
    mechanism: Mechanism,
    key: u64,
    input: Vec<u8>,
    output: usize,
}

impl Case {
    fn start(&self, session: Session<'_>) -> Result<(), Code> {
        session.init(self.function, &self.mechanism, self.key)
    }

    fn name(&self, part: usize) -> &'static str {
        self.function.names()[part]
    }
}

/// Encrypt and decrypt by AES-CBC, digest by SHA-256, sign by HMAC: all give output.
fn cases(session: Session<'_>) -> Vec<Case> {
    let (aes, hmac) = (session.aes(), session.hmac());
    let cbc = || Mechanism::bytes(MechanismType::AES_CBC, &[9; 16]);
    let case = |function, mechanism, key, input: usize, output| Case {
        function,
        mechanism,
        key,
        input: (0..input).map(|i| i as u8).collect(),
        output,
    };
    vec![
        case(Function::Encrypt, cbc(), aes, 32, 32),
        case(Function::Decrypt, cbc(), aes, 32, 32),
        case(Function::Digest, Mechanism::plain(MechanismType::SHA256), 0, 33, 32),
        case(Function::Sign, Mechanism::plain(MechanismType::SHA256_HMAC), hmac, 33, 32),
    ]
}

/// "A length query [...] keeps it, reports the length".
#[test]
#[serial]
fn asking_for_the_length_keeps_the_operation() {
    on_user(|session| {
        for case in cases(session) {
            case.start(session).expect("Init");
            for _ in 0..3 {
                let answer = session.whole(case.function, &case.input, Room::Query).sized();
                session.target.same(case.name(1), answer, Ok(case.output as u64));
            }
            let room = Room::Bytes(case.output);
            let answer = session.whole(case.function, &case.input, room).sized();
            session.target.same("then the output", answer, Ok(case.output as u64));
        }
    });
}

/// "BUFFER_TOO_SMALL keep it, report the length, leave the buffer untouched".
#[test]
#[serial]
fn a_buffer_that_is_too_small_keeps_the_operation_and_stays_untouched() {
    on_user(|session| {
        let target = session.target;
        for case in cases(session) {
            case.start(session).expect("Init");
            for size in [0, 1, case.output - 1] {
                let reply = session.whole(case.function, &case.input, Room::Bytes(size));
                target.same(case.name(1), reply.answer, Err(Code::BufferTooSmall));
                target.same("length", reply.len, case.output as u64);
                target.holds("the buffer is untouched", reply.untouched());
            }
            let room = Room::Bytes(case.output);
            let answer = session.whole(case.function, &case.input, room).sized();
            target.same("then the output", answer, Ok(case.output as u64));
        }
    });
}

/// For the functions of multi-part operations.
#[test]
#[serial]
fn a_buffer_that_is_too_small_keeps_the_parts() {
    on_user(|session| {
        let target = session.target;
        for case in cases(session) {
            let whole = session
                .run(case.function, &case.mechanism, case.key, &case.input)
                .expect("in one part");
            case.start(session).expect("Init");
            let mut parts = Vec::new();
            if case.function.streams() {
                let small = session.update(case.function, &case.input, Room::Bytes(15));
                target.same(case.name(2), small.answer, Err(Code::BufferTooSmall));
                target.holds("the buffer is untouched", small.untouched());
            }
            let update = session.update(case.function, &case.input, Room::Bytes(64));
            parts.extend(update.done().expect("Update"));
            if !case.function.streams() {
                let small = session.finish(case.function, Room::Bytes(31));
                target.same(case.name(3), small.answer, Err(Code::BufferTooSmall));
                target.same("length", small.len, 32);
                target.holds("the buffer is untouched", small.untouched());
                let query = session.finish(case.function, Room::Query).sized();
                target.same("a query of Final", query, Ok(32));
            }
            parts.extend(session.finish(case.function, Room::Bytes(64)).done().expect("Final"));
            target.holds("parts and whole agree", parts == whole);
        }
    });
}

/// "ARGUMENTS_BAD for NULL pointers included".
#[test]
#[serial]
fn a_missing_pointer_ends_the_operation() {
    on_user(|session| {
        let target = session.target;
        for case in cases(session) {
            for part in 1..=3 {
                for input in [Input::Null(1), Input::Null(1 << 31), Input::Null(u64::MAX)] {
                    if part == 3 {
                        continue;
                    }
                    case.start(session).expect("Init");
                    let reply = match part {
                        1 => session.whole(case.function, input, Room::Bytes(64)),
                        _ => session.update(case.function, input, Room::Bytes(64)),
                    };
                    target.same(case.name(part), reply.answer, Err(Code::ArgumentsBad));
                    ended(session, &case);
                }
                if part == 2 && !case.function.streams() {
                    continue;
                }
                case.start(session).expect("Init");
                let reply = match part {
                    1 => session.whole(case.function, &case.input, Room::NoLength),
                    2 => session.update(case.function, &case.input, Room::NoLength),
                    _ => session.finish(case.function, Room::NoLength),
                };
                let what = format!("{}, no length", case.name(part));
                target.same(&what, reply.answer, Err(Code::ArgumentsBad));
                ended(session, &case);
            }
        }
    });
}

/// The operation is over: a new one starts.
fn ended(session: Session<'_>, case: &Case) {
    let answer = session.whole(case.function, &case.input, Room::Bytes(64)).sized();
    let what = format!("{} afterwards", case.name(1));
    session.target.same(&what, answer, Err(Code::OperationNotInitialized));
}

/// Lengths of -1 for a buffer that is there.
#[test]
#[serial]
fn a_length_that_no_buffer_has_is_a_bad_argument() {
    on_user(|session| {
        let target = session.target;
        for case in cases(session) {
            case.start(session).expect("Init");
            let (mut output, mut len) = ([0; 64], [u64::MAX]);
            let answer = session.call(
                case.name(1),
                vec![
                    Arg::Bytes(&case.input),
                    Arg::Number(u64::MAX),
                    Arg::BytesMut(&mut output),
                    Arg::WordsMut(&mut len),
                ],
            );
            target.same(case.name(1), answer, Err(Code::ArgumentsBad));
            ended(session, &case);
        }
    });
}

/// A NULL input of no length is an empty input.
#[test]
#[serial]
fn an_empty_input_may_be_null() {
    on_user(|session| {
        for case in cases(session) {
            case.start(session).expect("Init");
            let reply = session.whole(case.function, Input::Null(0), Room::Bytes(64));
            let expected = if case.function.streams() { 0 } else { 32 };
            session.target.same(case.name(1), reply.sized(), Ok(expected));
        }
    });
}

/// "Init while active → OPERATION_ACTIVE and the running one goes on".
#[test]
#[serial]
fn a_second_start_is_refused_and_the_first_goes_on() {
    on_user(|session| {
        let target = session.target;
        for case in cases(session) {
            case.start(session).expect("Init");
            target.same(case.name(0), case.start(session), Err(Code::OperationActive));
            let room = Room::Bytes(case.output);
            let answer = session.whole(case.function, &case.input, room).sized();
            target.same("the first", answer, Ok(case.output as u64));
        }
    });
}

#[test]
#[serial]
fn the_one_shot_function_after_a_part_is_refused_and_ends_the_operation() {
    on_user(|session| {
        let target = session.target;
        for case in cases(session) {
            case.start(session).expect("Init");
            session.update(case.function, &case.input, Room::Bytes(64)).answer.expect("Update");
            let answer = session.whole(case.function, &case.input, Room::Bytes(64)).sized();
            target.same(case.name(1), answer, Err(Code::OperationActive));
            let answer = session.finish(case.function, Room::Bytes(64)).sized();
            target.same(case.name(3), answer, Err(Code::OperationNotInitialized));
        }
    });
}

#[test]
#[serial]
fn a_part_after_a_length_query_of_the_one_shot_function_is_refused() {
    on_user(|session| {
        let target = session.target;
        for case in cases(session) {
            for part in [2, 3] {
                case.start(session).expect("Init");
                session.whole(case.function, &case.input, Room::Query).answer.expect("a query");
                let reply = match part {
                    2 => session.update(case.function, &case.input, Room::Bytes(64)),
                    _ => session.finish(case.function, Room::Bytes(64)),
                };
                target.same(case.name(part), reply.answer, Err(Code::OperationActive));
                // Where the module did not end it, this does.
                let _ = session.whole(case.function, &case.input, Room::Bytes(64));
                let _ = session.finish(case.function, Room::Bytes(64));
            }
        }
    });
}

/// Nothing runs, nothing goes on.
#[test]
#[serial]
fn functions_without_an_operation_are_refused() {
    on_user(|session| {
        for case in cases(session) {
            let refused = Err(Code::OperationNotInitialized);
            let whole = session.whole(case.function, &case.input, Room::Bytes(64)).sized();
            session.target.same(case.name(1), whole, refused);
            let update = session.update(case.function, &case.input, Room::Bytes(64)).sized();
            session.target.same(case.name(2), update, refused);
            let finish = session.finish(case.function, Room::Bytes(64)).sized();
            session.target.same(case.name(3), finish, refused);
        }
        let answer = session.verify(&[1; 32], &[1; 32]);
        session.target.same("C_Verify", answer, Err(Code::OperationNotInitialized));
        let answer = session.verify_final(&[1; 32]);
        session.target.same("C_VerifyFinal", answer, Err(Code::OperationNotInitialized));
    });
}

/// Exact lengths from a query.
#[test]
#[serial]
fn the_length_that_is_told_is_exact_where_it_can_be() {
    on_user(|session| {
        let target = session.target;
        let aes = session.aes();
        let (_, rsa) = session.rsa(2048);
        let (_, ec) = session.ec(keys::P256);
        let encrypt = Function::Encrypt;
        let exact = [
            (encrypt, Mechanism::plain(MechanismType::AES_ECB), aes, 48, 48),
            (encrypt, Mechanism::bytes(MechanismType::AES_CBC, &[0; 16]), aes, 48, 48),
            (encrypt, Mechanism::ctr(128, [0; 16]), aes, 47, 47),
            (encrypt, Mechanism::gcm(&[1; 12], b"", 128), aes, 47, 63),
            (Function::Sign, Mechanism::plain(MechanismType::SHA256_RSA_PKCS), rsa, 47, 256),
            (Function::Sign, Mechanism::plain(MechanismType::ECDSA), ec, 32, 64),
            (Function::Digest, Mechanism::plain(MechanismType::SHA512), 0, 47, 64),
        ];
        for (function, mechanism, key, input, output) in exact {
            session.init(function, &mechanism, key).expect("Init");
            let input = vec![5; input];
            let told = session.whole(function, &input, Room::Query).sized();
            target.same(&format!("{:?}", mechanism.id()), told, Ok(output));
            let given = session.whole(function, &input, Room::Bytes(output as usize)).sized();
            target.same(&format!("{:?}", mechanism.id()), given, Ok(output));
        }
        let padded = Mechanism::bytes(MechanismType::AES_CBC_PAD, &[0; 16]);
        for (input, output) in [(0, 16), (15, 16), (16, 32), (47, 48)] {
            session.init(encrypt, &padded, aes).expect("Init");
            let input = vec![5; input];
            let told = session.whole(encrypt, &input, Room::Query).sized().expect("a query");
            target.holds("CBC-PAD tells enough", (output..output + 32).contains(&told));
            let given = session.whole(encrypt, &input, Room::Bytes(told as usize)).sized();
            target.same("CBC-PAD", given, Ok(output));
        }
    });
}

#[test]
#[serial]
fn an_operation_may_end_right_after_its_start() {
    on_user(|session| {
        for case in cases(session) {
            case.start(session).expect("Init");
            let answer = session.finish(case.function, Room::Bytes(64)).sized();
            let expected = if case.function.streams() { 0 } else { 32 };
            session.target.same(case.name(3), answer, Ok(expected));
        }
    });
}

#[test]
#[serial]
fn a_whole_block_comes_out_at_once() {
    on_user(|session| {
        let key = session.aes();
        let modes = [
            Mechanism::plain(MechanismType::AES_ECB),
            Mechanism::bytes(MechanismType::AES_CBC, &[0; 16]),
        ];
        for mechanism in modes {
            for function in [Function::Encrypt, Function::Decrypt] {
                session.init(function, &mechanism, key).expect("Init");
                for (given, expected) in [(16, 16), (10, 0), (6, 16), (20, 16), (12, 16)] {
                    let part = vec![3; given];
                    let answer = session.update(function, &part, Room::Bytes(64)).sized();
                    let what = format!("{function:?} {:?}, {given} more", mechanism.id());
                    session.target.same(&what, answer, Ok(expected));
                }
                let answer = session.finish(function, Room::Bytes(64)).sized();
                session.target.same("Final", answer, Ok(0));
            }
        }
    });
}

#[test]
#[serial]
fn a_partial_block_at_the_end_is_out_of_range() {
    on_user(|session| {
        let target = session.target;
        let key = session.aes();
        let modes = [
            Mechanism::plain(MechanismType::AES_ECB),
            Mechanism::bytes(MechanismType::AES_CBC, &[0; 16]),
        ];
        for mechanism in modes {
            let wrong = [
                (Function::Encrypt, Code::DataLenRange),
                (Function::Decrypt, Code::EncryptedDataLenRange),
            ];
            for (function, code) in wrong {
                session.init(function, &mechanism, key).expect("Init");
                let answer = session.whole(function, &[3; 20], Room::Bytes(64)).sized();
                target.same(&format!("{function:?}, whole"), answer, Err(code));
                session.init(function, &mechanism, key).expect("Init");
                session.update(function, &[3; 20], Room::Bytes(64)).answer.expect("Update");
                let answer = session.finish(function, Room::Bytes(64)).sized();
                target.same(&format!("{function:?}, parts"), answer, Err(code));
                let answer = session.finish(function, Room::Bytes(64)).sized();
                target.same("it has ended", answer, Err(Code::OperationNotInitialized));
            }
        }
    });
}

/// A family of functions does not stand in another's way: "C_SignInit" and "C_EncryptInit" say
/// that an operation of their own family is what must not run.
#[test]
#[serial]
fn operations_of_different_families_run_beside_each_other() {
    on_user(|session| {
        let all = cases(session);
        for case in &all {
            session.target.same(case.name(0), case.start(session), Ok(()));
        }
        for case in &all {
            let room = Room::Bytes(case.output);
            let answer = session.whole(case.function, &case.input, room).sized();
            session.target.same(case.name(1), answer, Ok(case.output as u64));
        }
    });
}

/// "C_EncryptInit" and the others, since 3.0: a NULL mechanism ends what runs.
#[test]
#[serial]
fn a_null_mechanism_ends_the_operation() {
    on_user(|session| {
        for case in cases(session) {
            case.start(session).expect("Init");
            let mut arguments = vec![Arg::Null];
            if case.function != Function::Digest {
                arguments.push(Arg::Number(0));
            }
            let answer = session.call(case.name(0), arguments);
            session.target.same(case.name(0), answer, Ok(()));
            ended(session, &case);
        }
    });
}

/// Misaligned pointers: lengths and mechanisms in packed structures.
#[test]
#[serial]
fn misaligned_mechanisms_and_lengths_are_read_and_written() {
    on_user(|session| {
        for case in cases(session) {
            let mut mechanism = vec![0];
            mechanism.extend(case.mechanism.words().iter().flat_map(|word| word.to_ne_bytes()));
            let mut arguments = vec![Arg::Bytes(&mechanism[1..])];
            if case.function != Function::Digest {
                arguments.push(Arg::Number(case.key));
            }
            let answer = session.call(case.name(0), arguments);
            session.target.same(case.name(0), answer, Ok(()));
            let (mut output, mut len) = ([0; 65], [0; 9]);
            len[1] = 64;
            let answer = session.call(
                case.name(1),
                vec![
                    Arg::Bytes(&case.input),
                    Arg::Number(case.input.len() as u64),
                    Arg::BytesMut(&mut output[1..]),
                    Arg::BytesMut(&mut len[1..]),
                ],
            );
            session.target.same(case.name(1), answer, Ok(()));
            session.target.same("length", u64::from(len[1]), 32);
        }
    });
}

/// Design decision 4: in place and shifted, the output is what separate buffers give.
#[test]
#[serial]
fn input_and_output_may_overlap() {
    on_user(|session| {
        let target = session.target;
        for case in cases(session) {
            let n = case.input.len();
            let expected = session
                .run(case.function, &case.mechanism, case.key, &case.input)
                .expect("with separate buffers");
            for (input, output) in [(0, 0), (0, 1), (1, 0), (16, 0), (0, 16), (0, 31)] {
                let mut buffer = vec![0; n + 128];
                buffer[input..input + n].copy_from_slice(&case.input);
                case.start(session).expect("Init");
                let got = session.in_place(case.name(1), &mut buffer, (input, n), output);
                let what = format!("{} from {input} to {output}", case.name(1));
                target.same(&what, got, Ok(expected.clone()));
                if !case.function.streams() {
                    continue;
                }
                let mut buffer = vec![0; n + 128];
                buffer[input..input + n].copy_from_slice(&case.input);
                case.start(session).expect("Init");
                let got = session.in_place(case.name(2), &mut buffer, (input, n), output);
                let what = format!("{} from {input} to {output}", case.name(2));
                target.same(&what, got, Ok(expected.clone()));
                session.finish(case.function, Room::Bytes(64)).answer.expect("Final");
            }
        }
    });
}

#[test]
#[serial]
fn a_signature_is_judged_by_its_length_and_then_by_its_value() {
    on_user(|session| {
        let target = session.target;
        let hmac = session.hmac();
        let (rsa_public, rsa_private) = session.rsa(2048);
        let (ec_public, ec_private) = session.ec(keys::P256);
        let kinds = [
            (MechanismType::SHA256_HMAC, hmac, hmac),
            (MechanismType::SHA256_RSA_PKCS, rsa_private, rsa_public),
            (MechanismType::ECDSA, ec_private, ec_public),
        ];
        for (id, private, public) in kinds {
            let mechanism = Mechanism::plain(id);
            let good = session.run(Function::Sign, &mechanism, private, &[8; 32]).expect("sign");
            let check =
                |data: &[u8], signature: &[u8]| session.check(&mechanism, public, data, signature);
            let short = &good[..good.len() - 1];
            let mut damaged = good.clone();
            damaged[good.len() / 2] ^= 1;
            let name = format!("{id:?}");
            target.same(&name, check(&[8; 32], &good), Ok(()));
            target.same(&name, check(&[8; 32], short), Err(Code::SignatureLenRange));
            target.same(&name, check(&[8; 32], &[]), Err(Code::SignatureLenRange));
            target.same(&name, check(&[8; 32], &damaged), Err(Code::SignatureInvalid));
            target.same(&name, check(&[9; 32], &good), Err(Code::SignatureInvalid));
            let ended = session.verify(&[8; 32], &good);
            target.same("it has ended", ended, Err(Code::OperationNotInitialized));
        }
    });
}

/// The same for parts.
#[test]
#[serial]
fn a_signature_over_parts_is_judged_at_the_end() {
    on_user(|session| {
        let target = session.target;
        let hmac = session.hmac();
        let mechanism = Mechanism::plain(MechanismType::SHA256_HMAC);
        let parts: [&[u8]; 3] = [b"one", b"", b"two"];
        let good = session.run(Function::Sign, &mechanism, hmac, b"onetwo").expect("sign");
        let check = |signature: &[u8]| session.check_parts(&mechanism, hmac, &parts, signature);
        target.same("as it is", check(&good), Ok(()));
        target.same("short", check(&good[1..]), Err(Code::SignatureLenRange));
        target.same("wrong", check(&[0; 32]), Err(Code::SignatureInvalid));
        let ended = session.verify_final(&good);
        target.same("it has ended", ended, Err(Code::OperationNotInitialized));
    });
}

#[test]
#[serial]
fn public_keys_verify_without_a_login() {
    on_user(|session| {
        let (public, private) = session.ec(keys::P256);
        let ecdsa = Mechanism::plain(MechanismType::ECDSA);
        let signature = session.run(Function::Sign, &ecdsa, private, &[8; 32]).expect("sign");
        session.logout().expect("C_Logout");
        let answer = session.check(&ecdsa, public, &[8; 32], &signature);
        session.target.same("C_Verify", answer, Ok(()));
    });
}

#[test]
#[serial]
fn random_bytes_are_asked_for_with_a_buffer() {
    on_user(|session| {
        let target = session.target;
        let null = |function, len| session.call(function, vec![Arg::Null, Arg::Number(len)]);
        for len in [1, 1 << 31, u64::MAX] {
            let answer = null("C_GenerateRandom", len);
            target.same("C_GenerateRandom", answer, Err(Code::ArgumentsBad));
            let answer = null("C_SeedRandom", len);
            target.same("C_SeedRandom", answer, Err(Code::ArgumentsBad));
        }
        target.same("no bytes", session.random(0), Ok(vec![]));
        let seed = vec![Arg::Bytes(b"seed"), Arg::Number(4)];
        target.same("C_SeedRandom", session.call("C_SeedRandom", seed), Ok(()));
        let (a, b) = (session.random(1000).expect("bytes"), session.random(1000).expect("bytes"));
        target.holds("they differ", a != b && a.iter().any(|byte| *byte != 0));
    });
}

/// An HMAC key of one byte.
#[test]
#[serial]
fn an_hmac_key_has_any_length_from_one_byte() {
    on_user(|session| {
        for key_type in [KeyType::GENERIC_SECRET, KeyType::SHA256_HMAC] {
            for len in [1, 64, 65, 1000] {
                let template = [
                    keys::secret(key_type, &vec![5; len]),
                    keys::flags(&[harness::AttributeType::SIGN], true),
                ]
                .concat();
                let key = session.create(&template).expect("a key");
                let mechanism = Mechanism::plain(MechanismType::SHA256_HMAC);
                let code = session.run(Function::Sign, &mechanism, key, b"data");
                let what = format!("{key_type:?} of {len} bytes");
                session.target.same(&what, code.map(|code| code.len()), Ok(32));
            }
        }
    });
}
