//! Keys to test with: fixed RSA keys, so that no test waits for primes, and short ways to the others.

use keyway_pkcs11::attribute::{AttributeType as A, KeyType, ObjectClass};
use keyway_pkcs11::mechanism::MechanismType;
use rsa::pkcs8::EncodePrivateKey;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, RsaPrivateKey};

use super::attribute::merged;
use super::{Attribute, Code, Mechanism, Session};

/// DER of the named curves: P-256, P-384, P-521.
pub const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
pub const P521: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
/// DER of the object identifiers of Ed25519 and X25519.
pub const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
pub const X25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x6e];

/// A fixed RSA key of 2048, 3072 or 4096 bits.
pub fn rsa(bits: u64) -> RsaPrivateKey {
    let (_, p, q) = RSA_PRIMES.iter().find(|row| row.0 == bits).expect("a key of this size");
    let number = |text: &str| BoxedUint::from_be_slice_vartime(&hex::decode(text).expect("hex"));
    RsaPrivateKey::from_p_q(number(p), number(q), BoxedUint::from(65537_u64)).expect("primes")
}

/// The PKCS#8 encoding of a fixed RSA key.
pub fn rsa_pkcs8(bits: u64) -> Vec<u8> {
    rsa(bits).to_pkcs8_der().expect("an encoding").as_bytes().to_vec()
}

/// The template of the private half of a fixed RSA key.
pub fn rsa_private(bits: u64) -> Vec<Attribute> {
    let key = rsa(bits);
    let [p, q] = key.primes() else { panic!("two primes") };
    let bytes = |number: &BoxedUint| number.to_be_bytes_trimmed_vartime().to_vec();
    let inverse = key.crt_coefficient().expect("an inverse");
    vec![
        Attribute::class(ObjectClass::PRIVATE_KEY),
        Attribute::key_type(KeyType::RSA),
        Attribute::bytes(A::MODULUS, &bytes(key.n())),
        Attribute::bytes(A::PUBLIC_EXPONENT, &[1, 0, 1]),
        Attribute::bytes(A::PRIVATE_EXPONENT, &bytes(key.d())),
        Attribute::bytes(A::PRIME_1, &bytes(p)),
        Attribute::bytes(A::PRIME_2, &bytes(q)),
        Attribute::bytes(A::EXPONENT_1, &bytes(key.dp().expect("precomputed"))),
        Attribute::bytes(A::EXPONENT_2, &bytes(key.dq().expect("precomputed"))),
        Attribute::bytes(A::COEFFICIENT, &bytes(&inverse)),
    ]
}

/// The template of the public half of a fixed RSA key.
pub fn rsa_public(bits: u64) -> Vec<Attribute> {
    vec![
        Attribute::class(ObjectClass::PUBLIC_KEY),
        Attribute::key_type(KeyType::RSA),
        Attribute::bytes(A::MODULUS, &rsa(bits).n().to_be_bytes_trimmed_vartime()),
        Attribute::bytes(A::PUBLIC_EXPONENT, &[1, 0, 1]),
    ]
}

/// A secret key of a given type and value.
pub fn secret(key_type: KeyType, value: &[u8]) -> Vec<Attribute> {
    vec![
        Attribute::class(ObjectClass::SECRET_KEY),
        Attribute::key_type(key_type),
        Attribute::bytes(A::VALUE, value),
    ]
}

/// A data object that everybody sees.
pub fn data(label: &str, value: &[u8]) -> Vec<Attribute> {
    vec![
        Attribute::class(ObjectClass::DATA),
        Attribute::flag(A::PRIVATE, false),
        Attribute::text(A::LABEL, label),
        Attribute::bytes(A::VALUE, value),
    ]
}

/// Flags, all with the same value.
pub fn flags(kinds: &[A], value: bool) -> Vec<Attribute> {
    kinds.iter().map(|kind| Attribute::flag(*kind, value)).collect()
}

impl Session<'_> {
    /// A session AES key of 32 known bytes for everything that such keys do, and readable.
    pub fn aes(&self) -> u64 {
        self.aes_with(&[]).expect("an AES key is imported")
    }

    pub fn aes_with(&self, more: &[Attribute]) -> Result<u64, Code> {
        let value: Vec<u8> = (0..32).collect();
        let uses = [A::ENCRYPT, A::DECRYPT, A::WRAP, A::UNWRAP, A::DERIVE, A::EXTRACTABLE];
        let open = flags(&[A::SENSITIVE], false);
        self.create(&merged(&[&secret(KeyType::AES, &value), &flags(&uses, true), &open, more]))
    }

    /// A session key for HMAC.
    pub fn hmac(&self) -> u64 {
        let value: Vec<u8> = (0..40).collect();
        let uses = flags(&[A::SIGN, A::VERIFY], true);
        self.create(&merged(&[&secret(KeyType::GENERIC_SECRET, &value), &uses]))
            .expect("a generic secret is imported")
    }

    /// The fixed RSA key as session objects: public and private.
    pub fn rsa(&self, bits: u64) -> (u64, u64) {
        let public = flags(&[A::VERIFY, A::ENCRYPT, A::WRAP], true);
        let private = flags(&[A::SIGN, A::DECRYPT, A::UNWRAP], true);
        (
            self.create(&merged(&[&rsa_public(bits), &public])).expect("the public key"),
            self.create(&merged(&[&rsa_private(bits), &private])).expect("the private key"),
        )
    }

    /// A generated pair on a named curve, as session objects: public and private.
    pub fn ec(&self, curve: &[u8]) -> (u64, u64) {
        self.ec_with(curve, &[], &[]).expect("an EC pair is generated")
    }

    pub fn ec_with(
        &self,
        curve: &[u8],
        public: &[Attribute],
        private: &[Attribute],
    ) -> Result<(u64, u64), Code> {
        let of_public = [Attribute::bytes(A::EC_PARAMS, curve), Attribute::flag(A::VERIFY, true)];
        let of_private = [Attribute::flag(A::SIGN, true), Attribute::flag(A::DERIVE, true)];
        self.generate_pair(
            &Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN),
            &merged(&[&of_public, public]),
            &merged(&[&of_private, private]),
        )
    }
}

/// The two primes of a key of 2048, 3072 and 4096 bits, made for these tests; the public exponent
/// is 65537.
#[rustfmt::skip]
pub const RSA_PRIMES: [(u64, &str, &str); 3] = [
    (2048,
     "f263222b1c765340962645cfdaab05c8221c1e6ee3ea7b21f3fcc4966da58724370c0f4c6977fa9dd7fae950\
      23e940d133d9d418aabccb0eab044f685ded9f1002760aeb05001ef395729e5a99d722a4c2d6b95f5639e0a7\
      5f316d8c5ead2f36bf72c93d7a730964f96718b699785d0b5de5254fd9bad2e674a1ce202a2fd541",
     "ca4aacdf2a87506cdaa34590f018cbf678c7b454199e02ae0213b03c2d0ac76a7d1f8b77170d852e0a62e8b4\
      ce7d86e18ca16f5b97b0b2584e9dfa4e72404e5929da506615e0b81978981b34b9ebef5552e313924cf29a2d\
      282cda936af362a4d65ddc071d859cf2523be0535b958f263f47b55d473139aab80daf93008e858b"),
    (3072,
     "d3710b754dc3b416dc055b1791ba45c759e1b5d2e75aadf27ba76b4ebc1e3edd247c73552728296fd8793d49\
      ac2e693651b63bb14c6f8be92967557f679fd22d349a0c5f007cf37d70ff71df676ee1ac9bf19205acfb2d0e\
      fc9ae94dd9fbf99f9b39b0ab36ee3bf6fd65dad02dd459ebee507be423f3fb61bb5bd3a1ca0dfa6c495a6e90\
      0955ab060b97307bbdb45e8b83dfd9d1da099bf71c70e530435bc7a5c3727907e4f2cf0be2d0ae3bc6b5404f\
      5fa4182ef8638eb584b13ac2683f8c6f",
     "c74bdb2790a712249d978996207cd5fb82e3a27e75f7ef1e8d1aa1c1e21faf4c5a848f03f16c4a43f1fa18fd\
      b5db92559a30273a6711411ad4c75244697bd14cf84ecdd1700f373f164751a341b0d67b4686654e5011013e\
      29904c76425c2f1d38f927ba067a3e8c094153f164c2d3170306d3389f9b06777a69ab26cd19583f20f79efd\
      3d48840b4525cc9a2427626ee97dee278937db294c4431d304dedb6861a9da17bdf4bc9b285380e819f819e5\
      48f583d6cb8c5e3bd3582ce99b49b39b"),
    (4096,
     "fc818fa1ee33d8f6be4b0b15c61420eb2ce491b520b1bdd2b26bb619d3a94def0c5490d5bb1117fc73aaa751\
      48c6a0f288fd5fac5cb1286602b03f2a03266ffe3a183caaa095ad7ca9bc8591c6d6090e320ec44485a9a130\
      2f2b2ce2581c482fc8b5b8a3b658b7c608b08d7b5effa23de79309dcf89208361d97a2e6ef147fac6478c56f\
      36338c033b9d78f2c7efd121bc592c045245a932be60803f344b34b828920f80b5d62b3050043298e45b116e\
      88693d3db8eeb1a09754f952c2c5f2e21c3d406dca77b28cf1b911480db35617c476e46c19d877ad85fedf35\
      b03a91399350a4f5ec5026b9f21aa49f389d318f32605e19cda37a1b8d994c395c5bbaf1",
     "db79d6609f49d4c83a6eb82af3c354b41b73677021c5fcf38cf2f64a2c676f591e3ef9307d3df4cc55679bc4\
      12fe53ac22c1f5f658da6c2a241fcf382d24a6666df9936a2220ee49e40cda1c919ad92066bf22bd13a91fe5\
      2aaf38d9860dccd65e20469beac7e373c183116ca804d215cc70575fb7b76448fc2a63b552760bf1576d0c4e\
      0ed228c3c468f303cda8b72b50f70300c27a4fe082a0e1b66316a96a098939b1e2f8d2bd08abda7fc5640e46\
      2afccd28801d39e5d4a2fe3f749416b528db7538662bd5b8d3603ef9f0cbb338cba2c17e590c55888e4d43c0\
      a1b3782184797e8fc61f7a368b284591bbab721a8eda6c94716a97c79f69426ba0cd0aeb"),
];
