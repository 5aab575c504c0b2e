//! `keyway share` and `receive`: a key from one token to others, and to nobody else.

mod harness;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;

use harness::authority::{Authority, For};
use harness::{Answer, LABEL, Maker, SO_PIN, Token, makers};

/// The command failed with this exit code and says this.
fn refused(answer: &Answer, code: i32, reason: &str) {
    assert_eq!(answer.code, code, "{}", answer.stderr);
    assert!(answer.stderr.contains(reason), "not {reason:?}: {}", answer.stderr);
}

/// A token whose administrator shares, with one shareable key.
fn distributor(maker: Maker, authority: &Authority) -> Token {
    let token = Token::initialised(maker);
    token.ok(&["key", "create", "admin", "--algorithm", "ec-p256"]);
    authority.certify(&token, "admin", "admin", For::Identity, 30);
    authority.root(&token);
    token.ok(&["key", "create", "backup", "--algorithm", "aes-256", "--shareable"]);
    token
}

/// A token with a certified key that unwraps, which the distributor trusts.
fn client(maker: Maker, name: &str, authority: &Authority, distributor: &Token) -> Token {
    let token = Token::initialised(maker);
    token.ok(&["key", "create", name, "--algorithm", "rsa-2048", "--use", "wrap"]);
    authority.certify(&token, name, name, For::Recipient, 30);
    authority.root(&token);
    give(&token, &format!("{name}.pem"), distributor);
    trust(distributor, &format!("{name}.pem"));
    token
}

fn give(from: &Token, file: &str, to: &Token) {
    to.write(file, &from.read(file));
}

fn trust(distributor: &Token, certificate: &str) {
    let text = distributor.ok(&[
        "client",
        "trust",
        certificate,
        "--trust",
        "root.pem",
        "--so-pin-file",
        &distributor.path("so-pin"),
    ]);
    assert!(text.contains("wraps shareable keys for CN="), "{text}");
}

fn share(distributor: &Token, key: &str, more: &[&str]) -> Answer {
    let own = ["--sign-with", "admin", "--cert", "admin.pem", "--trust", "root.pem"];
    let out = ["--out", "shared"];
    distributor.keyway(&[&["share", key], &own[..], &out, more].concat())
}

fn receive(client: &Token, with: &str, more: &[&str]) -> Answer {
    client.keyway(&[&["receive", "shared", "--with", with, "--trust", "root.pem"], more].concat())
}

fn succeeded(answer: Answer) {
    assert_eq!(answer.code, 0, "{}", answer.stderr);
}

#[test]
fn each_recipient_gets_the_key_and_it_does_not_leave_his_token() {
    let authority = Authority::new("Root");
    for (first, second) in makers().into_iter().flat_map(|a| makers().map(|b| (a, b))) {
        let admin = distributor(first, &authority);
        let alice = client(second, "alice", &authority, &admin);
        let bob = client(first, "bob", &authority, &admin);
        admin.write("everybody", b"# all of us\nalice.pem\n\nbob.pem # him, too\n");
        let group = ["--group", "everybody"];
        if (first, second) == (Maker::Keyway, Maker::SoftHsm) {
            // SoftHSM2 knows OAEP with SHA-1 only, and the distributor cannot see that.
            succeeded(share(&admin, "backup", &group));
            give(&admin, "shared", &alice);
            refused(&receive(&alice, "alice", &[]), 9, "--oaep sha1");
        }
        let sha1 = [&group[..], &["--oaep", "sha1"]].concat();
        let mixed = first != second;
        succeeded(share(&admin, "backup", if mixed { &sha1 } else { &group }));
        let message = admin.keyway_with_input(&["encrypt", "--key", "backup"], b"hello").stdout;
        for (token, name) in [(&alice, "alice"), (&bob, "bob")] {
            give(&admin, "shared", token);
            let answer = receive(token, name, &["--peer", "admin.example"]);
            assert!(answer.text().contains("received from CN=admin"), "{}", answer.stderr);
            let log = token.ok(&["log"]);
            assert!(!log.contains("removed from the book"), "nothing was there: {log}");
            let answer = token.keyway_with_input(&["decrypt"], &message);
            assert_eq!(answer.stdout, b"hello", "{}", answer.stderr);
            let id = token.key_id("backup", 1);
            let read = ["--read-object", "--type", "secrkey", "--id", &id, "-o", "stolen"];
            token.pkcs11_tool(&read);
            assert!(fs::read(token.path("stolen")).unwrap_or_default().is_empty());
            let objects = token.pkcs11_tool(&["--list-objects", "--type", "secrkey"]).text();
            assert!(!objects.contains("Access:     extractable"), "{objects}");
            // What was received is not given on, nor rotated here, nor taken a second time.
            refused(&token.keyway(&["key", "rotate", "backup"]), 5, "its distributor rotates it");
            refused(&receive(token, name, &[]), 4, "received before");
            refused(&receive(token, name, &["--name", "other"]), 4, "received before");
            token.ok(&["key", "destroy", "backup", "--yes"]);
            refused(&receive(token, name, &["--name", "other"]), 4, "received before");
        }
    }
}

/// A rotated key is shared again: the new version protects, the old one opens what there is.
#[test]
fn the_next_version_follows_under_the_same_name() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let admin = distributor(maker, &authority);
        let alice = client(maker, "alice", &authority, &admin);
        let to = ["--to", "alice.pem"];
        let hand = |version: u32| {
            succeeded(share(&admin, "backup", &to));
            give(&admin, "shared", &alice);
            alice.write(&format!("share{version}"), &alice.read("shared"));
        };
        let encrypt = |token: &Token| {
            let answer = token.keyway_with_input(&["encrypt", "--key", "backup"], b"hello");
            assert_eq!(answer.code, 0, "{}", answer.stderr);
            answer.stdout
        };
        let decrypts = |token: &Token, message: &[u8]| {
            let answer = token.keyway_with_input(&["decrypt"], message);
            assert_eq!(answer.stdout, b"hello", "{}", answer.stderr);
        };
        let first = encrypt(&admin);
        hand(1);
        admin.ok(&["key", "rotate", "backup"]);
        hand(2);
        let second = encrypt(&admin);
        alice.write("shared", &alice.read("share1"));
        succeeded(receive(&alice, "alice", &[]));
        decrypts(&alice, &first);
        // Somebody else whom the authority knows does not slip in a version of his own.
        let other = distributor(maker, &authority);
        authority.certify(&other, "admin", "mallory", For::Identity, 30);
        other.ok(&["key", "rotate", "backup"]);
        give(&alice, "alice.pem", &other);
        trust(&other, "alice.pem");
        succeeded(share(&other, "backup", &to));
        give(&other, "shared", &alice);
        refused(&receive(&alice, "alice", &[]), 5, "came from CN=admin, and this share from");
        alice.write("shared", &alice.read("share2"));
        succeeded(receive(&alice, "alice", &["--peer", "admin"]));
        let shown = alice.ok(&["key", "show", "backup"]);
        assert!(shown.contains("version 1     deactivated"), "{shown}");
        assert!(shown.contains("version 2     active"), "{shown}");
        [&first, &second].iter().for_each(|message| decrypts(&alice, message));
        decrypts(&admin, &encrypt(&alice));
        // The old version protects nothing any more, in other programs neither.
        let id = alice.key_id("backup", 1);
        let old = ["--encrypt", "--mechanism", "AES-CBC-PAD", "--iv", &"0".repeat(32)];
        alice.write("plain", b"hello");
        let files = ["--id", &id, "--input-file", "plain", "--output-file", "x"];
        assert_ne!(alice.pkcs11_tool(&[&old[..], &files].concat()).code, 0);
        // Neither of the two again, under whatever name; nor one of a version before.
        for file in ["share1", "share2"] {
            alice.write("shared", &alice.read(file));
            refused(&receive(&alice, "alice", &[]), 4, "received before");
        }
        hand(2);
        refused(&receive(&alice, "alice", &["--name", "other"]), 4, "received before");
    }
}

/// The distributor knows who has what, and says so when he revokes it.
#[test]
fn a_revocation_names_those_who_have_the_key() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let admin = distributor(maker, &authority);
        for name in ["alice", "bob"] {
            client(maker, name, &authority, &admin);
        }
        succeeded(share(&admin, "backup", &["--to", "alice.pem", "--to", "bob.pem"]));
        admin.ok(&["key", "rotate", "backup"]);
        succeeded(share(&admin, "backup", &["--to", "bob.pem"]));
        succeeded(share(&admin, "backup", &["--to", "bob.pem"]));
        let shown = admin.ok(&["key", "show", "backup"]);
        for line in ["version 1 with CN=alice", "version 1 with CN=bob", "version 2 with CN=bob"] {
            assert_eq!(shown.matches(line).count(), 1, "{shown}");
        }
        assert!(!shown.contains("version 2 with CN=alice"), "{shown}");
        let revoke = ["key", "revoke", "backup", "--reason", "compromise", "--yes"];
        let told = admin.ok(&revoke);
        for line in ["CN=alice has version 1 since 2", "CN=bob has version 2 since 2"] {
            assert!(told.contains(line), "{told}");
        }
        let own = admin.ok(&["key", "revoke", "admin", "--reason", "superseded", "--yes"]);
        assert!(!own.contains("has version"), "{own}");
    }
}

#[test]
fn nobody_else_opens_a_share_and_no_changed_one_is_taken() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let admin = distributor(maker, &authority);
        let alice = client(maker, "alice", &authority, &admin);
        let bob = client(maker, "bob", &authority, &admin);
        succeeded(share(&admin, "backup", &["--to", "alice.pem"]));
        give(&admin, "shared", &bob);
        refused(&receive(&bob, "bob", &[]), 5, "is not shared with this key");
        let shared = admin.read("shared");
        // One bit in the wrapped key, in the name, in the signature; an end that is missing.
        let at = shared.windows(6).position(|w| w == b"backup").expect("the name");
        for place in [at, shared.len() - 1, shared.len() / 4] {
            let mut changed = shared.clone();
            changed[place] ^= 1;
            alice.write("shared", &changed);
            let answer = receive(&alice, "alice", &[]);
            assert!([7, 12].contains(&answer.code), "{}: {}", answer.code, answer.stderr);
        }
        alice.write("shared", &shared[..shared.len() - 1]);
        refused(&receive(&alice, "alice", &[]), 12, "not a share");
        // The true one, but not from whoever is expected, or by a key that was revoked.
        alice.write("shared", &shared);
        let other = ["--peer", "mallory"];
        refused(&receive(&alice, "alice", &other), 7, "is that of CN=admin, not of mallory");
        authority.list(&alice, Some(&admin.path("admin.pem")));
        refused(&receive(&alice, "alice", &["--crl", "list.pem"]), 7, "revoked");
        let foreign = Authority::new("Other").root(&bob);
        fs::copy(foreign, alice.path("other.pem")).expect("copied");
        let args = ["receive", "shared", "--with", "alice", "--trust", "other.pem"];
        refused(&alice.keyway(&args), 7, "is neither given nor trusted");
        std::thread::sleep(std::time::Duration::from_secs(2));
        refused(&receive(&alice, "alice", &["--max-age", "1s"]), 5, "too old");
        succeeded(receive(&alice, "alice", &["--name", "taken"]));
    }
}

#[test]
fn only_a_shareable_key_is_shared_and_only_with_whom_the_officer_trusts() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let admin = distributor(maker, &authority);
        let alice = client(maker, "alice", &authority, &admin);
        let to = ["--to", "alice.pem"];
        admin.ok(&["key", "create", "own", "--algorithm", "aes-256"]);
        refused(&share(&admin, "own", &to), 5, "was not created for sharing");
        refused(&share(&admin, "admin", &to), 5, "private keys are not shared");
        let create = ["key", "create", "pair", "--algorithm", "rsa-2048", "--shareable"];
        refused(&admin.keyway(&create), 2, "private keys are not shared");
        // Certified, but not trusted by the token; trusted, but not certified for this.
        alice.ok(&["key", "create", "second", "--algorithm", "rsa-2048", "--use", "wrap"]);
        authority.certify(&alice, "second", "alice2", For::Recipient, 30);
        give(&alice, "second.pem", &admin);
        refused(&share(&admin, "backup", &["--to", "second.pem"]), 5, "client trust");
        authority.certify(&alice, "second", "alice2", For::Identity, 30);
        give(&alice, "second.pem", &admin);
        let so_pin = admin.path("so-pin");
        let officer = ["--trust", "root.pem", "--so-pin-file", &so_pin];
        let args = [&["client", "trust", "second.pem"], &officer[..]].concat();
        refused(&admin.keyway(&args), 7, "its key usage does not allow");
        authority.certify(&alice, "second", "alice2", For::Recipient, -1);
        give(&alice, "second.pem", &admin);
        refused(&admin.keyway(&args), 7, "expired");
        // What would wrap for an EC key is derived anew each time, and no officer trusts that.
        alice.ok(&["key", "create", "curve", "--algorithm", "ec-p256", "--use", "agree"]);
        authority.certify(&alice, "curve", "alice3", For::Recipient, 30);
        give(&alice, "curve.pem", &admin);
        let curve = [&["client", "trust", "curve.pem"], &officer[..]].concat();
        refused(&admin.keyway(&curve), 9, "is not for an RSA key");
        refused(&share(&admin, "backup", &["--to", "curve.pem"]), 9, "is not for an RSA key");
        let again = [&["client", "trust", "alice.pem"], &officer[..]].concat();
        refused(&admin.keyway(&again), 4, "already");
        authority.list(&admin, Some(&alice.path("alice.pem")));
        let revoked = ["--to", "alice.pem", "--crl", "list.pem"];
        refused(&share(&admin, "backup", &revoked), 7, "revoked");
        // A revoked key is not shared either.
        admin.ok(&["key", "revoke", "backup", "--reason", "superseded", "--yes"]);
        refused(&share(&admin, "backup", &to), 5, "protects nothing any more");
    }
}

/// Whoever has the PIN, but not the security officer's, cannot wrap a shareable key for a key of
/// his own.
#[test]
fn the_pin_alone_gives_nobody_a_shareable_key() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let admin = distributor(maker, &authority);
        admin.ok(&["key", "create", "mine", "--algorithm", "rsa-2048", "--use", "wrap"]);
        let (wrapping, id) = (admin.key_id("mine", 1), admin.key_id("backup", 1));
        let answer = admin.pkcs11_tool(&[
            "--wrap",
            "--mechanism",
            "RSA-PKCS-OAEP",
            "--hash-algorithm",
            "SHA-1",
            "--id",
            &wrapping,
            "--application-id",
            &id,
            "--output-file",
            "stolen",
        ]);
        assert_ne!(answer.code, 0, "{}", answer.text());
        assert!(fs::read(admin.path("stolen")).unwrap_or_default().is_empty());
        let read = ["--read-object", "--type", "secrkey", "--id", &id, "-o", "stolen"];
        admin.pkcs11_tool(&read);
        assert!(fs::read(admin.path("stolen")).unwrap_or_default().is_empty());
    }
}

/// OpenSSL as the recipient: it opens what was wrapped for it, and so knows the key, which then is
/// searched for in everything that the commands wrote, and in their memory while they wait to say
/// that they are done.
#[test]
fn the_key_is_in_no_file_no_output_and_no_memory() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let admin = distributor(maker, &authority);
        let alice = client(maker, "alice", &authority, &admin);
        let openssl = |arguments: &[&str]| {
            let answer = harness::run(admin.command("openssl").args(arguments));
            assert_eq!(answer.code, 0, "{arguments:?}: {}", answer.stderr);
        };
        openssl(&["genrsa", "-out", "peer.key", "2048"]);
        openssl(&["rsa", "-in", "peer.key", "-pubout", "-out", "peer.pub"]);
        let public = String::from_utf8(admin.read("peer.pub")).expect("PEM");
        authority.certify_public(&public, &admin, "peer", "peer", For::Recipient, 30);
        trust(&admin, "peer.pem");
        let own = ["--sign-with", "admin", "--cert", "admin.pem", "--trust", "root.pem"];
        let to = ["--to", "peer.pem", "--to", "alice.pem", "--out", "shared", "--output", "json"];
        let sharing = at_its_end(&admin, &[&["share", "backup"], &own[..], &to].concat());
        give(&admin, "shared", &alice);
        let with = ["--with", "alice", "--trust", "root.pem"];
        let receiving = at_its_end(&alice, &[&["receive", "shared"], &with[..]].concat());
        let shared = keyway::domain::share::SignedShare::from_der(&admin.read("shared"));
        let shared = shared.and_then(|signed| signed.share()).expect("a share");
        let hash = match shared.recipients[0].hash {
            keyway::domain::envelope::OaepHash::Sha1 => "sha1",
            keyway::domain::envelope::OaepHash::Sha256 => "sha256",
        };
        admin.write("wrapped", &shared.recipients[0].wrapped);
        // Where no search for it comes.
        let elsewhere = tempfile::tempdir().expect("a directory");
        let plain = elsewhere.path().join("plain");
        openssl(&[
            "pkeyutl",
            "-decrypt",
            "-inkey",
            "peer.key",
            "-in",
            "wrapped",
            "-out",
            plain.to_str().expect("a UTF-8 path"),
            "-pkeyopt",
            "rsa_padding_mode:oaep",
            "-pkeyopt",
            &format!("rsa_oaep_md:{hash}"),
        ]);
        let key = fs::read(&plain).expect("the key");
        assert_eq!(key.len(), 32);
        let mut searched = 0;
        for token in [&admin, &alice] {
            searched += search(token.directory.path(), &key);
        }
        assert!(searched > 10, "{searched} files");
        for (ended, wrapped) in [(&sharing, 0), (&receiving, 1)] {
            // The search would find it: what is in the share is there.
            let wrapped = &shared.recipients[wrapped].wrapped;
            assert!(ended.memory.iter().any(|part| contains(part, &wrapped[..64])));
            for (number, part) in ended.memory.iter().enumerate() {
                assert_not_in(part, &key, &format!("part {number} of the memory, {maker:?}"));
            }
            assert_not_in(&ended.said, &key, "the output");
        }
    }
}

/// A command that has done everything but to say so.
struct AtItsEnd {
    /// What was readable in its memory then, region by region.
    memory: Vec<Vec<u8>>,
    /// What it said, on both ways.
    said: Vec<u8>,
}

/// Runs `keyway` with a full pipe as its standard output, reads its memory when it waits there, and
/// lets it end.
fn at_its_end(token: &Token, arguments: &[&str]) -> AtItsEnd {
    let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
    let stdout = writer.try_clone().expect("its end");
    let fills = std::thread::spawn(move || writer.write_all(&[b' '; 1 << 20]));
    let mut command = token.command(env!("CARGO_BIN_EXE_keyway"));
    command.args(arguments).stdout(stdout).stderr(Stdio::piped());
    let mut child = command.spawn().expect("keyway starts");
    drop(command);
    let call = format!("/proc/{}/syscall", child.id());
    loop {
        // One that has ended without a word is a zombie until somebody asks for it.
        if let Some(status) = child.try_wait().expect("its status") {
            let mut stderr = String::new();
            child.stderr.take().expect("a pipe").read_to_string(&mut stderr).expect("read");
            panic!("{arguments:?} ended before it wrote, {status}: {stderr}");
        }
        let call = fs::read_to_string(&call).unwrap_or_default();
        // The number of write(2), on x86-64 and on arm64, and standard output.
        if call.starts_with("1 0x1 ") || call.starts_with("64 0x1 ") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let memory = memory(child.id());
    let mut said = Vec::new();
    reader.read_to_end(&mut said).expect("read");
    fills.join().expect("no panic").expect("written");
    child.stderr.take().expect("a pipe").read_to_end(&mut said).expect("read");
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    AtItsEnd { memory, said }
}

/// The regions of a process that it can write: everything else is as it lies in files.
fn memory(process: u32) -> Vec<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("maps");
    let file = fs::File::open(format!("/proc/{process}/mem")).expect("its memory");
    let mut regions = Vec::new();
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').expect("a range");
        let (start, end) = range.split_once('-').expect("start and end");
        let at = |text| u64::from_str_radix(text, 16).expect("an address");
        if !rest.starts_with("rw") {
            continue;
        }
        let mut bytes = vec![0; usize::try_from(at(end) - at(start)).expect("a length")];
        // What is mapped beyond the end of a file cannot be read.
        if file.read_exact_at(&mut bytes, at(start)).is_ok() {
            regions.push(bytes);
        }
    }
    assert!(regions.len() > 5, "{} regions", regions.len());
    regions
}

/// Searches every file below a directory and answers how many there were.
fn search(directory: &Path, key: &[u8]) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            count += search(&path, key);
        } else {
            assert_not_in(&fs::read(&path).expect("read"), key, &path.display().to_string());
            count += 1;
        }
    }
    count
}

/// Not as it is, nor as text.
fn assert_not_in(text: &[u8], key: &[u8], place: &str) {
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let upper = hex.to_uppercase();
    for form in [key, hex.as_bytes(), upper.as_bytes()] {
        assert!(!contains(text, form), "the key is in {place}");
    }
}

fn contains(text: &[u8], form: &[u8]) -> bool {
    memchr::memmem::find(text, form).is_some()
}

#[test]
fn a_wrong_pin_of_the_officer_trusts_nobody() {
    let authority = Authority::new("Root");
    for maker in makers() {
        let admin = distributor(maker, &authority);
        let alice = Token::initialised(maker);
        alice.ok(&["key", "create", "alice", "--algorithm", "rsa-2048", "--use", "wrap"]);
        authority.certify(&alice, "alice", "alice", For::Recipient, 30);
        give(&alice, "alice.pem", &admin);
        admin.write("wrong", SO_PIN.replace('1', "9").as_bytes());
        let wrong = admin.path("wrong");
        let args = ["client", "trust", "alice.pem", "--trust", "root.pem", "--so-pin-file", &wrong];
        refused(&admin.keyway(&args), 6, LABEL);
        refused(&share(&admin, "backup", &["--to", "alice.pem"]), 5, "client trust");
    }
}
