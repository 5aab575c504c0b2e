//! `keyway agree`: two tokens, one key, and nobody sees it.

mod harness;

use harness::{LABEL, Maker, Token, makers};

const GROUPS: [&str; 3] = ["x25519", "p256", "ffdhe3072"];

/// Every pair of makers: two tokens of one maker, and one of each.
fn pairs() -> Vec<(Maker, Maker)> {
    let makers = makers();
    makers.iter().flat_map(|one| makers.iter().map(move |two| (*one, *two))).collect()
}

fn start(token: &Token, group: &str) -> String {
    let file = token.path(&format!("{group}.pem"));
    token.ok(&["agree", "start", "--group", group, "--public-out", &file]);
    file
}

/// Finishes an agreement and answers the confirmation tag.
fn finish(token: &Token, peer: &str, name: &str) -> String {
    let text = token.ok(&["agree", "finish", "--peer", peer, "--name", name]);
    text.split("confirmation ").nth(1).expect("a tag").trim().to_owned()
}

#[test]
fn two_tokens_agree_on_a_key_that_each_can_use() {
    for (one, two) in pairs() {
        let (one, two) = (Token::initialised(one), Token::initialised(two));
        for group in GROUPS {
            let (for_two, for_one) = (start(&one, group), start(&two, group));
            let tags = (finish(&one, &for_one, group), finish(&two, &for_two, group));
            assert_eq!(tags.0, tags.1, "{group} between {:?} and {:?}", one.maker, two.maker);
            assert_eq!(tags.0.len(), 64);
            let message = one.keyway_with_input(&["encrypt", "--key", group], b"hello").stdout;
            let answer = two.keyway_with_input(&["decrypt"], &message);
            assert_eq!(answer.stdout, b"hello", "{group}: {}", answer.stderr);
        }
    }
}

#[test]
fn a_peer_may_give_the_key_another_name() {
    for maker in makers() {
        let (one, two) = (Token::initialised(maker), Token::initialised(maker));
        let (for_two, for_one) = (start(&one, "x25519"), start(&two, "x25519"));
        finish(&one, &for_one, "to-two");
        finish(&two, &for_two, "to-one");
        let message = one.keyway_with_input(&["encrypt", "--key", "to-two"], b"hello").stdout;
        assert_eq!(two.keyway_with_input(&["decrypt"], &message).code, 3);
        let answer = two.keyway_with_input(&["decrypt", "--key", "to-one"], &message);
        assert_eq!(answer.stdout, b"hello", "{}", answer.stderr);
    }
}

#[test]
fn the_ephemeral_pair_is_gone_and_the_agreed_key_does_not_leave() {
    for maker in makers() {
        let (one, two) = (Token::initialised(maker), Token::initialised(maker));
        for group in GROUPS {
            let (_, for_one) = (start(&one, group), start(&two, group));
            finish(&one, &for_one, group);
            let objects = one.pkcs11_tool(&["--list-objects"]).text();
            assert!(!objects.contains("keyway-ephemeral"), "{objects}");
            let args = ["agree", "finish", "--peer", &for_one, "--name", "again"];
            assert!(one.fails(3, &args).contains("no agreement"));
            let id = one.key_id(group, 1);
            let read = ["--read-object", "--type", "secrkey", "--id", &id, "-o", "stolen"];
            one.pkcs11_tool(&read);
            let stolen = std::fs::read(one.path("stolen")).unwrap_or_default();
            assert!(stolen.is_empty(), "{group}: {} bytes", stolen.len());
        }
    }
}

#[test]
fn another_pair_gives_another_key() {
    for maker in makers() {
        let (one, two) = (Token::initialised(maker), Token::initialised(maker));
        let mut tags = Vec::new();
        for name in ["first", "second"] {
            let (_, for_one) = (start(&one, "x25519"), start(&two, "x25519"));
            tags.push(finish(&one, &for_one, name));
            two.ok(&["agree", "cancel", "--yes"]);
        }
        assert_ne!(tags[0], tags[1]);
    }
}

#[test]
fn our_own_value_sent_back_is_refused() {
    for maker in makers() {
        let token = Token::initialised(maker);
        let own = start(&token, "p256");
        let error = token.fails(5, &["agree", "finish", "--peer", &own, "--name", "k"]);
        assert!(error.contains("our own"), "{error}");
    }
}

#[test]
fn foreign_groups_and_damaged_values_are_refused() {
    for maker in makers() {
        let token = Token::initialised(maker);
        start(&token, "ffdhe3072");
        let genpkey = |arguments: &[&str]| {
            let mut openssl = token.command("openssl");
            openssl.args(["genpkey", "-out", "foreign.key"]).args(arguments);
            assert_eq!(harness::run(&mut openssl).code, 0);
            let mut openssl = token.command("openssl");
            openssl.args(["pkey", "-in", "foreign.key", "-pubout", "-out", "foreign.pem"]);
            assert_eq!(harness::run(&mut openssl).code, 0);
        };
        let finish = ["agree", "finish", "--peer", "foreign.pem", "--name", "k"];
        for group in ["ffdhe2048", "modp_3072"] {
            genpkey(&["-algorithm", "DH", "-pkeyopt", &format!("group:{group}")]);
            assert!(token.fails(5, &finish).contains("foreign group"));
        }
        genpkey(&["-algorithm", "X448"]);
        assert!(token.fails(5, &finish).contains("foreign group"));
        token.write("foreign.pem", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
        token.fails(12, &finish);
    }
}

/// OpenSSL as the peer: the token computes the same shared secret as everybody else, and the
/// documented construction gives the same confirmation.
#[test]
fn openssl_agrees_with_the_token() {
    for maker in makers() {
        for (group, algorithm, option) in [
            ("x25519", "X25519", None),
            ("p256", "EC", Some("ec_paramgen_curve:P-256")),
            ("ffdhe3072", "DH", Some("group:ffdhe3072")),
        ] {
            let token = Token::initialised(maker);
            let own = start(&token, group);
            let option = option.map_or(vec![], |option| vec!["-pkeyopt", option]);
            let openssl = |arguments: &[&str]| {
                let answer = harness::run(token.command("openssl").args(arguments));
                assert_eq!(answer.code, 0, "{arguments:?}: {}", answer.stderr);
                answer.stdout
            };
            let genpkey = ["genpkey", "-algorithm", algorithm, "-out", "peer.key"];
            openssl(&[&genpkey[..], &option].concat());
            openssl(&["pkey", "-in", "peer.key", "-pubout", "-out", "peer.pem"]);
            let tag = finish(&token, "peer.pem", "k");
            let derive = ["pkeyutl", "-derive", "-inkey", "peer.key", "-peerkey", &own];
            let secret = openssl(&derive);
            assert_eq!(confirmation(&token, &own, &secret), tag, "{group}");
        }
    }
}

/// The confirmation tag, computed outside any token from `docs/key-records.md`.
fn confirmation(token: &Token, own: &str, secret: &[u8]) -> String {
    use keyway::domain::exchange::{Label, PublicValue, Transcript};
    let value = |file: &str| {
        let pem = std::fs::read(token.directory.path().join(file)).expect("PEM");
        PublicValue::from_pem(&pem).expect("a public value")
    };
    let transcript = Transcript::new(&value(own), &value("peer.pem")).expect("a transcript");
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    token.write("data", &transcript.derivation_data(Label::Confirm));
    token.write("transcript", transcript.as_bytes());
    let base = hex(&secret[secret.len() - 32..]);
    let mut aes = token.command("openssl");
    aes.args(["enc", "-aes-256-cbc", "-nopad", "-in", "data", "-K", &base, "-iv", &"0".repeat(32)]);
    let key = hex(&harness::run(&mut aes).stdout);
    let mut hmac = token.command("openssl");
    hmac.args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{key}")]);
    let text = harness::run(hmac.arg("transcript")).text();
    text.trim().rsplit(' ').next().expect("a digest").to_owned()
}

#[test]
fn several_agreements_at_once_are_told_apart_by_our_own_file() {
    for maker in makers() {
        let (one, two) = (Token::initialised(maker), Token::initialised(maker));
        let first = start(&one, "p256");
        std::fs::copy(&first, one.path("first.pem")).expect("copied");
        start(&one, "p256");
        let for_one = start(&two, "p256");
        let args = ["agree", "finish", "--peer", &for_one, "--name", "k"];
        assert!(one.fails(2, &args).contains("--own"));
        let warned = one.keyway(&["--token", LABEL, "key", "list"]).stderr;
        assert!(warned.contains("2 agreement(s) not finished"), "{warned}");
        one.ok(&[&args[..], &["--own", "first.pem"]].concat());
        assert_eq!(one.ok(&["agree", "cancel", "--yes"]), "1 agreement(s) cancelled\n");
    }
}
