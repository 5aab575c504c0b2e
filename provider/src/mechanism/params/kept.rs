//! Parameters that are needed again after the call that brought them.

use zeroize::Zeroizing;

use crate::error::{Code, Result};
use crate::mechanism::params::tls::TlsMac;
use crate::mechanism::{Hash, Params};

/// The parameters of an operation, in memory of their own.
pub struct Kept {
    shape: Shape,
    /// The bytes of the parameter, one field behind the other.
    bytes: Zeroizing<Vec<u8>>,
    /// Length of the first field.
    first: usize,
}

/// [`Params`] without what they borrow.
#[derive(Clone, Copy)]
enum Shape {
    None,
    Iv([u8; 16]),
    ShortIv([u8; 8]),
    Ctr { bits: u64, block: [u8; 16] },
    MacLength(usize),
    TlsMac(TlsMac),
    Pss { hash: Hash, mgf: Hash, salt: usize },
    Gcm { tag_bits: usize },
    Ccm { tag: usize, data: usize },
    ChaCha20Poly1305,
    Oaep { hash: Hash, mgf: Hash },
    Eddsa { prehash: bool },
    WrapIv,
    Opaque,
}

impl Kept {
    /// # Errors
    /// GeneralError for a parameter of no operation that encrypts, decrypts, signs or verifies.
    pub fn new(params: &Params<'_>) -> Result<Self> {
        const NONE: &[u8] = &[];
        let (shape, first, second) = match *params {
            Params::None => (Shape::None, NONE, NONE),
            Params::Iv(iv) => (Shape::Iv(iv), NONE, NONE),
            Params::ShortIv(iv) => (Shape::ShortIv(iv), NONE, NONE),
            Params::Ctr { bits, block } => (Shape::Ctr { bits, block }, NONE, NONE),
            Params::MacLength(len) => (Shape::MacLength(len), NONE, NONE),
            Params::TlsMac(mac) => (Shape::TlsMac(mac), NONE, NONE),
            Params::Pss { hash, mgf, salt } => (Shape::Pss { hash, mgf, salt }, NONE, NONE),
            Params::Gcm { iv, aad, tag_bits } => (Shape::Gcm { tag_bits }, iv, aad),
            Params::Ccm { nonce, aad, tag, data } => (Shape::Ccm { tag, data }, nonce, aad),
            Params::ChaCha20Poly1305 { nonce, aad } => (Shape::ChaCha20Poly1305, nonce, aad),
            Params::Oaep { hash, mgf, label } => (Shape::Oaep { hash, mgf }, label, NONE),
            Params::Eddsa { prehash, context } => (Shape::Eddsa { prehash }, context, NONE),
            Params::WrapIv(iv) => (Shape::WrapIv, iv, NONE),
            Params::Opaque(bytes) => (Shape::Opaque, bytes, NONE),
            ref other => {
                return Err(Code::GeneralError.because(format!("{other:?} is of no operation")));
            }
        };
        let bytes = Zeroizing::new([first, second].concat());
        Ok(Self { shape, bytes, first: first.len() })
    }

    pub fn params(&self) -> Params<'_> {
        let (first, second) = self.bytes.split_at(self.first);
        match self.shape {
            Shape::None => Params::None,
            Shape::Iv(iv) => Params::Iv(iv),
            Shape::ShortIv(iv) => Params::ShortIv(iv),
            Shape::Ctr { bits, block } => Params::Ctr { bits, block },
            Shape::MacLength(len) => Params::MacLength(len),
            Shape::TlsMac(mac) => Params::TlsMac(mac),
            Shape::Pss { hash, mgf, salt } => Params::Pss { hash, mgf, salt },
            Shape::Gcm { tag_bits } => Params::Gcm { iv: first, aad: second, tag_bits },
            Shape::Ccm { tag, data } => Params::Ccm { nonce: first, aad: second, tag, data },
            Shape::ChaCha20Poly1305 => Params::ChaCha20Poly1305 { nonce: first, aad: second },
            Shape::Oaep { hash, mgf } => Params::Oaep { hash, mgf, label: first },
            Shape::Eddsa { prehash } => Params::Eddsa { prehash, context: first },
            Shape::WrapIv => Params::WrapIv(first),
            Shape::Opaque => Params::Opaque(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_came() {
        let (iv, aad, label) = ([7; 12], [9; 3], [5; 4]);
        let all = [
            Params::None,
            Params::Iv([1; 16]),
            Params::ShortIv([2; 8]),
            Params::Ctr { bits: 32, block: [3; 16] },
            Params::MacLength(9),
            Params::Pss { hash: Hash::Sha3_256, mgf: Hash::Sha1, salt: 20 },
            Params::Gcm { iv: &iv, aad: &aad, tag_bits: 96 },
            Params::Ccm { nonce: &iv, aad: &aad, tag: 8, data: 77 },
            Params::ChaCha20Poly1305 { nonce: &iv, aad: &aad },
            Params::Oaep { hash: Hash::Sha256, mgf: Hash::Sha384, label: &label },
            Params::Eddsa { prehash: true, context: &label },
            Params::WrapIv(&iv[..8]),
            Params::Opaque(&label),
        ];
        for params in all {
            let kept = Kept::new(&params).unwrap();
            assert_eq!(format!("{:?}", kept.params()), format!("{params:?}"));
        }
    }

    #[test]
    fn the_parameters_of_derivations_are_not_kept() {
        let error = Kept::new(&Params::Public(&[1])).err().unwrap();
        assert_eq!(error.code(), Code::GeneralError);
    }
}
