//! PKCS#11 URIs (RFC 7512): how a token or an object is named across programs.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::error::{Error, Kind, Result};

/// What a URI says. A part that it does not name matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uri {
    /// CK_TOKEN_INFO.label.
    pub token: Option<String>,
    /// CK_TOKEN_INFO.serialNumber.
    pub serial: Option<String>,
    /// CK_TOKEN_INFO.manufacturerID.
    pub manufacturer: Option<String>,
    /// CK_TOKEN_INFO.model.
    pub model: Option<String>,
    /// The slot's number.
    pub slot: Option<u64>,
    /// CKA_LABEL.
    pub object: Option<String>,
    /// CKA_ID.
    pub id: Option<Vec<u8>>,
    /// CKA_CLASS: `cert`, `data`, `private`, `public` or `secret-key`.
    pub class: Option<String>,
    /// The module's file.
    pub module_path: Option<PathBuf>,
    /// The module's name, without directory, `lib` and `.so`.
    pub module_name: Option<String>,
    /// The file that the PIN stands in.
    pub pin_file: Option<PathBuf>,
}

/// How a person names a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenName {
    /// By its label.
    Label(String),
    /// By a URI.
    Uri(Box<Uri>),
}

/// What a token tells of itself, without padding.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// CK_TOKEN_INFO.label.
    pub label: &'a str,
    /// CK_TOKEN_INFO.serialNumber.
    pub serial: &'a str,
    /// CK_TOKEN_INFO.manufacturerID.
    pub manufacturer: &'a str,
    /// CK_TOKEN_INFO.model.
    pub model: &'a str,
    /// The number of its slot.
    pub slot: u64,
}

impl TokenName {
    /// # Errors
    /// [`Kind::Usage`] for what begins like a URI and is none.
    pub fn of(text: &str) -> Result<Self> {
        match Uri::is(text) {
            true => text.parse().map(|uri| Self::Uri(Box::new(uri))),
            false => Ok(Self::Label(text.to_owned())),
        }
    }

    /// Whether a token is meant.
    pub fn fits(&self, told: &Told<'_>) -> bool {
        let uri = match self {
            Self::Label(label) => return label == told.label,
            Self::Uri(uri) => uri,
        };
        let texts = [
            (&uri.token, told.label),
            (&uri.serial, told.serial),
            (&uri.manufacturer, told.manufacturer),
            (&uri.model, told.model),
        ];
        texts.iter().all(|(wanted, there)| wanted.as_ref().is_none_or(|wanted| wanted == there))
            && uri.slot.is_none_or(|slot| slot == told.slot)
    }
}

/// The scheme, as it is matched (RFC 3986, 3.1: in any case).
const SCHEME: &str = "pkcs11:";

const CLASSES: [&str; 5] = ["cert", "data", "private", "public", "secret-key"];

/// Path attributes that say which library is meant, which `module-path` says better. They narrow
/// nothing here, and RFC 7512 leaves it to the consumer what it looks at.
const IGNORED: [&str; 5] = [
    "library-description",
    "library-manufacturer",
    "library-version",
    "slot-description",
    "slot-manufacturer",
];

impl Uri {
    /// Whether a text is meant as a URI.
    pub fn is(text: &str) -> bool {
        text.get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
    }

    fn take(&mut self, attribute: &str, value: Vec<u8>) -> Result<()> {
        match attribute {
            "token" => self.token = Some(text(attribute, value)?),
            "serial" => self.serial = Some(text(attribute, value)?),
            "manufacturer" => self.manufacturer = Some(text(attribute, value)?),
            "model" => self.model = Some(text(attribute, value)?),
            "slot-id" => self.slot = Some(number(attribute, &text(attribute, value)?)?),
            "object" => self.object = Some(text(attribute, value)?),
            "id" => self.id = Some(value),
            "type" => self.class = Some(class(text(attribute, value)?)?),
            _ if IGNORED.contains(&attribute) || attribute.starts_with("x-") => {}
            _ => return Err(unknown(attribute)),
        }
        Ok(())
    }

    fn take_query(&mut self, attribute: &str, value: Vec<u8>) -> Result<()> {
        match attribute {
            "module-path" => self.module_path = Some(text(attribute, value)?.into()),
            "module-name" => self.module_name = Some(module_name(text(attribute, value)?)?),
            "pin-source" => self.pin_file = Some(pin_file(&text(attribute, value)?)?),
            "pin-value" => {
                return Err(Kind::Usage
                    .because(
                        "pin-value in a PKCS#11 URI is refused: other users can read arguments",
                    )
                    .advise("name a file: pin-source=file:/path, or --pin-file"));
            }
            _ if attribute.starts_with("x-") => {}
            _ => return Err(unknown(attribute)),
        }
        Ok(())
    }
}

impl FromStr for Uri {
    type Err = Error;

    fn from_str(whole: &str) -> Result<Self> {
        if !Self::is(whole) {
            return Err(malformed("it does not begin with pkcs11:"));
        }
        let rest = &whole[SCHEME.len()..];
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut uri = Self::default();
        for (attribute, value) in pairs(path, ';')? {
            uri.take(attribute, value)?;
        }
        for (attribute, value) in pairs(query, '&')? {
            uri.take_query(attribute, value)?;
        }
        Ok(uri)
    }
}

impl fmt::Display for Uri {
    /// The parts that say which token and object, in the order of RFC 7512.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slot = self.slot.map(|slot| slot.to_string());
        let parts: [(&str, Option<&[u8]>); 8] = [
            ("token", self.token.as_deref().map(str::as_bytes)),
            ("serial", self.serial.as_deref().map(str::as_bytes)),
            ("manufacturer", self.manufacturer.as_deref().map(str::as_bytes)),
            ("model", self.model.as_deref().map(str::as_bytes)),
            ("slot-id", slot.as_deref().map(str::as_bytes)),
            ("object", self.object.as_deref().map(str::as_bytes)),
            ("id", self.id.as_deref()),
            ("type", self.class.as_deref().map(str::as_bytes)),
        ];
        f.write_str(SCHEME)?;
        let given = parts.into_iter().filter_map(|(name, value)| Some((name, value?)));
        for (place, (name, value)) in given.enumerate() {
            let separator = if place == 0 { "" } else { ";" };
            write!(f, "{separator}{name}=")?;
            value.iter().try_for_each(|byte| encode(f, *byte, name == "id"))?;
        }
        Ok(())
    }
}

/// Writes a byte as it stands in a path: identifiers always encoded, as every program reads them.
fn encode(f: &mut fmt::Formatter<'_>, byte: u8, always: bool) -> fmt::Result {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' if !always => {
            write!(f, "{}", char::from(byte))
        }
        _ => write!(f, "%{byte:02X}"),
    }
}

/// Attribute and decoded value of each part; none may be there twice (RFC 7512, 2.3).
fn pairs(part: &str, separator: char) -> Result<Vec<(&str, Vec<u8>)>> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for pair in part.split(separator).filter(|pair| !pair.is_empty()) {
        let (attribute, value) = pair
            .split_once('=')
            .ok_or_else(|| malformed(&format!("{pair:?} has no value: it needs a '='")))?;
        if !seen.insert(attribute) {
            return Err(malformed(&format!("{attribute} is there twice")));
        }
        found.push((attribute, decode(attribute, value)?));
    }
    Ok(found)
}

fn decode(attribute: &str, value: &str) -> Result<Vec<u8>> {
    let broken = || malformed(&format!("{attribute}: '%' without two hexadecimal digits"));
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(broken());
        };
        bytes.push((high * 16 + low) as u8);
    }
    Ok(bytes)
}

fn text(attribute: &str, value: Vec<u8>) -> Result<String> {
    String::from_utf8(value).map_err(|_| malformed(&format!("{attribute} is not UTF-8")))
}

fn number(attribute: &str, value: &str) -> Result<u64> {
    value.parse().map_err(|_| malformed(&format!("{attribute}={value}: not a number")))
}

fn class(value: String) -> Result<String> {
    match CLASSES.contains(&value.as_str()) {
        true => Ok(value),
        false => Err(malformed(&format!("type={value}: one of {}", CLASSES.join(", ")))),
    }
}

/// A name cannot lead into another directory.
fn module_name(value: String) -> Result<String> {
    match value.is_empty() || value.contains('/') {
        true => Err(malformed("module-name is a name without directory; else use module-path")),
        false => Ok(value),
    }
}

/// A path, or a `file:` URI of this machine (RFC 7512, 2.4).
fn pin_file(value: &str) -> Result<PathBuf> {
    let path = value.strip_prefix("file:").unwrap_or(value);
    let path = path.strip_prefix("//localhost").or(path.strip_prefix("//")).unwrap_or(path);
    match path.starts_with('/') {
        true => Ok(path.into()),
        false => {
            Err(malformed(&format!("pin-source={value}: a file with its whole path is needed")))
        }
    }
}

fn unknown(attribute: &str) -> Error {
    malformed(&format!("there is no attribute {attribute:?}"))
}

fn malformed(why: &str) -> Error {
    Kind::Usage
        .because(format!("not a PKCS#11 URI (RFC 7512): {why}"))
        .advise("for example: pkcs11:token=demo;object=web?pin-source=file:/etc/keyway/pin")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Uri {
        text.parse().expect(text)
    }

    #[test]
    fn every_part_is_read() {
        let uri = parse(
            "pkcs11:token=The%20Software%20Token;serial=0123;manufacturer=Snake%20Oil;model=1.0;\
             slot-id=327;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD;\
             library-version=3;x-maker=y?pin-source=file:/etc/token&module-name=mypkcs11&x-z=1",
        );
        assert_eq!(uri.token.as_deref(), Some("The Software Token"));
        assert_eq!(uri.serial.as_deref(), Some("0123"));
        assert_eq!(uri.manufacturer.as_deref(), Some("Snake Oil"));
        assert_eq!(uri.model.as_deref(), Some("1.0"));
        assert_eq!(uri.slot, Some(327));
        assert_eq!(uri.object.as_deref(), Some("my-certificate"));
        assert_eq!(uri.class.as_deref(), Some("cert"));
        assert_eq!(uri.id.as_deref(), Some(&[0x69, 0x95, 0x3e, 0x5c, 0xf4, 0xbd][..]));
        assert_eq!(uri.pin_file, Some("/etc/token".into()));
        assert_eq!(uri.module_name.as_deref(), Some("mypkcs11"));
        assert_eq!(parse("pkcs11:"), Uri::default());
        assert_eq!(parse("PKCS11:?module-path=/a.so").module_path, Some("/a.so".into()));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let uri = Uri {
            token: Some("Zürich; 100% = ?".to_owned()),
            object: Some("a/b".to_owned()),
            id: Some(vec![0, b'a', 255]),
            ..Uri::default()
        };
        assert_eq!(
            uri.to_string(),
            "pkcs11:token=Z%C3%BCrich%3B%20100%25%20%3D%20%3F;object=a%2Fb;id=%00%61%FF"
        );
        assert_eq!(parse(&uri.to_string()), uri);
    }

    #[test]
    fn pin_sources_are_files_of_this_machine() {
        for source in ["/p", "file:/p", "file:///p", "file://localhost/p"] {
            let uri = parse(&format!("pkcs11:?pin-source={source}"));
            assert_eq!(uri.pin_file, Some("/p".into()), "{source}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("token=a", "does not begin"),
            ("pkcs11:token", "has no value"),
            ("pkcs11:token=a;token=b", "twice"),
            ("pkcs11:token=%4", "hexadecimal"),
            ("pkcs11:token=%zz", "hexadecimal"),
            ("pkcs11:token=%FF", "UTF-8"),
            ("pkcs11:tokne=a", "no attribute"),
            ("pkcs11:type=key", "one of cert"),
            ("pkcs11:slot-id=x", "not a number"),
            ("pkcs11:?pin-source=http://example.org/pin", "whole path"),
            ("pkcs11:?pin-value=1234", "other users"),
            ("pkcs11:?module-name=../evil", "without directory"),
        ] {
            let error = text.parse::<Uri>().expect_err(text);
            assert_eq!(error.kind(), Kind::Usage, "{text}");
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
    }
}
