//! An authority, a certificate, and a key that two tokens agree on:
//! `cargo run --example certify -- 'pkcs11:token=...' 'pkcs11:token=...'`.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keyway::Kms;
use keyway::domain::exchange::Group;
use keyway::domain::key::{Algorithm, KeyName, Usage};
use keyway::domain::lifecycle::Reason;
use keyway::domain::pki::issue::{AuthorityLimits, Points, Profile, Request};
use keyway::domain::pki::{Certificate, Crl, Purpose, Trust, validate};
use keyway::domain::time::Timestamp;
use keyway::service::{
    CertificateOrder, Credential, Expected, ListKind, NewAuthority, NewKey, SessionKey,
};
use keyway::transport::{Listener, TcpChannel};

const DAY: u64 = 24 * 3600;

fn main() -> keyway::Result<()> {
    let mut tokens = std::env::args().skip(1);
    let mut next = || tokens.next().expect("two PKCS#11 URIs with module-path and pin-source");
    run(&next(), &next())
}

/// Everything that this program shows, with the tokens of Alice, who has the authority, and Bob.
pub fn run(alice: &str, bob: &str) -> keyway::Result<()> {
    let alice = Kms::builder().token(alice).open()?;
    let bob = Kms::builder().token(bob).open()?;
    let root = authority(&alice)?;
    let alice_chain = certify(&alice, &alice, "alice")?;
    let bob_chain = certify(&alice, &bob, "bob")?;
    exchange(&alice, &alice_chain, &bob, &bob_chain, &root)?;
    revoke(&alice, &bob_chain, &root)
}

fn authority(kms: &Kms) -> keyway::Result<Certificate> {
    let new = NewAuthority {
        name: "root".parse()?,
        subject: None,
        algorithm: Algorithm::EcP384,
        parent: None,
        until: None,
        limits: AuthorityLimits::default(),
        points: Points::default(),
    };
    Ok(kms.init_authority(&new)?.certificate)
}

/// The key and its request are made where the key is to be, the certificate where the authority is.
fn certify(authority: &Kms, kms: &Kms, who: &str) -> keyway::Result<Vec<Certificate>> {
    let key: KeyName = who.parse()?;
    let usage = Some(Usage::Sign);
    kms.create_key(&NewKey { name: key.clone(), algorithm: Algorithm::EcP256, usage })?;
    let request = kms.request_certificate(&key, &format!("CN={who}").parse()?, &[])?;
    let order = CertificateOrder {
        authority: "root".parse()?,
        request: Request::read(&request)?,
        profile: Profile::Identity,
        subject: None,
        names: Vec::new(),
        until: None,
        limits: AuthorityLimits::default(),
    };
    authority.issue_certificate(&order)
}

/// Each proves with its certificate who it is; the key is derived in both tokens.
fn exchange(
    alice: &Kms,
    alice_chain: &[Certificate],
    bob: &Kms,
    bob_chain: &[Certificate],
    root: &Certificate,
) -> keyway::Result<()> {
    let patience = Duration::from_secs(30);
    let trust = Trust { roots: std::slice::from_ref(root), crls: &[] };
    let name: KeyName = "session".parse()?;
    let target = SessionKey { name: &name, usage: Some(Usage::Encrypt) };
    let listener = Listener::bind(&"127.0.0.1:0".parse()?)?;
    let place = listener.address().into();
    thread::scope(|scope| {
        let answered = scope.spawn(|| {
            let own = Credential { key: &"bob".parse()?, chain: bob_chain };
            let expected = Expected { trust, name: Some("alice") };
            let mut channel = listener.accept(patience)?;
            bob.exchange_as_responder(&mut channel, &[Group::X25519], &own, &expected, target)
        });
        let own = Credential { key: &"alice".parse()?, chain: alice_chain };
        let expected = Expected { trust, name: Some("bob") };
        let mut channel = TcpChannel::connect(&place, patience)?;
        let group = Group::X25519;
        let established =
            alice.exchange_as_initiator(&mut channel, group, &own, &expected, target)?;
        println!("key {name} agreed with {}", established.peer.subject());
        answered.join().expect("it does not panic").map(drop)
    })?;
    let message = alice.encrypt(&name, None, b"between us")?;
    assert_eq!(*bob.decrypt(Some(&name), &message)?, b"between us");
    Ok(())
}

fn revoke(kms: &Kms, chain: &[Certificate], root: &Certificate) -> keyway::Result<()> {
    let roots = std::slice::from_ref(root);
    let trust = Trust { roots, crls: &[] };
    validate(chain, &trust, now(), Purpose::Identity)?;
    kms.revoke_certificate(chain[0].serial().try_into()?, Reason::Compromise)?;
    let tomorrow = Timestamp::from_unix(now().unix() + DAY);
    let list = kms.make_list(&"root".parse()?, ListKind::Full, tomorrow)?;
    let trust = Trust { roots, crls: &[Crl::from_der(&list)?] };
    // The list is valid from the second in which it was made.
    let refused = validate(chain, &trust, now(), Purpose::Identity).expect_err("it is revoked");
    println!("{refused}");
    Ok(())
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    Timestamp::from_unix(since.as_secs())
}
