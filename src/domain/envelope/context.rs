//! What a ciphertext belongs to: pairs that are given again when it is decrypted.

use std::collections::BTreeMap;

use der::{Encode, Sequence};

use crate::error::{Kind, Result};

/// Pairs such as `tenant=acme`. The names stand in the header, the values nowhere: they are
/// associated data, so that only who gives the same ones decrypts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, String>);

#[derive(Sequence)]
struct PairDer {
    name: String,
    value: String,
}

impl Context {
    /// A context from pairs `name=value`.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a pair without `=` or name, and for a name that comes twice.
    pub fn parse(pairs: &[String]) -> Result<Self> {
        let mut context = BTreeMap::new();
        for pair in pairs {
            let parts = pair.split_once('=').filter(|(name, _)| !name.is_empty());
            let (name, value) = parts.ok_or_else(|| {
                Kind::Usage
                    .because(format!("{pair:?} is not a context"))
                    .advise("give it as name=value: --context tenant=acme")
            })?;
            if context.insert(name.to_owned(), value.to_owned()).is_some() {
                return Err(Kind::Usage.because(format!("the context names {name} twice")));
            }
        }
        Ok(Self(context))
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// The DER of the pairs, sorted by name; nothing for no pair.
    ///
    /// # Errors
    /// [`Kind::Malformed`] when they are too long for DER.
    pub fn to_der(&self) -> Result<Vec<u8>> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let pairs: Vec<PairDer> = self
            .0
            .iter()
            .map(|(name, value)| PairDer { name: name.clone(), value: value.clone() })
            .collect();
        pairs
            .to_der()
            .map_err(|error| Kind::Malformed.because("the context is too long").caused_by(error))
    }

    /// Refuses to decrypt what was encrypted with other names.
    ///
    /// # Errors
    /// [`Kind::NotAuthentic`], naming both.
    pub fn require(&self, encrypted_with: &[String]) -> Result<()> {
        if self.names() == encrypted_with {
            return Ok(());
        }
        let list = |names: &[String]| match names {
            [] => "no context".to_owned(),
            names => format!("the context {}", names.join(", ")),
        };
        let (there, given) = (list(encrypted_with), list(&self.names()));
        let advice = match encrypted_with {
            [] => "leave --context out".to_owned(),
            names => names.iter().map(|name| format!("--context {name}=... ")).collect(),
        };
        Err(Kind::NotAuthentic
            .because(format!("the ciphertext was made with {there}, and {given} is given"))
            .advise(advice.trim_end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(pairs: &[&str]) -> Result<Context> {
        Context::parse(&pairs.iter().map(|&pair| pair.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_order_in_which_pairs_are_given_does_not_count() {
        let one = context(&["a=1", "b=x=y"]).expect("a context").to_der().expect("DER");
        assert_eq!(one, context(&["b=x=y", "a=1"]).expect("a context").to_der().expect("DER"));
        // A value does not run into the next name.
        assert_ne!(
            context(&["a=1b", "c=2"]).expect("a context").to_der().expect("DER"),
            context(&["a=1", "bc=2"]).expect("a context").to_der().expect("DER")
        );
    }

    #[test]
    fn what_is_no_pair_is_refused() {
        for pairs in [&["a"][..], &["=1"], &[""], &["a=1", "a=2"]] {
            assert_eq!(context(pairs).expect_err("refused").kind(), Kind::Usage, "{pairs:?}");
        }
    }

    #[test]
    fn other_names_are_refused_and_named() {
        let error = context(&["a=1"]).expect("a context").require(&["b".to_owned()]);
        let error = error.expect_err("refused");
        assert!(error.to_string().contains("context b") && error.to_string().contains("context a"));
        assert_eq!(error.advice(), Some("--context b=..."));
        Context::default().require(&[]).expect("none is none");
    }
}
