//! TLS 1.2 from the pre-master secret to the Finished message, against the pseudorandom function of
//! RFC 5246 by its definition.

use serial_test::serial;

use super::{DERIVE, GENERATE, Pair, SIGN, VERIFY, offered, oracle};
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, Hash, KeyType, Mechanism, MechanismType as M,
    ObjectClass, Session, keys, on_ours, on_user,
};

const MASTERS: [(M, bool, bool); 4] = [
    (M::TLS12_MASTER_KEY_DERIVE, false, true),
    (M::TLS12_MASTER_KEY_DERIVE_DH, false, false),
    (M::TLS12_EXTENDED_MASTER_KEY_DERIVE, true, true),
    (M::TLS12_EXTENDED_MASTER_KEY_DERIVE_DH, true, false),
];
const KEYS: [M; 2] = [M::TLS12_KEY_AND_MAC_DERIVE, M::TLS12_KEY_SAFE_DERIVE];
const KDFS: [M; 2] = [M::TLS_KDF, M::TLS12_KDF];
const MACS: [M; 2] = [M::TLS_MAC, M::TLS12_MAC];

pub fn pairs() -> Vec<Pair> {
    let masters = MASTERS.map(|row| row.0);
    let derive = masters.into_iter().chain(KEYS).chain(KDFS).map(|id| (id, DERIVE));
    let sign = MACS.map(|id| (id, SIGN | VERIFY));
    derive.chain(sign).chain([(M::TLS_PRE_MASTER_KEY_GEN, GENERATE)]).collect()
}

const CLIENT: [u8; 32] = [0xc1; 32];
const SERVER: [u8; 32] = [0x5e; 32];
const RANDOMS: [&[u8]; 2] = [&CLIENT, &SERVER];
const OPEN: [(A, bool); 2] = [(A::SENSITIVE, false), (A::EXTRACTABLE, true)];
const HIDDEN: [(A, bool); 2] = [(A::SENSITIVE, true), (A::EXTRACTABLE, false)];

fn id_of(hash: Hash) -> M {
    Hash::ALL.iter().find(|row| row.0 == hash).expect("a row").1
}

fn flags(rows: &[(A, bool)]) -> Vec<Attribute> {
    rows.iter().map(|(kind, value)| Attribute::flag(*kind, *value)).collect()
}

fn base(session: Session<'_>, value: &[u8], rows: &[(A, bool)]) -> u64 {
    let may = flags(&[(A::DERIVE, true), (A::SIGN, true), (A::VERIFY, true)]);
    let template = [keys::secret(KeyType::GENERIC_SECRET, value), may, flags(rows)].concat();
    session.create(&template).expect("a base key")
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + 3) as u8).collect()
}

/// "A P_hash based PRF": the vector for SHA-256 that the TLS working group agreed on.
#[test]
fn the_oracle_gives_the_vector_of_the_working_group() {
    let [secret, seed] = ["9bbe436ba940f017b17652849a71db35", "a0ba9f936cda311827a6f796ffd5198c"]
        .map(|text| hex::decode(text).expect("hex"));
    let made = oracle::tls_prf(Hash::Sha256, &secret, b"test label", &seed, 100);
    assert_eq!(
        hex::encode(made),
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e\
         14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5\
         a72e5a5110fff70187347b66"
    );
}

/// "Master key derivation" and "for Diffie-Hellman", and both as in RFC 7627.
#[test]
#[serial]
fn master_secrets_are_those_of_the_rfcs() {
    on_user(|session| {
        let target = session.target;
        let hash_of_session = bytes(32);
        for (id, extended, with_version) in MASTERS {
            if !offered(session, (id, DERIVE)) {
                continue;
            }
            for hash in Hash::ALL.map(|row| row.0) {
                for size in if with_version { [48; 3] } else { [32, 48, 256] } {
                    let value = bytes(size);
                    let from = base(session, &value, &OPEN);
                    let (mechanism, label, seed) = match extended {
                        true => (
                            Mechanism::tls_extended_master(
                                id,
                                id_of(hash),
                                &hash_of_session,
                                with_version,
                            ),
                            &b"extended master secret"[..],
                            hash_of_session.clone(),
                        ),
                        false => (
                            Mechanism::tls_master(id, id_of(hash), RANDOMS, with_version),
                            &b"master secret"[..],
                            RANDOMS.concat(),
                        ),
                    };
                    let expected = oracle::tls_prf(hash, &value, label, &seed, 48);
                    let key = session.derive(&mechanism, from, &flags(&OPEN));
                    let what = format!("{id:?}, {hash:?}, {size} bytes");
                    let got = key.and_then(|key| session.attribute(key, A::VALUE));
                    target.same(&what, got, Ok(expected));
                    let version = mechanism.returned().first().map(|word| word.to_ne_bytes());
                    let expected = with_version.then_some([3, 10, 255, 255, 255, 255, 255, 255]);
                    target.holds("the version is there", version == expected);
                }
            }
        }
    });
}

/// "The mechanism contributes the CKA_CLASS, CKA_KEY_TYPE, and CKA_VALUE attributes [...] and also
/// CKA_ALLOWED_MECHANISMS".
#[test]
#[serial]
fn a_master_secret_is_for_tls_alone() {
    on_user(|session| {
        let target = session.target;
        if !offered(session, (M::TLS12_MASTER_KEY_DERIVE_DH, DERIVE)) {
            return;
        }
        let from = base(session, &bytes(48), &OPEN);
        let mechanism =
            Mechanism::tls_master(M::TLS12_MASTER_KEY_DERIVE_DH, M::SHA256, RANDOMS, false);
        let master = session.derive(&mechanism, from, &flags(&OPEN)).expect("C_DeriveKey");
        for (kind, value) in [
            (A::CLASS, ObjectClass::SECRET_KEY.0),
            (A::KEY_TYPE, KeyType::GENERIC_SECRET.0),
            (A::VALUE_LEN, 48),
        ] {
            target.same(&format!("{kind:?}"), session.number(master, kind), Ok(value));
        }
        let allowed = session.attribute(master, A::ALLOWED_MECHANISMS).expect("a list");
        let allowed: Vec<M> = allowed
            .chunks(8)
            .map(|chunk| M(u64::from_ne_bytes(chunk.try_into().expect("eight bytes"))))
            .collect();
        target.holds("its uses", [KEYS, KDFS, MACS].concat().iter().all(|id| allowed.contains(id)));
        target.same("how many", allowed.len(), 6);
        let hkdf = Mechanism::hkdf(M::HKDF_DERIVE, (true, true), Hash::Sha256, None, b"");
        let answer = session.derive(&hkdf, master, &flags(&OPEN)).map(|_| ());
        target.same("another use", answer, Err(Code::MechanismInvalid));
        for wrong in [
            Attribute::number(A::VALUE_LEN, 32),
            Attribute::key_type(KeyType::AES),
            Attribute::class(ObjectClass::DATA),
        ] {
            let answer = session.derive(&mechanism, from, &[wrong]).map(|_| ());
            target.same("another template", answer, Err(Code::TemplateInconsistent));
        }
    });
}

/// What a cipher suite wants in bits, and the type of its cipher keys.
const SUITES: [(&str, [u64; 3], KeyType); 8] = [
    ("AES_128_CBC_SHA256", [256, 128, 0], KeyType::AES),
    ("AES_256_CBC_SHA384", [384, 256, 0], KeyType::AES),
    ("AES_128_CBC_SHA with IVs", [160, 128, 128], KeyType::AES),
    ("AES_128_GCM", [0, 128, 32], KeyType::AES),
    ("AES_256_GCM", [0, 256, 32], KeyType::AES),
    ("CHACHA20_POLY1305", [0, 256, 96], KeyType::CHACHA20),
    ("NULL_SHA", [160, 0, 0], KeyType::GENERIC_SECRET),
    ("a generic secret", [512, 512, 128], KeyType::GENERIC_SECRET),
];

/// "Key and MAC derivation": the key block of RFC 5246 section 6.3, cut up.
#[test]
#[serial]
fn the_key_block_becomes_four_keys_and_two_ivs() {
    on_user(|session| {
        let target = session.target;
        let value = bytes(48);
        let seed = [SERVER, CLIENT].concat();
        for id in KEYS.into_iter().filter(|id| offered(session, (*id, DERIVE))) {
            for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha1] {
                for (suite, bits, key_type) in SUITES {
                    let from = base(session, &value, &OPEN);
                    let mechanism = Mechanism::tls_keys(id, id_of(hash), RANDOMS, bits, false);
                    let mut template = flags(&OPEN);
                    if bits[1] > 0 {
                        template.extend([
                            Attribute::class(ObjectClass::SECRET_KEY),
                            Attribute::key_type(key_type),
                            Attribute::number(A::VALUE_LEN, bits[1] / 8),
                        ]);
                    }
                    let what = format!("{id:?}, {hash:?}, {suite}");
                    let answer = session.derive_by_parameter(&mechanism, from, &template);
                    target.same(&what, answer, Ok(()));
                    let [mac, key, iv] = bits.map(|bits| bits as usize / 8);
                    let iv = if id == M::TLS12_KEY_SAFE_DERIVE { 0 } else { iv };
                    let block = oracle::tls_prf(
                        hash,
                        &value,
                        b"key expansion",
                        &seed,
                        2 * (mac + key + iv),
                    );
                    let out = mechanism.returned();
                    let mut at = 0;
                    for (handle, len) in out.iter().zip([mac, mac, key, key]) {
                        if len == 0 {
                            target.same(&format!("{what}, no key"), *handle, 0);
                            continue;
                        }
                        let got = session.attribute(*handle, A::VALUE);
                        target.same(&what, got, Ok(block[at..at + len].to_vec()));
                        at += len;
                    }
                    for words in [&out[6..8], &out[8..10]] {
                        let all: Vec<u8> = words.iter().flat_map(|w| w.to_ne_bytes()).collect();
                        let (made, untouched) = all.split_at(iv);
                        target.holds(&format!("{what}, an IV"), made == &block[at..at + iv]);
                        target.holds("nothing behind it", untouched.iter().all(|b| *b == 255));
                        at += iv;
                    }
                }
            }
        }
    });
}

/// "They are flagged as valid for signing and verification", "encryption, decryption, and
/// derivation"; "All four keys inherit the values" of what the base key hides.
#[test]
#[serial]
fn the_keys_of_a_connection_may_do_their_part_and_hide_what_the_master_hides() {
    on_user(|session| {
        let target = session.target;
        for id in KEYS.into_iter().filter(|id| offered(session, (*id, DERIVE))) {
            for rows in [OPEN, HIDDEN] {
                let from = base(session, &bytes(48), &rows);
                let keys = |template: &[Attribute]| {
                    let bits = [256, 128, 0];
                    let mechanism = Mechanism::tls_keys(id, M::SHA256, RANDOMS, bits, false);
                    let answer = session.derive_by_parameter(&mechanism, from, template);
                    answer.map(|()| mechanism.returned()[..4].to_vec())
                };
                let aes = [Attribute::key_type(KeyType::AES)];
                let made = keys(&aes).expect("C_DeriveKey");
                for (i, key) in made.iter().enumerate() {
                    let uses = match i {
                        0 | 1 => &[A::SIGN, A::VERIFY][..],
                        _ => &[A::ENCRYPT, A::DECRYPT, A::DERIVE],
                    };
                    for kind in uses {
                        target.same(&format!("{kind:?}"), session.flag(*key, *kind), Ok(true));
                    }
                    for (kind, value) in rows {
                        target.same(&format!("{kind:?}"), session.flag(*key, kind), Ok(value));
                    }
                }
                for (kind, value) in rows {
                    let other = [aes.to_vec(), flags(&[(kind, !value)])].concat();
                    let answer = keys(&other).map(|_| ());
                    let what = format!("{kind:?} {}", !value);
                    target.same(&what, answer, Err(Code::TemplateInconsistent));
                }
                let label = [Attribute::text(A::LABEL, "of TLS")];
                let other = merged(&[&aes, &label, &[Attribute::number(A::VALUE_LEN, 32)]]);
                let answer = keys(&other).map(|_| ());
                target.same("another length", answer, Err(Code::TemplateInconsistent));
                let left = session.find(&label).map(|found| found.len());
                target.same("keys made", left, Ok(0));
            }
        }
    });
}

/// "CKM_TLS_KDF is the mechanism defined in [RFC 5705]".
#[test]
#[serial]
fn exported_keying_material_is_that_of_rfc_5705() {
    on_user(|session| {
        let target = session.target;
        let value = bytes(48);
        let from = base(session, &value, &OPEN);
        for id in KDFS.into_iter().filter(|id| offered(session, (*id, DERIVE))) {
            for hash in Hash::ALL.map(|row| row.0) {
                for context in [None, Some(&b""[..]), Some(b"context")] {
                    let mut seed = RANDOMS.concat();
                    if let Some(context) = context {
                        seed.extend((context.len() as u16).to_be_bytes());
                        seed.extend(context);
                    }
                    for len in [1, 20, 64, 300] {
                        let expected = oracle::tls_prf(hash, &value, b"EXPORTER x", &seed, len);
                        let label = b"EXPORTER x";
                        let mechanism =
                            Mechanism::tls_kdf(id, id_of(hash), label, RANDOMS, context);
                        let length = [Attribute::number(A::VALUE_LEN, len as u64)];
                        let key = session.derive(&mechanism, from, &length);
                        let got = key.and_then(|key| session.attribute(key, A::VALUE));
                        let what = format!("{id:?}, {hash:?}, {context:?}, {len} bytes");
                        target.same(&what, got, Ok(expected));
                    }
                }
            }
            let mechanism = Mechanism::tls_kdf(id, M::SHA256, b"l", RANDOMS, None);
            let answer = session.derive(&mechanism, from, &[]).map(|_| ());
            target.same("no length", answer, Err(Code::TemplateIncomplete));
            let hidden = base(session, &value, &HIDDEN);
            let length = [Attribute::number(A::VALUE_LEN, 32)];
            let shown = [&length[..], &flags(&OPEN)].concat();
            let answer = session.derive(&mechanism, hidden, &shown).map(|_| ());
            target.same("a sensitive base", answer, Err(Code::TemplateInconsistent));
            let key = session.derive(&mechanism, hidden, &length).expect("C_DeriveKey");
            target.same("it stays hidden", session.flag(key, A::SENSITIVE), Ok(true));
        }
    });
}

/// "TLS MAC": verify_data, RFC 5246 section 7.4.9.
#[test]
#[serial]
fn finished_messages_are_signed_and_verified() {
    on_user(|session| {
        let target = session.target;
        let value = bytes(48);
        let key = base(session, &value, &OPEN);
        for id in MACS.into_iter().filter(|id| offered(session, (*id, SIGN | VERIFY))) {
            for hash in Hash::ALL.map(|row| row.0) {
                for (side, label) in [(1, &b"server finished"[..]), (2, b"client finished")] {
                    for len in [12, 20, 64] {
                        let seed = bytes(hash.size());
                        let expected = oracle::tls_prf(hash, &value, label, &seed, len);
                        let mechanism = Mechanism::tls_mac(id, id_of(hash), len as u64, side);
                        let what = format!("{id:?}, {hash:?}, side {side}, {len} bytes");
                        let got = session.run(Function::Sign, &mechanism, key, &seed);
                        target.same(&what, got, Ok(expected.clone()));
                        let parts: Vec<&[u8]> = seed.chunks(5).collect();
                        let got = session.run_parts(Function::Sign, &mechanism, key, &parts);
                        target.same(&format!("{what}, parts"), got, Ok(expected.clone()));
                        let answer = session.check(&mechanism, key, &seed, &expected);
                        target.same(&what, answer, Ok(()));
                        let mut damaged = expected.clone();
                        damaged[0] ^= 1;
                        let answer = session.check(&mechanism, key, &seed, &damaged);
                        target.same(&what, answer, Err(Code::SignatureInvalid));
                        let answer = session.check(&mechanism, key, &seed, &expected[1..]);
                        target.same(&what, answer, Err(Code::SignatureLenRange));
                    }
                }
            }
            for (hash, len, side) in [
                (M::SHA256, 11, 1),
                (M::SHA256, 65, 1),
                (M::SHA256, 12, 0),
                (M::SHA256, 12, 3),
                (M::AES_ECB, 12, 1),
            ] {
                let mechanism = Mechanism::tls_mac(id, hash, len, side);
                let answer = session.try_init(Function::Sign, &mechanism, key);
                let what = format!("{hash:?}, {len} bytes, side {side}");
                target.same(&what, answer, Err(Code::MechanismParamInvalid));
            }
        }
    });
}

/// "Pre-master key generation": 48 bytes, of which the first two are the version.
#[test]
#[serial]
fn a_pre_master_secret_begins_with_the_version() {
    on_user(|session| {
        let target = session.target;
        if !offered(session, (M::TLS_PRE_MASTER_KEY_GEN, GENERATE)) {
            return;
        }
        let mechanism = Mechanism::bytes(M::TLS_PRE_MASTER_KEY_GEN, &[3, 3]);
        let make = |template: &[Attribute]| session.generate(&mechanism, template);
        let (one, two) = (make(&flags(&OPEN)), make(&flags(&OPEN)));
        let value = |key: Result<u64, Code>| session.attribute(key.expect("a key"), A::VALUE);
        let (first, second) = (value(one).expect("CKA_VALUE"), value(two).expect("CKA_VALUE"));
        target.same("length", first.len(), 48);
        target.same("version", first[..2].to_vec(), vec![3, 3]);
        target.holds("two differ", first != second);
        target.same("it derives", session.flag(one.expect("a key"), A::DERIVE), Ok(true));
        let answer = make(&[Attribute::number(A::VALUE_LEN, 32)]).map(|_| ());
        target.same("another length", answer, Err(Code::TemplateInconsistent));
        let answer = make(&[Attribute::key_type(KeyType::AES)]).map(|_| ());
        target.same("another type", answer, Err(Code::TemplateInconsistent));
        let bare = Mechanism::plain(M::TLS_PRE_MASTER_KEY_GEN);
        let answer = session.generate(&bare, &[]).map(|_| ());
        target.same("no version", answer, Err(Code::MechanismParamInvalid));
    });
}

/// CKR_MECHANISM_PARAM_INVALID, CKR_KEY_SIZE_RANGE.
#[test]
#[serial]
fn parameters_that_make_no_sense_are_refused() {
    on_user(|session| {
        let target = session.target;
        if !offered(session, (M::TLS12_KEY_AND_MAC_DERIVE, DERIVE)) {
            return;
        }
        let invalid = Err(Code::MechanismParamInvalid);
        let from = base(session, &bytes(48), &OPEN);
        let derive =
            |mechanism: &Mechanism| session.derive(mechanism, from, &flags(&OPEN)).map(|_| ());
        for (id, extended, with_version) in MASTERS {
            let make = |hash, data: [&[u8]; 2], version| match extended {
                true => Mechanism::tls_extended_master(id, hash, data[0], version),
                false => Mechanism::tls_master(id, hash, data, version),
            };
            let what = format!("{id:?}");
            target.same(&what, derive(&make(M::SHA256, RANDOMS, !with_version)), invalid);
            target.same(&what, derive(&make(M::AES_ECB, RANDOMS, with_version)), invalid);
            target.same(&what, derive(&make(M::SHA256, [b"", &SERVER], with_version)), invalid);
            let cut = make(M::SHA256, RANDOMS, with_version).with_length(24, false);
            target.same(&what, derive(&cut), invalid);
            if with_version {
                let short = base(session, &bytes(47), &OPEN);
                let mechanism = make(M::SHA256, RANDOMS, true);
                let answer = session.derive(&mechanism, short, &[]).map(|_| ());
                target.same(&what, answer, Err(Code::KeySizeRange));
            }
        }
        let keys = |key: u64, bits, export| {
            let mechanism =
                Mechanism::tls_keys(M::TLS12_KEY_AND_MAC_DERIVE, M::SHA256, RANDOMS, bits, export);
            session.derive_by_parameter(&mechanism, key, &[])
        };
        for bits in [
            [0, 0, 0],
            [0, 0, 128],
            [160, 0, 128],
            [0, 128, 129],
            [0, 128, 136],
            [160, 127, 0],
            [1024, 128, 0],
            [0, 1024, 0],
            [u64::MAX, 128, 0],
        ] {
            target.same(&format!("{bits:?} bits"), keys(from, bits, false), invalid);
        }
        target.same("an export suite", keys(from, [160, 128, 0], true), invalid);
        let short = base(session, &bytes(32), &OPEN);
        target.same("32 bytes", keys(short, [160, 128, 0], false), Err(Code::KeySizeRange));
        // "Deriving a key under 112 bits from a sensitive base".
        let hidden = base(session, &bytes(48), &HIDDEN);
        target.same("40 bits", keys(hidden, [160, 40, 0], false), Err(Code::KeySizeRange));
    });
}

/// One handshake with an RSA key exchange, as Java's TLS does it on both sides.
#[test]
#[serial]
fn client_and_server_meet() {
    on_ours(|target| {
        let session = target.open(crate::harness::Flags::ReadWrite).expect("a session opens");
        session.login(crate::harness::Who::User, target.user_pin()).expect("the user logs in");
        let (public, private) = session.rsa(2048);
        let generate = Mechanism::bytes(M::TLS_PRE_MASTER_KEY_GEN, &[3, 3]);
        let open = flags(&OPEN);
        let of_client = session.generate(&generate, &open).expect("C_GenerateKey");
        let rsa = Mechanism::plain(M::RSA_PKCS);
        let wrapped = session.wrap(&rsa, public, of_client).expect("C_WrapKey");
        let what = [
            Attribute::class(ObjectClass::SECRET_KEY),
            Attribute::key_type(KeyType::GENERIC_SECRET),
            Attribute::flag(A::DERIVE, true),
        ];
        let of_server = session.unwrap(&rsa, private, &wrapped, &what).expect("C_UnwrapKey");
        let side = |pre_master| {
            let id = M::TLS12_MASTER_KEY_DERIVE;
            let derive = Mechanism::tls_master(id, M::SHA256, RANDOMS, true);
            let master = session.derive(&derive, pre_master, &[]).expect("a master secret");
            let [major, minor, ..] = derive.returned()[0].to_ne_bytes();
            target.same("version", vec![major, minor], vec![3, 3]);
            let bits = [256, 128, 128];
            let id = M::TLS12_KEY_AND_MAC_DERIVE;
            let derive = Mechanism::tls_keys(id, M::SHA256, RANDOMS, bits, false);
            let aes = [Attribute::key_type(KeyType::AES)];
            session.derive_by_parameter(&derive, master, &aes).expect("keys");
            (master, derive.returned())
        };
        let ((client, ours), (server, theirs)) = (side(of_client), side(of_server));
        target.holds("the same IVs", ours[6..] == theirs[6..]);
        let finished = Mechanism::tls_mac(M::TLS_MAC, M::SHA256, 12, 2);
        let made = session.run(Function::Sign, &finished, client, &[9; 32]).expect("C_Sign");
        let answer = session.check(&finished, server, &[9; 32], &made);
        target.same("Finished", answer, Ok(()));
        let hmac = Mechanism::plain(M::SHA256_HMAC);
        let made = session.run(Function::Sign, &hmac, ours[0], b"record").expect("C_Sign");
        target.same("MAC", session.check(&hmac, theirs[0], b"record", &made), Ok(()));
        let cbc = Mechanism::bytes(M::AES_CBC_PAD, &[1; 16]);
        let made = session.run(Function::Encrypt, &cbc, ours[2], b"record").expect("C_Encrypt");
        let back = session.run(Function::Decrypt, &cbc, theirs[2], &made);
        target.same("record", back, Ok(b"record".to_vec()));
    });
}
