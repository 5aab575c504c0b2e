//! Wrapping in ECB and CBC, which `policy = "compatible"` has: against the oracle, there and back.

use serial_test::serial;

use super::{Pair, UNWRAP, WRAP, des, offered, oracle};
use crate::harness::attribute::merged;
use crate::harness::{
    Attribute, AttributeType as A, Code, Function, KeyType, Mechanism, MechanismType as M,
    ObjectClass, Session, keys, on_compatible_user,
};

struct Row {
    id: M,
    /// Of the wrapping key.
    key_type: KeyType,
    /// In bytes.
    block: usize,
    chained: bool,
    /// Whether the padding is that of PKCS #7.
    padded: bool,
}

const fn row(id: M, key_type: KeyType, block: usize, chained: bool, padded: bool) -> Row {
    Row { id, key_type, block, chained, padded }
}

const ROWS: [Row; 9] = [
    row(M::AES_ECB, KeyType::AES, 16, false, false),
    row(M::AES_CBC, KeyType::AES, 16, true, false),
    row(M::AES_CBC_PAD, KeyType::AES, 16, true, true),
    row(M::DES_ECB, KeyType::DES, 8, false, false),
    row(M::DES_CBC, KeyType::DES, 8, true, false),
    row(M::DES_CBC_PAD, KeyType::DES, 8, true, true),
    row(M::DES3_ECB, KeyType::DES3, 8, false, false),
    row(M::DES3_CBC, KeyType::DES3, 8, true, false),
    row(M::DES3_CBC_PAD, KeyType::DES3, 8, true, true),
];

const IV: [u8; 16] = [7; 16];

pub fn pairs() -> Vec<Pair> {
    ROWS.iter().map(|row| (row.id, WRAP | UNWRAP)).collect()
}

fn rows(session: Session<'_>) -> impl Iterator<Item = &'static Row> {
    static ALL: [Row; 9] = ROWS;
    ALL.iter().filter(move |row| offered(session, (row.id, WRAP | UNWRAP)))
}

impl Row {
    fn mechanism(&self) -> Mechanism {
        match self.chained {
            true => Mechanism::bytes(self.id, &IV[..self.block]),
            false => Mechanism::plain(self.id),
        }
    }

    /// The values of wrapping keys: every size.
    fn values(&self) -> Vec<Vec<u8>> {
        match self.key_type {
            KeyType::AES => [16, 24, 32].map(|len| vec![len; usize::from(len)]).to_vec(),
            other => vec![des::value(other).to_vec()],
        }
    }

    fn wrapping_key(&self, session: Session<'_>, value: &[u8]) -> u64 {
        let uses = keys::flags(&[A::WRAP, A::UNWRAP, A::ENCRYPT], true);
        let template = merged(&[&keys::secret(self.key_type, value), &uses]);
        session.create(&template).expect("a wrapping key")
    }

    /// What the oracle makes of a key's value.
    fn wrapped(&self, with: &[u8], value: &[u8]) -> Vec<u8> {
        let mut padded = value.to_vec();
        let whole = value.len().next_multiple_of(self.block);
        match self.padded {
            true => {
                let pad = self.block - value.len() % self.block;
                padded.resize(value.len() + pad, pad as u8);
            }
            false => padded.resize(whole, 0),
        }
        match self.key_type {
            KeyType::AES => oracle::aes_blocks(with, self.chained.then_some(IV), &padded),
            _ => des::encrypted(with, self.chained.then_some([7; 8]), &padded),
        }
    }
}

/// A readable secret key to wrap, or what to unwrap one to.
fn open(key_type: KeyType) -> Vec<Attribute> {
    let class = [Attribute::class(ObjectClass::SECRET_KEY), Attribute::key_type(key_type)];
    let open = [Attribute::flag(A::EXTRACTABLE, true), Attribute::flag(A::SENSITIVE, false)];
    merged(&[&class, &open])
}

/// "AES-ECB", "AES-CBC", "AES-CBC with PKCS padding": "padded on the trailing end with up to block
/// size minus one null bytes"; "truncates the result according to the CKA_KEY_TYPE attribute of the
/// template and [...] the CKA_VALUE_LEN attribute of the template".
#[test]
#[serial]
fn keys_of_every_length_are_wrapped_as_the_oracle_does_and_come_back() {
    on_compatible_user(|session| {
        for row in rows(session) {
            for with in row.values() {
                let wrapping = row.wrapping_key(session, &with);
                for len in [1, 7, 8, 15, 16, 17, 24, 32, 33] {
                    let value: Vec<u8> = (1..=len).collect();
                    let named = [Attribute::bytes(A::VALUE, &value)];
                    let template = merged(&[&open(KeyType::GENERIC_SECRET), &named]);
                    let key = session.create(&template).expect("a key");
                    let mechanism = row.mechanism();
                    let what = format!("{:?}, {len} bytes by {}", row.id, with.len());
                    let wrapped = session.wrap(&mechanism, wrapping, key);
                    let expected = row.wrapped(&with, &value);
                    session.target.same(&what, wrapped, Ok(expected.clone()));
                    let length = [Attribute::number(A::VALUE_LEN, u64::from(len))];
                    let length = if row.padded { &[][..] } else { &length };
                    let template = merged(&[&open(KeyType::GENERIC_SECRET), length]);
                    let back = session.unwrap(&mechanism, wrapping, &expected, &template);
                    let back = back.and_then(|key| session.attribute(key, A::VALUE));
                    session.target.same(&format!("{what}, back"), back, Ok(value));
                }
            }
        }
    });
}

/// The key type says how long a key of DES is; no length says that the zeros are of the key.
#[test]
#[serial]
fn zeros_behind_a_key_go_where_its_type_or_length_says_so() {
    on_compatible_user(|session| {
        let target = session.target;
        for row in rows(session).filter(|row| !row.padded) {
            let with = &row.values()[0];
            let wrapping = row.wrapping_key(session, with);
            let unwrap = |value: &[u8], template: &[Attribute]| {
                let wrapped = row.wrapped(with, value);
                let key = session.unwrap(&row.mechanism(), wrapping, &wrapped, template)?;
                session.attribute(key, A::VALUE)
            };
            let name = format!("{:?}", row.id);
            let triple = des::value(KeyType::DES3);
            target.same(&name, unwrap(triple, &open(KeyType::DES3)), Ok(triple.to_vec()));
            let whole = unwrap(&[5; 17], &open(KeyType::GENERIC_SECRET));
            target.same(
                &name,
                whole.map(|value| value.len()),
                Ok(17_usize.next_multiple_of(row.block)),
            );
            // Less than a block goes: what could be cut shorter could be guessed piece by piece.
            for (len, length) in [(32, 16), (32, 1), (32, 33), (16, 0)] {
                let length = [Attribute::number(A::VALUE_LEN, length)];
                let template = merged(&[&open(KeyType::GENERIC_SECRET), &length]);
                let refused = match unwrap(&vec![5; len], &template) {
                    Err(Code::WrappedKeyLenRange | Code::AttributeValueInvalid) => true,
                    other => panic!("{name}: {other:?}"),
                };
                target.holds("a length that the key does not have is refused", refused);
            }
        }
    });
}

/// "In addition to being able to wrap and unwrap secret keys, this mechanism can wrap and unwrap RSA
/// [...] private keys"; ECB and CBC cannot.
#[test]
#[serial]
fn a_private_key_comes_back_from_padded_wrapping_alone() {
    on_compatible_user(|session| {
        let target = session.target;
        let more = [Attribute::flag(A::EXTRACTABLE, true), Attribute::flag(A::SIGN, true)];
        let template = merged(&[&keys::rsa_private(2048), &more]);
        let private = session.create(&template).expect("an RSA key");
        let (public, _) = session.rsa(2048);
        let sign = Mechanism::plain(M::SHA256_RSA_PKCS);
        for row in rows(session) {
            let with = &row.values()[0];
            let (wrapping, mechanism) = (row.wrapping_key(session, with), row.mechanism());
            let wrapped = session.wrap(&mechanism, wrapping, private);
            let name = format!("{:?}", row.id);
            if !row.padded {
                target.same(&name, wrapped, Err(Code::KeyNotWrappable));
                continue;
            }
            let class =
                [Attribute::class(ObjectClass::PRIVATE_KEY), Attribute::key_type(KeyType::RSA)];
            let template = merged(&[&class, &more]);
            let checked = session
                .unwrap(&mechanism, wrapping, &wrapped.expect("C_WrapKey"), &template)
                .and_then(|key| session.run(Function::Sign, &sign, key, b"data"))
                .and_then(|signature| session.check(&sign, public, b"data", &signature));
            target.same(&name, checked, Ok(()));
        }
    });
}

/// A wrong padding and a wrong key behind a right one are one answer: the difference would decrypt.
#[test]
#[serial]
fn what_is_not_whole_blocks_or_wrongly_padded_does_not_come_back() {
    on_compatible_user(|session| {
        let target = session.target;
        for row in rows(session) {
            let with = &row.values()[0];
            let (wrapping, mechanism) = (row.wrapping_key(session, with), row.mechanism());
            let unwrap = |wrapped: &[u8]| {
                session.unwrap(&mechanism, wrapping, wrapped, &open(KeyType::AES)).map(|_| ())
            };
            let name = format!("{:?}", row.id);
            for len in [0, 7, 17] {
                target.same(&name, unwrap(&vec![1; len]), Err(Code::WrappedKeyLenRange));
            }
            if row.padded {
                let mut unpadded = row.wrapped(with, &[0; 16]);
                unpadded.truncate(16);
                target.same(&name, unwrap(&unpadded), Err(Code::WrappedKeyInvalid));
                let no_aes_key = row.wrapped(with, &[1; 17]);
                target.same(&name, unwrap(&no_aes_key), Err(Code::WrappedKeyInvalid));
            }
        }
    });
}
