//! Mechanism types of PKCS#11 by name.

use std::fmt;

/// A `CK_MECHANISM_TYPE`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MechanismType(pub u64);

impl MechanismType {
    pub const RSA_PKCS_KEY_PAIR_GEN: Self = Self(0x0);
    pub const RSA_PKCS: Self = Self(0x1);
    pub const RSA_9796: Self = Self(0x2);
    pub const RSA_X_509: Self = Self(0x3);
    pub const MD2_RSA_PKCS: Self = Self(0x4);
    pub const MD5_RSA_PKCS: Self = Self(0x5);
    pub const SHA1_RSA_PKCS: Self = Self(0x6);
    pub const RIPEMD128_RSA_PKCS: Self = Self(0x7);
    pub const RIPEMD160_RSA_PKCS: Self = Self(0x8);
    pub const RSA_PKCS_OAEP: Self = Self(0x9);
    pub const RSA_X9_31_KEY_PAIR_GEN: Self = Self(0xa);
    pub const RSA_X9_31: Self = Self(0xb);
    pub const SHA1_RSA_X9_31: Self = Self(0xc);
    pub const RSA_PKCS_PSS: Self = Self(0xd);
    pub const SHA1_RSA_PKCS_PSS: Self = Self(0xe);
    pub const ML_KEM_KEY_PAIR_GEN: Self = Self(0xf);
    pub const DSA_KEY_PAIR_GEN: Self = Self(0x10);
    pub const DSA: Self = Self(0x11);
    pub const DSA_SHA1: Self = Self(0x12);
    pub const DSA_SHA224: Self = Self(0x13);
    pub const DSA_SHA256: Self = Self(0x14);
    pub const DSA_SHA384: Self = Self(0x15);
    pub const DSA_SHA512: Self = Self(0x16);
    pub const ML_KEM: Self = Self(0x17);
    pub const DSA_SHA3_224: Self = Self(0x18);
    pub const DSA_SHA3_256: Self = Self(0x19);
    pub const DSA_SHA3_384: Self = Self(0x1a);
    pub const DSA_SHA3_512: Self = Self(0x1b);
    pub const ML_DSA_KEY_PAIR_GEN: Self = Self(0x1c);
    pub const ML_DSA: Self = Self(0x1d);
    pub const HASH_ML_DSA: Self = Self(0x1f);
    pub const DH_PKCS_KEY_PAIR_GEN: Self = Self(0x20);
    pub const DH_PKCS_DERIVE: Self = Self(0x21);
    pub const HASH_ML_DSA_SHA224: Self = Self(0x23);
    pub const HASH_ML_DSA_SHA256: Self = Self(0x24);
    pub const HASH_ML_DSA_SHA384: Self = Self(0x25);
    pub const HASH_ML_DSA_SHA512: Self = Self(0x26);
    pub const HASH_ML_DSA_SHA3_224: Self = Self(0x27);
    pub const HASH_ML_DSA_SHA3_256: Self = Self(0x28);
    pub const HASH_ML_DSA_SHA3_384: Self = Self(0x29);
    pub const HASH_ML_DSA_SHA3_512: Self = Self(0x2a);
    pub const HASH_ML_DSA_SHAKE128: Self = Self(0x2b);
    pub const HASH_ML_DSA_SHAKE256: Self = Self(0x2c);
    pub const SLH_DSA_KEY_PAIR_GEN: Self = Self(0x2d);
    pub const SLH_DSA: Self = Self(0x2e);
    pub const X9_42_DH_KEY_PAIR_GEN: Self = Self(0x30);
    pub const X9_42_DH_DERIVE: Self = Self(0x31);
    pub const X9_42_DH_HYBRID_DERIVE: Self = Self(0x32);
    pub const X9_42_MQV_DERIVE: Self = Self(0x33);
    pub const HASH_SLH_DSA: Self = Self(0x34);
    pub const HASH_SLH_DSA_SHA224: Self = Self(0x36);
    pub const HASH_SLH_DSA_SHA256: Self = Self(0x37);
    pub const HASH_SLH_DSA_SHA384: Self = Self(0x38);
    pub const HASH_SLH_DSA_SHA512: Self = Self(0x39);
    pub const HASH_SLH_DSA_SHA3_224: Self = Self(0x3a);
    pub const HASH_SLH_DSA_SHA3_256: Self = Self(0x3b);
    pub const HASH_SLH_DSA_SHA3_384: Self = Self(0x3c);
    pub const HASH_SLH_DSA_SHA3_512: Self = Self(0x3d);
    pub const HASH_SLH_DSA_SHAKE128: Self = Self(0x3e);
    pub const HASH_SLH_DSA_SHAKE256: Self = Self(0x3f);
    pub const SHA256_RSA_PKCS: Self = Self(0x40);
    pub const SHA384_RSA_PKCS: Self = Self(0x41);
    pub const SHA512_RSA_PKCS: Self = Self(0x42);
    pub const SHA256_RSA_PKCS_PSS: Self = Self(0x43);
    pub const SHA384_RSA_PKCS_PSS: Self = Self(0x44);
    pub const SHA512_RSA_PKCS_PSS: Self = Self(0x45);
    pub const SHA224_RSA_PKCS: Self = Self(0x46);
    pub const SHA224_RSA_PKCS_PSS: Self = Self(0x47);
    pub const SHA512_224: Self = Self(0x48);
    pub const SHA512_224_HMAC: Self = Self(0x49);
    pub const SHA512_224_HMAC_GENERAL: Self = Self(0x4a);
    pub const SHA512_224_KEY_DERIVATION: Self = Self(0x4b);
    pub const SHA512_256: Self = Self(0x4c);
    pub const SHA512_256_HMAC: Self = Self(0x4d);
    pub const SHA512_256_HMAC_GENERAL: Self = Self(0x4e);
    pub const SHA512_256_KEY_DERIVATION: Self = Self(0x4f);
    pub const SHA512_T: Self = Self(0x50);
    pub const SHA512_T_HMAC: Self = Self(0x51);
    pub const SHA512_T_HMAC_GENERAL: Self = Self(0x52);
    pub const SHA512_T_KEY_DERIVATION: Self = Self(0x53);
    pub const TLS12_EXTENDED_MASTER_KEY_DERIVE: Self = Self(0x56);
    pub const TLS12_EXTENDED_MASTER_KEY_DERIVE_DH: Self = Self(0x57);
    pub const SHA3_256_RSA_PKCS: Self = Self(0x60);
    pub const SHA3_384_RSA_PKCS: Self = Self(0x61);
    pub const SHA3_512_RSA_PKCS: Self = Self(0x62);
    pub const SHA3_256_RSA_PKCS_PSS: Self = Self(0x63);
    pub const SHA3_384_RSA_PKCS_PSS: Self = Self(0x64);
    pub const SHA3_512_RSA_PKCS_PSS: Self = Self(0x65);
    pub const SHA3_224_RSA_PKCS: Self = Self(0x66);
    pub const SHA3_224_RSA_PKCS_PSS: Self = Self(0x67);
    pub const RC2_KEY_GEN: Self = Self(0x100);
    pub const RC2_ECB: Self = Self(0x101);
    pub const RC2_CBC: Self = Self(0x102);
    pub const RC2_MAC: Self = Self(0x103);
    pub const RC2_MAC_GENERAL: Self = Self(0x104);
    pub const RC2_CBC_PAD: Self = Self(0x105);
    pub const RC4_KEY_GEN: Self = Self(0x110);
    pub const RC4: Self = Self(0x111);
    pub const DES_KEY_GEN: Self = Self(0x120);
    pub const DES_ECB: Self = Self(0x121);
    pub const DES_CBC: Self = Self(0x122);
    pub const DES_MAC: Self = Self(0x123);
    pub const DES_MAC_GENERAL: Self = Self(0x124);
    pub const DES_CBC_PAD: Self = Self(0x125);
    pub const DES2_KEY_GEN: Self = Self(0x130);
    pub const DES3_KEY_GEN: Self = Self(0x131);
    pub const DES3_ECB: Self = Self(0x132);
    pub const DES3_CBC: Self = Self(0x133);
    pub const DES3_MAC: Self = Self(0x134);
    pub const DES3_MAC_GENERAL: Self = Self(0x135);
    pub const DES3_CBC_PAD: Self = Self(0x136);
    pub const DES3_CMAC_GENERAL: Self = Self(0x137);
    pub const DES3_CMAC: Self = Self(0x138);
    pub const CDMF_KEY_GEN: Self = Self(0x140);
    pub const CDMF_ECB: Self = Self(0x141);
    pub const CDMF_CBC: Self = Self(0x142);
    pub const CDMF_MAC: Self = Self(0x143);
    pub const CDMF_MAC_GENERAL: Self = Self(0x144);
    pub const CDMF_CBC_PAD: Self = Self(0x145);
    pub const DES_OFB64: Self = Self(0x150);
    pub const DES_OFB8: Self = Self(0x151);
    pub const DES_CFB64: Self = Self(0x152);
    pub const DES_CFB8: Self = Self(0x153);
    pub const MD2: Self = Self(0x200);
    pub const MD2_HMAC: Self = Self(0x201);
    pub const MD2_HMAC_GENERAL: Self = Self(0x202);
    pub const MD5: Self = Self(0x210);
    pub const MD5_HMAC: Self = Self(0x211);
    pub const MD5_HMAC_GENERAL: Self = Self(0x212);
    pub const SHA_1: Self = Self(0x220);
    pub const SHA_1_HMAC: Self = Self(0x221);
    pub const SHA_1_HMAC_GENERAL: Self = Self(0x222);
    pub const RIPEMD128: Self = Self(0x230);
    pub const RIPEMD128_HMAC: Self = Self(0x231);
    pub const RIPEMD128_HMAC_GENERAL: Self = Self(0x232);
    pub const RIPEMD160: Self = Self(0x240);
    pub const RIPEMD160_HMAC: Self = Self(0x241);
    pub const RIPEMD160_HMAC_GENERAL: Self = Self(0x242);
    pub const SHA256: Self = Self(0x250);
    pub const SHA256_HMAC: Self = Self(0x251);
    pub const SHA256_HMAC_GENERAL: Self = Self(0x252);
    pub const SHA224: Self = Self(0x255);
    pub const SHA224_HMAC: Self = Self(0x256);
    pub const SHA224_HMAC_GENERAL: Self = Self(0x257);
    pub const SHA384: Self = Self(0x260);
    pub const SHA384_HMAC: Self = Self(0x261);
    pub const SHA384_HMAC_GENERAL: Self = Self(0x262);
    pub const SHA512: Self = Self(0x270);
    pub const SHA512_HMAC: Self = Self(0x271);
    pub const SHA512_HMAC_GENERAL: Self = Self(0x272);
    pub const SECURID_KEY_GEN: Self = Self(0x280);
    pub const SECURID: Self = Self(0x282);
    pub const HOTP_KEY_GEN: Self = Self(0x290);
    pub const HOTP: Self = Self(0x291);
    pub const ACTI: Self = Self(0x2a0);
    pub const ACTI_KEY_GEN: Self = Self(0x2a1);
    pub const SHA3_256: Self = Self(0x2b0);
    pub const SHA3_256_HMAC: Self = Self(0x2b1);
    pub const SHA3_256_HMAC_GENERAL: Self = Self(0x2b2);
    pub const SHA3_256_KEY_GEN: Self = Self(0x2b3);
    pub const SHA3_224: Self = Self(0x2b5);
    pub const SHA3_224_HMAC: Self = Self(0x2b6);
    pub const SHA3_224_HMAC_GENERAL: Self = Self(0x2b7);
    pub const SHA3_224_KEY_GEN: Self = Self(0x2b8);
    pub const SHA3_384: Self = Self(0x2c0);
    pub const SHA3_384_HMAC: Self = Self(0x2c1);
    pub const SHA3_384_HMAC_GENERAL: Self = Self(0x2c2);
    pub const SHA3_384_KEY_GEN: Self = Self(0x2c3);
    pub const SHA3_512: Self = Self(0x2d0);
    pub const SHA3_512_HMAC: Self = Self(0x2d1);
    pub const SHA3_512_HMAC_GENERAL: Self = Self(0x2d2);
    pub const SHA3_512_KEY_GEN: Self = Self(0x2d3);
    pub const CAST_KEY_GEN: Self = Self(0x300);
    pub const CAST_ECB: Self = Self(0x301);
    pub const CAST_CBC: Self = Self(0x302);
    pub const CAST_MAC: Self = Self(0x303);
    pub const CAST_MAC_GENERAL: Self = Self(0x304);
    pub const CAST_CBC_PAD: Self = Self(0x305);
    pub const CAST3_KEY_GEN: Self = Self(0x310);
    pub const CAST3_ECB: Self = Self(0x311);
    pub const CAST3_CBC: Self = Self(0x312);
    pub const CAST3_MAC: Self = Self(0x313);
    pub const CAST3_MAC_GENERAL: Self = Self(0x314);
    pub const CAST3_CBC_PAD: Self = Self(0x315);
    pub const CAST128_KEY_GEN: Self = Self(0x320);
    pub const CAST5_KEY_GEN: Self = Self(0x320);
    pub const CAST128_ECB: Self = Self(0x321);
    pub const CAST5_ECB: Self = Self(0x321);
    pub const CAST128_CBC: Self = Self(0x322);
    pub const CAST5_CBC: Self = Self(0x322);
    pub const CAST128_MAC: Self = Self(0x323);
    pub const CAST5_MAC: Self = Self(0x323);
    pub const CAST128_MAC_GENERAL: Self = Self(0x324);
    pub const CAST5_MAC_GENERAL: Self = Self(0x324);
    pub const CAST128_CBC_PAD: Self = Self(0x325);
    pub const CAST5_CBC_PAD: Self = Self(0x325);
    pub const RC5_KEY_GEN: Self = Self(0x330);
    pub const RC5_ECB: Self = Self(0x331);
    pub const RC5_CBC: Self = Self(0x332);
    pub const RC5_MAC: Self = Self(0x333);
    pub const RC5_MAC_GENERAL: Self = Self(0x334);
    pub const RC5_CBC_PAD: Self = Self(0x335);
    pub const IDEA_KEY_GEN: Self = Self(0x340);
    pub const IDEA_ECB: Self = Self(0x341);
    pub const IDEA_CBC: Self = Self(0x342);
    pub const IDEA_MAC: Self = Self(0x343);
    pub const IDEA_MAC_GENERAL: Self = Self(0x344);
    pub const IDEA_CBC_PAD: Self = Self(0x345);
    pub const GENERIC_SECRET_KEY_GEN: Self = Self(0x350);
    pub const CONCATENATE_BASE_AND_KEY: Self = Self(0x360);
    pub const CONCATENATE_BASE_AND_DATA: Self = Self(0x362);
    pub const CONCATENATE_DATA_AND_BASE: Self = Self(0x363);
    pub const XOR_BASE_AND_DATA: Self = Self(0x364);
    pub const EXTRACT_KEY_FROM_KEY: Self = Self(0x365);
    pub const SSL3_PRE_MASTER_KEY_GEN: Self = Self(0x370);
    pub const SSL3_MASTER_KEY_DERIVE: Self = Self(0x371);
    pub const SSL3_KEY_AND_MAC_DERIVE: Self = Self(0x372);
    pub const SSL3_MASTER_KEY_DERIVE_DH: Self = Self(0x373);
    pub const TLS_PRE_MASTER_KEY_GEN: Self = Self(0x374);
    pub const TLS_MASTER_KEY_DERIVE: Self = Self(0x375);
    pub const TLS_KEY_AND_MAC_DERIVE: Self = Self(0x376);
    pub const TLS_MASTER_KEY_DERIVE_DH: Self = Self(0x377);
    pub const TLS_PRF: Self = Self(0x378);
    pub const SSL3_MD5_MAC: Self = Self(0x380);
    pub const SSL3_SHA1_MAC: Self = Self(0x381);
    pub const MD5_KEY_DERIVATION: Self = Self(0x390);
    pub const MD2_KEY_DERIVATION: Self = Self(0x391);
    pub const SHA1_KEY_DERIVATION: Self = Self(0x392);
    pub const SHA256_KEY_DERIVATION: Self = Self(0x393);
    pub const SHA384_KEY_DERIVATION: Self = Self(0x394);
    pub const SHA512_KEY_DERIVATION: Self = Self(0x395);
    pub const SHA224_KEY_DERIVATION: Self = Self(0x396);
    pub const SHA3_256_KEY_DERIVATION: Self = Self(0x397);
    pub const SHA3_256_KEY_DERIVE: Self = Self(0x397);
    pub const SHA3_224_KEY_DERIVATION: Self = Self(0x398);
    pub const SHA3_224_KEY_DERIVE: Self = Self(0x398);
    pub const SHA3_384_KEY_DERIVATION: Self = Self(0x399);
    pub const SHA3_384_KEY_DERIVE: Self = Self(0x399);
    pub const SHA3_512_KEY_DERIVATION: Self = Self(0x39a);
    pub const SHA3_512_KEY_DERIVE: Self = Self(0x39a);
    pub const SHAKE_128_KEY_DERIVATION: Self = Self(0x39b);
    pub const SHAKE_128_KEY_DERIVE: Self = Self(0x39b);
    pub const SHAKE_256_KEY_DERIVATION: Self = Self(0x39c);
    pub const SHAKE_256_KEY_DERIVE: Self = Self(0x39c);
    pub const PBE_MD2_DES_CBC: Self = Self(0x3a0);
    pub const PBE_MD5_DES_CBC: Self = Self(0x3a1);
    pub const PBE_MD5_CAST_CBC: Self = Self(0x3a2);
    pub const PBE_MD5_CAST3_CBC: Self = Self(0x3a3);
    pub const PBE_MD5_CAST128_CBC: Self = Self(0x3a4);
    pub const PBE_MD5_CAST5_CBC: Self = Self(0x3a4);
    pub const PBE_SHA1_CAST128_CBC: Self = Self(0x3a5);
    pub const PBE_SHA1_CAST5_CBC: Self = Self(0x3a5);
    pub const PBE_SHA1_RC4_128: Self = Self(0x3a6);
    pub const PBE_SHA1_RC4_40: Self = Self(0x3a7);
    pub const PBE_SHA1_DES3_EDE_CBC: Self = Self(0x3a8);
    pub const PBE_SHA1_DES2_EDE_CBC: Self = Self(0x3a9);
    pub const PBE_SHA1_RC2_128_CBC: Self = Self(0x3aa);
    pub const PBE_SHA1_RC2_40_CBC: Self = Self(0x3ab);
    pub const SP800_108_COUNTER_KDF: Self = Self(0x3ac);
    pub const SP800_108_FEEDBACK_KDF: Self = Self(0x3ad);
    pub const SP800_108_DOUBLE_PIPELINE_KDF: Self = Self(0x3ae);
    pub const PKCS5_PBKD2: Self = Self(0x3b0);
    pub const PBA_SHA1_WITH_SHA1_HMAC: Self = Self(0x3c0);
    pub const WTLS_PRE_MASTER_KEY_GEN: Self = Self(0x3d0);
    pub const WTLS_MASTER_KEY_DERIVE: Self = Self(0x3d1);
    pub const WTLS_MASTER_KEY_DERIVE_DH_ECC: Self = Self(0x3d2);
    pub const WTLS_PRF: Self = Self(0x3d3);
    pub const WTLS_SERVER_KEY_AND_MAC_DERIVE: Self = Self(0x3d4);
    pub const WTLS_CLIENT_KEY_AND_MAC_DERIVE: Self = Self(0x3d5);
    pub const TLS10_MAC_SERVER: Self = Self(0x3d6);
    pub const TLS10_MAC_CLIENT: Self = Self(0x3d7);
    pub const TLS12_MAC: Self = Self(0x3d8);
    pub const TLS12_KDF: Self = Self(0x3d9);
    pub const TLS12_MASTER_KEY_DERIVE: Self = Self(0x3e0);
    pub const TLS12_KEY_AND_MAC_DERIVE: Self = Self(0x3e1);
    pub const TLS12_MASTER_KEY_DERIVE_DH: Self = Self(0x3e2);
    pub const TLS12_KEY_SAFE_DERIVE: Self = Self(0x3e3);
    pub const TLS_MAC: Self = Self(0x3e4);
    pub const TLS_KDF: Self = Self(0x3e5);
    pub const KEY_WRAP_LYNKS: Self = Self(0x400);
    pub const KEY_WRAP_SET_OAEP: Self = Self(0x401);
    pub const CMS_SIG: Self = Self(0x500);
    pub const KIP_DERIVE: Self = Self(0x510);
    pub const KIP_WRAP: Self = Self(0x511);
    pub const KIP_MAC: Self = Self(0x512);
    pub const CAMELLIA_KEY_GEN: Self = Self(0x550);
    pub const CAMELLIA_ECB: Self = Self(0x551);
    pub const CAMELLIA_CBC: Self = Self(0x552);
    pub const CAMELLIA_MAC: Self = Self(0x553);
    pub const CAMELLIA_MAC_GENERAL: Self = Self(0x554);
    pub const CAMELLIA_CBC_PAD: Self = Self(0x555);
    pub const CAMELLIA_ECB_ENCRYPT_DATA: Self = Self(0x556);
    pub const CAMELLIA_CBC_ENCRYPT_DATA: Self = Self(0x557);
    pub const CAMELLIA_CTR: Self = Self(0x558);
    pub const ARIA_KEY_GEN: Self = Self(0x560);
    pub const ARIA_ECB: Self = Self(0x561);
    pub const ARIA_CBC: Self = Self(0x562);
    pub const ARIA_MAC: Self = Self(0x563);
    pub const ARIA_MAC_GENERAL: Self = Self(0x564);
    pub const ARIA_CBC_PAD: Self = Self(0x565);
    pub const ARIA_ECB_ENCRYPT_DATA: Self = Self(0x566);
    pub const ARIA_CBC_ENCRYPT_DATA: Self = Self(0x567);
    pub const SEED_KEY_GEN: Self = Self(0x650);
    pub const SEED_ECB: Self = Self(0x651);
    pub const SEED_CBC: Self = Self(0x652);
    pub const SEED_MAC: Self = Self(0x653);
    pub const SEED_MAC_GENERAL: Self = Self(0x654);
    pub const SEED_CBC_PAD: Self = Self(0x655);
    pub const SEED_ECB_ENCRYPT_DATA: Self = Self(0x656);
    pub const SEED_CBC_ENCRYPT_DATA: Self = Self(0x657);
    pub const SKIPJACK_KEY_GEN: Self = Self(0x1000);
    pub const SKIPJACK_ECB64: Self = Self(0x1001);
    pub const SKIPJACK_CBC64: Self = Self(0x1002);
    pub const SKIPJACK_OFB64: Self = Self(0x1003);
    pub const SKIPJACK_CFB64: Self = Self(0x1004);
    pub const SKIPJACK_CFB32: Self = Self(0x1005);
    pub const SKIPJACK_CFB16: Self = Self(0x1006);
    pub const SKIPJACK_CFB8: Self = Self(0x1007);
    pub const SKIPJACK_WRAP: Self = Self(0x1008);
    pub const SKIPJACK_PRIVATE_WRAP: Self = Self(0x1009);
    pub const SKIPJACK_RELAYX: Self = Self(0x100a);
    pub const KEA_KEY_PAIR_GEN: Self = Self(0x1010);
    pub const KEA_KEY_DERIVE: Self = Self(0x1011);
    pub const KEA_DERIVE: Self = Self(0x1012);
    pub const FORTEZZA_TIMESTAMP: Self = Self(0x1020);
    pub const BATON_KEY_GEN: Self = Self(0x1030);
    pub const BATON_ECB128: Self = Self(0x1031);
    pub const BATON_ECB96: Self = Self(0x1032);
    pub const BATON_CBC128: Self = Self(0x1033);
    pub const BATON_COUNTER: Self = Self(0x1034);
    pub const BATON_SHUFFLE: Self = Self(0x1035);
    pub const BATON_WRAP: Self = Self(0x1036);
    pub const ECDSA_KEY_PAIR_GEN: Self = Self(0x1040);
    pub const EC_KEY_PAIR_GEN: Self = Self(0x1040);
    pub const ECDSA: Self = Self(0x1041);
    pub const ECDSA_SHA1: Self = Self(0x1042);
    pub const ECDSA_SHA224: Self = Self(0x1043);
    pub const ECDSA_SHA256: Self = Self(0x1044);
    pub const ECDSA_SHA384: Self = Self(0x1045);
    pub const ECDSA_SHA512: Self = Self(0x1046);
    pub const ECDSA_SHA3_224: Self = Self(0x1047);
    pub const ECDSA_SHA3_256: Self = Self(0x1048);
    pub const ECDSA_SHA3_384: Self = Self(0x1049);
    pub const ECDSA_SHA3_512: Self = Self(0x104a);
    pub const ECDH1_DERIVE: Self = Self(0x1050);
    pub const ECDH1_COFACTOR_DERIVE: Self = Self(0x1051);
    pub const ECMQV_DERIVE: Self = Self(0x1052);
    pub const ECDH_AES_KEY_WRAP: Self = Self(0x1053);
    pub const RSA_AES_KEY_WRAP: Self = Self(0x1054);
    pub const EC_EDWARDS_KEY_PAIR_GEN: Self = Self(0x1055);
    pub const EC_MONTGOMERY_KEY_PAIR_GEN: Self = Self(0x1056);
    pub const EDDSA: Self = Self(0x1057);
    pub const JUNIPER_KEY_GEN: Self = Self(0x1060);
    pub const JUNIPER_ECB128: Self = Self(0x1061);
    pub const JUNIPER_CBC128: Self = Self(0x1062);
    pub const JUNIPER_COUNTER: Self = Self(0x1063);
    pub const JUNIPER_SHUFFLE: Self = Self(0x1064);
    pub const JUNIPER_WRAP: Self = Self(0x1065);
    pub const FASTHASH: Self = Self(0x1070);
    pub const AES_XTS: Self = Self(0x1071);
    pub const AES_XTS_KEY_GEN: Self = Self(0x1072);
    pub const AES_KEY_GEN: Self = Self(0x1080);
    pub const AES_ECB: Self = Self(0x1081);
    pub const AES_CBC: Self = Self(0x1082);
    pub const AES_MAC: Self = Self(0x1083);
    pub const AES_MAC_GENERAL: Self = Self(0x1084);
    pub const AES_CBC_PAD: Self = Self(0x1085);
    pub const AES_CTR: Self = Self(0x1086);
    pub const AES_GCM: Self = Self(0x1087);
    pub const AES_CCM: Self = Self(0x1088);
    pub const AES_CTS: Self = Self(0x1089);
    pub const AES_CMAC: Self = Self(0x108a);
    pub const AES_CMAC_GENERAL: Self = Self(0x108b);
    pub const AES_XCBC_MAC: Self = Self(0x108c);
    pub const AES_XCBC_MAC_96: Self = Self(0x108d);
    pub const AES_GMAC: Self = Self(0x108e);
    pub const BLOWFISH_KEY_GEN: Self = Self(0x1090);
    pub const BLOWFISH_CBC: Self = Self(0x1091);
    pub const TWOFISH_KEY_GEN: Self = Self(0x1092);
    pub const TWOFISH_CBC: Self = Self(0x1093);
    pub const BLOWFISH_CBC_PAD: Self = Self(0x1094);
    pub const TWOFISH_CBC_PAD: Self = Self(0x1095);
    pub const DES_ECB_ENCRYPT_DATA: Self = Self(0x1100);
    pub const DES_CBC_ENCRYPT_DATA: Self = Self(0x1101);
    pub const DES3_ECB_ENCRYPT_DATA: Self = Self(0x1102);
    pub const DES3_CBC_ENCRYPT_DATA: Self = Self(0x1103);
    pub const AES_ECB_ENCRYPT_DATA: Self = Self(0x1104);
    pub const AES_CBC_ENCRYPT_DATA: Self = Self(0x1105);
    pub const GOSTR3410_KEY_PAIR_GEN: Self = Self(0x1200);
    pub const GOSTR3410: Self = Self(0x1201);
    pub const GOSTR3410_WITH_GOSTR3411: Self = Self(0x1202);
    pub const GOSTR3410_KEY_WRAP: Self = Self(0x1203);
    pub const GOSTR3410_DERIVE: Self = Self(0x1204);
    pub const GOSTR3411: Self = Self(0x1210);
    pub const GOSTR3411_HMAC: Self = Self(0x1211);
    pub const GOST28147_KEY_GEN: Self = Self(0x1220);
    pub const GOST28147_ECB: Self = Self(0x1221);
    pub const GOST28147: Self = Self(0x1222);
    pub const GOST28147_MAC: Self = Self(0x1223);
    pub const GOST28147_KEY_WRAP: Self = Self(0x1224);
    pub const CHACHA20_KEY_GEN: Self = Self(0x1225);
    pub const CHACHA20: Self = Self(0x1226);
    pub const POLY1305_KEY_GEN: Self = Self(0x1227);
    pub const POLY1305: Self = Self(0x1228);
    pub const EC_KEY_PAIR_GEN_W_EXTRA_BITS: Self = Self(0x140b);
    pub const DSA_PARAMETER_GEN: Self = Self(0x2000);
    pub const DH_PKCS_PARAMETER_GEN: Self = Self(0x2001);
    pub const X9_42_DH_PARAMETER_GEN: Self = Self(0x2002);
    pub const DSA_PROBABILISTIC_PARAMETER_GEN: Self = Self(0x2003);
    pub const DSA_PROBABLISTIC_PARAMETER_GEN: Self = Self(0x2003);
    pub const DSA_SHAWE_TAYLOR_PARAMETER_GEN: Self = Self(0x2004);
    pub const DSA_FIPS_G_GEN: Self = Self(0x2005);
    pub const AES_OFB: Self = Self(0x2104);
    pub const AES_CFB64: Self = Self(0x2105);
    pub const AES_CFB8: Self = Self(0x2106);
    pub const AES_CFB128: Self = Self(0x2107);
    pub const AES_CFB1: Self = Self(0x2108);
    pub const AES_KEY_WRAP: Self = Self(0x2109);
    pub const AES_KEY_WRAP_PAD: Self = Self(0x210a);
    pub const AES_KEY_WRAP_KWP: Self = Self(0x210b);
    pub const AES_KEY_WRAP_PKCS7: Self = Self(0x210c);
    pub const RSA_PKCS_TPM_1_1: Self = Self(0x4001);
    pub const RSA_PKCS_OAEP_TPM_1_1: Self = Self(0x4002);
    pub const SHA_1_KEY_GEN: Self = Self(0x4003);
    pub const SHA224_KEY_GEN: Self = Self(0x4004);
    pub const SHA256_KEY_GEN: Self = Self(0x4005);
    pub const SHA384_KEY_GEN: Self = Self(0x4006);
    pub const SHA512_KEY_GEN: Self = Self(0x4007);
    pub const SHA512_224_KEY_GEN: Self = Self(0x4008);
    pub const SHA512_256_KEY_GEN: Self = Self(0x4009);
    pub const SHA512_T_KEY_GEN: Self = Self(0x400a);
    pub const NULL: Self = Self(0x400b);
    pub const BLAKE2B_160: Self = Self(0x400c);
    pub const BLAKE2B_160_HMAC: Self = Self(0x400d);
    pub const BLAKE2B_160_HMAC_GENERAL: Self = Self(0x400e);
    pub const BLAKE2B_160_KEY_DERIVE: Self = Self(0x400f);
    pub const BLAKE2B_160_KEY_GEN: Self = Self(0x4010);
    pub const BLAKE2B_256: Self = Self(0x4011);
    pub const BLAKE2B_256_HMAC: Self = Self(0x4012);
    pub const BLAKE2B_256_HMAC_GENERAL: Self = Self(0x4013);
    pub const BLAKE2B_256_KEY_DERIVE: Self = Self(0x4014);
    pub const BLAKE2B_256_KEY_GEN: Self = Self(0x4015);
    pub const BLAKE2B_384: Self = Self(0x4016);
    pub const BLAKE2B_384_HMAC: Self = Self(0x4017);
    pub const BLAKE2B_384_HMAC_GENERAL: Self = Self(0x4018);
    pub const BLAKE2B_384_KEY_DERIVE: Self = Self(0x4019);
    pub const BLAKE2B_384_KEY_GEN: Self = Self(0x401a);
    pub const BLAKE2B_512: Self = Self(0x401b);
    pub const BLAKE2B_512_HMAC: Self = Self(0x401c);
    pub const BLAKE2B_512_HMAC_GENERAL: Self = Self(0x401d);
    pub const BLAKE2B_512_KEY_DERIVE: Self = Self(0x401e);
    pub const BLAKE2B_512_KEY_GEN: Self = Self(0x401f);
    pub const SALSA20: Self = Self(0x4020);
    pub const CHACHA20_POLY1305: Self = Self(0x4021);
    pub const SALSA20_POLY1305: Self = Self(0x4022);
    pub const X3DH_INITIALIZE: Self = Self(0x4023);
    pub const X3DH_RESPOND: Self = Self(0x4024);
    pub const X2RATCHET_INITIALIZE: Self = Self(0x4025);
    pub const X2RATCHET_RESPOND: Self = Self(0x4026);
    pub const X2RATCHET_ENCRYPT: Self = Self(0x4027);
    pub const X2RATCHET_DECRYPT: Self = Self(0x4028);
    pub const XEDDSA: Self = Self(0x4029);
    pub const HKDF_DERIVE: Self = Self(0x402a);
    pub const HKDF_DATA: Self = Self(0x402b);
    pub const HKDF_KEY_GEN: Self = Self(0x402c);
    pub const SALSA20_KEY_GEN: Self = Self(0x402d);
    pub const IKE2_PRF_PLUS_DERIVE: Self = Self(0x402e);
    pub const IKE_PRF_DERIVE: Self = Self(0x402f);
    pub const IKE1_PRF_DERIVE: Self = Self(0x4030);
    pub const IKE1_EXTENDED_DERIVE: Self = Self(0x4031);
    pub const HSS_KEY_PAIR_GEN: Self = Self(0x4032);
    pub const HSS: Self = Self(0x4033);
    pub const XMSS_KEY_PAIR_GEN: Self = Self(0x4034);
    pub const XMSSMT_KEY_PAIR_GEN: Self = Self(0x4035);
    pub const XMSS: Self = Self(0x4036);
    pub const XMSSMT: Self = Self(0x4037);
    pub const ECDH_X_AES_KEY_WRAP: Self = Self(0x4038);
    pub const ECDH_COF_AES_KEY_WRAP: Self = Self(0x4039);
    pub const PUB_KEY_FROM_PRIV_KEY: Self = Self(0x403a);

    /// The name in the specification, if it has one.
    pub fn name(self) -> Option<&'static str> {
        NAMES.binary_search_by_key(&self, |row| row.0).ok().map(|row| NAMES[row].1)
    }
}

impl fmt::Debug for MechanismType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "CKM_{:#x}", self.0),
        }
    }
}

/// Every name, in ascending order of value; of two names for one value, the one to print.
pub static NAMES: &[(MechanismType, &str)] = &[
    (MechanismType::RSA_PKCS_KEY_PAIR_GEN, "CKM_RSA_PKCS_KEY_PAIR_GEN"),
    (MechanismType::RSA_PKCS, "CKM_RSA_PKCS"),
    (MechanismType::RSA_9796, "CKM_RSA_9796"),
    (MechanismType::RSA_X_509, "CKM_RSA_X_509"),
    (MechanismType::MD2_RSA_PKCS, "CKM_MD2_RSA_PKCS"),
    (MechanismType::MD5_RSA_PKCS, "CKM_MD5_RSA_PKCS"),
    (MechanismType::SHA1_RSA_PKCS, "CKM_SHA1_RSA_PKCS"),
    (MechanismType::RIPEMD128_RSA_PKCS, "CKM_RIPEMD128_RSA_PKCS"),
    (MechanismType::RIPEMD160_RSA_PKCS, "CKM_RIPEMD160_RSA_PKCS"),
    (MechanismType::RSA_PKCS_OAEP, "CKM_RSA_PKCS_OAEP"),
    (MechanismType::RSA_X9_31_KEY_PAIR_GEN, "CKM_RSA_X9_31_KEY_PAIR_GEN"),
    (MechanismType::RSA_X9_31, "CKM_RSA_X9_31"),
    (MechanismType::SHA1_RSA_X9_31, "CKM_SHA1_RSA_X9_31"),
    (MechanismType::RSA_PKCS_PSS, "CKM_RSA_PKCS_PSS"),
    (MechanismType::SHA1_RSA_PKCS_PSS, "CKM_SHA1_RSA_PKCS_PSS"),
    (MechanismType::ML_KEM_KEY_PAIR_GEN, "CKM_ML_KEM_KEY_PAIR_GEN"),
    (MechanismType::DSA_KEY_PAIR_GEN, "CKM_DSA_KEY_PAIR_GEN"),
    (MechanismType::DSA, "CKM_DSA"),
    (MechanismType::DSA_SHA1, "CKM_DSA_SHA1"),
    (MechanismType::DSA_SHA224, "CKM_DSA_SHA224"),
    (MechanismType::DSA_SHA256, "CKM_DSA_SHA256"),
    (MechanismType::DSA_SHA384, "CKM_DSA_SHA384"),
    (MechanismType::DSA_SHA512, "CKM_DSA_SHA512"),
    (MechanismType::ML_KEM, "CKM_ML_KEM"),
    (MechanismType::DSA_SHA3_224, "CKM_DSA_SHA3_224"),
    (MechanismType::DSA_SHA3_256, "CKM_DSA_SHA3_256"),
    (MechanismType::DSA_SHA3_384, "CKM_DSA_SHA3_384"),
    (MechanismType::DSA_SHA3_512, "CKM_DSA_SHA3_512"),
    (MechanismType::ML_DSA_KEY_PAIR_GEN, "CKM_ML_DSA_KEY_PAIR_GEN"),
    (MechanismType::ML_DSA, "CKM_ML_DSA"),
    (MechanismType::HASH_ML_DSA, "CKM_HASH_ML_DSA"),
    (MechanismType::DH_PKCS_KEY_PAIR_GEN, "CKM_DH_PKCS_KEY_PAIR_GEN"),
    (MechanismType::DH_PKCS_DERIVE, "CKM_DH_PKCS_DERIVE"),
    (MechanismType::HASH_ML_DSA_SHA224, "CKM_HASH_ML_DSA_SHA224"),
    (MechanismType::HASH_ML_DSA_SHA256, "CKM_HASH_ML_DSA_SHA256"),
    (MechanismType::HASH_ML_DSA_SHA384, "CKM_HASH_ML_DSA_SHA384"),
    (MechanismType::HASH_ML_DSA_SHA512, "CKM_HASH_ML_DSA_SHA512"),
    (MechanismType::HASH_ML_DSA_SHA3_224, "CKM_HASH_ML_DSA_SHA3_224"),
    (MechanismType::HASH_ML_DSA_SHA3_256, "CKM_HASH_ML_DSA_SHA3_256"),
    (MechanismType::HASH_ML_DSA_SHA3_384, "CKM_HASH_ML_DSA_SHA3_384"),
    (MechanismType::HASH_ML_DSA_SHA3_512, "CKM_HASH_ML_DSA_SHA3_512"),
    (MechanismType::HASH_ML_DSA_SHAKE128, "CKM_HASH_ML_DSA_SHAKE128"),
    (MechanismType::HASH_ML_DSA_SHAKE256, "CKM_HASH_ML_DSA_SHAKE256"),
    (MechanismType::SLH_DSA_KEY_PAIR_GEN, "CKM_SLH_DSA_KEY_PAIR_GEN"),
    (MechanismType::SLH_DSA, "CKM_SLH_DSA"),
    (MechanismType::X9_42_DH_KEY_PAIR_GEN, "CKM_X9_42_DH_KEY_PAIR_GEN"),
    (MechanismType::X9_42_DH_DERIVE, "CKM_X9_42_DH_DERIVE"),
    (MechanismType::X9_42_DH_HYBRID_DERIVE, "CKM_X9_42_DH_HYBRID_DERIVE"),
    (MechanismType::X9_42_MQV_DERIVE, "CKM_X9_42_MQV_DERIVE"),
    (MechanismType::HASH_SLH_DSA, "CKM_HASH_SLH_DSA"),
    (MechanismType::HASH_SLH_DSA_SHA224, "CKM_HASH_SLH_DSA_SHA224"),
    (MechanismType::HASH_SLH_DSA_SHA256, "CKM_HASH_SLH_DSA_SHA256"),
    (MechanismType::HASH_SLH_DSA_SHA384, "CKM_HASH_SLH_DSA_SHA384"),
    (MechanismType::HASH_SLH_DSA_SHA512, "CKM_HASH_SLH_DSA_SHA512"),
    (MechanismType::HASH_SLH_DSA_SHA3_224, "CKM_HASH_SLH_DSA_SHA3_224"),
    (MechanismType::HASH_SLH_DSA_SHA3_256, "CKM_HASH_SLH_DSA_SHA3_256"),
    (MechanismType::HASH_SLH_DSA_SHA3_384, "CKM_HASH_SLH_DSA_SHA3_384"),
    (MechanismType::HASH_SLH_DSA_SHA3_512, "CKM_HASH_SLH_DSA_SHA3_512"),
    (MechanismType::HASH_SLH_DSA_SHAKE128, "CKM_HASH_SLH_DSA_SHAKE128"),
    (MechanismType::HASH_SLH_DSA_SHAKE256, "CKM_HASH_SLH_DSA_SHAKE256"),
    (MechanismType::SHA256_RSA_PKCS, "CKM_SHA256_RSA_PKCS"),
    (MechanismType::SHA384_RSA_PKCS, "CKM_SHA384_RSA_PKCS"),
    (MechanismType::SHA512_RSA_PKCS, "CKM_SHA512_RSA_PKCS"),
    (MechanismType::SHA256_RSA_PKCS_PSS, "CKM_SHA256_RSA_PKCS_PSS"),
    (MechanismType::SHA384_RSA_PKCS_PSS, "CKM_SHA384_RSA_PKCS_PSS"),
    (MechanismType::SHA512_RSA_PKCS_PSS, "CKM_SHA512_RSA_PKCS_PSS"),
    (MechanismType::SHA224_RSA_PKCS, "CKM_SHA224_RSA_PKCS"),
    (MechanismType::SHA224_RSA_PKCS_PSS, "CKM_SHA224_RSA_PKCS_PSS"),
    (MechanismType::SHA512_224, "CKM_SHA512_224"),
    (MechanismType::SHA512_224_HMAC, "CKM_SHA512_224_HMAC"),
    (MechanismType::SHA512_224_HMAC_GENERAL, "CKM_SHA512_224_HMAC_GENERAL"),
    (MechanismType::SHA512_224_KEY_DERIVATION, "CKM_SHA512_224_KEY_DERIVATION"),
    (MechanismType::SHA512_256, "CKM_SHA512_256"),
    (MechanismType::SHA512_256_HMAC, "CKM_SHA512_256_HMAC"),
    (MechanismType::SHA512_256_HMAC_GENERAL, "CKM_SHA512_256_HMAC_GENERAL"),
    (MechanismType::SHA512_256_KEY_DERIVATION, "CKM_SHA512_256_KEY_DERIVATION"),
    (MechanismType::SHA512_T, "CKM_SHA512_T"),
    (MechanismType::SHA512_T_HMAC, "CKM_SHA512_T_HMAC"),
    (MechanismType::SHA512_T_HMAC_GENERAL, "CKM_SHA512_T_HMAC_GENERAL"),
    (MechanismType::SHA512_T_KEY_DERIVATION, "CKM_SHA512_T_KEY_DERIVATION"),
    (MechanismType::TLS12_EXTENDED_MASTER_KEY_DERIVE, "CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE"),
    (MechanismType::TLS12_EXTENDED_MASTER_KEY_DERIVE_DH, "CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH"),
    (MechanismType::SHA3_256_RSA_PKCS, "CKM_SHA3_256_RSA_PKCS"),
    (MechanismType::SHA3_384_RSA_PKCS, "CKM_SHA3_384_RSA_PKCS"),
    (MechanismType::SHA3_512_RSA_PKCS, "CKM_SHA3_512_RSA_PKCS"),
    (MechanismType::SHA3_256_RSA_PKCS_PSS, "CKM_SHA3_256_RSA_PKCS_PSS"),
    (MechanismType::SHA3_384_RSA_PKCS_PSS, "CKM_SHA3_384_RSA_PKCS_PSS"),
    (MechanismType::SHA3_512_RSA_PKCS_PSS, "CKM_SHA3_512_RSA_PKCS_PSS"),
    (MechanismType::SHA3_224_RSA_PKCS, "CKM_SHA3_224_RSA_PKCS"),
    (MechanismType::SHA3_224_RSA_PKCS_PSS, "CKM_SHA3_224_RSA_PKCS_PSS"),
    (MechanismType::RC2_KEY_GEN, "CKM_RC2_KEY_GEN"),
    (MechanismType::RC2_ECB, "CKM_RC2_ECB"),
    (MechanismType::RC2_CBC, "CKM_RC2_CBC"),
    (MechanismType::RC2_MAC, "CKM_RC2_MAC"),
    (MechanismType::RC2_MAC_GENERAL, "CKM_RC2_MAC_GENERAL"),
    (MechanismType::RC2_CBC_PAD, "CKM_RC2_CBC_PAD"),
    (MechanismType::RC4_KEY_GEN, "CKM_RC4_KEY_GEN"),
    (MechanismType::RC4, "CKM_RC4"),
    (MechanismType::DES_KEY_GEN, "CKM_DES_KEY_GEN"),
    (MechanismType::DES_ECB, "CKM_DES_ECB"),
    (MechanismType::DES_CBC, "CKM_DES_CBC"),
    (MechanismType::DES_MAC, "CKM_DES_MAC"),
    (MechanismType::DES_MAC_GENERAL, "CKM_DES_MAC_GENERAL"),
    (MechanismType::DES_CBC_PAD, "CKM_DES_CBC_PAD"),
    (MechanismType::DES2_KEY_GEN, "CKM_DES2_KEY_GEN"),
    (MechanismType::DES3_KEY_GEN, "CKM_DES3_KEY_GEN"),
    (MechanismType::DES3_ECB, "CKM_DES3_ECB"),
    (MechanismType::DES3_CBC, "CKM_DES3_CBC"),
    (MechanismType::DES3_MAC, "CKM_DES3_MAC"),
    (MechanismType::DES3_MAC_GENERAL, "CKM_DES3_MAC_GENERAL"),
    (MechanismType::DES3_CBC_PAD, "CKM_DES3_CBC_PAD"),
    (MechanismType::DES3_CMAC_GENERAL, "CKM_DES3_CMAC_GENERAL"),
    (MechanismType::DES3_CMAC, "CKM_DES3_CMAC"),
    (MechanismType::CDMF_KEY_GEN, "CKM_CDMF_KEY_GEN"),
    (MechanismType::CDMF_ECB, "CKM_CDMF_ECB"),
    (MechanismType::CDMF_CBC, "CKM_CDMF_CBC"),
    (MechanismType::CDMF_MAC, "CKM_CDMF_MAC"),
    (MechanismType::CDMF_MAC_GENERAL, "CKM_CDMF_MAC_GENERAL"),
    (MechanismType::CDMF_CBC_PAD, "CKM_CDMF_CBC_PAD"),
    (MechanismType::DES_OFB64, "CKM_DES_OFB64"),
    (MechanismType::DES_OFB8, "CKM_DES_OFB8"),
    (MechanismType::DES_CFB64, "CKM_DES_CFB64"),
    (MechanismType::DES_CFB8, "CKM_DES_CFB8"),
    (MechanismType::MD2, "CKM_MD2"),
    (MechanismType::MD2_HMAC, "CKM_MD2_HMAC"),
    (MechanismType::MD2_HMAC_GENERAL, "CKM_MD2_HMAC_GENERAL"),
    (MechanismType::MD5, "CKM_MD5"),
    (MechanismType::MD5_HMAC, "CKM_MD5_HMAC"),
    (MechanismType::MD5_HMAC_GENERAL, "CKM_MD5_HMAC_GENERAL"),
    (MechanismType::SHA_1, "CKM_SHA_1"),
    (MechanismType::SHA_1_HMAC, "CKM_SHA_1_HMAC"),
    (MechanismType::SHA_1_HMAC_GENERAL, "CKM_SHA_1_HMAC_GENERAL"),
    (MechanismType::RIPEMD128, "CKM_RIPEMD128"),
    (MechanismType::RIPEMD128_HMAC, "CKM_RIPEMD128_HMAC"),
    (MechanismType::RIPEMD128_HMAC_GENERAL, "CKM_RIPEMD128_HMAC_GENERAL"),
    (MechanismType::RIPEMD160, "CKM_RIPEMD160"),
    (MechanismType::RIPEMD160_HMAC, "CKM_RIPEMD160_HMAC"),
    (MechanismType::RIPEMD160_HMAC_GENERAL, "CKM_RIPEMD160_HMAC_GENERAL"),
    (MechanismType::SHA256, "CKM_SHA256"),
    (MechanismType::SHA256_HMAC, "CKM_SHA256_HMAC"),
    (MechanismType::SHA256_HMAC_GENERAL, "CKM_SHA256_HMAC_GENERAL"),
    (MechanismType::SHA224, "CKM_SHA224"),
    (MechanismType::SHA224_HMAC, "CKM_SHA224_HMAC"),
    (MechanismType::SHA224_HMAC_GENERAL, "CKM_SHA224_HMAC_GENERAL"),
    (MechanismType::SHA384, "CKM_SHA384"),
    (MechanismType::SHA384_HMAC, "CKM_SHA384_HMAC"),
    (MechanismType::SHA384_HMAC_GENERAL, "CKM_SHA384_HMAC_GENERAL"),
    (MechanismType::SHA512, "CKM_SHA512"),
    (MechanismType::SHA512_HMAC, "CKM_SHA512_HMAC"),
    (MechanismType::SHA512_HMAC_GENERAL, "CKM_SHA512_HMAC_GENERAL"),
    (MechanismType::SECURID_KEY_GEN, "CKM_SECURID_KEY_GEN"),
    (MechanismType::SECURID, "CKM_SECURID"),
    (MechanismType::HOTP_KEY_GEN, "CKM_HOTP_KEY_GEN"),
    (MechanismType::HOTP, "CKM_HOTP"),
    (MechanismType::ACTI, "CKM_ACTI"),
    (MechanismType::ACTI_KEY_GEN, "CKM_ACTI_KEY_GEN"),
    (MechanismType::SHA3_256, "CKM_SHA3_256"),
    (MechanismType::SHA3_256_HMAC, "CKM_SHA3_256_HMAC"),
    (MechanismType::SHA3_256_HMAC_GENERAL, "CKM_SHA3_256_HMAC_GENERAL"),
    (MechanismType::SHA3_256_KEY_GEN, "CKM_SHA3_256_KEY_GEN"),
    (MechanismType::SHA3_224, "CKM_SHA3_224"),
    (MechanismType::SHA3_224_HMAC, "CKM_SHA3_224_HMAC"),
    (MechanismType::SHA3_224_HMAC_GENERAL, "CKM_SHA3_224_HMAC_GENERAL"),
    (MechanismType::SHA3_224_KEY_GEN, "CKM_SHA3_224_KEY_GEN"),
    (MechanismType::SHA3_384, "CKM_SHA3_384"),
    (MechanismType::SHA3_384_HMAC, "CKM_SHA3_384_HMAC"),
    (MechanismType::SHA3_384_HMAC_GENERAL, "CKM_SHA3_384_HMAC_GENERAL"),
    (MechanismType::SHA3_384_KEY_GEN, "CKM_SHA3_384_KEY_GEN"),
    (MechanismType::SHA3_512, "CKM_SHA3_512"),
    (MechanismType::SHA3_512_HMAC, "CKM_SHA3_512_HMAC"),
    (MechanismType::SHA3_512_HMAC_GENERAL, "CKM_SHA3_512_HMAC_GENERAL"),
    (MechanismType::SHA3_512_KEY_GEN, "CKM_SHA3_512_KEY_GEN"),
    (MechanismType::CAST_KEY_GEN, "CKM_CAST_KEY_GEN"),
    (MechanismType::CAST_ECB, "CKM_CAST_ECB"),
    (MechanismType::CAST_CBC, "CKM_CAST_CBC"),
    (MechanismType::CAST_MAC, "CKM_CAST_MAC"),
    (MechanismType::CAST_MAC_GENERAL, "CKM_CAST_MAC_GENERAL"),
    (MechanismType::CAST_CBC_PAD, "CKM_CAST_CBC_PAD"),
    (MechanismType::CAST3_KEY_GEN, "CKM_CAST3_KEY_GEN"),
    (MechanismType::CAST3_ECB, "CKM_CAST3_ECB"),
    (MechanismType::CAST3_CBC, "CKM_CAST3_CBC"),
    (MechanismType::CAST3_MAC, "CKM_CAST3_MAC"),
    (MechanismType::CAST3_MAC_GENERAL, "CKM_CAST3_MAC_GENERAL"),
    (MechanismType::CAST3_CBC_PAD, "CKM_CAST3_CBC_PAD"),
    (MechanismType::CAST128_KEY_GEN, "CKM_CAST128_KEY_GEN"),
    (MechanismType::CAST128_ECB, "CKM_CAST128_ECB"),
    (MechanismType::CAST128_CBC, "CKM_CAST128_CBC"),
    (MechanismType::CAST128_MAC, "CKM_CAST128_MAC"),
    (MechanismType::CAST128_MAC_GENERAL, "CKM_CAST128_MAC_GENERAL"),
    (MechanismType::CAST128_CBC_PAD, "CKM_CAST128_CBC_PAD"),
    (MechanismType::RC5_KEY_GEN, "CKM_RC5_KEY_GEN"),
    (MechanismType::RC5_ECB, "CKM_RC5_ECB"),
    (MechanismType::RC5_CBC, "CKM_RC5_CBC"),
    (MechanismType::RC5_MAC, "CKM_RC5_MAC"),
    (MechanismType::RC5_MAC_GENERAL, "CKM_RC5_MAC_GENERAL"),
    (MechanismType::RC5_CBC_PAD, "CKM_RC5_CBC_PAD"),
    (MechanismType::IDEA_KEY_GEN, "CKM_IDEA_KEY_GEN"),
    (MechanismType::IDEA_ECB, "CKM_IDEA_ECB"),
    (MechanismType::IDEA_CBC, "CKM_IDEA_CBC"),
    (MechanismType::IDEA_MAC, "CKM_IDEA_MAC"),
    (MechanismType::IDEA_MAC_GENERAL, "CKM_IDEA_MAC_GENERAL"),
    (MechanismType::IDEA_CBC_PAD, "CKM_IDEA_CBC_PAD"),
    (MechanismType::GENERIC_SECRET_KEY_GEN, "CKM_GENERIC_SECRET_KEY_GEN"),
    (MechanismType::CONCATENATE_BASE_AND_KEY, "CKM_CONCATENATE_BASE_AND_KEY"),
    (MechanismType::CONCATENATE_BASE_AND_DATA, "CKM_CONCATENATE_BASE_AND_DATA"),
    (MechanismType::CONCATENATE_DATA_AND_BASE, "CKM_CONCATENATE_DATA_AND_BASE"),
    (MechanismType::XOR_BASE_AND_DATA, "CKM_XOR_BASE_AND_DATA"),
    (MechanismType::EXTRACT_KEY_FROM_KEY, "CKM_EXTRACT_KEY_FROM_KEY"),
    (MechanismType::SSL3_PRE_MASTER_KEY_GEN, "CKM_SSL3_PRE_MASTER_KEY_GEN"),
    (MechanismType::SSL3_MASTER_KEY_DERIVE, "CKM_SSL3_MASTER_KEY_DERIVE"),
    (MechanismType::SSL3_KEY_AND_MAC_DERIVE, "CKM_SSL3_KEY_AND_MAC_DERIVE"),
    (MechanismType::SSL3_MASTER_KEY_DERIVE_DH, "CKM_SSL3_MASTER_KEY_DERIVE_DH"),
    (MechanismType::TLS_PRE_MASTER_KEY_GEN, "CKM_TLS_PRE_MASTER_KEY_GEN"),
    (MechanismType::TLS_MASTER_KEY_DERIVE, "CKM_TLS_MASTER_KEY_DERIVE"),
    (MechanismType::TLS_KEY_AND_MAC_DERIVE, "CKM_TLS_KEY_AND_MAC_DERIVE"),
    (MechanismType::TLS_MASTER_KEY_DERIVE_DH, "CKM_TLS_MASTER_KEY_DERIVE_DH"),
    (MechanismType::TLS_PRF, "CKM_TLS_PRF"),
    (MechanismType::SSL3_MD5_MAC, "CKM_SSL3_MD5_MAC"),
    (MechanismType::SSL3_SHA1_MAC, "CKM_SSL3_SHA1_MAC"),
    (MechanismType::MD5_KEY_DERIVATION, "CKM_MD5_KEY_DERIVATION"),
    (MechanismType::MD2_KEY_DERIVATION, "CKM_MD2_KEY_DERIVATION"),
    (MechanismType::SHA1_KEY_DERIVATION, "CKM_SHA1_KEY_DERIVATION"),
    (MechanismType::SHA256_KEY_DERIVATION, "CKM_SHA256_KEY_DERIVATION"),
    (MechanismType::SHA384_KEY_DERIVATION, "CKM_SHA384_KEY_DERIVATION"),
    (MechanismType::SHA512_KEY_DERIVATION, "CKM_SHA512_KEY_DERIVATION"),
    (MechanismType::SHA224_KEY_DERIVATION, "CKM_SHA224_KEY_DERIVATION"),
    (MechanismType::SHA3_256_KEY_DERIVATION, "CKM_SHA3_256_KEY_DERIVATION"),
    (MechanismType::SHA3_224_KEY_DERIVATION, "CKM_SHA3_224_KEY_DERIVATION"),
    (MechanismType::SHA3_384_KEY_DERIVATION, "CKM_SHA3_384_KEY_DERIVATION"),
    (MechanismType::SHA3_512_KEY_DERIVATION, "CKM_SHA3_512_KEY_DERIVATION"),
    (MechanismType::SHAKE_128_KEY_DERIVATION, "CKM_SHAKE_128_KEY_DERIVATION"),
    (MechanismType::SHAKE_256_KEY_DERIVATION, "CKM_SHAKE_256_KEY_DERIVATION"),
    (MechanismType::PBE_MD2_DES_CBC, "CKM_PBE_MD2_DES_CBC"),
    (MechanismType::PBE_MD5_DES_CBC, "CKM_PBE_MD5_DES_CBC"),
    (MechanismType::PBE_MD5_CAST_CBC, "CKM_PBE_MD5_CAST_CBC"),
    (MechanismType::PBE_MD5_CAST3_CBC, "CKM_PBE_MD5_CAST3_CBC"),
    (MechanismType::PBE_MD5_CAST128_CBC, "CKM_PBE_MD5_CAST128_CBC"),
    (MechanismType::PBE_SHA1_CAST128_CBC, "CKM_PBE_SHA1_CAST128_CBC"),
    (MechanismType::PBE_SHA1_RC4_128, "CKM_PBE_SHA1_RC4_128"),
    (MechanismType::PBE_SHA1_RC4_40, "CKM_PBE_SHA1_RC4_40"),
    (MechanismType::PBE_SHA1_DES3_EDE_CBC, "CKM_PBE_SHA1_DES3_EDE_CBC"),
    (MechanismType::PBE_SHA1_DES2_EDE_CBC, "CKM_PBE_SHA1_DES2_EDE_CBC"),
    (MechanismType::PBE_SHA1_RC2_128_CBC, "CKM_PBE_SHA1_RC2_128_CBC"),
    (MechanismType::PBE_SHA1_RC2_40_CBC, "CKM_PBE_SHA1_RC2_40_CBC"),
    (MechanismType::SP800_108_COUNTER_KDF, "CKM_SP800_108_COUNTER_KDF"),
    (MechanismType::SP800_108_FEEDBACK_KDF, "CKM_SP800_108_FEEDBACK_KDF"),
    (MechanismType::SP800_108_DOUBLE_PIPELINE_KDF, "CKM_SP800_108_DOUBLE_PIPELINE_KDF"),
    (MechanismType::PKCS5_PBKD2, "CKM_PKCS5_PBKD2"),
    (MechanismType::PBA_SHA1_WITH_SHA1_HMAC, "CKM_PBA_SHA1_WITH_SHA1_HMAC"),
    (MechanismType::WTLS_PRE_MASTER_KEY_GEN, "CKM_WTLS_PRE_MASTER_KEY_GEN"),
    (MechanismType::WTLS_MASTER_KEY_DERIVE, "CKM_WTLS_MASTER_KEY_DERIVE"),
    (MechanismType::WTLS_MASTER_KEY_DERIVE_DH_ECC, "CKM_WTLS_MASTER_KEY_DERIVE_DH_ECC"),
    (MechanismType::WTLS_PRF, "CKM_WTLS_PRF"),
    (MechanismType::WTLS_SERVER_KEY_AND_MAC_DERIVE, "CKM_WTLS_SERVER_KEY_AND_MAC_DERIVE"),
    (MechanismType::WTLS_CLIENT_KEY_AND_MAC_DERIVE, "CKM_WTLS_CLIENT_KEY_AND_MAC_DERIVE"),
    (MechanismType::TLS10_MAC_SERVER, "CKM_TLS10_MAC_SERVER"),
    (MechanismType::TLS10_MAC_CLIENT, "CKM_TLS10_MAC_CLIENT"),
    (MechanismType::TLS12_MAC, "CKM_TLS12_MAC"),
    (MechanismType::TLS12_KDF, "CKM_TLS12_KDF"),
    (MechanismType::TLS12_MASTER_KEY_DERIVE, "CKM_TLS12_MASTER_KEY_DERIVE"),
    (MechanismType::TLS12_KEY_AND_MAC_DERIVE, "CKM_TLS12_KEY_AND_MAC_DERIVE"),
    (MechanismType::TLS12_MASTER_KEY_DERIVE_DH, "CKM_TLS12_MASTER_KEY_DERIVE_DH"),
    (MechanismType::TLS12_KEY_SAFE_DERIVE, "CKM_TLS12_KEY_SAFE_DERIVE"),
    (MechanismType::TLS_MAC, "CKM_TLS_MAC"),
    (MechanismType::TLS_KDF, "CKM_TLS_KDF"),
    (MechanismType::KEY_WRAP_LYNKS, "CKM_KEY_WRAP_LYNKS"),
    (MechanismType::KEY_WRAP_SET_OAEP, "CKM_KEY_WRAP_SET_OAEP"),
    (MechanismType::CMS_SIG, "CKM_CMS_SIG"),
    (MechanismType::KIP_DERIVE, "CKM_KIP_DERIVE"),
    (MechanismType::KIP_WRAP, "CKM_KIP_WRAP"),
    (MechanismType::KIP_MAC, "CKM_KIP_MAC"),
    (MechanismType::CAMELLIA_KEY_GEN, "CKM_CAMELLIA_KEY_GEN"),
    (MechanismType::CAMELLIA_ECB, "CKM_CAMELLIA_ECB"),
    (MechanismType::CAMELLIA_CBC, "CKM_CAMELLIA_CBC"),
    (MechanismType::CAMELLIA_MAC, "CKM_CAMELLIA_MAC"),
    (MechanismType::CAMELLIA_MAC_GENERAL, "CKM_CAMELLIA_MAC_GENERAL"),
    (MechanismType::CAMELLIA_CBC_PAD, "CKM_CAMELLIA_CBC_PAD"),
    (MechanismType::CAMELLIA_ECB_ENCRYPT_DATA, "CKM_CAMELLIA_ECB_ENCRYPT_DATA"),
    (MechanismType::CAMELLIA_CBC_ENCRYPT_DATA, "CKM_CAMELLIA_CBC_ENCRYPT_DATA"),
    (MechanismType::CAMELLIA_CTR, "CKM_CAMELLIA_CTR"),
    (MechanismType::ARIA_KEY_GEN, "CKM_ARIA_KEY_GEN"),
    (MechanismType::ARIA_ECB, "CKM_ARIA_ECB"),
    (MechanismType::ARIA_CBC, "CKM_ARIA_CBC"),
    (MechanismType::ARIA_MAC, "CKM_ARIA_MAC"),
    (MechanismType::ARIA_MAC_GENERAL, "CKM_ARIA_MAC_GENERAL"),
    (MechanismType::ARIA_CBC_PAD, "CKM_ARIA_CBC_PAD"),
    (MechanismType::ARIA_ECB_ENCRYPT_DATA, "CKM_ARIA_ECB_ENCRYPT_DATA"),
    (MechanismType::ARIA_CBC_ENCRYPT_DATA, "CKM_ARIA_CBC_ENCRYPT_DATA"),
    (MechanismType::SEED_KEY_GEN, "CKM_SEED_KEY_GEN"),
    (MechanismType::SEED_ECB, "CKM_SEED_ECB"),
    (MechanismType::SEED_CBC, "CKM_SEED_CBC"),
    (MechanismType::SEED_MAC, "CKM_SEED_MAC"),
    (MechanismType::SEED_MAC_GENERAL, "CKM_SEED_MAC_GENERAL"),
    (MechanismType::SEED_CBC_PAD, "CKM_SEED_CBC_PAD"),
    (MechanismType::SEED_ECB_ENCRYPT_DATA, "CKM_SEED_ECB_ENCRYPT_DATA"),
    (MechanismType::SEED_CBC_ENCRYPT_DATA, "CKM_SEED_CBC_ENCRYPT_DATA"),
    (MechanismType::SKIPJACK_KEY_GEN, "CKM_SKIPJACK_KEY_GEN"),
    (MechanismType::SKIPJACK_ECB64, "CKM_SKIPJACK_ECB64"),
    (MechanismType::SKIPJACK_CBC64, "CKM_SKIPJACK_CBC64"),
    (MechanismType::SKIPJACK_OFB64, "CKM_SKIPJACK_OFB64"),
    (MechanismType::SKIPJACK_CFB64, "CKM_SKIPJACK_CFB64"),
    (MechanismType::SKIPJACK_CFB32, "CKM_SKIPJACK_CFB32"),
    (MechanismType::SKIPJACK_CFB16, "CKM_SKIPJACK_CFB16"),
    (MechanismType::SKIPJACK_CFB8, "CKM_SKIPJACK_CFB8"),
    (MechanismType::SKIPJACK_WRAP, "CKM_SKIPJACK_WRAP"),
    (MechanismType::SKIPJACK_PRIVATE_WRAP, "CKM_SKIPJACK_PRIVATE_WRAP"),
    (MechanismType::SKIPJACK_RELAYX, "CKM_SKIPJACK_RELAYX"),
    (MechanismType::KEA_KEY_PAIR_GEN, "CKM_KEA_KEY_PAIR_GEN"),
    (MechanismType::KEA_KEY_DERIVE, "CKM_KEA_KEY_DERIVE"),
    (MechanismType::KEA_DERIVE, "CKM_KEA_DERIVE"),
    (MechanismType::FORTEZZA_TIMESTAMP, "CKM_FORTEZZA_TIMESTAMP"),
    (MechanismType::BATON_KEY_GEN, "CKM_BATON_KEY_GEN"),
    (MechanismType::BATON_ECB128, "CKM_BATON_ECB128"),
    (MechanismType::BATON_ECB96, "CKM_BATON_ECB96"),
    (MechanismType::BATON_CBC128, "CKM_BATON_CBC128"),
    (MechanismType::BATON_COUNTER, "CKM_BATON_COUNTER"),
    (MechanismType::BATON_SHUFFLE, "CKM_BATON_SHUFFLE"),
    (MechanismType::BATON_WRAP, "CKM_BATON_WRAP"),
    (MechanismType::ECDSA_KEY_PAIR_GEN, "CKM_ECDSA_KEY_PAIR_GEN"),
    (MechanismType::ECDSA, "CKM_ECDSA"),
    (MechanismType::ECDSA_SHA1, "CKM_ECDSA_SHA1"),
    (MechanismType::ECDSA_SHA224, "CKM_ECDSA_SHA224"),
    (MechanismType::ECDSA_SHA256, "CKM_ECDSA_SHA256"),
    (MechanismType::ECDSA_SHA384, "CKM_ECDSA_SHA384"),
    (MechanismType::ECDSA_SHA512, "CKM_ECDSA_SHA512"),
    (MechanismType::ECDSA_SHA3_224, "CKM_ECDSA_SHA3_224"),
    (MechanismType::ECDSA_SHA3_256, "CKM_ECDSA_SHA3_256"),
    (MechanismType::ECDSA_SHA3_384, "CKM_ECDSA_SHA3_384"),
    (MechanismType::ECDSA_SHA3_512, "CKM_ECDSA_SHA3_512"),
    (MechanismType::ECDH1_DERIVE, "CKM_ECDH1_DERIVE"),
    (MechanismType::ECDH1_COFACTOR_DERIVE, "CKM_ECDH1_COFACTOR_DERIVE"),
    (MechanismType::ECMQV_DERIVE, "CKM_ECMQV_DERIVE"),
    (MechanismType::ECDH_AES_KEY_WRAP, "CKM_ECDH_AES_KEY_WRAP"),
    (MechanismType::RSA_AES_KEY_WRAP, "CKM_RSA_AES_KEY_WRAP"),
    (MechanismType::EC_EDWARDS_KEY_PAIR_GEN, "CKM_EC_EDWARDS_KEY_PAIR_GEN"),
    (MechanismType::EC_MONTGOMERY_KEY_PAIR_GEN, "CKM_EC_MONTGOMERY_KEY_PAIR_GEN"),
    (MechanismType::EDDSA, "CKM_EDDSA"),
    (MechanismType::JUNIPER_KEY_GEN, "CKM_JUNIPER_KEY_GEN"),
    (MechanismType::JUNIPER_ECB128, "CKM_JUNIPER_ECB128"),
    (MechanismType::JUNIPER_CBC128, "CKM_JUNIPER_CBC128"),
    (MechanismType::JUNIPER_COUNTER, "CKM_JUNIPER_COUNTER"),
    (MechanismType::JUNIPER_SHUFFLE, "CKM_JUNIPER_SHUFFLE"),
    (MechanismType::JUNIPER_WRAP, "CKM_JUNIPER_WRAP"),
    (MechanismType::FASTHASH, "CKM_FASTHASH"),
    (MechanismType::AES_XTS, "CKM_AES_XTS"),
    (MechanismType::AES_XTS_KEY_GEN, "CKM_AES_XTS_KEY_GEN"),
    (MechanismType::AES_KEY_GEN, "CKM_AES_KEY_GEN"),
    (MechanismType::AES_ECB, "CKM_AES_ECB"),
    (MechanismType::AES_CBC, "CKM_AES_CBC"),
    (MechanismType::AES_MAC, "CKM_AES_MAC"),
    (MechanismType::AES_MAC_GENERAL, "CKM_AES_MAC_GENERAL"),
    (MechanismType::AES_CBC_PAD, "CKM_AES_CBC_PAD"),
    (MechanismType::AES_CTR, "CKM_AES_CTR"),
    (MechanismType::AES_GCM, "CKM_AES_GCM"),
    (MechanismType::AES_CCM, "CKM_AES_CCM"),
    (MechanismType::AES_CTS, "CKM_AES_CTS"),
    (MechanismType::AES_CMAC, "CKM_AES_CMAC"),
    (MechanismType::AES_CMAC_GENERAL, "CKM_AES_CMAC_GENERAL"),
    (MechanismType::AES_XCBC_MAC, "CKM_AES_XCBC_MAC"),
    (MechanismType::AES_XCBC_MAC_96, "CKM_AES_XCBC_MAC_96"),
    (MechanismType::AES_GMAC, "CKM_AES_GMAC"),
    (MechanismType::BLOWFISH_KEY_GEN, "CKM_BLOWFISH_KEY_GEN"),
    (MechanismType::BLOWFISH_CBC, "CKM_BLOWFISH_CBC"),
    (MechanismType::TWOFISH_KEY_GEN, "CKM_TWOFISH_KEY_GEN"),
    (MechanismType::TWOFISH_CBC, "CKM_TWOFISH_CBC"),
    (MechanismType::BLOWFISH_CBC_PAD, "CKM_BLOWFISH_CBC_PAD"),
    (MechanismType::TWOFISH_CBC_PAD, "CKM_TWOFISH_CBC_PAD"),
    (MechanismType::DES_ECB_ENCRYPT_DATA, "CKM_DES_ECB_ENCRYPT_DATA"),
    (MechanismType::DES_CBC_ENCRYPT_DATA, "CKM_DES_CBC_ENCRYPT_DATA"),
    (MechanismType::DES3_ECB_ENCRYPT_DATA, "CKM_DES3_ECB_ENCRYPT_DATA"),
    (MechanismType::DES3_CBC_ENCRYPT_DATA, "CKM_DES3_CBC_ENCRYPT_DATA"),
    (MechanismType::AES_ECB_ENCRYPT_DATA, "CKM_AES_ECB_ENCRYPT_DATA"),
    (MechanismType::AES_CBC_ENCRYPT_DATA, "CKM_AES_CBC_ENCRYPT_DATA"),
    (MechanismType::GOSTR3410_KEY_PAIR_GEN, "CKM_GOSTR3410_KEY_PAIR_GEN"),
    (MechanismType::GOSTR3410, "CKM_GOSTR3410"),
    (MechanismType::GOSTR3410_WITH_GOSTR3411, "CKM_GOSTR3410_WITH_GOSTR3411"),
    (MechanismType::GOSTR3410_KEY_WRAP, "CKM_GOSTR3410_KEY_WRAP"),
    (MechanismType::GOSTR3410_DERIVE, "CKM_GOSTR3410_DERIVE"),
    (MechanismType::GOSTR3411, "CKM_GOSTR3411"),
    (MechanismType::GOSTR3411_HMAC, "CKM_GOSTR3411_HMAC"),
    (MechanismType::GOST28147_KEY_GEN, "CKM_GOST28147_KEY_GEN"),
    (MechanismType::GOST28147_ECB, "CKM_GOST28147_ECB"),
    (MechanismType::GOST28147, "CKM_GOST28147"),
    (MechanismType::GOST28147_MAC, "CKM_GOST28147_MAC"),
    (MechanismType::GOST28147_KEY_WRAP, "CKM_GOST28147_KEY_WRAP"),
    (MechanismType::CHACHA20_KEY_GEN, "CKM_CHACHA20_KEY_GEN"),
    (MechanismType::CHACHA20, "CKM_CHACHA20"),
    (MechanismType::POLY1305_KEY_GEN, "CKM_POLY1305_KEY_GEN"),
    (MechanismType::POLY1305, "CKM_POLY1305"),
    (MechanismType::EC_KEY_PAIR_GEN_W_EXTRA_BITS, "CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS"),
    (MechanismType::DSA_PARAMETER_GEN, "CKM_DSA_PARAMETER_GEN"),
    (MechanismType::DH_PKCS_PARAMETER_GEN, "CKM_DH_PKCS_PARAMETER_GEN"),
    (MechanismType::X9_42_DH_PARAMETER_GEN, "CKM_X9_42_DH_PARAMETER_GEN"),
    (MechanismType::DSA_PROBABILISTIC_PARAMETER_GEN, "CKM_DSA_PROBABILISTIC_PARAMETER_GEN"),
    (MechanismType::DSA_SHAWE_TAYLOR_PARAMETER_GEN, "CKM_DSA_SHAWE_TAYLOR_PARAMETER_GEN"),
    (MechanismType::DSA_FIPS_G_GEN, "CKM_DSA_FIPS_G_GEN"),
    (MechanismType::AES_OFB, "CKM_AES_OFB"),
    (MechanismType::AES_CFB64, "CKM_AES_CFB64"),
    (MechanismType::AES_CFB8, "CKM_AES_CFB8"),
    (MechanismType::AES_CFB128, "CKM_AES_CFB128"),
    (MechanismType::AES_CFB1, "CKM_AES_CFB1"),
    (MechanismType::AES_KEY_WRAP, "CKM_AES_KEY_WRAP"),
    (MechanismType::AES_KEY_WRAP_PAD, "CKM_AES_KEY_WRAP_PAD"),
    (MechanismType::AES_KEY_WRAP_KWP, "CKM_AES_KEY_WRAP_KWP"),
    (MechanismType::AES_KEY_WRAP_PKCS7, "CKM_AES_KEY_WRAP_PKCS7"),
    (MechanismType::RSA_PKCS_TPM_1_1, "CKM_RSA_PKCS_TPM_1_1"),
    (MechanismType::RSA_PKCS_OAEP_TPM_1_1, "CKM_RSA_PKCS_OAEP_TPM_1_1"),
    (MechanismType::SHA_1_KEY_GEN, "CKM_SHA_1_KEY_GEN"),
    (MechanismType::SHA224_KEY_GEN, "CKM_SHA224_KEY_GEN"),
    (MechanismType::SHA256_KEY_GEN, "CKM_SHA256_KEY_GEN"),
    (MechanismType::SHA384_KEY_GEN, "CKM_SHA384_KEY_GEN"),
    (MechanismType::SHA512_KEY_GEN, "CKM_SHA512_KEY_GEN"),
    (MechanismType::SHA512_224_KEY_GEN, "CKM_SHA512_224_KEY_GEN"),
    (MechanismType::SHA512_256_KEY_GEN, "CKM_SHA512_256_KEY_GEN"),
    (MechanismType::SHA512_T_KEY_GEN, "CKM_SHA512_T_KEY_GEN"),
    (MechanismType::NULL, "CKM_NULL"),
    (MechanismType::BLAKE2B_160, "CKM_BLAKE2B_160"),
    (MechanismType::BLAKE2B_160_HMAC, "CKM_BLAKE2B_160_HMAC"),
    (MechanismType::BLAKE2B_160_HMAC_GENERAL, "CKM_BLAKE2B_160_HMAC_GENERAL"),
    (MechanismType::BLAKE2B_160_KEY_DERIVE, "CKM_BLAKE2B_160_KEY_DERIVE"),
    (MechanismType::BLAKE2B_160_KEY_GEN, "CKM_BLAKE2B_160_KEY_GEN"),
    (MechanismType::BLAKE2B_256, "CKM_BLAKE2B_256"),
    (MechanismType::BLAKE2B_256_HMAC, "CKM_BLAKE2B_256_HMAC"),
    (MechanismType::BLAKE2B_256_HMAC_GENERAL, "CKM_BLAKE2B_256_HMAC_GENERAL"),
    (MechanismType::BLAKE2B_256_KEY_DERIVE, "CKM_BLAKE2B_256_KEY_DERIVE"),
    (MechanismType::BLAKE2B_256_KEY_GEN, "CKM_BLAKE2B_256_KEY_GEN"),
    (MechanismType::BLAKE2B_384, "CKM_BLAKE2B_384"),
    (MechanismType::BLAKE2B_384_HMAC, "CKM_BLAKE2B_384_HMAC"),
    (MechanismType::BLAKE2B_384_HMAC_GENERAL, "CKM_BLAKE2B_384_HMAC_GENERAL"),
    (MechanismType::BLAKE2B_384_KEY_DERIVE, "CKM_BLAKE2B_384_KEY_DERIVE"),
    (MechanismType::BLAKE2B_384_KEY_GEN, "CKM_BLAKE2B_384_KEY_GEN"),
    (MechanismType::BLAKE2B_512, "CKM_BLAKE2B_512"),
    (MechanismType::BLAKE2B_512_HMAC, "CKM_BLAKE2B_512_HMAC"),
    (MechanismType::BLAKE2B_512_HMAC_GENERAL, "CKM_BLAKE2B_512_HMAC_GENERAL"),
    (MechanismType::BLAKE2B_512_KEY_DERIVE, "CKM_BLAKE2B_512_KEY_DERIVE"),
    (MechanismType::BLAKE2B_512_KEY_GEN, "CKM_BLAKE2B_512_KEY_GEN"),
    (MechanismType::SALSA20, "CKM_SALSA20"),
    (MechanismType::CHACHA20_POLY1305, "CKM_CHACHA20_POLY1305"),
    (MechanismType::SALSA20_POLY1305, "CKM_SALSA20_POLY1305"),
    (MechanismType::X3DH_INITIALIZE, "CKM_X3DH_INITIALIZE"),
    (MechanismType::X3DH_RESPOND, "CKM_X3DH_RESPOND"),
    (MechanismType::X2RATCHET_INITIALIZE, "CKM_X2RATCHET_INITIALIZE"),
    (MechanismType::X2RATCHET_RESPOND, "CKM_X2RATCHET_RESPOND"),
    (MechanismType::X2RATCHET_ENCRYPT, "CKM_X2RATCHET_ENCRYPT"),
    (MechanismType::X2RATCHET_DECRYPT, "CKM_X2RATCHET_DECRYPT"),
    (MechanismType::XEDDSA, "CKM_XEDDSA"),
    (MechanismType::HKDF_DERIVE, "CKM_HKDF_DERIVE"),
    (MechanismType::HKDF_DATA, "CKM_HKDF_DATA"),
    (MechanismType::HKDF_KEY_GEN, "CKM_HKDF_KEY_GEN"),
    (MechanismType::SALSA20_KEY_GEN, "CKM_SALSA20_KEY_GEN"),
    (MechanismType::IKE2_PRF_PLUS_DERIVE, "CKM_IKE2_PRF_PLUS_DERIVE"),
    (MechanismType::IKE_PRF_DERIVE, "CKM_IKE_PRF_DERIVE"),
    (MechanismType::IKE1_PRF_DERIVE, "CKM_IKE1_PRF_DERIVE"),
    (MechanismType::IKE1_EXTENDED_DERIVE, "CKM_IKE1_EXTENDED_DERIVE"),
    (MechanismType::HSS_KEY_PAIR_GEN, "CKM_HSS_KEY_PAIR_GEN"),
    (MechanismType::HSS, "CKM_HSS"),
    (MechanismType::XMSS_KEY_PAIR_GEN, "CKM_XMSS_KEY_PAIR_GEN"),
    (MechanismType::XMSSMT_KEY_PAIR_GEN, "CKM_XMSSMT_KEY_PAIR_GEN"),
    (MechanismType::XMSS, "CKM_XMSS"),
    (MechanismType::XMSSMT, "CKM_XMSSMT"),
    (MechanismType::ECDH_X_AES_KEY_WRAP, "CKM_ECDH_X_AES_KEY_WRAP"),
    (MechanismType::ECDH_COF_AES_KEY_WRAP, "CKM_ECDH_COF_AES_KEY_WRAP"),
    (MechanismType::PUB_KEY_FROM_PRIV_KEY, "CKM_PUB_KEY_FROM_PRIV_KEY"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_value() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
