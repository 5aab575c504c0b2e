//! Operations: every family of functions in one shape, so that one rule is one test.

use super::abi::Arg;
use super::object::{FILL, GUARD};
use super::{Code, Kind, Mechanism, Session};

/// A family of functions: Init, the one-shot function, Update and Final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Encrypt,
    Decrypt,
    Digest,
    Sign,
    Verify,
}

impl Function {
    pub const ALL: [Self; 5] =
        [Self::Encrypt, Self::Decrypt, Self::Digest, Self::Sign, Self::Verify];

    /// Names of Init, one-shot, Update, Final.
    pub fn names(self) -> [&'static str; 4] {
        match self {
            Self::Encrypt => ["C_EncryptInit", "C_Encrypt", "C_EncryptUpdate", "C_EncryptFinal"],
            Self::Decrypt => ["C_DecryptInit", "C_Decrypt", "C_DecryptUpdate", "C_DecryptFinal"],
            Self::Digest => ["C_DigestInit", "C_Digest", "C_DigestUpdate", "C_DigestFinal"],
            Self::Sign => ["C_SignInit", "C_Sign", "C_SignUpdate", "C_SignFinal"],
            Self::Verify => ["C_VerifyInit", "C_Verify", "C_VerifyUpdate", "C_VerifyFinal"],
        }
    }

    /// Whether Update gives output.
    pub fn streams(self) -> bool {
        matches!(self, Self::Encrypt | Self::Decrypt)
    }
}

/// Input of a call.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    Bytes(&'a [u8]),
    /// A NULL pointer with a length.
    Null(u64),
}

impl<'a> From<&'a [u8]> for Input<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Input<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Input<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> Input<'a> {
    pub(super) fn arguments(self) -> [Arg<'a>; 2] {
        match self {
            Self::Bytes(bytes) => [Arg::Bytes(bytes), Arg::Number(bytes.len() as u64)],
            Self::Null(len) => [Arg::Null, Arg::Number(len)],
        }
    }
}

/// Room for the output of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// A NULL pointer: only the length is asked for.
    Query,
    /// A buffer of so many bytes.
    Bytes(usize),
    /// The pointer to the length is NULL.
    NoLength,
}

/// What a call with output answered.
#[derive(Clone, Debug)]
pub struct Reply {
    pub answer: Result<(), Code>,
    /// The length as it was left.
    pub len: u64,
    /// The buffer as it was left.
    pub buffer: Vec<u8>,
}

impl Reply {
    /// The output, as long as the module said.
    pub fn done(mut self) -> Result<Vec<u8>, Code> {
        self.answer?;
        assert!(self.len as usize <= self.buffer.len(), "{} bytes were not written", self.len);
        self.buffer.truncate(self.len as usize);
        Ok(self.buffer)
    }

    /// The answer and the length.
    pub fn sized(&self) -> Result<u64, Code> {
        self.answer.map(|()| self.len)
    }

    /// Whether nothing was written.
    pub fn untouched(&self) -> bool {
        self.buffer.iter().all(|byte| *byte == FILL)
    }
}

impl Session<'_> {
    /// Calls a function whose last two arguments are an output buffer and its length.
    #[track_caller]
    pub fn output(&self, function: &'static str, rest: Vec<Arg<'_>>, room: Room) -> Reply {
        let size = if let Room::Bytes(size) = room { size } else { 0 };
        let (mut buffer, mut len) = (vec![FILL; size + GUARD], [size as u64]);
        let mut arguments = rest;
        arguments.push(match room {
            Room::Query => Arg::Null,
            Room::Bytes(_) | Room::NoLength => Arg::BytesMut(&mut buffer),
        });
        arguments.push(match room {
            Room::NoLength => Arg::Null,
            Room::Query | Room::Bytes(_) => Arg::WordsMut(&mut len),
        });
        let answer = self.call(function, arguments);
        assert!(
            buffer[size..].iter().all(|byte| *byte == FILL),
            "{function} wrote past its buffer"
        );
        buffer.truncate(size);
        Reply { answer, len: len[0], buffer }
    }

    pub fn init(&self, function: Function, mechanism: &Mechanism, key: u64) -> Result<(), Code> {
        let mut arguments = vec![Arg::Words(mechanism.words())];
        if function != Function::Digest {
            arguments.push(Arg::Number(key));
        }
        self.call(function.names()[0], arguments)
    }

    /// What Init answers; the operation that it may have started is ended.
    pub fn try_init(
        &self,
        function: Function,
        mechanism: &Mechanism,
        key: u64,
    ) -> Result<(), Code> {
        let answer = self.init(function, mechanism, key);
        if answer.is_ok() {
            self.abandon(function);
        }
        answer
    }

    /// Ends an operation, whatever its state.
    pub fn abandon(&self, function: Function) {
        if function == Function::Verify {
            let _ = self.verify(&[], &[]);
            let _ = self.verify_final(&[]);
        } else {
            let _ = self.whole(function, &[0; 16], Room::Bytes(1024));
            let _ = self.finish(function, Room::Bytes(4096));
        }
    }

    /// The one-shot function of all but verification.
    #[track_caller]
    pub fn whole<'a>(&self, function: Function, input: impl Into<Input<'a>>, room: Room) -> Reply {
        self.output(function.names()[1], input.into().arguments().into(), room)
    }

    /// Update, with output where the family has it.
    #[track_caller]
    pub fn update<'a>(&self, function: Function, input: impl Into<Input<'a>>, room: Room) -> Reply {
        let arguments: Vec<Arg<'_>> = input.into().arguments().into();
        match function.streams() {
            true => self.output(function.names()[2], arguments, room),
            false => {
                let answer = self.call(function.names()[2], arguments);
                Reply { answer, len: 0, buffer: Vec::new() }
            }
        }
    }

    /// Final of all but verification.
    #[track_caller]
    pub fn finish(&self, function: Function, room: Room) -> Reply {
        self.output(function.names()[3], Vec::new(), room)
    }

    pub fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), Code> {
        let [data, len] = Input::Bytes(data).arguments();
        let [signature, signature_len] = Input::Bytes(signature).arguments();
        self.call("C_Verify", vec![data, len, signature, signature_len])
    }

    pub fn verify_final(&self, signature: &[u8]) -> Result<(), Code> {
        self.call("C_VerifyFinal", Input::Bytes(signature).arguments().into())
    }

    /// Init and the one-shot function.
    pub fn run(
        &self,
        function: Function,
        mechanism: &Mechanism,
        key: u64,
        input: &[u8],
    ) -> Result<Vec<u8>, Code> {
        self.init(function, mechanism, key)?;
        let done = self.whole(function, input, Room::Bytes(input.len() + 1024)).done();
        // SoftHSM2 goes on after some errors.
        if done.is_err() && self.target.kind == Kind::SoftHsm {
            self.abandon(function);
        }
        done
    }

    /// Init, an Update for each part, Final.
    pub fn run_parts(
        &self,
        function: Function,
        mechanism: &Mechanism,
        key: u64,
        parts: &[&[u8]],
    ) -> Result<Vec<u8>, Code> {
        self.init(function, mechanism, key)?;
        let mut all = Vec::new();
        for part in parts {
            all.extend(self.update(function, *part, Room::Bytes(part.len() + 1024)).done()?);
        }
        let rest: usize = parts.iter().map(|part| part.len()).sum();
        all.extend(self.finish(function, Room::Bytes(rest + 1024)).done()?);
        Ok(all)
    }

    /// Init and the one-shot verification.
    pub fn check(
        &self,
        mechanism: &Mechanism,
        key: u64,
        data: &[u8],
        signature: &[u8],
    ) -> Result<(), Code> {
        self.init(Function::Verify, mechanism, key)?;
        self.verify(data, signature)
    }

    /// Init, an Update for each part, C_VerifyFinal.
    pub fn check_parts(
        &self,
        mechanism: &Mechanism,
        key: u64,
        parts: &[&[u8]],
        signature: &[u8],
    ) -> Result<(), Code> {
        self.init(Function::Verify, mechanism, key)?;
        for part in parts {
            self.update(Function::Verify, *part, Room::Query).answer?;
        }
        self.verify_final(signature)
    }

    /// A function with input and output in one buffer: where the input starts, how long it is, and
    /// where the output starts. The output may use the buffer to its end.
    pub fn in_place(
        &self,
        function: &'static str,
        buffer: &mut [u8],
        input: (usize, usize),
        output: usize,
    ) -> Result<Vec<u8>, Code> {
        let address = buffer.as_mut_ptr() as usize;
        let mut len = [(buffer.len() - output) as u64];
        self.call(
            function,
            vec![
                Arg::Returned(address + input.0),
                Arg::Number(input.1 as u64),
                Arg::Returned(address + output),
                Arg::WordsMut(&mut len),
            ],
        )?;
        Ok(buffer[output..output + len[0] as usize].to_vec())
    }
}
