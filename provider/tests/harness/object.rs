//! Objects: create, copy, change, read, find, destroy; keys: generate, wrap, unwrap, derive.

use super::abi::Arg;
use super::attribute::words;
use super::operation::{Reply, Room};
use super::{Attribute, AttributeType, Code, Mechanism, Session};

/// One attribute as C_GetAttributeValue left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// `ulValueLen` afterwards.
    pub len: u64,
    /// The buffer, as long as it was given.
    pub buffer: Vec<u8>,
}

impl Session<'_> {
    pub fn create(&self, template: &[Attribute]) -> Result<u64, Code> {
        let (template, mut handle) = (words(template), [0]);
        let count = template.len() as u64 / 3;
        self.call(
            "C_CreateObject",
            vec![Arg::Words(&template), Arg::Number(count), Arg::WordsMut(&mut handle)],
        )?;
        Ok(handle[0])
    }

    pub fn copy(&self, object: u64, template: &[Attribute]) -> Result<u64, Code> {
        let (template, mut handle) = (words(template), [0]);
        let count = template.len() as u64 / 3;
        self.call(
            "C_CopyObject",
            vec![
                Arg::Number(object),
                Arg::Words(&template),
                Arg::Number(count),
                Arg::WordsMut(&mut handle),
            ],
        )?;
        Ok(handle[0])
    }

    pub fn destroy(&self, object: u64) -> Result<(), Code> {
        self.call("C_DestroyObject", vec![Arg::Number(object)])
    }

    pub fn object_size(&self, object: u64) -> Result<u64, Code> {
        let mut size = [0];
        self.call("C_GetObjectSize", vec![Arg::Number(object), Arg::WordsMut(&mut size)])?;
        Ok(size[0])
    }

    /// C_GetAttributeValue with buffers of the given sizes, `None` for a NULL pointer: the answer
    /// and what it left of every entry.
    pub fn read(
        &self,
        object: u64,
        wanted: &[(AttributeType, Option<usize>)],
    ) -> (Result<(), Code>, Vec<Read>) {
        let mut buffers: Vec<Vec<u8>> =
            wanted.iter().map(|(_, room)| vec![FILL; room.unwrap_or(0) + GUARD]).collect();
        let mut template: Vec<u64> = Vec::new();
        for ((kind, room), buffer) in wanted.iter().zip(&mut buffers) {
            let pointer = room.map_or(0, |_| buffer.as_mut_ptr() as u64);
            template.extend([kind.0, pointer, room.unwrap_or(0) as u64]);
        }
        let count = wanted.len() as u64;
        let answer = self.call(
            "C_GetAttributeValue",
            vec![Arg::Number(object), Arg::WordsMut(&mut template), Arg::Number(count)],
        );
        let entries = template.chunks(3).zip(buffers).map(|(entry, mut buffer)| {
            let room = buffer.len() - GUARD;
            assert!(buffer[room..].iter().all(|byte| *byte == FILL), "written past the buffer");
            buffer.truncate(room);
            Read { len: entry[2], buffer }
        });
        (answer, entries.collect())
    }

    /// The value of one attribute.
    pub fn attribute(&self, object: u64, kind: AttributeType) -> Result<Vec<u8>, Code> {
        let (answer, read) = self.read(object, &[(kind, Some(8192))]);
        answer?;
        let mut read = read.into_iter().next().expect("one entry");
        read.buffer.truncate(read.len as usize);
        Ok(read.buffer)
    }

    pub fn flag(&self, object: u64, kind: AttributeType) -> Result<bool, Code> {
        let value = self.attribute(object, kind)?;
        assert!(matches!(value[..], [0] | [1]), "{kind:?} is {value:?}");
        Ok(value == [1])
    }

    pub fn number(&self, object: u64, kind: AttributeType) -> Result<u64, Code> {
        let value = self.attribute(object, kind)?;
        Ok(u64::from_ne_bytes(value.try_into().expect("a CK_ULONG")))
    }

    pub fn set(&self, object: u64, template: &[Attribute]) -> Result<(), Code> {
        let template = words(template);
        let count = template.len() as u64 / 3;
        self.call(
            "C_SetAttributeValue",
            vec![Arg::Number(object), Arg::Words(&template), Arg::Number(count)],
        )
    }

    pub fn find_init(&self, template: &[Attribute]) -> Result<(), Code> {
        let template = words(template);
        let count = template.len() as u64 / 3;
        self.call("C_FindObjectsInit", vec![Arg::Words(&template), Arg::Number(count)])
    }

    pub fn find_next(&self, most: usize) -> Result<Vec<u64>, Code> {
        let (mut found, mut count) = (vec![0; most], [u64::MAX]);
        self.call(
            "C_FindObjects",
            vec![Arg::WordsMut(&mut found), Arg::Number(most as u64), Arg::WordsMut(&mut count)],
        )?;
        assert!(count[0] <= most as u64, "{} objects in {most} places", count[0]);
        found.truncate(count[0] as usize);
        Ok(found)
    }

    pub fn find_final(&self) -> Result<(), Code> {
        self.call("C_FindObjectsFinal", vec![])
    }

    /// Every object that matches, asked for so many at a time.
    pub fn find_by(&self, template: &[Attribute], most: usize) -> Result<Vec<u64>, Code> {
        self.find_init(template)?;
        let mut all = Vec::new();
        loop {
            let some = self.find_next(most)?;
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        self.find_final()?;
        Ok(all)
    }

    pub fn find(&self, template: &[Attribute]) -> Result<Vec<u64>, Code> {
        self.find_by(template, 1024)
    }

    pub fn generate(&self, mechanism: &Mechanism, template: &[Attribute]) -> Result<u64, Code> {
        let (template, mut handle) = (words(template), [0]);
        let count = template.len() as u64 / 3;
        self.call(
            "C_GenerateKey",
            vec![
                Arg::Words(mechanism.words()),
                Arg::Words(&template),
                Arg::Number(count),
                Arg::WordsMut(&mut handle),
            ],
        )?;
        Ok(handle[0])
    }

    /// Public and private key.
    pub fn generate_pair(
        &self,
        mechanism: &Mechanism,
        public: &[Attribute],
        private: &[Attribute],
    ) -> Result<(u64, u64), Code> {
        let (public, private) = (words(public), words(private));
        let (mut public_handle, mut private_handle) = ([0], [0]);
        self.call(
            "C_GenerateKeyPair",
            vec![
                Arg::Words(mechanism.words()),
                Arg::Words(&public),
                Arg::Number(public.len() as u64 / 3),
                Arg::Words(&private),
                Arg::Number(private.len() as u64 / 3),
                Arg::WordsMut(&mut public_handle),
                Arg::WordsMut(&mut private_handle),
            ],
        )?;
        Ok((public_handle[0], private_handle[0]))
    }

    pub fn wrap_into(&self, mechanism: &Mechanism, wrapping: u64, key: u64, room: Room) -> Reply {
        let arguments =
            vec![Arg::Words(mechanism.words()), Arg::Number(wrapping), Arg::Number(key)];
        self.output("C_WrapKey", arguments, room)
    }

    pub fn wrap(&self, mechanism: &Mechanism, wrapping: u64, key: u64) -> Result<Vec<u8>, Code> {
        self.wrap_into(mechanism, wrapping, key, Room::Bytes(8192)).done()
    }

    pub fn unwrap(
        &self,
        mechanism: &Mechanism,
        unwrapping: u64,
        wrapped: &[u8],
        template: &[Attribute],
    ) -> Result<u64, Code> {
        let (template, mut handle) = (words(template), [0]);
        let count = template.len() as u64 / 3;
        self.call(
            "C_UnwrapKey",
            vec![
                Arg::Words(mechanism.words()),
                Arg::Number(unwrapping),
                Arg::Bytes(wrapped),
                Arg::Number(wrapped.len() as u64),
                Arg::Words(&template),
                Arg::Number(count),
                Arg::WordsMut(&mut handle),
            ],
        )?;
        Ok(handle[0])
    }

    /// C_DeriveKey without a place for a handle: the handles go where the parameter says.
    pub fn derive_by_parameter(
        &self,
        mechanism: &Mechanism,
        base: u64,
        template: &[Attribute],
    ) -> Result<(), Code> {
        let template = words(template);
        self.call(
            "C_DeriveKey",
            vec![
                Arg::Words(mechanism.words()),
                Arg::Number(base),
                Arg::Words(&template),
                Arg::Number(template.len() as u64 / 3),
                Arg::Null,
            ],
        )
    }

    pub fn derive(
        &self,
        mechanism: &Mechanism,
        base: u64,
        template: &[Attribute],
    ) -> Result<u64, Code> {
        let (template, mut handle) = (words(template), [0]);
        let count = template.len() as u64 / 3;
        self.call(
            "C_DeriveKey",
            vec![
                Arg::Words(mechanism.words()),
                Arg::Number(base),
                Arg::Words(&template),
                Arg::Number(count),
                Arg::WordsMut(&mut handle),
            ],
        )?;
        Ok(handle[0])
    }
}

/// What buffers hold before a call, and behind what the module was given of them.
pub const FILL: u8 = 0xa5;
/// So many bytes behind each buffer must stay as they are.
pub const GUARD: usize = 32;
