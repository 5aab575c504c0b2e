import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Threads CONFIGURATION PIN-FILE THREADS SECONDS: so many threads sign at once with the token's keys
 * `rsa` and `ec`, and SunRsaSign and SunEC verify every signature. Prints how many there were.
 */
final class Threads {
    private record Scheme(String alias, String algorithm, String verifier) {}

    private static final List<Scheme> SCHEMES = List.of(
        new Scheme("rsa", "SHA256withRSA", "SunRsaSign"),
        new Scheme("ec", "SHA256withECDSA", "SunEC"));

    public static void main(String[] arguments) throws Exception {
        Token token = new Token(arguments[0], arguments[1]);
        int threads = Integer.parseInt(arguments[2]);
        long end = System.nanoTime() + Long.parseLong(arguments[3]) * 1_000_000_000L;
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        List<Future<Integer>> results = new ArrayList<>();
        for (int index = 0; index < threads; index++) {
            Scheme scheme = SCHEMES.get(index % SCHEMES.size());
            results.add(pool.submit(() -> signUntil(end, token, scheme)));
        }
        pool.shutdown();
        int signatures = 0;
        for (Future<Integer> result : results) {
            signatures += result.get();
        }
        System.out.println(signatures + " signatures verified");
    }

    private static int signUntil(long end, Token token, Scheme scheme) throws Exception {
        PrivateKey key = token.privateKey(scheme.alias());
        PublicKey publicKey = token.publicKey(scheme.alias());
        int done = 0;
        do {
            byte[] text = new byte[ThreadLocalRandom.current().nextInt(1, 5000)];
            ThreadLocalRandom.current().nextBytes(text);
            Signature signer = Signature.getInstance(scheme.algorithm(), token.provider);
            signer.initSign(key);
            signer.update(text);
            byte[] signature = signer.sign();
            Signature verifier = Signature.getInstance(scheme.algorithm(), scheme.verifier());
            verifier.initVerify(publicKey);
            verifier.update(text);
            Token.require(verifier.verify(signature), scheme.alias() + " made a wrong signature");
            done++;
        } while (System.nanoTime() < end);
        return done;
    }
}
