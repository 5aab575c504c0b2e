//! A key and the token that it lies on: what age's recipients and identities carry.

use der::{Decode, Encode, Sequence};

use super::KeyName;
use crate::error::{Kind, Result};

/// The version of the encoding that is written.
const FORMAT: u8 = 1;

/// Where a key lies. It opens nothing by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAddress {
    /// The token's label.
    pub token: String,
    /// The key's name.
    pub key: KeyName,
}

#[derive(Sequence)]
struct AddressDer {
    format: u8,
    token: String,
    key: String,
}

impl KeyAddress {
    /// The DER that goes into Bech32.
    ///
    /// # Errors
    /// [`Kind::Internal`] when DER cannot express it, which the types rule out.
    pub fn to_der(&self) -> Result<Vec<u8>> {
        let key = self.key.as_str().to_owned();
        AddressDer { format: FORMAT, token: self.token.clone(), key }
            .to_der()
            .map_err(|error| Kind::Internal.because("cannot encode an address").caused_by(error))
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when it is no address of this format.
    pub fn from_der(bytes: &[u8]) -> Result<Self> {
        let address = AddressDer::from_der(bytes).map_err(|error| {
            Kind::Malformed.because("not the address of a key").caused_by(error)
        })?;
        if address.format != FORMAT {
            return Err(Kind::Malformed
                .because(format!("the address of a key in format {}", address.format))
                .advise("a newer keyway made it: update this one"));
        }
        Ok(Self { token: address.token, key: address.key.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_back_and_no_changed_byte_makes_a_panic() {
        let address =
            KeyAddress { token: "Büro".to_owned(), key: "backup".parse().expect("a name") };
        let der = address.to_der().expect("DER");
        assert_eq!(KeyAddress::from_der(&der).expect("read"), address);
        for at in 0..der.len() {
            assert!(KeyAddress::from_der(&der[..at]).is_err());
            let mut changed = der.clone();
            changed[at] ^= 0x41;
            let _ = KeyAddress::from_der(&changed);
        }
    }
}
