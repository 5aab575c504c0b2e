//! What the use cases need of the world.
//!
//! [`Vault`] is the only way to a private or secret key, and none of its methods returns one.

mod certificates;
mod channel;
mod derivation;
mod encapsulation;
mod enrollment;
mod import;
mod inspection;
mod journal;
mod ledger;
mod sharing;
mod standing;

pub use certificates::{Certificates, StoredCertificate};
pub use channel::Channel;
pub use derivation::{Derivation, SessionUse};
pub use encapsulation::{Encapsulated, Encapsulation, Hkdf};
pub use enrollment::Enrollment;
pub use import::{Entry, Import, Material};
pub use inspection::{Inspection, Rights};
pub use journal::Journal;
pub use ledger::{Book, Ledger, Page, Problem};
pub use sharing::Sharing;
pub use standing::Standing;

use zeroize::Zeroizing;

use crate::domain::envelope::OaepHash;
use crate::domain::exchange::{Group, PublicValue};
use crate::domain::key::{Algorithm, KeyId, KeyName, Usage};
use crate::domain::public_key::PublicKey;
use crate::domain::record::{Body, KeyRecord, Version};
use crate::domain::signature::SignatureScheme;
use crate::domain::soundness::Evidence;
use crate::domain::time::Timestamp;
use crate::error::Result;

/// What a key in a token is made as.
#[derive(Clone, Debug)]
pub struct KeySpec {
    /// CKA_LABEL of its objects.
    pub name: KeyName,
    /// CKA_ID of its objects.
    pub id: KeyId,
    /// What it is made of.
    pub algorithm: Algorithm,
    /// What it may do.
    pub usage: Usage,
    /// Whether it may leave the token, wrapped with a key that the security officer trusts.
    pub shareable: bool,
}

impl KeySpec {
    /// What a version is made as by its record.
    pub fn of(record: &KeyRecord, version: &Version) -> Self {
        Self {
            name: record.name().clone(),
            id: version.id,
            algorithm: record.algorithm(),
            usage: record.usage(),
            shareable: record.terms().shareable,
        }
    }
}

/// A symmetric cipher with its parameters.
#[derive(Clone, Copy, Debug)]
pub enum Cipher<'a> {
    /// AES-GCM with a 128-bit tag.
    AesGcm {
        /// 12 bytes.
        nonce: &'a [u8],
        /// Associated data.
        associated: &'a [u8],
    },
    /// ChaCha20-Poly1305 (RFC 8439), for opening only.
    ChaCha20Poly1305 {
        /// 12 bytes.
        nonce: &'a [u8; 12],
        /// Associated data.
        associated: &'a [u8],
    },
    /// AES-CBC with PKCS#7 padding.
    AesCbcPad {
        /// 16 bytes.
        iv: &'a [u8],
    },
    /// RSA-OAEP on the data itself.
    RsaOaep {
        /// The hash of label and mask.
        hash: OaepHash,
        /// The label.
        label: &'a [u8],
    },
    /// RSA PKCS#1 v1.5.
    RsaPkcs1,
}

/// How far a token was brought to refuse a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Block {
    /// No way back: the key is an unmodifiable copy that may do nothing, or gone.
    Final,
    /// Keyway refuses it to every program, and the token behind Keyway does not.
    ThroughKeyway,
    /// Its usage flags are off, but whoever has the PIN can set them again.
    FlagsOnly,
}

/// A key in the token that belongs to no version of any key of ours: another program's, or left by
/// an interruption, or one whose record is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// CKA_ID of the object.
    pub id: Vec<u8>,
    /// CKA_LABEL of the object.
    pub label: String,
}

/// An ephemeral pair that waits for its peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ephemeral {
    /// CKA_ID of its objects.
    pub id: KeyId,
    /// Its public value.
    pub public: PublicValue,
}

/// Private and secret keys, used where they lie.
pub trait Vault:
    Certificates + Derivation + Encapsulation + Enrollment + Import + Inspection + Sharing + Standing
{
    /// Random bytes from the token's generator.
    ///
    /// # Errors
    /// The token failed.
    fn random(&self, length: usize) -> Result<Vec<u8>>;

    /// Generates a secret key or a pair that never leaves the token.
    ///
    /// # Errors
    /// The token lacks the mechanism or failed.
    fn generate(&self, spec: &KeySpec) -> Result<()>;

    /// The public half of a pair.
    ///
    /// # Errors
    /// There is no such object, or more than one.
    fn public_key(&self, id: KeyId, algorithm: Algorithm) -> Result<PublicKey>;

    /// Encrypts with a secret key, or with the public half of a pair.
    ///
    /// # Errors
    /// The key is missing or may not encrypt, or the data does not fit.
    fn encrypt(&self, id: KeyId, cipher: Cipher<'_>, data: &[u8]) -> Result<Vec<u8>>;

    /// Decrypts with a secret or private key.
    ///
    /// # Errors
    /// [`crate::Kind::NotAuthentic`] when the data is not what was encrypted; else as
    /// [`Vault::encrypt`].
    fn decrypt(&self, id: KeyId, cipher: Cipher<'_>, data: &[u8]) -> Result<Zeroizing<Vec<u8>>>;

    /// Makes an AES-256 key that lives as long as this session and gives it wrapped for an RSA
    /// key. Answers its identifier, the hash used and the wrapped form.
    ///
    /// # Errors
    /// The RSA key is missing or may not wrap, or the token lacks OAEP.
    fn new_data_key(&self, wrap_with: KeyId) -> Result<(KeyId, OaepHash, Vec<u8>)>;

    /// Unwraps a data key for this session and answers its identifier.
    ///
    /// # Errors
    /// [`crate::Kind::NotAuthentic`] when it does not unwrap; the token lacks the hash.
    fn open_data_key(&self, unwrap_with: KeyId, hash: OaepHash, wrapped: &[u8]) -> Result<KeyId>;

    /// Forgets a data key.
    ///
    /// # Errors
    /// The token failed.
    fn forget_data_key(&self, id: KeyId) -> Result<()>;

    /// Signs a message with a private key. ECDSA signatures are DER.
    ///
    /// # Errors
    /// The key is missing or may not sign.
    fn sign(&self, id: KeyId, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>>;

    /// Whether a signature is that of the message, by the public half.
    ///
    /// # Errors
    /// The key is missing or the token failed. A bad signature is `false`, not an error.
    fn verify(
        &self,
        id: KeyId,
        scheme: SignatureScheme,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool>;

    /// Takes the right to protect from a key: it processes only.
    ///
    /// # Errors
    /// The key is missing or the token refuses.
    fn retire(&self, id: KeyId) -> Result<()>;

    /// Brings the token to refuse every use of the private or secret part, for every program.
    /// May be called again after an interruption at any point.
    ///
    /// # Errors
    /// The token refuses even to clear the flags.
    fn block(&self, id: KeyId) -> Result<Block>;

    /// Destroys every object of a version. Nothing left to destroy is no error.
    ///
    /// # Errors
    /// The token refuses.
    fn destroy(&self, id: KeyId) -> Result<()>;

    /// Whether the private or secret object of a version is there, once.
    ///
    /// # Errors
    /// The token failed, or there are several.
    fn holds(&self, id: KeyId) -> Result<bool>;

    /// Tries every private and secret key of the token, whoever made it, without changing one.
    ///
    /// # Errors
    /// The token failed.
    fn evidence(&self) -> Result<Vec<Evidence>>;

    /// Key objects whose identifier is not among the known, but for those that keyway itself
    /// needs (the key of the records, ephemeral pairs).
    ///
    /// # Errors
    /// The token failed.
    fn strays(&self, known: &[KeyId]) -> Result<Vec<Stray>>;

    /// Destroys strays found before.
    ///
    /// # Errors
    /// The token refuses.
    fn remove_strays(&self, strays: &[Stray]) -> Result<()>;

    /// Makes an ephemeral pair and answers its public value.
    ///
    /// # Errors
    /// The token lacks the group.
    fn start_agreement(&self, group: Group) -> Result<PublicValue>;

    /// The ephemeral pairs that wait for their peers.
    ///
    /// # Errors
    /// The token failed.
    fn pending_agreements(&self) -> Result<Vec<Ephemeral>>;

    /// Derives the shared base key inside the token, as a session object. Answers its identifier.
    ///
    /// # Errors
    /// The token refuses the peer's value or lacks the mechanism.
    fn agree(&self, own: &Ephemeral, peer: &PublicValue) -> Result<KeyId>;
}

/// A record that was read and authenticated.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What it says, and its place in the chain.
    pub body: Body,
    /// SHA-256 of the sealed record, which the next one names.
    pub hash: [u8; 32],
}

impl Stored {
    /// The key.
    pub fn record(&self) -> &KeyRecord {
        &self.body.record
    }
}

/// Every authentic record, and what is wrong with the others.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The newest authentic record of each key, by name.
    pub records: Vec<Stored>,
    /// What was found and is not trusted.
    pub problems: Vec<String>,
    /// The keys that have a record which keyway did not write, and what is wrong with it. A key
    /// may have an authentic one beside it.
    pub tampered: Vec<(KeyName, String)>,
}

/// The records of keys.
pub trait Registry: Ledger {
    /// The newest authentic record of a key.
    ///
    /// # Errors
    /// [`crate::Kind::NotAuthentic`] when records of this name exist but none is authentic.
    fn load(&self, name: &KeyName) -> Result<Option<Stored>>;

    /// Everything there is.
    ///
    /// # Errors
    /// The token failed.
    fn list(&self) -> Result<Listing>;

    /// Writes the successor of `previous`, or the first record of a key.
    ///
    /// # Errors
    /// [`crate::Kind::Conflict`] when another process wrote one first: read again and retry.
    fn save(&self, previous: Option<&Stored>, record: &KeyRecord) -> Result<Stored>;
}

/// What time it is.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}
