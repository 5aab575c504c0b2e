//! Init, Update, Final and one-shot functions of every kind of operation, alone and in pairs.

use pkcs11_sys as ck;

use super::buffers::{Data, Room};
use super::mechanism::{self, Chosen, Fits, Kind};
use super::model::{Class, KeyKind, Mode, Op, Part, Role};
use super::world::{
    ACTIVE, ARGUMENTS_BAD, Codes, FINAL, INIT, Made, NOT_INITIALIZED, NOT_LOGGED_IN, OK, TOO_SMALL,
    UPDATE, WHOLE, World,
};

const MECHANISM_INVALID: u32 = ck::CKR_MECHANISM_INVALID as u32;
const PARAM_INVALID: u32 = ck::CKR_MECHANISM_PARAM_INVALID as u32;

/// What is foretold of an output.
#[derive(Clone, Debug)]
pub enum Size {
    Exactly(usize),
    /// These bytes.
    Output(Vec<u8>),
    Unknown,
    /// None: the input is no whole number of blocks.
    Never,
}

impl World<'_> {
    pub fn init(&mut self, class: Class) {
        let session = self.some_session();
        let chosen = match self.input.once_in(24) {
            true => None,
            false => Some(mechanism::choose(&mut self.input, self.arena, class)),
        };
        let key = match class {
            Class::Digest => 0,
            _ => self.some_key(chosen.as_ref(), class),
        };
        let address = chosen.as_ref().map_or(0, |chosen| chosen.address);
        let arguments = [session as usize, address, key as usize];
        let function = INIT[class as usize];
        let taken = if class == Class::Digest { 2 } else { 3 };
        let rv = self.call(function, &arguments[..taken]);
        let codes = self.init_codes(class, session, chosen.as_ref(), key);
        self.permit(function, rv, &codes);
        if rv == OK {
            self.began(class, session, chosen.as_ref(), key);
        }
    }

    /// A key that fits mostly.
    pub fn some_key(&mut self, chosen: Option<&Chosen>, class: Class) -> u64 {
        let any = self.some_object();
        let Some(chosen) = chosen.filter(|_| !self.input.once_in(8)) else { return any };
        let fits = self.model.objects.iter().filter(|object| {
            chosen.mech.takes(object.kind) && object.usage & 1 << class as u8 != 0
        });
        let fits: Vec<u64> = fits.map(|object| object.handle).collect();
        match fits.len() {
            0 => any,
            there => fits[any as usize % there],
        }
    }

    fn init_codes(
        &mut self,
        class: Class,
        session: u64,
        chosen: Option<&Chosen>,
        key: u64,
    ) -> Codes {
        if let Some(codes) = self.refused(session) {
            return codes;
        }
        let login = self.model.login;
        let open = self.model.session(session).expect("looked for just now");
        let running = &open.ops[class as usize];
        let Some(chosen) = chosen else {
            return match running {
                Some(_) => Codes::just(OK),
                None => Codes::just(ARGUMENTS_BAD),
            };
        };
        // "it may or may not be the case that those operations are still active" (C_Logout)
        let lapsed = running.as_ref().is_some_and(|op| op.login.is_some_and(|word| word != login));
        let codes = Codes::none()
            .and_if(!chosen.mech.does(class), MECHANISM_INVALID)
            .and_if(chosen.fits == Fits::No, PARAM_INVALID)
            .and_if(running.is_some(), ACTIVE);
        let codes =
            if class == Class::Digest { codes } else { self.key_codes(codes, class, chosen, key) };
        codes.or_ok().and_if(chosen.fits == Fits::Perhaps, PARAM_INVALID).and_if(lapsed, OK)
    }

    /// What speaks against a key.
    pub fn key_codes(&self, codes: Codes, class: Class, chosen: &Chosen, key: u64) -> Codes {
        let Some(object) = self.model.object(key).filter(|key| key.kind != KeyKind::None) else {
            return codes.and(ck::CKR_KEY_HANDLE_INVALID as u32);
        };
        let vague = object.kind == KeyKind::Vague;
        codes
            .and_if(!chosen.mech.takes(object.kind), ck::CKR_KEY_TYPE_INCONSISTENT as u32)
            .and_if(object.usage & 1 << class as u8 == 0, ck::CKR_KEY_FUNCTION_NOT_PERMITTED as u32)
            .or_row(vague)
    }

    fn began(&mut self, class: Class, session: u64, chosen: Option<&Chosen>, key: u64) {
        let login = self.model.login;
        let object = self.model.object(key).filter(|_| class != Class::Digest).cloned();
        let Some(open) = self.model.session(session) else { return };
        open.ops[class as usize] = chosen.map(|chosen| Op {
            mech: chosen.mech,
            param: chosen.param,
            key: object.as_ref().map(|object| object.serial),
            login: object.as_ref().filter(|object| object.private).map(|_| login),
            awaits: object.as_ref().is_some_and(|key| key.private && key.always_authenticate),
            mode: Mode::Fresh,
            data: Some(Vec::new()),
            pending: 0,
        });
    }

    /// One of the functions that give something out, or that verify.
    pub fn transform(&mut self, class: Class, part: Part) {
        let recovers = matches!(class, Class::SignRecover | Class::VerifyRecover);
        let runs = self.model.sessions.iter().any(|session| session.ops[class as usize].is_some());
        if !runs && !recovers && !self.input.once_in(4) {
            self.init(class);
            self.arena.clear();
        }
        match (class, part) {
            _ if recovers => self.produce(class, Part::Whole, WHOLE[class as usize]),
            (Class::Verify, Part::Whole | Part::Final) => self.verify(part),
            (Class::Verify | Class::Sign | Class::Digest, Part::Update) => self.absorb(class),
            (_, Part::Whole) => self.produce(class, part, WHOLE[class as usize]),
            (_, Part::Update) => self.produce(class, part, UPDATE[class as usize]),
            (_, Part::Final) => self.produce(class, part, FINAL[class as usize]),
        }
    }

    fn produce(&mut self, class: Class, part: Part, function: usize) {
        let session = self.session_with(class);
        let mut data = match part {
            Part::Final => Data { address: 0, len: 0, bytes: Some(Vec::new()) },
            _ => self.fed(class, session),
        };
        let size = self.foretold(class, part, session, &data);
        let room = self.room(size.len(), &mut data);
        let (input, output) = ([data.address, data.len as usize], [room.address, room.len_address]);
        let rv = match part {
            Part::Final => self.call(function, &[session as usize, output[0], output[1]]),
            _ => {
                let arguments = [session as usize, input[0], input[1], output[0], output[1]];
                self.call(function, &arguments)
            }
        };
        let codes = match self.drive_codes(class, part, session) {
            Ok(codes) => codes,
            Err(codes) => return self.permit(function, rv, &codes),
        };
        let bad = data.bytes.is_none() || room.is_bad();
        let codes = codes.and_if(bad, ARGUMENTS_BAD);
        let permitted = if codes.is_empty() { size.codes(&room) } else { codes };
        self.permit(function, rv, &permitted);
        self.told(&size, &room, rv);
        if rv == OK && !room.is_query() && part != Part::Update {
            self.keep(class, part, session, &data, room.bytes(room.told() as usize));
        }
        self.drove(class, part, session, &data, rv, room.is_query());
    }

    /// Input: mostly of a pattern, sometimes what the module made before.
    fn fed(&mut self, class: Class, session: u64) -> Data {
        if class != Class::Decrypt || self.input.once_in(3) {
            return self.data();
        }
        let op = self.model.session(session).and_then(|open| open.ops[class as usize].clone());
        let made = op.and_then(|op| {
            let same = |made: &&Made| {
                made.class == Class::Encrypt && made.mech == op.mech.id && made.output.len() < 2048
            };
            self.made.iter().find(same).map(|made| made.output.clone())
        });
        match made {
            Some(output) => self.given(output),
            None => self.data(),
        }
    }

    /// What comes out if nothing speaks against the call.
    pub fn foretold(&mut self, class: Class, part: Part, session: u64, data: &Data) -> Size {
        let Some(op) =
            self.model.session(session).and_then(|open| open.ops[class as usize].clone())
        else {
            return Size::Unknown;
        };
        let len = data.bytes.as_ref().map_or(0, Vec::len);
        if class == Class::Decrypt
            && part == Part::Whole
            && let Some(plain) = self.plaintext(&op, data)
        {
            return Size::Output(plain);
        }
        match (op.mech.kind, part) {
            (Kind::Fixed(size), Part::Whole | Part::Final) => Size::Exactly(size),
            (Kind::Truncated, Part::Whole | Part::Final) => Size::Exactly(op.param as usize),
            (Kind::Blocks, Part::Whole) if len.is_multiple_of(16) => Size::Exactly(len),
            (Kind::Blocks, Part::Whole) => Size::Never,
            (Kind::Blocks, Part::Update) => Size::Exactly((op.pending + len) / 16 * 16),
            (Kind::Blocks, Part::Final) if op.pending == 0 => Size::Exactly(0),
            (Kind::Blocks, Part::Final) => Size::Never,
            (Kind::Padded, Part::Whole) if class == Class::Encrypt => {
                Size::Exactly((len / 16 + 1) * 16)
            }
            (Kind::Padded, Part::Update) if class == Class::Encrypt => {
                Size::Exactly((op.pending + len) / 16 * 16)
            }
            (Kind::Padded, Part::Final) if class == Class::Encrypt => Size::Exactly(16),
            (Kind::Stream, Part::Whole | Part::Update) => Size::Exactly(len),
            (Kind::Stream, Part::Final) => Size::Exactly(0),
            (Kind::Tagged, Part::Whole) if class == Class::Encrypt => Size::Exactly(len + 16),
            _ => Size::Unknown,
        }
    }

    /// What was encrypted, if this is what came out of it.
    fn plaintext(&self, op: &Op, data: &Data) -> Option<Vec<u8>> {
        let bytes = data.bytes.as_ref()?;
        let made = self.made.iter().find(|made| {
            made.class == Class::Encrypt
                && (made.mech, made.param, Some(made.key)) == (op.mech.id, op.param, op.key)
                && made.output == *bytes
        })?;
        Some(made.data.clone())
    }

    /// What speaks against going on with an operation; an error if none is looked at.
    pub fn drive_codes(&mut self, class: Class, part: Part, session: u64) -> Result<Codes, Codes> {
        if let Some(codes) = self.refused(session) {
            return Err(codes);
        }
        let login = self.model.login;
        let open = self.model.session(session).expect("looked for just now");
        let Some(op) = open.ops[class as usize].clone() else {
            return Err(Codes::just(NOT_INITIALIZED));
        };
        let lapsed = op.login.is_some_and(|word| word != login);
        let key_is_gone = op.key.is_some_and(|key| self.model.by_serial(key).is_none());
        let wanted = if part == Part::Whole { Mode::Single } else { Mode::Multi };
        let single = op.mech.single && part == Part::Update;
        Ok(Codes::none()
            .and_if(lapsed || op.awaits, NOT_LOGGED_IN)
            .and_if(lapsed || key_is_gone || single, NOT_INITIALIZED)
            .and_if(op.mode != Mode::Fresh && op.mode != wanted, ACTIVE))
    }

    /// What became of the operation.
    pub fn drove(
        &mut self,
        class: Class,
        part: Part,
        session: u64,
        data: &Data,
        rv: u32,
        query: bool,
    ) {
        let Some(open) = self.model.session(session) else { return };
        let Some(op) = &mut open.ops[class as usize] else { return };
        let mode = if part == Part::Whole { Mode::Single } else { Mode::Multi };
        match (rv, part) {
            (TOO_SMALL, _) => op.mode = mode,
            (OK, _) if query => op.mode = mode,
            (OK, Part::Update) => {
                op.mode = mode;
                op.absorb(data.bytes.as_deref());
            }
            // "always terminates the active operation unless it returns CKR_BUFFER_TOO_SMALL"
            _ => open.ops[class as usize] = None,
        }
    }

    pub fn told(&self, size: &Size, room: &Room, rv: u32) {
        if ![OK, TOO_SMALL].contains(&rv) {
            return;
        }
        let told = room.told();
        if let Size::Exactly(len) = size {
            self.holds(told == *len as u64, &format!("{len} bytes, not {told}"));
        }
        if rv == OK && !room.is_query() {
            self.holds(told <= room.len, "no more bytes than there is room");
            if let Size::Output(output) = size {
                self.holds(room.bytes(told as usize) == *output, "what was encrypted comes back");
            }
        }
    }

    /// Remembers what was made, for the call that undoes or verifies it.
    fn keep(&mut self, class: Class, part: Part, session: u64, data: &Data, output: Vec<u8>) {
        if !matches!(class, Class::Sign | Class::Encrypt) {
            return;
        }
        let Some(op) =
            self.model.session(session).and_then(|open| open.ops[class as usize].clone())
        else {
            return;
        };
        let before = if part == Part::Whole { Some(Vec::new()) } else { op.data };
        let (Some(mut whole), Some(last), Some(key)) = (before, &data.bytes, op.key) else {
            return;
        };
        // The output of earlier parts is not kept, so only what came out whole is known.
        if class == Class::Encrypt && part != Part::Whole {
            return;
        }
        whole.extend(last);
        if self.made.len() >= 8 {
            self.made.remove(0);
        }
        let (mech, param) = (op.mech.id, op.param);
        self.made.push(Made { class, mech, param, key, data: whole, output });
    }

    fn absorb(&mut self, class: Class) {
        let session = self.session_with(class);
        let data = self.data();
        let function = UPDATE[class as usize];
        let rv = self.call(function, &[session as usize, data.address, data.len as usize]);
        let codes = match self.drive_codes(class, Part::Update, session) {
            Ok(codes) => codes.and_if(data.bytes.is_none(), ARGUMENTS_BAD).or_ok(),
            Err(codes) => return self.permit(function, rv, &codes),
        };
        self.permit(function, rv, &codes);
        self.drove(class, Part::Update, session, &data, rv, false);
    }

    fn verify(&mut self, part: Part) {
        let class = Class::Verify;
        let session = self.session_with(class);
        let made = match self.input.byte() {
            choice if choice & 3 != 3 => {
                let signed: Vec<&Made> =
                    self.made.iter().filter(|made| made.class == Class::Sign).collect();
                let chosen = signed.get(usize::from(choice >> 2) % signed.len().max(1));
                chosen.map(|made| (made.data.clone(), made.output.clone()))
            }
            _ => None,
        };
        let (data, signature) = match made {
            Some((data, output)) => (self.given(data), self.given(output)),
            None => (self.data(), self.data()),
        };
        let signed = [signature.address, signature.len as usize];
        let function = if part == Part::Whole { WHOLE[4] } else { FINAL[4] };
        let rv = match part {
            Part::Whole => {
                let whole = [data.address, data.len as usize];
                self.call(function, &[session as usize, whole[0], whole[1], signed[0], signed[1]])
            }
            _ => self.call(function, &[session as usize, signed[0], signed[1]]),
        };
        let codes = match self.drive_codes(class, part, session) {
            Ok(codes) => codes,
            Err(codes) => return self.permit(function, rv, &codes),
        };
        let bad = signature.bytes.is_none() || part == Part::Whole && data.bytes.is_none();
        let codes = codes.and_if(bad, ARGUMENTS_BAD);
        let codes = match codes.is_empty() {
            true => self.verdict(part, session, &data, &signature),
            false => codes,
        };
        self.permit(function, rv, &codes);
        self.drove(class, part, session, &data, rv, false);
    }

    fn verdict(&mut self, part: Part, session: u64, data: &Data, signature: &Data) -> Codes {
        let unknown = Codes::just(OK)
            .and(ck::CKR_SIGNATURE_INVALID as u32)
            .and(ck::CKR_SIGNATURE_LEN_RANGE as u32)
            .and(ck::CKR_DATA_LEN_RANGE as u32);
        let op = self.model.session(session).and_then(|open| open.ops[4].clone());
        let (Some(op), Some(signature)) = (op, &signature.bytes) else { return unknown };
        let whole = match part {
            Part::Whole => data.bytes.clone(),
            _ => op.data.clone(),
        };
        let size = match op.mech.kind {
            Kind::Fixed(size) => size,
            Kind::Truncated => op.param as usize,
            _ => return unknown,
        };
        if signature.len() != size {
            return Codes::just(ck::CKR_SIGNATURE_LEN_RANGE as u32);
        }
        let of = |made: &&Made| {
            made.class == Class::Sign
                && (made.mech, made.param) == (op.mech.id, op.param)
                && Some(&made.data) == whole.as_ref()
                && made.output == *signature
        };
        match self.made.iter().find(of) {
            // Deterministic: the same key, or a copy of it.
            Some(made) if Some(made.key) == op.key => Codes::just(OK),
            _ if op.mech.keys_are_secret()
                && self.made.iter().all(|made| made.output != *signature) =>
            {
                Codes::just(ck::CKR_SIGNATURE_INVALID as u32)
            }
            _ => unknown,
        }
    }

    /// Whether the user is logged in.
    pub fn is_user(&self) -> bool {
        self.model.role == Role::User
    }
}

impl Op {
    fn absorb(&mut self, bytes: Option<&[u8]>) {
        let len = bytes.map_or(0, <[u8]>::len);
        self.pending = (self.pending + len) % 16;
        self.data = match (self.data.take(), bytes) {
            (Some(mut data), Some(bytes)) if data.len() + bytes.len() <= 4096 => {
                data.extend_from_slice(bytes);
                Some(data)
            }
            _ => None,
        };
    }
}

impl Size {
    pub fn len(&self) -> Option<usize> {
        match self {
            Self::Exactly(len) => Some(*len),
            Self::Output(output) => Some(output.len()),
            Self::Unknown | Self::Never => None,
        }
    }

    /// What a call may answer that nothing speaks against.
    pub fn codes(&self, room: &Room) -> Codes {
        let len_range =
            Codes::just(ck::CKR_DATA_LEN_RANGE as u32).and(ck::CKR_ENCRYPTED_DATA_LEN_RANGE as u32);
        match self {
            Self::Exactly(len) if !room.is_query() && room.len < *len as u64 => {
                Codes::just(TOO_SMALL)
            }
            Self::Exactly(_) => Codes::just(OK),
            // Before the padding is looked at, its length is not known.
            Self::Output(_) => Codes::just(OK).and_if(!room.is_query(), TOO_SMALL),
            Self::Unknown => len_range
                .and(OK)
                .and(ck::CKR_DATA_INVALID as u32)
                .and(ck::CKR_ENCRYPTED_DATA_INVALID as u32)
                .and_if(!room.is_query(), TOO_SMALL),
            Self::Never => {
                len_range.and_if(room.is_query(), OK).and_if(!room.is_query(), TOO_SMALL)
            }
        }
    }
}
