# What the subjects of the bridge share, sourced after common.sh: slot 1 is a token of another module,
# keys are found by their ids there, and openssl is the witness.

echo "a text to sign" > "$work/text"

# bridged PROFILE MODULE [LINE...]: slot 1 bridges to the token "test" of that module; the log is
# $work/log. `direct` asks the inner module itself.
bridged() {
    inner_module=$2
    cat > "$KEYWAY_CONF" <<CONF
token_dir = "$work/tokens"
log = { level = "debug", to = "$work/log" }
[[slot]]
id = 1
backend = "bridge"
module = "$2"
token = "test"
profile = "$1"
$(printf '%s\n' "${@:3}")
CONF
}
direct() { pkcs11-tool --module "$inner_module" --token-label test --login --pin $pin "$@"; }
# supplied MECHANISM: the log says that the bridge signs with it, for the inner token does not.
supplied() { grep "CKM_$1: .*sign: composed" "$work/log"; }

# public WHO ID: that public key, in $work/ID.pem. WHO is here and below `user` or `direct`.
public() { "$1" --read-object --type pubkey --id "$2" -o "$work/$2.der" && openssl pkey -pubin -inform DER -in "$work/$2.der" -out "$work/$2.pem"; }
# sign WHO ID MECHANISM: the signature over $work/text in $work/sig.
sign() {
    rm -f "$work/sig"
    case $3 in ECDSA*) set -- "$@" --signature-format openssl ;; esac
    "$1" --sign --id "$2" -m "$3" -i "$work/text" -o "$work/sig" "${@:4}"
}
# signs WHO ID MECHANISM OPTION...: it signs; `openssl dgst OPTION...` verifies with $work/ID.pem.
signs() { sign "$1" "$2" "$3" && openssl dgst "${@:4}" -verify "$work/$2.pem" -signature "$work/sig" "$work/text"; }
pss="-sigopt rsa_padding_mode:pss"
# opens_oaep WHO ID: it decrypts what openssl encrypted with OAEP and SHA-256.
opens_oaep() {
    openssl pkeyutl -encrypt -pubin -inkey "$work/$2.pem" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 \
        -in "$work/text" -out "$work/sealed" && rm -f "$work/back" &&
        "$1" --decrypt -m RSA-PKCS-OAEP --hash-algorithm SHA256 --id "$2" -i "$work/sealed" -o "$work/back" && cmp "$work/text" "$work/back"
}

# serve_page LABEL: openssl serves $work/text with that key and its certificate; `page` fetches it.
serve_page() {
    served=$1
    serve env -C "$work" OPENSSL_CONF="$work/openssl.cnf" openssl s_server -engine pkcs11 -keyform engine -key "$(uri "$1")" \
        -cert "$1.crt" -accept 127.0.0.1:0 -WWW
}
page() { curl -sS --fail --noproxy '*' --max-time 20 --tlsv1.3 --cacert "$work/$served.crt" "https://localhost:$port/text" | cmp - "$work/text"; }
# pages LABEL: that server, once, without a trace.
pages() {
    serve_page "$1" && page
    dismiss $?
}

# opens_cbc WHO ID: AES-CBC there and back.
opens_cbc() {
    local iv=00112233445566778899aabbccddeeff
    rm -f "$work/back"
    "$1" --encrypt -m AES-CBC-PAD --iv $iv --id "$2" -i "$work/text" -o "$work/sealed" &&
        "$1" --decrypt -m AES-CBC-PAD --iv $iv --id "$2" -i "$work/sealed" -o "$work/back" && cmp "$work/text" "$work/back"
}
# forks_well LABEL: a program signs, and so does its child, which a fork made.
forks_well() { says "child and parent agree" target/programs/python/bin/python tests/programs/python/forks.py "$module" "$work/pin" "$1"; }
