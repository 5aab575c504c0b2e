import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Security;

/** The token as Java sees it: the provider of a SunPKCS11 configuration, and its key store. */
final class Token {
    final Provider provider;
    final KeyStore keys;
    final char[] pin;

    /** Logs in with the PIN that lies in a file. */
    Token(String configuration, String pinFile) throws Exception {
        provider = Security.getProvider("SunPKCS11").configure(configuration);
        pin = Files.readString(Path.of(pinFile)).strip().toCharArray();
        keys = KeyStore.getInstance("PKCS11", provider);
        keys.load(null, pin);
    }

    PrivateKey privateKey(String alias) throws Exception {
        PrivateKey key = (PrivateKey) keys.getKey(alias, null);
        require(key != null, "no private key " + alias);
        require(key.getEncoded() == null, alias + " left the token");
        return key;
    }

    PublicKey publicKey(String alias) throws Exception {
        return keys.getCertificate(alias).getPublicKey();
    }

    static void require(boolean holds, String what) {
        if (!holds) throw new IllegalStateException(what);
    }
}
