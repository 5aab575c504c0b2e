// graphene-pk11 on the token, against node:crypto: tokens.js PACKAGES MODULE PIN-FILE JOB.
"use strict";
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const fs = require("node:fs");
const { createRequire } = require("node:module");

const [packages, module_, pinFile, job] = process.argv.slice(2);
const graphene = createRequire(`${packages}/`)("graphene-pk11");
const { KeyGenMechanism, KeyType, MechanismEnum, ObjectClass } = graphene;

const TEXT = Buffer.from("a text to sign");

function uncompressed(session, key) {
    return key.getAttribute({ pointEC: null }).pointEC.subarray(2); // without the head of the OCTET STRING
}

/** The public half of a P-256 pair, for node:crypto. */
function ecPublic(session, key) {
    const point = uncompressed(session, key);
    const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => half.toString("base64url"));
    return crypto.createPublicKey({ key: { kty: "EC", crv: "P-256", x, y }, format: "jwk" });
}

function ecPair(session) {
    return session.generateKeyPair(
        KeyGenMechanism.EC,
        { keyType: KeyType.EC, paramsECDSA: graphene.NamedCurve.getByName("secp256r1").value, verify: true },
        { keyType: KeyType.EC, sign: true, derive: true },
    );
}

function aes(session, template = {}) {
    return session.generateKey(KeyGenMechanism.AES, {
        keyType: KeyType.AES,
        valueLen: 32,
        encrypt: true,
        decrypt: true,
        sensitive: false,
        extractable: true,
        ...template,
    });
}

const value = (key) => key.getAttribute({ value: null }).value;

function whole(cipher, text) {
    return Buffer.concat([cipher.update(text), cipher.final()]);
}

const jobs = {
    rsa(session) {
        const pair = session.generateKeyPair(
            KeyGenMechanism.RSA,
            { keyType: KeyType.RSA, modulusBits: 2048, publicExponent: Buffer.from([1, 0, 1]), verify: true, encrypt: true },
            { keyType: KeyType.RSA, sign: true, decrypt: true },
        );
        const numbers = pair.publicKey.getAttribute({ modulus: null, publicExponent: null });
        const [n, e] = [numbers.modulus, numbers.publicExponent].map((number) => number.toString("base64url"));
        const theirs = crypto.createPublicKey({ key: { kty: "RSA", n, e }, format: "jwk" });
        let signature = session.createSign("SHA256_RSA_PKCS", pair.privateKey).once(TEXT);
        assert(crypto.verify("sha256", TEXT, theirs, signature));
        const parameters = new graphene.RsaPssParams(MechanismEnum.SHA256, graphene.RsaMgf.MGF1_SHA256, 32);
        const pss = { name: "SHA256_RSA_PKCS_PSS", params: parameters };
        signature = session.createSign(pss, pair.privateKey).once(TEXT);
        const options = { key: theirs, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
        assert(crypto.verify("sha256", TEXT, options, signature));
        assert(session.createVerify(pss, pair.publicKey).once(TEXT, signature));
        const oaep = new graphene.RsaOaepParams(MechanismEnum.SHA256, graphene.RsaMgf.MGF1_SHA256);
        const sealed = crypto.publicEncrypt({ key: theirs, oaepHash: "sha256" }, TEXT);
        const opened = session.createDecipher({ name: "RSA_PKCS_OAEP", params: oaep }, pair.privateKey);
        assert.deepEqual(opened.once(sealed, Buffer.alloc(256)), TEXT);
    },

    ecdsa(session) {
        const pair = ecPair(session);
        const sign = session.createSign("ECDSA_SHA256", pair.privateKey);
        sign.update(TEXT.subarray(0, 5));
        sign.update(TEXT.subarray(5));
        const theirs = { key: ecPublic(session, pair.publicKey), dsaEncoding: "ieee-p1363" };
        const signature = sign.final();
        assert(crypto.verify("sha256", TEXT, theirs, signature));
        const signed = crypto.createHash("sha256").update(TEXT).digest();
        assert(session.createVerify("ECDSA", pair.publicKey).once(signed, signature));
    },

    aes(session) {
        const key = aes(session);
        const [nonce, aad, iv] = [crypto.randomBytes(12), Buffer.from("header"), crypto.randomBytes(16)];
        for (const length of [1, 16, 5000]) {
            const text = crypto.randomBytes(length);
            const gcm = { name: "AES_GCM", params: new graphene.AesGcmParams(nonce, aad, 128) };
            const theirs = crypto.createCipheriv("aes-256-gcm", value(key), nonce).setAAD(aad);
            const expected = Buffer.concat([whole(theirs, text), theirs.getAuthTag()]);
            assert.deepEqual(session.createCipher(gcm, key).once(text, Buffer.alloc(length + 16)), expected);
            assert.deepEqual(session.createDecipher(gcm, key).once(expected, Buffer.alloc(length + 16)), text);
            const cbc = { name: "AES_CBC_PAD", params: iv };
            const padded = whole(crypto.createCipheriv("aes-256-cbc", value(key), iv), text);
            const cipher = session.createCipher(cbc, key);
            assert.deepEqual(Buffer.concat([cipher.update(text), cipher.final()]), padded);
            const decipher = session.createDecipher(cbc, key);
            assert.deepEqual(Buffer.concat([decipher.update(padded), decipher.final()]), text);
        }
    },

    hash(session) {
        const digest = session.createDigest("SHA512");
        digest.update(TEXT.subarray(0, 3));
        digest.update(TEXT.subarray(3));
        assert.deepEqual(digest.final(), crypto.createHash("sha512").update(TEXT).digest());
        const secret = crypto.randomBytes(32);
        const template = { class: ObjectClass.SECRET_KEY, keyType: KeyType.GENERIC_SECRET, value: secret, sign: true };
        const key = session.create(template).toType();
        const mac = session.createSign("SHA256_HMAC", key).once(TEXT);
        assert.deepEqual(mac, crypto.createHmac("sha256", secret).update(TEXT).digest());
    },

    wrap(session) {
        const wrapping = aes(session, { wrap: true, unwrap: true });
        const key = aes(session);
        const wrapped = session.wrapKey("AES_KEY_WRAP", wrapping, key);
        const theirs = crypto.createDecipheriv("id-aes256-wrap", value(wrapping), Buffer.alloc(8, 0xa6));
        assert.deepEqual(whole(theirs, wrapped), value(key));
        const template = { class: ObjectClass.SECRET_KEY, keyType: KeyType.AES, sensitive: false, extractable: true };
        assert.deepEqual(value(session.unwrapKey("AES_KEY_WRAP", wrapping, wrapped, template)), value(key));
        const kept = aes(session, { sensitive: true, extractable: false });
        assert.throws(() => session.wrapKey("AES_KEY_WRAP", wrapping, kept), /CKR_KEY_UNEXTRACTABLE/);
    },

    derive(session) {
        const pair = ecPair(session);
        const theirs = crypto.createECDH("prime256v1");
        const point = theirs.generateKeys();
        const mechanism = { name: "ECDH1_DERIVE", params: new graphene.EcdhParams(graphene.EcKdf.NULL, null, point) };
        const template = { class: ObjectClass.SECRET_KEY, keyType: KeyType.GENERIC_SECRET, valueLen: 32, sensitive: false, extractable: true };
        const secret = session.deriveKey(mechanism, pair.privateKey, template);
        assert.deepEqual(value(secret), theirs.computeSecret(uncompressed(session, pair.publicKey)));
    },

    search(session) {
        for (let number = 0; number < 20; number += 1) {
            session.create({ class: ObjectClass.DATA, token: true, label: `entry ${number}`, value: Buffer.from([number]) });
        }
        const found = session.find({ label: "entry 7" });
        assert.equal(found.length, 1);
        assert.deepEqual(value(found.items(0)), Buffer.from([7]));
        found.items(0).setAttribute({ label: "renamed" });
        assert.equal(session.find({ label: "entry 7" }).length, 0);
        const entries = session.find({ class: ObjectClass.DATA });
        assert.equal(entries.length, 20);
        for (let index = 0; index < entries.length; index += 1) {
            entries.items(index).destroy();
        }
        assert.equal(session.find({ class: ObjectClass.DATA }).length, 0);
    },
};

const library = graphene.Module.load(module_, "Keyway");
library.initialize();
try {
    const session = library.getSlots(0).open(graphene.SessionFlag.SERIAL_SESSION | graphene.SessionFlag.RW_SESSION);
    session.login(fs.readFileSync(pinFile, "utf8"));
    jobs[job](session);
    session.logout();
    session.close();
} finally {
    library.finalize();
}
console.log(`${job} agrees`);
