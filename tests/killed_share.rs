//! A key on its way to another token, and a process that is killed in the place of each call that
//! would change one: nothing half received is used, and the same command goes on, or says how.

mod harness;

use harness::authority::{Authority, For};
use harness::killing::{killed, killer};
use harness::{Answer, Maker, Token, makers};

/// More calls than any command makes.
const CALLS_MAX: u32 = 40;

/// Exit codes: there is no such key or agreement; the key is there already.
const NOT_FOUND: i32 = 3;
const EXISTS: i32 = 4;

/// Two tokens, one with keys to give, certified `admin`; the other with a key `unwraps` that the
/// first wraps for, and one that signs for it, certified `alice`.
struct Parties {
    admin: Token,
    alice: Token,
}

impl Parties {
    fn new(maker: Maker) -> Self {
        let authority = Authority::new("Root");
        let (admin, alice) = (Token::initialised(maker), Token::initialised(maker));
        for (token, name) in [(&admin, "admin"), (&alice, "alice")] {
            token.ok(&["key", "create", name, "--algorithm", "ec-p256", "--use", "sign"]);
            authority.certify(token, name, name, For::Identity, 30);
            authority.root(token);
        }
        alice.ok(&["key", "create", "unwraps", "--algorithm", "rsa-2048", "--use", "wrap"]);
        authority.certify(&alice, "unwraps", "alice", For::Recipient, 30);
        admin.write("unwraps.pem", &alice.read("unwraps.pem"));
        let so_pin = admin.path("so-pin");
        let trust = ["client", "trust", "unwraps.pem", "--trust", "root.pem"];
        admin.ok(&[&trust[..], &["--so-pin-file", &so_pin]].concat());
        Self { admin, alice }
    }

    /// A new key to give, and a message that only who has it reads.
    fn shareable(&self, key: &str) -> Vec<u8> {
        self.admin.ok(&["key", "create", key, "--algorithm", "aes-256", "--shareable"]);
        self.message(key)
    }

    fn message(&self, key: &str) -> Vec<u8> {
        let answer = self.admin.keyway_with_input(&["encrypt", "--key", key], b"hello");
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        answer.stdout
    }

    fn share(&self, key: &str) {
        let own = ["--sign-with", "admin", "--cert", "admin.pem", "--trust", "root.pem"];
        let to = ["--to", "unwraps.pem", "--out", "shared"];
        self.admin.ok(&[&["share", key], &own[..], &to].concat());
        self.alice.write("shared", &self.admin.read("shared"));
    }

    /// The recipient uses the key, whole, or says that there is none.
    fn is_received(&self, message: &[u8]) -> bool {
        let answer = self.alice.keyway_with_input(&["decrypt"], message);
        assert!([0, NOT_FOUND].contains(&answer.code), "{}", answer.stderr);
        assert_eq!(answer.stdout == b"hello", answer.code == 0);
        answer.code == 0
    }

    /// Both use the key, there is one of each version, and nothing is left to do.
    fn is_whole(&self, key: &str, versions: usize, told: &str) {
        let answer = self.alice.keyway_with_input(&["encrypt", "--key", key], b"back");
        let back = self.admin.keyway_with_input(&["decrypt"], &answer.stdout);
        assert_eq!(back.stdout, b"back", "{told}: {}{}", answer.stderr, back.stderr);
        let shown = self.alice.keyway(&["key", "show", key]);
        assert!(!shown.stderr.contains("warning"), "{told}: {}", shown.stderr);
        assert_eq!(shown.text().matches("active since").count(), 1, "{told}: {}", shown.text());
        let objects = self.alice.pkcs11_tool(&["--list-objects", "--type", "secrkey"]).text();
        let there = objects.matches(&format!("label:      {key}\n")).count();
        assert_eq!(there, versions, "{told}: {objects}");
        let left = self.alice.ok(&["maintain"]);
        assert!(left.contains("nothing was due"), "{told}: {left}");
    }
}

const RECEIVE: [&str; 6] = ["receive", "shared", "--with", "unwraps", "--trust", "root.pem"];

/// Gives a command until no call is left at which it was killed. `round` gives it for the number of
/// a call, and answers whether it was killed there.
fn until_it_ends(told: &str, mut round: impl FnMut(u32) -> bool) {
    for at in 1..CALLS_MAX {
        if !round(at) {
            assert!(at > 2, "{told}: too few calls to mean anything");
            return;
        }
    }
    panic!("{told} does not end");
}

#[test]
fn a_killed_reception_is_finished_by_the_same_command() {
    for maker in makers() {
        let parties = Parties::new(maker);
        let killer = killer(&parties.alice);
        until_it_ends("receive", |at| {
            let (key, told) = (format!("k{at}"), format!("{maker:?}: receive killed at {at}"));
            let message = parties.shareable(&key);
            parties.share(&key);
            let stopped = killed(&parties.alice, &killer, at, &RECEIVE);
            let had = parties.is_received(&message);
            let again = parties.alice.keyway(&RECEIVE);
            let expected = if had { EXISTS } else { 0 };
            assert_eq!(again.code, expected, "{told}: {}", again.stderr);
            assert!(parties.is_received(&message), "{told}");
            parties.is_whole(&key, 1, &told);
            stopped
        });
    }
}

#[test]
fn a_killed_reception_of_a_next_version_is_finished_by_the_same_command() {
    for maker in makers() {
        let parties = Parties::new(maker);
        let killer = killer(&parties.alice);
        let first = parties.shareable("k");
        parties.share("k");
        parties.alice.ok(&RECEIVE);
        until_it_ends("receive", |at| {
            let told = format!("{maker:?}: next version killed at {at}");
            parties.admin.ok(&["key", "rotate", "k"]);
            let message = parties.message("k");
            parties.share("k");
            let stopped = killed(&parties.alice, &killer, at, &RECEIVE);
            let had = parties.is_received(&message);
            let again = parties.alice.keyway(&RECEIVE);
            let expected = if had { EXISTS } else { 0 };
            assert_eq!(again.code, expected, "{told}: {}", again.stderr);
            parties.alice.ok(&["maintain"]);
            assert!([&first, &message].iter().all(|one| parties.is_received(one)), "{told}");
            parties.is_whole("k", at as usize + 1, &told);
            stopped
        });
    }
}

impl Parties {
    /// Messages 1 and 2 of an exchange that the administrator's token began.
    fn begin(&self) {
        self.admin.ok(&["exchange", "start", "--group", "p256", "--out", "1"]);
        self.alice.write("1", &self.admin.read("1"));
        let own = ["--sign-with", "alice", "--cert", "alice.pem"];
        self.alice.ok(&[&["exchange", "answer", "--in", "1", "--out", "2"], &own[..]].concat());
        self.admin.write("2", &self.alice.read("2"));
    }

    /// The administrator's last command: it writes messages 3 and 4.
    fn sending(key: &str) -> Vec<&str> {
        let finish = ["exchange", "finish", "--first", "1", "--in", "2", "--out", "3"];
        let own = ["--sign-with", "admin", "--cert", "admin.pem", "--trust", "root.pem"];
        let send = ["--send", key, "--to", "unwraps.pem", "--fourth", "4", "--peer", "alice"];
        [&finish[..], &own, &send].concat()
    }

    /// The recipient's last command.
    fn taking() -> Vec<&'static str> {
        let finish = ["exchange", "finish", "--first", "1", "--second", "2", "--in", "3"];
        let take = ["--receive", "--with", "unwraps", "--fourth", "4"];
        [&finish[..], &take, &["--trust", "root.pem", "--peer", "admin"]].concat()
    }

    fn hand_over(&self) {
        for file in ["3", "4"] {
            self.alice.write(file, &self.admin.read(file));
        }
    }

    /// A whole exchange that sends the key.
    fn exchange(&self, key: &str) -> Answer {
        self.begin();
        self.admin.ok(&Self::sending(key));
        self.hand_over();
        self.alice.keyway(&Self::taking())
    }
}

/// Goes on, or says that the run has to be begun again, which then goes on.
fn goes_on(again: &Answer, told: &str) -> bool {
    if again.code == NOT_FOUND {
        let says = again.stderr.contains("agreement with that public value is not on this token");
        assert!(says, "{told}: {}", again.stderr);
    } else {
        assert!([0, EXISTS].contains(&again.code), "{told}: {}", again.stderr);
    }
    again.code != NOT_FOUND
}

#[test]
fn a_killed_sender_sends_again() {
    for maker in makers() {
        let parties = Parties::new(maker);
        let killer = killer(&parties.admin);
        until_it_ends("exchange --send", |at| {
            let (key, told) = (format!("k{at}"), format!("{maker:?}: --send killed at {at}"));
            let message = parties.shareable(&key);
            parties.begin();
            let send = Parties::sending(&key);
            let stopped = killed(&parties.admin, &killer, at, &send);
            if stopped {
                assert!(!parties.is_received(&message), "{told}");
            }
            let mut taken = None;
            if !stopped || goes_on(&parties.admin.keyway(&send), &told) {
                parties.hand_over();
                taken = Some(parties.alice.keyway(&Parties::taking()));
            }
            let taken = taken.unwrap_or_else(|| parties.exchange(&key));
            assert_eq!(taken.code, 0, "{told}: {}", taken.stderr);
            parties.alice.keyway(&["agree", "cancel", "--yes"]);
            assert!(parties.is_received(&message), "{told}");
            parties.is_whole(&key, 1, &told);
            stopped
        });
    }
}

#[test]
fn a_killed_recipient_takes_again() {
    for maker in makers() {
        let parties = Parties::new(maker);
        let killer = killer(&parties.alice);
        until_it_ends("exchange --receive", |at| {
            let (key, told) = (format!("k{at}"), format!("{maker:?}: --receive killed at {at}"));
            let message = parties.shareable(&key);
            parties.begin();
            parties.admin.ok(&Parties::sending(&key));
            parties.hand_over();
            let take = Parties::taking();
            let stopped = killed(&parties.alice, &killer, at, &take);
            if stopped {
                let had = parties.is_received(&message);
                let again = parties.alice.keyway(&take);
                let again = if goes_on(&again, &told) { again } else { parties.exchange(&key) };
                let expected = if had { EXISTS } else { 0 };
                assert_eq!(again.code, expected, "{told}: {}", again.stderr);
            }
            parties.alice.keyway(&["agree", "cancel", "--yes"]);
            assert!(parties.is_received(&message), "{told}");
            parties.is_whole(&key, 1, &told);
            stopped
        });
    }
}
