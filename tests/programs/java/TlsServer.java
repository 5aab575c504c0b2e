import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.X509ExtendedKeyManager;

/**
 * An HTTPS server with one key of the token: TlsServer CONFIGURATION PIN-FILE ALIAS ORDER. Prints
 * its port and answers each request with the protocol and the cipher suite.
 *
 * <p>ORDER says how much of a handshake is the token's: `last`, only the private key; `first`,
 * whatever the provider offers; `alone`, all secrets too, since SunJCE, which could do the rest
 * in software, is removed.
 */
final class TlsServer {
    public static void main(String[] arguments) throws Exception {
        Token token = new Token(arguments[0], arguments[1]);
        switch (arguments[3]) {
            case "last" -> Security.addProvider(token.provider);
            case "first" -> Security.insertProviderAt(token.provider, 1);
            case "alone" -> {
                Security.insertProviderAt(token.provider, 1);
                Security.removeProvider("SunJCE");
            }
            default -> throw new IllegalArgumentException(arguments[3]);
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(new KeyManager[] {new OneKey(token, arguments[2])}, null, null);
        SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory()
            .createServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
        System.out.println("port " + server.getLocalPort());
        while (true) {
            try (SSLSocket socket = (SSLSocket) server.accept()) {
                answer(socket);
            } catch (IOException error) {
                error.printStackTrace();
            }
        }
    }

    private static void answer(SSLSocket socket) throws IOException {
        socket.setSoTimeout(20_000);
        BufferedReader request = new BufferedReader(new InputStreamReader(socket.getInputStream()));
        String line = request.readLine();
        while (line != null && !line.isEmpty()) {
            line = request.readLine();
        }
        String body = socket.getSession().getProtocol() + " " + socket.getSession().getCipherSuite() + "\n";
        String head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + body.length() + "\r\n\r\n";
        socket.getOutputStream().write((head + body).getBytes(StandardCharsets.US_ASCII));
    }

    /** Offers the key of one alias and its certificate chain. */
    private static final class OneKey extends X509ExtendedKeyManager {
        private final String alias;
        private final PrivateKey key;
        private final X509Certificate[] chain;

        OneKey(Token token, String alias) throws Exception {
            this.alias = alias;
            key = token.privateKey(alias);
            chain = Arrays.stream(token.keys.getCertificateChain(alias))
                .map(X509Certificate.class::cast)
                .toArray(X509Certificate[]::new);
        }

        @Override
        public String chooseServerAlias(String type, Principal[] issuers, Socket socket) {
            return getServerAliases(type, issuers) == null ? null : alias;
        }

        @Override
        public String chooseEngineServerAlias(String type, Principal[] issuers, SSLEngine engine) {
            return chooseServerAlias(type, issuers, null);
        }

        @Override
        public String[] getServerAliases(String type, Principal[] issuers) {
            return type.equals(key.getAlgorithm()) ? new String[] {alias} : null;
        }

        @Override
        public X509Certificate[] getCertificateChain(String alias) {
            return chain.clone();
        }

        @Override
        public PrivateKey getPrivateKey(String alias) {
            return key;
        }

        @Override
        public String[] getClientAliases(String type, Principal[] issuers) {
            return null;
        }

        @Override
        public String chooseClientAlias(String[] types, Principal[] issuers, Socket socket) {
            return null;
        }
    }
}
