# OpenSSH: keys of the token log in to a server of this test's own, directly, through ssh-agent and
# with certificates of a CA in the token.
#
# The package `openssh-server` would open this machine: test.sh unpacks it. This one listens on
# 127.0.0.1 and lets in who runs the test.

sshd=$(program sshd)
chmod 711 "$work"
check "a token is made" new_token
check "RSA-2048 is generated" user --keypairgen --key-type rsa:2048 --id 01 --label rsa
check "P-256 is generated" user --keypairgen --key-type EC:prime256v1 --id 02 --label p256
check "P-384 is generated, the CA's" user --keypairgen --key-type EC:secp384r1 --id 03 --label ca

# The PIN comes from a program, as on a desktop.
cat > "$work/askpass" <<ASK
#!/bin/sh
cat "$work/pin"
ASK
chmod 700 "$work/askpass"
export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force

check "ssh-keygen -D lists the public keys" says "^ssh-rsa .* rsa$" eval 'ssh-keygen -D "$module" > "$work/keys"; cat "$work/keys"'
for name in rsa p256 ca; do
    grep " $name\$" "$work/keys" > "$work/$name.pub"
done
# id FILE: the key's kind and value without the comment.
same_as_openssl() {
    tool --token-label test --read-object --type pubkey --id 01 -o "$work/rsa.der"
    openssl pkey -pubin -inform DER -in "$work/rsa.der" -out "$work/rsa.pem" &&
        cmp <(ssh-keygen -i -m PKCS8 -f "$work/rsa.pem") <(cut -d ' ' -f 1,2 "$work/rsa.pub")
}
check "the RSA key is the one that openssl reads" same_as_openssl

for kind in host client; do
    check "a key in a file: $kind" ssh-keygen -q -t ed25519 -N '' -C $kind -f "$work/$kind"
done
port=$(free_port)
cat > "$work/sshd_config" <<CONF
ListenAddress 127.0.0.1
Port $port
HostKey $work/host
PidFile $work/sshd.pid
AuthorizedKeysFile $work/authorized
TrustedUserCAKeys $work/ca.pub
AuthorizedPrincipalsFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
AcceptEnv none
LogLevel VERBOSE
CONF
# in_private COMMAND...: for root sshd wants a directory and a user of its own. Where the package is
# not installed, it gets them in a mount namespace that nobody else sees.
in_private() {
    if [ "$(id -u)" != 0 ] || { [ -d /run/sshd ] && getent passwd sshd > /dev/null; }; then
        "$@"
        return
    fi
    (getent passwd; getent passwd sshd > /dev/null || echo 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin') > "$work/passwd"
    unshare --mount sh -c '
        mount --bind "$1/passwd" /etc/passwd && mount -t tmpfs -o mode=755 none /run && mkdir /run/sshd || exit 1
        shift
        exec "$@"' sh "$work" "$@"
}
start() {
    in_private "$sshd" -f "$work/sshd_config" -E "$work/sshd.log"
    eventually test -s "$work/sshd.pid" && eventually listens "$port"
}
stop() { [ ! -e "$work/sshd.pid" ] || kill "$(cat "$work/sshd.pid")"; }
at_end stop
: > "$work/authorized"
check "sshd starts" start

echo "[127.0.0.1]:$port $(cut -d ' ' -f 1,2 "$work/host.pub")" > "$work/known"
# The server says which key it took.
shell() {
    ssh -F none -p "$port" -o UserKnownHostsFile="$work/known" -o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes \
        -o PreferredAuthentications=publickey "$@" 127.0.0.1 'echo "in as $(id -un)"'
}
enter() { says "in as $(id -un)" shell "$@"; }
took() { tail -n +"$1" "$work/sshd.log" | grep "Accepted publickey .* $2"; }
fingerprint() { ssh-keygen -lf "$work/$1.pub" | cut -d ' ' -f 2; }
# login NAME OPTION...: in, and by this key.
login() {
    local lines
    lines=$(($(wc -l < "$work/sshd.log") + 1))
    enter "${@:2}" && took $lines "$(fingerprint "$1")"
}
direct() { login "$1" -o IdentityAgent=none -o PKCS11Provider="$module" -o IdentityFile="$work/$1.pub" -o IdentitiesOnly=yes; }
check "nobody gets in yet" refuse direct rsa
cat "$work/rsa.pub" "$work/p256.pub" > "$work/authorized"
for name in rsa p256; do check "ssh logs in with $name" direct $name; done

# ssh-agent runs modules in a helper, and only those that it was told of.
eval "$(ssh-agent -P "$module" -a "$work/agent")" > /dev/null
at_end "kill $SSH_AGENT_PID"
check "ssh-add -s loads the token" ssh-add -s "$module"
check "ssh-add lists its keys" says "$(fingerprint p256)" ssh-add -l
for name in rsa p256; do
    check "ssh-add -T: the agent signs with $name" ssh-add -T "$work/$name.pub"
    check "ssh logs in with $name through ssh-agent" login $name -o IdentityFile="$work/$name.pub" -o IdentitiesOnly=yes
done

# A CA in the token: user certificates that sshd accepts, host certificates that ssh accepts.
: > "$work/authorized"
check "without an authorised key nobody gets in" refuse direct rsa
certify_user() { ssh-keygen -q -s "$work/ca.pub" -D "$module" -I "a user" -n "$(id -un)" -V +5m "$work/client.pub" && ssh-keygen -Lf "$work/client-cert.pub"; }
check "the CA in the token signs a user's key" says "Signing CA: ECDSA $(fingerprint ca)" certify_user
with_certificate() { login ca -o IdentityAgent=none -o IdentityFile="$work/client" -o CertificateFile="$work/client-cert.pub" -o IdentitiesOnly=yes; }
check "sshd accepts the certificate" with_certificate
certify_token() { ssh-keygen -q -U -s "$work/ca.pub" -I "a token" -n "$(id -un)" -V +5m "$work/rsa.pub"; }
check "through the agent it signs a key of the token" certify_token
token_certificate() { login ca -o CertificateFile="$work/rsa-cert.pub" -o IdentityFile="$work/rsa.pub" -o IdentitiesOnly=yes; }
check "sshd accepts that key with its certificate" token_certificate
certify_other() { ssh-keygen -q -s "$work/ca.pub" -D "$module" -I "somebody else" -n somebody-else -V +5m "$work/client.pub"; }
check "it signs a certificate for somebody else" certify_other
check "sshd refuses that" refuse with_certificate
certify_host() {
    ssh-keygen -q -s "$work/ca.pub" -D "$module" -I "a host" -h -n 127.0.0.1 -V +5m "$work/host.pub" &&
        echo "HostCertificate $work/host-cert.pub" >> "$work/sshd_config" && kill -HUP "$(cat "$work/sshd.pid")" &&
        echo "@cert-authority [127.0.0.1]:$port $(cut -d ' ' -f 1,2 "$work/ca.pub")" > "$work/known"
}
cat "$work/rsa.pub" > "$work/authorized"
check "the CA signs the host's key" certify_host
check "ssh accepts the host's certificate" eventually direct rsa
check "ssh-add -e forgets the token" ssh-add -e "$module"
