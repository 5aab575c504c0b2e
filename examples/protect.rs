//! Keys and what they do with data: `cargo run --example protect -- 'pkcs11:token=...'`.

use keyway::domain::envelope::Context;
use keyway::domain::key::{Algorithm, KeyName};
use keyway::domain::lifecycle::Reason;
use keyway::service::{Encryption, NewKey, Recipient};
use keyway::{Kind, Kms};

fn main() -> keyway::Result<()> {
    let token = std::env::args().nth(1).expect("a PKCS#11 URI with module-path and pin-source");
    run(&token)
}

/// Everything that this program shows.
pub fn run(token: &str) -> keyway::Result<()> {
    let kms = open(token)?;
    let key = create(&kms)?;
    encrypt(&kms, &key)?;
    bind(&kms, &key)?;
    sign(&kms)?;
    seal(&kms, &key)?;
    data_key(&kms, &key)?;
    share_among_threads(&kms, &key)?;
    revoke(&kms, &key)
}

fn open(token: &str) -> keyway::Result<Kms> {
    // pkcs11:token=orders?module-path=/usr/lib/libkeyway_pkcs11.so&pin-source=file:/etc/orders/pin
    let kms = Kms::builder().token(token).sessions(4).open()?;
    println!("token {} (serial {})", kms.label(), kms.serial());
    Ok(kms)
}

fn create(kms: &Kms) -> keyway::Result<KeyName> {
    let name: KeyName = "orders".parse()?;
    let request = NewKey { name: name.clone(), algorithm: Algorithm::Aes256, usage: None };
    let created = kms.create_key(&request)?;
    println!("key {name} is {}", created.state());
    Ok(name)
}

fn encrypt(kms: &Kms, key: &KeyName) -> keyway::Result<()> {
    let message = kms.encrypt(key, None, b"4711 to Zurich")?;
    kms.rotate_key(key)?;
    // The message names its version: the old one still decrypts.
    assert_eq!(*kms.decrypt(None, &message)?, b"4711 to Zurich");
    Ok(())
}

fn bind(kms: &Kms, key: &KeyName) -> keyway::Result<()> {
    let context = Context::parse(&["customer=4711".to_owned()])?;
    let how = Encryption { key: key.clone(), scheme: None, context: context.clone() };
    let message = kms.encrypt_bound(&how, b"to Zurich")?;
    assert_eq!(*kms.decrypt_bound(&context, &message)?, b"to Zurich");
    let refused = kms.decrypt(None, &message).expect_err("another context");
    assert_eq!(refused.kind(), Kind::NotAuthentic);
    Ok(())
}

fn sign(kms: &Kms) -> keyway::Result<()> {
    let key: KeyName = "invoices".parse()?;
    let request = NewKey { name: key.clone(), algorithm: Algorithm::EcP256, usage: None };
    kms.create_key(&request)?;
    let signature = kms.sign(&key, None, b"invoice 1")?;
    let verified = kms.verify(&key, None, b"invoice 1", &signature)?;
    println!("signed by version {} of {key}", verified.version);
    Ok(())
}

fn seal(kms: &Kms, key: &KeyName) -> keyway::Result<()> {
    let recipients = [Recipient::Key(key.clone())];
    let mut sealed = Vec::new();
    kms.seal(&recipients, &mut &b"a large file"[..], &mut sealed)?;
    let mut opened = Vec::new();
    kms.open(None, &mut sealed.as_slice(), &mut opened)?;
    assert_eq!(opened, b"a large file");
    Ok(())
}

fn data_key(kms: &Kms, key: &KeyName) -> keyway::Result<()> {
    let data_key = kms.data_key(key, &Context::default())?;
    // Use data_key.plain and keep data_key.wrapped beside the data.
    assert_eq!(kms.decrypt(None, &data_key.wrapped)?, data_key.plain);
    Ok(())
}

fn share_among_threads(kms: &Kms, key: &KeyName) -> keyway::Result<()> {
    let encrypt = |number: usize| {
        let kms = kms.clone();
        let key = key.clone();
        std::thread::spawn(move || kms.encrypt(&key, None, &number.to_be_bytes()))
    };
    for (number, thread) in (0..8).map(encrypt).enumerate() {
        let message = thread.join().expect("it does not panic")?;
        assert_eq!(*kms.decrypt(None, &message)?, number.to_be_bytes());
    }
    Ok(())
}

fn revoke(kms: &Kms, key: &KeyName) -> keyway::Result<()> {
    let message = kms.encrypt(key, None, b"4711 to Zurich")?;
    kms.revoke_key(key, Reason::Compromise)?;
    let refused = kms.decrypt(None, &message).expect_err("it is revoked");
    println!("{refused}");
    if let Some(advice) = refused.advice() {
        println!("{advice}");
    }
    assert_eq!(refused.kind(), Kind::Refused);
    Ok(())
}
