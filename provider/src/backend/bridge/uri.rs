//! PKCS #11 URIs (RFC 7512), as far as the configuration uses them.

use std::fmt::{self, Display, Write};
use std::path::PathBuf;

use super::link::Wanted;
use crate::attribute::ObjectClass;

/// What a URI says; what is `None` may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uri {
    pub token: Wanted,
    /// CKA_LABEL.
    pub object: Option<String>,
    /// CKA_ID.
    pub id: Option<Vec<u8>>,
    /// CKA_CLASS.
    pub class: Option<ObjectClass>,
    /// The module's file.
    pub module: Option<PathBuf>,
    /// The file that holds the PIN.
    pub pin_source: Option<PathBuf>,
}

/// The values of `type`.
const CLASSES: [(&str, ObjectClass); 5] = [
    ("cert", ObjectClass::CERTIFICATE),
    ("data", ObjectClass::DATA),
    ("private", ObjectClass::PRIVATE_KEY),
    ("public", ObjectClass::PUBLIC_KEY),
    ("secret-key", ObjectClass::SECRET_KEY),
];

impl Uri {
    /// # Errors
    /// What is wrong with it, or is not understood here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("pkcs11:").ok_or("a PKCS #11 URI begins with pkcs11:")?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let parts = |text: &'_ str, separator| -> Vec<String> {
            text.split(separator).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let mut uri = Self::default();
        let mut seen = Vec::new();
        for part in parts(path, ';').into_iter().chain(parts(query, '&')) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("{part:?} has no ="))?;
            if seen.iter().any(|known| known == name) {
                return Err(format!("{name} stands there twice"));
            }
            uri.take(name, value)?;
            seen.push(name.to_owned());
        }
        Ok(uri)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let bytes = decoded(value).ok_or_else(|| format!("{value:?} is not percent-encoded"))?;
        if name == "id" {
            self.id = Some(bytes);
            return Ok(());
        }
        let text = String::from_utf8(bytes).map_err(|_| format!("{value:?} is no text"))?;
        match name {
            "token" => self.token.label = Some(text),
            "serial" => self.token.serial = Some(text),
            "manufacturer" => self.token.manufacturer = Some(text),
            "model" => self.token.model = Some(text),
            "object" => self.object = Some(text),
            "type" => {
                let known = CLASSES.iter().find(|(name, _)| *name == text);
                let (_, class) = known.ok_or_else(|| format!("there is no type {text:?}"))?;
                self.class = Some(*class);
            }
            "module-path" => self.module = Some(text.into()),
            "pin-source" if text.starts_with('|') => {
                return Err("pin-source names a file here, not a command".to_owned());
            }
            "pin-source" => {
                let file = text.strip_prefix("file:").unwrap_or(&text);
                self.pin_source = Some(file.strip_prefix("//").unwrap_or(file).into());
            }
            "pin-value" => {
                return Err(
                    "a PIN has no place in a URI that others read: put it into a file and \
                            name that with pin-source"
                        .to_owned(),
                );
            }
            other => return Err(format!("{other} is not understood")),
        }
        Ok(())
    }
}

impl Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wanted { label, serial, manufacturer, model } = &self.token;
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let class = CLASSES.iter().find(|row| Some(row.1) == self.class);
        let text = |text: &Option<String>| text.as_ref().map(|text| text.clone().into_bytes());
        let attributes = [
            ("token", text(label)),
            ("serial", text(serial)),
            ("manufacturer", text(manufacturer)),
            ("model", text(model)),
            ("object", text(&self.object)),
            ("id", self.id.clone()),
            ("type", class.map(|row| row.0.as_bytes().to_vec())),
        ];
        let queries = [
            ("module-path", text(&path(&self.module))),
            ("pin-source", text(&path(&self.pin_source).map(|path| format!("file:{path}")))),
        ];
        f.write_str("pkcs11:")?;
        list(f, "", ';', &attributes)?;
        list(f, "?", '&', &queries)
    }
}

fn list(
    f: &mut fmt::Formatter<'_>,
    begin: &str,
    separator: char,
    rows: &[(&str, Option<Vec<u8>>)],
) -> fmt::Result {
    let there = rows.iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value)));
    for (n, (name, value)) in there.enumerate() {
        match n {
            0 => f.write_str(begin)?,
            _ => f.write_char(separator)?,
        }
        write!(f, "{name}=")?;
        for byte in value {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' if *name != "id" => {
                    f.write_char(char::from(*byte))?;
                }
                b'-' | b'.' | b'_' | b'~' | b'/' | b':' if *name != "id" => {
                    f.write_char(char::from(*byte))?;
                }
                _ => write!(f, "%{byte:02X}")?,
            }
        }
    }
    Ok(())
}

/// Undoes percent-encoding (RFC 3986 section 2.1).
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |digit: u8| char::from(digit).to_digit(16);
                bytes.push((digit(*high)? * 16 + digit(*low)?) as u8);
                after
            }
            (b'%', _) => return None,
            _ => {
                bytes.push(*first);
                after
            }
        };
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_read_and_written() {
        let text = "pkcs11:token=My%20HSM;serial=01;object=root;id=%01%FE;type=secret-key\
                    ?module-path=/usr/lib/hsm.so&pin-source=file:/etc/keyway/hsm.pin";
        let uri = Uri::parse(text).unwrap();
        assert_eq!(uri.token.label.as_deref(), Some("My HSM"));
        assert_eq!((uri.object.as_deref(), uri.id.as_deref()), (Some("root"), Some(&[1, 254][..])));
        assert_eq!(uri.class, Some(ObjectClass::SECRET_KEY));
        assert_eq!(uri.pin_source, Some("/etc/keyway/hsm.pin".into()));
        assert_eq!(uri.to_string(), text);
        assert_eq!(Uri::parse("pkcs11:").unwrap(), Uri::default());
        let host = Uri::parse("pkcs11:?pin-source=file:///pin").unwrap();
        assert_eq!(host.pin_source, Some("/pin".into()));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, word) in [
            ("token=x", "pkcs11:"),
            ("pkcs11:token=%4", "percent"),
            ("pkcs11:token=%FF", "text"),
            ("pkcs11:token", "="),
            ("pkcs11:token=a;token=b", "twice"),
            ("pkcs11:slot-id=1", "slot-id"),
            ("pkcs11:type=key", "type"),
            ("pkcs11:object=a?pin-value=1234", "pin-source"),
            ("pkcs11:object=a?pin-source=|cat", "command"),
        ] {
            let told = Uri::parse(text).unwrap_err();
            assert!(told.contains(word), "{text}: {told}");
        }
    }
}
