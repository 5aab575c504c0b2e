//! The calls of the model on a real module, through the C interface. Beside each the test keeps what
//! the attacker could keep: wrapped keys, and the bytes of every value that came to light.

use std::collections::BTreeMap;

use crate::explore::Scenario;
use crate::harness::abi::Arg;
use crate::harness::attribute::{merged, words};
use crate::harness::{
    Attribute, AttributeType as A, Code, Flags, Function, Hash, KeyType, Kind, Mechanism,
    MechanismType as M, ObjectClass, Room, Session, Target, Who, keys,
};
use crate::model::*;
use crate::rules::Rules;

/// The length of every key value.
const LEN: usize = 16;
/// The attacker's value.
const OWN: [u8; LEN] = *b"the attacker's 1";
const IV: [u8; 12] = [3; 12];

/// Flags of the model that are attributes of secret keys.
const ATTRIBUTES: [(u16, A); 10] = [
    (SENSITIVE, A::SENSITIVE),
    (EXTRACTABLE, A::EXTRACTABLE),
    (GUARDED, A::WRAP_WITH_TRUSTED),
    (TRUSTED, A::TRUSTED),
    (WRAP, A::WRAP),
    (UNWRAP, A::UNWRAP),
    (ENCRYPT, A::ENCRYPT),
    (DECRYPT, A::DECRYPT),
    (DERIVE, A::DERIVE),
    (MODIFIABLE, A::MODIFIABLE),
];
const HISTORY: [(u16, A); 3] =
    [(ALWAYS, A::ALWAYS_SENSITIVE), (NEVER, A::NEVER_EXTRACTABLE), (LOCAL, A::LOCAL)];

/// A session of the user, and keys that the security officer made before.
pub struct Stage<'t> {
    pub session: Session<'t>,
    officers: Vec<u64>,
}

impl<'t> Stage<'t> {
    /// Has the security officer make his key for so many walks, then logs in the user.
    ///
    /// # Errors
    /// What the module answers to the officer.
    pub fn new(target: &'t Target, row: &Scenario, walks: usize) -> Result<Self, Code> {
        let session = target.open(Flags::ReadWrite)?;
        let trusted = row.start.keys[1].filter(|key| key.is(TRUSTED));
        let mut officers: Vec<u64> = Vec::new();
        if let Some(key) = trusted {
            session.login(Who::SecurityOfficer, target.so_pin())?;
            let made: Result<_, Code> = (0..walks).map(|_| Self::trusted(&session, key)).collect();
            session.logout()?;
            officers = made.or_else(|code| session.close().and(Err(code)))?;
        }
        session.login(Who::User, target.user_pin())?;
        Ok(Self { session, officers })
    }

    fn trusted(session: &Session<'_>, key: Key) -> Result<u64, Code> {
        let open = [Attribute::flag(A::PRIVATE, false)];
        let template = match key.is(PUBLIC) {
            true => {
                let modulus = if key.is(WEAK) { 2048 } else { 3072 };
                let uses = keys::flags(&[A::WRAP, A::TRUSTED], true);
                merged(&[&keys::rsa_public(modulus), &uses])
            }
            false => {
                let value = keys::secret(KeyType::AES, &session.random(LEN)?);
                merged(&[&value, &attributes(session, key.flags, false), &open])
            }
        };
        session.create(&template)
    }

    /// The keys of a scenario, for one walk.
    ///
    /// # Errors
    /// What the module answers.
    pub fn begin(&mut self, row: &Scenario, on_token: bool) -> Result<Real<'t>, Code> {
        let session = self.session;
        let secret = session.random(LEN)?;
        let mut real = Real {
            session,
            state: row.start,
            on_token,
            handles: [None; KEYS],
            wrapped: BTreeMap::new(),
            known: BTreeMap::from([(KNOWN, OWN.to_vec())]),
            secret,
            made: 0,
        };
        let planted = row.start.keys[0].expect("the planted key");
        let uses = attributes(&session, planted.flags, on_token);
        if row.start.derived {
            let base = row.start.keys[1].expect("its base key");
            real.handles[1] = Some(real.base(base)?);
            let data = Mechanism::string_data(M::AES_ECB_ENCRYPT_DATA, &[0; LEN]);
            let wanted = merged(&[&real.aes(), &uses]);
            real.handles[0] = Some(session.derive(&data, real.handles[1].unwrap(), &wanted)?);
        } else {
            let value = keys::secret(KeyType::AES, &real.secret);
            real.handles[0] = Some(session.create(&merged(&[&value, &uses]))?);
            real.handles[1] = self.officers.pop();
        }
        Ok(real)
    }
}

/// One walk on the module.
pub struct Real<'t> {
    session: Session<'t>,
    /// What the model says.
    pub state: State,
    on_token: bool,
    handles: [Option<u64>; KEYS],
    wrapped: BTreeMap<(Mode, Value, Value), Vec<u8>>,
    /// The bytes of the values that came to light.
    known: BTreeMap<Value, Vec<u8>>,
    /// The planted value, which the test knows and the attacker does not.
    secret: Vec<u8>,
    /// How many keys were derived, so that each is another.
    made: u8,
}

impl Real<'_> {
    /// Makes the call if its keys are there, and says what the module and the rules answered; they
    /// have to agree.
    ///
    /// # Errors
    /// A story where they do not.
    pub fn step(&mut self, rules: &Rules, call: Call) -> Result<Option<bool>, String> {
        let expected = rules.apply(&self.state, call);
        if expected.is_err_and(|why| NO_CALL.contains(&why)) {
            return Ok(None);
        }
        let answer = self.perform(call);
        if answer.is_ok() != expected.is_ok() {
            let expected = expected.map(|_| ());
            return Err(format!("the module answers {answer:?}, the model {expected:?}"));
        }
        if let Ok(next) = expected {
            self.state = next;
            self.learn();
        }
        match self.leaked() == self.state.knows(PLANTED) {
            true => Ok(Some(answer.is_ok())),
            false => Err(format!("the value is out: module {}, model not so", self.leaked())),
        }
    }

    /// Makes the call whatever the rules say; the state is what the rules of this module make of it.
    ///
    /// # Errors
    /// What the module answers.
    pub fn attack(&mut self, rules: &Rules, call: Call) -> Result<(), Code> {
        self.perform(call)?;
        if let Ok(next) = rules.apply(&self.state, call) {
            self.state = next;
        }
        self.learn();
        Ok(())
    }

    /// An attack that is no sequence of the model's calls: what it gives on the planted key.
    ///
    /// # Errors
    /// What the module answers.
    pub fn other(
        &mut self,
        way: impl Fn(&Session<'_>, u64) -> Result<Vec<u8>, Code>,
    ) -> Result<(), Code> {
        let bytes = way(&self.session, self.handle(0))?;
        self.known.insert(PLANTED, bytes);
        Ok(())
    }

    /// Whether the attacker has the planted value.
    pub fn leaked(&self) -> bool {
        self.known.get(&PLANTED).is_some_and(|bytes| *bytes == self.secret)
    }

    /// Holds every attribute of every key against the model, tries to read what is hidden, and
    /// destroys the keys.
    ///
    /// # Errors
    /// What differs.
    pub fn finish(self) -> Result<(), String> {
        for (handle, key) in self.handles.iter().zip(self.state.keys) {
            let (Some(handle), Some(key)) = (*handle, key) else { continue };
            if key.is(PUBLIC) {
                continue;
            }
            for (flag, id) in ATTRIBUTES.into_iter().chain(HISTORY) {
                let there = self.session.flag(handle, id);
                if there != Ok(key.is(flag)) {
                    return Err(format!("{id:?} is {there:?}, in the model {}", key.is(flag)));
                }
            }
            let read = self.session.attribute(handle, A::VALUE);
            if read.is_err() != key.hidden() {
                return Err(format!("CKA_VALUE reads as {:?}", read.map(|_| ())));
            }
        }
        for (place, handle) in self.handles.iter().enumerate() {
            if let Some(handle) = handle.filter(|_| !self.state.keys[place].unwrap().is(TRUSTED)) {
                self.session.destroy(handle).map_err(|code| format!("destroy: {code:?}"))?;
            }
        }
        Ok(())
    }

    fn handle(&self, place: usize) -> u64 {
        self.handles[place].expect("the model has this key")
    }

    fn perform(&mut self, call: Call) -> Result<(), Code> {
        let session = self.session;
        let made = match call {
            Call::Generate { flags } => {
                let wanted = merged(&[&[length(LEN)], &self.template(flags)]);
                session.generate(&Mechanism::plain(M::AES_KEY_GEN), &wanted)?
            }
            Call::Create { flags } => {
                let value = keys::secret(KeyType::AES, &OWN);
                session.create(&merged(&[&value, &self.template(flags)]))?
            }
            Call::Copy { key, set, clear } => {
                session.copy(self.handle(key), &change(set, clear))?
            }
            Call::Set { key, set, clear } => {
                return session.set(self.handle(key), &change(set, clear));
            }
            Call::Wrap { mode, with, key } => return self.wrap(mode, with, key),
            Call::Unwrap { mode, with, inner, flags } => {
                let bytes = self.wrapped[&(mode, self.value(with), inner)].clone();
                let wanted = merged(&[&self.aes()[..2], &self.template(flags)]);
                session.unwrap(&self.mechanism(mode, with), self.handle(with), &bytes, &wanted)?
            }
            Call::Open { mode, with, inner } => return self.open(mode, with, inner),
            Call::Stream { with, inner } => return self.stream(with, inner),
            Call::Forge { with } => return self.forge(with),
            Call::Derive { how, key, flags } => match self.derive(how, key, flags)? {
                Some(made) => made,
                None => return Ok(()),
            },
            Call::Digest { key } => return self.digest(key),
            Call::Read { key } => {
                let bytes = session.attribute(self.handle(key), A::VALUE)?;
                self.known.insert(self.value(key), bytes);
                return Ok(());
            }
            Call::Destroy { key } => {
                session.destroy(self.handle(key))?;
                self.handles[key] = None;
                return Ok(());
            }
        };
        let place = self.state.room().expect("the model has a place for it");
        self.handles[place] = Some(made);
        Ok(())
    }

    fn value(&self, place: usize) -> Value {
        self.state.keys[place].expect("the model has this key").value
    }

    fn template(&self, flags: u16) -> Vec<Attribute> {
        attributes(&self.session, flags, self.on_token)
    }

    /// Class, key type and length.
    fn aes(&self) -> [Attribute; 3] {
        let class = Attribute::class(ObjectClass::SECRET_KEY);
        [class, Attribute::key_type(KeyType::AES), length(LEN)]
    }

    /// A base key whose derived keys are all hidden; the planted value is what comes of it.
    fn base(&mut self, key: Key) -> Result<u64, Code> {
        let value = self.session.random(LEN)?;
        let hidden = [Attribute::flag(A::SENSITIVE, true), Attribute::flag(A::EXTRACTABLE, false)];
        let nested: Vec<u8> = words(&hidden).iter().flat_map(|word| word.to_ne_bytes()).collect();
        let only = M::AES_ECB_ENCRYPT_DATA.0.to_ne_bytes();
        let more = [
            Attribute::bytes(A::DERIVE_TEMPLATE, &nested),
            Attribute::bytes(A::ALLOWED_MECHANISMS, &only),
        ];
        let own = self.own(&value)?;
        self.secret = self.block(Function::Encrypt, own, &[0; LEN])?;
        self.session.destroy(own)?;
        let template = self.template(key.flags);
        self.session.create(&merged(&[&keys::secret(KeyType::AES, &value), &template, &more]))
    }

    /// The attacker's own key of a value that he knows.
    fn own(&self, value: &[u8]) -> Result<u64, Code> {
        let flags = EXTRACTABLE | ENCRYPT | DECRYPT;
        let template = attributes(&self.session, flags, false);
        self.session.create(&merged(&[&keys::secret(KeyType::AES, value), &template]))
    }

    fn mechanism(&self, mode: Mode, with: usize) -> Mechanism {
        let public = self.state.keys[with].is_some_and(|key| key.is(PUBLIC));
        match mode {
            Mode::Sound if public => Mechanism::oaep(Hash::Sha256, Hash::Sha256, b""),
            Mode::Sound => Mechanism::plain(M::AES_KEY_WRAP),
            Mode::Nonce => Mechanism::gcm(&IV, b"", 128),
            Mode::Raw => Mechanism::plain(M::AES_ECB),
        }
    }

    fn wrap(&mut self, mode: Mode, with: usize, key: usize) -> Result<(), Code> {
        let mechanism = self.mechanism(mode, with);
        let bytes = self.session.wrap(&mechanism, self.handle(with), self.handle(key))?;
        self.wrapped.insert((mode, self.value(with), self.value(key)), bytes);
        Ok(())
    }

    /// One block, or several, with C_Encrypt or C_Decrypt.
    fn block(&self, function: Function, key: u64, input: &[u8]) -> Result<Vec<u8>, Code> {
        self.session.run(function, &Mechanism::plain(M::AES_ECB), key, input)
    }

    fn open(&mut self, mode: Mode, with: usize, inner: Value) -> Result<(), Code> {
        let wrapped = self.wrapped[&(mode, self.value(with), inner)].clone();
        let bytes = self.opened(mode, self.handle(with), &wrapped)?;
        self.known.insert(inner, bytes);
        Ok(())
    }

    /// A wrapped key as C_Decrypt opens it. Key wrap is opened block by block (RFC 3394, 2.2.2), as
    /// on a token that has it for C_UnwrapKey only.
    fn opened(&self, mode: Mode, with: u64, wrapped: &[u8]) -> Result<Vec<u8>, Code> {
        match mode {
            Mode::Raw => return self.block(Function::Decrypt, with, wrapped),
            Mode::Nonce => {
                let gcm = Mechanism::gcm(&IV, b"", 128);
                return self.session.run(Function::Decrypt, &gcm, with, wrapped);
            }
            Mode::Sound => {}
        }
        let mut a = wrapped[..8].to_vec();
        let mut r: Vec<Vec<u8>> = wrapped[8..].chunks(8).map(<[u8]>::to_vec).collect();
        for t in (1..=6 * r.len()).rev() {
            let i = (t - 1) % r.len();
            a[7] ^= t as u8;
            let block = self.block(Function::Decrypt, with, &[&a[..], &r[i]].concat())?;
            (a, r[i]) = (block[..8].to_vec(), block[8..].to_vec());
        }
        assert_eq!(a, [0xa6; 8], "what was wrapped opens");
        Ok(r.concat())
    }

    /// The key stream of a key wrapped with AES-GCM: the blocks that count from 2.
    fn stream(&mut self, with: usize, inner: Value) -> Result<(), Code> {
        let wrapped = self.wrapped[&(Mode::Nonce, self.value(with), inner)].clone();
        let counter = [&IV[..], &[0, 0, 0, 2]].concat();
        let stream = self.block(Function::Encrypt, self.handle(with), &counter)?;
        self.known.insert(inner, xor(&stream, &wrapped));
        Ok(())
    }

    /// The attacker's value wrapped with C_Encrypt alone (RFC 3394, 2.2.1).
    fn forge(&mut self, with: usize) -> Result<(), Code> {
        let place = (Mode::Sound, self.value(with), KNOWN);
        if self.state.keys[with].is_some_and(|key| key.is(PUBLIC)) {
            let oaep = self.mechanism(Mode::Sound, with);
            let wrapped = self.session.run(Function::Encrypt, &oaep, self.handle(with), &OWN)?;
            self.wrapped.insert(place, wrapped);
            return Ok(());
        }
        let mut a = vec![0xa6; 8];
        let mut r: Vec<Vec<u8>> = OWN.chunks(8).map(<[u8]>::to_vec).collect();
        for t in 1..=6 * r.len() {
            let i = (t - 1) % r.len();
            let input = [&a[..], &r[i]].concat();
            let block = self.block(Function::Encrypt, self.handle(with), &input)?;
            (a, r[i]) = (block[..8].to_vec(), block[8..].to_vec());
            a[7] ^= t as u8;
        }
        let wrapped = [a, r.concat()].concat();
        self.wrapped.insert(place, wrapped);
        Ok(())
    }

    fn derive(&mut self, how: How, key: usize, flags: u16) -> Result<Option<u64>, Code> {
        let (session, base) = (self.session, self.handle(key));
        let wanted = merged(&[&self.aes(), &self.template(flags)]);
        match how {
            How::Whole => {
                let zeros = Mechanism::string_data(M::XOR_BASE_AND_DATA, &[0; LEN]);
                session.derive(&zeros, base, &wanted).map(Some)
            }
            How::OneWay => {
                let planted = self.state.derived && self.value(key) == OFFICERS;
                self.made += 1;
                let data = [if planted { 0 } else { self.made }; LEN];
                let encrypt = Mechanism::string_data(M::AES_ECB_ENCRYPT_DATA, &data);
                session.derive(&encrypt, base, &wanted).map(Some)
            }
            How::Piece => {
                let first = || Mechanism::number(M::EXTRACT_KEY_FROM_KEY, 0);
                let value = Some(self.value(key)).filter(|value| !self.known.contains_key(value));
                self.grow(first, base, flags, value).map(|()| None)
            }
            How::OneWayShort => {
                let data = || Mechanism::string_data(M::AES_ECB_ENCRYPT_DATA, &[0; LEN]);
                let planted = self.state.derived && self.value(key) == OFFICERS;
                self.grow(data, base, flags, planted.then_some(PLANTED)).map(|()| None)
            }
        }
    }

    /// Derives keys of one byte, two, three, and guesses the last byte of each by a MAC under it;
    /// nothing is guessed where nobody asks for the value.
    fn grow(
        &mut self,
        mechanism: impl Fn() -> Mechanism,
        base: u64,
        flags: u16,
        value: Option<Value>,
    ) -> Result<(), Code> {
        let session = self.session;
        let hmac = Mechanism::plain(M::SHA256_HMAC);
        let generic = |bytes: &[u8]| keys::secret(KeyType::GENERIC_SECRET, bytes);
        let mut found = Vec::new();
        for len in 1..=if value.is_some() { LEN } else { 1 } {
            let template = [&generic(&[])[..2], &[length(len)], &self.template(flags)].concat();
            let piece = session.derive(&mechanism(), base, &template)?;
            let tag = session.run(Function::Sign, &hmac, piece, b"guess")?;
            session.destroy(piece)?;
            for guess in (0..=255).filter(|_| value.is_some()) {
                let bytes = [&found[..], &[guess]].concat();
                let template = attributes(&session, EXTRACTABLE, false);
                let own = session.create(&merged(&[&generic(&bytes), &template]))?;
                let fits = session.run(Function::Sign, &hmac, own, b"guess")? == tag;
                session.destroy(own)?;
                if fits {
                    found = bytes;
                    break;
                }
            }
        }
        if let Some(value) = value {
            self.known.insert(value, found);
        }
        Ok(())
    }

    fn digest(&self, key: usize) -> Result<(), Code> {
        let session = self.session;
        session.init(Function::Digest, &Mechanism::plain(M::SHA256), 0)?;
        let answer = session.call("C_DigestKey", vec![Arg::Number(self.handle(key))]);
        match answer {
            Ok(()) => session.finish(Function::Digest, Room::Bytes(32)).done().map(|_| ()),
            Err(code) => {
                if session.target.kind == Kind::SoftHsm {
                    session.abandon(Function::Digest);
                }
                Err(code)
            }
        }
    }

    /// What follows without a key of somebody else's: what is wrapped under a known value, and what
    /// was wrapped with the nonce of a known value.
    fn learn(&mut self) {
        loop {
            let mut news = Vec::new();
            for ((mode, outer, inner), bytes) in &self.wrapped {
                if self.known.contains_key(inner) {
                    continue;
                }
                let public = |key: &Key| key.value == *outer && key.is(PUBLIC);
                if let Some(value) = self.known.get(outer)
                    && !self.state.keys.iter().flatten().any(public)
                {
                    let own = self.own(value).expect("a key of one's own");
                    news.push((*inner, self.opened(*mode, own, bytes).expect("it opens")));
                    self.session.destroy(own).expect("one's own key goes");
                }
                for (other, value) in self.known.iter().filter(|_| *mode == Mode::Nonce) {
                    if let Some(beside) = self.wrapped.get(&(Mode::Nonce, *outer, *other)) {
                        news.push((*inner, xor(&xor(bytes, beside), value)));
                    }
                }
            }
            if news.is_empty() {
                return;
            }
            self.known.extend(news);
        }
    }
}

fn length(len: usize) -> Attribute {
    Attribute::number(A::VALUE_LEN, len as u64)
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

/// Every attribute that the flags say something of; all such keys sign.
fn attributes(session: &Session<'_>, flags: u16, on_token: bool) -> Vec<Attribute> {
    let said = ATTRIBUTES.into_iter().filter(|(flag, _)| *flag != TRUSTED || flags & TRUSTED != 0);
    let said = said.filter(|(flag, id)| {
        // True by default, and SoftHSM2 does not take it in every template.
        session.target.kind != Kind::SoftHsm || *id != A::MODIFIABLE || flags & flag == 0
    });
    let mut template: Vec<_> =
        said.map(|(flag, id)| Attribute::flag(id, flags & flag != 0)).collect();
    template.extend([
        Attribute::flag(A::TOKEN, on_token),
        Attribute::flag(A::PRIVATE, true),
        Attribute::flag(A::SIGN, true),
    ]);
    template
}

fn change(set: u16, clear: u16) -> Vec<Attribute> {
    let named = ATTRIBUTES.into_iter().filter(|(flag, _)| (set | clear) & flag != 0);
    named.map(|(flag, id)| Attribute::flag(id, set & flag != 0)).collect()
}
