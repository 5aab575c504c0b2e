//! `keyway exchange`: two tokens, certificates, one session key, and everybody in between refused.

mod harness;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use harness::authority::{Authority, For};
use harness::{Answer, Maker, Token, makers};
use keyway::domain::exchange::{Group, Hello, Message, PublicValue};

const GROUPS: [&str; 3] = ["x25519", "p256", "ffdhe3072"];

/// A token with a certified key that signs.
struct Party {
    token: Token,
    name: &'static str,
}

impl Party {
    fn new(maker: Maker, name: &'static str, algorithm: &str, authority: &Authority) -> Self {
        let party = Self { token: Token::initialised(maker), name };
        party.token.ok(&["key", "create", name, "--algorithm", algorithm, "--use", "sign"]);
        authority.certify(&party.token, name, name, For::Identity, 30);
        authority.root(&party.token);
        party
    }

    /// Who we are.
    fn own(&self) -> Vec<String> {
        ["--sign-with", self.name, "--cert", &self.token.path(&format!("{}.pem", self.name))]
            .map(str::to_owned)
            .to_vec()
    }

    fn keyway(&self, first: &[&str], more: &[&[String]]) -> Answer {
        let more: Vec<&str> =
            more.iter().flat_map(|part| part.iter().map(String::as_str)).collect();
        self.token.keyway(&[&["exchange"], first, &more].concat())
    }

    fn start(&self, group: &str) -> Vec<u8> {
        self.token.ok(&["exchange", "start", "--group", group, "--out", "1"]);
        self.token.read("1")
    }

    fn answer(&self, first: &[u8]) -> Vec<u8> {
        self.token.write("1", first);
        let answer = self.keyway(&["answer", "--in", "1", "--out", "2"], &[&self.own()]);
        assert_eq!(answer.code, 0, "{:?}: {}", self.token.maker, answer.stderr);
        self.token.read("2")
    }

    /// The initiator's `finish`, with more arguments.
    fn finish(&self, second: &[u8], name: &str, more: &[&str]) -> Answer {
        self.token.write("2", second);
        let finish = ["finish", "--first", "1", "--in", "2", "--out", "3", "--name", name];
        let trust = ["--trust", "root.pem"];
        self.keyway(&[&finish[..], &trust, more].concat(), &[&self.own()])
    }

    /// The responder's `finish`.
    fn complete(&self, third: &[u8], name: &str, more: &[&str]) -> Answer {
        self.token.write("3", third);
        let finish = ["finish", "--first", "1", "--second", "2", "--in", "3", "--name", name];
        let trust = ["--trust", "root.pem"];
        self.keyway(&[&finish[..], &trust, more].concat(), &[])
    }

    fn has_no_ephemeral(&self) {
        let objects = self.token.pkcs11_tool(&["--list-objects"]).text();
        assert!(!objects.contains("keyway-ephemeral"), "{objects}");
    }
}

fn succeeded(answer: Answer) {
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

/// The command failed with this exit code and says this.
fn refused(answer: &Answer, code: i32, reason: &str) {
    assert_eq!(answer.code, code, "{}", answer.stderr);
    assert!(answer.stderr.contains(reason), "not {reason:?}: {}", answer.stderr);
}

fn same_key(one: &Party, two: &Party, key: &str) {
    let message = one.token.keyway_with_input(&["encrypt", "--key", key], b"hello").stdout;
    let answer = two.token.keyway_with_input(&["decrypt"], &message);
    assert_eq!(answer.stdout, b"hello", "{key}: {}", answer.stderr);
}

#[test]
fn two_tokens_exchange_a_key_in_every_group_and_with_every_signature() {
    let authority = Authority::new("Root");
    for (first, second) in makers().into_iter().flat_map(|a| makers().map(|b| (a, b))) {
        let alice = Party::new(first, "alice", "rsa-2048", &authority);
        let bob = Party::new(second, "bob", "ec-p256", &authority);
        for group in GROUPS {
            let reply = bob.answer(&alice.start(group));
            succeeded(alice.finish(&reply, group, &["--peer", "bob.example"]));
            let answer = bob.complete(&alice.token.read("3"), group, &["--peer", "alice.example"]);
            assert!(answer.text().contains("exchanged with CN=alice"), "{}", answer.stderr);
            same_key(&alice, &bob, group);
            alice.has_no_ephemeral();
            bob.has_no_ephemeral();
        }
        let carol = Party::new(first, "carol", "ed25519", &authority);
        succeeded(carol.finish(&bob.answer(&carol.start("x25519")), "ed", &["--peer", "bob"]));
        succeeded(bob.complete(&carol.token.read("3"), "ed", &["--peer", "CN=carol"]));
        same_key(&carol, &bob, "ed");
    }
}

#[test]
fn two_tokens_exchange_a_key_over_tcp() {
    let authority = Authority::new("Root");
    let [first, second] = makers();
    let alice = Party::new(first, "alice", "ec-p384", &authority);
    let bob = Party::new(second, "bob", "ed25519", &authority);
    for (group, peer, succeeds) in
        [("x25519", "alice", true), ("ffdhe3072", "alice", true), ("p256", "mallory", false)]
    {
        let mut listener = bob.token.command(env!("CARGO_BIN_EXE_keyway"));
        listener.args(["exchange", "listen", "--addr", "127.0.0.1:0", "--name", group]);
        listener.args(["--trust", "root.pem", "--peer", peer]).args(bob.own());
        let listener = listener.stderr(Stdio::piped()).stdout(Stdio::piped());
        let mut listener = listener.spawn().expect("keyway starts");
        let mut stderr = BufReader::new(listener.stderr.take().expect("a pipe"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("the address");
        let port = line.trim().rsplit(':').next().expect("a port");
        let place = format!("localhost:{port}");
        let connect = ["connect", "--addr", &place, "--group", group, "--name", group];
        let trust = ["--trust", "root.pem", "--peer", "bob"];
        succeeded(alice.keyway(&[&connect[..], &trust].concat(), &[&alice.own()]));
        assert_eq!(listener.wait().expect("it ends").success(), succeeds);
        if succeeds {
            same_key(&alice, &bob, group);
        }
        alice.has_no_ephemeral();
        bob.has_no_ephemeral();
    }
    let connect = ["connect", "--addr", "127.0.0.1:1", "--name", "k", "--trust", "root.pem"];
    refused(&alice.keyway(&connect, &[&alice.own()]), 11, "cannot connect");
    let nowhere = ["connect", "--addr", "localhost", "--name", "k", "--trust", "root.pem"];
    refused(&alice.keyway(&nowhere, &[&alice.own()]), 2, "write it as HOST:PORT");
}

/// A token with a key that was created for sharing, and a peer with a key that unwraps.
fn sender_and_receiver(first: Maker, second: Maker, authority: &Authority) -> (Party, Party) {
    let alice = Party::new(first, "alice", "ec-p256", authority);
    let bob = Party::new(second, "bob", "ec-p256", authority);
    alice.token.ok(&["key", "create", "backup", "--algorithm", "aes-256", "--shareable"]);
    alice.token.ok(&["key", "create", "own", "--algorithm", "aes-256"]);
    bob.token.ok(&["key", "create", "unwraps", "--algorithm", "rsa-2048", "--use", "wrap"]);
    authority.certify(&bob.token, "unwraps", "bob", For::Recipient, 30);
    alice.token.write("unwraps.pem", &bob.token.read("unwraps.pem"));
    let so_pin = alice.token.path("so-pin");
    let trust = ["client", "trust", "unwraps.pem", "--trust", "root.pem", "--so-pin-file", &so_pin];
    alice.token.ok(&trust);
    (alice, bob)
}

#[test]
fn a_shareable_key_goes_to_the_peer_over_tcp() {
    let authority = Authority::new("Root");
    let [first, second] = makers();
    for (first, second) in [(first, second), (second, first)] {
        let (alice, bob) = sender_and_receiver(first, second, &authority);
        let send = |key: &str, to: &str| {
            let mut listener = bob.token.command(env!("CARGO_BIN_EXE_keyway"));
            listener.args(["exchange", "listen", "--addr", "127.0.0.1:0", "--receive"]);
            listener.args(["--with", "unwraps", "--trust", "root.pem", "--peer", "alice"]);
            let listener = listener.args(bob.own()).stderr(Stdio::piped()).stdout(Stdio::piped());
            let mut listener = listener.spawn().expect("keyway starts");
            let mut stderr = BufReader::new(listener.stderr.take().expect("a pipe"));
            let mut line = String::new();
            stderr.read_line(&mut line).expect("the address");
            let address = line.trim().rsplit(' ').next().expect("an address");
            let connect = ["--output", "json", "connect", "--addr", address, "--peer", "bob"];
            let send = ["--send", key, "--to", to, "--oaep", "sha1", "--trust", "root.pem"];
            let answer = alice.keyway(&[&connect[..], &send].concat(), &[&alice.own()]);
            let output = listener.wait_with_output().expect("it ends");
            (answer, output)
        };
        // Not one that stays where it is, and not to somebody else than the peer.
        refused(&send("own", "unwraps.pem").0, 5, "was not created for sharing");
        authority.certify(&bob.token, "unwraps", "carol", For::Recipient, 30);
        alice.token.write("carol.pem", &bob.token.read("unwraps.pem"));
        let (answer, received) = send("backup", "carol.pem");
        refused(&answer, 5, "the peer is CN=bob, and the key would go to CN=carol");
        assert!(!received.status.success());
        let (answer, received) = send("backup", "unwraps.pem");
        assert_eq!(
            answer.text(),
            "{\"sent\":\"backup\",\"peer\":\"CN=bob\"}\n",
            "{}",
            answer.stderr
        );
        let said = String::from_utf8_lossy(&received.stdout).into_owned();
        assert!(said.contains("key backup received from CN=alice"), "{said}");
        same_key(&alice, &bob, "backup");
        assert!(alice.token.ok(&["key", "show", "backup"]).contains("with CN=bob since"));
        // The keys of the runs were the session's: only what was created is left.
        for (party, keys) in [(&alice, 3), (&bob, 2)] {
            party.has_no_ephemeral();
            let secrets = party.token.pkcs11_tool(&["--list-objects", "--type", "secrkey"]).text();
            assert_eq!(secrets.matches("Secret Key Object").count(), keys, "{secrets}");
        }
        let (answer, _) = send("backup", "unwraps.pem");
        assert_ne!(answer.code, 0);
        assert!(answer.stderr.contains("did not say that he took key backup"), "{}", answer.stderr);
    }
}

#[test]
fn a_shareable_key_goes_to_the_peer_over_files() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let (alice, bob) = sender_and_receiver(maker, maker, &authority);
        let send = ["--send", "backup", "--to", "unwraps.pem", "--fourth", "4"];
        let run = || {
            let reply = bob.answer(&alice.start("x25519"));
            alice.token.write("2", &reply);
            let finish = ["finish", "--first", "1", "--in", "2", "--out", "3"];
            let trust = ["--trust", "root.pem", "--peer", "bob"];
            let answer = alice.keyway(&[&finish[..], &trust, &send].concat(), &[&alice.own()]);
            assert!(answer.text().contains("key backup sent to CN=bob"), "{}", answer.stderr);
            bob.token.write("3", &alice.token.read("3"));
            alice.token.read("4")
        };
        let take = |fourth: &[u8]| {
            bob.token.write("4", fourth);
            let finish = ["finish", "--first", "1", "--second", "2", "--in", "3", "--fourth", "4"];
            let more = ["--receive", "--with", "unwraps", "--trust", "root.pem", "--peer", "alice"];
            bob.keyway(&[&finish[..], &more].concat(), &[])
        };
        // Message 4 of another run, and a changed one.
        let old = run();
        run();
        refused(&take(&old), 7, "not from whoever has the other ephemeral key");
        let mut changed = run();
        *changed.last_mut().expect("a byte") ^= 1;
        refused(&take(&changed), 7, "not from whoever has the other ephemeral key");
        let answer = take(&run());
        assert!(answer.text().contains("key backup received from CN=alice"), "{}", answer.stderr);
        same_key(&alice, &bob, "backup");
        // The first run's message 3 never came.
        assert_eq!(bob.token.ok(&["agree", "cancel", "--yes"]), "1 agreement(s) cancelled\n");
        alice.has_no_ephemeral();
        bob.has_no_ephemeral();
        // The responder does not send over files, and the initiator does not receive.
        let reply = bob.answer(&alice.start("x25519"));
        alice.token.write("2", &reply);
        let finish = ["finish", "--first", "1", "--in", "2", "--out", "3", "--fourth", "4"];
        let more = ["--receive", "--with", "own", "--trust", "root.pem"];
        let answer = alice.keyway(&[&finish[..], &more].concat(), &[&alice.own()]);
        refused(&answer, 2, "only who starts the exchange sends a key");
    }
}

/// Whoever changes a public value on its way can do nothing with what comes back.
#[test]
fn a_man_in_the_middle_is_refused() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let alice = Party::new(maker, "alice", "ec-p256", &authority);
        let bob = Party::new(maker, "bob", "ec-p256", &authority);
        let mallory = Party::new(maker, "mallory", "ec-p256", &Authority::new("Other"));
        // He gives Bob his own value in place of Alice's, and passes Bob's answer on.
        alice.start("x25519");
        let reply = bob.answer(&mallory.start("x25519"));
        refused(&alice.finish(&reply, "k", &[]), 7, "stands in the middle");
        // He puts his own value into Bob's answer.
        let reply = bob.answer(&alice.start("x25519"));
        let (hello, sealed) = Message::from_der(&reply).expect("a message").reply().expect("2");
        let other = Message::from_der(&mallory.start("x25519")).expect("a message");
        let other = other.offer().expect("1");
        let swapped = Message::Reply(Hello { public: other.public, ..hello }, sealed);
        let swapped = swapped.to_der().expect("DER");
        refused(&alice.finish(&swapped, "k", &[]), 7, "stands in the middle");
        // He answers himself, in his own name.
        let reply = mallory.answer(&alice.start("x25519"));
        refused(&alice.finish(&reply, "k", &[]), 7, "is neither given nor trusted");
        // None of these runs left a key, and the true answer still counts.
        let reply = bob.answer(&alice.start("x25519"));
        succeeded(alice.finish(&reply, "k", &["--peer", "bob"]));
    }
}

#[test]
fn replayed_and_reflected_messages_are_refused() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let alice = Party::new(maker, "alice", "ec-p256", &authority);
        let bob = Party::new(maker, "bob", "ec-p256", &authority);
        let first = alice.start("x25519");
        let reply = bob.answer(&first);
        succeeded(alice.finish(&reply, "k", &[]));
        let closing = alice.token.read("3");
        succeeded(bob.complete(&closing, "k", &[]));
        // Message 3 again: the exchange has ended.
        refused(&bob.complete(&closing, "k2", &[]), 3, "not on this token");
        // Message 1 again: Bob answers with new values, and the old message 3 does not fit.
        bob.answer(&first);
        refused(&bob.complete(&closing, "k2", &[]), 7, "replayed");
        // Message 2 again, to a new message 1.
        alice.start("x25519");
        refused(&alice.finish(&reply, "k2", &[]), 7, "replayed");
        // Our own message sent back, in its place and in another.
        let own = alice.start("x25519");
        refused(&alice.finish(&own, "k2", &[]), 5, "message 2 was expected");
        let hello = Message::from_der(&own).expect("a message").offer().expect("1");
        let (_, sealed) = Message::from_der(&reply).expect("a message").reply().expect("2");
        let reflected = Message::Reply(hello, sealed).to_der().expect("DER");
        refused(&alice.finish(&reflected, "k2", &[]), 5, "sent it back");
        // Bob's sealed identity sent back to him.
        bob.answer(&own);
        let (_, sealed) = Message::from_der(&bob.token.read("2")).expect("2").reply().expect("2");
        let reflected = Message::Closing(sealed).to_der().expect("DER");
        refused(&bob.complete(&reflected, "k2", &[]), 7, "replayed");
    }
}

#[test]
fn a_wrong_certificate_is_refused_with_its_reason() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let alice = Party::new(maker, "alice", "ec-p256", &authority);
        let bob = Party::new(maker, "bob", "ec-p256", &authority);
        let other = Authority::new("Root");
        let certify = |by: &Authority, usage: For, days: i32| {
            by.certify(&bob.token, "bob", "bob", usage, days);
            bob.answer(&alice.start("p256"))
        };
        let reply = certify(&other, For::Identity, 30);
        refused(&alice.finish(&reply, "k", &[]), 7, "is neither given nor trusted");
        let reply = certify(&authority, For::Identity, -1);
        refused(&alice.finish(&reply, "k", &[]), 7, "expired");
        let reply = certify(&authority, For::Recipient, 30);
        refused(&alice.finish(&reply, "k", &[]), 7, "its key usage does not allow");
        let reply = certify(&authority, For::Identity, 30);
        let peer = ["--peer", "carol.example"];
        refused(&alice.finish(&reply, "k", &peer), 7, "is that of CN=bob, not of carol.example");
        authority.list(&alice.token, Some(&bob.token.path("bob.pem")));
        let crl = ["--crl", "list.pem"];
        refused(&alice.finish(&reply, "k", &crl), 7, "revoked");
        succeeded(alice.finish(&reply, "k", &["--peer", "bob"]));
        // The responder looks at the initiator's certificate in the same way.
        let peer = ["--peer", "carol"];
        refused(&bob.complete(&alice.token.read("3"), "k", &peer), 7, "not of carol");
        authority.list(&bob.token, Some(&alice.token.path("alice.pem")));
        refused(&bob.complete(&alice.token.read("3"), "k", &crl), 7, "revoked");
        // A certificate of another key than the one that signs is refused before anything is sent.
        bob.token.ok(&["key", "create", "second", "--algorithm", "ec-p256"]);
        let own = ["--sign-with", "second", "--cert", "bob.pem"];
        let answer = bob.keyway(&[&["answer", "--in", "1"], &own[..]].concat(), &[]);
        refused(&answer, 2, "is not for the active version of key second");
    }
}

#[test]
fn hostile_values_foreign_groups_and_cut_messages_are_refused() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let alice = Party::new(maker, "alice", "ec-p256", &authority);
        let bob = Party::new(maker, "bob", "ec-p256", &authority);
        let offer = alice.start("x25519");
        let answer = |offer: &[u8], more: &[&str]| {
            bob.token.write("1", offer);
            bob.keyway(&[&["answer", "--in", "1", "--out", "2"], more].concat(), &[&bob.own()])
        };
        // A group that the responder does not take, and one that nobody offered.
        refused(&answer(&offer, &["--group", "p256"]), 5, "offers x25519, which is not allowed");
        alice.token.write("first", &offer);
        alice.start("p256");
        let reply = bob.answer(&alice.token.read("1"));
        alice.token.write("1", &offer);
        refused(&alice.finish(&reply, "k", &[]), 5, "x25519 was offered and the answer is in p256");
        // The value 0, in the place of Alice's.
        let value = Message::from_der(&offer).expect("a message").offer().expect("1").public;
        let at = offer.windows(32).position(|w| w == value.as_bytes()).expect("the value");
        let mut hostile = offer.clone();
        hostile[at..at + 32].fill(0);
        refused(&answer(&hostile, &[]), 7, "not a valid x25519 value");
        assert!(PublicValue::new(Group::X25519, &[0; 32]).is_err());
        // A message that lost its end, and one that is none.
        refused(&answer(&offer[..offer.len() - 1], &[]), 12, "not a message of an exchange");
        refused(&answer(b"", &[]), 12, "not a message of an exchange");
        let reply = bob.answer(&offer);
        refused(&alice.finish(&reply[..reply.len() / 2], "k", &[]), 12, "not a message");
        // Nothing of all that left anything behind but the exchanges that still wait.
        assert_eq!(alice.token.ok(&["agree", "cancel", "--yes"]), "2 agreement(s) cancelled\n");
        alice.has_no_ephemeral();
    }
}

/// Forward secrecy, as far as a test can show it: what was sent are public values and
/// ciphertexts under keys that are gone. Both long-term keys sign, and can do nothing else.
#[test]
fn nothing_is_left_that_could_open_a_recorded_session() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let alice = Party::new(maker, "alice", "rsa-2048", &authority);
        let bob = Party::new(maker, "bob", "rsa-2048", &authority);
        let reply = bob.answer(&alice.start("x25519"));
        succeeded(alice.finish(&reply, "k", &[]));
        succeeded(bob.complete(&alice.token.read("3"), "k", &[]));
        let sent = [alice.token.read("1"), reply, alice.token.read("3")].concat();
        for party in [&alice, &bob] {
            party.has_no_ephemeral();
            // Nobody on the way reads who they are.
            assert!(!sent.windows(party.name.len()).any(|w| w == party.name.as_bytes()));
            let objects = party.token.pkcs11_tool(&["--list-objects", "--type", "privkey"]).text();
            assert_eq!(objects.matches("Private Key Object").count(), 1, "{objects}");
            assert!(!objects.contains("decrypt") && !objects.contains("derive"), "{objects}");
            let secrets = party.token.pkcs11_tool(&["--list-objects", "--type", "secrkey"]).text();
            // The session key and the key of the records.
            assert_eq!(secrets.matches("Secret Key Object").count(), 2, "{secrets}");
            party.token.ok(&["key", "destroy", "k", "--yes"]);
        }
        refused(&bob.complete(&alice.token.read("3"), "again", &[]), 3, "not on this token");
    }
}
