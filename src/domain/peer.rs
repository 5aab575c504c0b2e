//! A peer as his certificate shows him: his names, and how his key signs.

use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1};
use const_oid::db::rfc8410::ID_ED_25519;
use der::asn1::ObjectIdentifier;
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::ext::pkix::name::GeneralName;

use super::pki::{Certificate, algorithm_of, verify};
use super::signature::SignatureScheme;
use crate::error::{Kind, Result};

/// Whether a certificate is that of somebody: by its subject, its common name, or one of its
/// alternative names (DNS, e-mail, URI). Case does not count.
pub fn is_named(certificate: &Certificate, name: &str) -> bool {
    let same = |other: &str| other.eq_ignore_ascii_case(name);
    if same(&certificate.subject().to_string()) {
        return true;
    }
    match certificate.alternative_names() {
        Ok(Some(names)) => {
            names.0.iter().any(|alternative| match alternative {
                GeneralName::DnsName(text) => same(text.as_str()),
                GeneralName::Rfc822Name(text) => same(text.as_str()),
                GeneralName::UniformResourceIdentifier(text) => same(text.as_str()),
                _ => false,
            }) || certificate.common_name().is_some_and(|common| same(&common))
        }
        Ok(None) => certificate.common_name().is_some_and(|common| same(&common)),
        Err(_) => false,
    }
}

/// Refuses a certificate that is not that of whoever is expected.
///
/// # Errors
/// [`Kind::NotAuthentic`] when it is somebody else's.
pub fn require_name(certificate: &Certificate, name: &str) -> Result<()> {
    if is_named(certificate, name) {
        return Ok(());
    }
    Err(Kind::NotAuthentic
        .because(format!("the certificate is that of {}, not of {name}", certificate.subject()))
        .advise("this is somebody else, or the name is written in another way"))
}

/// How a key signs: the key alone decides, so that nobody can choose a weaker scheme.
///
/// # Errors
/// [`Kind::Unsupported`] for a key of another sort.
pub fn scheme_of(key: &SubjectPublicKeyInfoOwned) -> Result<SignatureScheme> {
    let curve = || key.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok();
    match key.algorithm.oid {
        RSA_ENCRYPTION => Ok(SignatureScheme::RsaPss),
        ID_ED_25519 => Ok(SignatureScheme::Ed25519),
        ID_EC_PUBLIC_KEY if curve() == Some(SECP_256_R_1) => Ok(SignatureScheme::EcdsaP256),
        ID_EC_PUBLIC_KEY if curve() == Some(SECP_384_R_1) => Ok(SignatureScheme::EcdsaP384),
        other => Err(Kind::Unsupported
            .because(format!("a certificate for a key of the sort {other}"))
            .advise("use RSA, P-256, P-384 or Ed25519")),
    }
}

/// Checks a signature with the key of a certificate.
///
/// # Errors
/// [`Kind::NotAuthentic`] when it is not that key's over this message.
pub fn require_signature(signer: &Certificate, message: &[u8], signature: &[u8]) -> Result<()> {
    let algorithm = algorithm_of(scheme_of(signer.public_key())?)?;
    verify(signer.public_key(), &algorithm, message, signature).map_err(|refusal| {
        Kind::NotAuthentic
            .because(format!("the signature of {}: {refusal}", signer.subject()))
            .advise("the message was changed, or somebody else signed it")
    })
}
