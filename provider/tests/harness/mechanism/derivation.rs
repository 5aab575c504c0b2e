//! Mechanisms that derive several keys, and answer in their parameters.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Attribute, Mechanism, MechanismType, address, flat};
use crate::harness::attribute::words;

/// One `CK_PRF_DATA_PARAM`.
#[derive(Clone, Copy, Debug)]
pub enum Field<'a> {
    /// The iteration variable of counter mode: little-endian, bits.
    Iteration(bool, u64),
    /// That of the other modes.
    Feedback,
    /// Little-endian, bits.
    Counter(bool, u64),
    /// Method, little-endian, bits.
    Length(u64, bool, u64),
    Bytes(&'a [u8]),
    Key(u64),
    /// A field of that number without a value.
    Other(u64),
}

impl Field<'_> {
    fn parts(self) -> (u64, Vec<u8>) {
        match self {
            Self::Iteration(little, bits) => (1, flat(&[little.into(), bits])),
            Self::Feedback => (1, Vec::new()),
            Self::Counter(little, bits) => (2, flat(&[little.into(), bits])),
            Self::Length(method, little, bits) => (3, flat(&[method, little.into(), bits])),
            Self::Bytes(bytes) => (4, bytes.to_vec()),
            Self::Key(handle) => (5, flat(&[handle])),
            Self::Other(number) => (number, Vec::new()),
        }
    }
}

impl Mechanism {
    /// `CK_SP800_108_KDF_PARAMS`, or with an IV `CK_SP800_108_FEEDBACK_KDF_PARAMS`, and the
    /// templates of additional keys, whose handles are [`returned`](Self::returned).
    pub fn sp800_108(
        id: MechanismType,
        prf: MechanismType,
        fields: &[Field<'_>],
        iv: Option<&[u8]>,
        further: &[Vec<Attribute>],
    ) -> Self {
        let (mut array, mut pointees) = (Vec::new(), Vec::new());
        for (kind, value) in fields.iter().map(|field| field.parts()) {
            array.extend([kind, address(&value), value.len() as u64]);
            pointees.push(value);
        }
        let returned: Vec<_> = further.iter().map(|_| AtomicU64::new(u64::MAX)).collect();
        let templates: Vec<_> = further.to_vec();
        let mut keys = Vec::new();
        for (template, handle) in templates.iter().zip(&returned) {
            let entries = flat(&words(template));
            keys.extend([address(&entries), template.len() as u64, handle.as_ptr() as u64]);
            pointees.push(entries);
        }
        let (array, keys) = (flat(&array), flat(&keys));
        let iv = iv.map(<[u8]>::to_vec);
        let mut parameter = vec![prf.0, fields.len() as u64, address(&array)];
        if let Some(iv) = &iv {
            parameter.extend([iv.len() as u64, address(iv)]);
        }
        parameter.extend([further.len() as u64, address(&keys)]);
        pointees.extend([array, keys, iv.unwrap_or_default()]);
        let len = parameter.len() * 8;
        let mut mechanism = Self::structure(id, parameter, len, pointees);
        mechanism._templates = templates;
        mechanism.returned = returned;
        mechanism
    }

    /// `CK_TLS12_MASTER_KEY_DERIVE_PARAMS` over the random data of client and server; the version
    /// is [`returned`](Self::returned) if it is asked for.
    pub fn tls_master(
        id: MechanismType,
        hash: MechanismType,
        data: [&[u8]; 2],
        version: bool,
    ) -> Self {
        let ([client, server], returned) = (data.map(<[u8]>::to_vec), word(version));
        let words = vec![
            address(&client),
            client.len() as u64,
            address(&server),
            server.len() as u64,
            returned.first().map_or(0, |word| word.as_ptr() as u64),
            hash.0,
        ];
        Self { returned, ..Self::structure(id, words, 48, vec![client, server]) }
    }

    /// `CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS`; the version as above.
    pub fn tls_extended_master(
        id: MechanismType,
        hash: MechanismType,
        session: &[u8],
        version: bool,
    ) -> Self {
        let (session, returned) = (session.to_vec(), word(version));
        let place = returned.first().map_or(0, |word| word.as_ptr() as u64);
        let words = vec![hash.0, address(&session), session.len() as u64, place];
        Self { returned, ..Self::structure(id, words, 32, vec![session]) }
    }

    /// `CK_TLS12_KEY_MAT_PARAMS`: bits of MACs, keys and IVs. Four handles are
    /// [`returned`](Self::returned), two places, and each IV in two words.
    pub fn tls_keys(
        id: MechanismType,
        hash: MechanismType,
        data: [&[u8]; 2],
        [mac, key, iv]: [u64; 3],
        export: bool,
    ) -> Self {
        let [client, server] = data.map(<[u8]>::to_vec);
        let returned: Vec<_> = (0..10).map(|_| AtomicU64::new(u64::MAX)).collect();
        for (place, iv) in [(4, 6), (5, 8)] {
            returned[place].store(returned[iv].as_ptr() as u64, Ordering::Relaxed);
        }
        let words = vec![
            mac,
            key,
            iv,
            export.into(),
            address(&client),
            client.len() as u64,
            address(&server),
            server.len() as u64,
            returned[0].as_ptr() as u64,
            hash.0,
        ];
        Self { returned, ..Self::structure(id, words, 80, vec![client, server]) }
    }

    /// `CK_TLS_KDF_PARAMS`.
    pub fn tls_kdf(
        id: MechanismType,
        hash: MechanismType,
        label: &[u8],
        data: [&[u8]; 2],
        context: Option<&[u8]>,
    ) -> Self {
        let ([client, server], label) = (data.map(<[u8]>::to_vec), label.to_vec());
        // An empty context is not none: its pointer is not NULL.
        let room = [context.unwrap_or_default(), &[0]].concat();
        let words = vec![
            hash.0,
            address(&label),
            label.len() as u64,
            address(&client),
            client.len() as u64,
            address(&server),
            server.len() as u64,
            context.map_or(0, |_| address(&room)),
            context.map_or(0, |context| context.len() as u64),
        ];
        Self::structure(id, words, 72, vec![client, server, label, room])
    }

    /// `CK_TLS_MAC_PARAMS`; the server is 1, the client 2.
    pub fn tls_mac(id: MechanismType, hash: MechanismType, len: u64, side: u64) -> Self {
        Self::structure(id, vec![hash.0, len, side], 24, Vec::new())
    }
}

/// Room for one word that the module writes.
fn word(wanted: bool) -> Vec<AtomicU64> {
    if wanted { vec![AtomicU64::new(u64::MAX)] } else { Vec::new() }
}
