//! PKCS#11 URIs (RFC 7512) in the place of a key's name: `keyway key show
//! 'pkcs11:token=demo;object=web'`.

use std::ffi::OsString;

use crate::domain::uri::Uri;
use crate::error::{Kind, Result};

/// The options whose value is a token, also by its URI.
const TOKENS: [&str; 3] = ["--token", "--source-token", "--from-token"];

/// The arguments, with the key's name for each URI that names an object, and with that URI as the
/// token's name where it says which token or module.
///
/// # Errors
/// [`Kind::Usage`] for a URI that is malformed, or when two of them mean different tokens.
pub(super) fn plain(arguments: impl IntoIterator<Item = OsString>) -> Result<Vec<OsString>> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Its URIs name keys of other modules, with their modules and PINs.
    let mut words = arguments.iter();
    if words.any(|word| word == "token") && words.any(|word| word == "rewrap") {
        return Ok(arguments);
    }
    let mut plain: Vec<OsString> = Vec::new();
    let mut token: Option<(Uri, String)> = None;
    for argument in arguments {
        let named = match plain.last().is_some_and(|before| TOKENS.iter().any(|t| before == t)) {
            true => None,
            false => argument.to_str().and_then(key_uri),
        };
        let Some((option, text)) = named else {
            plain.push(argument);
            continue;
        };
        let uri: Uri = text.parse()?;
        plain.push(format!("{option}{}", object(&uri, text)?).into());
        let place = Uri { object: None, id: None, class: None, ..uri };
        match &token {
            Some((other, first)) if *other != place => {
                return Err(Kind::Usage
                    .because(format!("{first} and {text} mean different tokens"))
                    .advise("one command works on one token"));
            }
            Some(_) => {}
            None => token = Some((place, text.to_owned())),
        }
    }
    if let Some((_, text)) = token.filter(|(place, _)| *place != Uri::default()) {
        if plain.iter().any(|argument| argument == "--token") {
            return Err(Kind::Usage
                .because(format!("{text} says which token, and --token does, too"))
                .advise("leave one of them out"));
        }
        plain.insert(1, format!("--token={text}").into());
    }
    Ok(plain)
}

/// `--option=` or nothing, and the URI.
fn key_uri(argument: &str) -> Option<(&str, &str)> {
    let start = match argument.starts_with("--") {
        true => argument.find('=')? + 1,
        false => 0,
    };
    let (option, text) = argument.split_at(start);
    let is_token = option.strip_suffix('=').is_some_and(|option| TOKENS.contains(&option));
    (Uri::is(text) && !is_token).then_some((option, text))
}

fn object<'a>(uri: &'a Uri, text: &str) -> Result<&'a str> {
    uri.object.as_deref().ok_or_else(|| {
        Kind::Usage
            .because(format!("{text} names no key"))
            .advise("name it by its label, pkcs11:object=NAME; a token goes behind --token")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Vec<String>> {
        let plain = plain(arguments.iter().map(OsString::from))?;
        Ok(plain.into_iter().map(|argument| argument.into_string().expect("UTF-8")).collect())
    }

    #[test]
    fn a_uri_becomes_name_and_token() {
        let uri = "pkcs11:token=demo;object=web;type=private";
        assert_eq!(
            read(&["keyway", "key", "show", uri]).expect("read"),
            ["keyway", &format!("--token={uri}"), "key", "show", "web"]
        );
        assert_eq!(
            read(&["keyway", "sign", "--key=pkcs11:object=web"]).expect("read"),
            ["keyway", "sign", "--key=web"]
        );
        let same = ["keyway", "x", "pkcs11:token=a;object=b", "--to", "pkcs11:token=a;object=c"];
        assert_eq!(
            read(&same).expect("read"),
            ["keyway", "--token=pkcs11:token=a;object=b", "x", "b", "--to", "c"]
        );
    }

    #[test]
    fn the_token_s_own_name_is_left_alone() {
        for arguments in [
            &["keyway", "--token", "pkcs11:token=a", "key", "list"][..],
            &["keyway", "--token=pkcs11:token=a;object=b", "key", "list"],
            &["keyway", "encrypt", "--key", "web", "--context", "k=pkcs11:x"],
            &["keyway", "token", "rewrap", "--root=pkcs11:token=a", "--to", "pkcs11:token=b"],
        ] {
            assert_eq!(read(arguments).expect("read"), arguments);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (arguments, why) in [
            (&["keyway", "key", "show", "pkcs11:token=a"][..], "names no key"),
            (&["keyway", "key", "show", "pkcs11:tokne=a"], "no attribute"),
            (&["k", "x", "pkcs11:token=a;object=b", "pkcs11:token=c;object=b"], "different tokens"),
            (&["k", "--token", "z", "x", "pkcs11:token=a;object=b"], "--token does, too"),
        ] {
            let error = read(arguments).expect_err(why);
            assert!(error.to_string().contains(why), "{error}");
        }
    }
}
