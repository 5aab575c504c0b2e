import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.spec.ECGenParameterSpec;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.KeyGenerator;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/** Secret keys of the token against SunJCE and SunEC: Secrets CONFIGURATION PIN-FILE JOB. */
final class Secrets {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static Token token;

    public static void main(String[] arguments) throws Exception {
        token = new Token(arguments[0], arguments[1]);
        switch (arguments[2]) {
            case "gcm" -> gcm();
            case "cbc" -> cbc();
            case "hmac" -> hmac();
            case "ecdh" -> ecdh();
            default -> throw new IllegalArgumentException(arguments[2]);
        }
        System.out.println(arguments[2] + " agrees");
    }

    /** A key that the token made, and the same key in software. */
    private record Pair(SecretKey token, SecretKey software) {
        static Pair generate(int bits) throws Exception {
            KeyGenerator generator = KeyGenerator.getInstance("AES", Secrets.token.provider);
            generator.init(bits);
            SecretKey key = generator.generateKey();
            Token.require(key.getEncoded().length == bits / 8, "a key of another size");
            return new Pair(key, new SecretKeySpec(key.getEncoded(), "AES"));
        }
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        RANDOM.nextBytes(bytes);
        return bytes;
    }

    private static void gcm() throws Exception {
        for (int bits : new int[] {128, 256}) {
            Pair key = Pair.generate(bits);
            for (int length : new int[] {0, 1, 16, 1000, 100_000}) {
                byte[] text = random(length);
                byte[] aad = random(length % 50);
                GCMParameterSpec nonce = new GCMParameterSpec(128, random(12));
                Cipher ours = Cipher.getInstance("AES/GCM/NoPadding", token.provider);
                ours.init(Cipher.ENCRYPT_MODE, key.token(), nonce);
                ours.updateAAD(aad);
                byte[] sealed = ours.doFinal(text);
                Cipher theirs = Cipher.getInstance("AES/GCM/NoPadding", "SunJCE");
                theirs.init(Cipher.ENCRYPT_MODE, key.software(), nonce);
                theirs.updateAAD(aad);
                Token.require(Arrays.equals(sealed, theirs.doFinal(text)), "another ciphertext, " + length);
                ours.init(Cipher.DECRYPT_MODE, key.token(), nonce);
                ours.updateAAD(aad);
                Token.require(Arrays.equals(ours.doFinal(sealed), text), "another plaintext, " + length);
                sealed[length] ^= 1;
                ours.init(Cipher.DECRYPT_MODE, key.token(), nonce);
                ours.updateAAD(aad);
                refuse(ours, sealed);
            }
        }
    }

    private static void refuse(Cipher cipher, byte[] damaged) throws Exception {
        try {
            cipher.doFinal(damaged);
        } catch (AEADBadTagException expected) {
            return;
        }
        throw new IllegalStateException("a damaged tag passed");
    }

    private static void cbc() throws Exception {
        Pair key = Pair.generate(256);
        for (int length = 0; length < 70; length++) {
            byte[] text = random(length);
            IvParameterSpec iv = new IvParameterSpec(random(16));
            Cipher ours = Cipher.getInstance("AES/CBC/PKCS5Padding", token.provider);
            ours.init(Cipher.ENCRYPT_MODE, key.token(), iv);
            Cipher theirs = Cipher.getInstance("AES/CBC/PKCS5Padding", "SunJCE");
            theirs.init(Cipher.DECRYPT_MODE, key.software(), iv);
            byte[] sealed = ours.doFinal(text);
            Token.require(Arrays.equals(theirs.doFinal(sealed), text), "SunJCE reads another plaintext");
            ours.init(Cipher.DECRYPT_MODE, key.token(), iv);
            Token.require(Arrays.equals(ours.doFinal(sealed), text), "another plaintext");
        }
    }

    private static void hmac() throws Exception {
        for (String name : new String[] {"HmacSHA256", "HmacSHA384", "HmacSHA512"}) {
            byte[] bytes = random(32);
            byte[] text = random(12_345);
            Mac ours = Mac.getInstance(name, token.provider);
            ours.init(new SecretKeySpec(bytes, name));
            Mac theirs = Mac.getInstance(name, "SunJCE");
            theirs.init(new SecretKeySpec(bytes, name));
            Token.require(Arrays.equals(ours.doFinal(text), theirs.doFinal(text)), "another " + name);
        }
    }

    private static void ecdh() throws Exception {
        Provider software = Security.getProvider("SunEC");
        for (String curve : new String[] {"secp256r1", "secp384r1", "secp521r1"}) {
            KeyPair ours = pair(curve, token.provider);
            KeyPair theirs = pair(curve, software);
            byte[] here = agree(token.provider, ours.getPrivate(), theirs.getPublic());
            byte[] there = agree(software, theirs.getPrivate(), ours.getPublic());
            Token.require(Arrays.equals(here, there), "another secret on " + curve);
        }
    }

    private static KeyPair pair(String curve, Provider provider) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", provider);
        generator.initialize(new ECGenParameterSpec(curve));
        return generator.generateKeyPair();
    }

    private static byte[] agree(Provider provider, PrivateKey ours, PublicKey peer) throws Exception {
        KeyAgreement agreement = KeyAgreement.getInstance("ECDH", provider);
        agreement.init(ours);
        agreement.doPhase(peer, true);
        return agreement.generateSecret();
    }
}
