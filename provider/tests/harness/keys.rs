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

/// A fixed RSA key of one of the sizes of [`RSA_PRIMES`].
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

/// The prime of the group ffdhe2048 (RFC 7919 appendix A.1).
pub const FFDHE2048: &str = "ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1d8b9c583ce2d3695a9e13641146433fbcc939dce\
    249b3ef97d2fe363630c75d8f681b202aec4617ad3df1ed5d5fd65612433f51f5f066ed0856365553ded1af3\
    b557135e7f57c935984f0c70e0e68b77e2a689daf3efe8721df158a136ade73530acca4f483a797abc0ab182\
    b324fb61d108a94bb2c8e3fbb96adab760d7f4681d4f42a3de394df4ae56ede76372bb190b07a7c8ee0a6d70\
    9e02fce1cdf7e2ecc03404cd28342f619172fe9ce98583ff8e4f1232eef28183c3fe3b1b4c6fad733bb5fcbc\
    2ec22005c58ef1837d1683b2c6f34a26c1b2effa886b423861285c97ffffffffffffffff";

/// The size of a key and its two primes, made for these tests; the public exponent is 65537.
#[rustfmt::skip]
pub const RSA_PRIMES: [(u64, &str, &str); 7] = [
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
    (1024,
     "f880268bd90bbf86ace6eda325f3696d2c167bd745548d26b705c4eeee00e220dfeace618c96746aba30c927\
      10008e032af269aa205923aebb4ab11ae5b22e61",
     "d92f8bcff7a88e4bef17430878e9e0474d2f9038c4efa760b7cbd1da1ea8570164d63cfdcada6ab93af606a3\
      a27761f95acec632e1f951aed092516470390eab"),
    (2056,
     "0de8b0e58c5c3371d0427d9cd1be487f1018812640da874fb3a335f60d71a30a060700765f2a094c177f9aa9\
      9f49ad1d635eae7191d7f508aa820e4dfb1837db6abb3bc7c47195443cb487c00b31d7f4cdac4b0accc7b311\
      bebbff7f2b71cead8549f0540455ab639c059a129eb92fdf4640749a75ebc2a734c990eeb12fc4cc59",
     "0c13ad2c3ab1f0f313bc11b7a711fabca60d540ba771bb4b14ef44817b6b352f80a91494aef9e504d2cdae88\
      ad1f379b9e50097546ae5d2daa94117d2100fb098bc8b7f17db6ee86d4d406773d256cd02fe4580dae913f81\
      0155dd0d81ca0093f106a489201a4cf621096674b5eca95a2bbd4109c64da98675b91b95f5c906c483"),
    (3000,
     "0c29e85f3001a2d68410adfd4bc5a68b35b6e56bd5d19359f07f03eff1d126fd42c8bb67936bd02e277952de\
      286bffb8a1d1f094b3ac94787a3ad55b6a7296b1caa367e34dbc0971f5351c3b27f1c989519d9a2dbb08bc60\
      66959f446dbc68612f447d7c7efd82aaca088b32590bfe87e2736179e42b9d448ed0702a5a057ad20a3c7c97\
      b11215e06da97a8e3d5a3d13c9c737759c98f0872bd60ad1755dbf3e1000155e112b059700bb7e3e009fbb3e\
      1d050b760f0cd1114ff96c59",
     "0bb0e489efdbec3e33755e83974c2864b3c5941146c3a9e00f5824b4993bc2a66aa8c8a28fbce014c5b4688e\
      7233bf5f16a2f7e6d612f1e73663651f8258f457e6047df97374443ff1855168029fd5db061bf8300225fd3b\
      5057599baa8301a4092beb079ed24212180331e51c8304a6d6c4c5b40003e54a2110cd5342c4dad3966976f9\
      afc298844d50712ee9b93a4b7025c535f5d4ab6775edb2dda20c9ff212d92064b55f37b5c0e98020667b16ca\
      420ffab968fc732a73751c27"),
    (8192,
     "f45bbf5228fa41e45e462826787988fe19134a3ec36d934ca5b6b599d57eb3cf46e9b9560541193b08ed80c6\
      c10f3ae6212c16736fa4797bed6657b93be9976f7dcfb23cf583159180cad030c7ab74eacd4df3dfef6df9a4\
      6f3bbd5a5da0ad774ddb69dce9054d1a55b58c66ed1cc3ddd30cb59d8e0c71fe79b1220b8893945440946cab\
      ccf3d1825145bd34a0e9eaae7d6098464c112bf7e9e6e52c048181daedd143842cefbdfe02e61363fc1d9dbb\
      208e01af21a164120e29e0deda5e364e4102dc3cef6183c4b1a568dcdca50f75c6f230c3b336298078df40a5\
      8a32013d575bf4e54d16cec347866f0ab666957a3cd147690d6ef2e42f0990b70d71c2e87605693db257b987\
      ce0ae0673ff5742cc9384e215863ae39d480c38d946cb17f0778ed127254b00204ea0dcef7a9d62e159be677\
      cc00e4afdde30916550f7f41cc632b1c4d994f153ebd609fab95ff7d31ce124f0308186d5af1fc850b6e6dd0\
      7ef010fb7d46b6d6baaef5c8574f9ac610c808a69553a872915b8d6a73e29902abd2aaece10960e576bc534e\
      cd204229c8094c6e49f4996f4d00d90988107a73882b78f794ca45cc008be1300e2197d8dc04a22764ce80bf\
      ca8e136e5ecde3c39d36c26f308fbe0abcf575b4c243c997f3b28029c4800306a89b00ddb129873928ffeabb\
      dadcd5912ba418bcda6a9d1b7f0f59e2ca98bdfa0cd7324c6a534a67",
     "c05ae064b6ff6aa001a68522c2b623a2b04dea4c54cf615784f143cfeddfccc24b8d91c8cd9b991f997ffb51\
      2f08fc3a17de06ef05a7cbb7240b65c18978b29077e785a2974fb2697f9dd1a0e6b3968bb0bc4561d3667a79\
      21d620034e510ebd9ee7be8515d26b60cc3da8fa58b7c4ec11eb00e4a013bfc1dd0da7bebffa0630ebe2acbe\
      632c50f21ac6d371da34608abc11c7f6a55fd03c9f2b408f044cd0b2f9f1b0339f004908789e33673496bee3\
      f1afdb94c6bbe67035ad6fc0437c09aa45f8b7b6fd6cbe6279794222678b89e8edc5e079f5a2e849d5ba98b4\
      f44c06e7a2557a858395e5ddbcf70f699bbe7b6a2f64aab74fa3987971d0c891a59ba0b66100bf36f19c34ca\
      efedbdc3f0a974df6d79e1f238d562b3995401764efd6538021209744787f8130300c29c356f5ea16f242a65\
      1cdeef89dd70dd9e60eda6d4273eba0984f7349ee1fea1c4f10fc95fb0a3e6fa83c2efd83c6eb76b9c13ef60\
      6dbf4868162e4464a66f2fa406321020293aabd4c0b7036ac16ae13ee3c159370b046b8e35496ace36b67a98\
      6a228bb0dcec1a88339dcf68ab629ad591fed7cb837fe841503cd10d3e0b1f783aa93f2c9a39ea65f6aff464\
      27e287dccd687012e2bc7071f7d9880fa064cc040dc266958dd3a4160a24afd3e9d8d33e87b1d79e6773dd03\
      05f9139ce1cd6a20500f7cbd9ad57539b905e7c6b775b1ec49d5fc5f"),
];
